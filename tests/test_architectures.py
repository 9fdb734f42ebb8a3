"""Training, saving, loading, answering and stopping on the architectures that people bring, with what their tokenizers lack."""

import pytest
import torch
from torch.nn import functional

from schemas.training import TrainSection
from tests.tiny_models import a_pair, gemma_tokenizer, ignore, plain_tokenizer, saved, thinking_tokenizer, tiny_model
from trainer.batches import collate
from trainer.chat import Chat
from trainer.lean import add_loss
from trainer.rows import pair_rows
from trainer.sft import train
from trainer.templates import choose_template

KINDS = ("llama", "qwen3", "gpt_neox", "gemma2", "gemma3")
PAIRS = [a_pair(f"Colour of the {tool}?", "Red.") for tool in ("lathe", "drill", "press")]
# Every architecture with and without a chat template, once with a pad token and once without; all four of the commonest.
CASES = [
    *((kind, *case) for kind in KINDS for case in ((True, None), (False, "<|pad|>"))),
    ("llama", True, "<|pad|>"),
    ("llama", False, None),
]


def _without_template(**special):
    return plain_tokenizer(**special)


def _with_template(kind, **special):
    if kind.startswith("gemma"):
        return gemma_tokenizer(**special)
    tokenizer = plain_tokenizer(extra_special_tokens=["<|im_start|>", "<|im_end|>"], **special)
    tokenizer.chat_template = thinking_tokenizer().chat_template
    return tokenizer


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "has_template", "pad"), CASES)
def test_it_learns_is_saved_loaded_again_answers_and_stops(tmp_path, kind, has_template, pad):
    """P42, P48: whatever the tokenizer has, the token that ends an answer is learnt, and is what generation ends at."""
    special = {"pad_token": pad} if pad else {}
    tokenizer = _with_template(kind, **special) if has_template else _without_template(**special)
    base = saved(tmp_path / "base", kind, tokenizer)
    section = TrainSection(epochs=60 if kind.startswith("gemma") else 30, batch_tokens=512, learning_rate=1e-2)

    figures = train(PAIRS, [], [], base=base, section=section, seed=0, folder=tmp_path / "tuned", progress=ignore)

    assert figures["template"] == ("chat" if has_template else "alpaca")
    assert figures["stop_rate"] == 1
    assert figures["curve"][-1]["loss"] < figures["curve"][0]["loss"] / 2
    tuned = Chat(tmp_path / "tuned")
    assert [tuned.answer(pair.instruction, max_new_tokens=12) for pair in PAIRS] == [pair.output for pair in PAIRS]


@pytest.mark.parametrize(
    ("kind", "changed"),
    [*((kind, {}) for kind in KINDS), ("gemma2_hot", {}), ("granite", {"logits_scaling": 8.0}), ("cohere", {"logit_scale": 0.5})],
)
def test_the_lean_loss_is_the_models_own(kind, changed):
    """P68: scores that are capped or scaled by the model are so in our loss too, also where they are large enough to be capped."""
    template = choose_template(gemma_tokenizer())
    model = tiny_model(kind.removesuffix("_hot"), template.tokenizer, **changed)
    if kind.endswith("_hot"):
        model.get_output_embeddings().weight.data.mul_(400)
    batch = collate([(row.input_ids, row.labels) for row in pair_rows(PAIRS, template)])
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1].flatten(0, 1)
    theirs = functional.cross_entropy(logits.float(), batch["labels"][:, 1:].flatten(), reduction="sum")

    add_loss(model)
    ours = model(**{name: batch[name] for name in ("input_ids", "places", "targets")})

    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_a_cap_that_shows_is_part_of_the_test_above():
    model = tiny_model("gemma2", gemma_tokenizer())
    model.get_output_embeddings().weight.data.mul_(400)

    with torch.no_grad():
        scores = model.get_output_embeddings()(model.model(torch.tensor([[1, 2, 3]])).last_hidden_state)

    assert scores.abs().max() > model.config.final_logit_softcapping
