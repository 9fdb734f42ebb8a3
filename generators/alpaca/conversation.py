"""One conversation about one chunk: ask, hear, repair once if it is worth it, and account for every item."""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from generators.llm.calls import Complete, Request, RequestFailedError
from generators.alpaca.prompts import again_request, repair_request, shorter_request
from generators.alpaca.replies import Answer, BadItem, Items, read_answer, read_items
from generators.alpaca.tasks import FIELDS, Task
from schemas.records import Chunk, Draft, Dropped, Provenance, Reason, content_id

STAGE = "generate"


@dataclass(frozen=True)
class Ask:
    """What a conversation is about, and the request that opens it."""

    chunk: Chunk
    task: Task
    prompt_hash: str
    request: Request


@dataclass(frozen=True)
class Heard:
    """What came of one request. `reason` is set when nothing in it can be used."""

    request: Request
    answer: Answer
    items: Items = field(default_factory=Items)
    reason: Reason | None = None
    problem: str = ""


async def converse(ask: Ask, *, complete: Complete, repair: bool) -> list[Draft | Dropped]:
    """Return the drafts of one chunk and task, and a `Dropped` for whatever could not be used."""
    first = await _hear(ask.request, ask.task, complete)
    again = _follow_up(first) if repair else None
    if again is None:
        return _records(ask, first)
    second = await _hear(again, ask.task, complete)
    return _merged(ask, first, second)


async def _hear(request: Request, task: Task, complete: Complete) -> Heard:
    try:
        reply = await complete(request)
    except RequestFailedError as error:
        return Heard(request, Answer(error.raw.decode("utf-8", "replace")), reason=error.reason, problem=str(error))
    answer = read_answer(reply.raw)
    if answer.reason is not None:
        return Heard(request, answer, reason=answer.reason, problem=answer.problem)
    items = read_items(answer.text, task)
    reason = Reason.BAD_REPLY if items.problem else None
    return Heard(request, answer, items, reason, items.problem)


def _follow_up(heard: Heard) -> Request | None:
    """Return the one request that may repair what was heard, or None when there is nothing to repair."""
    if heard.reason is Reason.CUT_REPLY:
        return shorter_request(heard.request)
    if heard.reason is Reason.EMPTY_REPLY:
        return again_request(heard.request)
    if heard.items.problem:
        return repair_request(heard.request, said=heard.answer.text, problem=heard.problem)
    if heard.items.bad:
        problems = "; ".join(f"item {bad.number}: {bad.problem}" for bad in heard.items.bad)
        only = f"{problems}. Keep only the wrong items, corrected, in this order"
        return repair_request(heard.request, said=heard.answer.text, problem=only)
    return None


def _records(ask: Ask, heard: Heard) -> list[Draft | Dropped]:
    """Account for everything in one reply."""
    if heard.reason is not None:
        return [_dropped(ask, heard, heard.reason, problem=heard.problem, raw=heard.answer.text)]
    if not heard.items.good and not heard.items.bad:
        return [_dropped(ask, heard, Reason.NOTHING_TO_ASK, problem="the model found nothing to ask", raw=heard.answer.text)]
    drafts = [draft for item in heard.items.good for draft in _drafts(ask, heard, item)]
    return [*drafts, *_bad(ask, heard, heard.items.bad)]


def _merged(ask: Ask, first: Heard, second: Heard) -> list[Draft | Dropped]:
    """Account for a reply and its repair: each bad item of the first is repaired, still bad, or missing."""
    if first.reason is not None:
        return _records(ask, second)
    drafts = [draft for item in first.items.good for draft in _drafts(ask, first, item)]
    repaired = [draft for item in second.items.good for draft in _drafts(ask, second, item)]
    missing = first.items.bad[len(second.items.good) + len(second.items.bad) :]
    return [*drafts, *repaired, *_bad(ask, second, second.items.bad), *_bad(ask, first, missing)]


def _bad(ask: Ask, heard: Heard, items: tuple[BadItem, ...]) -> list[Dropped]:
    return [_dropped(ask, heard, Reason.BAD_REPLY, problem=item.problem, raw=item.raw) for item in items]


def _dropped(ask: Ask, heard: Heard, reason: Reason, *, problem: str, raw: str) -> Dropped:
    record: dict[str, JsonValue] = {
        "chunk_id": ask.chunk.id,
        "document_id": ask.chunk.document_id,
        "task": ask.task.name,
        "request_id": heard.request.key,
        "raw": raw,
    }
    return Dropped(id=ask.chunk.id, stage=STAGE, reason=reason, detail=f"{ask.task.name}: {problem}", record=record)


def _drafts(ask: Ask, heard: Heard, item: dict[str, Any]) -> list[Draft]:
    """Turn one checked item into a draft per wording; wordings of one fact share a group."""
    output = item["output"] if isinstance(item["output"], str) else json.dumps(item["output"], ensure_ascii=False)
    quotes = tuple(quote.strip() for quote in item["quotes"])
    group = content_id("group", ask.chunk.id, ask.task.name, output.strip())
    wordings = dict.fromkeys(text.strip() for text in item.get("wordings") or [item["instruction"]])
    return [
        Draft.of(
            task=ask.task.name,
            instruction=wording,
            input=ask.chunk.text.strip() if ask.task.input_is_passage else item.get("input", "").strip(),
            output=output.strip(),
            quotes=quotes,
            spans=_spans(ask.chunk, quotes),
            group=group,
            form=f"{ask.task.name}/wording-{number}",
            provenance=_provenance(ask, heard.request),
            extra={name: value for name, value in item.items() if name not in FIELDS},
        )
        for number, wording in enumerate(wordings, start=1)
    ]


def _spans(chunk: Chunk, quotes: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Locate the quotes in the chunk; if any is not there word for word, validation has to find them."""
    starts = [chunk.text.find(quote) for quote in quotes]
    if min(starts) < 0:
        return ()
    return tuple((chunk.start + start, chunk.start + start + len(quote)) for start, quote in zip(starts, quotes, strict=True))


def _provenance(ask: Ask, request: Request) -> Provenance:
    return Provenance(
        document_id=ask.chunk.document_id,
        chunk_id=ask.chunk.id,
        generator="openai",
        model=request.model,
        prompt_hash=ask.prompt_hash,
        request_id=request.key,
    )
