"""Passages that stand in several places: found once, linked, and asked about once.

The same words are found by their hash, and near copies by MinHash over triples of words (Broder 1997) with bands sorted by
key, each of them verified word by word. Time and memory grow with the text, and no faster.
"""

import re
import zlib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Literal

from builder.locate import NEGATION
from schemas.markdown import parse_blocks
from schemas.records import Chunk, Document

if TYPE_CHECKING:
    import numpy as np

FEWEST_WORDS = 20  # of a passage that is worth finding again
ALIKE = 0.9  # of the words, in order, in both
SEEN = 0.8  # of the characters of a chunk
_LONGEST = 20_000  # words of a passage that are compared
_BANDS, _ROWS = 8, 4  # two passages that share 85 % of their triples meet in a band with 99.7 % probability
_RIVALS = 8  # different passages with the same key that a further one is compared with
_TRIES = 16  # comparisons of one passage in all

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# words, and signs that change what is said, as in "5 %"; not punctuation and Markdown
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|[^\w\s.,;:!?'\"’‘“”()\[\]{{}}*`|#>~\\/–—-]")
_TARGET = re.compile(r"\]\([^()\n]*+\)|<[^<>]*+>")
HEADING = re.compile(r"^ {0,3}#{1,6}(?:[ \t][^\n]*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """A passage in a document, with how much of the words of the first place it has: all, less, or also other ones."""

    document_id: str
    start: int
    end: int
    has: Literal["all", "less", "other"]


@dataclass(frozen=True)
class Repeat:
    """The places of one passage, in the order of the documents."""

    places: tuple[Place, ...]


def repeated(documents: Iterable[Document]) -> list[Repeat]:
    """Return the passages of `FEWEST_WORDS` or more words that stand, the same or nearly, in more than one place."""
    passages = _Passages(list(documents))
    groups: dict[int, list[int]] = defaultdict(list)
    for place, first in enumerate(passages.merged()):
        groups[first].append(place)
    return [Repeat(tuple(passages.places(members))) for members in groups.values() if len(members) > 1]


def seen(chunks: Iterable[Chunk], repeats: Iterable[Repeat]) -> dict[str, str]:
    """Return the ids of the chunks that say almost only what others before them say below the same heading, and whose document that is."""
    where: dict[str, list[tuple[Place, int]]] = defaultdict(list)
    for number, repeat in enumerate(repeats):
        for place in repeat.places:
            where[place.document_id].append((place, number))
    for places in where.values():
        places.sort(key=_start)
    told: dict[tuple[int, str], Place] = {}  # by the number of the repeat, and the heading: elsewhere the same words say something else
    marked: dict[str, str] = {}
    for chunk in chunks:
        places = where.get(chunk.document_id, [])
        begin, end = (bisect_left(places, edge, key=_start) for edge in (chunk.start, chunk.end))
        heading = "".join(chunk.heading_path[-1:]).casefold()
        inside = [(place, (number, heading)) for place, number in places[max(0, begin - 1) : end] if place.end > chunk.start]
        again = [(place, key) for place, key in inside if place.has != "other" and told.get(key, place) != place]
        if again and _share(chunk, [place for place, _ in again]) >= SEEN:
            marked[chunk.id] = told[again[0][1]].document_id
        else:
            for place, key in inside:
                if place.has == "all":
                    told.setdefault(key, place)
    return marked


def _start(found: tuple[Place, int]) -> int:
    return found[0].start


def _share(chunk: Chunk, places: list[Place]) -> float:
    """Which share of what is in the chunk, headings and space aside, is in the places."""
    covered = sum(_size(chunk.text[max(0, place.start - chunk.start) : max(0, place.end - chunk.start)]) for place in places)
    return covered / max(1, _size(HEADING.sub("", chunk.text)))


def _size(text: str) -> int:
    return len("".join(text.split()))


def _words(text: str) -> list[str]:
    return _WORD.findall(_TARGET.sub("]", text).casefold())


def key_of(text: str) -> int:
    """Return a hash of the words of a text, whatever their case, emphasis, spacing and links; 0 if it has none."""
    return _hash(_words(text))


def _hash(words: list[str]) -> int:
    together = " ".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(together, digest_size=7).digest(), "big") + 1 if words else 0


class _Passages:
    """The long blocks of all documents by number; of their words only hashes and signatures are kept."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents
        self.spans: list[tuple[int, int, int]] = []  # number of the document, start, end
        self.same: list[int] = []  # the first passage with the same words
        self.signatures: list[tuple[int, bytes]] = []  # of each first passage
        self.tries: Counter[int] = Counter()
        first: dict[int, int] = {}
        for number, document in enumerate(documents):
            for block in parse_blocks(document.text):
                words = _words(document.text[block.start : block.end]) if block.kind != "heading" else []
                if len(words) >= FEWEST_WORDS:
                    self._add((number, block.start, block.end), words, first)

    def _add(self, span: tuple[int, int, int], words: list[str], first: dict[int, int]) -> None:
        number = len(self.spans)
        self.spans.append(span)
        self.same.append(first.setdefault(_hash(words), number))
        if self.same[-1] == number:
            self.signatures.append((number, _signature(words)))

    def text(self, number: int) -> str:
        document, start, end = self.spans[number]
        return self.documents[document].text[start:end]

    def places(self, members: list[int]) -> Iterator[Place]:
        """The members of a group, the first of them first."""
        first = self.text(members[0])
        for member in members:
            document, start, end = self.spans[member]
            yield Place(self.documents[document].id, start, end, _compared(self.text(member), first))

    def merged(self) -> list[int]:
        """Return for each passage the first one that it is the same or nearly the same as."""
        import numpy as np

        parents = list(range(len(self.spans)))
        numbers = [number for number, _ in self.signatures]
        keys = np.frombuffer(b"".join(signature for _, signature in self.signatures), dtype=np.uint64).reshape(-1, _BANDS)
        for band in range(_BANDS):
            order = np.argsort(keys[:, band], kind="stable")
            same = np.diff(keys[order, band]) == 0
            for run in _together(order.tolist(), same.tolist()):
                self._merge([numbers[place] for place in run], parents)
        return [_root(parents, first) for first in self.same]

    def _merge(self, run: list[int], parents: list[int]) -> None:
        """Put each of the run with the first that it is alike, comparing it with a few at most."""
        heads: dict[int, list[str]] = {}
        for member in run:
            root = _root(parents, member)
            if root in heads or self.tries[root] >= _TRIES:
                continue
            self.tries[root] += len(heads)
            words = _words(self.text(root))[:_LONGEST]
            like = next((head for head, theirs in heads.items() if _are_alike(words, theirs)), None)
            if like is not None:
                first = _root(parents, like)
                parents[max(first, root)] = min(first, root)
            if like is None and len(heads) < _RIVALS:
                heads[root] = words


def _are_alike(words: list[str], others: list[str]) -> bool:
    from rapidfuzz.distance import Indel

    return Indel.normalized_similarity(words, others, score_cutoff=ALIKE) >= ALIKE


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _together(order: list[int], same: list[bool]) -> Iterator[list[int]]:
    """The runs of two or more neighbours with the same key."""
    run = order[:1]
    for place, joined in zip(order[1:], same, strict=True):
        if not joined:
            if len(run) > 1:
                yield run
            run = []
        run.append(place)
    if len(run) > 1:
        yield run


def _compared(text: str, first: str) -> Literal["all", "less", "other"]:
    ours, theirs = _words(text), _words(first)
    if ours == theirs:
        return "all"
    rest = iter(theirs)
    same = NEGATION.findall(text.casefold()) == NEGATION.findall(first.casefold())
    return "less" if same and all(word in rest for word in ours) else "other"


@cache
def _factors() -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np

    draws = Random(0)  # noqa: S311 - no secret
    odd = np.array([draws.getrandbits(64) | 1 for _ in range(_BANDS * _ROWS)], dtype=np.uint64)
    return odd, np.array([draws.getrandbits(64) | 1 for _ in range(3 + _ROWS)], dtype=np.uint64)


def _signature(words: list[str]) -> bytes:
    """The smallest hashes of the triples of words, put together to one key for each band."""
    import numpy as np

    odd, mix = _factors()
    ids = np.fromiter((zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words[:_LONGEST]), dtype=np.uint64)
    triples = ids[:-2] * mix[0] + ids[1:-1] * mix[1] + ids[2:] * mix[2]
    triples ^= triples >> np.uint64(31)
    least = ((triples[:, None] * odd) >> np.uint64(16)).min(axis=0).reshape(_BANDS, _ROWS)
    return (least * mix[3:]).sum(axis=1, dtype=np.uint64).tobytes()
