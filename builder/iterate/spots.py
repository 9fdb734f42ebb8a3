"""Which facts are weak: asked of the run's own model, in wordings that no round is ever trained on.

Only facts that train may hold are asked, and the validation pairs: what the test set or the withheld paraphrases show is not looked at
before the last round, else the rounds would be fitted to them. The diagnosis of the run stands in where a taught fact has no wording
left to ask (its levels of taught facts come from their own wordings), and names the pairs that disagree.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.iterate.facts import Fact, facts_of
from builder.iterate.training import recalled, write_recalled
from builder.step import MODEL, Step
from builder.store import read_json
from builder.workspace import Counts, Output
from schemas.diagnosis import Diagnosis, Level
from schemas.records import Pair

DIAGNOSIS = "diagnosis.json"
FEWEST = 2  # wordings that a fact needs besides those held out, where nobody can be asked for more
_KNOWN: Level = "highly_known"


@dataclass(frozen=True)
class Spots:
    """The weak facts, the weakest part of the documents first; the known ones; and what a person has to look at.

    `giving` are the taught facts that may give up wordings: the known ones, and those of which no other wording is left to ask, if the
    model answers one that it was trained on and nothing says that it knows no other.
    """

    weak: tuple[Fact, ...]
    known: tuple[Fact, ...]
    giving: frozenset[str]
    asked: int
    wrong: int
    conflicts: tuple[tuple[str, str, str], ...]


def diagnosed(step: Step) -> Diagnosis | None:
    """Return the diagnosis of the run, if it has one."""
    output = step.work.outputs.get("diagnose")
    path = output.folder / DIAGNOSIS if output else None
    return Diagnosis.model_validate(read_json(path)) if path and path.exists() else None


def spots(step: Step, spare: Sequence[Pair], *, more_to_come: bool) -> Spots:
    """Return what is weak.

    Args:
        step: with the run's outputs.
        spare: the pairs that may be added.
        more_to_come: whether an endpoint can be asked for wordings, so that few are enough.
    """
    pairs, found = step.pairs("split"), diagnosed(step)
    train = [pair for pair in pairs if pair.split == "train"]
    facts, conflicts = facts_of(train, spare, seed=step.recipe.seed), _conflicts(found, train)
    torn = {pair.group for pair in train for one, other, _ in conflicts if pair.id in (one, other)}
    facts = [fact for fact in facts if fact.group not in torn]
    asked = _to_ask(facts, step.recipe.iterate.probe, more_to_come=more_to_come)
    validation = [pair for pair in pairs if pair.split == "validation" and not pair.history]
    own = {fact.group: plain[0] for fact in facts if not fact.find and (plain := [pair for pair in fact.taught if not pair.input])}
    right = _right(step, [*(fact.find for fact in asked if fact.find), *validation, *own.values()])
    listed = found.facts if found else ()
    levels: dict[str, Level] = {fact.group: fact.classes["tuned"] for fact in listed if "tuned" in fact.classes}
    seen = _Seen(asked, facts, own, right, levels)
    weak = [fact for fact in seen.weak() if _enough(fact, more_to_come)]
    shares = _shares([*((fact.first, not seen.is_wrong(fact)) for fact in asked), *((pair, right[pair.id]) for pair in validation)])
    known = seen.known()
    giving = frozenset({*seen.sure(), *(fact.group for fact in known)})
    return Spots(_in_turn(weak, shares), tuple(known), giving, len(asked), sum(map(seen.is_wrong, asked)), conflicts)


@dataclass(frozen=True)
class _Seen:
    """What the answers and the diagnosis say of facts: `asked` by a withheld wording, `own` by one that was trained on."""

    asked: Sequence[Fact]
    facts: Sequence[Fact]
    own: Mapping[str, Pair]
    right: Mapping[str, bool]
    levels: Mapping[str, Level]

    def is_wrong(self, fact: Fact) -> bool:
        """Tell whether the withheld wording was answered wrongly."""
        return fact.find is not None and not self.right[fact.find.id]

    def weak(self) -> list[Fact]:
        """Return the facts that are not known, and taught ones without a withheld wording of which the diagnosis says so."""
        unknown = [fact for fact in self._by_diagnosis() if self.levels[fact.group] != _KNOWN]
        return [*filter(self.is_wrong, self.asked), *unknown]

    def known(self) -> list[Fact]:
        """Return the taught facts that are known well."""
        seen = [fact for fact in self.asked if fact.taught and not self.is_wrong(fact) and self._is_known(fact.group)]
        return [*seen, *(fact for fact in self._by_diagnosis() if self.levels[fact.group] == _KNOWN)]

    def sure(self) -> set[str]:
        """Return the facts without a withheld wording whose own is answered rightly, and of which the diagnosis says nothing worse."""
        return {group for group, pair in self.own.items() if self.right[pair.id] and self._is_known(group)}

    def _is_known(self, group: str) -> bool:
        return self.levels.get(group, _KNOWN) == _KNOWN

    def _by_diagnosis(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.taught and not fact.find and fact.group in self.levels]


def _enough(fact: Fact, more_to_come: bool) -> bool:
    return more_to_come or (fact.measure is not None and len(fact.spare) >= FEWEST)


def _to_ask(facts: Sequence[Fact], most: int, *, more_to_come: bool) -> list[Fact]:
    """Return the facts to ask about: taught ones up to half of them, then those that nobody was taught."""
    ready = [fact for fact in facts if fact.find and (fact.taught or _enough(fact, more_to_come))]
    taught, fresh = [fact for fact in ready if fact.taught], [fact for fact in ready if not fact.taught]
    half = max(most // 2, most - len(fresh))
    return [*taught[:half], *fresh[: most - min(half, len(taught))]]


def _right(step: Step, asked: Sequence[Pair]) -> dict[str, bool]:
    """Return by pair id whether the run's model answers rightly."""
    model = step.output("train").folder / MODEL
    output = answered(step, "spots", model, asked)
    return {name: row["right"] for name, row in recalled(output).items()}


def answered(step: Step, name: str, model: Path, asked: Sequence[Pair]) -> Output:
    """Return the folder with a model's answers by pair id; made unless it exists."""

    def make(folder: Path) -> Counts:
        return write_recalled(folder, model, asked)

    reads = {**step.contents("train"), "model": model.parent.name, "asked": [pair.id for pair in asked]}
    return step.work.stage(name, reads=reads, code=("trainer", "builder.iterate.training"), make=make)


def _shares(rows: Sequence[tuple[Pair, bool]]) -> dict[str, float]:
    """Return by document which share of the questions was answered wrongly, drawn to one half where few were asked."""
    asked, wrong = Counter[str](), Counter[str]()
    for pair, right in rows:
        asked[pair.provenance.document_id] += 1
        wrong[pair.provenance.document_id] += not right
    return {document: (wrong[document] + 1) / (count + 2) for document, count in asked.items()}


def _in_turn(weak: Sequence[Fact], shares: Mapping[str, float]) -> tuple[Fact, ...]:
    """Put facts first that were taught in vain; then documents take turns, the weaker the more often."""
    turns = Counter[str]()
    ranked: list[tuple[bool, float, int, Fact]] = []
    for number, fact in enumerate(weak):
        document = fact.first.provenance.document_id
        turns[document] += 1
        ranked.append((not fact.taught, turns[document] / shares.get(document, 0.5), number, fact))
    return tuple(fact for *_, fact in sorted(ranked, key=lambda row: row[:3]))


def _conflicts(found: Diagnosis | None, train: Sequence[Pair]) -> tuple[tuple[str, str, str], ...]:
    taught = {pair.id for pair in train}
    listed = found.suspects if found else ()
    return tuple((one.pair_id, one.other or "", one.reason) for one in listed if one.doubt == "conflict" and one.pair_id in taught)
