"""The judge as a stage: which pairs it sees and with which passages, and what its points do to them.

Pairs that nobody doubts go on as they are, and so do those whose verdict never came; `judge_recipe.py` says whom to ask.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from builder.review.accepted import is_accepted
from generators.alpaca.asks import Passage
from generators.judge.cases import Case
from generators.judge.rubrics import Rubric
from schemas.curation_judge import JudgeSection
from schemas.records import Chunk, Document, Dropped, Evidence, Pair, Reason

if TYPE_CHECKING:
    from generators.judge.verdicts import Verdict

STAGE = "judge"
UNJUDGED = "judge/none"  # the flag of a pair that should have been judged and was not
Verdicts = Callable[[Iterable[Case]], Iterable[tuple[str, "Verdict"]]]


@dataclass(frozen=True)
class Sources:
    """The documents, as far as pairs rest on them."""

    documents: Mapping[str, Document]
    chunks: Mapping[str, Chunk]
    by_document: Mapping[str, tuple[Chunk, ...]]

    @classmethod
    def of(cls, documents: Iterable[Document] = (), chunks: Iterable[Chunk] = ()) -> "Sources":
        """Index documents and chunks; without any, pairs have no source and are judged by what they say."""
        held = tuple(chunks)
        by_document: dict[str, list[Chunk]] = {}
        for chunk in sorted(held, key=lambda chunk: (chunk.document_id, chunk.start)):
            by_document.setdefault(chunk.document_id, []).append(chunk)
        return cls(
            {document.id: document for document in documents},
            {chunk.id: chunk for chunk in held},
            {name: tuple(found) for name, found in by_document.items()},
        )

    def case(self, pair: Pair) -> Case:
        """Return a pair with its passages: the section that it was made from, and those that its evidence stands in."""
        own = self.chunks.get(pair.provenance.chunk_id)
        found = [own, *(self._around(evidence) for evidence in pair.evidence)]
        chunks = {chunk.id: chunk for chunk in found if chunk is not None}
        passages = (Passage(self.documents[chunk.document_id], chunk) for chunk in chunks.values() if chunk.document_id in self.documents)
        return Case(pair, tuple(passages))

    def _around(self, evidence: Evidence) -> Chunk | None:
        """Return the section that a quote begins in; of text that no chunk holds, the quote itself."""
        chunks = self.by_document.get(evidence.document_id, ())
        place = bisect_right(chunks, evidence.start, key=lambda chunk: chunk.start) - 1
        if place >= 0 and evidence.start < chunks[place].end:
            return chunks[place]
        document = self.documents.get(evidence.document_id)
        return Chunk.of(document, evidence.start, evidence.end, (), 0) if document else None


def is_doubtful(pair: Pair, section: JudgeSection) -> bool:
    """Whether only a judge can tell if a pair is good: it shows no evidence, its support is thin, or a flag says so."""
    flagged = any(fnmatchcase(flag, pattern) for flag in pair.flags for pattern in section.doubtful_flags)
    return not pair.evidence or flagged or pair.scores.get("support", 1.0) < section.least_support


def is_wanted(pair: Pair, section: JudgeSection) -> bool:
    """Whether the recipe wants a pair judged."""
    if is_accepted(pair):  # a person knows better
        return False
    return section.pairs == "all" or (section.pairs == "doubtful" and is_doubtful(pair, section))


def judge(  # noqa: PLR0913 - what it is given by name
    pairs: Iterable[Pair], *, verdicts: Verdicts, wanted: Callable[[Pair], bool], sources: Sources, rubric: Rubric, threshold: float
) -> Iterator[Pair | Dropped]:
    """Yield every pair in its order: judged ones with their scores, or dropped when these are below the threshold.

    Args:
        pairs: anybody's pairs.
        verdicts: judges cases; what it does not return stays unjudged and is flagged.
        wanted: which pairs are put before the judge.
        sources: the documents.
        rubric: makes scores of points.
        threshold: least score `judge`.
    """
    held = list(pairs)
    asked = {pair.id: pair for pair in held if wanted(pair)}
    found = dict(verdicts(sources.case(pair) for pair in asked.values())) if asked else {}
    for pair in held:
        if pair.id not in asked:
            yield pair
        elif pair.id not in found:
            yield pair.model_copy(update={"flags": (*_others(pair.flags), UNJUDGED)})
        else:
            yield _placed(pair, found[pair.id], rubric, threshold)


def _placed(pair: Pair, verdict: "Verdict", rubric: Rubric, threshold: float) -> Pair | Dropped:
    others = {name: score for name, score in pair.scores.items() if name.partition("/")[0] != STAGE}
    scores, flags = verdict.scores(rubric), (*_others(pair.flags), *verdict.flags())
    judged = pair.model_copy(update={"scores": others | scores, "flags": flags})
    if scores["judge"] >= threshold:
        return judged
    failed = [
        f"{name} {given:g} of {rubric.criteria[name].points[-1]}" for name, given in verdict.points.items() if rubric.fails(name, given)
    ]
    why = "; ".join(filter(None, [", ".join(failed), ", ".join(verdict.codes)]))
    return Dropped.of(
        judged, STAGE, Reason.JUDGED_LOW, f"judged {scores['judge']:.2f}, below {threshold:.2f}" + (f": {why}" if why else "")
    )


def _others(flags: Iterable[str]) -> tuple[str, ...]:
    """Return the flags without those of an earlier verdict."""
    return tuple(flag for flag in flags if not flag.startswith(f"{STAGE}/"))
