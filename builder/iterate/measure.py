"""What is measured after every training: the same questions each time, of which no training saw one; and the proof of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.connect import question, questions
from builder.iterate.facts import NEAR_COPY, Fact
from builder.rouge import rouge_l, words
from builder.split import prove
from schemas.errors import KilopairError
from schemas.records import Pair

if TYPE_CHECKING:
    from schemas.proof import Comparison, Design

WEAK, KNOWN, METRIC = "weak_facts", "known_facts", "right"


@dataclass(frozen=True)
class Measure:
    """The weak facts and the known ones that are measured, the same over all rounds."""

    weak: tuple[Fact, ...]
    known: tuple[Fact, ...]
    paths: Mapping[str, str]

    @property
    def asked(self) -> list[Pair]:
        """Every question: those that measure, and those that find out which fact needs another round."""
        return [pair for fact in self.weak for pair in fact.held_out] + [fact.measure for fact in self.known if fact.measure]

    def document(self, fact: Fact) -> str:
        """Return the path of the document that a fact stands in."""
        return self.paths.get(fact.first.provenance.document_id, fact.first.provenance.document_id)

    def scores(self, facts: Sequence[Fact], right: Mapping[str, bool]) -> list[float]:
        """Return 1.0 for each fact whose measuring question is answered rightly, else 0.0."""
        return [float(right[fact.measure.id]) for fact in facts if fact.measure]

    def compare(self, first: tuple[str, Mapping[str, bool]], second: tuple[str, Mapping[str, bool]], *, design: "Design") -> "Comparison":
        """Return the second model against the first on the weak facts; documents are the clusters, passages of a single one."""
        return self._compared(self.weak, WEAK, first, second, design)

    def compare_known(
        self, first: tuple[str, Mapping[str, bool]], second: tuple[str, Mapping[str, bool]], *, design: "Design"
    ) -> "Comparison | None":
        """Return the second model against the first on the known facts; None if there are hardly any."""
        return self._compared(self.known, KNOWN, first, second, design) if len(self.known) > 1 else None

    def _compared(
        self,
        facts: Sequence[Fact],
        name: str,
        first: tuple[str, Mapping[str, bool]],
        second: tuple[str, Mapping[str, bool]],
        design: "Design",
    ) -> "Comparison":
        from trainer.statistics.compare import compare

        values = [self.scores(facts, right) for _, right in (first, second)]
        places = [(self.document(fact), fact.first.provenance.chunk_id) for fact in facts]
        return compare(*values, clusters=places, design=design, of=(METRIC, name, first[0], second[0]))


def leaks(pairs: Sequence[Pair], held: Sequence[Pair]) -> dict[str, int]:
    """Count every way in which a training could know a held-out question: all counts are 0.

    Args:
        pairs: those of a round, of all splits.
        held: the questions that find and measure.

    Raises:
        KilopairError: one is not.
    """
    train = [pair for pair in pairs if pair.split in ("train", "validation")]
    asked = {what for pair in train for what in questions(pair)}
    by_fact: dict[str, list[list[str]]] = {}
    for pair in train:
        if not pair.input:
            by_fact.setdefault(pair.group, []).append(words(pair.instruction))
    near = 0
    for pair in held:
        near += any(rouge_l(text, words(pair.instruction)) > NEAR_COPY for text in by_fact.get(pair.group, ()))
    found = prove(pairs)
    found["measured_questions_in_train"] = sum(question(pair) in asked for pair in held)
    found["measured_near_copies_in_train"] = near
    if told := ", ".join(f"{what.replace('_', ' ')}: {count}" for what, count in found.items() if count):
        raise KilopairError(f"a round would be trained on what measures it ({told}); a bug of kilopair, worth a report")
    return found
