"""How a training uses this machine: numbers in bfloat16 or float32, activations kept or computed again, updates in one piece or several.

The same machine always chooses the same precision, so a run can be repeated bit for bit, and the figures tell what was chosen.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch

from schemas.errors import InputError
from schemas.training import TrainSection
from trainer.machine import device
from trainer.memory import Load, estimate
from trainer.parallel import processes
from trainer.plan import Plan
from trainer.rows import Row
from trainer.settings import Settings
from trainer.trial import free_bytes

Precision = Literal["float32", "bfloat16"]
# A CPU with bfloat16 instructions gains more, the larger the matrices; below this many weights, casting them costs what is won.
_PAYS_FROM = 3_000_000
_ALWAYS_FITS = 512 << 20  # bytes; a training that needs less is not counted through
_SHARE_OF_FREE = 0.85  # the rest is for what no estimate knows
_MOST_MICRO_BATCHES = 16


@dataclass(frozen=True)
class Setup:
    """What was chosen for this machine.

    Args:
        precision: of the forward and backward pass (autocast); weights and optimizer stay in float32.
        recomputed: whether activations are computed again in the backward pass (gradient checkpointing).
        micro_batches: into how many pieces each process divides its share of an update.
        multiple: rows are padded to a multiple of this many tokens, for the matrix units of a GPU.
        processes: how many train together.
    """

    precision: Precision
    recomputed: bool = False
    micro_batches: int = 1
    multiple: int = 1
    processes: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return what the figures tell."""
        return asdict(self)


def choose_setup(model: Any, plan: Plan, *, section: TrainSection, settings: Settings) -> Setup:
    """Choose how to use this machine for this training.

    Raises:
        InputError: the recipe asks for bfloat16 on a device without it.
    """
    accelerated = device().type == "cuda"
    precision = choose_precision(section.precision, model.num_parameters())
    setup = Setup(precision, multiple=8 if accelerated else 1, processes=processes())
    widest = max(plan.batches, key=lambda batch: len(batch) * max(len(plan.rows[index]) for index in batch))
    return _fitted(model, setup, load_of([plan.rows[index] for index in widest], section, settings))


def choose_precision(wanted: Literal["auto", "float32", "bfloat16"], parameters: int) -> Precision:
    """Return the precision of a training: bfloat16 where the device multiplies it faster, by its instructions and not by a clock.

    A trial with a clock would now and then choose otherwise on the same machine, and no run could be repeated bit for bit.
    """
    if device().type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
        if wanted == "bfloat16" and not able:
            raise InputError("train.precision: this GPU has no bfloat16; set it to auto or float32")
        return "bfloat16" if able and wanted != "float32" else "float32"
    if wanted != "auto":
        return wanted
    return "bfloat16" if multiplies_bfloat16() and parameters >= _PAYS_FROM else "float32"


def multiplies_bfloat16() -> bool:
    """Tell whether this CPU has instructions for products of bfloat16 matrices (AVX512-BF16 or AMX); without them it only emulates them."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def load_of(rows: Sequence[Row], section: TrainSection, settings: Settings) -> Load:
    """Describe a batch of these rows for the estimate of memory, in float32 and with all activations kept."""
    trained = sum(len(row) if section.prompt_weight else row.trained for row in rows)
    return Load(len(rows), max(map(len, rows)), trained, section.method, section.lora_rank, settings.optimizer)


def _fitted(model: Any, setup: Setup, load: Load) -> Setup:
    """Have activations computed again, then updates divided, as far as memory needs it."""
    load = replace(load, autocast=setup.precision == "bfloat16")
    if _at_most(model, load) < _ALWAYS_FITS:
        return setup
    free = _SHARE_OF_FREE * free_bytes(str(device()))
    shares = (setup.processes * pieces for pieces in (1, 2, 4, 8, _MOST_MICRO_BATCHES))
    ways = [(share, recomputed) for share in shares for recomputed in (False, True)]
    for share, recomputed in ways:
        part = replace(load, rows=-(-load.rows // share), trained=-(-load.trained // share), recomputed=recomputed)
        if _needed(model, part) <= free or (share, recomputed) == ways[-1]:
            return replace(setup, recomputed=recomputed, micro_batches=share // setup.processes)
    return setup


def _at_most(model: Any, load: Load) -> int:
    """Bound what a training holds without running the model: 16 bytes a weight, and 40 numbers a token, layer and unit."""
    config = model.config.get_text_config()
    kept = 40 * load.rows * load.length * config.num_hidden_layers * config.hidden_size
    return 16 * model.num_parameters() + 4 * (kept + 3 * load.trained * config.vocab_size)


def _needed(model: Any, load: Load) -> int:
    """Return what the training takes beside the weights, which are loaded already; without an estimate, it has to be tried."""
    try:
        memory = estimate(model.config, load)
    except InputError:
        return 0
    return memory.total - memory.parameters * 4
