"""The recipe's sections on vectors and on choosing by them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.records import Record

Share = Annotated[float, Field(gt=0, le=1)]
Price = Annotated[float, Field(ge=0)]


class EmbedSection(Record):
    """Vectors of the pairs: they tell near copies in meaning, and how far the chosen pairs spread."""

    by: Literal["none", "lexical", "endpoint", "local"] = Field(
        default="lexical",
        description="what makes them: lexical: words and parts of words, no model; endpoint: an OpenAI-compatible one; local: a model"
        " of yours; none",
    )
    model: str = Field(
        default="", description="endpoint: the name of its embedding model; local: a folder, or a name that was downloaded before"
    )
    base_url: str = Field(default="", description="URL of the embedding endpoint up to and including /v1; endpoint.base_url when empty")
    api_key_env: str = Field(default="", description="environment variable of its key; endpoint.api_key_env when empty")
    batch: int = Field(default=32, ge=1, le=2048, description="most texts of one request")
    usd_per_million: Price | None = Field(
        default=None, description="price of the endpoint's tokens, for the budget; shipped price table when unset"
    )
    threshold: float = Field(
        default=0.92,
        ge=0,
        le=1,
        description="questions whose cosine is above this are near copies, unless numbers or rare terms tell them apart",
    )

    @model_validator(mode="after")
    def _model_is_named(self) -> Self:
        if self.by in {"endpoint", "local"} and not self.model:
            raise ValueError(f"by is {self.by}, which needs the name of a model")
        return self


class ChooseSection(Record):
    """How the best pairs are told, beside the limits of `curate`."""

    spread: bool = Field(default=True, description="prefer pairs that stand for many others which none of the chosen stands for yet")
    floor: float = Field(
        default=0.3, ge=0, lt=1, description="share of the pairs, those of the lowest quality, that are chosen only if the others run out"
    )
    scores: dict[str, float] = Field(
        default={"judge": 1.0, "support": 0.5, "student": 1.0},
        description="scores that make up the quality of a pair, with the weight of each; a negative weight: less is better. student is"
        " what the model to be tuned makes of a pair, where it was asked",
    )
    student: Literal["none", "ifd", "likelihood"] = Field(
        default="none",
        description="ask the model to be tuned before it is: ifd: pairs are better the harder their response is for it although it has the"
        " question (Cherry LLM), none where the question does not help; likelihood: the likelier the response is to it, and of several"
        " answers to one question the likeliest stays (GRAPE); weight 0 of student in scores: only that",
    )
    base: str = Field(
        default="", description="the model that student asks: a folder or a name that was downloaded before; train.base when empty"
    )
    per_passage: Share = Field(default=1.0, description="largest share of one passage (chunk) in the chosen set")
    per_difficulty: Share = Field(
        default=1.0, description="largest share of one difficulty (extra.difficulty of a pair: basic, detailed or applied)"
    )
    per_length: Share = Field(default=1.0, description="largest share of one length of response: each twice the words of the one before")
