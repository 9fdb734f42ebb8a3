"""The choice among anybody's pairs: vectors and quality for `dedup` and `select`, and what the report wants to know of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.caps import quotas
from builder.curation.embed import Embedder, Vectors, by_text, embedder, question_of
from builder.curation.quality import quality
from builder.curation.semantic import near
from builder.dedup import dedup
from builder.select import select
from schemas.curation_file import FileRecipe
from schemas.records import Dropped, Pair

RATING = {"rating": 1.0}  # what the file itself says of its pairs, beside the scores of the recipe

MODELS = ("endpoint", "local")  # embedders that know more than the words, which the other levels compare already


@dataclass
class Choosing:
    """Drops copies and chooses `curate.target` pairs by quality and spread; holds the pairs that it chose from, and their vectors.

    Args:
        recipe: its sections embed, choose and curate.
        cache: where vectors of a model are remembered.
    """

    recipe: FileRecipe
    cache: Path
    supply: list[Pair] = field(default_factory=list)
    vectors: Vectors | None = None
    """A row of length 1 for each pair of the supply."""

    def without_copies(self, pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
        """Yield every pair in order, kept or dropped as a copy of a better one; by meaning too where a model makes the vectors."""
        listed, section = list(pairs), self.recipe.embed
        embed = self._embedder() if section.by in MODELS and listed else None
        related = near(by_text(embed, listed, question_of), section.threshold) if embed else ()
        rated = any("rating" in pair.scores for pair in listed)
        yield from dedup(listed, threshold=self.recipe.curate.rouge_l, quality=_rating if rated else None, related=related)

    def choose(self, pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
        """Yield every pair in order, chosen or dropped."""
        self.supply, settings, limits = list(pairs), self.recipe.choose, self.recipe.curate
        embed = self._embedder()
        self.vectors = by_text(embed, self.supply) if embed and self.supply else None
        yield from select(
            self.supply,
            target=limits.target,
            per_fact=limits.per_fact,
            per_document=limits.per_document,
            per_task=limits.per_task,
            per_opening=limits.per_opening,
            quotas=quotas(settings),
            document_of=lambda pair: pair.provenance.document_id if pair.provenance.chunk_id else pair.group,
            quality=quality(self.supply, settings.scores | RATING),
            vectors=self.vectors if settings.spread else None,
            floor=settings.floor,
            by_worth=True,
            seed=self.recipe.seed,
        )

    def of(self, pairs: Sequence[Pair]) -> Vectors | None:
        """Return the rows of some pairs of the supply."""
        places = {pair.id: place for place, pair in enumerate(self.supply)}
        return None if self.vectors is None else self.vectors[[places[pair.id] for pair in pairs]]

    def _embedder(self) -> Embedder | None:
        section = self.recipe.embed
        return None if section.by == "none" else embedder(section, self.recipe.endpoint, root=Path(), cache=self.cache)


def _rating(pair: Pair) -> float:
    """Return what the file says of a pair; one that it says nothing of is no better than the worst."""
    return pair.scores.get("rating", float("-inf"))
