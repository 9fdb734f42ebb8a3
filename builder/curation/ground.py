"""Answers against their documents, without asking a model: what is dependable drops a pair, what is doubtful is flagged for the judge.

First the evidence must resolve: `document.text[start:end] == quote`. Then `ground_signs.compare` looks at each sentence of the answer:
its numbers, dates, amounts and units, its names, its negations, the order of its words, and how many of them the source has at all. The
source is the evidence, its section with the headings above it, and the question.

A pair is dropped only for a number, a name or a negation that does not fit in a sentence which is otherwise the document's own. An
abstractive answer, in words of its own, is never dropped: it gets its score and its flags, and the judge or a person decides.

The idea of comparing the facts of a text with those of its source, rather than its words, is Nan et al. (2021), "Entity-level Factual
Consistency", and Goodrich et al. (2019); support of the worst sentence instead of the mean is Laban et al. (2022), SummaC. Cost: linear in
the answer's length times the sentences of the evidence; below a millisecond an answer.
"""

from collections.abc import Iterable, Iterator, Mapping

from builder.curation.ground_sense import Sign
from builder.curation.ground_signs import SIGNS, Verdict, compare
from builder.curation.ground_source import source_of
from builder.review.accepted import is_accepted
from schemas.curation_filters import GroundSection
from schemas.records import Document, Dropped, Pair, Reason

STAGE = "ground"
SUPPORT, VERBATIM = "support", "verbatim"
_REASONS = {
    "ungrounded_number": Reason.UNGROUNDED_NUMBER,
    "wrong_unit": Reason.UNGROUNDED_NUMBER,
    "foreign_name": Reason.FOREIGN_NAME,
    "negation": Reason.CONTRADICTS_SOURCE,
}


def ground(
    pairs: Iterable[Pair], *, documents: Mapping[str, Document], settings: GroundSection, company: str = ""
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order: with `scores["support"]` and the flags of what does not fit, or dropped for it.

    Args:
        pairs: those whose grounding is not `quoted` pass as they are.
        documents: the sources by id.
        settings: what is dropped, and below which support an answer is flagged.
        company: a name that any answer may use.
    """
    for pair in pairs:
        if pair.grounding != "quoted":
            yield pair
        elif problem := unresolved(pair, documents):
            yield Dropped.of(pair, STAGE, Reason.UNGROUNDED, problem)
        else:
            verdict = verdict_on(pair, documents, thin=settings.thin, company=company)
            refuses = settings.refuse == "sure" and not is_accepted(pair)
            sure = next((sign for sign in verdict.signs if sign.sure), None) if refuses else None
            yield Dropped.of(pair, STAGE, _REASONS[sure.flag], sure.detail) if sure else _noted(pair, verdict)


def unresolved(pair: Pair, documents: Mapping[str, Document]) -> str:
    """Return which evidence of a pair does not stand in its document, or an empty string."""
    for evidence in pair.evidence:
        document = documents.get(evidence.document_id)
        if document is None:
            return f"its document {evidence.document_id} was not read"
        if document.text[evidence.start : evidence.end] != evidence.quote:
            return f"{document.path} does not read {evidence.quote[:60]!r} at {evidence.start} to {evidence.end}"
    return ""


def verdict_on(pair: Pair, documents: Mapping[str, Document], *, thin: float, company: str = "") -> Verdict:
    """Return all signs and the support of a pair whose evidence resolves."""
    return compare(pair.output, source_of(pair, documents, company), question=pair.instruction, thin=thin)


def told(flags: Iterable[str]) -> str:
    """Return in words what the signs among the flags say."""
    return "; ".join(SIGNS[flag] for flag in flags if flag in SIGNS)


def _noted(pair: Pair, verdict: Verdict) -> Pair:
    scores = pair.scores | {SUPPORT: round(verdict.support, 4), VERBATIM: round(verdict.verbatim, 4)}
    flags = tuple(dict.fromkeys((*pair.flags, *_flags(verdict.signs))))
    return pair.model_copy(update={"scores": scores, "flags": flags})


def _flags(signs: Iterable[Sign]) -> tuple[str, ...]:
    return tuple(sign.flag for sign in signs)
