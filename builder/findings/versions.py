"""Documents that are there more than once: near copies, older versions beside the newest, and paragraphs that many share.

Near copies are found by runs of words that two documents share (shingles, Broder 1997); versions by names that are the
same without their version marks, by front matter and by what a document says of itself.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import chain, combinations, islice
from pathlib import PurePosixPath
from typing import Any
from zlib import crc32

from builder.findings.where import pointed
from generators.alpaca.corpus import words
from generators.fitness import superseded
from schemas.findings import Finding, FindingsSection
from schemas.records import Document

NEAR, WITHIN = 0.8, 0.9  # share of all shingles of two documents, and of the smaller one's, that make them near copies
ALIKE = 0.25  # share of all words of two documents of one name that makes them versions
DATED_ALIKE = 0.4  # share of all shingles, if only the date tells them apart: minutes of two meetings are no versions
_RUN, _FEW, _SAMPLE = 5, 400, 8  # words of a shingle; documents of more shingles than this are compared by every eighth
_COMMON = 30  # documents: a shingle of more of them is a form's
_LEAST_WORDS = 30
_PARAGRAPH_WORDS, _PARAGRAPH_DOCUMENTS = 12, 3

_DATE = r"(?:19|20)\d\d(?:[-_. ]?(?:0[1-9]|1[0-2])(?:[-_. ]?(?:0[1-9]|[12]\d|3[01]))?)?(?!\d)"
_NUMBER = re.compile(r"(?<![a-z])(?:v|ver|version|rev|revision|edition)[ ._-]?(\d+(?:\.\d+)*)(?![a-z\d])", re.IGNORECASE)
_DATED = re.compile(rf"(?<!\d){_DATE}")
_OLD = re.compile(r"(?<![a-z])(?:old|obsolete|superseded|archived?|outdated|deprecated|bak|draft|entwurf|veraltet)(?![a-z])", re.IGNORECASE)
_NEW = re.compile(r"(?<![a-z])(?:final|latest|current|new|neu|aktuell|updated)(?![a-z])", re.IGNORECASE)
_COPY = re.compile(r"\(\d{1,2}\)$|(?<![a-z])(?:copy(?: of)?|kopie(?: von)?)(?![a-z])(?: \d+)?", re.IGNORECASE)
_MARKS = (_NUMBER, _DATED, _OLD, _NEW, _COPY)
_DATE_FIELDS = ("effective", "effective_date", "updated", "last_updated", "last_modified", "modified", "reviewed", "date")
_PARAGRAPH = re.compile(r"[^\n]+(?:\n(?!\n)[^\n]+)*")


@dataclass(frozen=True)
class _Version:
    """A document with what tells how old it is."""

    document: Document

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Its file name and its title without version marks; only names that are long enough to tell documents apart."""
        stem = PurePosixPath(self.document.path).stem
        plain = {_without_marks(name) for name in (stem, self.document.title)}
        return tuple(sorted(name for name in plain if len(name) > 2))

    @cached_property
    def age(self) -> tuple[bool, tuple[int, ...], str, int]:
        """What sorts the newest last: not called old, version number, date, and words such as final or copy."""
        name = f"{PurePosixPath(self.document.path).stem} {self.document.title}"
        numbers = [tuple(map(int, number.split("."))) for number in _NUMBER.findall(name)]
        called = bool(_NEW.search(name)) - bool(_COPY.search(name))
        return (not self.is_old, max(numbers, default=()), self.date, called)

    @cached_property
    def words(self) -> frozenset[str]:
        """Its different words."""
        return frozenset(words(self.document.text))

    @cached_property
    def is_old(self) -> bool:
        return superseded(self.document) or bool(_OLD.search(self.document.path) or _OLD.search(self.document.title))

    @cached_property
    def date(self) -> str:
        """The newest date of its front matter, else of its name, as digits."""
        fields = [str(self.document.metadata.get(name) or "") for name in _DATE_FIELDS]
        places = [" ".join(fields), f"{PurePosixPath(self.document.path).stem} {self.document.title}"]
        dates = [max((re.sub(r"\D", "", date).ljust(8, "0") for date in _DATED.findall(place)), default="") for place in places]
        return dates[0] or dates[1]


def versions(documents: Sequence[Document], policy: FindingsSection) -> Iterator[Finding]:
    """Yield groups of near copies and of versions of one document, the newest first in each."""
    shingles = [_shingles(document.text) for document in documents]
    listed = [_Version(document) for document in documents]
    near = {pair for pair, (share, within) in _overlaps(shingles).items() if share >= NEAR or within >= WITHIN}
    older = {pair for pair in _of_one_name(listed) if _versions(listed, shingles, pair)}
    for group in _groups(len(documents), near | older):
        ranked = sorted(group, key=lambda index: (listed[index].age, -index), reverse=True)
        told_apart = len({listed[index].age for index in group}) > 1
        shares = [_within(shingles[ranked[0]], shingles[index]) for index in ranked[1:]]
        yield _finding([documents[index] for index in ranked], shares, told_apart=told_apart, policy=policy)


def repeated(documents: Sequence[Document], policy: FindingsSection) -> Iterator[Finding]:
    """Yield the paragraphs that stand in three documents or more, those of most documents first."""
    spans: dict[bytes, dict[int, tuple[int, int]]] = defaultdict(dict)
    for number, document in enumerate(documents):
        for match in _PARAGRAPH.finditer(document.text):
            if wording := _wording(match.group()):
                spans[wording].setdefault(number, match.span())
    common = [found for found in spans.values() if len(found) >= _PARAGRAPH_DOCUMENTS]
    listed = iter(pointed([(documents[number], *span) for found in common for number, span in found.items()]))
    shared = [tuple(islice(listed, len(found))) for found in common]
    for found in sorted(shared, key=lambda one: (-len(one), one[0].path, one[0].start)):
        yield Finding(
            kind="repeated",
            rule="repeated",
            name="paragraph",
            severity="low",
            action=policy.repeated,
            places=found,
            sentence=f"{found[0].path}:{found[0].line}: the same paragraph stands in {len(found)} documents",
        )


def _finding(documents: Sequence[Document], shares: Sequence[float], *, told_apart: bool, policy: FindingsSection) -> Finding:
    newest, rest = documents[0], documents[1:]
    places = tuple(pointed([(document, 0, len(document.text.partition("\n")[0])) for document in documents]))
    if told_apart:
        known = all(map(superseded, rest))  # generators ask about such a document only as the older version
        advice = "it says so itself" if known else "leave it out, or its rules are taught beside the new ones"
        return Finding(
            kind="superseded",
            rule="superseded",
            name="older version",
            severity="low" if known else "medium",
            action=policy.superseded,
            places=places,
            sentence=f"{', '.join(document.path for document in rest)}: older than {newest.path}, which is there too; {advice}",
        )
    others = ", ".join(f"{document.path} ({share:.0%} the same)" for document, share in zip(rest, shares, strict=True))
    return Finding(
        kind="duplicate",
        rule="duplicate",
        name="near copy",
        severity="low",
        action=policy.duplicate,
        places=places,
        sentence=f"{others}: nearly the same as {newest.path}; leave one of them out",
    )


def _without_marks(name: str) -> str:
    plain = name.replace("_", " ").replace("-", " ") if not _DATED.search(name) else name.replace("_", " ")
    for mark in _MARKS:
        plain = mark.sub(" ", plain)
    return " ".join(words(plain.replace("-", " ")))


def _of_one_name(listed: Sequence[_Version]) -> Iterator[tuple[int, int]]:
    """Pairs of documents with one name but for their version marks."""
    named: dict[str, list[int]] = defaultdict(list)
    for index, version in enumerate(listed):
        for name in version.names:
            named[name].append(index)
    for indexes in named.values():
        yield from combinations(sorted(set(indexes))[:_COMMON], 2)


def _versions(listed: Sequence[_Version], shingles: Sequence[frozenset[int]], pair: tuple[int, int]) -> bool:
    """Whether two documents of one name are versions: one says so, or marks and text agree."""
    one, other = (listed[index] for index in pair)
    if superseded(one.document) != superseded(other.document):
        return True
    if one.age[:2] == other.age[:2] and one.age[3] == other.age[3]:
        return one.date != other.date and _share(shingles[pair[0]], shingles[pair[1]]) >= DATED_ALIKE
    return _share(one.words, other.words) >= ALIKE


def _wording(paragraph: str) -> bytes:
    """What only paragraphs of the same words share; nothing for one of few words."""
    digest, count = blake2b(digest_size=16), 0
    for said in _lines(paragraph):
        count += len(said)
        digest.update(f"{' '.join(said)} ".encode("utf-8", "surrogatepass"))
    return digest.digest() if count >= _PARAGRAPH_WORDS else b""


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each line that has some: those of a whole data table at once would take more memory than all else."""
    return filter(None, map(words, text.split("\n")))


def _shingles(text: str) -> frozenset[int]:
    few = list(islice(chain.from_iterable(_lines(text)), _LEAST_WORDS))
    runs = _runs(text) if len(few) == _LEAST_WORDS else (few,)
    return frozenset(crc32(" ".join(run).encode("utf-8", "surrogatepass")) for run in runs)


def _runs(text: str) -> Iterator[list[str]]:
    """Every run of so many words."""
    run: list[str] = []
    for said in _lines(text):
        run = run[1 - _RUN :] + said
        yield from (run[at : at + _RUN] for at in range(len(run) - _RUN + 1))


def _overlaps(shingles: Sequence[frozenset[int]]) -> dict[tuple[int, int], tuple[float, float]]:
    """For pairs that share sampled shingles: what they share of all, and of the smaller's."""
    holders: dict[int, list[int]] = defaultdict(list)
    for index, mine in enumerate(shingles):
        for shingle in mine if len(mine) <= _FEW else (one for one in mine if one % _SAMPLE == 0):
            holders[shingle].append(index)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for indexes in holders.values():
        if 1 < len(indexes) <= _COMMON:
            for pair in combinations(indexes, 2):
                shared[pair] += 1
    likely = (pair for pair, count in shared.items() if count * 2 * _SAMPLE >= min(len(shingles[pair[0]]), len(shingles[pair[1]])))
    return {(left, right): (_share(shingles[left], shingles[right]), _within(shingles[left], shingles[right])) for left, right in likely}


def _share(left: frozenset[Any], right: frozenset[Any]) -> float:
    return len(left & right) / len(left | right) if left and right else 0.0


def _within(left: frozenset[Any], right: frozenset[Any]) -> float:
    return len(left & right) / min(len(left), len(right)) if left and right else 0.0


def _groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The indexes that pairs hold together, in order."""
    leader = list(range(count))

    def first(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for left, right in sorted(pairs):
        low, high = sorted((first(left), first(right)))
        leader[high] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(count):
        groups[first(index)].append(index)
    return [group for group in groups.values() if len(group) > 1]
