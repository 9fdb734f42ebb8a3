"""Drafts to pairs: every field present, every quote found in its source, every record right by the schemas.

A quote that a generator located itself must match the document at that place. Any other quote is searched: verbatim
first, then regardless of case, spacing, Markdown emphasis and the kind of quotes and dashes, which is what language
models change when they copy. Either way the evidence of a pair is the document's own text at exact offsets.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pydantic

from builder.rouge import words
from schemas.checks import check, check_extra, explain
from schemas.records import Chunk, Document, Draft, Dropped, Evidence, Pair, Reason

STAGE = "validate"

_TEXT = r"(?:passage|text|excerpt|extract|snippet|paragraph|article|document|section|context)"
_PLACE = rf"(?:{_TEXT}|page|table|list|information|content|material|source)"
_ALONE = r"\b(?![ -](?:of|for|on|about|area|box|control|editor|field|file|library|management|message|number|store|template|title|type)\b)"
_UNSEEN = re.compile(
    rf"""\b(?:
        (?:according|referring)\ to\ (?:the|this|that)\ (?:\w+\ )?{_PLACE}{_ALONE}
      | (?:in|on|from|of|by|with|within|using)\ (?:this|the\ (?:above|following|given|provided|preceding))\ {_PLACE}{_ALONE}
      | (?:in|from|by)\ the\ (?:passage|excerpt|snippet|paragraph|article|text){_ALONE}
      | (?:the|this)\ (?:passage|excerpt|snippet|text)\ (?:says?|states?|mentions?|describes?|provides?|gives?|explains?)\b
      | does\ the\ (?:passage|excerpt|snippet|text|context){_ALONE}
      | (?:{_PLACE}|details?|steps?|rules?|example)\ (?:(?:given|provided)\ )?(?:above|below)(?=\s*(?:[?.,;:!]|$))
      | (?:mentioned|described|stated|listed|shown|discussed)\ (?:above|below|earlier|in\ (?:this|the)\ {_TEXT}{_ALONE})
      | the\ above(?!-)\b
      | the\ (?:given|provided)\ {_PLACE}{_ALONE}
      | (?:this|the\ following)\ (?:passage|excerpt|snippet|paragraph|article|document|text){_ALONE}
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_INLINE = re.compile(r"""\n\s*\S+(?:\s+\S+){2}|["“][^"”]*\s[^"”]*\s[^"”]*["”]|(?:\S+\s+){25}""")  # the question brings the text along

_SAME = str.maketrans(dict.fromkeys("‘’‚‛´", "'") | dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("–—‑−", "-"))
_SKIPPED = frozenset("*_`\\\u00ad\u200b\u200c\u200d\u2060\ufeff")  # Markdown emphasis and escapes, and characters nobody sees


class DraftError(Exception):
    """A draft cannot become a pair; caught in this module."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class _Rules:
    documents: Mapping[str, Document]
    chunks: Mapping[str, Chunk]
    max_words: int
    extra_schema: Mapping[str, Any] | None


def validate(
    drafts: Iterable[Draft | Dropped],
    *,
    documents: Mapping[str, Document],
    max_words: int,
    extra_schema: Mapping[str, Any] | None = None,
    chunks: Mapping[str, Chunk] | None = None,
) -> Iterator[Pair | Dropped]:
    """Yield one record per draft, in order: the pair it makes, or why it makes none. What was dropped before passes through.

    Args:
        drafts: from a generator.
        documents: the sources by id.
        max_words: most words of a response.
        extra_schema: the user's own JSON Schema of `extra`, from `user_schema`.
        chunks: the chunks by id; with them a quote that occurs more than once is located in its own chunk.
    """
    rules = _Rules(documents, chunks or {}, max_words, extra_schema)
    for draft in drafts:
        if isinstance(draft, Dropped):
            yield draft
            continue
        try:
            yield _pair(draft, rules)
        except DraftError as problem:
            yield _dropped(draft, problem)


def refers_to_text(question: str) -> str | None:
    """Return the words of `question` that point to a text its reader does not see, or None."""
    for match in _UNSEEN.finditer(question):
        if not _INLINE.search(question, match.end()):
            return match.group()
    return None


def locate(quote: str, document: Document, near: tuple[int, int] = (0, 0)) -> tuple[int, int] | None:
    """Return the span of `document.text` that `quote` quotes, preferably inside the span `near`, or None."""
    quote = quote.strip()
    if not quote:
        return None
    spans = [(start, start + len(quote)) for start in _places(quote, document.text)]
    if not spans:
        flat, offsets = _flattened_source(document.text)
        needle = _flattened(quote)[0].strip()
        spans = [(offsets[start], offsets[start + len(needle) - 1] + 1) for start in _places(needle, flat)]
    inside = [span for span in spans if near[0] <= span[0] and span[1] <= near[1]]
    return next(iter([*inside, *spans]), None)


def _pair(draft: Draft, rules: _Rules) -> Pair:
    _require_text(draft)
    evidence = _evidence(draft, rules)
    if (length := len(words(draft.output))) > rules.max_words:
        raise DraftError(Reason.TOO_LONG, f"the response has {length} words, more than {rules.max_words}")
    if not draft.input.strip() and (found := refers_to_text(draft.instruction)):
        raise DraftError(Reason.REFERS_TO_TEXT, f"{found!r} points to a text that the question does not show")
    if rules.extra_schema is not None and (problem := check_extra(draft.extra, rules.extra_schema)):
        raise DraftError(Reason.SCHEMA, problem)
    return _checked(draft, evidence)


def _require_text(draft: Draft) -> None:
    fields = draft.model_dump(mode="json")
    if _writable(fields) != fields or _writable(draft.extra) != draft.extra:  # a dump replaces those in keys
        raise DraftError(Reason.SCHEMA, "holds a lone surrogate, which no UTF-8 file can hold")
    for name in ("instruction", "output", "task", "group", "form"):
        if not fields[name].strip():
            raise DraftError(Reason.BLANK, f"{name} is blank")


def _evidence(draft: Draft, rules: _Rules) -> tuple[Evidence, ...]:
    document = rules.documents.get(draft.provenance.document_id)
    if document is None:
        raise DraftError(Reason.UNGROUNDED, f"its document {draft.provenance.document_id} was not read")
    if not draft.quotes:
        raise DraftError(Reason.UNGROUNDED, "no quote")
    if draft.spans and len(draft.spans) != len(draft.quotes):
        raise DraftError(Reason.UNGROUNDED, f"{len(draft.quotes)} quotes but {len(draft.spans)} spans")
    if draft.spans:
        found = [_given(*span, quote, document) for span, quote in zip(draft.spans, draft.quotes, strict=True)]
    else:
        chunk = rules.chunks.get(draft.provenance.chunk_id)
        found = [_searched(quote, document, (chunk.start, chunk.end) if chunk else (0, 0)) for quote in draft.quotes]
    return tuple(Evidence.of(document, start, end) for start, end in dict.fromkeys(found))


def _given(start: int, end: int, quote: str, document: Document) -> tuple[int, int]:
    if not quote.strip() or start < 0 or document.text[start:end] != quote:
        raise DraftError(Reason.UNGROUNDED, f"{document.path} does not read {_short(quote)} at {start} to {end}")
    return start, end


def _searched(quote: str, document: Document, near: tuple[int, int]) -> tuple[int, int]:
    span = locate(quote, document, near)
    if span is None:
        raise DraftError(Reason.UNGROUNDED, f"{document.path} nowhere reads {_short(quote)}")
    return span


def _checked(draft: Draft, evidence: tuple[Evidence, ...]) -> Pair:
    fields = {
        name: getattr(draft, name) for name in ("id", "task", "instruction", "input", "output", "provenance", "group", "form", "extra")
    }
    try:
        pair = Pair(**fields, evidence=evidence)
    except pydantic.ValidationError as error:
        raise DraftError(Reason.SCHEMA, explain(error)) from None
    if problem := check(pair.model_dump(mode="json"), "Pair"):
        raise DraftError(Reason.SCHEMA, problem)
    return pair


def _dropped(draft: Draft, problem: DraftError) -> Dropped:
    """Drop the draft, with whatever UTF-8 cannot hold spelled out so that the quarantine can be written."""
    dropped = Dropped.of(draft, STAGE, problem.reason, _writable(str(problem)))
    return dropped.model_copy(update={"id": _writable(dropped.id), "record": _writable(dropped.record)})


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_writable(name): _writable(inner) for name, inner in value.items()}
    return [_writable(inner) for inner in value] if isinstance(value, list) else value


def _places(needle: str, text: str) -> Iterator[int]:
    """Yield where `needle` stands in `text` as whole words: "30 days" is not in "130 days"."""
    start = text.find(needle) if needle else -1
    while start >= 0:
        end = start + len(needle)
        if not _inside_word(text, start) and not _inside_word(text, end):
            yield start
        start = text.find(needle, start + 1)


def _inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and _joins(text[place - 1]) and _joins(text[place])


def _joins(character: str) -> bool:
    """Whether words run on through the character: digits, and letters of the scripts that have case (and spaces)."""
    return character.isdigit() or character.lower() != character.upper()


@lru_cache(maxsize=4)
def _flattened_source(text: str) -> "tuple[str, array[int]]":
    return _flattened(text)


def _flattened(text: str) -> "tuple[str, array[int]]":
    """Return `text` without what copying changes, and for each character left its place in `text`."""
    flat: list[str] = []
    offsets = array("L")
    for place, character in enumerate(text):
        if character in _SKIPPED:
            continue
        for plain in unicodedata.normalize("NFKD", character.translate(_SAME)).casefold():
            space = plain.isspace()
            if not space or (flat and flat[-1] != " "):
                flat.append(" " if space else plain)
                offsets.append(place)
    return "".join(flat), offsets


def _short(quote: str) -> str:
    line = " ".join(quote.split())
    return f"{line if len(line) <= 80 else line[:77] + '...'!r}"
