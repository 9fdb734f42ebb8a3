"""The same rule with another value in two places: two sentences about the same, of which one says 25 days and the other 20.

Two statements are about the same when the words that tell statements apart are shared, neither has such a word of its own
that the other's sentence, headings and title lack, and both hold for the same people, places and times (`scope`). Sections of
one document are compared only where they name their subject in the same words. Precision comes first: people read this.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from builder.findings.scope import apart, opposite
from builder.findings.statements import Statement, statements
from builder.findings.topics import stem
from builder.findings.values import Value
from generators.fitness import superseded
from schemas.findings import Finding, FindingsSection, Place, shortened
from schemas.records import Document

ALIKE, ALIKE_RULE = 0.55, 0.72  # least likeness of two statements with other values; with must against must not
_LEAST_SHARED = {"rule": 3, "count": 4}  # words; numbers of nothing in particular are often those of different things
_TELLING, _TELLING_ROW = 3, 5  # shared words from which sentences, and rows of tables, stand for themselves
_THING = re.compile(r"(?!(?:19|20)\d\d$|v\d)(?:\d{3,6}|[a-z]+\d+|\d+[a-z]+)")
_NOT = ("un", "non", "in", "dis", "im")
_COMMON = 40  # statements: a word in more of them finds no partners
_COVERED = 0.5  # weight of a word that the other's headings say
_BOTH, _ONE = 1.2, 0.25  # weight of words that both have of their own, and of those of the one that has more
_PLAIN_SORTS = frozenset(map(stem, ("annual", "full", "standard", "normal", "regular", "unused", "total", "daily", "close", "medical")))
_DAYS = {"second": 1 / 86_400, "day": 1.0, "month": 30.44}
_MOST_TIMES = 20  # that one value is the other
_ROUGHLY = 0.1  # 4 weeks are a month
_LOOSE = 0.85  # what a value belongs to is less sure where only one sentence has another beside it
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
    """Return what sets the statements against each other: a measure, `rule` for must against must not, or nothing."""
    both = [(mine, theirs) for mine in one.measures for theirs in other.measures if _comparable(mine, theirs)]
    differing = [pair for pair in both if not _agree(one.measures[pair[0]], other.measures[pair[1]])]
    if len(differing) == 1 and _differs(one.measures[differing[0][0]], other.measures[differing[0][1]]):
        return max(differing[0], key=len)
    opposed = {one.said.polarity, other.said.polarity} in ({1, -1}, {1, 2})
    return "rule" if opposed and not differing and one.measures.keys() == other.measures.keys() else ""


def likeness(one: Statement, other: Statement, weights: dict[str, float]) -> float:
    """Return how sure it is that both are about the same, from 0 to 1; 0 below the bar."""
    in_one, in_other = one.words | one.context, other.words | other.context
    said = (one.words & in_other) | (other.words & in_one)
    inherited = (one.heading & other.heading) - said
    what = conflict(one, other)
    least = 1 if one.words == other.words else _LEAST_SHARED.get(what, 2)
    if (
        _opposite(one, other, is_rule=what == "rule")
        or _of_two_things(one, other)
        or apart(one.said.scope, other.said.scope, one.surroundings, other.surroundings)
        or (one.times and other.times and not one.times & other.times)
        or (one.document.id == other.document.id and not _of_one_thing(one, other))
        or len(said | inherited) < least
        or not said | (one.heading & other.heading)
    ):
        return 0.0
    direct = (one.words or one.heading) & (other.words or other.heading)  # "You get 25 days." is about its heading
    shared = _weight(direct, weights) + _INHERITED * _weight(said - direct | inherited, weights)
    mine = _weight(one.words - in_other, weights) + _COVERED * _weight(one.words - direct, weights)
    theirs = _weight(other.words - in_one, weights) + _COVERED * _weight(other.words - direct, weights)
    sorts = _weight(_sorts(one, other) | _sorts(other, one), weights)
    far = min(_weight(one.heading - in_other, weights), _weight(other.heading - in_one, weights))
    if len(direct) < (_TELLING_ROW if one.said.is_row and other.said.is_row else _TELLING):  # they name no subject, so the documents do
        far = max(far, min(_weight(one.context - in_other, weights), _weight(other.context - in_one, weights)))
    loose = one.measures.keys() != other.measures.keys() and len(one.measures) + len(other.measures) > 2
    doubts = loose + (one.said.is_row != other.said.is_row)
    score = _LOOSE**doubts * shared / (shared + _BOTH * min(mine, theirs) + _ONE * max(mine, theirs) + sorts + _INHERITED * far)
    return score if score >= (ALIKE_RULE if what == "rule" else ALIKE) else 0.0


def _of_one_thing(one: Statement, other: Statement) -> bool:
    """Whether two sections of one document name the same in so many words; sections are mostly about different things."""
    return (
        one.section != other.section
        and one.section[:-1] == other.section[:-1]
        and not one.said.is_row | other.said.is_row
        and len(one.words ^ other.words) < 2
        and len(one.words & other.words) > 1
        and (one.heading <= other.words or other.heading <= one.words)
    )


def _comparable(left: str, right: str) -> bool:
    """Whether two measures are of the same; 25 days may be meant for the year that others name, three times be three attempts."""
    if left == right:
        return True
    short, long = sorted((left, right), key=len)
    return short == "span" == long.partition("/")[0] or (
        "count times" in (left, right) and left.partition(" ")[0] == right.partition(" ")[0]
    )


def _agree(left: frozenset[Value], right: frozenset[Value]) -> bool:
    return all(any(_same(mine, theirs) for theirs in right) for mine in left) and all(
        any(_same(mine, theirs) for theirs in left) for mine in right
    )


def _same(left: Value, right: Value) -> bool:
    """Whether two values are the same; months are compared with days as people mean them."""
    units = left[0].partition("/")[0], right[0].partition("/")[0]
    days = [_DAYS.get(unit.rpartition(" ")[2]) for unit in units]
    if units[0] == units[1] or None in days:
        return left[1] == right[1]
    mine, theirs = (value[1] * (day or 0.0) for value, day in zip((left, right), days, strict=True))
    return abs(mine - theirs) <= (_ROUGHLY * max(mine, theirs) if "month" in units[0] + units[1] else 0.001)


def _differs(left: frozenset[Value], right: frozenset[Value]) -> bool:
    """Whether one value of as many is another; a sentence that says more is no contradiction."""
    mine, theirs = _distinct(left), _distinct(right)
    own = [value for value in mine if not any(_same(value, other) for other in theirs)]
    others = [value for value in theirs if not any(_same(value, other) for other in mine)]
    return len(mine) == len(theirs) and len(own) == len(others) == 1 and _near_enough(own[0], others[0])


def _near_enough(left: Value, right: Value) -> bool:
    """Whether two values may be meant for the same; minutes are not set against weeks."""
    if left[0] in ("date", "time"):
        return True
    low, high = sorted(value[1] * _DAYS.get(value[0].partition("/")[0].rpartition(" ")[2], 1.0) for value in (left, right))
    return high <= _MOST_TIMES * low


def _distinct(values: frozenset[Value]) -> list[Value]:
    """The values without those said again in another unit: one day or 24 hours."""
    distinct: list[Value] = []
    for value in sorted(values):
        if not any(_same(value, other) for other in distinct):
            distinct.append(value)
    return distinct


def _sorts(one: Statement, other: Statement) -> frozenset[str]:
    """Words beside a shared noun that make it something of its own: yoga course, locked account, laptop battery."""
    return frozenset(
        word
        for pair in one.said.neighbours
        for word, noun in (pair, pair[::-1])
        if noun in other.words and word not in other.words | other.context | _PLAIN_SORTS and not word.isdigit()
    )


def _opposite(one: Statement, other: Statement, *, is_rule: bool) -> bool:
    """Whether one speaks of the unopened and the other of the opened, or of sick leave and annual leave."""
    left, right = one.said, other.said
    mine, theirs = left.words - right.words, right.words - left.words
    if opposite(one.quote, other.quote, is_rule=is_rule):
        return True
    if any(f"{before}{word}" in theirs for before in _NOT for word in mine) or any(
        f"{before}{word}" in mine for before in _NOT for word in theirs
    ):
        return True
    sorts = {noun for word, noun in left.neighbours if word in mine and noun in right.words}
    return any(word in theirs and noun in sorts for word, noun in right.neighbours)


def _both_say(one: Statement, other: Statement, wordings: set[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether one of the documents says what the other says as well, so that the two sentences are two rules."""
    if one.document.id == other.document.id:
        return one.wording == other.wording
    return (other.document.id, one.wording) in wordings or (one.document.id, other.wording) in wordings


def _of_two_things(one: Statement, other: Statement) -> bool:
    """Whether the titles or headings name two things, Delta 700 and Reef 400, and the sentences name neither."""
    mine, theirs = ({word for word in statement.context if _THING.fullmatch(word)} for statement in (one, other))
    return bool(mine and theirs) and not mine & theirs and not (mine | theirs) & one.words & other.words


def _near(listed: Sequence[Statement], weights: dict[str, float]) -> list[tuple[int, int]]:
    """Pairs of statements that share a rare word, or all the words that one of them has."""
    holders: dict[str, list[int]] = defaultdict(list)
    for index, statement in enumerate(listed):
        for word in sorted(statement.words | statement.heading, key=lambda word: -weights.get(word, 0.0))[:6]:
            holders[word].append(index)
    pairs = {pair for indexes in holders.values() if len(indexes) <= _COMMON for pair in combinations(indexes, 2)}
    return sorted(pairs)


def _weights(listed: Sequence[Statement]) -> dict[str, float]:
    """How well each word tells statements apart: 1 for the most common, more for the rare."""
    used = Counter(word for statement in listed for word in statement.words | statement.heading)
    return {word: 1.0 + math.log((1 + len(listed)) / (1 + count)) for word, count in used.items()}


def _weight(words: frozenset[str], weights: dict[str, float]) -> float:
    return sum(weights.get(word, 1.0) for word in words)


def _finding(one: Statement, other: Statement, score: float, policy: FindingsSection) -> Finding:
    places = tuple(Place.of(statement.document, statement.said.start, statement.said.end) for statement in (one, other))
    what = conflict(one, other)
    name = "must and must not" if what == "rule" else f"another {_NAMES.get(what.partition('/')[0].partition(' ')[0], 'number')}"
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
    "date": "date", "time": "time of day", "span": "duration", "every": "interval", "nth": "day", "percent": "percentage",
    "eur": "amount", "usd": "amount", "gbp": "amount", "chf": "amount",
}  # fmt: skip
