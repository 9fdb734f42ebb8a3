"""Which items are asked for, and in which order: the query of a page as a condition of the index."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from builder.review.indexing import spaced
from schemas.errors import UsageError
from schemas.review import State

UNDECIDED = "undecided"
SORTS = {
    "doubt": "i.doubt DESC, i.n",
    "score": "i.score IS NULL, i.score, i.n",
    "document": "i.document, i.n",
    "task": "i.task, i.doubt DESC, i.n",
    "newest": "ifnull(s.seq, 0) DESC, i.n",
    "order": "i.n",
}
_SAME = ("task", "split", "section", "family", "kind", "cluster")
_WORD = re.compile(r'"[^"]+"|[^\s"]+')
_ID = re.compile(r"pair-[0-9a-f]{4,16}")


@dataclass(frozen=True)
class Filter:
    """What items must be; empty: no matter what. `where` and `state` may name several, with commas."""

    where: str = ""
    state: str = ""
    task: str = ""
    document: str = ""
    section: str = ""
    reason: str = ""
    split: str = ""
    family: str = ""
    kind: str = ""
    cluster: str = ""
    flag: str = ""
    reviewer: str = ""
    text: str = ""
    min_score: float | None = None
    max_score: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Filter":
        """Read a filter from a query or a body; what it does not know is left to others.

        Raises:
            UsageError: a value means nothing.
        """
        scores = cls(min_score=_number("min_score", given), max_score=_number("max_score", given))
        texts = {field.name: str(given.get(field.name) or "").strip() for field in fields(cls) if not field.name.endswith("_score")}
        made = replace(scores, **texts)
        for state in made.states:
            if state not in get_args(State):
                raise UsageError(f"state: {state} is none; there are {', '.join(get_args(State))}")
        return made

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are wanted; empty for all."""
        return tuple(filter(None, self.state.split(",")))

    @property
    def places(self) -> tuple[str, ...]:
        """The places that are wanted; empty for all."""
        return tuple(filter(None, self.where.split(",")))

    @property
    def lasting(self) -> "Filter":
        """The part of the filter that no decision changes the items of."""
        return replace(self, state="", reviewer="")

    def condition(self) -> tuple[str, list[Any]]:
        """Return what of the filter is a condition on items `i`, but for state and reviewer, and its values."""
        parts = [(f"i.{name} = ?", [value]) for name in _SAME if (value := getattr(self, name))]
        if self.document:
            parts.append(("(i.document = ? OR i.document_id = ?)", [self.document] * 2))
        if self.places:
            parts.append((f"i.place IN ({', '.join('?' * len(self.places))})", list(self.places)))
        if self.reason:
            parts.append(("i.reason = ?", [self.reason]))
        if self.flag:
            parts.append(("instr(i.flags, ?)", [f" {self.flag} "]))
        parts += [("i.score >= ?", [self.min_score])] if self.min_score is not None else []
        parts += [("i.score <= ?", [self.max_score])] if self.max_score is not None else []
        parts += [_searched(self.text)] if self.text else []
        return " AND ".join(part for part, _ in parts) or "TRUE", [value for _, values in parts for value in values]

    def of_state(self) -> tuple[str, list[Any]]:
        """Return what of the filter is a condition on how items stand, `s`."""
        parts: list[tuple[str, list[Any]]] = []
        if self.states:
            parts.append((f"ifnull(s.state, '{UNDECIDED}') IN ({', '.join('?' * len(self.states))})", list(self.states)))
        if self.reviewer:
            parts.append(("EXISTS (SELECT 1 FROM json_each(s.reviewers) WHERE value = ?)", [self.reviewer]))
        return " AND ".join(part for part, _ in parts) or "TRUE", [value for _, values in parts for value in values]


def order_of(sort: str) -> str:
    """Return the order that a page asks for.

    Raises:
        UsageError: there is no such order.
    """
    if sort not in SORTS:
        raise UsageError(f"sort: {sort} is none; there are {', '.join(SORTS)}")
    return SORTS[sort]


def _searched(text: str) -> tuple[str, list[Any]]:
    """Return the condition of a search: every word, or its beginning, and what stands in quotes as it stands there; or an id."""
    if _ID.fullmatch(text):
        return "i.id BETWEEN ? AND ? || 'g'", [text, text]
    found = [_quoted(word) for word in _WORD.findall(text)]
    wanted = " AND ".join(filter(None, found))
    return ("i.n IN (SELECT rowid FROM texts WHERE texts MATCH ?)", [wanted]) if wanted else ("TRUE", [])


def _quoted(word: str) -> str:
    """Return a word or a quoted phrase as FTS5 reads it: in double quotes, so that nothing of it is an operator."""
    phrase = " ".join(re.findall(r"\w+", spaced(word)))
    return f'"{phrase}"' + ("" if word.startswith('"') else "*") if phrase else ""


def _number(name: str, given: Mapping[str, Any]) -> float | None:
    value = given.get(name)
    try:
        return float(value) if value not in (None, "") else None
    except (TypeError, ValueError):
        raise UsageError(f"{name}: {value!r} is no number") from None
