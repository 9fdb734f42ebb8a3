"""The rounds: plan, train, ask, compare, and stop when it no longer helps or could no longer be seen to.

How it is kept honest:

- The test set and the withheld paraphrases decide nothing. Weak facts are found by wordings of facts that train may hold, and the
  rounds are measured by other wordings of them (`facts.py`); no round is trained on either, which is counted before each training.
- Round 0 trains the run's own pairs once more with another seed, and all rounds use that seed: the model that was asked which facts are
  weak is not the one that they are compared with, so nothing is won by its bad luck alone.
- Every training starts from the base, with the same settings and the same number of tokens: nothing is won by training more.
- A control trains with as many pairs drawn at random in the place of the same ones: what is won by any new pairs at all.
- Only the best round is asked the held-out sets, once, after the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builder.iterate.facts import Fact
from builder.iterate.measure import Measure, leaks
from builder.iterate.plan import Plan, Room, control, plan, room_of
from builder.iterate.spots import Spots, answered
from builder.iterate.stop import FEWEST, after, before, best_of, expected_gain
from builder.iterate.training import Training, recalled, trained
from builder.step import MODEL, PAIRS, Step
from builder.store import read_records
from builder.workspace import Output
from schemas.iteration import STOPS, Change, Iteration, Round, Stop, WeakFact
from schemas.records import Pair

if TYPE_CHECKING:
    from schemas.proof import Comparison, Design

ROUND, CONTROL = "round", "control"
Right = Mapping[str, bool]


@dataclass
class Rounds:
    """The rounds of a run; holds what they came to."""

    step: Step
    design: "Design"
    found: Spots
    measure: Measure
    pool: Sequence[Pair]
    notices: list[str] = field(default_factory=list)
    is_full: bool = False  # there is no room for as many facts as can be measured
    is_small: bool = False  # all rounds together add too few pairs for these
    rounds: list[Round] = field(default_factory=list)
    facts: list[WeakFact] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    leaks: dict[str, int] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    noise: "Comparison | None" = None

    def run(self) -> Stop:
        """Train round after round; return why the last one was the last."""
        if len(self.measure.weak) < FEWEST:
            return "no_room" if self.is_full else "few_pairs" if self.is_small else "few_facts"
        self._begin()
        while True:
            number = len(self.rounds) + 1
            made = self._plan(number)
            expected = expected_gain(len(made.facts), n=len(self.measure.weak), rounds=self.rounds, facts=self.facts)
            last = self.rounds[-1].comparison if self.rounds else self.noise
            if last and (stop := before(made, expected=expected, last=last)):
                return stop
            done = self._round(number, made, expected)
            section = self.step.recipe.iterate
            if stop := after(done, rounds=section.rounds, margin=section.margin):
                return stop

    def pairs_of(self, number: int) -> list[Pair]:
        """Return the pairs of a round, of all splits."""
        return list(read_records(self.outputs[number].folder / PAIRS, Pair)) if number else self.step.pairs("split")

    def _begin(self) -> None:
        """Train what the run trained with another seed, and see how far chance alone takes a model from the run's own."""
        self._train(ROUND, 0, self.step.pairs("split"), ())
        model = self.step.output("train").folder / MODEL
        own = _right(answered(self.step, "own", model, self.measure.asked))
        self.noise = self.measure.compare(("own_model", own), (_name(0), self._right(0)), design=self.design)
        rows = recalled(self.outputs[0])
        self.facts = [self._weak_fact(fact, rows) for fact in self.measure.weak]

    def _weak_fact(self, fact: Fact, rows: Mapping[str, Mapping[str, object]]) -> WeakFact:
        asked = fact.measure or fact.first
        sections = {chunk.id: chunk.heading_path for chunk in self.step.chunks()}
        return WeakFact(
            group=fact.group,
            document=self.measure.document(fact),
            section=sections.get(asked.provenance.chunk_id, ()),
            question=asked.instruction,
            reference=asked.output,
            taught=len(fact.taught),
            answers=(str(rows[asked.id]["answer"]),),
            right=(bool(rows[asked.id]["right"]),),
            rounds=(),
        )

    def _plan(self, number: int) -> Plan:
        """Return the next round: facts that the last model does not know, those first that no round has strengthened yet."""
        right = self._right(number - 1)
        train = [pair for pair in self.pairs_of(number - 1) if pair.split == "train"]
        touched = {fact.group: len(fact.rounds) for fact in self.facts}
        ignorant = [fact for fact in self.measure.weak if not right[(fact.find or fact.first).id]]
        queue = sorted(ignorant, key=lambda fact: touched[fact.group])
        return plan(queue, train, self._room(number), number=number)

    def _room(self, number: int) -> Room:
        pairs = self.pairs_of(number - 1)
        train = [pair for pair in pairs if pair.split == "train"]
        return room_of(self.step.recipe, train, chosen=len(pairs), giving=self.found.giving)

    def _round(self, number: int, made: Plan, expected: float) -> Round:
        """Train a round and its control, ask both, and note what came of it."""
        texts = {chunk.id: chunk.text for chunk in self.step.chunks()}
        before_pairs = self.pairs_of(number - 1)
        passages = list(dict.fromkeys(texts[name] for fact in made.facts if (name := fact.first.provenance.chunk_id) in texts))
        self._train(ROUND, number, _with_train(before_pairs, made.train), passages)
        other = self._control(number, made, before_pairs) if self.step.recipe.iterate.control else None
        right = self._right(number)
        names = (_name(number - 1), self._right(number - 1)), (_name(number), right)
        start = (_name(0), self._right(0))
        step, since = self.measure.compare(*names, design=self.design), self.measure.compare(start, names[1], design=self.design)
        done = Round(
            round=number,
            added=len(made.added),
            replaced=len(made.taken_out),
            pairs=len(made.train),
            facts=len(made.facts),
            passages=len(passages),
            expected=expected,
            weak_before=step.first_mean,
            weak_after=step.second_mean,
            comparison=step,
            since_start=since,
            known=self.measure.compare_known(start, names[1], design=self.design),
            control=self.measure.compare((f"{CONTROL}_{number}", _right(other)), names[1], design=self.design) if other else None,
        )
        self._note(done, made)
        return done

    def _control(self, number: int, made: Plan, before_pairs: Sequence[Pair]) -> Output | None:
        """Train with as many pairs drawn at random; none, with a notice, where there are not so many: fewer would flatter the round."""
        train = [pair for pair in before_pairs if pair.split == "train"]
        drawn = control(made, train, self.pool, self._room(number), number=number)
        if len(drawn.added) < len(made.added):
            few = f"round {number} added {len(made.added):,} pairs, and only {len(drawn.added):,} others are there to be drawn at random"
            self.notices.append(f"{few}; it has no control")
            return None
        return self._train(CONTROL, number, _with_train(before_pairs, drawn.train), ())

    def _train(self, kind: str, number: int, pairs: Sequence[Pair], passages: Sequence[str]) -> Output:
        """Train and ask, after it was counted that nothing asked is in the training."""
        asked = self.measure.asked
        for way, count in leaks(pairs, asked).items():
            self.leaks[way] = self.leaks.get(way, 0) + count
        output = trained(self.step, Training(f"{kind}{number}", pairs, self.step.recipe.seed + 1, asked, tuple(passages)))
        if kind == ROUND:
            self.outputs.append(output)
        return output

    def _note(self, done: Round, made: Plan) -> None:
        rows = recalled(self.outputs[-1])
        strengthened = {fact.group for fact in made.facts}
        self.rounds.append(done)
        self.facts = [_noted(old, fact, rows, done.round, strengthened) for old, fact in zip(self.facts, self.measure.weak, strict=True)]
        taught = {fact.group: bool(fact.taught) for fact in made.facts}
        self.history += [
            Change(pair_id=pair.id, round=done.round, change="added", group=pair.group, why=_why(taught=taught[pair.group]))
            for pair in made.added
        ]
        self.history += [
            Change(pair_id=pair.id, round=done.round, change="taken_out", group=pair.group, why="its fact is known well and keeps others")
            for pair in made.taken_out
        ]

    def _right(self, number: int) -> Right:
        return _right(self.outputs[number])


def concluded(rounds: Rounds, stop: Stop, held_out: "Sequence[Comparison]") -> Iteration:
    """Return all that is known at the end; of each round why none followed."""
    from builder.iterate.words import sentence

    best = best_of(rounds.rounds, rounds.step.recipe.iterate.margin)
    last = [done.model_copy(update={"stopped_because": STOPS[stop] if done is rounds.rounds[-1] else None}) for done in rounds.rounds]
    made = Iteration(
        n=len(rounds.measure.weak),
        documents=len({rounds.measure.document(fact) for fact in rounds.measure.weak}),
        asked=rounds.found.asked,
        wrong=rounds.found.wrong,
        known=len(rounds.measure.known),
        rounds=tuple(last),
        stop=stop,
        stopped_because=STOPS[stop],
        best=best,
        noise=rounds.noise,
        held_out=tuple(held_out),
        facts=tuple(rounds.facts),
        conflicts=rounds.found.conflicts,
        history=tuple(rounds.history),
        leaks=rounds.leaks,
        notices=tuple(rounds.notices),
        of=rounds.step.contents("split", "pretrain"),
        sentence="",
    )
    return made.model_copy(update={"sentence": sentence(made)})


def _with_train(pairs: Sequence[Pair], train: Sequence[Pair]) -> list[Pair]:
    return [*train, *(pair for pair in pairs if pair.split != "train")]


def _right(output: Output) -> Right:
    return {name: bool(row["right"]) for name, row in recalled(output).items()}


def _noted(old: WeakFact, fact: Fact, rows: Mapping[str, Mapping[str, object]], number: int, strengthened: set[str]) -> WeakFact:
    row = rows[(fact.measure or fact.first).id]
    return old.model_copy(
        update={
            "answers": (*old.answers, str(row["answer"])),
            "right": (*old.right, bool(row["right"])),
            "rounds": (*old.rounds, *([number] if fact.group in strengthened else [])),
        }
    )


def _why(*, taught: bool) -> str:
    return "its fact was taught, but not learnt in other words" if taught else "its fact was never taught, and is not known"


def _name(number: int) -> str:
    return f"round_{number}"
