"""Training from the documents to the tuned model, and the guards that stop a worthless run."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from schemas.errors import InputError, TrainingError
from schemas.training import BaseSection, EvaluateSection, TrainSection
from tests.tiny_models import (
    TEXTS,
    UNSEEN_WORDING,
    a_pair,
    chat_tokenizer,
    facts,
    ignore,
    plain_tokenizer,
    saved,
    thinking_tokenizer,
)
from trainer.base import CARD, is_embedded, make_base
from trainer.chat import Chat
from trainer.evaluate import evaluate
from trainer.guards import check_labels
from trainer.sft import train

pytestmark = pytest.mark.slow
BASE = BaseSection(vocabulary=400, width=64, layers=2, heads=2, tokens=8_000, block=32, context=256)
SHORT = TrainSection(epochs=2, batch_tokens=256, learning_rate=5e-3)


def _base(folder, seed=0):
    make_base(TEXTS * 3, section=BASE, seed=seed, folder=folder, progress=ignore)
    return str(folder)


def _tune(folder, *, base, section, pairs=None, seed=0, progress=ignore):
    return train(pairs or facts(), [], TEXTS, base=base, section=section, seed=seed, folder=folder, progress=progress)


def _sha(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return _base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, base):
    folder, seen = tmp_path_factory.mktemp("tuned"), []
    section = TrainSection(tokens=120_000, batch_tokens=512)
    figures = _tune(folder, base=base, section=section, progress=lambda *event: seen.append(event))
    return folder, figures, seen


def test_a_tiny_model_made_from_the_documents_learns_the_facts_and_other_wordings_of_them(base, tuned):
    sets = {"train": facts(), "paraphrase": facts((UNSEEN_WORDING,))}

    tables, answers = evaluate(sets, models={"base": base, "tuned": tuned[0]}, section=EvaluateSection(), progress=ignore)

    before, after = (tables["sets"]["train"]["overall"][name] for name in ("base", "tuned"))
    assert before["exact_match"] == 0
    assert after["exact_match"] > 0.8
    assert after["stop_rate"] > 0.9
    assert after["loss"] < before["loss"] / 4
    assert tables["sets"]["paraphrase"]["overall"]["tuned"]["token_f1"] > 0.6
    assert len(answers) == len(sets["train"]) + len(sets["paraphrase"])
    assert set(answers[0]) >= {"pair_id", "set", "question", "reference", "document", "section", "grounding", "group", "scores"}
    assert set(answers[0]["answers"]) == set(answers[0]["scores"]) == {"base", "tuned"}


def test_the_figures_tell_what_was_done(tuned):
    folder, figures, seen = tuned

    assert json.loads((folder / "training.json").read_text()) == figures
    assert figures["optimizer"] == "muon"
    assert figures["template"] == "chat"
    assert figures["lengths"]["truncated"] == 0
    assert figures["relative_change"] > 0
    assert figures["stop_rate"] == 1
    assert {"step", "loss", "learning_rate", "tokens_per_second"} <= set(figures["curve"][0])
    assert seen[-1][0] == seen[-1][1] == figures["updates"]
    assert not list(folder.glob("*.bin"))


def test_the_tuned_folder_is_an_ordinary_model_and_answers_in_a_chat(tuned):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tuned[0]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": facts()[0].instruction}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    written = model.generate(**prompt, do_sample=False, max_new_tokens=40)[0, prompt["input_ids"].size(1) :]

    assert written[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(written, skip_special_tokens=True) == Chat(folder).answer(facts()[0].instruction)
    with pytest.raises(InputError, match="control token"):
        Chat(folder).answer("What is <|end|>?")


def test_an_evaluation_can_be_limited_and_is_refused_without_pairs(base):
    section = EvaluateSection(limit=3, max_new_tokens=4)

    tables, answers = evaluate({"test": facts(), "none": []}, models={"base": base}, section=section, progress=ignore)

    assert len(answers) == tables["sets"]["test"]["n"] == 3
    assert tables["max_new_tokens"] == 4
    assert "evaluate.max_new_tokens 4 is less than" in tables["notices"][0]
    with pytest.raises(InputError, match="nothing to evaluate"):
        evaluate({"test": []}, models={"base": base}, section=section, progress=ignore)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(base, tmp_path):
    section = TrainSection(tokens=6_000, batch_tokens=512, raw_text=0.25)
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        _tune(tmp_path / name, base=base, section=section, seed=seed)

    assert _sha(tmp_path / "one") == _sha(tmp_path / "again")
    assert _sha(tmp_path / "one") != _sha(tmp_path / "other")


def test_the_same_documents_give_the_same_base(base, tmp_path):
    again = _base(tmp_path / "again")

    assert is_embedded(again)
    assert _sha(tmp_path / "again") == _sha(Path(base))
    assert json.loads((tmp_path / "again" / CARD).read_text())["curve"][-1]["loss"] < 5.5


KINDS = {"llama": plain_tokenizer, "qwen3": thinking_tokenizer, "gpt_neox": plain_tokenizer}


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_architecture_trains_with_and_without_chat_template_and_pad_token(tmp_path, kind, method):
    """P97."""
    folder = saved(tmp_path / "base", kind, KINDS[kind]())
    section = TrainSection(method=method, epochs=12, batch_tokens=512, learning_rate=2e-2, lora_rank=8)

    figures = _tune(tmp_path / "tuned", base=folder, section=section)

    assert figures["optimizer"] == "adamw"
    assert figures["template"] == ("chat" if kind == "qwen3" else "alpaca")
    assert figures["curve"][-1]["loss"] < figures["curve"][0]["loss"] * (0.95 if method == "lora" else 0.5)  # frozen random tables
    assert figures["relative_change"] > 0
    assert not (tmp_path / "tuned" / "adapter_config.json").exists()


def test_a_forced_alpaca_template_is_the_one_that_is_answered_with(tmp_path, base):
    section = TrainSection(template="alpaca", tokens=20_000, batch_tokens=512)

    figures = _tune(tmp_path / "tuned", base=base, section=section)

    assert figures["template"] == "alpaca"
    tables, _ = evaluate(
        {"train": facts()[:4]}, models={"base": base, "tuned": tmp_path / "tuned"}, section=EvaluateSection(), progress=ignore
    )
    assert tables["template"] == "alpaca"


def _trainer(base, folder):
    from trainer.model import load
    from trainer.plan import Amount, make_plan
    from trainer.rows import pair_rows
    from trainer.settings import resolve
    from trainer.sft_trainer import Job, build
    from trainer.templates import choose_template

    model, tokenizer = load(base, dtype=torch.float32)
    template = choose_template(tokenizer)
    rows = pair_rows(facts(), template)
    plan = make_plan(lambda _: rows, [], Amount(1, None, 0.0, 256), seed=0)
    job = Job(model, template, SHORT, resolve(SHORT, embedded=True, parameters=1), 0, folder)
    return build(job, plan, []), (plan, template)


def test_the_batches_that_are_trained_are_those_of_the_plan(base, tmp_path):
    trainer, (plan, template) = _trainer(base, tmp_path)

    check_labels(trainer, plan.rows, template)
    for batch, indices in zip(trainer.get_train_dataloader(), plan.batches, strict=True):
        rows = [plan.rows[index] for index in indices]
        assert [ids[: len(row)] for ids, row in zip(batch["input_ids"].tolist(), rows, strict=True)] == [row.input_ids for row in rows]
        assert [labels[: len(row)] for labels, row in zip(batch["labels"].tolist(), rows, strict=True)] == [row.labels for row in rows]


def test_a_row_that_the_trainer_lost_or_changed_is_an_error(base, tmp_path):
    trainer, (plan, template) = _trainer(base, tmp_path)

    with pytest.raises(TrainingError, match="none may be lost"):
        check_labels(trainer, plan.rows[1:], template)

    trainer.train_dataset = trainer.train_dataset.map(lambda row: {"labels": row["input_ids"]})
    with pytest.raises(TrainingError, match="prompt is in the loss"):
        check_labels(trainer, plan.rows, template)


def test_a_gradient_that_is_not_a_number_stops_before_the_weights_are_touched(base, tmp_path):
    """P76."""
    trainer, _ = _trainer(base, tmp_path)
    weights = [weight.detach().clone() for weight in trainer.model.parameters()]
    trainer.model.lm_head.weight.register_hook(lambda gradient: gradient * float("nan"))

    with pytest.raises(TrainingError, match="the gradient became nan at update 1"):
        trainer.train()

    assert all(torch.equal(old, new) for old, new in zip(weights, trainer.model.parameters(), strict=True))


def test_a_dead_model_stops_with_advice(base, tmp_path):
    """P77."""
    trainer, _ = _trainer(base, tmp_path)
    for weight in trainer.model.parameters():
        weight.register_hook(torch.zeros_like)

    with pytest.raises(TrainingError, match="exactly 0 at update 2"):
        trainer.train()


def test_pairs_over_the_models_context_are_refused_by_name(base, tmp_path):
    long = a_pair("Tell me everything.", "halls and warranties " * 80)

    with pytest.raises(TrainingError, match=long.id):
        _tune(tmp_path, base=base, section=SHORT, pairs=[*facts(), long])


def test_a_model_that_never_stops_is_an_error(tmp_path):
    folder = saved(tmp_path / "base", "llama", chat_tokenizer())

    with pytest.raises(TrainingError, match="no answer ends by itself"):
        _tune(tmp_path / "tuned", base=folder, section=TrainSection(epochs=1, learning_rate=1e-5))


def test_a_model_that_does_not_exist_and_a_tokenizer_that_is_not_its_own_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot load the model"):
        _tune(tmp_path / "tuned", base=str(tmp_path / "nothing"), section=SHORT)

    folder = saved(tmp_path / "base", "llama", chat_tokenizer())
    plain_tokenizer(pad_token="<|end|>").save_pretrained(folder)
    with pytest.raises(InputError, match="outside the model's"):
        _tune(tmp_path / "tuned", base=folder, section=SHORT)
    with pytest.raises(InputError, match="no pairs"):
        train([], [], TEXTS, base=folder, section=SHORT, seed=0, folder=tmp_path / "tuned", progress=ignore)


def test_too_little_text_and_an_odd_shape_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least 64"):
        make_base(["Few words."], section=BASE, seed=0, folder=tmp_path, progress=ignore)
    with pytest.raises(InputError, match=r"base\.heads"):
        make_base(TEXTS * 3, section=BASE.model_copy(update={"heads": 5}), seed=0, folder=tmp_path, progress=ignore)


def test_the_validation_loss_is_part_of_the_curve(tmp_path, base):
    validation = facts((UNSEEN_WORDING,))

    figures = train(
        facts(),
        validation,
        TEXTS,
        base=base,
        section=TrainSection(tokens=5_000, batch_tokens=256),
        seed=0,
        folder=tmp_path,
        progress=ignore,
    )

    checked = [point for point in figures["curve"] if "validation_loss" in point]
    assert len(checked) >= 2
    assert checked[-1]["step"] == figures["updates"]
