"""The memory that a training needs: the estimate against what autograd keeps and against the measured peak, and what is free."""

import psutil
import pytest
import torch
from transformers import AutoConfig

from schemas.errors import InputError, TrainingError
from schemas.training import TrainSection
from tests.tiny_models import a_pair, chat_tokenizer, facts, saved, tiny_model
from trainer.memory import Load, estimate
from trainer.plan import widest
from trainer.rows import pair_rows
from trainer.templates import choose_template
from trainer.trial import free_bytes, left_in_groups, trial

FACTOR = 1.5  # a measured peak lies within this factor of the estimate, also on a machine that others use
LONG = [*facts(), *(a_pair(f"Describe hall {number}.", " ".join(f"machine {number + word}" for word in range(24))) for number in range(20))]
LARGE = {
    "hidden_size": 512,
    "intermediate_size": 1376,
    "num_hidden_layers": 9,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "head_dim": 64,
}


def _kept_by_autograd(model, rows, length):
    """Add up the storages that a real forward pass leaves for the backward pass, weights aside."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model.base_model(input_ids=torch.zeros(rows, length, dtype=torch.long), use_cache=False)
    return sum(size for size, _ in kept.values())


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt_neox"])
def test_the_activations_counted_without_numbers_are_those_that_a_real_pass_keeps(kind):
    model = tiny_model(kind, chat_tokenizer()).train()

    counted = estimate(model.config, Load(rows=6, length=96, trained=10)).activations

    assert counted == pytest.approx(_kept_by_autograd(model, 6, 96), rel=0.1)


def test_weights_gradients_and_states_are_four_bytes_each():
    model = tiny_model("llama", chat_tokenizer())
    numbers = sum(weight.numel() for weight in model.parameters())

    memory = estimate(model.config, Load(rows=1, length=8, trained=4))

    assert memory.parameters == memory.trainable == numbers
    assert (memory.weights, memory.gradients, memory.optimizer) == (4 * numbers, 4 * numbers, 8 * numbers)
    assert memory.as_json()["total"] == memory.total


def test_adapters_four_bits_and_recomputed_activations_need_less_and_longer_batches_more():
    config = tiny_model("llama", chat_tokenizer(), tie_word_embeddings=True).config
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 256, 1024, 6
    full, lora, dora, quantized = (estimate(config, Load(8, 128, 200, method=method)) for method in ("full", "lora", "dora", "qlora"))

    assert lora.weights + lora.gradients + lora.optimizer < (full.weights + full.gradients + full.optimizer) / 2
    assert quantized.weights < lora.weights / 3
    assert dora.activations > lora.activations
    assert lora.trainable < full.trainable / 4
    assert estimate(config, Load(8, 128, 200, recomputed=True)).activations < full.activations / 3
    assert estimate(config, Load(8, 128, 200, optimizer="muon")).optimizer < 1.6 * full.optimizer
    assert estimate(config, Load(16, 128, 200)).activations == pytest.approx(2 * full.activations, rel=0.02)
    assert estimate(config, Load(8, 128, 400)).logits == 2 * full.logits


def test_generation_holds_keys_values_and_scores():
    config = tiny_model("llama", chat_tokenizer()).config

    assert estimate(config, Load(1, 50, 4, answers=3)).generation == 3 * 4 * (2 * 2 * 2 * 16 * 50 + config.vocab_size)


@pytest.mark.slow
def test_the_measured_peak_of_two_updates_of_29m_parameters_is_near_the_estimate(tmp_path):
    base = saved(tmp_path, "llama", chat_tokenizer(), **LARGE)
    section = TrainSection(batch_tokens=512, precision="float32", learning_rate=1e-4)
    batch = widest(pair_rows(LONG, choose_template(chat_tokenizer())), 512)

    measured = trial(LONG, base=base, section=section)

    expected = estimate(AutoConfig.from_pretrained(base), Load(len(batch), max(map(len, batch)), sum(row.trained for row in batch)))
    assert expected.parameters > 28e6
    assert expected.total / FACTOR < measured.peak < expected.total * FACTOR
    assert measured.libraries > 0
    assert measured.seconds > 0


@pytest.mark.slow
def test_a_trial_that_fails_says_why_and_one_that_takes_too_long_ends(tmp_path):
    with pytest.raises(InputError, match=r"two updates of .*nothing failed: .*cannot load the model"):
        trial(facts(), base=str(tmp_path / "nothing"), section=TrainSection())
    with pytest.raises(TrainingError, match="took more than 0 s"):
        trial(facts(), base=str(tmp_path), section=TrainSection(), most_seconds=0.2)


def test_an_architecture_that_cannot_be_counted_is_named():
    from transformers import MambaConfig

    with pytest.raises(InputError, match="a trial of two steps measures it"):
        estimate(MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2), Load(1, 8, 4, method="lora"))


def test_what_is_free_is_bounded_by_the_machine_and_by_every_limit_above_the_process(tmp_path):
    assert 0 < free_bytes() <= psutil.virtual_memory().total

    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert 450 in left_in_groups(tmp_path)

    (tmp_path / "memory.max").write_text("max\n")
    assert left_in_groups(tmp_path) == []
