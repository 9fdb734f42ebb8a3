"""The same training without kilopair: a folder with data, base and YAML for `trl sft`, and what that training does otherwise.

TRL's YAML cannot say everything (raw text between the pairs, questions that lose words, Muon, batches by tokens): what it leaves out
is listed in the folder's README, from the figures of this very training.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.records import Pair
from schemas.training import TrainSection
from trainer.rows import pair_rows
from trainer.templates import Template

# Fields of SFTConfig that decide the weights, kept as the training had them.
ARGUMENTS = (
    "learning_rate", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "lr_scheduler_type",
    "lr_scheduler_kwargs", "warmup_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
    "seed", "bf16", "activation_checkpointing", "gradient_checkpointing",
)  # fmt: skip
_ADAMW_RATE = 2e-3  # of a model made from scratch, where Muon cannot be had
BASE, DATA, TEMPLATE, CONFIG = "base", "data", "chat_template.jinja", "sft.yaml"
FSDP = Path(__file__).parents[1] / "launch" / "fsdp.yaml"


@dataclass(frozen=True)
class Training:
    """What a finished training was made of: its section, the figures it left, and the seed."""

    section: TrainSection
    figures: Mapping[str, Any]
    seed: int


def arguments_of(config: Any) -> dict[str, Any]:
    """Return what decides the weights of an SFTConfig, as plain values."""
    values = {name: getattr(config, name) for name in ARGUMENTS}
    return {name: getattr(value, "value", value) for name, value in values.items()}


def write_repeat(folder: Path, training: Training, *, pairs: Sequence[Pair], template: Template, base: str) -> dict[str, Any]:
    """Write the folder and return its figures: rows, and how many of them TRL reads as the same tokens.

    Args:
        folder: where to.
        training: what was done.
        pairs: those of train and validation.
        template: the saved model's.
        base: the name of the base, or its folder beside the YAML.
    """
    parts = {"train": "train", "validation": "test"}  # TRL evaluates on a split named test
    (folder / DATA).mkdir(parents=True, exist_ok=True)
    for split, name in parts.items():
        rows = [json.dumps(_row(pair, template), ensure_ascii=False) + "\n" for pair in pairs if pair.split == split]
        if rows:
            (folder / DATA / f"{name}.jsonl").write_text("".join(rows), encoding="utf-8")
    (folder / TEMPLATE).write_text(str(template.tokenizer.chat_template), encoding="utf-8")
    trained = [pair for pair in pairs if pair.split == "train"]
    settings = sft_yaml(training, template=template, base=base, has_test=any(pair.split == "validation" for pair in pairs))
    shutil.copy(FSDP, folder)
    (folder / CONFIG).write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
    equal = _equal_rows(trained, template)
    (folder / "README.md").write_text(_readme(training, rows=len(trained), equal=equal), encoding="utf-8")
    return {"rows": len(trained), "equal_rows": equal}


def _row(pair: Pair, template: Template) -> dict[str, Any]:
    asked = template.messages(pair.instruction, pair.input, pair.history)
    return {"prompt": asked, "completion": [{"role": "assistant", "content": pair.output.strip()}]}


def sft_yaml(training: Training, *, template: Template, base: str, has_test: bool) -> dict[str, Any]:
    """Return the settings of `trl sft` that come nearest to a training."""
    figures = training.figures
    arguments = dict(figures["arguments"])
    if figures["optimizer"] == "muon":
        arguments["learning_rate"] = _ADAMW_RATE
    return {
        "model_name_or_path": base,
        "dataset_name": DATA,
        "chat_template_path": TEMPLATE,
        "eos_token": template.tokenizer.convert_ids_to_tokens(template.end),
        "output_dir": "trained",
        "num_train_epochs": figures["passes"],
        "max_length": max(int(figures["lengths"]["longest"]), 1) + 8,  # nothing is cut: TRL's rows may end with a few tokens more
        **{name: value for name, value in arguments.items() if value is not None},
        "train_sampling_strategy": "group_by_length",
        **({"eval_strategy": "epoch"} if has_test else {}),
        "dtype": "float32",
        "save_strategy": "no",
        "report_to": "none",
        **_adapters(training.section),
    }


def _adapters(section: TrainSection) -> dict[str, Any]:
    if section.method == "full":
        return {}
    return {
        "use_peft": True,
        "lora_r": section.lora_rank,
        "lora_alpha": 2 * section.lora_rank,
        "lora_dropout": 0.0,
        "lora_target_modules": "all-linear",
        **({"use_dora": True} if section.method == "dora" else {}),
        **({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "use_bnb_nested_quant": True} if section.method == "qlora" else {}),
    }


def _equal_rows(pairs: Sequence[Pair], template: Template) -> int:
    """Count the pairs that TRL reads as the tokens that were trained on."""
    equal = 0
    for row, pair in zip(pair_rows(pairs, template), pairs, strict=True):
        (whole,) = template.encode([template.whole_text(pair)])
        equal += whole == row.input_ids
    return equal


def _readme(training: Training, *, rows: int, equal: int) -> str:
    different = "\n".join(f"- {difference}" for difference in differences(training, rows=rows, equal=equal))
    return f"""# The same training without kilopair

```sh
pip install trl peft
trl sft --config {CONFIG}                                                  # one GPU, or a CPU
accelerate launch --num_processes 4 -m trl.scripts.sft --config {CONFIG}   # four GPUs
accelerate launch --config_file {FSDP.name} -m trl.scripts.sft --config {CONFIG}   # a model too large for one GPU, divided over four
torchrun --nproc_per_node 2 -m trl.scripts.sft --config {CONFIG}           # two processes on CPUs, where accelerate starts one
```

`{DATA}/` holds the {rows:,} training pairs, and the validation pairs as the split `test`. `{TEMPLATE}` is the template that was trained
with. Run the commands in this folder; with several processes, divide `per_device_train_batch_size` by their number.

## What this does otherwise

{different}
"""


def differences(training: Training, *, rows: int, equal: int) -> list[str]:
    """Say what `trl sft` does not do of a training."""
    figures, section = training.figures, training.section
    found = ["Batches are of a fixed number of rows of like length, kilopair's of a number of tokens, so the order of the rows differs."]
    if equal < rows:
        found.append(f"{rows - equal:,} of {rows:,} rows end with tokens after the end token, which are trained here and were not there.")
    if figures["optimizer"] == "muon":
        found.append(f"AdamW at {_ADAMW_RATE:g} instead of Muon and AdamW at {figures['learning_rate']:g}.")
    if figures["raw_text"]:
        found.append(f"No raw document text; {figures['raw_text']:.0%} of the updates were on it.")
    if figures["word_drop"]:
        found.append(f"No questions that lose words; {figures['word_drop']:.0%} of the questions lost some.")
    if figures["input_share"] < 1:
        found.append(f"Every pair in every pass; one with an input took part in {figures['input_share']:.0%} of those after the first.")
    if section.pretrain_epochs:
        found.append(f"No continued pretraining; the documents were read {section.pretrain_epochs:g} times first.")
    if section.replay:
        found.append(f"No general text; {section.replay:.0%} of the updates were on it.")
    if section.prompt_weight:
        found.append(f"Prompts are not in the loss; here they had a weight of {section.prompt_weight:g}.")
    if figures["start_weight"] != 1:
        found.append(f"The first token of a response counts like any other; here it had a weight of {figures['start_weight']:g}.")
    return [*found, "The last epoch's weights are kept."]
