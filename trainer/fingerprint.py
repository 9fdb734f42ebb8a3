"""What decides a training's weights, as hashes: only a run with all of them equal goes on from another's checkpoint (P83).

The number of threads and the processor's instructions are no part of it, though they change the last bits of sums: whoever goes on
with more cores, or on another machine, wants the work that is done and not those bits. It is told instead (`trainer.phases`).
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainer.after import sample_weights
from trainer.parallel import processes
from trainer.plan import Plan

_LIBRARIES = ("accelerate", "peft", "safetensors", "tokenizers", "torch", "transformers", "trl")
NO_PART = ("choose", "keep", "log", "replay_text")  # settings that leave the weights as they are, or whose content is in the data


def fingerprint(model: Any, plans: Iterable[Plan], *, settings: Mapping[str, Any], seed: int) -> dict[str, str]:
    """Return the hashes of everything that decides the weights, by what a person would call it.

    Args:
        model: the base before training; of each weight some thousand elements are taken.
        plans: the rows and batches of every phase.
        settings: the recipe's section and what was made of its `auto`.
        seed: of the run.
    """
    return {
        "data": _data(plans),
        "base": _weights(model),
        "settings": _hash([json.dumps(dict(settings), sort_keys=True, default=str)]),
        "seed": str(seed),
        "device": f"{processes()} {next(iter(model.parameters())).device.type}",
        "versions": _hash([f"{name} {version(name)}" for name in _LIBRARIES]),
        "code": _code(),
    }


def _data(plans: Iterable[Plan]) -> str:
    digest = hashlib.sha256()
    for plan in plans:
        for series in (*(row.input_ids for row in plan.rows), *(row.labels for row in plan.rows), *plan.batches):
            digest.update(array("q", series).tobytes() + b"/")
        digest.update(b"#")
    return digest.hexdigest()


def _weights(model: Any) -> str:
    digest = hashlib.sha256()
    for name, sample in sample_weights(model).items():
        digest.update(name.encode() + sample.numpy().tobytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Return the hash of the code that runs: of the files as they were when it was first asked for."""
    return _hash([path.read_bytes().hex() for path in sorted(Path(__file__).parent.glob("*.py"))])


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
