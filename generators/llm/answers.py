"""From the raw body of a chat completion to what the model said, why that cannot be used, and the JSON in it.

Nothing here raises for any body, however broken; only `read_json` does, with what is wrong in words for the model.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from generators.llm.salvage import EDGES, Found, clean, read_json
from schemas.records import Reason

__all__ = [
    "Answer", "Found", "Usage", "completion_problem", "error_in_body", "excerpt", "is_degenerate", "load", "read_answer", "read_json",
    "served_model", "usage",
]  # fmt: skip

FUNCTION = "reply"  # the function that the model is made to call where schemas go by way of tools
CUT, FILTERED, REFUSED = frozenset({"length", "max_tokens"}), frozenset({"content_filter", "safety"}), frozenset({"refusal"})
REPEATED = 240  # characters at the end of an unfinished reply that repeat a shorter text
LONGEST_PERIOD = 60
_RUNAWAY = re.compile(r"\s{201,}|\d{100,}\Z")


@dataclass(frozen=True)
class Answer:
    """What the model said. `reason` is set when it cannot be used as it is, with `problem` in words."""

    text: str
    reason: Reason | None = None
    problem: str = ""
    finish: str = ""


class Usage(NamedTuple):
    """The tokens that a completion says it took; `known` is False when it does not say so credibly."""

    prompt_tokens: int
    completion_tokens: int
    known: bool


def completion_problem(raw: bytes) -> str:
    """Return what makes a body no chat completion, or an empty string. A list of choices that is empty makes one."""
    body = load(raw)
    if body is None:
        return f"the body of the response is not JSON ({len(raw)} bytes, beginning {excerpt(raw)!r})"
    if said := error_in_body(raw):
        return f"the body of the response is an error: {said}"
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        return f"the body of the response is no chat completion (it begins {excerpt(raw)!r})"
    choice = _choice(body)
    if choices and not isinstance(choice.get("message"), dict) and _finish(choice) not in FILTERED:
        return f"the completion has no message (it begins {excerpt(raw)!r})"
    return ""


def error_in_body(raw: bytes) -> str:
    """Return what an error that came in place of a completion says, or an empty string."""
    body = load(raw)
    error = body.get("error") if isinstance(body, dict) and not body.get("choices") else None
    if isinstance(error, dict):
        error = error.get("message") or error.get("code") or "it gives no message"
    return " ".join(str(error).split())[:200] if error else ""


def served_model(raw: bytes) -> str:
    """Return the name of the model that a body says has answered, or an empty string."""
    body = load(raw)
    found = body.get("model") if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""


def usage(raw: bytes) -> Usage:
    """Return the tokens that a completion says it took."""
    body = load(raw)
    found = body.get("usage") if isinstance(body, dict) else None
    counts = found if isinstance(found, dict) else {}
    prompt, completion, total = (_count(counts.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if prompt and completion is None and total is not None and total >= prompt:
        completion = total - prompt
    if not prompt or completion is None:
        return Usage(0, 0, known=False)
    return Usage(prompt, completion, known=True)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if number >= 0 else None


def excerpt(raw: bytes, limit: int = 80) -> str:
    """The beginning of a body as one line."""
    return " ".join(raw[:limit].decode("utf-8", "replace").split())


@lru_cache(maxsize=8)
def load(raw: bytes) -> Any:
    """Return the JSON of a body, or None when it is none. The few callers look at one body in turn, so the last ones are kept."""
    try:
        return json.loads(raw.strip(b"\0 \t\r\n"))
    except UnicodeDecodeError:
        pass  # half a character, as models that write bytes leave it; the rest is good
    except (ValueError, RecursionError):
        return None
    try:
        return json.loads(raw.decode("utf-8", "replace").strip("\0 \t\r\n"))
    except (ValueError, RecursionError):
        return None


def read_answer(raw: bytes) -> Answer:
    """Return what the first choice of a chat completion says, and why it cannot be used if so."""
    if problem := completion_problem(raw):
        return Answer("", Reason.BAD_REPLY, problem)
    body = load(raw)
    if not body["choices"]:
        return Answer("", Reason.NO_CHOICES, "the reply has no choices")
    choice = _choice(body)
    found = choice.get("message")
    message = found if isinstance(found, dict) else {}
    text, finish = clean(_text(message)), _finish(choice)
    refusal = clean(_refusal(message))
    reason, problem = _trouble(text, finish, refusal)
    return Answer(refusal or text, reason, problem, finish)


def _choice(body: Any) -> dict[str, Any]:
    """Return the first choice that has a message: some servers send others beside it, or in another order."""
    choices = [choice for choice in body["choices"] if isinstance(choice, dict)]
    with_message = (choice for choice in choices if isinstance(choice.get("message"), dict))
    return next(with_message, choices[0] if choices else {})


def _finish(choice: dict[str, Any]) -> str:
    finish = choice.get("finish_reason")
    return finish.lower() if isinstance(finish, str) else ""


def _trouble(text: str, finish: str, refusal: str) -> tuple[Reason | None, str]:
    """Return why a reply cannot be used as it is, and the same in words."""
    if refusal.strip() or finish in REFUSED:
        return Reason.REFUSED, "the model refused"
    if finish in FILTERED:
        return Reason.CONTENT_FILTER, "a content filter stopped the reply"
    if is_degenerate(text):
        return Reason.DEGENERATE, "the reply runs in circles"
    if finish in CUT:
        return Reason.CUT_REPLY, "the reply was cut off at endpoint.max_tokens"
    if not text.strip(EDGES):
        return Reason.EMPTY_REPLY, "the reply has no text"
    return None, ""


def _text(message: dict[str, Any]) -> str:
    """Return the arguments of the function that the model was to call, else its words."""
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    called = [function for function in (*functions, message.get("function_call")) if isinstance(function, dict)]
    meant = [function for function in called if function.get("name") == FUNCTION]
    words = _words(message.get("content"))
    if meant or (called and not words.strip()):
        return "\n".join(_arguments(function) for function in meant or called)
    return words


def _arguments(function: dict[str, Any]) -> str:
    found = function.get("arguments")
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False) if isinstance(found, dict) else ""


def _words(content: object) -> str:
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else str(part.get("text") or "") for part in content if isinstance(part, str | dict))
    return content if isinstance(content, str) else ""


def _refusal(message: dict[str, Any]) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    found = [part.get("refusal") for part in (message, *parts) if isinstance(part, dict)]
    return " ".join(refusal for refusal in found if isinstance(refusal, str))


def is_degenerate(text: str) -> bool:
    """Whether a text is the work of a model that runs in circles: endless whitespace or digits, or an end that repeats itself."""
    if any(character.isspace() for character in text[::200]) and (run := _RUNAWAY.search(text)):
        return run.end() < len(text) or not _is_json(text)
    tail = text[-REPEATED:]
    if len(tail) < REPEATED or tail.rstrip().endswith(("}", "]", "```")):
        return False  # a reply that came to its end did not run in circles
    return _RUNAWAY.search(tail) is not None or any(tail[period:] == tail[:-period] for period in range(1, LONGEST_PERIOD + 1))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
