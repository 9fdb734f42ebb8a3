"""Templates that people bring: a file of their own, thinking ones, ones that garble a conversation; what they are told then."""

import re
from pathlib import Path

import pytest
import trl
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from builder.model_stages import with_template
from schemas.errors import InputError, RecipeError, TrainingError
from schemas.records import Turn
from schemas.training import EvaluateSection, TrainSection
from tests.tiny_models import (
    THINKING_TEMPLATE,
    a_pair,
    chat_tokenizer,
    facts,
    gemma_tokenizer,
    ignore,
    plain_tokenizer,
    saved,
    thinking_tokenizer,
)
from trainer.chat import Chat
from trainer.evaluate import evaluate
from trainer.guards import label_problem
from trainer.rows import IGNORED, check_pairs, pair_rows
from trainer.sft import train
from trainer.templates import choose_template

LEAVE = (Turn(role="user", content="Do I get leave?"), Turn(role="assistant", content="Yes, you do."))
DATES = Turn(role="user", content="From when on?"), Turn(role="assistant", content="At once.")
SAID = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{{ eos_token if m['role'] == 'assistant' }}\n{% endfor %}"
ASKED = "{% if add_generation_prompt %}[assistant] {% endif %}"


def _tokenizer(template, **special):
    tokenizer = plain_tokenizer(extra_special_tokens=["<|im_start|>", "<|im_end|>"], **special)
    tokenizer.chat_template = template
    return tokenizer


def _file(folder, text):
    path = folder / "mine.jinja"
    path.write_text(text)
    return str(path)


def _talk(pair, *turns):
    return pair.model_copy(update={"history": turns})


def test_a_jinja_file_is_the_template_and_is_saved_with_the_model(tmp_path):
    template = choose_template(plain_tokenizer(), _file(tmp_path, SAID + ASKED))

    assert template.name == "custom"
    assert template.prompt_text("Who?", "a text") == "[user] Who?\n\na text\n[assistant] "
    template.tokenizer.save_pretrained(tmp_path / "saved")
    again = choose_template(AutoTokenizer.from_pretrained(tmp_path / "saved"))
    assert again.prompts([("Who?", "")]) == template.prompts([("Who?", "")])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("line one\n{% for m in messages %}\n{% endfo %}", r"mine\.jinja, line 3: .*endfo"),
        ("line one\n{{ messages[0].content.nothing() }}", r"mine\.jinja, line 2: .*nothing"),
        ("\n\n{{ raise_exception('only for cats') }}", r"mine\.jinja, line 3: only for cats"),
        ("{{ ''.__class__.__mro__ }}" + SAID + ASKED, r"mine\.jinja, line 1: access to attribute '__class__' .*unsafe"),
        ("   \n", "is empty"),
        (SAID.replace("{{ m['content'] }}", "") + ASKED, "writes the question 0 times"),
        (SAID.replace("{{ m['content'] }}", "{{ m['content'] }} ({{ m['content'] }})") + ASKED, "writes the question 2 times"),
        ("{{ bos_token }}{{ bos_token }}" + SAID + ASKED, "begins with two begin tokens"),
        (SAID.replace("eos_token", "'<|finish|>'") + ASKED, r"ends an answer with <\|finish\|>, which is no token"),
        ("{{ messages | length }} turns\n" + SAID + ASKED, "nobody can tell where the answer begins; .*'1 turns"),
    ],
)
def test_an_unfit_jinja_file_is_refused_with_its_line_or_with_what_it_does(tmp_path, text, told):
    """P14, P15, P44, P53: before a row is made."""
    tokenizer = plain_tokenizer(bos_token="<|im_start|>")

    with pytest.raises(InputError, match=told) as caught:
        choose_template(tokenizer, _file(tmp_path, text))

    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="give the path of a Jinja file"):
        choose_template(plain_tokenizer(), str(tmp_path / "no.jinja"))
    with pytest.raises(ValueError, match=r"auto, chat, alpaca, plain, or the path"):
        TrainSection(template="alpacca")


def test_the_default_of_several_templates_is_taken():
    tokenizer = chat_tokenizer()
    tokenizer.chat_template = {"tool_use": "no", "default": chat_tokenizer().chat_template}

    assert choose_template(tokenizer).prompt_text("Who?") == "<|user|>Who?<|end|><|assistant|>"


def test_plain_questions_and_answers_have_no_preamble():
    template = choose_template(plain_tokenizer(), "plain", system="Be brief.")

    (row,) = pair_rows([_talk(a_pair("How much?", "30 days.", input="Here."), *LEAVE)], template)

    assert template.tokenizer.decode(row.input_ids) == (
        "Be brief.\n\nQuestion:\nDo I get leave?\n\nAnswer:\nYes, you do.<|endoftext|>"
        "\n\nQuestion:\nHow much?\n\nHere.\n\nAnswer:\n30 days.<|endoftext|>"
    )
    assert choose_template(template.tokenizer).name == "plain"


SYSTEMS = ["Be brief.", 'Say "no" \\ and\nnothing {% else %} }} than that: é 漢 🙂', " spaced "]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("maker", [chat_tokenizer, plain_tokenizer, thinking_tokenizer])
def test_a_system_turn_stands_before_every_conversation_and_is_saved_with_the_template(maker, system, tmp_path):
    bare = choose_template(maker()).prompt_text("How much?", "", LEAVE)

    template = choose_template(maker(), system=system)

    text = template.prompt_text("How much?", "", LEAVE)
    assert text.count(system) == 1
    assert text.index(system) < text.index("Do I get leave?")
    assert template.system == system
    template.tokenizer.save_pretrained(tmp_path)
    again = choose_template(AutoTokenizer.from_pretrained(tmp_path))
    assert (again.system, again.prompt_text("How much?", "", LEAVE)) == (system, text)
    given = [{"role": "system", "content": "Other."}, {"role": "user", "content": "Who?"}]
    assert system not in again.tokenizer.apply_chat_template(given, tokenize=False)
    assert choose_template(again.tokenizer, system="Else.").system == "Else."
    assert (
        bare.replace("Below is an instruction that describes a task. Write a response that appropriately completes the request.", "")
        in text
    )


def test_a_template_without_room_for_a_system_turn_says_so():
    with pytest.raises(InputError, match=r"System role not supported; leave train\.system empty"):
        choose_template(gemma_tokenizer(), system="Be brief.")
    with pytest.raises(InputError, match="leaves out the system turn"):
        choose_template(_tokenizer("{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}"), system="Be brief.")


def test_whoever_reads_the_saved_thinking_template_gets_the_prompt_of_the_training(tmp_path):
    """P51: the thought is closed in the prompt, and no program has to know that it was."""
    template = choose_template(thinking_tokenizer())
    template.tokenizer.save_pretrained(tmp_path)

    elsewhere = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        [{"role": "user", "content": "Who?"}], tokenize=False, add_generation_prompt=True
    )

    assert elsewhere == template.prompt_text("Who?")
    assert elsewhere.endswith("<think>\n\n</think>\n\n")
    assert "<think>" not in template.prompt_text("How much?", "", LEAVE)[:-40]
    assert template.lead == ""


REASONING = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' and loop.last %}"
    "{{ '<think>\\n' + (m.reasoning_content or '') + '\\n</think>\\n\\n' }}{% endif %}{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)
OPENED = THINKING_TEMPLATE.partition("{% if m.role == 'assistant'")[0] + (
    "{{ m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)
CHANNELS = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role }}{% if m.role == 'assistant' %}{{ ' to final:' }}{% endif %}"
    "{{ m.content + '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant' }}{% endif %}"
)


DATED = (
    "{%- if not date_string is defined %}{%- if strftime_now is defined %}{%- set date_string = strftime_now('%d %b %Y') %}"
    "{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}{%- endif %}{{ 'Today Date: ' + date_string + '\n' }}"
    '{% for m in messages %}{{ m.role + strftime_now("%Y") + ": " + m.content + eos_token }}{% endfor %}'
    "{% if add_generation_prompt %}{{ 'assistant' + strftime_now('%Y') + ': ' }}{% endif %}"
)


def test_a_template_that_asks_for_the_day_gets_the_same_one_on_every_day(tmp_path):
    tokenizer = chat_tokenizer()
    tokenizer.chat_template = DATED
    template = choose_template(tokenizer, system="Be brief.")

    tokenizer.save_pretrained(tmp_path)
    saved = AutoTokenizer.from_pretrained(tmp_path)
    read = saved.apply_chat_template([{"role": "user", "content": "Why?"}], tokenize=False, add_generation_prompt=True)
    again = choose_template(saved)

    end = tokenizer.eos_token
    assert template.prompt_text("Why?") == f"Today Date: 26 Jul 2024\nsystem2024: Be brief.{end}user2024: Why?{end}assistant2024: " == read
    assert str(again.tokenizer.chat_template) == str(tokenizer.chat_template)  # it is written in once


@pytest.mark.parametrize(
    ("text", "trained"),
    [
        (REASONING, "\n</think>\n\nIt is 30 days.<|im_end|>"),
        (OPENED, "\n</think>\n\nIt is 30 days.<|im_end|>"),
        (CHANNELS, " to final:It is 30 days.<|im_end|>"),
    ],
)
def test_what_a_template_puts_before_every_answer_is_learnt_but_is_no_part_of_the_answer(text, trained):
    """P51: a prompt that opens a thought is answered by closing it, as every server will ask for it."""
    template = choose_template(_tokenizer(text))
    pair = _talk(a_pair("How much?", "It is 30 days."), *LEAVE)

    (row,) = pair_rows([pair], template)

    check_pairs([pair], template)
    kept = [label for label in row.labels if label != IGNORED]
    assert template.tokenizer.decode(kept) == trained
    assert template.decode(kept) == "It is 30 days."
    assert label_problem(row.input_ids, row.labels, template, raw=False) == ""


def test_a_template_that_shows_a_longer_conversation_otherwise_refuses_those_pairs_by_name():
    """P53: the mask of these rows would be wrong, that of the others is not."""
    forgetful = (
        "{% for m in messages[-3:] %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )
    template = choose_template(_tokenizer(forgetful))
    short, long = a_pair("How much?", "30 days."), _talk(a_pair("How long?", "A year."), *LEAVE, *DATES)

    check_pairs([short, *facts()], template)
    with pytest.raises(TrainingError, match="writes otherwise") as caught:
        check_pairs([short, long, *facts()], template)

    assert long.id in str(caught.value)
    assert short.id not in str(caught.value)


def test_turns_out_of_order_are_refused_by_name_before_a_template_fails_on_them():
    """P27, P131: the last turn before the question is the assistant's, and every question has its answer."""
    twice = _talk(a_pair("How much?", "30 days."), LEAVE[0])
    prefill = _talk(a_pair("How long?", "A year."), LEAVE[1], LEAVE[0])

    with pytest.raises(TrainingError, match="do not change between user and assistant in 2 pairs") as caught:
        check_pairs([*facts(), twice, prefill], choose_template(gemma_tokenizer()))

    assert twice.id in str(caught.value)
    assert prefill.id in str(caught.value)


SHIPPED = sorted(Path(trl.__file__).parent.glob("chat_templates/*.jinja"))
PICTURES = {"idefics3", "llava_next", "smolvlm"}  # their content is a list of parts, not text


@pytest.fixture(scope="module")
def markers():
    """A tokenizer that has the markers of every template that TRL ships."""
    found = {
        mark for path in SHIPPED for mark in re.findall(r"<[|｜][^<>\s'\"]+?[|｜]>|</?\w+_of_turn>|<turn[|]>|<[|]turn>", path.read_text())
    }
    backend = chat_tokenizer().backend_tokenizer
    backend.add_special_tokens(["<s>", "</s>", *sorted(found)])
    backend.add_tokens(["<think>", "</think>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize(
    "path", [path for path in SHIPPED if path.stem.removesuffix("_training") not in PICTURES], ids=lambda path: path.stem
)
def test_the_templates_of_real_models_are_rendered_with_and_without_history_and_every_row_ends(markers, path):
    """P42, P45, P46, P51, P53: Llama, Qwen, Gemma, DeepSeek, GPT-OSS, GLM and the others, with thinking and without."""
    markers.chat_template = path.read_text()
    template = choose_template(markers)
    pairs = [*facts()[:2], _talk(a_pair("How much?", "It is 30 days."), *LEAVE), _talk(a_pair("How long?", "A year."), *LEAVE, *DATES)]

    check_pairs(pairs, template)

    for pair, row in zip(pairs, pair_rows(pairs, template), strict=True):
        kept = [label for label in row.labels if label != IGNORED]
        assert label_problem(row.input_ids, row.labels, template, raw=False) == ""
        assert template.decode(kept) == pair.output
        assert template.tokenizer.decode(row.input_ids[: -len(kept)]) == template.prompt_text(pair.instruction, "", pair.history)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_template_for_pictures_is_refused(markers, name):
    markers.chat_template = (SHIPPED[0].parent / f"{name}.jinja").read_text()

    with pytest.raises(InputError, match="the model's chat template"):
        choose_template(markers)


def test_a_marker_that_is_plain_text_is_refused_too():
    """P14: Llama 2's and Mistral's [/INST] are no tokens."""
    template = choose_template(
        _tokenizer(
            "{% for m in messages %}{{ '[INST] ' + m.content + ' [/INST]' if m.role == 'user' else ' ' + m.content + eos_token }}{% endfor %}"
        )
    )
    inside = a_pair("[INST] How much? [/INST]", "30 days.")

    with pytest.raises(TrainingError, match=inside.id):
        check_pairs([*facts(), inside], template)
    (row,) = pair_rows(facts()[:1], template)
    assert template.decode([label for label in row.labels if label != IGNORED]) == facts()[0].output


def _spaced_tokenizer():
    """Make a tokenizer like Llama 2's: what it reads begins with a space, which a line break before it makes unnecessary."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.pre_tokenizer = pre_tokenizers.Split("\n", "isolated")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    learner = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>", "</s>"], show_progress=False)
    backend.train_from_iterator([f"Question:\n{pair.instruction}\n\nAnswer:\n{pair.output}" for pair in facts()], learner)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")


@pytest.mark.parametrize("maker", [_spaced_tokenizer, chat_tokenizer, plain_tokenizer, gemma_tokenizer])
def test_a_response_is_tokenized_as_it_stands_behind_its_prompt(maker):
    """P20: a space that a tokenizer puts before every text would be learnt as the beginning of every answer."""
    template = choose_template(maker(), "auto" if maker().chat_template else "plain")
    pair = facts()[0]

    (row,) = pair_rows([pair], template)

    together = template.encode([template.prompt_text(pair.instruction) + pair.output])[0]
    assert row.input_ids == [*together, template.end]
    assert template.decode(row.input_ids[-row.trained :]) == pair.output


def test_text_that_already_holds_a_prompt_is_refused():
    """P14: the template would be added around a prompt that stands there already."""
    rendered = choose_template(plain_tokenizer()).prompt_text("How much?")
    inside = a_pair(rendered, "30 days.")

    with pytest.raises(TrainingError, match="as if the prompt stood there twice") as caught:
        check_pairs([*facts(), inside], choose_template(plain_tokenizer()))

    assert inside.id in str(caught.value)
    check_pairs([*facts(), a_pair("What does the heading Response: mean?", "An answer.")], choose_template(plain_tokenizer()))


def test_a_template_without_end_token_gets_one_in_the_loss():
    """P43: the answers of the saved model would never stop."""
    template = choose_template(_tokenizer("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}assistant: "))

    (row,) = pair_rows(facts()[:1], template)

    assert row.labels[-1] == template.end == template.tokenizer.eos_token_id


def test_all_that_is_wrong_is_told_at_once_each_pair_once():
    blank, control = a_pair("Why?", " <|end|> "), a_pair("Who <|user|>?", "He.")
    empty = blank.model_copy(update={"output": "  ", "id": "pair-empty"})

    with pytest.raises(TrainingError) as caught:
        check_pairs([*facts(), blank, control, empty], choose_template(chat_tokenizer()))

    assert str(caught.value) == (
        f"a blank response in 1 pair: pair-empty; drop them; "
        f"control tokens of the model in 2 pairs: {blank.id}, {control.id}; remove the tokens or drop the pairs"
    )


@pytest.mark.slow
def test_a_file_and_a_system_turn_go_from_the_recipe_through_training_into_every_later_prompt(tmp_path):
    """P51, P107: whoever loads the tuned folder, in a chat or in an evaluation, asks as it was trained."""
    pairs = [a_pair(f"Colour of the {tool}?", "Red.") for tool in ("lathe", "drill", "press")]
    base = saved(tmp_path / "base", "llama", plain_tokenizer())
    section = TrainSection(template=_file(tmp_path, SAID + ASKED), system="Be brief.", epochs=30, batch_tokens=512, learning_rate=1e-2)

    figures = train(pairs, [], [], base=base, section=section, seed=0, folder=tmp_path / "tuned", progress=ignore)

    assert figures["template"] == "custom"
    asked = AutoTokenizer.from_pretrained(tmp_path / "tuned").apply_chat_template(
        [{"role": "user", "content": pairs[0].instruction}], tokenize=False, add_generation_prompt=True
    )
    assert asked == f"[system] Be brief.\n[user] {pairs[0].instruction}\n[assistant] "
    assert Chat(tmp_path / "tuned").answer(pairs[0].instruction, max_new_tokens=12) == "Red."
    models = {"base": base, "tuned": tmp_path / "tuned"}
    tables, _ = evaluate({"test": pairs}, models=models, section=EvaluateSection(), progress=ignore)
    assert tables["sets"]["test"]["overall"]["tuned"]["exact_match"] == 1


def test_another_text_of_a_template_file_is_another_training(tmp_path):
    section = TrainSection(template="mine.jinja")
    with pytest.raises(RecipeError, match="cannot be read"):
        with_template(section, tmp_path)
    _file(tmp_path, SAID)

    found, reads = with_template(section, tmp_path)

    assert found.template == str(tmp_path / "mine.jinja")
    assert reads == {"template": SAID}
    assert with_template(TrainSection(), tmp_path) == (TrainSection(), {})
