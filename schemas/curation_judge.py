"""What a recipe says about the judge: which pairs it sees, by what it judges, and what becomes of those that it finds bad."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from schemas.records import Record

Threshold = Annotated[float, Field(ge=0, le=1)]
_DOUBTFUL = (  # what `ground` finds, and what drafts bring along
    "ungrounded_*", "derived_*", "wrong_unit", "foreign_*", "far_*", "negation", "opposite", "yes_no", "word_order", "thin_*",
    "doubt_*", "fuzzy_quote", "suspicious_source",
)  # fmt: skip


class JudgeSection(Record):
    """A language model that judges pairs with their source before it; asks only where the recipe names an endpoint."""

    pairs: Literal["none", "doubtful", "all"] = Field(
        default="doubtful",
        description="which pairs are judged: none; doubtful: without evidence, with thin support, or with one of the flags below; all",
    )
    doubtful_flags: tuple[str, ...] = Field(
        default=_DOUBTFUL,
        description="flags that make a pair doubtful, * standing for any letters; the default are the signs of all checks before the judge",
    )
    least_support: Threshold = Field(default=0.7, description="a pair whose score support is below this is doubtful")
    model: str | None = Field(
        default=None,
        description="model that judges, at the same endpoint; best another one than wrote the pairs; endpoint.model when unset",
    )
    rubric: Path | None = Field(
        default=None, description="your own rubric (YAML), relative to this file; groundedness, correctness and four more when unset"
    )
    threshold: Threshold | Literal["auto"] = Field(
        default="auto",
        description="a pair whose score judge is below this is dropped; auto: what your decisions say (kilopair calibrate), else 0.6",
    )
    per_request: int = Field(default=5, ge=1, le=20, description="most pairs in one request")
    both_orders: bool = Field(
        default=False, description="have every request judged a second time, last pair first, and take the mean; costs twice as much"
    )
