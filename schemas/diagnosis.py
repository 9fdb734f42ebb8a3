"""What is weak in a tuned model and why: the records of `diagnosis.json`, by ids whose texts stand in `pairs.jsonl`.

The levels of knowledge are those of SliCK (Gekhman et al. 2024, arXiv 2405.05904): a fact is highly known if every greedy
answer is right, maybe known if some are, weakly known if only sampled answers are, and else unknown.
"""

from typing import Literal

from pydantic import Field

from schemas.records import Record

Level = Literal["highly_known", "maybe_known", "weakly_known", "unknown"]
LEVELS: tuple[Level, ...] = ("highly_known", "maybe_known", "weakly_known", "unknown")

Cause = Literal["not_stopped", "cut", "never_taught", "taught_otherwise", "form_unseen", "not_learnt"]
CAUSES: dict[Cause, str] = {
    "not_stopped": "did not stop",
    "cut": "answer cut",
    "never_taught": "never taught",
    "taught_otherwise": "taught with another answer",
    "form_unseen": "the form was never seen",
    "not_learnt": "taught but not learnt",
}

Doubt = Literal["conflict", "high_loss", "loss_rose"]
DOUBTS: dict[Doubt, str] = {
    "conflict": "near questions with answers that disagree",
    "high_loss": "badly predicted after training",
    "loss_rose": "worse predicted than before training",
}


class Neighbour(Record):
    """A training pair near a question, and how near: the cosine of their vectors."""

    pair_id: str
    similarity: float


class Failure(Record):
    """A held-out question that the tuned model answered wrongly, and what it had been taught about it."""

    pair_id: str
    set: str
    task: str
    form: str
    group: str
    document: str = Field(description="path of the document")
    section: tuple[str, ...] = Field(description="headings from the outermost")
    cause: Cause
    reason: str = Field(description="the cause in one plain sentence")
    taught: tuple[str, ...] = Field(description="training pairs of the same fact, by its group or by the same evidence")
    nearest: tuple[Neighbour, ...] = Field(description="training pairs nearest in words, the nearest first")


class FactFound(Record):
    """A fact that was held out or probed: whether it is known before and after training, and whether it was taught."""

    group: str
    document: str
    section: tuple[str, ...]
    chunk: str
    question: str
    reference: str
    classes: dict[str, Level] = Field(default_factory=dict, description="of base and tuned, where the fact was probed")
    ranks: dict[str, float] = Field(default_factory=dict, description="mean place of the right answer among the choices, 1 is first")
    taught: tuple[str, ...] = Field(description="training pairs of the fact")
    failures: tuple[str, ...] = Field(description="held-out pairs that the tuned model answered wrongly")
    nearest: tuple[str, ...] = Field(default=(), description="training pairs nearest to what failed, where the fact was never taught")


class Weak(Record):
    """A part of the held-out questions: how many, how many wrong, their share, and its interval (evaluate.confidence) where n is enough."""

    name: str
    n: int
    wrong: int
    share: float
    low: float | None = None
    high: float | None = None


class WeakSpots(Record):
    """Shares of wrong answers, the worst first."""

    by_document: tuple[Weak, ...] = ()
    by_section: tuple[Weak, ...] = Field(default=(), description="document › headings")
    by_task: tuple[Weak, ...] = ()
    by_form: tuple[Weak, ...] = ()
    by_fact: tuple[Weak, ...] = Field(default=(), description="names are groups; only facts with a wrong answer")
    by_set: tuple[Weak, ...] = ()


class Probed(Record):
    """How the facts were asked, and what came of it."""

    by: Literal["answers", "likelihood"]
    facts: int
    of: int = Field(description="facts that could have been asked")
    prompts: int
    samples: int
    temperature: float
    seed: int
    choices: int = Field(description="answers among which the right one is ranked; 0: too few facts")
    first: dict[str, float] = Field(description="how often base and tuned find the right answer likeliest")
    chance: float = Field(description="how often a guess would")
    gained: int = Field(description="facts at a better level after training")
    damaged: int = Field(description="facts at a worse level after training")
    verbatim: float = Field(default=0.0, description="share of the questions to the tuned model that are training questions word for word")


class Suspect(Record):
    """A training pair that may be wrong, for a person to look at."""

    pair_id: str
    doubt: Doubt
    reason: str
    loss: float = Field(description="of the tuned model, per token of the response")
    score: float = Field(description="robust z of the loss among pairs of its task and length")
    before: float | None = Field(default=None, description="the base's loss")
    other: str | None = Field(default=None, description="the pair that it disagrees with")
    document: str = ""
    section: tuple[str, ...] = ()


class Diagnosis(Record):
    """All of `diagnosis.json`."""

    n: int = Field(description="held-out questions")
    wrong: int
    weak: WeakSpots
    causes: dict[str, int] = Field(description="how many failures by cause")
    failures: tuple[Failure, ...]
    facts: tuple[FactFound, ...]
    transitions: tuple[tuple[int, ...], ...] = Field(
        description="4 x 4 counts of facts: levels of the base as rows, of the tuned model as columns"
    )
    probe: Probed | None
    suspects: tuple[Suspect, ...]
    notices: tuple[str, ...] = ()
