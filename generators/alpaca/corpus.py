"""Search over all documents: which passages are near a text, and which older version a document has.

BM25 (Robertson et al. 1994) finds distractors for open-book questions, the second passage of a comparison, and, for
questions that nothing answers, whatever might answer them after all.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from generators.alpaca.asks import Passage
from generators.fitness import superseded
from generators.interface import Source
from schemas.records import Document

if TYPE_CHECKING:
    from bm25s import BM25

# scripts that are written without spaces: one word per character
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+")
_VERSION = re.compile(
    r"\b(?:v|version|ver|rev|revision|edition)?[ .]*\d[\d.]*\b|[(\[].*?[)\]]|\b(?:superseded|obsolete|old|archived?)\b", re.IGNORECASE
)
_NEAR_TITLE = 90.0  # of 100: titles of two versions, without their version numbers
_NEAR_PASSAGE = 0.2  # shared words of all words: below it, the older version has no such section


def words(text: str) -> list[str]:
    """Return the words of `text` in any script, in one case."""
    return _WORD.findall(text.casefold())


class Corpus:
    """All chunks of documents that hold today; indexed at the first search."""

    def __init__(self, sources: Iterable[Source]) -> None:
        current = (source for source in sources if not superseded(source.document))
        self.passages = tuple(Passage(source.document, chunk) for source in current for chunk in source.chunks)

    def search(self, text: str, *, limit: int, leave_out: frozenset[str] = frozenset()) -> list[tuple[Passage, float]]:
        """Return the passages nearest to `text` with their BM25 scores, best first; none that shares no word with it.

        Args:
            text: what to look for.
            limit: most passages.
            leave_out: ids of chunks that are not wanted.
        """
        asked = [word for word in dict.fromkeys(words(text)) if word in self._known]
        if not asked or limit < 1:
            return []
        scores = self._index.get_scores(asked)
        found: list[tuple[Passage, float]] = []
        for place in (-scores).argsort(kind="stable"):
            if scores[place] <= 0 or len(found) == limit:
                break
            if self.passages[place].chunk.id not in leave_out:
                found.append((self.passages[place], float(scores[place])))
        return found

    @cached_property
    def _words(self) -> list[list[str]]:
        return [words(" ".join((*passage.chunk.heading_path, passage.chunk.text))) for passage in self.passages]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(chain.from_iterable(self._words))

    @cached_property
    def _index(self) -> "BM25":
        import bm25s

        index = bm25s.BM25()
        index.index(self._words, show_progress=False)
        return index


class Versions:
    """The superseded documents, found by the titles of those that took their place."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._older = tuple(source for source in sources if superseded(source.document))
        self._found: dict[str, Source | None] = {}
        self._passages: dict[str, Passage | None] = {}

    def older(self, document: Document) -> Source | None:
        """Return the superseded document of nearly the same title, or None."""
        if document.id not in self._found:
            ranked = [(_likeness(document, source.document), -place) for place, source in enumerate(self._older)]
            best, place = max(ranked, default=(0.0, 0))
            self._found[document.id] = self._older[-place] if best >= _NEAR_TITLE else None
        return self._found[document.id]

    def passage(self, of: Passage) -> Passage | None:
        """Return what the older version says in the same matter, or None if nothing, or nothing else."""
        if of.chunk.id not in self._passages:
            self._passages[of.chunk.id] = self._nearest(of)
        return self._passages[of.chunk.id]

    def _nearest(self, of: Passage) -> Passage | None:
        source = self.older(of.document)
        now = frozenset(words(of.chunk.text))
        ranked = [(_shared(now, frozenset(words(chunk.text))), -place) for place, chunk in enumerate(source.chunks)] if source else []
        best, place = max(ranked, default=(0.0, 0))
        if source is None or best < _NEAR_PASSAGE or source.chunks[-place].text.split() == of.chunk.text.split():
            return None
        return Passage(source.document, source.chunks[-place])


def _likeness(left: Document, right: Document) -> float:
    """Return how near two documents are by title or by file name, versions aside, from 0 to 100."""
    from rapidfuzz.fuzz import ratio

    titles = (_plain(left.title), _plain(right.title))
    stems = (_plain(left.path), _plain(right.path))
    return max(ratio(*names) if all(names) else 0.0 for names in (titles, stems))


def _plain(name: str) -> str:
    return " ".join(words(_VERSION.sub(" ", name.replace("_", " ").replace("-", " "))))


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if left and right else 0.0
