"""The filter of Self-Instruct (Wang et al. 2212.10560) as Alpaca (Taori et al. 2023) used it, and no copies of the seeds."""

import re
from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.blocklist import blocked, tidied
from generators.alpaca.checks import token_f1
from generators.alpaca.prompts import shown_seeds

_NEAR = 0.7  # token F1 with a seed task; Self-Instruct takes ROUGE-L, which the builder applies to all pairs
_NUMBERED = re.compile(r"\d+[.)]\s")  # both papers split a reply at such numbers; here each task is an item of its own


def problem(item: dict[str, Any], material: Material) -> str:
    """Return why the original filter would refuse a new task, or an empty string; other languages begin with letters too."""
    instruction = item["instruction"].strip()
    if found := blocked(tidied(instruction), any_script=True):
        return f"instruction: {found}"
    if _NUMBERED.match(instruction):
        return "instruction: it begins with a number of a list; leave it out"
    copied = any(token_f1(instruction, seed.instruction) > _NEAR for seed in shown_seeds(material.ask))
    return "instruction: it is nearly a seed task; write another" if copied else ""
