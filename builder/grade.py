"""Facts for people to grade: some of each family, one wording each, with what supports the answer and where that stands."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from builder.findings.stage import check, refuse
from builder.generate_stage import extracted
from builder.grades import FEWEST, LETTERS, Grade, Letter, append, fact_key, read_grades
from builder.stages import chunk, read
from builder.step import Step
from builder.validate import validate
from builder.watch import Watch
from builder.workspace import Workspace
from generators.extractive.catalogue import families, family_of
from generators.interface import is_doubtful
from schemas.errors import UsageError
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Draft, Evidence, Pair

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")  # what a document could move the cursor or a cell with
AROUND = 160  # characters of the document that are shown before and after the evidence


@dataclass(frozen=True)
class Quoted:
    """Evidence as it stands in its document."""

    before: str
    quote: str
    after: str


@dataclass(frozen=True)
class Shown:
    """A fact as a person sees it."""

    fact: str
    family: str
    question: str
    input: str
    answer: str
    place: str
    evidence: tuple[Quoted, ...] = ()


def printable(text: str) -> str:
    """Return a text without control characters other than line feeds."""
    return _CONTROL.sub(" ", text)


def facts_to_grade(recipe: Recipe, root: Path, *, most: int, watch: Watch | None = None) -> dict[str, list[Shown]]:
    """Return up to `most` facts of each family, also of those that are switched off, in a random order that stays.

    Raises:
        UsageError: the recipe's generator is not the one that goes by families.
    """
    if recipe.generate.generator != "extractive":
        raise UsageError(
            f"generate.generator is {recipe.generate.generator}; families are of the rules: use --set generate.generator=extractive"
        )
    with Workspace((root / recipe.workspace).resolve(), watch=watch) as work:
        step = Step(work, recipe, root)
        read(step)
        refuse(check(step))
        chunk(step)
        return _drawn(step, most)


def _drawn(step: Step, most: int) -> dict[str, list[Shown]]:
    from generators.extractive.lexicon import lexicon

    documents, chunks = step.documents(), step.chunks()
    wordings: dict[str, dict[str, list[Draft]]] = {name: defaultdict(list) for name in families()}
    for draft in extracted(step, documents, chunks, lexicon(documents)):
        family = family_of(draft.provenance.rule, draft.task) if isinstance(draft, Draft) else None
        if isinstance(draft, Draft) and family and (step.recipe.curate.doubtful or not is_doubtful(draft.flags)):
            wordings[family.name][fact_key(draft)].append(draft)
    sources = _Sources({page.id: page for page in documents}, {piece.id: piece for piece in chunks}, step.recipe)
    return {name: list(islice(sources.shuffled(name, facts), most)) for name, facts in wordings.items()}


@dataclass(frozen=True)
class _Sources:
    pages: Mapping[str, Document]
    pieces: Mapping[str, Chunk]
    recipe: Recipe

    def shuffled(self, family: str, facts: Mapping[str, Sequence[Draft]]) -> Iterator[Shown]:
        """Yield the facts that would become pairs; one keeps its turn and its wording when others come or go."""
        for fact in sorted(facts, key=self._turn):
            draft = min(facts[fact], key=lambda draft: self._turn(draft.instruction))
            pair = next(validate([draft], documents=self.pages, chunks=self.pieces, max_words=self.recipe.curate.max_words))
            if isinstance(pair, Pair):
                yield self._shown(fact, family, pair)

    def _shown(self, fact: str, family: str, pair: Pair) -> Shown:
        page, piece = self.pages.get(pair.provenance.document_id), self.pieces.get(pair.provenance.chunk_id)
        place = " › ".join([*([page.path] if page else []), *(piece.heading_path if piece else ())])
        evidence = tuple(map(self._quoted, pair.evidence))
        return Shown(fact, family, pair.instruction, pair.input, pair.output, place, evidence)

    def _quoted(self, span: Evidence) -> Quoted:
        text = self.pages[span.document_id].text
        return Quoted(text[max(0, span.start - AROUND) : span.start], span.quote, text[span.end : span.end + AROUND])

    def _turn(self, text: str) -> str:
        return hashlib.sha256(f"{self.recipe.seed}/{text}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Session:
    """One sitting: which fact comes next, and what was said so far. Every grade is on disk before the next fact is shown.

    Families take turns in rounds of 10 facts, so that whoever stops early has still graded each of them a little.
    """

    workspace: Path
    facts: Mapping[str, Sequence[Shown]]
    each: int
    name: str = ""
    grades: dict[str, Grade] = field(init=False)
    said: list[Shown] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.grades = read_grades(self.workspace)

    def next(self) -> Shown | None:
        """Return the next fact to grade, or None when every family has its grades or no more facts."""
        for goal in [*range(FEWEST, self.each, FEWEST), self.each]:
            for family in self.facts:
                if self.graded(family) < goal and (waiting := self.waiting(family)):
                    return waiting[0]
        return None

    def waiting(self, family: str) -> list[Shown]:
        """Return the facts of a family that are still to be graded."""
        open_facts = (fact for fact in self.facts[family] if fact.fact not in self.grades)
        return list(islice(open_facts, max(0, self.each - self.graded(family))))

    def graded(self, family: str) -> int:
        """How many facts of a family have a grade."""
        return sum(grade.family == family and grade.grade in LETTERS for grade in self.grades.values())

    def left(self, *names: str) -> int:
        """How many facts are still to be shown, of all families or of these."""
        return sum(len(self.waiting(family)) for family in names or self.facts)

    @property
    def now(self) -> int:
        """How many facts this sitting has graded; skipped ones are not."""
        return sum(self.grades[shown.fact].grade in LETTERS for shown in self.said)

    def say(self, shown: Shown, letter: Letter) -> None:
        """Grade a fact, or skip it."""
        self._note(shown, letter)
        self.said.append(shown)

    def undo(self) -> Shown | None:
        """Take back what was said last in this sitting; return that fact, or None if nothing was said."""
        if not self.said:
            return None
        shown = self.said.pop()
        self._note(shown, "undone")
        return shown

    def _note(self, shown: Shown, letter: Letter) -> None:
        grade = Grade(fact=shown.fact, family=shown.family, grade=letter, name=self.name, when=datetime.now(UTC))
        append(self.workspace, [grade])
        self.grades.pop(shown.fact, None)
        if letter != "undone":
            self.grades[shown.fact] = grade


def record(workspace: Path, filled: Iterable[tuple[str, str, Letter]], *, name: str = "") -> int:
    """Record what a sheet says, facts with family and grade; return how many grades are new or changed."""
    known, now = read_grades(workspace), datetime.now(UTC)
    new = [
        Grade(fact=fact, family=family, grade=letter, name=name, when=now)
        for fact, family, letter in filled
        if fact not in known or known[fact].grade != letter
    ]
    append(workspace, new)
    return len(new)
