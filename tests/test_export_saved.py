"""Adapters that find their base wherever the workspace lies, and a training repeated without kilopair."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from trl import SFTConfig

from schemas.errors import InputError
from schemas.training import TrainSection
from tests.tiny_models import chat_tokenizer, facts, ignore, plain_tokenizer, saved, thinking_tokenizer
from trainer.export.repeat import ARGUMENTS, Training, differences, sft_yaml, write_repeat
from trainer.loss import row_losses
from trainer.model import base_of, is_adapter, load
from trainer.rows import pair_rows
from trainer.sft import train
from trainer.templates import choose_template

PAIRS = facts()
VALIDATION = [pair.model_copy(update={"instruction": f"Please, {pair.instruction}", "split": "validation"}) for pair in PAIRS[::6]]


def trained(folder: Path, **section: object) -> dict:
    base = saved(folder / "base", "llama", plain_tokenizer())
    settings = TrainSection.model_validate(
        {"base": base, "epochs": 12, "batch_tokens": 512, "learning_rate": 2e-2, "choose": "last", **section}
    )
    return train(PAIRS, VALIDATION, [], base=base, section=settings, seed=0, folder=folder / "run" / "model", progress=ignore)


def loss(folder: Path | str) -> float:
    model, tokenizer = load(folder)
    return sum(row_losses(model, pair_rows(VALIDATION, choose_template(tokenizer))))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "dora"])
def test_adapters_beside_the_merged_model_are_the_same_model(method: str, tmp_path: Path):
    trained(tmp_path, method=method, lora_rank=8, save="both")
    model = tmp_path / "run" / "model"

    assert not is_adapter(model)
    assert is_adapter(model / "adapter")
    assert {"tokenizer.json", "chat_template.jinja", "generation_config.json"} <= {path.name for path in (model / "adapter").iterdir()}
    assert loss(model / "adapter") == pytest.approx(loss(model), rel=1e-5)
    assert loss(model) != pytest.approx(loss(tmp_path / "base"), rel=1e-2)


@pytest.mark.slow
def test_adapters_alone_move_with_their_base_and_name_it_when_it_is_gone(tmp_path: Path):
    trained(tmp_path / "here", method="lora", lora_rank=8, save="adapter")
    model = tmp_path / "here" / "run" / "model"
    before = loss(model)
    noted = json.loads((model / "adapter_config.json").read_text())["base_model_name_or_path"]

    assert not (model / "model.safetensors").exists()
    assert noted == "../../base"  # P107: PEFT notes an absolute path of this machine
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = tmp_path / "there" / "run" / "model"
    assert loss(moved) == before
    assert base_of(moved) == str((tmp_path / "there" / "base").resolve())
    shutil.rmtree(tmp_path / "there" / "base")
    with pytest.raises(InputError, match=r"its adapters are for the model in .*/there/base, which is not there"):
        load(moved)


@pytest.mark.slow
def test_a_saved_model_has_everything_that_other_programs_read(tmp_path: Path):
    """P107, P110, P128."""
    trained(tmp_path, method="full", epochs=6, learning_rate=1e-2)
    model = tmp_path / "run" / "model"
    config = json.loads((model / "config.json").read_text())

    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"} <= {
        one.name for one in model.iterdir()
    }
    assert config.get("use_cache", True)  # P110
    assert config["dtype"] == "float32"
    assert not list(model.glob("**/training_args.bin"))  # P128: a pickle
    assert torch.isfinite(torch.tensor(loss(model)))


@pytest.mark.slow
def test_trl_repeats_a_training_from_the_folder_alone(tmp_path: Path):
    """P119."""
    figures = trained(tmp_path, method="full", epochs=6, learning_rate=1e-2)
    section = TrainSection(base="base", epochs=6)
    template = choose_template(load(tmp_path / "run" / "model")[1])
    pairs = [*(pair.model_copy(update={"split": "train"}) for pair in PAIRS), *VALIDATION]
    shutil.copytree(tmp_path / "base", tmp_path / "repeat" / "base")

    written = write_repeat(tmp_path / "repeat", Training(section, figures, 0), pairs=pairs, template=template, base="base")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("trl")), "sft", "--config", "sft.yaml"],
        cwd=tmp_path / "repeat", capture_output=True, text=True, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(tmp_path / "home")},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    assert written == {"rows": len(PAIRS), "equal_rows": len(PAIRS)}
    before, ours, theirs = (loss(tmp_path / folder) for folder in ("base", "run/model", "repeat/trained"))
    assert ours < 0.7 * before
    assert abs(theirs - ours) < 0.2 * (before - ours)


def training(**figures: object) -> Training:
    arguments = dict.fromkeys(ARGUMENTS)
    usual = {
        "arguments": arguments,
        "optimizer": "adamw",
        "learning_rate": 1e-3,
        "raw_text": 0.0,
        "word_drop": 0.0,
        "start_weight": 1.0,
        "input_share": 1.0,
        "passes": 3.0,
    }
    section = TrainSection.model_validate(figures.pop("section", {}))
    return Training(section, {**usual, "lengths": {"longest": 90}, **figures}, 0)


def test_every_key_of_the_yaml_is_one_that_trl_knows(tmp_path: Path):
    """P120, P122."""
    from dataclasses import fields

    from trl import ModelConfig, ScriptArguments

    known = {field.name for kind in (SFTConfig, ModelConfig, ScriptArguments) for field in fields(kind)}
    template = choose_template(chat_tokenizer())

    for method in ("full", "lora", "dora", "qlora"):
        settings = sft_yaml(
            training(section={"method": method}, arguments=dict.fromkeys(ARGUMENTS, 1)), template=template, base="b", has_test=True
        )
        assert set(settings) <= known  # P120: trl ignores a key that it does not know
        assert yaml.safe_load(yaml.safe_dump(settings)) == settings  # P122: numbers stay numbers


def test_without_validation_pairs_nothing_is_evaluated():
    """P121."""
    template = choose_template(chat_tokenizer())

    assert "eval_strategy" not in sft_yaml(training(), template=template, base="b", has_test=False)  # P121


def test_what_the_yaml_cannot_say_is_listed():
    section = {"pretrain_epochs": 1, "replay": 0.02, "prompt_weight": 0.1}

    said = " ".join(
        differences(
            training(optimizer="muon", raw_text=0.15, word_drop=0.5, start_weight=5.0, input_share=0.25, section=section), rows=10, equal=8
        )
    )

    for part in (
        "2 of 10 rows end with tokens",
        "instead of Muon",
        "15% of the updates",
        "50% of the questions",
        "read 1 times",
        "2%",
        "0.1",
        "a weight of 5",
        "in 25%",
    ):
        assert part in said
    assert len(differences(training(), rows=10, equal=10)) == 2


@pytest.mark.parametrize("make", [chat_tokenizer, plain_tokenizer, thinking_tokenizer])
def test_the_rows_of_the_folder_are_conversations_with_the_trained_template(make, tmp_path: Path):
    template = choose_template(make())
    pairs = [pair.model_copy(update={"split": "train"}) for pair in PAIRS[:3]]

    write_repeat(tmp_path, training(), pairs=pairs, template=template, base="b")

    rows = [json.loads(line) for line in (tmp_path / "data" / "train.jsonl").read_text().splitlines()]
    assert rows[0]["completion"] == [{"role": "assistant", "content": PAIRS[0].output}]
    assert rows[0]["prompt"][-1]["content"] == PAIRS[0].instruction
    assert (tmp_path / "chat_template.jinja").read_text() == template.tokenizer.chat_template
    assert not (tmp_path / "data" / "test.jsonl").exists()
