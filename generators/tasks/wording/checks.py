"""What several people ask differs in more than a word; whether it still is the fact is checked for every task of rule facts."""

from itertools import combinations
from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import questions, token_f1

_SAME = 0.95  # token F1 of two wordings


def problem(item: dict[str, Any], material: Material) -> str:  # noqa: ARG001 - the arguments of every task
    """Return what is wrong with the wordings of a fact, or an empty string."""
    asked = questions(item)
    alike = len(asked) > 1 and all(token_f1(left, right) > _SAME for left, right in combinations(asked, 2))
    return "wordings: they are all the same; ask as different people would" if alike else ""
