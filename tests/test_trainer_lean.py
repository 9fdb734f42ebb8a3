"""The loss at the trained positions alone, in the precision that pays, is the loss that TRL computes everywhere."""

import random
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from schemas.errors import InputError, TrainingError
from schemas.training import TrainSection
from tests.tiny_models import chat_tokenizer, facts, tiny_model
from trainer import lean, setup
from trainer.attention import attend_as_before, attend_in_float32
from trainer.batches import PlannedRows, collate
from trainer.lean import add_loss, forget_wrappers
from trainer.plan import Plan, group_by_length
from trainer.rows import IGNORED, pair_rows
from trainer.settings import Settings
from trainer.setup import Setup, choose_precision, choose_setup, multiplies_bfloat16
from trainer.sft_trainer import Job, build, finish
from trainer.templates import choose_template

SETTINGS = Settings(optimizer="adamw", learning_rate=1e-2, raw_text=0.0, word_drop=0.0, tokens=None)
FLOAT, MICRO = Setup("float32"), Setup("float32", micro_batches=3)


def _plan(template, budget=256):
    rows = pair_rows(facts(), template)
    return Plan(rows, group_by_length([len(row) for row in rows], budget=budget, draw=random.Random(0)), 1.0)


def _trainer(folder, setup=FLOAT, model=None, **section):
    tokenizer = chat_tokenizer()
    template = choose_template(tokenizer)
    job = Job(model or tiny_model("llama", tokenizer), template, TrainSection(**section), SETTINGS, 0, folder)
    return build(job, _plan(template), [], setup=setup)


def _rows():
    rows = pair_rows(facts(), choose_template(chat_tokenizer()))
    return [(row.input_ids, row.labels) for row in rows]


def _model():
    model = tiny_model("llama", chat_tokenizer())
    add_loss(model)
    return model


def _plain_loss(model, ids, labels, weights):
    logits = model(input_ids=ids).logits[:, :-1]
    losses = functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="none", ignore_index=IGNORED)
    return (losses * weights[:, 1:].flatten()).sum()


def test_p68_the_lean_loss_and_its_gradients_equal_trls(tmp_path):
    trainer = _trainer(tmp_path)
    inputs = next(iter(trainer.get_train_dataloader()))
    count = trainer._get_num_items_in_batch([inputs], torch.device("cpu"))

    assert trainer._lean
    ours = trainer.compute_loss(trainer.model, dict(inputs), num_items_in_batch=count)
    ours.backward()
    gradients = [weight.grad.clone() for weight in trainer.model.parameters()]
    trainer.model.zero_grad()
    trainer._lean = False
    stock = trainer.compute_loss(trainer.model, dict(inputs), num_items_in_batch=count)
    stock.backward()

    assert ours.item() == pytest.approx(stock.item(), rel=1e-5)
    assert all(torch.allclose(mine, weight.grad, atol=1e-5) for mine, weight in zip(gradients, trainer.model.parameters(), strict=True))


def test_prompt_tokens_count_by_their_weight_and_padding_never():
    model, rows = _model(), _rows()[:4]
    batch = collate(rows, prompt_weight=0.25)
    ids, mask = batch["input_ids"], batch["attention_mask"].bool()
    weights = torch.where(batch["labels"] != IGNORED, 1.0, 0.25) * mask

    loss = model(**{name: batch[name] for name in ("input_ids", "places", "targets", "weights")})

    assert loss.item() == pytest.approx(_plain_loss(model, ids, torch.where(mask, ids, IGNORED), weights).item(), rel=1e-5)
    assert batch["weights"].sum().item() == pytest.approx(weights[:, 1:].sum().item())


def test_scores_computed_a_part_at_a_time_give_the_same_loss_and_gradients(monkeypatch):
    batch = collate(_rows()[:6])
    given = {name: batch[name] for name in ("input_ids", "places", "targets")}
    whole, parted = _model(), _model()
    one = whole(**given)
    one.backward()
    monkeypatch.setattr(lean, "_LOGITS", 7 * parted.lm_head.out_features)
    other = parted(**given)
    other.backward()

    assert other.item() == pytest.approx(one.item(), rel=1e-6)
    assert all(torch.allclose(a.grad, b.grad, atol=1e-5) for a, b in zip(whole.parameters(), parted.parameters(), strict=True))


def test_a_row_without_its_labels_adds_nothing_and_still_reaches_every_weight():
    ids, labels = zip(*_rows(), strict=True)
    batch = collate([PlannedRows(ids, labels)[~0]])
    model = _model()
    loss = model(**{name: batch[name] for name in ("input_ids", "places", "targets")})
    loss.backward()

    assert loss.item() == 0
    assert all(weight.grad is not None and not weight.grad.any() for weight in model.parameters())


def test_a_batch_is_padded_to_the_multiple_and_its_places_point_at_what_comes_before_a_label():
    rows = _rows()[:3]
    batch = collate(rows, multiple=8)
    flat, following = batch["input_ids"].flatten(), batch["places"] + 1

    assert batch["input_ids"].size(1) % 8 == 0
    assert torch.equal(flat[following], batch["targets"])
    assert batch["targets"].tolist() == [label for _, labels in rows for label in labels if label != IGNORED]


def test_p66_an_update_in_pieces_gives_the_weights_of_one_whole(tmp_path):
    whole, parted = _trainer(tmp_path / "a"), _trainer(tmp_path / "b", MICRO)
    whole.train()
    parted.train()

    assert parted.state.global_step == whole.state.global_step
    assert all(torch.allclose(a, b, atol=2e-4) for a, b in zip(whole.model.parameters(), parted.model.parameters(), strict=True))


def test_p115_bfloat16_trains_to_nearly_the_same_loss_and_leaves_nothing_on_the_model(tmp_path):
    model = tiny_model("llama", chat_tokenizer())
    losses = []
    for setup_ in (FLOAT, Setup("bfloat16"), Setup("bfloat16", recomputed=True)):
        trainer = _trainer(tmp_path, setup_, model=tiny_model("llama", chat_tokenizer()))
        trainer.train()
        losses.append(trainer.state.log_history[-2]["loss"])
        model = finish(trainer)

    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-2)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert "forward" not in model.__dict__
    assert model.config._attn_implementation == "sdpa"


def test_a_model_that_was_trained_before_is_trained_in_the_same_precision_again(tmp_path):
    model = tiny_model("llama", chat_tokenizer())
    seen = []
    model.lm_head.register_forward_hook(lambda _module, _given, made: seen.append(made.dtype))
    for _ in range(2):
        trainer = _trainer(tmp_path, Setup("bfloat16"), model=model)
        seen.clear()
        trainer.train()
        assert set(seen) == {torch.bfloat16}
        trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


def test_attention_in_float32_is_that_of_the_model_and_no_saved_file_tells_of_it(tmp_path):
    model = tiny_model("llama", chat_tokenizer())
    ids = collate(_rows()[:3])["input_ids"]
    before = model(input_ids=ids).logits
    attend_in_float32(model)
    model.save_pretrained(tmp_path)

    assert torch.equal(model(input_ids=ids).logits, before)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(model(input_ids=ids).logits.float(), before, atol=0.02)
    assert "kilopair" not in (tmp_path / "config.json").read_text()
    attend_as_before(model)
    assert model.config._attn_implementation == "sdpa"


def test_an_architecture_with_a_loss_of_its_own_is_trained_as_trl_does_and_refuses_a_prompt_weight(tmp_path):
    def other() -> torch.nn.Module:
        return tiny_model("mixtral", chat_tokenizer(), num_local_experts=2, router_aux_loss_coef=0.1)

    trainer = _trainer(tmp_path, model=other())
    trainer.train()

    assert not trainer._lean
    with pytest.raises(TrainingError, match=r"train\.prompt_weight"):
        _trainer(tmp_path, model=other(), prompt_weight=0.1)


def test_the_precision_follows_the_machine_and_the_size_and_the_recipe_overrules():
    large = "bfloat16" if multiplies_bfloat16() else "float32"

    assert [choose_precision("auto", size) for size in (1_000_000, 30_000_000)] == ["float32", large]
    assert choose_precision("bfloat16", 1) == "bfloat16"
    assert choose_precision("float32", 10**9) == "float32"


def test_activations_are_recomputed_and_updates_divided_only_where_memory_needs_it(monkeypatch):
    tokenizer = chat_tokenizer()
    model = tiny_model("llama", tokenizer)
    plan = _plan(choose_template(tokenizer), budget=4096)

    def chosen(free):
        monkeypatch.setattr(setup, "free_bytes", lambda _: free)
        monkeypatch.setattr(setup, "_ALWAYS_FITS", 0)
        found = choose_setup(model, plan, section=TrainSection(), settings=SETTINGS)
        return found.recomputed, found.micro_batches

    choices = [chosen(free) for free in (10**12, 15_000_000, 4_000_000, 1)]

    assert choices[0] == (False, 1)
    assert choices[-1] == (True, 16)
    assert [pieces for _, pieces in choices] == sorted(pieces for _, pieces in choices)


def test_forgetting_wrappers_gives_the_class_its_forward_pass_back():
    model = _model()
    forget_wrappers(model)

    assert model.forward.__func__ is type(model).forward
    assert replace(FLOAT, processes=2).as_json()["processes"] == 2
    with (
        pytest.raises(InputError, match="bfloat16")
        if torch.cuda.is_available() and not torch.cuda.is_bf16_supported()
        else pytest.raises(TypeError)
    ):
        choose_precision("bfloat16")
