"""What is proved about a model, in records: how comparisons are made, a system's score, one system against another."""

from typing import Literal

from pydantic import Field

from schemas.records import Record

Verdict = Literal["better", "worse", "same", "not_shown"]
Unit = Literal["points", "plain"]


class Design(Record):
    """How comparisons are made, decided before any held-out pair is answered."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="of every interval; one minus it is the risk of a wrong verdict")
    margin: float = Field(default=0.05, gt=0, description="differences within plus or minus this much count as the same")
    resamples: int = Field(default=9999, ge=99, description="random sign flips of a test on scores")
    seed: int = Field(default=0, ge=0, description="of the random sign flips")


class Estimate(Record):
    """One system's mean by one metric on one set, with the interval at the design's confidence and how it was made."""

    metric: str
    system: str
    set: str
    n: int
    clusters: int = Field(description="how many documents the n questions come from; n when that is not known")
    mean: float
    low: float
    high: float
    method: str


class Comparison(Record):
    """The second system against the first by one metric on one set; higher is better, so a loss was negated."""

    metric: str
    set: str
    first: str
    second: str
    n: int
    clusters: int = Field(description="how many documents the n questions come from; n when that is not known")
    seeds: int
    confidence: float
    unit: Unit = Field(description="points: shares of one, told as points of a hundred; plain: numbers as they are")
    first_mean: float
    second_mean: float
    difference: float
    low: float
    high: float
    method: str
    p_value: float
    p_adjusted: float = Field(description="by Holm over the declared family")
    family: int = Field(description="how many comparisons the declared family holds")
    margin: float
    same: bool = Field(description="the interval at twice the risk lies within plus or minus the margin (two one-sided tests)")
    detectable: float = Field(description="a gain smaller than this would have been missed in more than one of five such comparisons")
    excluded_loss: float = Field(
        description="a loss larger than this is excluded, by the one-sided limit at this confidence; 0: any loss is"
    )
    verdict: Verdict
    sentence: str
