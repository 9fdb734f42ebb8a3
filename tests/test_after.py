"""After training: what is measured on the saved folder, and the two loudest complaints as errors that name their cause."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from schemas.errors import TrainingError
from schemas.training import TrainSection
from tests.tiny_models import TEXTS, chat_tokenizer, facts, ignore, plain_tokenizer, saved, thinking_tokenizer
from trainer.after import Course, look_before, probes, prove
from trainer.blame import end_probability, has_zero_adapters
from trainer.model import cast, load, saved_ends
from trainer.sft import train
from trainer.templates import choose_template

pytestmark = pytest.mark.slow
COURSE = Course(learning_rate=5e-3, usual_rate=5e-4, updates=40)
SHORT = TrainSection(epochs=1, batch_tokens=512, learning_rate=5e-3)


def _tune(folder, base, section):
    return train(facts(), [], TEXTS, base=base, section=section, seed=0, folder=folder, progress=ignore)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base like Qwen3: its chat template ends a turn with another token than the end of text."""
    return saved(tmp_path_factory.mktemp("base"), "qwen3", thinking_tokenizer())


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, base):
    folder = tmp_path_factory.mktemp("tuned")
    return folder, _tune(folder, base, TrainSection(epochs=14, batch_tokens=256, learning_rate=1e-2))


@pytest.fixture
def proof(base, tuned):
    """Prove another folder to be the trained one."""
    model, tokenizer = load(base, dtype=torch.float32)
    template = choose_template(tokenizer)
    before = look_before(model, template, probes(facts(), []), base=base)
    return lambda folder, course=COURSE: prove(load(tuned[0])[0], before, folder=folder, template=template, course=course)


def _copy(tuned, tmp_path):
    return shutil.copytree(tuned[0], tmp_path / "copy")


def test_a_training_writes_how_far_the_model_moved_whether_it_stops_and_whether_the_folder_holds_it(tuned):
    """P109: the folder is loaded again, and its answers are those of the trained model."""
    folder, figures = tuned

    stored = json.loads((folder / "training.json").read_text())
    assert figures["stop_rate"] > 0.9
    assert figures["changed_answers"] == 1
    assert figures["relative_change"] > 1e-3
    assert figures["answers_equal_after_reload"] == 1
    assert {name: stored[name] for name in ("stop_rate", "changed_answers", "relative_change", "probes")} == {
        name: figures[name] for name in ("stop_rate", "changed_answers", "relative_change", "probes")
    }


def test_p42_the_saved_folder_names_the_templates_end_token_for_every_other_program(tuned):
    model, tokenizer = load(tuned[0])

    assert choose_template(tokenizer).end in saved_ends(model)
    assert tokenizer.convert_ids_to_tokens(choose_template(tokenizer).end) == "<|im_end|>"


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_far_too_low_learning_rate_is_named_with_its_factor(tmp_path, base, method):
    """P71."""
    with pytest.raises(TrainingError, match=r"identical to its base.*1e-09 is about [\d,]+ times lower than usual") as caught:
        _tune(tmp_path, base, SHORT.model_copy(update={"learning_rate": 1e-9, "method": method}))

    assert "\n" not in str(caught.value)


def test_a_change_that_the_stored_dtype_rounds_away_is_named(tmp_path):
    """P98."""
    folder = saved(tmp_path / "base", "llama", chat_tokenizer())
    model = load(folder)[0]
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.sign() / 2)  # an update of 7e-5 is far below half a step of bfloat16 at 0.5
    model.to(torch.bfloat16).save_pretrained(folder)

    with pytest.raises(TrainingError, match=r"identical to its base.*smaller than bfloat16 can hold"):
        _tune(tmp_path / "tuned", folder, SHORT.model_copy(update={"learning_rate": 7e-5}))


def test_p106_a_model_cast_in_memory_answers_as_the_one_that_is_loaded_in_that_dtype(tmp_path):
    folder = saved(tmp_path, "llama", thinking_tokenizer(), initializer_range=0.5)
    ids = torch.arange(40)[None]

    with torch.inference_mode():
        ours = cast(load(folder)[0], torch.bfloat16)(input_ids=ids).logits
        theirs = load(folder, dtype=torch.bfloat16)[0](input_ids=ids).logits

    assert torch.equal(ours, theirs)


def test_a_saved_adapter_of_zeros_is_named(tmp_path, base, tuned, proof):
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(load(base)[0], LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    adapted.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(tuned[0] / name, tmp_path)

    assert has_zero_adapters(tmp_path)
    with pytest.raises(TrainingError, match=r"all B matrices in .*adapter_model.safetensors are 0"):
        proof(tmp_path)


def test_a_folder_with_the_weights_of_the_base_is_named(tmp_path, base, tuned, proof):
    """P109."""
    folder = _copy(tuned, tmp_path)
    shutil.copy(f"{base}/model.safetensors", folder)

    with pytest.raises(TrainingError, match="all of them as the base does: the trained weights are not in"):
        proof(folder)


def test_a_damaged_weight_is_an_answer_that_differs(tmp_path, tuned, proof):
    """P109."""
    folder = _copy(tuned, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = -weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(TrainingError, match="changed or damaged"):
        proof(folder)


def test_p42_a_generation_config_without_the_end_token_is_named(tmp_path, tuned, proof):
    folder = _copy(tuned, tmp_path)
    settings = json.loads((folder / "generation_config.json").read_text())
    end = choose_template(load(folder)[1]).end
    (folder / "generation_config.json").write_text(json.dumps(settings | {"eos_token_id": end + 1}))

    with pytest.raises(TrainingError, match=rf"generation_config.json names only .* add {end} to eos_token_id"):
        proof(folder)


def test_p43_a_template_without_an_end_token_still_gives_a_model_that_stops(tmp_path):
    tokenizer = plain_tokenizer()
    shown = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
    tokenizer.chat_template = shown + "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    folder = saved(tmp_path / "base", "llama", tokenizer)

    figures = _tune(tmp_path / "tuned", folder, TrainSection(epochs=14, batch_tokens=256, learning_rate=1e-2))

    assert figures["template"] == "chat"
    assert figures["stop_rate"] == 1


def test_an_end_token_that_was_not_learnt_is_named_with_its_probability(tmp_path, base):
    with pytest.raises(TrainingError, match=r"no answer ends by itself after 4 updates: .*<\|im_end\|> a probability of 0\.0") as caught:
        _tune(tmp_path, base, SHORT.model_copy(update={"learning_rate": 1e-3}))

    assert "train.epochs" in str(caught.value)


def test_the_end_token_is_likely_after_the_expected_answers_of_a_trained_model(base, tuned):
    model, tokenizer = load(tuned[0])
    untrained, own = load(base)

    assert end_probability(model, facts()[:4], choose_template(tokenizer)) > 0.5
    assert end_probability(untrained, facts()[:4], choose_template(own)) < 0.1


def test_a_base_that_already_gives_the_expected_answers_may_stay_as_it_is(tmp_path, tuned):
    section = TrainSection(epochs=35, batch_tokens=256, learning_rate=5e-3)
    _tune(tmp_path / "whole", str(tuned[0]), section)

    figures = _tune(tmp_path / "again", str(tmp_path / "whole"), SHORT.model_copy(update={"learning_rate": 1e-9}))

    assert figures["changed_answers"] == 0
    assert figures["stop_rate"] == 1


def test_p130_a_tokenizer_of_another_model_is_a_note_though_its_ids_fit(tmp_path, tuned):
    folder = _copy(tuned, tmp_path)
    described = json.loads((folder / "tokenizer.json").read_text())
    held = {token["id"] for token in described["added_tokens"]}
    free = sorted(number for number in described["model"]["vocab"].values() if number not in held)
    moved = dict(zip(free, reversed(free), strict=True))
    described["model"]["vocab"] = {token: moved.get(number, number) for token, number in described["model"]["vocab"].items()}
    (folder / "tokenizer.json").write_text(json.dumps(described))

    right = look_before(*_loaded(tuned[0]), facts(), base=str(tuned[0]))
    figures = _tune(tmp_path / "again", str(folder), TrainSection(epochs=14, batch_tokens=256, learning_rate=1e-2))

    assert right.loss < right.chance / 2
    assert figures["loss_base"] > right.chance
    assert any("no better than by chance" in note for note in figures["notices"])


def _loaded(folder):
    model, tokenizer = load(folder)
    return model, choose_template(tokenizer)
