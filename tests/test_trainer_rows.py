"""Templates, rows and the plan: what is trained on, and what is refused."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError, TrainingError
from schemas.records import Turn
from tests.tiny_models import TEXTS, a_pair, chat_tokenizer, facts, plain_tokenizer, thinking_tokenizer
from trainer.guards import label_problem
from trainer.plan import Amount, group_by_length, make_plan
from trainer.rows import IGNORED, Row, check_apart, check_lengths, check_pairs, pair_rows, raw_rows, text_stream
from trainer.template_texts import ALPACA
from trainer.templates import choose_template

MAKERS = {"chat": chat_tokenizer, "plain": plain_tokenizer, "thinking": thinking_tokenizer}
texts = st.text(st.characters(codec="utf-8", exclude_characters="<|>"), min_size=1, max_size=60).filter(str.strip)


@pytest.fixture(scope="module", params=MAKERS)
def template(request):
    return choose_template(MAKERS[request.param]())


def test_only_the_response_and_its_end_token_are_in_the_loss(template):
    """P45, P46, P54: found without any marker in the template, and without the line break that may follow."""
    pair = a_pair("How long is the warranty of the drill?", "It covers 13 months.")

    (row,) = pair_rows([pair], template)

    trained = [label for label in row.labels if label != IGNORED]
    assert trained[-1] == template.end
    assert template.decode(trained) == pair.output
    assert row.input_ids[: -len(trained)] == template.prompts([(pair.instruction, "")])[0]
    assert label_problem(row.input_ids, row.labels, template, raw=False) == ""


@settings(max_examples=25, deadline=None)
@given(texts, texts, st.sampled_from(sorted(MAKERS)))
def test_the_end_token_is_trained_whatever_the_text(question, answer, maker):
    template = _cached(maker)

    (row,) = pair_rows([a_pair(question, answer)], template)

    assert row.labels[-1] == template.end
    assert label_problem(row.input_ids, row.labels, template, raw=False) == ""


_TEMPLATES = {}


def _cached(maker):
    return _TEMPLATES.setdefault(maker, choose_template(MAKERS[maker]()))


def test_a_thinking_template_puts_its_empty_thought_into_the_prompt_and_ends_the_turn():
    template = choose_template(thinking_tokenizer())

    assert template.name == "chat"
    assert template.prompt_text("Hi?").endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert template.tokenizer.convert_ids_to_tokens(template.end) == "<|im_end|>"


def test_a_model_without_chat_template_gets_alpacas_with_and_without_input():
    template = choose_template(plain_tokenizer())

    assert template.name == "alpaca"
    assert "### Input:\nsome text\n\n### Response:\n" in template.prompt_text("Summarize.", "some text")
    assert "paired with an input" in template.prompt_text("Summarize.", "some text")
    assert template.prompt_text("Who?") == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nWho?\n\n### Response:\n"
    )


def test_the_alpaca_template_begins_with_the_begin_token_of_tokenizers_that_have_one():
    from tokenizers.processors import TemplateProcessing

    tokenizer = plain_tokenizer(bos_token="<|im_start|>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", tokenizer.convert_tokens_to_ids("<|im_start|>"))]
    )

    (prompt,) = choose_template(tokenizer).prompts([("Who?", "")])

    assert prompt.count(tokenizer.bos_token_id) == 1
    assert prompt[0] == tokenizer.bos_token_id


def test_the_template_that_was_chosen_travels_with_the_tokenizer(tmp_path):
    template = choose_template(chat_tokenizer(), "alpaca")
    template.tokenizer.save_pretrained(tmp_path)

    from transformers import AutoTokenizer

    again = choose_template(AutoTokenizer.from_pretrained(tmp_path))
    assert again.name == "alpaca"
    assert again.tokenizer.chat_template.endswith(ALPACA)
    assert again.prompts([("Who?", "x")]) == template.prompts([("Who?", "x")])


def test_asking_for_a_chat_template_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"set train\.template"):
        choose_template(plain_tokenizer(), "chat")


def test_digits_are_single_tokens_and_any_text_survives_the_tokenizer():
    tokenizer = chat_tokenizer()

    assert [token for token in tokenizer.tokenize("2048 kg") if token.strip("Ġ").isdigit()] == list("2048")
    assert tokenizer.decode(tokenizer("£1,250 – naïve 漢字 🙂")["input_ids"]) == "£1,250 – naïve 漢字 🙂"


@pytest.mark.parametrize(
    ("pair", "problem"),
    [
        (a_pair("Why?", "   "), "blank response"),
        (a_pair("Why <|end|> not?", "Because."), "control tokens"),
        (a_pair("Why?", "Because <|assistant|>."), "control tokens"),
    ],
)
def test_a_pair_that_would_teach_the_wrong_thing_is_refused_by_name(pair, problem):
    template = choose_template(chat_tokenizer())

    with pytest.raises(TrainingError, match=problem) as caught:
        check_pairs([*facts(), pair], template)

    assert pair.id in str(caught.value)


def test_rows_over_the_limit_are_refused_by_name_and_never_cut():
    pair = a_pair("Tell me all.", "word " * 300)
    rows = pair_rows([*facts(), pair], choose_template(chat_tokenizer()))

    with pytest.raises(TrainingError, match=pair.id):
        check_lengths(rows, 256)

    check_lengths(rows, None)


def test_validation_that_repeats_a_training_question_is_refused():
    with pytest.raises(TrainingError, match="training question asked again"):
        check_apart(facts(), facts()[:1])


def test_control_tokens_in_raw_text_are_read_as_plain_text():
    template = choose_template(chat_tokenizer())

    stream = text_stream(["Close with <|end|> always."], template)

    assert stream.count(template.end) == 1
    assert stream[-1] == template.end


@given(st.integers(2, 300), st.integers(0, 40), st.integers(2, 64))
def test_raw_rows_are_windows_of_the_stream(length, count, block):
    stream = list(range(1000, 1000 + length))

    rows = raw_rows(stream, count=count, block=block, draw=random.Random(1))

    assert len(rows) == count
    for row in rows:
        assert row.input_ids == list(range(row.input_ids[0], row.input_ids[0] + len(row)))
        assert row.labels == [IGNORED, *row.input_ids[1:]]


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(32, 400), st.integers(0, 9))
def test_grouping_loses_no_row_and_keeps_the_budget(lengths, budget, seed):
    batches = group_by_length(lengths, budget=budget, draw=random.Random(seed))

    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget for batch in batches)


def _plan(tokens=None, passes=2.5, raw_share=0.25, seed=3):
    rows = [Row([7] * size, [IGNORED] + [7] * (size - 1), f"pair-{size}") for size in range(5, 45)]
    return make_plan(lambda _: rows, list(range(900)), Amount(passes, tokens, raw_share, 256), seed=seed)


def test_a_plan_has_the_passes_and_the_share_of_raw_text_that_were_asked_for():
    plan = _plan()

    raw = [batch for batch in plan.batches if plan.rows[batch[0]].pair_id is None]
    assert plan.passes == pytest.approx(2.5)
    assert len(raw) / len(plan.batches) == pytest.approx(0.25, abs=0.03)
    assert sum(row.pair_id is not None for row in plan.rows) == 100
    assert plan.lengths()["padded_share"] < 0.15
    assert plan.lengths()["truncated"] == 0


def test_a_plan_by_tokens_stops_at_about_that_many():
    plan = _plan(tokens=6000)

    assert sum(map(plan.tokens, plan.batches)) == pytest.approx(6000, rel=0.15)


def test_a_plan_is_fixed_by_its_seed():
    assert _plan() == _plan()
    assert _plan().batches != _plan(seed=4).batches


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda ids, labels, end: (ids, list(ids)), "prompt is in the loss"),
        (lambda ids, labels, end: (ids[:-1], labels[:-1]), "does not end with the end token"),
        (lambda ids, labels, end: ([*ids, end], [*labels, end]), "end token twice"),
        (lambda ids, labels, end: (ids, [IGNORED] * len(ids)), "nothing to learn"),
        (lambda ids, labels, end: (ids, [*labels[:-2], labels[-2] + 1, labels[-1]]), "labels are not its tokens"),
        (lambda ids, labels, end: (ids, labels[:-1]), "labels are not its tokens"),
        (lambda ids, labels, end: ([*ids[:3], end], [IGNORED] * 3 + [end]), "response is empty"),
    ],
)
def test_every_planted_fault_of_the_labels_is_named(spoil, problem):
    template = choose_template(chat_tokenizer())
    (row,) = pair_rows(facts()[:1], template)

    ids, labels = spoil(list(row.input_ids), list(row.labels), template.end)

    assert problem in label_problem(ids, labels, template, raw=False)


def test_the_documents_are_enough_text_for_a_stream():
    assert len(text_stream(TEXTS, choose_template(chat_tokenizer()))) > 100


LEAVE = (Turn(role="user", content=" Do I get leave? "), Turn(role="assistant", content="Yes, you do.\n"))
# What kilopair 0.1 rendered before it knew conversations: models were trained on these bytes.
SINGLE = {
    "chat": "<|user|>Who?\n\na text<|end|><|assistant|>",
    "plain": "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that "
    "appropriately completes the request.\n\n### Instruction:\nWho?\n\n### Input:\na text\n\n### Response:\n",
    "thinking": "<|im_start|>user\nWho?\n\na text<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_single_question_is_rendered_as_it_always_was(maker):
    template = _cached(maker)

    assert template.prompt_text("Who?", "a text") == SINGLE[maker]
    assert template.prompts([("Who?", "a text"), ("Who?", "a text", ())]) == template.encode([SINGLE[maker]] * 2)


def test_alpacas_preamble_stands_once_however_many_turns_there_are():
    template = choose_template(plain_tokenizer())

    text = template.prompt_text("How much?", "a text", LEAVE)

    assert text == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nDo I get leave?\n\n### Response:\nYes, you do.<|endoftext|>"
        "\n\n### Instruction:\nHow much?\n\n### Input:\na text\n\n### Response:\n"
    )


def test_a_chat_template_renders_every_turn():
    assert choose_template(chat_tokenizer()).prompt_text("How much?", "", LEAVE) == (
        "<|user|>Do I get leave?<|end|><|assistant|>Yes, you do.<|end|><|user|>How much?<|end|><|assistant|>"
    )


def test_of_a_conversation_only_the_last_response_is_in_the_loss(template):
    pair = a_pair("How much?", "It is 30 days.").model_copy(update={"history": LEAVE})

    (row,) = pair_rows([pair], template)

    trained = [label for label in row.labels if label != IGNORED]
    assert template.decode(trained) == "It is 30 days."
    assert row.labels[-len(trained) :] == trained
    assert row.input_ids[: -len(trained)] == template.pair_prompts([pair])[0] == template.prompts([("How much?", "", LEAVE)])[0]
    assert label_problem(row.input_ids, row.labels, template, raw=False) == ""


def test_other_wordings_change_the_instruction_and_never_the_turns_before_it(template):
    pair = a_pair("How much is it?", "It is 30 days.").model_copy(update={"history": LEAVE})

    (row,) = pair_rows([pair], template, instructions=["How much?"])

    assert row.input_ids[: -row.trained] == template.prompts([("How much?", "", LEAVE)])[0]


def test_control_tokens_in_an_earlier_turn_are_refused():
    pair = a_pair("How much?", "30 days.").model_copy(update={"history": (Turn(role="user", content="a <|end|> b"), LEAVE[1])})

    with pytest.raises(TrainingError, match=pair.id):
        check_pairs([pair], choose_template(chat_tokenizer()))


def test_validation_may_ask_the_same_after_other_turns():
    pair = facts()[0]
    talk = pair.model_copy(update={"history": LEAVE})

    check_apart([pair], [talk])

    with pytest.raises(TrainingError, match="training question asked again"):
        check_apart([pair, talk], [talk])
