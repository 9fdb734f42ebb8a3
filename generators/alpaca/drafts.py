"""From a checked item to drafts: its wordings, its input, its quotes with their places, and where it comes from."""

import random
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from generators.alpaca.asks import Ask, Material, Passage
from generators.alpaca.checks import exchanges, questions, quotes, stands_in
from generators.alpaca.prompts import brief, shown_seeds
from generators.alpaca.rule_facts import NEED, OWN_FIELDS, fact_of
from generators.alpaca.screen import suspicious
from generators.alpaca.tasks import FIELDS
from generators.difficulty import FIELD, harder
from generators.llm.calls import Request, canonical
from schemas.records import Draft, Dropped, Grounding, Provenance, Reason, Turn, content_id
from schemas.shown import cleaned

STAGE = "generate"
SUSPICIOUS = "suspicious_source"  # the flag of a draft whose passage talks to the model
_WITHOUT = 5  # of the open-book questions that allow it, one in five is shown without the passage that answers it (RAFT, 2403.10131)


@dataclass(frozen=True)
class Kept:
    """An item that passed all checks, the request that brought it, and what a reviewer should know."""

    value: dict[str, Any]
    request: Request
    flags: tuple[str, ...] = ()


def drafts(item: Kept, material: Material) -> list[Draft]:
    """Return a draft per wording of an item; wordings of one fact share a group."""
    if material.ask.task.needs == NEED:
        return _worded(item, material)
    ask, value = material.ask, item.value
    without = _is_without(ask, value)
    grounding: Grounding = "absent" if without else ask.task.grounding
    *earlier, last = _turns(value)
    output = _text(value["unanswered"] if without else last[1])
    own, extra = _evidence(ask, value) if grounding == "quoted" else ((), {})
    flags = [*item.flags, *([SUSPICIOUS] if any(suspicious(passage.chunk.text) for passage in ask.passages) else [])]
    origin = _provenance(material, item.request)
    return [
        Draft.of(
            task=ask.task.name,
            instruction=wording,
            input=_input(ask, value, without=without),
            output=output,
            quotes=own,
            spans=_spans(ask.passages[0], own) if own else (),
            group=content_id("group", origin.chunk_id, ask.task.name, output),
            form=f"{ask.task.name}/wording-{number}",
            provenance=origin,
            history=tuple(turn for question, answer in earlier for turn in _exchange(question, answer)),
            grounding=grounding,
            flags=tuple(flags),
            extra=_level(ask, value) | {name: field for name, field in value.items() if name not in FIELDS} | extra,
        )
        for number, wording in enumerate([last[0]] if exchanges(value) else questions(value), start=1)
    ]


def _worded(item: Kept, material: Material) -> list[Draft]:
    """Return a draft per wording of a fact of the rules, with its evidence and in its group; the first wording is the rules' own."""
    ask, fact = material.ask, fact_of(item.value, material.ask)
    flags = [*item.flags, *([SUSPICIOUS] if suspicious(ask.passage_of(fact).chunk.text) else [])]
    return [
        Draft.of(
            task=ask.task.name,
            instruction=wording,
            output=item.value["output"],
            quotes=fact.quotes,
            spans=fact.spans,
            group=fact.group,
            form=f"{ask.task.name}/wording-{number}" if number else fact.form,
            provenance=_made(fact.provenance.model_dump(), material, item.request),
            flags=tuple(flags),
            extra=_known(fact) | {name: field for name, field in item.value.items() if name not in FIELDS | OWN_FIELDS},
        )
        for number, wording in enumerate(questions(item.value))
    ]


def _level(ask: Ask, value: dict[str, Any]) -> dict[str, JsonValue]:
    """Return how hard an item is, as a field of its pair; nothing where nobody set a level."""
    level = ask.difficulty if ask.task.is_levelled else ask.task.settings.difficulty
    if level == "harder":
        seeds, number = shown_seeds(ask), value.get("seed", 1)
        level = harder(seeds[number - 1].extra.get(FIELD) if number <= len(seeds) else None)
    return {FIELD: level} if level else {}


def _known(fact: Draft) -> dict[str, JsonValue]:
    return {FIELD: fact.extra[FIELD]} if FIELD in fact.extra else {}


def dropped(ask: Ask, reason: Reason, problem: str, *, raw: str = "", request: Request | None = None) -> Dropped:
    """Drop a reply, or an item that never became a draft, with its raw text."""
    record: dict[str, JsonValue] = {
        "chunk_id": ask.passages[0].chunk.id if ask.passages else "",
        "document_id": ask.passages[0].document.id if ask.passages else "",
        "ask_id": ask.id,
        "task": ask.task.name,
        "request_id": request.key if request else None,
        "raw": raw,
    }
    return Dropped(id=str(record["chunk_id"]) or ask.id, stage=STAGE, reason=reason, detail=f"{ask.task.name}: {problem}", record=record)


def dropped_item(ask: Ask, item: dict[str, Any], reason: Reason, problem: str, request: Request) -> Dropped:
    """Drop an item that passed the checks but may not be used."""
    return dropped(ask, reason, problem, raw=canonical(item), request=request)


def _turns(value: dict[str, Any]) -> list[tuple[str, Any]]:
    turns = exchanges(value)
    return [(turn["user"].strip(), turn["assistant"]) for turn in turns] if turns else [("", value["output"])]


def _exchange(question: str, answer: str) -> tuple[Turn, Turn]:
    return Turn(role="user", content=question), Turn(role="assistant", content=answer.strip())


def _text(output: Any) -> str:
    return output.strip() if isinstance(output, str) else canonical(output)


def _is_without(ask: Ask, value: dict[str, Any]) -> bool:
    """Whether the passage that answers is left out of the input: decided by the content, so that it is the same in every run."""
    if ask.task.input != "material" or len(ask.passages) < 2 or value.get("elsewhere") or not value.get("unanswered"):
        return False
    return int(content_id("without", ask.id, questions(value)[0])[-8:], 16) % _WITHOUT == 0


def _input(ask: Ask, value: dict[str, Any], *, without: bool) -> str:
    if ask.task.input == "passage":
        return cleaned(ask.passages[0].chunk.text).strip()
    if ask.task.input == "material":
        shown = list(ask.passages[1:] if without else ask.passages)
        random.Random(content_id("order", ask.id, questions(value)[0])).shuffle(shown)  # noqa: S311 - no secret
        texts = [f"{passage.place}\n{cleaned(passage.chunk.text).strip()}" for passage in shown]
        return "\n\n".join(f"[{number}] {text}" for number, text in enumerate(texts, start=1))
    return value.get("input", "").strip()


def _evidence(ask: Ask, value: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, JsonValue]]:
    """Return the quotes of the first document, and those of the second as fields of their own."""
    found = quotes(value)
    if ask.task.needs not in {"two_passages", "superseded"} or len(ask.passages) < 2:
        return found, {}
    other = ask.passages[1].chunk
    own = tuple(quote for quote in found if stands_in(ask.passages[0].chunk.text, quote))
    others: list[JsonValue] = [quote for quote in found if quote not in own]
    if ask.task.needs == "superseded":
        others = [value["old_quote"].strip()] if value.get("old_quote") else []
    return own, {"other_chunk_id": other.id, "other_quotes": others} if others else {}


def _spans(passage: Passage, own: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Locate the quotes in the chunk; if any is not there word for word, validation has to find them."""
    starts = [passage.chunk.text.find(quote) for quote in own]
    if min(starts) < 0:
        return ()
    return tuple((passage.chunk.start + start, passage.chunk.start + start + len(quote)) for start, quote in zip(starts, own, strict=True))


def _provenance(material: Material, request: Request) -> Provenance:
    ask = material.ask
    about = ask.passages[0] if ask.passages else None
    return _made({"document_id": about.document.id if about else "", "chunk_id": about.chunk.id if about else ask.id}, material, request)


def _made(origin: dict[str, Any], material: Material, request: Request) -> Provenance:
    prompt_hash = brief(material.ask, material.style).prompt_hash
    made = {"generator": "openai", "model": request.model, "prompt_hash": prompt_hash, "request_id": request.key}
    return Provenance(**origin | made)
