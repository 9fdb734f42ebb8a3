"""The recipe's sections on the model: the embedded base, fine-tuning, evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.records import Record

Rate = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(ge=0, lt=1)]
Chance = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[int, Field(ge=1)]


class BaseSection(Record):
    """The embedded base model, made from the documents' raw text; read only when train.base is embedded."""

    vocabulary: int = Field(default=2000, ge=300, description="tokens of the byte-level BPE tokenizer")
    width: int = Field(default=128, ge=16, description="hidden size")
    layers: int = Field(default=4, ge=1, description="transformer layers")
    heads: int = Field(default=4, ge=1, description="attention heads")
    context: int = Field(default=1024, ge=64, description="longest sequence")
    tokens: int = Field(default=300_000, ge=0, description="tokens of raw text to pretrain on, documents repeated as needed")
    block: int = Field(default=128, ge=16, description="tokens of one pretraining block")
    learning_rate: float = Field(default=0.02, gt=0, description="peak rate of the matrices (Muon)")


class TrainSection(Record):
    """Supervised fine-tuning."""

    base: str = Field(default="embedded", description="embedded, the name of a Hugging Face model, or a local folder")
    method: Literal["full", "lora"] = Field(default="full", description="full: all weights; lora: adapters on every linear layer")
    lora_rank: int = Field(default=16, ge=1, description="rank of the adapters")
    template: Literal["auto", "chat", "alpaca"] = Field(
        default="auto", description="auto: the model's chat template if it has one, else alpaca"
    )
    epochs: float = Field(default=3.0, gt=0, description="passes over the training pairs, unless tokens says otherwise")
    tokens: int | None = Field(default=None, ge=1, description="tokens to train on instead of epochs; embedded base: 800,000 when unset")
    batch_tokens: int = Field(default=1024, ge=32, description="tokens of one update, of rows of like length; a longer row stands alone")
    learning_rate: Rate | Literal["auto"] = Field(default="auto", description="auto: by size and method; else the peak rate")
    warmup: float = Field(default=0.05, ge=0, lt=0.5, description="share of the updates spent on warm-up")
    raw_text: Part | Literal["auto"] = Field(
        default="auto", description="share of the updates on raw document text; auto: 0.15 for the embedded base, else 0"
    )
    word_drop: Chance | Literal["auto"] = Field(
        default="auto", description="chance that a question loses some of its words; auto: 0.5 for the embedded base, else 0"
    )
    max_length: Length | Literal["auto"] = Field(
        default="auto", description="auto: the longest row; rows that do not fit are refused, never cut"
    )


class EvaluateSection(Record):
    """Base against tuned on the held-out sets."""

    max_new_tokens: Length | Literal["auto"] = Field(default="auto", description="auto: a fifth more than the longest reference")
    batch_size: int = Field(default=32, ge=1, description="questions answered at once")
    limit: int | None = Field(default=None, ge=1, description="most questions per held-out set")
