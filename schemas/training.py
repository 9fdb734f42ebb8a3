"""The recipe's sections on the model: the embedded base, fine-tuning, evaluation."""

import re
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


AGAINST = re.compile(r"(?P<second>\w+) against (?P<first>\w+) on (?P<set>\w+)(?: in (?P<metric>\w+))?")


ANSWERING = ("base", "few_shot", "with_passage", "tuned")
HIGHER = (  # metrics of which more is better; of a loss the comparison turns the sign
    "token_f1", "exact_match", "rouge_l", "figures_right", "format_right", "label_right", "refusal_right", "answered", "stop_rate", "loss",
)  # fmt: skip


def _against(text: str) -> str:
    match = AGAINST.fullmatch(text)
    if not match:
        raise ValueError("is a comparison such as: tuned against base on test")
    if not {match["first"], match["second"]} <= {*ANSWERING}:
        raise ValueError(f"compares two of {', '.join(ANSWERING)}, as in: tuned against base on test")
    if match["metric"] and match["metric"] not in HIGHER:
        raise ValueError(f"is in one of {', '.join(HIGHER)}, as in: tuned against base on test in loss")
    return text


Against = Annotated[str, AfterValidator(_against)]
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
    tokens: int | None = Field(default=None, ge=1, description="tokens to train on instead of epochs; embedded base: 1,300,000 when unset")
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
    input_share: Chance | Literal["auto"] = Field(
        default="auto",
        description="share of the passes, after the first, in which a pair with an input takes part; auto: a third for the embedded base,"
        " else 1",
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
    """Base, base with help in its prompt, and tuned on the held-out sets; what is compared is declared before a question is asked."""

    max_new_tokens: Length | Literal["auto"] = Field(default="auto", description="auto: a fifth more than the longest reference")
    batch_size: Length | Literal["auto"] = Field(
        default="auto", description="questions answered at once; auto: 128 for models of less than 50M parameters, else 32"
    )
    limit: int | None = Field(default=None, ge=1, description="most questions per held-out set")
    win_rate: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        default="auto",
        description="held-out questions on which judge.model compares the tuned model's answers with the others', each in both orders;"
        " auto: 100 where pairs are judged too; 0: none",
    )
    forgetting: bool = Field(default=True, description="ask base and tuned model general text and prompts too, to see what was forgotten")
    general_text: Path | None = Field(
        default=None,
        description="general text of your own for that, a text file or a folder of them, read by nothing else; shipped English when unset",
    )
    harness: tuple[str, ...] = Field(
        default=(), description="tasks of lm-evaluation-harness for base and tuned model, e.g. [arc_easy]; needs the extra harness"
    )
    harness_tasks: Path | None = Field(
        default=None, description="folder with your task files (YAML) for harness and their data; nothing is downloaded"
    )
    systems: tuple[Literal["few_shot", "with_passage"], ...] = Field(
        default=("few_shot", "with_passage"),
        description="who answers besides base and tuned: the base with examples from train in its prompt, or with the gold passage",
    )
    shots: int = Field(default=4, ge=0, description="most examples in the prompt of few_shot; fewer where the context is small")
    metric: Literal["token_f1", "exact_match", "rouge_l", "figures_right", "loss"] = Field(
        default="token_f1", description="what systems are compared by"
    )
    margin: float = Field(default=0.05, gt=0, lt=1, description="a difference smaller than this counts as none")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="of every interval; the rest is the risk of a wrong verdict")
    resamples: int = Field(default=9999, ge=99, description="random sign flips of a test on scores")
    seed: int = Field(default=0, ge=0, description="of the random sign flips")
    family: Literal["auto"] | tuple[Against, ...] = Field(
        default="auto",
        description="the comparisons, each as tuned against base on test, with or without a metric (in loss) behind it; auto: tuned against"
        " all others on paraphrase, test and test_documents, and against base in loss",
    )


class DiagnoseSection(Record):
    """What is weak in the tuned model: why it failed, what base and tuned know, which training pairs may be wrong."""

    probe: Literal["answers", "likelihood", "none"] = Field(
        default="answers",
        description="how base and tuned are asked for facts: answers: generated, greedily and sampled; likelihood: the right answer is only"
        " ranked among those of other facts, much faster; none",
    )
    facts: int = Field(default=40, ge=1, description="most facts that are asked, evenly spread")
    prompts: int = Field(default=4, ge=1, le=8, description="times that each fact is asked, each time in another way")
    shots: int = Field(default=4, ge=0, description="examples before each question to the base, others each time")
    samples: int = Field(default=2, ge=0, description="answers sampled for each prompt of a fact that no greedy answer knew")
    temperature: float = Field(default=0.5, gt=0, description="temperature of the samples")
    suspects: int = Field(default=50, ge=0, description="most training pairs that are listed as probably wrong; 0: none are looked for")


class ProveSection(Record):
    """Was it the data: the same base trained on the curated pairs and on others, by kilopair prove."""

    against: tuple[Literal["random", "random_facts", "longest"], ...] = Field(
        default=("random", "longest"),
        description="rivals of the same size, drawn from all valid pairs; random_facts: whole facts, with as many wordings as curated ones",
    )
    seeds: int = Field(default=3, ge=1, le=50, description="trainings of each selection; each draws random pairs of its own")
    shares: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.1, 0.3, 1.0), description="parts of the curated pairs that the data-size curve shows, in whole facts"
    )
    tokens: Length | None = Field(default=None, description="tokens that each training reads; as many as that of the run when unset")
    questions: int = Field(
        default=400, ge=0, description="questions drawn evenly from all facts of the supply, whoever teaches them: what is judged by"
    )


class PackageSection(Record):
    """What goes with the tuned model: its card, the way to repeat the training without kilopair, files for llama.cpp and Ollama."""

    name: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the model and its files; the company's when unset"
    )
    gguf: tuple[Literal["f16", "q8_0"], ...] = Field(
        default=(), description="files for llama.cpp and Ollama, each proved on the held-out questions; needs the extra gguf"
    )
    mixed: bool = Field(
        default=True,
        description="where too few of a file's answers are the saved model's, keep in the next finer form the matrices that change most"
        " of them; false: the plain form, which is smaller",
    )
    converter: Path | None = Field(
        default=None, description="llama.cpp's convert_hf_to_gguf.py, for models that kilopair does not write as GGUF itself"
    )
    license: str = Field(
        default="unknown", min_length=1, description="licence of the tuned model, as the Hub spells it (apache-2.0, other)"
    )
