"""The filter of Self-Instruct (Wang et al. 2212.10560) as Alpaca (Taori et al. 2023) used it, and no copies of the seeds."""

import re
from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import token_f1
from generators.alpaca.prompts import shown_seeds

_SHORTEST, _LONGEST = 3, 150  # words of an instruction
_NEAR = 0.7  # token F1 with a seed task; Self-Instruct takes ROUGE-L, which the builder applies to all pairs
_NEEDS_MORE_THAN_TEXT = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot", "go to", "video",
    "audio", "music", "flowchart", "diagram",
)  # fmt: skip
_BLACKLIST = re.compile(rf"\b(?:{'|'.join(_NEEDS_MORE_THAN_TEXT)})\b", re.IGNORECASE)


def problem(item: dict[str, Any], material: Material) -> str:
    """Return why the original filter would refuse a new task, or an empty string."""
    instruction = item["instruction"].strip()
    length = len(instruction.split())
    if not _SHORTEST <= length <= _LONGEST:
        return f"instruction: it has {length} words, not {_SHORTEST} to {_LONGEST}"
    if found := _BLACKLIST.search(instruction):
        return f"instruction: {found.group()!r} is nothing for a model that has only text"
    if instruction.lower().startswith("write a program"):
        return "instruction: no programs"
    # Alpaca asks for an ASCII letter; other languages begin with letters too.
    if not instruction[0].isalpha():
        return "instruction: it begins with no letter"
    copied = any(token_f1(instruction, seed.instruction) > _NEAR for seed in shown_seeds(material.ask))
    return "instruction: it is nearly a seed task; write another" if copied else ""
