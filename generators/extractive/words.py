"""The word lists of words.yaml, loaded once."""

from functools import cache
from pathlib import Path

import yaml


@cache
def words(name: str) -> frozenset[str]:
    """Return the list `name` of words.yaml."""
    return frozenset(_lists()[name].split())


@cache
def _lists() -> dict[str, str]:
    return yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
