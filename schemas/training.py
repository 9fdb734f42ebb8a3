"""The recipe's sections on the model: the embedded base, fine-tuning, evaluation."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.records import Record

Rate = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(ge=0, lt=1)]
Chance = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[int, Field(ge=1)]

TEMPLATE_FILES = (".jinja", ".jinja2", ".j2")


def _template(name: str) -> str:
    if name not in ("auto", "chat", "alpaca", "plain") and not name.endswith(TEMPLATE_FILES):
        raise ValueError("is auto, chat, alpaca, plain, or the path of a file that ends in .jinja")
    return name


TemplateChoice = Annotated[str, AfterValidator(_template)]


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
    method: Literal["full", "lora", "dora", "qlora"] = Field(
        default="full",
        description="full: all weights; lora, dora: adapters on every linear layer; qlora: lora on a base in 4 bits (CUDA, bitsandbytes)",
    )
    save: Literal["merged", "adapter", "both"] = Field(
        default="merged",
        description="lora, dora and qlora: one model; the adapters, which need their base; or the model with the adapters in a folder",
    )
    lora_rank: int = Field(default=16, ge=1, description="rank of the adapters")
    template: TemplateChoice = Field(
        default="auto",
        description="auto: the model's chat template if it has one, else alpaca; chat; alpaca; plain (question and answer); a .jinja file",
    )
    system: str | None = Field(
        default=None, min_length=1, description="a system turn before every conversation; it is saved in the template, for every later use"
    )
    prompt_weight: Chance = Field(
        default=0.0, description="weight of the prompt's tokens in the loss; 0.05 to 0.2 may help where answers are short and pairs few"
    )
    start_weight: Rate | Literal["auto"] = Field(
        default="auto",
        description="weight of a response's first token in the loss: it decides the rest, as Yes or No does; auto: 5 for the embedded base,"
        " else 1",
    )
    epochs: float = Field(default=3.0, gt=0, description="passes over the training pairs, unless tokens says otherwise")
    tokens: int | None = Field(default=None, ge=1, description="tokens to train on instead of epochs; embedded base: 1,600,000 when unset")
    batch_tokens: int = Field(default=1024, ge=32, description="tokens of one update, of rows of like length; a longer row stands alone")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="of the computation; auto: bfloat16 where this machine has instructions for it and the model is large",
    )
    learning_rate: Rate | Literal["auto", "sweep"] = Field(
        default="auto",
        description="the peak rate; auto: by size and method; sweep: the best of a third, once and three times that, by a pass of each"
        " and the validation pairs",
    )
    warmup: float = Field(default=0.05, ge=0, lt=0.5, description="share of the updates spent on warm-up")
    raw_text: Part | Literal["auto"] = Field(
        default="auto", description="share of the updates on raw document text; auto: 0.15 for the embedded base, else 0"
    )
    word_drop: Chance | Literal["auto"] = Field(
        default="auto", description="chance that a question loses some of its words; auto: 0.5 for the embedded base, else 0"
    )
    pretrain_epochs: float = Field(
        default=0.0, ge=0, description="passes over the documents' raw text before the pairs (continued pretraining); 0: none"
    )
    replay: float = Field(default=0.0, ge=0, le=0.2, description="share of the updates on general text, against forgetting; 0.01 to 0.05")
    replay_text: Path | None = Field(
        default=None, description="general text for replay: a text file or a folder of them; a small shipped sample when unset"
    )
    choose: Literal["auto", "answers", "loss", "last"] = Field(
        default="auto",
        description="which pass's weights are kept: the one that answers or predicts the validation pairs best, or the last; auto: answers,"
        " but last for the embedded base and without validation pairs",
    )
    keep: int = Field(default=2, ge=1, description="checkpoints kept while training, the newest; the best so far are kept besides")
    log: Literal["none", "tensorboard", "trackio"] = Field(
        default="none", description="where the curve is logged while training, besides the report; needs the package of that name"
    )
    max_length: Length | Literal["auto"] = Field(
        default="auto", description="auto: the longest row; rows that do not fit are refused, never cut"
    )


class EvaluateSection(Record):
    """Base against tuned on the held-out sets."""

    max_new_tokens: Length | Literal["auto"] = Field(default="auto", description="auto: a fifth more than the longest reference")
    batch_size: Length | Literal["auto"] = Field(
        default="auto", description="questions answered at once; auto: 128 for models of less than 50M parameters, else 32"
    )
    limit: int | None = Field(default=None, ge=1, description="most questions per held-out set")


class PackageSection(Record):
    """What goes with the tuned model: its card, the way to repeat the training without kilopair, files for llama.cpp and Ollama."""

    name: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the model and its files; the company's when unset"
    )
    gguf: tuple[Literal["f16", "q8_0"], ...] = Field(
        default=(), description="files for llama.cpp and Ollama, each proved on the held-out questions; needs the extra gguf"
    )
    converter: Path | None = Field(
        default=None, description="llama.cpp's convert_hf_to_gguf.py, for models that kilopair does not write as GGUF itself"
    )
    license: str = Field(
        default="unknown", min_length=1, description="licence of the tuned model, as the Hub spells it (apache-2.0, other)"
    )
