"""The records that flow through the pipeline, each frozen and holding the id of the record it came from.

Document -> Chunk -> Draft -> Pair, and Dropped for whatever leaves the way. Ids are content hashes, so the same
content has the same id on every machine and in every run. All character positions count Unicode code points of
`Document.text`, start inclusive, end exclusive.
"""

import hashlib
import json
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.config import JsonDict

Split = Literal["train", "validation", "test", "paraphrase"]
# How an answer rests on the documents: quoted (evidence proves it), absent (a search of all documents found no answer, and
# the answer says so), none (it is about no document: a redirect, general skill, or a pair that a person brought along).
Grounding = Literal["quoted", "absent", "none"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "paraphrase")


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_id(prefix: str, *parts: object) -> str:
    """Return `prefix-` and 16 hex digits of the SHA-256 of `parts` as canonical JSON."""
    text = _CANONICAL.encode(parts)
    return f"{prefix}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


class Record(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Record):
    """Where one page of a document stands in its text; also a slide, a sheet of a workbook, a chapter of a book."""

    number: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int
    kind: Literal["page", "slide", "sheet", "chapter"] = "page"
    label: str = Field(default="", description="its name, where it has one: a sheet, a chapter, a roman numeral")


class Remark(Record):
    """What somebody should know about a document that was read all the same, e.g. `mojibake`: two lines look wrongly decoded."""

    code: str = Field(description="a short name, e.g. decoded_as, mixed_encoding, mime_mismatch, pages_without_text, include_blocked")
    message: str


class Document(Record):
    """One source as canonical Markdown text; `path` is relative to the folder that was read, `archive.zip!/name` inside of one."""

    id: str
    path: str
    title: str
    format: str
    text: str
    sha256: str = Field(description="SHA-256 of the raw bytes that were read")
    metadata: dict[str, JsonValue] = Field(default_factory=dict, description="front matter and the like")
    pages: tuple[Page, ...] = Field(default=(), description="in order and disjoint, where the source has pages")
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def of(  # noqa: PLR0913 one keyword for each field
        cls,
        *,
        path: str,
        title: str,
        format: str,
        text: str,
        raw: bytes,
        metadata: dict[str, JsonValue] | None = None,
        pages: tuple[Page, ...] = (),
        remarks: tuple[Remark, ...] = (),
    ) -> Self:
        """Make a document whose id is the hash of its text."""
        return cls(
            id=content_id("doc", text),
            path=path,
            title=title,
            format=format,
            text=text,
            sha256=hashlib.sha256(raw).hexdigest(),
            metadata=metadata or {},
            pages=pages,
            remarks=remarks,
        )


class Chunk(Record):
    """A span of one document that fits a prompt: `document.text[start:end] == text`."""

    id: str
    document_id: str
    start: int = Field(ge=0)
    end: int
    text: str
    heading_path: tuple[str, ...] = Field(description="headings from the outermost to the one above the text")
    tokens: int = Field(ge=0, description="estimated tokens of the text")
    pages: tuple[int, int] | None = Field(default=None, description="numbers of its first and last page, where the document has pages")

    @classmethod
    def of(cls, document: Document, start: int, end: int, heading_path: tuple[str, ...], tokens: int) -> Self:
        """Cut `document.text[start:end]`."""
        numbers = [page.number for page in document.pages if page.start < end and start < page.end]
        return cls(
            pages=(numbers[0], numbers[-1]) if numbers else None,
            id=content_id("chunk", document.id, start, end),
            document_id=document.id,
            start=start,
            end=end,
            text=document.text[start:end],
            heading_path=heading_path,
            tokens=tokens,
        )


class Evidence(Record):
    """A verbatim quote that supports an answer: `document.text[start:end] == quote`."""

    document_id: str
    start: int = Field(ge=0)
    end: int
    quote: str = Field(min_length=1)

    @model_validator(mode="after")
    def _span_matches_quote(self) -> Self:
        if self.end - self.start != len(self.quote):
            raise ValueError("the span and the quote differ in length")
        return self

    @classmethod
    def of(cls, document: Document, start: int, end: int) -> Self:
        """Quote `document.text[start:end]`."""
        return cls(document_id=document.id, start=start, end=end, quote=document.text[start:end])


class Turn(Record):
    """An earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)


class Provenance(Record):
    """Where a pair comes from: pair -> chunk -> document, by which generator, model, prompt and request."""

    document_id: str
    chunk_id: str
    generator: str
    rule: str | None = Field(default=None, description="the rule of the extractive generator")
    model: str | None = None
    prompt_hash: str | None = None
    request_id: str | None = Field(default=None, description="key of the request in the journal")


class Draft(Record):
    """What a generator proposes, before validation. `quotes` are verbatim; `spans` locate them where known."""

    id: str
    task: str
    instruction: str
    input: str = ""
    output: str
    quotes: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = Field(default=(), description="one (start, end) per quote, or empty")
    group: str = Field(description="wordings of one fact share a group")
    form: str = Field(description="the question form that worded it, e.g. howto/walk-me-through")
    provenance: Provenance
    history: tuple[Turn, ...] = Field(default=(), description="earlier turns of the conversation, user first; instruction is the next")
    grounding: Grounding = "quoted"
    flags: tuple[str, ...] = Field(default=(), description="what a reviewer should know, e.g. repaired, suspicious_source")
    extra: dict[str, JsonValue] = Field(default_factory=dict, description="fields of the user's own schema")

    @classmethod
    def of(  # noqa: PLR0913
        cls,
        *,
        task: str,
        instruction: str,
        output: str,
        quotes: tuple[str, ...],
        group: str,
        form: str,
        provenance: Provenance,
        input: str = "",
        spans: tuple[tuple[int, int], ...] = (),
        history: tuple[Turn, ...] = (),
        grounding: Grounding = "quoted",
        flags: tuple[str, ...] = (),
        extra: dict[str, JsonValue] | None = None,
    ) -> Self:
        """Make a draft whose id is the hash of its chunk, task, three texts, and history if it has one."""
        turns = [[turn.model_dump(mode="json") for turn in history]] if history else []
        return cls(
            id=content_id("pair", provenance.chunk_id, task, instruction, input, output, *turns),
            task=task,
            instruction=instruction,
            input=input,
            output=output,
            quotes=quotes,
            spans=spans,
            group=group,
            form=form,
            provenance=provenance,
            history=history,
            grounding=grounding,
            flags=flags,
            extra=extra or {},
        )


_QUOTED_HAS_EVIDENCE: JsonDict = {
    "if": {"properties": {"grounding": {"const": "quoted"}}},
    "then": {"properties": {"evidence": {"minItems": 1}}},
}


class Pair(Record):
    """One row of the dataset: Alpaca's three fields, with evidence and provenance."""

    model_config = ConfigDict(json_schema_extra=_QUOTED_HAS_EVIDENCE)

    id: str
    task: str
    instruction: str = Field(min_length=1)
    input: str = ""
    output: str = Field(min_length=1)
    evidence: tuple[Evidence, ...] = Field(description="at least one span when grounding is quoted")
    provenance: Provenance
    group: str
    form: str
    scores: dict[str, float] = Field(default_factory=dict)
    status: Literal["valid", "selected"] = "valid"
    split: Split | None = None
    history: tuple[Turn, ...] = ()
    grounding: Grounding = "quoted"
    flags: tuple[str, ...] = ()
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _quoted_has_evidence(self) -> Self:
        if self.grounding == "quoted" and not self.evidence:
            raise ValueError("grounding is quoted but there is no evidence")
        return self


class Reason(StrEnum):
    """Why a record left the way."""

    # read
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    UNKNOWN_FORMAT = "unknown_format"
    UNKNOWN_ENCODING = "unknown_encoding"
    BAD_ROWS = "bad_rows"
    TOO_LARGE = "too_large"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    NO_TEXT_LAYER = "no_text_layer"
    NO_CONTENT = "no_content"
    LOGIN_PAGE = "login_page"
    POINTER = "pointer"
    BINARY = "binary"
    ARCHIVE_LIMIT = "archive_limit"
    FORBIDDEN_XML = "forbidden_xml"
    UNSAFE_PATH = "unsafe_path"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    FORGOTTEN = "forgotten"
    # chunk
    REPEATED = "repeated"
    DUPLICATE_DOCUMENT = "duplicate_document"
    # generate
    NOTHING_TO_ASK = "nothing_to_ask"
    SWITCHED_OFF = "switched_off"
    BAD_REPLY = "bad_reply"
    CUT_REPLY = "cut_reply"
    DEGENERATE = "degenerate"
    REFUSED = "refused"
    CONTENT_FILTER = "content_filter"
    EMPTY_REPLY = "empty_reply"
    NO_CHOICES = "no_choices"
    REQUEST_FAILED = "request_failed"
    OVER_BUDGET = "over_budget"
    NOT_ASKED = "not_asked"
    CHECK = "check"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    # validate
    SCHEMA = "schema"
    UNGROUNDED = "ungrounded"
    BLANK = "blank"
    TOO_LONG = "too_long"
    REFERS_TO_TEXT = "refers_to_text"
    # curate
    REJECTED = "rejected"
    TOO_SHORT = "too_short"
    REPETITIVE = "repetitive"
    REFUSAL = "refusal"
    OTHER_LANGUAGE = "other_language"
    COPIED_INSTRUCTION = "copied_instruction"
    CUT_OFF = "cut_off"
    SECRET = "secret"  # noqa: S105 a reason, not a password
    PERSONAL_DATA = "personal_data"
    BLOCKLISTED = "blocklisted"
    UNGROUNDED_NUMBER = "ungrounded_number"
    FOREIGN_NAME = "foreign_name"
    CONTRADICTS_SOURCE = "contradicts_source"
    DOUBTFUL = "doubtful"
    JUDGED_LOW = "judged_low"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    REWORDED = "reworded"
    SAME_MEANING = "same_meaning"
    CONTAMINATED = "contaminated"
    CONFLICT = "conflict"
    OVER_CAP = "over_cap"
    NOT_SELECTED = "not_selected"


class Dropped(Record):
    """A record that left the way: which, at which stage, and why. `record` is the whole record."""

    id: str
    stage: str
    reason: Reason
    detail: str = ""
    record: dict[str, JsonValue] = Field(default_factory=dict)

    @classmethod
    def of(cls, record: Record, stage: str, reason: Reason, detail: str = "") -> Self:
        """Drop `record` (any record with an id) at `stage`."""
        return cls(id=str(getattr(record, "id", "")), stage=stage, reason=reason, detail=detail, record=record.model_dump(mode="json"))
