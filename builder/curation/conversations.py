"""What is said in a row: question, response and the turns before them, however the columns hold them.

A row holds texts, or turns as OpenAI (`role`, `content`) and ShareGPT (`from`, `value`) write them, also for prompt and
completion (TRL), also as JSON in a cell of text; earlier turns also as LLaMA-Factory writes them, a list of questions with
their answers. The last question and its response make the pair; a response before any question is not understood.
"""

import json
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from builder.existing import RowError, conversation, has_system, text_of
from schemas.records import Reason, Turn

TALKS = ("messages", "conversations", "conversation")  # columns of conversations


def said(values: Mapping[str, Any]) -> tuple[list[Turn], str, str, bool]:
    """Return the earlier turns, the question, its response, and whether a turn of the system was left out.

    Raises:
        RowError: the turns cannot be told, or do not alternate.
    """
    before, talk = _earlier(values.get("history")), _talk(values)
    if talk is None:
        return _alternating(before), text_of(values["instruction"]), text_of(values["output"]), False
    turns, question, response = conversation(*talk)
    return _alternating([*before, *turns]), question, response, has_system(talk[0])


def questions(value: Any) -> list[str] | None:
    """Return what the user says in turns, one text each; None where the value is no list of turns.

    Raises:
        RowError: nobody can tell who says what.
    """
    talk = _parsed(value)
    if not _are_turns(talk):
        return None
    turns, last, _ = conversation(talk, "")
    return [*(turn.content for turn in turns if turn.role == "user"), last]


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has not as text, and nothing for bytes, infinity and what is no number."""
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, bytes) or value != value or value in (inf, -inf):  # noqa: PLR0124 not a number
        return None
    return value if isinstance(value, str | int | float) else str(value)


def _talk(values: Mapping[str, Any]) -> tuple[list[Any], str] | None:
    """Return the turns, and the response where it stands by itself; None where question and response are texts."""
    if "messages" in values:
        return _listed(values["messages"]), ""
    asked, answered = _parsed(values["instruction"]), _parsed(values["output"])
    if _are_turns(answered):
        return [*(asked if _are_turns(asked) else [_asked(asked)]), *answered], ""
    return (asked, text_of(values["output"])) if _are_turns(asked) else None


def _alternating(turns: list[Turn]) -> list[Turn]:
    """Return turns that a question can follow, or refuse them."""
    for number, turn in enumerate(turns):
        if turn.role != ("user", "assistant")[number % 2]:
            raise RowError(Reason.BAD_ROWS, f"turn {number + 1} is of the {turn.role} again; user and assistant must take turns")
    if len(turns) % 2:
        raise RowError(Reason.BAD_ROWS, f"turn {len(turns)} has no response")
    return turns


def _earlier(history: Any) -> list[Turn]:
    if history is None or history == "":
        return []
    listed = _listed(history)
    if all(isinstance(entry, list | tuple) and len(entry) == len(("asked", "answered")) for entry in listed):
        listed = [turn for asked, answered in listed for turn in (_asked(asked), {"role": "assistant", "content": answered})]
    return conversation([*listed, _asked("?")], "")[0]


def _asked(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _listed(value: Any) -> list[Any]:
    listed = _parsed(value)
    if not isinstance(listed, list):
        raise RowError(Reason.BAD_ROWS, "its conversation is no list of turns")
    return listed


def _are_turns(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in value)


def _parsed(value: Any) -> Any:
    """Return a list also of an array of a data frame or of JSON in a text; anything else as it is."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if not isinstance(value, str) or value.lstrip()[:2] not in ("[{", "[[", "[]"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
