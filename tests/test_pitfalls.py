"""What silently ruins a fine-tune elsewhere cannot happen here: one test or more for each pitfall of docs/pitfalls.md, by its number."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset
from peft import PeftModel
from tokenizers.processors import TemplateProcessing
from transformers import get_scheduler

from builder.curation.importing import pairs_of
from builder.recipe_file import load_recipe
from schemas.errors import InputError, RecipeError, TrainingError
from schemas.records import Dropped, Pair
from schemas.training import TrainSection
from tests.tiny_models import a_pair, chat_tokenizer, facts, gemma_tokenizer, ignore, plain_tokenizer, saved, tiny_model
from trainer.adapters import adapt
from trainer.batches import collate
from trainer.generate import generate
from trainer.guards import check_batch, check_labels, check_model
from trainer.plan import Amount, make_plan
from trainer.problems import too_long
from trainer.rows import IGNORED, check_apart, check_lengths, check_pairs, pair_rows
from trainer.settings import resolve
from trainer.sft import train
from trainer.sft_trainer import Job, build
from trainer.templates import choose_template

TURN = {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "He."}


@pytest.fixture(scope="module")
def template():
    return choose_template(chat_tokenizer())


@pytest.fixture(scope="module")
def trainer(template, tmp_path_factory):
    section, rows = TrainSection(epochs=3, batch_tokens=256, learning_rate=1e-3), pair_rows(facts(), template)
    plan = make_plan(lambda _: rows, [], Amount(3, None, 0.0, 256), seed=0)
    job = Job(
        tiny_model("llama", template.tokenizer),
        template,
        section,
        resolve(section, embedded=False, parameters=1),
        0,
        tmp_path_factory.mktemp("run"),
    )
    return build(job, plan, []), plan


def _prepared(rows, *, dtype=torch.float32, **changed):
    columns = {"input_ids": [row.input_ids for row in rows], "labels": [row.labels for row in rows], **changed}
    weight = torch.nn.Parameter(torch.zeros(2, dtype=dtype))
    return SimpleNamespace(train_dataset=Dataset.from_dict(columns), model=SimpleNamespace(parameters=lambda: [weight]))


def test_a_long_row_is_refused_by_name_whether_prompt_or_response_is_long(template):
    """P1, P2, P3, P7, P36: nothing is cut, nothing is left out, however long."""
    answer, question = a_pair("Why?", "word " * 200), a_pair("word " * 200, "So.")
    huge = a_pair("All?", "letters " * 20_000)
    rows = pair_rows([*facts(), answer, question, huge], template)

    with pytest.raises(TrainingError, match="more than 128 tokens in 3 pairs") as caught:
        check_lengths(rows, 128)

    assert all(pair.id in str(caught.value) for pair in (answer, question, huge))


def test_the_models_context_is_a_limit_even_where_the_recipe_allows_more(tmp_path):
    """P4, P72: positions that the model never learnt would be trained on; validation pairs are bound by it too."""
    base = saved(tmp_path / "base", "llama", chat_tokenizer(), max_position_embeddings=64)
    long = a_pair("Tell me all.", "halls and warranties " * 20)

    for pairs, validation in (([*facts(), long], []), (facts(), [long])):
        with pytest.raises(TrainingError, match=f"more than 64 tokens in 1 pair: {long.id}"):
            train(pairs, validation, [], base=base, section=TrainSection(max_length=4096), seed=0, folder=tmp_path / "t", progress=ignore)

    assert not list(too_long([("pair-1", 4096)], None))


def test_no_pairs_is_said(tmp_path):
    """P3, P25."""
    with pytest.raises(InputError, match="no pairs to train on"):
        train([], [], [], base="nothing", section=TrainSection(), seed=0, folder=tmp_path, progress=ignore)


def test_a_row_that_the_library_left_out_is_an_error(template):
    """P2: the trainer must keep every row."""
    rows = pair_rows(facts(), template)

    with pytest.raises(TrainingError, match=f"kept {len(rows) - 1} of {len(rows)} rows"):
        check_labels(_prepared(rows[1:]), rows, template)


def test_a_row_without_a_trained_token_is_an_error(template):
    """P5: its loss is 0.0, which looks like success."""
    rows = pair_rows(facts()[:1], template)

    with pytest.raises(TrainingError, match="nothing to learn"):
        check_labels(_prepared(rows, labels=[[IGNORED] * len(rows[0])]), rows, template)


def test_a_prompt_in_the_loss_is_an_error(template):
    """P6, P8, P9, P12, P13, P40, P41, P55: whatever made the labels, they may not cover the question."""
    rows = pair_rows(facts()[:2], template)

    with pytest.raises(TrainingError, match=f"{rows[0].pair_id}: its prompt is in the loss"):
        check_labels(_prepared(rows, labels=[row.input_ids for row in rows]), rows, template)


def test_labels_that_are_not_the_tokens_are_an_error(template):
    """P10: a column that happens to be named labels would be the target."""
    rows = pair_rows(facts()[:1], template)

    with pytest.raises(TrainingError, match="labels are not its tokens"):
        check_labels(_prepared(rows, labels=[list(range(len(rows[0])))]), rows, template)


def test_a_response_without_its_end_token_is_an_error(template):
    """P1, P11, P42, P43: it would never learn to stop."""
    rows = pair_rows(facts()[:1], template)
    cut = [[*rows[0].labels[:-1], IGNORED]]

    with pytest.raises(TrainingError, match="does not end with the end token"):
        check_labels(_prepared(rows, labels=cut), rows, template)


def test_the_library_is_given_tokens_and_labels_and_nothing_to_choose_from(trainer):
    """P8, P9, P10, P11, P12, P13, P32: no other column, no function, no mask that it could prefer or ignore."""
    built, plan = trainer

    assert built.train_dataset.column_names == ["input_ids", "labels"]
    assert [row["labels"] for row in built.train_dataset] == [row.labels for row in plan.rows]
    assert built.eval_dataset is None


def test_the_batches_have_the_labels_of_the_rows_and_the_order_of_the_plan(trainer):
    """P38, P40: no collator makes labels of its own, no sampler of the library decides the order."""
    built, plan = trainer

    for batch, places in zip(built.get_train_dataloader(), plan.batches, strict=True):
        for ids, labels, place in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), places, strict=True):
            row = plan.rows[place]
            assert (ids[: len(row)], labels[: len(row)]) == (row.input_ids, row.labels)
            assert set(labels[len(row) :]) <= {IGNORED}


def _other_labels(built, change):
    """Return a trainer whose batches get other labels, as a collator of somebody else's would make them."""

    def collated(rows):
        batch = built._collate(rows)
        return {**batch, "labels": change(batch["labels"].clone(), batch["input_ids"])}

    rows = built.get_train_dataloader()
    return SimpleNamespace(
        get_train_dataloader=lambda: [collated([rows.dataset[index] for index in batch]) for batch in rows.batch_sampler]
    )


def test_a_batch_whose_labels_were_made_anew_is_an_error(trainer, template):
    """P40, P48: by a collator that learns the prompt too, or takes every padding token out of the loss, and with it the end."""
    built, _ = trainer
    check_batch(built, template)

    with pytest.raises(TrainingError, match="prompt is in the loss"):
        check_batch(_other_labels(built, lambda _, ids: ids), template)
    with pytest.raises(TrainingError, match="does not end with the end token"):
        check_batch(_other_labels(built, lambda labels, _: labels.masked_fill(labels == template.end, IGNORED)), template)


def test_a_pad_token_that_is_the_end_token_hides_nothing():
    """P48: padding is masked by its place, not by its token."""
    template = choose_template(plain_tokenizer(pad_token="<|endoftext|>"))
    short, long = (pair_rows([a_pair("Why?", answer)], template)[0] for answer in ("So.", "Because of many other things."))

    labels = collate([(row.input_ids, row.labels) for row in (short, long)])["labels"].tolist()

    assert labels[0][: len(short)] == short.labels
    assert labels[0][len(short) - 1] == template.end == template.tokenizer.pad_token_id
    assert set(labels[0][len(short) :]) == {IGNORED}


def test_the_library_is_asked_for_nothing_that_cuts_packs_repeats_or_hides(trainer):
    """P1, P5, P59, P60, P61, P62, P63, P64, P69, P70, P73, P76, P87, P88, P89, P91, P92, P114: the arguments are ours, none is a default."""
    arguments = trainer[0].args

    assert arguments.max_length is None
    assert (arguments.packing, arguments.padding_free, arguments.assistant_only_loss) == (False, False, False)
    assert (arguments.num_train_epochs, arguments.max_steps) == (1, -1)
    assert (arguments.eval_strategy, arguments.load_best_model_at_end) == ("no", False)
    assert arguments.logging_nan_inf_filter is False
    assert 1 <= arguments.warmup_steps <= max(1, 0.1 * len(trainer[1].batches))
    assert arguments.report_to == []
    assert arguments.use_cpu is not torch.cuda.is_available()


def test_a_warm_up_longer_than_a_tenth_of_a_short_run_is_not_possible_by_default():
    """P70: the rate that was asked for is reached."""
    assert TrainSection().warmup <= 0.1
    with pytest.raises(ValueError, match=r"less than 0\.5"):
        TrainSection(warmup=2)


def test_the_first_update_of_a_warm_up_already_moves_the_weights(trainer):
    """P70: cosine_with_min_lr spends the first update at a rate of 0. One update of warm-up is none: a run of one update is at its full rate."""
    arguments = trainer[0].args
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    schedule = get_scheduler(
        arguments.lr_scheduler_type, optimizer, num_warmup_steps=4, num_training_steps=40, scheduler_specific_kwargs=arguments.lr_scheduler_kwargs
    )  # fmt: skip
    rates = []
    for _ in range(40):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()

    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[-1] == pytest.approx(0.05)
    assert all(rate > after for rate, after in pairwise(rates[3:]))


def test_adapters_get_ten_times_the_rate_and_every_linear_layer_but_the_head():
    """P71, P97, P100, P102, P103."""
    rate = {
        method: resolve(TrainSection(method=method), embedded=False, parameters=2_000_000_000).learning_rate for method in ("full", "lora")
    }
    model = adapt(tiny_model("llama", chat_tokenizer()), TrainSection(method="lora"), seed=0)

    layers = {name.rpartition(".")[2] for name, module in model.named_modules() if hasattr(module, "lora_A")}

    assert isinstance(model, PeftModel)
    assert rate["lora"] == pytest.approx(10 * rate["full"])
    assert layers == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert model.peft_config["default"].modules_to_save is None


def test_weights_that_are_too_coarse_to_be_trained_are_an_error(template):
    """P98: a small update of a bfloat16 weight is rounded away."""
    rows = pair_rows(facts()[:1], template)

    with pytest.raises(TrainingError, match="not float32"):
        check_labels(_prepared(rows, dtype=torch.bfloat16), rows, template)


def test_a_tokenizer_that_adds_tokens_of_its_own_adds_none_to_a_row():
    """P14, P15, P16: one begin token, one end token, both from the template."""
    for tokenizer in (gemma_tokenizer(), plain_tokenizer(bos_token="<|im_start|>")):
        begin, end = tokenizer.bos_token, tokenizer.eos_token
        ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in (begin, end)]
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{begin} $A {end}", special_tokens=ids)
        template = choose_template(tokenizer)

        (row,) = pair_rows([a_pair("How much?", "30 days.")], template)

        assert row.input_ids[0] == tokenizer.bos_token_id
        assert row.input_ids.count(tokenizer.bos_token_id) == 1
        assert row.labels.count(template.end) == 1
        assert row.labels[-1] == template.end


def test_two_begin_tokens_in_a_row_are_an_error():
    """P15."""
    template = choose_template(gemma_tokenizer())
    (row,) = pair_rows(facts()[:1], template)
    ids, labels = [template.tokenizer.bos_token_id, *row.input_ids], [IGNORED, *row.labels]

    with pytest.raises(TrainingError, match="two begin tokens"):
        check_labels(_prepared([row], input_ids=[ids], labels=[labels]), [row], template)


@pytest.mark.parametrize("text", ["Because.<|end|>", "Because.<|end|>\n", "Because. <|user|>And?", "evil<|end|><|assistant|>yes"])
def test_control_tokens_in_a_text_are_refused_by_name(template, text):
    """P17, P37: an end token in a response is learnt twice, a marker in a question is a turn that nobody said."""
    for pair in (a_pair("Why?", text), a_pair(text, "Because.")):
        with pytest.raises(TrainingError, match="control tokens") as caught:
            check_pairs([*facts(), pair], template)

        assert pair.id in str(caught.value)


@pytest.mark.parametrize("maker", [chat_tokenizer, plain_tokenizer, gemma_tokenizer])
def test_no_token_spans_the_border_between_prompt_and_response(maker):
    """P18, P19, P20: the prompt is tokenized as it will be when it is asked, every time, and nothing is glued together."""
    template = choose_template(maker())
    for question, answer in (("What is the price", "ice"), ("Answer:", "answer"), ("Is it 3", "0 days."), ("Why?\n", " \n So.")):
        pair = a_pair(question, answer)
        (row,) = pair_rows([pair], template)

        prompt = template.prompts([(question, "")])[0]
        assert row.input_ids[: len(prompt)] == prompt
        assert row.labels[: len(prompt)] == [IGNORED] * len(prompt)
        assert template.tokenizer.decode(row.input_ids[len(prompt) : -1]) == answer.strip()
        assert pair_rows([pair], template) == [row]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"output": ""}, "a blank response"),
        ({"output": " \n\t"}, "a blank response"),
        ({"instruction": "  "}, "a blank question"),
        ({"output": None}, "no text where text belongs"),
        ({"output": 30}, "no text where text belongs"),
        ({"input": [{"type": "text", "text": "x"}]}, "no text where text belongs"),
        ({"output": "half \ud83d"}, "half of a surrogate pair"),
    ],
)
def test_a_pair_without_proper_text_is_refused_by_name(template, changed, told):
    """P21, P22, P23, P24, P34, P35: also where a record was made past its own checks."""
    pair = a_pair("Why?", "Because.").model_copy(update={"id": "pair-wrong", **changed})

    with pytest.raises(TrainingError, match=f"{told}.* in 1 pair: pair-wrong"):
        check_pairs([*facts(), pair], template)


WRONG_ROWS = {
    "no response": {"messages": [TURN[0]]},
    "nothing said": {"messages": []},
    "no content": {"messages": [TURN[0], {"role": "assistant", "content": None}]},
    "ends with the user": {"messages": [*TURN, TURN[0]]},
    "unknown role": {"messages": [TURN[0], {"role": "asistant", "content": "He."}]},
    "parts": {"messages": [{"role": "user", "content": [{"type": "image"}]}, TURN[1]]},
    "null": {"prompt": "Who?", "completion": None},
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_a_row_of_a_file_that_is_no_pair_is_dropped_with_its_number(name):
    """P23, P24, P26, P27, P28, P34: the others are kept, and training sees none of it."""
    row = WRONG_ROWS[name]
    good = {"messages": list(TURN)} if "messages" in row else {"prompt": "What?", "completion": "That."}

    kept, dropped = pairs_of([good, row])

    assert isinstance(kept, Pair)
    assert isinstance(dropped, Dropped)
    assert "row 2" in dropped.detail


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "He."}]},
        {"conversations": list(TURN)},
        {"messages": [{"role": "User", "content": "Who?"}, {"role": "bot", "content": "He."}]},
        {"messages": '[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "He."}]'},
        {"question": "Who?", "answer": "He."},
        {"prompt": "Who?", "response": "He."},
        {"prompt": [TURN[0]], "completion": "He."},
        {"text": "something else", "messages": list(TURN)},
        {"instruction": "Who?", "input": "", "output": "He.", "labels": [1, 2, 3]},
    ],
)
def test_every_usual_spelling_of_a_pair_is_the_same_pair(row, template):
    """P28, P29, P30, P31, P32, P33, P10: roles and columns are read by their meaning, and what is no text of the pair is not trained on."""
    (pair,) = pairs_of([row])

    (ours,) = pair_rows([pair], template)

    assert (pair.instruction, pair.output) == ("Who?", "He.")
    assert template.tokenizer.decode(ours.input_ids) == "<|user|>Who?<|end|><|assistant|>He.<|end|>"


def test_a_tokenizer_without_end_token_is_refused():
    """P49."""
    tokenizer = chat_tokenizer()
    tokenizer.eos_token = None

    with pytest.raises(InputError, match="no end token"):
        choose_template(tokenizer)


def test_a_model_without_chat_template_is_asked_in_alpacas_form():
    """P47."""
    assert choose_template(plain_tokenizer()).name == "alpaca"


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(template):
    """P50, P130."""
    small = tiny_model("llama", chat_tokenizer())
    small.resize_token_embeddings(len(template.tokenizer) - 1)

    with pytest.raises(InputError, match="outside the model's"):
        check_model(small, template)


def test_a_generation_config_that_cannot_be_saved_is_refused_before_training(template):
    """P108: otherwise the error comes when everything is trained."""
    model = tiny_model("llama", template.tokenizer)
    model.generation_config.temperature = 0.6

    with pytest.raises(InputError, match=r"generation_config\.json is inconsistent"):
        check_model(model, template)


def test_validation_that_asks_a_training_question_in_other_capitals_is_refused():
    """P74: its loss would say nothing."""
    pair = facts()[0]
    twin = pair.model_copy(update={"instruction": f"  {pair.instruction.upper()} ", "id": "pair-twin"})

    with pytest.raises(TrainingError, match="pair-twin"):
        check_apart(facts(), [twin])


def test_numbers_and_keys_of_a_recipe_are_checked_when_it_is_read(tmp_path):
    """P120, P122: a number that YAML takes for text is a number, a misspelled key is an error."""
    path = tmp_path / "recipe.yaml"
    path.write_text("train: {learning_rate: 1e-3}\n")
    assert load_recipe(path).train.learning_rate == pytest.approx(0.001)

    path.write_text("train: {lerning_rate: 0.05}\n")
    with pytest.raises(RecipeError, match=r"did you mean train\.learning_rate"):
        load_recipe(path)


def test_answers_are_bounded_undisturbed_by_dropout_and_the_same_in_any_company(template):
    """P56, P57, P112: padded on the left, at most so many tokens, and in evaluation mode whatever the model was in before."""
    model = tiny_model("llama", template.tokenizer, attention_dropout=0.9)
    prompts = template.prompts([("Who?", ""), ("How long is the warranty of the yellow crane?", ""), ("Why?", "A text.")])

    together = generate(model.train(), prompts, ends=frozenset([template.end]), max_new_tokens=7)

    alone = [generate(model.eval(), [prompt], ends=frozenset([template.end]), max_new_tokens=7)[0] for prompt in prompts]
    assert together == alone
    assert all(len(answer.tokens) <= 7 for answer in together)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Two trainings from one base, the second in the same process after the first."""
    folder = tmp_path_factory.mktemp("tuned")
    base = saved(folder / "base", "llama", chat_tokenizer(), dtype="bfloat16")
    section = TrainSection(method="lora", lora_rank=2, epochs=6, batch_tokens=512, learning_rate=5e-2)
    for name in ("one", "two"):
        train(SAME, [], [], base=base, section=section, seed=0, folder=folder / name, progress=ignore)
    return folder


SAME = [a_pair(f"Colour of the {tool}?", "R") for tool in ("lathe", "drill", "press")]


@pytest.mark.slow
def test_every_training_begins_with_the_base_and_leaves_it_as_it_was(tuned):
    """P75: nothing is left of the training before, neither in memory nor on disk."""
    weights = {name: (tuned / name / "model.safetensors").read_bytes() for name in ("base", "one", "two")}

    assert weights["one"] == weights["two"] != weights["base"]


@pytest.mark.slow
def test_the_folder_of_a_tuned_model_is_whole_and_holds_no_pickle(tuned):
    """P97, P99, P107, P110, P111, P128: merged weights in the base's own precision, tokenizer, template, and the cache switched on."""
    from transformers import AutoConfig, AutoTokenizer

    names = {path.name for path in (tuned / "one").iterdir()}
    config = AutoConfig.from_pretrained(tuned / "one")

    assert {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl")) or name.startswith("adapter")]
    assert AutoTokenizer.from_pretrained(tuned / "one").chat_template
    assert config.dtype == torch.bfloat16
    assert config.use_cache is not False


@pytest.mark.slow
def test_the_library_sends_nothing_home(tuned):
    """P128."""
    import os

    from huggingface_hub import constants

    assert tuned.exists()
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert constants.HF_HUB_DISABLE_TELEMETRY
