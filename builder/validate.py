"""Drafts to pairs: every field present, every quote found in its source, every record right by the schemas.

A quote that a generator located itself must match the document at that place. Any other quote is searched (see `locate`):
verbatim, then as language models copy, then nearly, which the pair says by the flag `fuzzy_quote`. Either way the evidence
of a pair is the document's own text at exact offsets. Only pairs whose grounding is `quoted` need evidence: a pair about
what the documents do not say has none to show, nor has a pair about no document.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
from pydantic import JsonValue

from builder.locate import Span, locate, locate_nearly
from builder.rouge import words
from builder.unseen_text import refers_to_text
from generators.difficulty import FIELD
from schemas.checks import check, check_extra, explain
from schemas.records import Chunk, Document, Draft, Dropped, Evidence, Pair, Reason

STAGE = "validate"
FUZZY = "fuzzy_quote"
OTHER_CHUNK, OTHER_QUOTES = "other_chunk_id", "other_quotes"  # in `extra`: the second passage of a comparison

_Found = tuple[Evidence, bool]  # and whether it was only nearly quoted


class DraftError(Exception):
    """A draft cannot become a pair: why, and which of its fields is at fault."""

    def __init__(self, reason: Reason, detail: str, field: str = "pair") -> None:
        super().__init__(detail)
        self.reason, self.field = reason, field


@dataclass(frozen=True)
class Rules:
    """What makes a draft valid: documents and chunks by id, most words of a response, the user's own schema of `extra`."""

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
    rules = Rules(documents, chunks or {}, max_words, extra_schema)
    for draft in drafts:
        if isinstance(draft, Dropped):
            yield draft
            continue
        try:
            yield pair_of(draft, rules)
        except DraftError as problem:
            yield _dropped(draft, problem)


def pair_of(draft: Draft, rules: Rules) -> Pair:
    """Return the pair that a draft makes.

    Raises:
        DraftError: it makes none; says the first thing that is wrong.
    """
    _require_text(draft)
    evidence, flags = _evidence(draft, rules)
    for look in _LAST_LOOKS:
        look(draft, rules)
    return _checked(draft, evidence=evidence, flags=tuple(dict.fromkeys((*draft.flags, *flags))), extra=_own_extra(draft))


def problems(draft: Draft, rules: Rules) -> list[DraftError]:
    """Return all that keeps a draft from becoming a pair, in the order in which a run would come upon it; empty: nothing."""
    found: list[DraftError] = []
    for look in (lambda draft, _: _require_text(draft), _evidence, *_LAST_LOOKS, pair_of):
        try:
            look(draft, rules)
        except DraftError as problem:
            found += [] if str(problem) in map(str, found) else [problem]
    return found


def _require_text(draft: Draft) -> None:
    fields = draft.model_dump(mode="json")
    if _writable(fields) != fields or _writable(draft.extra) != draft.extra:  # a dump replaces those in keys
        raise DraftError(Reason.SCHEMA, "holds a lone surrogate, which no UTF-8 file can hold")
    for name in ("instruction", "output", "task", "group", "form"):
        if not fields[name].strip():
            raise DraftError(Reason.BLANK, f"{name} is blank", name)
    for number, turn in enumerate(draft.history, start=1):
        if not turn.content.strip():
            raise DraftError(Reason.BLANK, f"turn {number} of the conversation is blank", "history")
    if [turn.role for turn in draft.history] != ["user", "assistant"] * (len(draft.history) // 2):
        raise DraftError(Reason.SCHEMA, "history: user and assistant must take turns, the user first and the assistant last", "history")


def _require_short(draft: Draft, rules: Rules) -> None:
    if (length := len(words(draft.output))) > rules.max_words:
        raise DraftError(Reason.TOO_LONG, f"the response has {length} words, more than {rules.max_words}", "output")


def _require_all_shown(draft: Draft, _: Rules) -> None:
    if found := _unseen(draft):
        where = "history" if draft.history else "instruction"
        raise DraftError(Reason.REFERS_TO_TEXT, f"{found!r} points to a text that the question does not show", where)


def _require_own_schema(draft: Draft, rules: Rules) -> None:
    schema = rules.extra_schema
    if schema is not None and (problem := check_extra(_asked_of(_own_extra(draft), schema), schema)):
        raise DraftError(Reason.SCHEMA, problem, "extra")


_LAST_LOOKS = (_require_short, _require_all_shown, _require_own_schema)


def _unseen(draft: Draft) -> str | None:
    """Return the words that point to an unseen text where a conversation begins; later turns may point to earlier ones."""
    if draft.history:
        return refers_to_text(draft.history[0].content)
    return None if draft.input.strip() else refers_to_text(draft.instruction)


def _evidence(draft: Draft, rules: Rules) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """Return the evidence of a draft, and the flag of evidence that is not what was quoted."""
    document = rules.documents.get(draft.provenance.document_id)
    if draft.grounding != "quoted":
        found = _optional(draft, document, rules) if document else []
    elif document is None:
        raise DraftError(Reason.UNGROUNDED, f"its document {draft.provenance.document_id} was not read", "quotes")
    else:
        found = _required(draft, document, rules)
    if _compares(draft):
        found = [*found, *_of_other_passage(draft.extra, rules)]
    flags = (FUZZY,) if any(fuzzy for _, fuzzy in found) else ()
    return tuple(dict.fromkeys(evidence for evidence, _ in found)), flags


def _required(draft: Draft, document: Document, rules: Rules) -> list[_Found]:
    if not draft.quotes:
        raise DraftError(Reason.UNGROUNDED, "no quote", "quotes")
    if draft.spans and len(draft.spans) != len(draft.quotes):
        raise DraftError(Reason.UNGROUNDED, f"{len(draft.quotes)} quotes but {len(draft.spans)} spans", "quotes")
    if draft.spans:
        return [_given(*span, quote, document) for span, quote in zip(draft.spans, draft.quotes, strict=True)]
    near = _near(rules.chunks.get(draft.provenance.chunk_id))
    return [_searched(quote, document, near) for quote in draft.quotes]


def _optional(draft: Draft, document: Document, rules: Rules) -> list[_Found]:
    """Return the evidence of those quotes that are found word for word."""
    near = _near(rules.chunks.get(draft.provenance.chunk_id))
    spans = (locate(quote, document, near) for quote in draft.quotes)
    return [(Evidence.of(document, *span), False) for span in spans if span]


def _compares(draft: Draft) -> bool:
    return OTHER_CHUNK in draft.extra and OTHER_QUOTES in draft.extra


def _own_extra(draft: Draft) -> dict[str, JsonValue]:
    """Return the user's own fields: what a comparison quotes becomes evidence instead."""
    moved = (OTHER_CHUNK, OTHER_QUOTES) if _compares(draft) else ()
    return {name: value for name, value in draft.extra.items() if name not in moved}


def _asked_of(extra: Mapping[str, JsonValue], schema: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return the fields that the user's schema is about: the difficulty is ours, unless it names that."""
    theirs = FIELD in schema.get("properties", ())
    return {name: value for name, value in extra.items() if theirs or name != FIELD}


def _of_other_passage(extra: Mapping[str, JsonValue], rules: Rules) -> list[_Found]:
    chunk, quotes = rules.chunks.get(str(extra[OTHER_CHUNK])), extra[OTHER_QUOTES]
    document = rules.documents.get(chunk.document_id) if chunk else None
    if document is None:
        raise DraftError(Reason.UNGROUNDED, f"its other passage {extra[OTHER_CHUNK]} was not read", "quotes")
    if not isinstance(quotes, list) or not quotes:
        raise DraftError(Reason.UNGROUNDED, "no quote of its other passage", "quotes")
    return [_searched(str(quote), document, _near(chunk)) for quote in quotes]


def _near(chunk: Chunk | None) -> Span:
    return (chunk.start, chunk.end) if chunk else (0, 0)


def _given(start: int, end: int, quote: str, document: Document) -> _Found:
    if not quote.strip() or start < 0 or document.text[start:end] != quote:
        raise DraftError(Reason.UNGROUNDED, f"{document.path} does not read {_short(quote)} at {start} to {end}", "quotes")
    return Evidence.of(document, start, end), False


def _searched(quote: str, document: Document, near: Span) -> _Found:
    if span := locate(quote, document, near):
        return Evidence.of(document, *span), False
    if span := locate_nearly(quote, document, near):
        return Evidence.of(document, *span), True
    raise DraftError(Reason.UNGROUNDED, f"{document.path} nowhere reads {_short(quote)}", "quotes")


def _checked(draft: Draft, **changed: Any) -> Pair:
    same = ("id", "task", "instruction", "input", "output", "provenance", "group", "form", "history", "grounding")
    try:
        pair = Pair(**{name: getattr(draft, name) for name in same}, **changed)
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


def _short(quote: str) -> str:
    line = " ".join(quote.split())
    return f"{line if len(line) <= 80 else line[:77] + '...'!r}"
