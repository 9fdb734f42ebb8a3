"""From valid pairs to the chosen and divided ones, as steps of a run: what leaves, in which order, and what decides.

The order is that of the cost: what a pair shows by itself, then against its document, then against the other pairs, then what a
model says of it, then the choice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.balance import CODE as BALANCE
from builder.balance import Balance, by_rules
from builder.step import DATASET, PAIRS, RECORDS, Step, save
from builder.store import keep, write_records
from builder.workspace import Counts, Output
from schemas.errors import InputError
from schemas.records import SPLITS, Dropped, Pair

if TYPE_CHECKING:
    from builder.curation.embed import Embedder
    from generators.judge.judge import Outcome

VECTORS = "vectors.sqlite"
MODELS = ("endpoint", "local")  # embedders that know more than the words, which the other levels compare already
_CURATE = (
    "builder.curate_stage", "builder.curation", "builder.dedup", "builder.rouge", "builder.select", "builder.caps", "builder.turns",
    "builder.existing", "builder.existing_rows", "builder.readers.content", "builder.readers.decode",
    "builder.findings", "builder.language", "builder.validate", "generators.extractive.doubts", "generators.alpaca.sense",
    "generators.alpaca.checks", "generators.alpaca.blocklist", "generators.llm.answers", "generators.llm.embeddings",
)  # fmt: skip
_SPLIT = (
    "builder.split", "builder.hold_out", "builder.wordings", "builder.certificate", "builder.connect", "builder.rouge",
    "builder.export", "builder.card", "builder.figures_in_words", "builder.curation.diversity", "builder.curation.novelty",
    "builder.curation.verbs",
)  # fmt: skip


def curate(step: Step) -> Output:
    """Pairs to the chosen ones: what is unfit, doubtful, unfounded or a copy out, then about `target` in balance."""
    from builder.judge_recipe import CODE as JUDGE
    from builder.judge_recipe import reads as judging
    from generators.judge.judge import Outcome

    recipe = step.recipe

    def make(folder: Path) -> Counts:
        outcome = Outcome()
        curation = _Curation(step, outcome)
        chosen = list(curation.chosen(curation.distinct()))
        told = {"judge": outcome.as_json(), "notices": outcome.notices, "over_budget": outcome.over_budget} if outcome.asked else {}
        return save(folder, PAIRS, [*curation.left_out, *chosen]) | curation.counts | told

    sections = ("screen", "ground", "decontaminate", "embed", "choose", "findings")
    settings = {name: getattr(recipe, name).model_dump(mode="json") for name in sections}
    settings |= recipe.curate.model_dump(mode="json", exclude={"max_words", "pair_schema"})
    settings |= {"seed": recipe.seed, "company": recipe.company, "against": _contents(step), **judging(recipe, step.root, step.work.folder)}
    settings |= {"vectors_of": recipe.endpoint.base_url} if recipe.embed.by == "endpoint" else {}
    reads = {**step.contents("read", "chunk", "validate"), **settings}
    return step.work.stage("curate", reads=reads, code=(*RECORDS, *_CURATE, *BALANCE, *JUDGE), make=make)


def _contents(step: Step) -> list[str]:
    from builder.ask import content

    return [content(step.root / path, "decontaminate.files") for path in step.recipe.decontaminate.files]


@dataclass
class _Curation:
    """The way of the pairs of one run; `left_out` are those that left, `counts` how many were there at each gate."""

    step: Step
    outcome: "Outcome"
    left_out: list[Dropped] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def distinct(self) -> list[Pair]:
        """Return the pairs that there are to choose from."""
        from builder.judge_recipe import judged

        sure = list(self._uncontaminated(self._sound(self.step.pairs("validate"))))
        self.counts["sure"] = len(sure)
        single = list(self._without_copies(sure))
        judged_well = list(keep(judged(self.step, single, self.outcome), self.left_out))
        self.counts["distinct"] = len(judged_well)
        return judged_well

    def _sound(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Pass what may be chosen as it stands and against its document."""
        from builder.curation.ground import ground
        from builder.curation.screen import screen
        from builder.select import without_doubtful

        recipe = self.step.recipe
        documents = {document.id: document for document in self.step.documents()}
        whole = pairs if recipe.curate.doubtful else keep(without_doubtful(pairs), self.left_out)
        fit = keep(screen(whole, settings=recipe.screen, policy=recipe.findings), self.left_out)
        return keep(ground(fit, documents=documents, settings=recipe.ground, company=recipe.company), self.left_out)

    def _uncontaminated(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        from builder.curation.contaminate import decontaminate, references

        section = self.step.recipe.decontaminate
        against = [row for path in section.files for row in references(self.step.root / path, columns=section.columns)]
        settings = {"shared": section.shared_words, "rouge_l": section.rouge_l, "siblings": section.siblings}
        return keep(decontaminate(pairs, against, **settings), self.left_out) if against else iter(pairs)

    def _without_copies(self, pairs: list[Pair]) -> Iterator[Pair]:
        from builder.curation.embed import by_text, question_of
        from builder.curation.semantic import near
        from builder.dedup import dedup

        section = self.step.recipe.embed
        limits = self.step.recipe.curate
        embed = self._embedder() if section.by in MODELS and pairs else None
        related = near(by_text(embed, pairs, question_of), section.threshold) if embed else ()
        decided = dedup(pairs, threshold=limits.rouge_l, near=limits.reworded, related=related, alpaca=limits.alpaca)
        return keep(decided, self.left_out)

    def chosen(self, pairs: list[Pair]) -> Iterator[Pair | Dropped]:
        """Yield the pairs, chosen or dropped."""
        from builder.caps import quotas
        from builder.curation.embed import by_text
        from builder.curation.quality import quality
        from builder.select import WORDINGS, select

        section = self.step.recipe.curate
        ruled = by_rules(pairs)
        choose = self.step.recipe.choose
        at_first, most = WORDINGS if section.per_fact == "auto" else (section.per_fact, section.per_fact)
        embed = self._embedder() if choose.spread and pairs else None
        return select(
            pairs,
            target=section.target,
            per_fact=most,
            at_first=at_first if ruled else most,
            balance=Balance.of(self.step.documents()) if ruled else None,
            per_document=section.per_document,
            per_task=section.per_task,
            per_opening=section.per_opening,
            quotas=quotas(choose),
            quality=quality(pairs, choose.scores),
            vectors=by_text(embed, pairs) if embed else None,
            floor=choose.floor,
            seed=self.step.recipe.seed,
        )

    def _embedder(self) -> "Embedder | None":
        from builder.curation.embed import embedder

        recipe = self.step.recipe
        if recipe.embed.by == "none":
            return None
        return embedder(recipe.embed, recipe.endpoint, root=self.step.root, cache=self.step.work.folder / VECTORS)


def split(step: Step) -> Output:
    """Chosen pairs to train, validation, test and paraphrase, proved free of leaks; and the Hugging Face dataset."""
    from builder.certificate import certificate
    from builder.export import save_dataset
    from builder.split import split as divide

    section = step.recipe.split
    seed = step.recipe.seed

    def make(folder: Path) -> Counts:
        divided = divide(
            step.pairs("curate"),
            test=section.test,
            validation=section.validation,
            paraphrase=section.paraphrase,
            unseen_forms=section.unseen_forms,
            held_out_documents=section.held_out_documents,
            seed=seed,
        )
        pairs = list(divided)
        if not any(pair.split == "train" for pair in pairs):
            raise InputError(
                f"only {len(pairs)} pairs were found, none of them left to train on; add documents (kilopair status shows what was dropped)"
            )
        proof = certificate(pairs, seed=seed)
        write_records(folder / PAIRS, pairs)
        sizes = Counter(str(pair.split) for pair in pairs)
        counts: dict[str, Any] = {"in": len(pairs), "kept": len(pairs), "dropped": {}, **{name: sizes[name] for name in SPLITS}}
        counts |= {"leaks": proof["leaks"], "certificate": proof}
        documents = {document.id: document.path for document in step.documents()}
        save_dataset(pairs, folder / DATASET, facts={"company": step.recipe.company, "documents": documents, "counts": counts})
        return counts

    reads = {**step.contents("read", "curate"), **section.model_dump(), "seed": seed, "company": step.recipe.company}
    return step.work.stage("split", reads=reads, code=(*RECORDS, *_SPLIT), make=make)
