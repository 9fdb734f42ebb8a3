"""Every held-out answer of the tuned model as right or wrong, joined with its pair and with where that pair comes from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.records import Chunk, Document, Pair

ANSWERED_BY = "tuned"
_DECIDES = ("label_right", "refusal_right")  # scores that say of an answer, where it has them, whether it is right


@dataclass(frozen=True)
class Place:
    """Where a pair comes from: the path of its document and the headings of its chunk."""

    document: str
    section: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A held-out pair and the tuned model's answer; `tokens` is the length of the reference with its end token."""

    pair: Pair
    set: str
    place: Place
    right: bool
    stopped: bool
    tokens: int

    @property
    def wrong(self) -> bool:
        """Whether the answer is not what it should be: an answer that never ends is wrong whatever it says."""
        return not (self.right and self.stopped)


class Places:
    """Finds where pairs come from; a pair that a person brought along comes from no document."""

    def __init__(self, documents: Iterable[Document], chunks: Iterable[Chunk]) -> None:
        self._paths = {document.id: document.path for document in documents}
        self._headings = {chunk.id: chunk.heading_path for chunk in chunks}

    def of(self, pair: Pair) -> Place:
        """Return the path and the headings."""
        came = pair.provenance
        return Place(self._paths.get(came.document_id, "no document"), self._headings.get(came.chunk_id, ()))


def judged(answers: Sequence[Mapping[str, Any]], pairs: Mapping[str, Pair], places: Places) -> Iterator[Judged]:
    """Yield the rows of answers.json as judged ones, in their order."""
    for row in answers:
        pair, scores = pairs[row["pair_id"]], row["scores"][ANSWERED_BY]
        right = _is_right(row["answers"][ANSWERED_BY], pair, scores)
        yield Judged(pair, row["set"], places.of(pair), right, bool(scores["stopped"]), int(scores["tokens"]))


def _is_right(text: str, pair: Pair, scores: Mapping[str, Any]) -> bool:
    from trainer.answer_match import is_right

    decided = [bool(scores[name]) for name in _DECIDES if scores.get(name) is not None]
    return all(decided) if decided else bool(scores["exact_match"]) or is_right(text, pair.output)
