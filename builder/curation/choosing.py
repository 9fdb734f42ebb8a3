"""The choice of the pairs of a run and of anybody's file alike: the gates in their order, and what decides at each.

The order is that of the cost: what a pair shows by itself, then against its document, then against the other pairs, then what
a model says of it, then the choice. A run and a file differ in where pairs come from and go to, and in that only a run knows
the documents: so it can check against them, ask a judge about a passage, and balance the families of its rules, while the
pairs of a file wait in one queue, by their worth alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from builder.balance import CODE as BALANCE
from builder.balance import Balance, by_rules
from builder.caps import Cap, Caps, quotas
from builder.curation.chain import Stage
from builder.curation.contaminate import Reference, decontaminate
from builder.curation.embed import CODE as EMBED
from builder.curation.embed import MODELS, Embedder, Progress, Vectors, account_of, by_text, embedder, question_of
from builder.curation.quality import quality
from builder.curation.screen import screen
from builder.curation.semantic import Near, near
from builder.curation.student import Student, likeliest_first, scored
from builder.dedup import CODE as DEDUP
from builder.dedup import dedup, reviewed_first
from builder.select import CODE as SELECT
from builder.select import WORDINGS, select
from schemas.curation_choice import ChoiceSection
from schemas.curation_file import FileRecipe
from schemas.recipe import Recipe
from schemas.records import Document, Dropped, Pair

RATING = {"rating": 1.0}  # what a file itself says of its pairs, unless the recipe gives it another weight


@dataclass
class Choosing:
    """The gates of one choice; holds the pairs that it chose from, and their vectors.

    Args:
        recipe: its sections screen, findings, decontaminate, embed, curate and choose.
        cache: where vectors of a model are remembered.
        root: the folder that a local model is relative to.
        against: what no pair may ask.
        documents: what the pairs were made of; None for pairs of a file, which knows none.
        progress: told of the vectors that a model has made.
        journal: the file that requests for vectors are written into.
        student: tells what the model to be tuned makes of pairs, where the recipe asks it.
    """

    recipe: Recipe | FileRecipe
    cache: Path
    root: Path = Path()
    against: Sequence[Reference] = ()
    documents: Sequence[Document] | None = None
    progress: Progress | None = None
    journal: Path | None = None
    student: Student | None = None
    supply: list[Pair] = field(default_factory=list)

    def stages(self, *, doubt: Stage | None = None, ground: Stage | None = None, judge: Stage | None = None) -> dict[str, Stage]:
        """Return the gates by name, in order: with those that only a run has, where it gives them."""
        gates: dict[str, Stage | None] = {
            "doubt": doubt,
            "screen": self.fit,
            "ground": ground,
            "decontaminate": self.not_asked_elsewhere if self.against else None,
            "dedup": self.without_copies,
            "judge": judge,
            "select": self.choose,
        }
        return {name: stage for name, stage in gates.items() if stage is not None}

    def fit(self, pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
        """Yield every pair in order, kept or dropped for what it shows by itself."""
        return screen(pairs, settings=self.recipe.screen, policy=self.recipe.findings)

    def not_asked_elsewhere(self, pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
        """Yield every pair in order, kept or dropped because an evaluation file asks it."""
        section = self.recipe.decontaminate
        return decontaminate(pairs, self.against, shared=section.shared_words, rouge_l=section.rouge_l, siblings=section.siblings)

    def without_copies(self, pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
        """Yield every pair in order, kept or dropped as a copy of a better one: the likelier answer, the better rated, the earlier."""
        listed, limits = list(pairs), self.recipe.curate
        better = _rating if any("rating" in pair.scores for pair in listed) else None
        if self.student and self.recipe.choose.student == "likelihood":
            better = likeliest_first(listed, self.student, quality=better)
        settings = {"threshold": limits.rouge_l, "near": limits.reworded, "quality": better, "alpaca": limits.alpaca}
        yield from reviewed_first(listed, related=self._near_in_meaning(listed), dedup_by=partial(dedup, **settings))

    def choose(self, pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
        """Yield every pair in order, chosen or dropped; once only, as the pairs are held."""
        self.supply, limits = self._scored(list(pairs)), self.recipe.curate
        settings = self.recipe.choose
        ruled = self.documents is not None and by_rules(self.supply)
        yield from select(
            self.supply,
            target=limits.target,
            per_fact=most_wordings(limits),
            at_first=WORDINGS[0] if ruled and limits.per_fact == "auto" else None,
            balance=Balance.of(self.documents or ()) if ruled else None,
            per_document=limits.per_document,
            per_task=limits.per_task,
            per_opening=limits.per_opening,
            quotas=quotas(settings),
            document_of=named_document if self.documents is None else None,
            quality=quality(self.supply, RATING | settings.scores),
            vectors=self.vectors if settings.spread else None,
            floor=settings.floor,
            by_worth=self.documents is None,
            seed=self.recipe.seed,
        )

    def _scored(self, pairs: list[Pair]) -> list[Pair]:
        return scored(pairs, self.student, by=self.recipe.choose.student) if self.student else pairs

    @cached_property
    def vectors(self) -> Vectors | None:
        """A row of length 1 for each pair of the supply; None where the recipe names no embedder, or there is no pair."""
        embed = self._embedder()
        return by_text(embed, self.supply) if embed and self.supply else None

    def of(self, pairs: Sequence[Pair]) -> Vectors | None:
        """Return the rows of some pairs of the supply."""
        places = {pair.id: place for place, pair in enumerate(self.supply)}
        return None if self.vectors is None else self.vectors[[places[pair.id] for pair in pairs]]

    def _near_in_meaning(self, pairs: Sequence[Pair]) -> Iterable[Near]:
        """Return the near questions by their vectors, where a model makes them."""
        embed = self._embedder() if self.recipe.embed.by in MODELS and pairs else None
        return near(by_text(embed, pairs, question_of), self.recipe.embed.threshold) if embed else ()

    def _embedder(self) -> Embedder | None:
        recipe, journal = self.recipe, self.journal
        account = account_of(recipe.embed, recipe.endpoint, journal=journal, budget=recipe.budget) if journal else None
        return embedder(recipe.embed, recipe.endpoint, root=self.root, cache=self.cache, account=account, progress=self.progress)


def named_document(pair: Pair) -> str:
    """Return the document that a column names, else the fact: rows of one file are no document."""
    return pair.provenance.document_id if pair.provenance.chunk_id else pair.group


def limits_of(recipe: FileRecipe) -> tuple[Caps, Callable[[Pair], tuple[Cap, ...]]]:
    """Return the limits of a choice among the pairs of a file before any yields, and which of them bind a pair; of no answer."""
    limits = recipe.curate
    most = most_wordings(limits)
    shares = {"document": limits.per_document, "task": limits.per_task, "opening": limits.per_opening}
    caps = Caps(limits.target, (most, most), {}, shares, None, limits.target, quotas(recipe.choose))
    return caps, lambda pair: tuple(cap for cap in caps.of(pair, named_document(pair)) if cap[0] != "answer")


def most_wordings(limits: ChoiceSection) -> int:
    """Return how many wordings of one fact may be chosen, at last."""
    return WORDINGS[1] if limits.per_fact == "auto" else limits.per_fact


def _rating(pair: Pair) -> float:
    """Return what the file says of a pair; one that it says nothing of is no better than the worst."""
    return pair.scores.get("rating", float("-inf"))


READ = ("builder.column_names", "builder.existing", "builder.existing_rows", "builder.readers.content", "builder.readers.decode")
JUDGED_BY = (
    "builder.connect", "builder.findings", "builder.language", "builder.locate", "builder.unseen_text", "generators.alpaca.blocklist",
    "generators.alpaca.checks", "generators.alpaca.sense", "generators.extractive.english", "generators.extractive.words",
    "generators.llm.answers",
)  # fmt: skip
CODE = ("builder.curation", "builder.review.accepted", *EMBED, *DEDUP, *SELECT, *BALANCE, *READ, *JUDGED_BY)
"""The modules whose source decides the choice; a test finds what a new import brings in and nobody names here."""
