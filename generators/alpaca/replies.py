"""From the raw body of a response to items, one by one: a bad item never costs its siblings."""

import json
import re
from dataclasses import dataclass
from typing import Any

from generators.alpaca.tasks import Task
from schemas.records import Reason

_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What the model said. `reason` is set when it cannot be used as it is, with `problem` in words."""

    text: str
    reason: Reason | None = None
    problem: str = ""


@dataclass(frozen=True)
class BadItem:
    """An item that cannot be used: what is wrong with it, and its JSON."""

    number: int
    problem: str
    raw: str


@dataclass(frozen=True)
class Items:
    """The usable and the unusable items of one answer. `problem` says why there are none at all."""

    good: tuple[dict[str, Any], ...] = ()
    bad: tuple[BadItem, ...] = ()
    problem: str = ""


def completion_problem(raw: bytes) -> str:
    """Return what makes a body no chat completion, or an empty string."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return f"the body of the response is not JSON ({len(raw)} bytes, beginning {excerpt(raw)!r})"
    if isinstance(body, dict) and isinstance(body.get("choices"), list):
        return ""
    return f"the body of the response is no chat completion (it begins {excerpt(raw)!r})"


def excerpt(raw: bytes, limit: int = 80) -> str:
    """The beginning of a body as one line."""
    return " ".join(raw[:limit].decode("utf-8", "replace").split())


def read_answer(raw: bytes) -> Answer:
    """Return what the first choice of a chat completion says, and why it cannot be used if so."""
    choices = json.loads(raw)["choices"]
    choice = choices[0] if choices and isinstance(choices[0], dict) else {}
    found = choice.get("message")
    message = found if isinstance(found, dict) else {}
    text, finish = _text(message.get("content")), choice.get("finish_reason")
    if refusal := message.get("refusal"):
        return Answer(_clean(str(refusal)), Reason.REFUSED, "the model refused")
    if finish == "content_filter":
        return Answer(text, Reason.REFUSED, "a content filter stopped the reply")
    if finish == "length":
        return Answer(text, Reason.CUT_REPLY, "the reply was cut off at endpoint.max_tokens")
    if not text.strip():
        return Answer(text, Reason.EMPTY_REPLY, "the reply has no text" if choices else "the reply has no choices")
    return Answer(text)


def _text(content: object) -> str:
    if isinstance(content, list):  # content parts
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return _clean(content) if isinstance(content, str) else ""


def _clean(text: str) -> str:
    """Half a surrogate pair is valid in JSON and in no file."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_items(text: str, task: Task) -> Items:
    """Read the items of an answer and check each by itself against the task's schema and the contract of all tasks."""
    try:
        value = json.loads(_json_part(text), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Items(problem=f"it is not valid JSON: {error}")
    found = value.get("items") if isinstance(value, dict) else None
    if not isinstance(found, list):
        return Items(problem='it is not a JSON object with a list "items"')
    problems = [task.problem(item) for item in found]
    good = tuple(item for item, problem in zip(found, problems, strict=True) if not problem)
    numbered = enumerate(zip(found, problems, strict=True), start=1)
    return Items(good, tuple(BadItem(number, problem, json.dumps(item)) for number, (item, problem) in numbered if problem))


def _json_part(text: str) -> str:
    """Take off what models put around JSON: their thoughts and a code fence."""
    text = text.rpartition("</think>")[2].strip().removeprefix("\ufeff")
    fenced = _FENCED.search(text)
    return text if text.startswith("{") or fenced is None else fenced[1]


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
