"""The same rule with another value in two places: two sentences about the same, of which one says 25 days and the other 20.

Two statements are about the same when the words that tell statements apart are shared, neither has such a word of its own
that the other's sentence, headings and title lack, and both hold for the same people, places and times (`scope`). Sections of
one document are compared only where they name their subject in the same words. Precision comes first: people read this.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from builder.findings.amounts import agree, comparable, differs
from builder.findings.scope import apart, opposite
from builder.findings.statements import Statement, statements
from builder.findings.topics import stem
from builder.findings.where import pointed
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
_LOOSE = 0.85  # what a value belongs to is less sure where only one sentence has another beside it
_INHERITED = 0.4  # weight of a word that only headings share


def contradictions(documents: Sequence[Document], policy: FindingsSection) -> Iterator[Finding]:
    """Yield what two documents state differently, the surest first; what is marked as superseded may differ."""
    listed = [statement for document in documents if not superseded(document) for statement in statements(document)]
    weights = _weights(listed)
    wordings = {(statement.document.id, statement.wording) for statement in listed}
    scored: list[tuple[float, int, int]] = []
    for left, right in _near(listed, weights):
        one, other = listed[left], listed[right]
        if (what := conflict(one, other)) and (score := likeness(one, other, weights, what)) and not _both_say(one, other, wordings):
            scored.append((score, left, right))
    told: set[int] = set()
    surest: list[tuple[float, Statement, Statement]] = []
    for score, left, right in sorted(scored, key=lambda one: (-one[0], one[1], one[2])):
        if left not in told and right not in told:
            told |= {left, right}
            surest.append((score, listed[left], listed[right]))
    found = pointed([(one.document, one.said.start, one.said.end) for _, *both in surest for one in both])
    for (score, one, other), left, right in zip(surest, found[::2], found[1::2], strict=True):
        yield _finding(one, other, score, (left, right), policy)


def conflict(one: Statement, other: Statement) -> str:
    """Return what sets the statements against each other: a measure, `rule` for must against must not, or nothing."""
    opposed = {one.said.polarity, other.said.polarity} in ({1, -1}, {1, 2})
    if not (one.measures and other.measures):
        return "rule" if opposed and not one.measures and not other.measures else ""
    both = [(mine, theirs) for mine in one.measures for theirs in other.measures if comparable(mine, theirs)]
    differing = [pair for pair in both if not agree(one.measures[pair[0]], other.measures[pair[1]])]
    if len(differing) == 1 and differs(one.measures[differing[0][0]], other.measures[differing[0][1]]):
        return max(differing[0], key=len)
    return "rule" if opposed and not differing and one.measures.keys() == other.measures.keys() else ""


def likeness(one: Statement, other: Statement, weights: dict[str, float], what: str) -> float:
    """Return how sure it is that both are about the same, from 0 to 1; 0 below the bar; `what` is their `conflict`."""
    in_one, in_other = one.words | one.context, other.words | other.context
    said = (one.words & in_other) | (other.words & in_one)
    inherited = (one.heading & other.heading) - said
    least = 1 if one.words == other.words else _LEAST_SHARED.get(what, 2)
    if (
        len(said | inherited) < least
        or not said | (one.heading & other.heading)
        or apart(one.said.scope, other.said.scope, one.surroundings, other.surroundings)
        or (one.times and other.times and not one.times & other.times)
        or (one.document.id == other.document.id and not _of_one_thing(one, other))
        or _of_two_things(one, other)
        or _opposite(one, other, is_rule=what == "rule")
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
    if opposite(one.sides, other.sides, is_rule=is_rule):
        return True
    left, right = one.said, other.said
    mine, theirs = left.words - right.words, right.words - left.words
    if any(f"{before}{word}" in theirs for before in _NOT for word in mine) or any(
        f"{before}{word}" in mine for before in _NOT for word in theirs
    ):
        return True
    sorts = {noun for word, noun in left.neighbours if word in mine and noun in right.words}
    return any(word in theirs and noun in sorts for word, noun in right.neighbours)


def _both_say(one: Statement, other: Statement, wordings: set[tuple[str, str]]) -> bool:
    """Whether one of the documents says what the other says as well, so that the two sentences are two rules."""
    if one.document.id == other.document.id:
        return one.wording == other.wording
    return (other.document.id, one.wording) in wordings or (one.document.id, other.wording) in wordings


def _of_two_things(one: Statement, other: Statement) -> bool:
    """Whether the titles or headings name two things, Delta 700 and Reef 400, and the sentences name neither."""
    mine, theirs = ({word for word in statement.context if _THING.fullmatch(word)} for statement in (one, other))
    return bool(mine and theirs) and not mine & theirs and not (mine | theirs) & one.words & other.words


def _near(listed: Sequence[Statement], weights: dict[str, float]) -> list[tuple[int, int]]:
    """Pairs of statements that share a rare word and that both set values, or a rule of which only one says must or may."""
    rank = {word: place for place, word in enumerate(sorted(weights, key=lambda word: (-weights[word], word)))}
    holders: dict[str, list[int]] = defaultdict(list)
    for index, statement in enumerate(listed):
        for word in sorted(statement.words | statement.heading, key=rank.__getitem__)[:6]:
            holders[word].append(index)
    pairs: set[tuple[int, int]] = set()
    for indexes in holders.values():
        if 1 < len(indexes) <= _COMMON:
            pairs.update(combinations([index for index in indexes if listed[index].measures], 2))
            rules = [index for index in indexes if not listed[index].measures]
            wanted = [index for index in rules if listed[index].said.polarity == 1]
            others = [index for index in rules if listed[index].said.polarity != 1]
            pairs.update((min(pair), max(pair)) for pair in product(wanted, others))
    return sorted(pairs)


def _weights(listed: Sequence[Statement]) -> dict[str, float]:
    """How well each word tells statements apart: 1 for the most common, more for the rare."""
    used = Counter(word for statement in listed for word in statement.words | statement.heading)
    return {word: 1.0 + math.log((1 + len(listed)) / (1 + count)) for word, count in used.items()}


def _weight(words: frozenset[str], weights: dict[str, float]) -> float:
    return math.fsum(weights.get(word, 1.0) for word in words)  # the same in whichever order


def _finding(one: Statement, other: Statement, score: float, places: tuple[Place, Place], policy: FindingsSection) -> Finding:
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
