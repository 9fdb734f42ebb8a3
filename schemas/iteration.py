"""Rounds of more data where the model is weak: the recipe's section, and the records of `iterate.json`."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.proof import Comparison
from schemas.records import Record

Count = Annotated[int, Field(ge=1)]

Stop = Literal["few_facts", "few_pairs", "nothing_left", "no_room", "not_visible", "no_help", "damage", "last_round"]
STOPS: dict[Stop, str] = {
    "few_facts": "too few weak facts were found that there are wordings to teach and to measure by",
    "few_pairs": "all rounds together add too few pairs to teach as many facts as can be measured; raise iterate.pairs or iterate.rounds",
    "nothing_left": "no weak fact is left that there are wordings for",
    "no_room": "curate.target is reached and no fact is known so well that it can give up wordings; raise the target or set"
    " iterate.change to add",
    "not_visible": "the gain to be expected of another round could no longer be seen at this n",
    "no_help": "the round did not help",
    "damage": "facts known before were lost by more than the margin",
    "last_round": "it was the last round of the recipe",
}


class IterateSection(Record):
    """More data where the model is weak, round by round (kilopair iterate)."""

    rounds: Count = Field(default=3, description="most rounds; each trains the base anew on the pairs of the round")
    pairs: Count | Literal["auto"] = Field(default="auto", description="most pairs added in a round; auto: a fifth of the training pairs")
    per_fact: int = Field(default=5, ge=2, le=12, description="most wordings of one weak fact that a round adds")
    change: Literal["auto", "add", "replace"] = Field(
        default="auto",
        description="add: train on more pairs; replace: facts that are known well give up wordings for them; auto: replace where"
        " curate.target is reached",
    )
    probe: Count = Field(default=400, description="most facts that the model is asked about to find the weak ones")
    margin: float = Field(
        default=0.05, gt=0, lt=1, description="share of the facts known before that a round may lose; a smaller difference is none"
    )
    control: bool = Field(
        default=True, description="train in each round once more, with as many pairs drawn at random, to see whether their choice helped"
    )


class Change(Record):
    """A pair that a round added, or took out of the training: why, and for which fact."""

    pair_id: str
    round: int
    change: Literal["added", "taken_out"]
    group: str = Field(description="its fact")
    why: str


class WeakFact(Record):
    """A fact that the model did not know, which one of its questions measures: no round was trained on that question."""

    group: str
    document: str = Field(description="path of the document")
    section: tuple[str, ...] = Field(description="headings from the outermost")
    question: str = Field(description="the question that measures it")
    reference: str
    taught: int = Field(description="training pairs of the fact before the first round")
    answers: tuple[str, ...] = Field(description="to the question: before, and after each round")
    right: tuple[bool, ...] = Field(description="whether these are right")
    rounds: tuple[int, ...] = Field(description="the rounds that added wordings of it")


class Round(Record):
    """One round: what changed in the training pairs, and what came of it on questions that no round was trained on."""

    round: int
    added: int
    replaced: int = Field(description="pairs that gave up their places")
    pairs: int = Field(description="training pairs of the round")
    facts: int = Field(description="weak facts that were strengthened")
    passages: int = Field(description="passages of these facts that the raw text holds more often")
    expected: float = Field(description="gain in the share of weak facts known that was expected of the round")
    weak_before: float = Field(description="share of the weak facts known before the round")
    weak_after: float
    comparison: Comparison = Field(description="the round against the one before it, on the weak facts")
    since_start: Comparison = Field(description="the round against round 0, on the weak facts")
    known: Comparison | None = Field(description="the round against round 0, on the facts that were known; none if there were none")
    control: Comparison | None = Field(description="the round against as many pairs added at random, on the weak facts; none if too few")
    stopped_because: str | None = Field(default=None, description="why no round followed; none if one did")


class Iteration(Record):
    """All of `iterate.json`."""

    n: int = Field(description="weak facts that are measured")
    documents: int = Field(description="documents that they stand in")
    asked: int = Field(description="facts that the model was asked about to find them")
    wrong: int = Field(description="of these, answered wrongly")
    known: int = Field(description="facts known before, that show what a round costs")
    rounds: tuple[Round, ...]
    stop: Stop
    stopped_because: str
    best: int = Field(description="the round whose pairs are the best that was shown; 0: those of the run as it was")
    noise: Comparison | None = Field(description="round 0 against the run's own model, which differs by the seed alone")
    held_out: tuple[Comparison, ...] = Field(description="the best round against round 0 on the held-out sets, asked once at the end")
    facts: tuple[WeakFact, ...]
    conflicts: tuple[tuple[str, str, str], ...] = Field(
        description="training pairs that disagree, with the reason: for a person to decide, no round strengthens their facts"
    )
    history: tuple[Change, ...]
    leaks: dict[str, int] = Field(description="ways in which a measured question could have been trained on, over all rounds; all are 0")
    notices: tuple[str, ...] = ()
    of: dict[str, str] = Field(default_factory=dict, description="hashes of the pairs and the base that the rounds began with, by stage")
    sentence: str
