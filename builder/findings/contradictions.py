"""The same rule with another value in two documents: two sentences about the same, of which one says 25 days and the other 20.

Two statements are about the same when the words that tell statements apart are shared and neither has such a word of
its own that the other's sentence, headings and title lack. Precision comes first: what is shown here is read by people.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from builder.findings.statements import Said, Statement, statements
from generators.fitness import superseded
from schemas.findings import Finding, FindingsSection, Place, shortened
from schemas.records import Document

ALIKE, ALIKE_RULE = 0.62, 0.72  # least likeness of two statements with other values; with must against must not
_LEAST_SHARED = {"rule": 3, "count": 4}  # words; numbers of nothing in particular are often those of different things
_TELLING, _TELLING_ROW = 2, 5  # shared words from which sentences, and rows of tables, stand for themselves
_THING = re.compile(r"(?!(?:19|20)\d\d$|v\d)(?:\d{3,6}|[a-z]+\d+|\d+[a-z]+)")
_NOT = ("un", "non", "in", "dis", "im")
_COMMON = 40  # statements: a word in more of them finds no partners
_COVERED = 0.5  # weight of a word that the other's headings say
_INHERITED = 0.4  # weight of a word that only headings share


def contradictions(documents: Sequence[Document], policy: FindingsSection) -> Iterator[Finding]:
    """Yield what two documents state differently, the surest first; what is marked as superseded may differ."""
    listed = [statement for document in documents if not superseded(document) for statement in statements(document)]
    weights = _weights(listed)
    wordings = {(statement.document.id, statement.wording) for statement in listed}
    scored: list[tuple[float, int, int]] = []
    for left, right in _near(listed, weights):
        if _both_say(listed[left], listed[right], wordings):
            continue
        if conflict(listed[left], listed[right]) and (score := likeness(listed[left], listed[right], weights)):
            scored.append((score, left, right))
    told: set[int] = set()
    for score, left, right in sorted(scored, key=lambda one: (-one[0], one[1], one[2])):
        if left not in told and right not in told:
            told |= {left, right}
            yield _finding(listed[left], listed[right], score, policy)


def conflict(one: Statement, other: Statement) -> str:
    """Return what sets the statements against each other: a unit, `rule` for must against must not, or nothing."""
    if one.document.id == other.document.id:
        return ""
    both = sorted(one.units.keys() & other.units.keys())
    differing = [unit for unit in both if one.units[unit] != other.units[unit]]
    if len(differing) == 1 and _differs(one.units[differing[0]], other.units[differing[0]]):
        return differing[0]
    opposed = {one.said.polarity, other.said.polarity} in ({1, -1}, {1, 2})
    return "rule" if opposed and not differing and one.units.keys() == other.units.keys() else ""


def likeness(one: Statement, other: Statement, weights: dict[str, float]) -> float:
    """Return how sure it is that both are about the same, from 0 to 1; 0 below the bar."""
    in_one, in_other = one.words | one.context, other.words | other.context
    said = (one.words & in_other) | (other.words & in_one)
    inherited = (one.heading & other.heading) - said
    what = conflict(one, other)
    least = 2 if one.words == other.words else _LEAST_SHARED.get(what, 2)
    if (
        _opposite(one.said, other.said)
        or _of_two_things(one, other)
        or len(said | inherited) < least
        or not said | (one.heading & other.heading)
    ):
        return 0.0
    direct = (one.words or one.heading) & (other.words or other.heading)  # "You get 25 days." is about its heading
    shared = _weight(direct, weights) + _INHERITED * _weight(said - direct | inherited, weights)
    mine = _weight(one.words - in_other, weights) + _COVERED * _weight(one.words - direct, weights)
    theirs = _weight(other.words - in_one, weights) + _COVERED * _weight(other.words - direct, weights)
    apart = min(_weight(one.heading - in_other, weights), _weight(other.heading - in_one, weights))
    if len(direct) < (_TELLING_ROW if one.said.is_row and other.said.is_row else _TELLING):  # they name no subject, so the documents do
        apart = max(apart, min(_weight(one.context - in_other, weights), _weight(other.context - in_one, weights)))
    score = shared / (shared + 2.0 * min(mine, theirs) + 0.25 * max(mine, theirs) + _INHERITED * apart)
    return score if score >= (ALIKE_RULE if what == "rule" else ALIKE) else 0.0


def _opposite(left: Said, right: Said) -> bool:
    """Whether one speaks of the unopened and the other of the opened, or of sick leave and annual leave."""
    mine, theirs = left.words - right.words, right.words - left.words
    if any(f"{before}{word}" in theirs for before in _NOT for word in mine) or any(
        f"{before}{word}" in mine for before in _NOT for word in theirs
    ):
        return True
    sorts = {noun for word, noun in left.neighbours if word in mine and noun in right.words}
    return any(word in theirs and noun in sorts for word, noun in right.neighbours)


def _both_say(one: Statement, other: Statement, wordings: set[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether one of the documents says what the other says as well, so that the two sentences are two rules."""
    return (other.document.id, one.wording) in wordings or (one.document.id, other.wording) in wordings


def _of_two_things(one: Statement, other: Statement) -> bool:
    """Whether the titles or headings name two things, Delta 700 and Reef 400, and the sentences name neither."""
    mine, theirs = ({word for word in statement.context if _THING.fullmatch(word)} for statement in (one, other))
    return bool(mine and theirs) and not mine & theirs and not (mine | theirs) & one.words & other.words


def _near(listed: Sequence[Statement], weights: dict[str, float]) -> list[tuple[int, int]]:
    """Pairs of statements of two documents that share a rare word, or all the words that one of them has."""
    holders: dict[str, list[int]] = defaultdict(list)
    for index, statement in enumerate(listed):
        for word in sorted(statement.words | statement.heading, key=lambda word: -weights.get(word, 0.0))[:6]:
            holders[word].append(index)
    pairs = {pair for indexes in holders.values() if len(indexes) <= _COMMON for pair in combinations(indexes, 2)}
    return sorted(pair for pair in pairs if listed[pair[0]].document.id != listed[pair[1]].document.id)


def _weights(listed: Sequence[Statement]) -> dict[str, float]:
    """How well each word tells statements apart: 1 for the most common, more for the rare."""
    used = Counter(word for statement in listed for word in statement.words | statement.heading)
    return {word: 1.0 + math.log((1 + len(listed)) / (1 + count)) for word, count in used.items()}


def _weight(words: frozenset[str], weights: dict[str, float]) -> float:
    return sum(weights.get(word, 1.0) for word in words)


def _differs(left: frozenset[float], right: frozenset[float]) -> bool:
    """Whether one value of as many is another; a sentence that says more is no contradiction."""
    return len(left) == len(right) and len(left - right) == 1


def _finding(one: Statement, other: Statement, score: float, policy: FindingsSection) -> Finding:
    places = tuple(Place.of(statement.document, statement.said.start, statement.said.end) for statement in (one, other))
    what = conflict(one, other)
    name = "must and must not" if what == "rule" else f"another {_NAMES.get(what.split('/')[0], 'number')}"
    return Finding(
        kind="contradiction",
        rule="contradiction",
        name=name,
        severity="high" if score >= 0.8 else "medium",
        action=policy.contradiction,
        places=places,
        sentence=(
            f"{places[0].path}:{places[0].line} says “{shortened(one.quote)}” but {places[1].path}:{places[1].line} says "
            f"“{shortened(other.quote)}” ({name}); correct one of them, or both are taught"
        ),
    )


_NAMES = {
    "date": "date", "time": "time of day", "day": "number of days", "month": "number of months or years", "second": "duration",
    "percent": "percentage", "eur": "amount", "usd": "amount", "gbp": "amount", "chf": "amount",
}  # fmt: skip
