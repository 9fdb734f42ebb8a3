"""The recipe: one YAML file that describes a whole run. Every field has a default, a description and a reader.

`kilopair init` writes this file's descriptions as the comments of the YAML; `--set section.field=value` overrides.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from schemas.curation_choice import ChoiceSection, HeldOutSection, Length, Part
from schemas.curation_embed import ChooseSection, EmbedSection
from schemas.curation_filters import GroundSection, ScreenSection
from schemas.curation_judge import JudgeSection
from schemas.curation_near import DecontaminateSection
from schemas.findings import FindingsSection
from schemas.iteration import IterateSection
from schemas.training import BaseSection, DiagnoseSection, EvaluateSection, PackageSection, ProveSection, TrainSection

Rate = Annotated[float, Field(gt=0)]
Chance = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0)]

SET_BY_ENGINE = {  # fields of a request that endpoint.parameters may not hold, and what decides them
    "model": "endpoint.model", "max_tokens": "endpoint.max_tokens", "max_completion_tokens": "endpoint.max_tokens",
    "messages": "generate.tasks", "response_format": "endpoint.structured", "tools": "endpoint.structured",
    "tool_choice": "endpoint.structured", "stream": "",
}  # fmt: skip


ASSISTANT = (  # what an assistant of a company needs; how much of each is in its task.yaml
    "question_answering", "procedure", "conversation", "unanswerable", "self_instruct", "comparison", "false_premise",
    "back_translation", "evolution", "correction", "summarization", "rewriting", "off_topic",
)  # fmt: skip


class Section(BaseModel):
    """A frozen section that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DocumentsSection(Section):
    """Which files to read."""

    path: Path = Field(default=Path("documents"), description="folder (or one file) with the documents, relative to this file")
    include: tuple[str, ...] = Field(default=("**/*",), description="glob patterns of the files to read")
    exclude: tuple[str, ...] = Field(default=("**/.*", "**/.*/**"), description="glob patterns of the files to leave out")
    respect_gitignore: bool = Field(default=True, description="leave out what a .gitignore file in the folder names")
    max_megabytes: float = Field(default=20.0, gt=0, description="a larger file goes to quarantine")
    seconds_per_file: float = Field(default=60.0, gt=0, description="a file that takes longer to read goes to quarantine")
    megabytes_of_memory: int = Field(default=2000, ge=300, description="a file that takes more memory to read goes to quarantine")
    workers: int = Field(default=0, ge=0, description="processes that read files side by side; 0: one for each core")
    tessdata: Path | None = Field(
        default=None,
        description="folder with Tesseract's data (*.traineddata): scanned PDF pages are read by it, in seconds a page; off when unset",
    )
    ocr_language: str = Field(
        default="eng", pattern=r"^\w+(\+\w+)*$", description="languages of the scans, as the data is named, e.g. deu+eng"
    )


class ChunkSection(Section):
    """How documents are cut."""

    tokens: int = Field(default=400, ge=32, description="budget of a chunk, in tokens: estimated, or counted by the tokenizer below")
    tokenizer: Path | None = Field(default=None, description="folder of the tokenizer to count with, such as that of the model to be tuned")


class ExistingSection(Section):
    """A file of pairs that people wrote: each row becomes a draft."""

    path: Path = Field(description="CSV, TSV, JSON or JSONL file, relative to this file")
    task: str = Field(default="existing", description="name of the task that its pairs get")
    instruction: str = Field(default="instruction", description="column of the question")
    input: str | None = Field(default=None, description="column of the text that the question is about")
    output: str = Field(default="output", description="column of the response")


class GenerateSection(Section):
    """How chunks become drafts."""

    generator: Literal["extractive", "openai", "local"] = Field(
        default="extractive",
        description="extractive: rules, no model, no network; openai: any OpenAI-compatible endpoint; local: a GGUF file of yours",
    )
    wordings: int = Field(default=5, ge=1, le=12, description="most wordings of one fact (extractive), or asked for (openai, local)")
    tasks: tuple[str, ...] | dict[str, Weight] = Field(
        default=ASSISTANT,
        description="tasks of openai and local: names of shipped tasks or folders of your own, as a list or with the weight of each",
    )
    target: Length | Literal["auto"] = Field(
        default="auto", description="accepted drafts at which asking stops, spread evenly over the documents; auto: 4 times curate.target"
    )
    items_per_request: int = Field(default=4, ge=1, le=40, description="most items asked for in one request")
    inside: bool = Field(default=True, description="make drafts of the questions and answers that already stand in the documents")
    facts: bool = Field(default=False, description="have the facts of every section listed first, and spread the drafts over facts")
    samples: int = Field(default=1, ge=1, le=8, description="answers sampled per question; the one that the others agree with is kept")
    distractors: int = Field(default=3, ge=0, le=8, description="other passages beside the right one in open-book questions")
    language: str = Field(default="auto", description="language of the pairs, e.g. German; auto: that of the passage")
    voice: str = Field(default="clear, friendly and direct", description="how the company speaks")
    labels: dict[str, str] = Field(default_factory=dict, description="labels of the classification task, each with what it means")
    extraction_schema: Path | None = Field(default=None, description="your JSON Schema of what the extraction task extracts")
    families: Literal["auto", "all"] | tuple[str, ...] = Field(
        default="auto",
        description="what the rules may ask about (extractive, wording): auto: what your grades allow (kilopair grade), else the shipped"
        " choice; all; or a list of families",
    )
    grade_threshold: Chance = Field(
        default=0.6, description="auto leaves out a family of which a smaller share than this was graded A, from 10 grades on"
    )
    glossary: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="terms of the documents with what people also call them, e.g. {time off: [leave, PTO]} (extractive, wording)",
    )
    seeds: Path | None = Field(default=None, description="your seed tasks for self_instruct (JSONL); shipped ones when unset")
    existing: tuple[ExistingSection, ...] = Field(default=(), description="files of pairs that people wrote, added to the drafts")

    @field_validator("families", mode="before")
    @classmethod
    def _one_family(cls, families: object) -> object:
        """A single name is a list of one."""
        return (families,) if isinstance(families, str) and families not in {"auto", "all"} else families


class EndpointSection(Section):
    """The OpenAI-compatible endpoint; read only when generate.generator is openai or local."""

    base_url: str = Field(default="http://127.0.0.1:8000/v1", description="URL up to and including /v1")
    model: str = Field(default="default", description="name of the model at the endpoint")
    api_key_env: str = Field(default="OPENAI_API_KEY", description="environment variable that holds the key; never the key itself")
    model_file: Path | None = Field(default=None, description="GGUF file that the local generator serves")
    replay: Path | None = Field(default=None, description="a recording (kilopair record) that answers instead of the endpoint")
    concurrency: int = Field(default=32, ge=1, le=1024, description="most requests in flight; fewer while the endpoint is overloaded")
    requests_per_minute: Length | None = Field(default=None, description="limit of your account, if it has one")
    tokens_per_minute: Length | None = Field(default=None, description="limit of your account, if it has one")
    temperature: float = Field(default=0.7, ge=0, le=2, description="sampling temperature")
    max_tokens: int = Field(default=2048, ge=16, description="most tokens of one reply")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="further fields of every request, e.g. top_p, seed, reasoning_effort, service_tier"
    )
    structured: Literal["auto", "json_schema", "tools", "json_object", "text"] = Field(
        default="auto", description="how replies are held to their schema; auto: the best that a probe finds the endpoint to honour"
    )
    timeout_seconds: float = Field(default=120.0, gt=0, description="deadline of one request, connection included")
    attempts: int = Field(default=5, ge=1, description="tries of one request on errors of the server; waiting for a rate is no try")
    max_wait_seconds: float = Field(
        default=900.0, gt=0, description="longest wait for a rate limit, or for an endpoint that is down, before the run stops"
    )
    repair: bool = Field(default=True, description="send an unusable reply back once, with what is wrong with it")

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        """Only scheme, host and path: a key in the URL would end in logs and manifests."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http or https URL such as http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must hold no user, password or query; the key belongs into the variable that api_key_env names")
        return url.rstrip("/")

    @field_validator("parameters")
    @classmethod
    def _not_set_by_engine(cls, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if name := next((name for name in parameters if name in SET_BY_ENGINE), ""):
            instead = f"use {SET_BY_ENGINE[name]} instead" if SET_BY_ENGINE[name] else "take it out"
            raise ValueError(f"may not hold {name}, which kilopair sets itself; {instead}")
        return parameters

    @field_validator("api_key_env")
    @classmethod
    def _variable_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError("must be the name of an environment variable, never the key itself")
        return name


class BudgetSection(Section):
    """What may be spent at the endpoint in this workspace, over all its runs; reserved before a request is sent, so never passed."""

    max_usd: Rate | None = Field(default=None, description="most US dollars; needs a known price")
    max_tokens: Length | None = Field(default=None, description="most tokens, prompts and replies together")
    max_calls: Length | None = Field(default=None, description="most calls; refusals for the rate are none")
    usd_per_million_input: float | None = Field(default=None, ge=0, description="price of prompt tokens; shipped price table when unset")
    usd_per_million_output: float | None = Field(default=None, ge=0, description="price of reply tokens; shipped price table when unset")


class CurateSection(ChoiceSection):
    """How drafts become about 1,000 pairs."""

    max_words: int = Field(default=220, ge=5, description="most words of a response")
    doubtful: bool = Field(
        default=False,
        description="choose also facts whose answer may not be whole, as signs around it say, after the others of their kind; "
        "they cover more of the documents, but 4 in 10 of them read well where 7 in 10 of the others do",
    )
    pair_schema: Path | None = Field(default=None, description="your own JSON Schema file for the field `extra` of every pair")


class SplitSection(HeldOutSection):
    """How the pairs are divided; pairs that share a passage or a fact stay together."""

    paraphrase: Part = Field(default=0.15, description="share of pairs withheld as other wordings of facts that are in train")
    unseen_forms: Chance = Field(default=0.4, description="share of paraphrase whose question form occurs nowhere in train")


class ReportSection(Section):
    """The HTML report."""

    examples: int = Field(default=12, ge=1, description="answers shown side by side per held-out set")


class Recipe(Section):
    """One run, from the folder of documents to the report."""

    company: str = Field(default="the company", description="name used in questions such as 'What is our policy on ...'")
    workspace: Path = Field(default=Path("workspace"), description="folder of the run, relative to this file")
    seed: int = Field(default=0, ge=0, description="seed of every random choice")
    documents: DocumentsSection = DocumentsSection()
    findings: FindingsSection = FindingsSection()
    chunk: ChunkSection = ChunkSection()
    generate: GenerateSection = GenerateSection()
    endpoint: EndpointSection = EndpointSection()
    budget: BudgetSection = BudgetSection()
    screen: ScreenSection = ScreenSection()
    ground: GroundSection = GroundSection()
    decontaminate: DecontaminateSection = DecontaminateSection()
    judge: JudgeSection = JudgeSection()
    embed: EmbedSection = EmbedSection()
    choose: ChooseSection = ChooseSection()
    curate: CurateSection = CurateSection()
    split: SplitSection = SplitSection()
    base: BaseSection = BaseSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection = EvaluateSection()
    diagnose: DiagnoseSection = DiagnoseSection()
    prove: ProveSection = ProveSection()
    package: PackageSection = PackageSection()
    iterate: IterateSection = IterateSection()
    report: ReportSection = ReportSection()
