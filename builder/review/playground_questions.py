"""The held-out questions as the playground needs them: one drawn by chance, and the one that is nearest to what somebody asked."""

from typing import Any, NamedTuple

from rapidfuzz import fuzz, process, utils

from builder.review.index import Index
from builder.review.items import card
from builder.review.rows import short
from schemas.records import Pair
from trainer.metrics import exact_match, token_f1

HELD_OUT = ("test", "paraphrase", "validation")
NEAR = 50.0  # of 100: questions that are less alike have nothing to do with each other
_WHERE = f"place = 'chosen' AND split IN ({', '.join(repr(name) for name in HELD_OUT)})"


class Near(NamedTuple):
    """A held-out pair, how like the question it is (0 to 100), and whether it is the very same question."""

    pair: Pair
    likeness: float
    is_same: bool


def sizes(index: Index) -> dict[str, int]:
    """Return how many questions each held-out split has."""
    found = dict(map(tuple, index.select(f"SELECT split, count(*) FROM items WHERE {_WHERE} GROUP BY 1")))  # noqa: S608 - our own words
    return {name: found[name] for name in HELD_OUT if name in found}


def draw(index: Index, split: str = "") -> dict[str, Any] | None:
    """Return a held-out question of a split, or of any, drawn by chance; None if there is none."""
    rows = index.select(f"SELECT id FROM items WHERE {_WHERE} AND ? IN ('', split) ORDER BY random() LIMIT 1", [split])  # noqa: S608
    return told(index, rows[0]["id"]) if rows else None


def told(index: Index, name: str) -> dict[str, Any] | None:
    """Return what the page needs to ask the question of a pair, without its answer; None of an unknown id."""
    pair = index.item(name)
    if not isinstance(pair, Pair):
        return None
    return pair.model_dump(mode="json", include={"id", "split", "instruction", "input", "history"})


def nearest(index: Index, question: str, input: str = "") -> Near | None:
    """Return the held-out pair whose question is most like this one; None if none is near."""
    rows = index.select(f"SELECT id, question FROM items WHERE {_WHERE}")  # noqa: S608 - our own words
    asked = short(question)  # as the index has the others
    worded_alike = (index.item(row["id"]) for row in rows if row["question"] == asked)
    same = next((pair for pair in worded_alike if isinstance(pair, Pair) and _is_same(pair, question, input)), None)
    if same is not None:
        return Near(same, 100.0, is_same=True)
    names = {row["id"]: row["question"] for row in rows}
    found = process.extractOne(asked, names, scorer=fuzz.token_sort_ratio, processor=utils.default_process, score_cutoff=NEAR)
    pair = index.item(found[2]) if found else None
    return Near(pair, found[1], is_same=False) if found and isinstance(pair, Pair) else None


def shown(index: Index, near: Near) -> dict[str, Any]:
    """Return what the page shows of the nearest question: its answer, its source, and how near it is."""
    found = card(index, near.pair.id) or {}
    pair = near.pair.model_dump(mode="json", include={"id", "split", "instruction", "input", "output", "grounding"})
    return {**pair, "likeness": round(near.likeness), "is_same": near.is_same, "source": found.get("source")}


def marks(answer: str, near: Near | None) -> dict[str, float]:
    """Return how an answer compares with the expected one, as the evaluation counts it; empty unless it is the very same question."""
    if near is None or not near.is_same:
        return {}
    return {"exact_match": exact_match(answer, near.pair.output), "token_f1": token_f1(answer, near.pair.output)}


def _is_same(pair: Pair, question: str, input: str) -> bool:
    return (pair.instruction.strip(), pair.input.strip()) == (question.strip(), input.strip())
