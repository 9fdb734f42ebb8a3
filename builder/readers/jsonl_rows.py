"""JSON Lines: questions, instructions, tickets and conversations become sections, any other record a list of its fields.

A broken line never spoils the file: it is counted and named in the metadata. Tickets that nobody solved hold no answer
and are left out, also counted.
"""

import json
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from builder.readers.columns import ANSWER, QUESTION, find
from builder.readers.content import Content, Refused, body, heading, one_line
from schemas.records import Reason

_SUBJECT = ("subject", "title", "summary")
_PROBLEM = (*QUESTION, "description", "body", "problem", "issue")
_SOLUTION = ("resolution", "solution", *ANSWER)
_NAME = ("title", "name", "subject", "id", "key")
_TEXT = ("text", "content", "body", "description")
_TURNS = ("messages", "conversations", "conversation")
_ASKS, _REPLIES = ("user", "human"), ("assistant", "gpt", "bot", "model")
_OPEN = ("open", "new", "pending", "on-hold", "hold", "in progress", "waiting")
_NAMED = 20
_LONGEST_HEADING = 300

Row = Mapping[str, JsonValue]


def read_jsonl(text: str) -> Content | Refused:
    """Return the records as sections, one below the other."""
    rows: list[Row] = []
    bad: list[JsonValue] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            row = _row(line)
            rows.append(row) if isinstance(row, dict) else bad.append(f"line {number}: {row}")
    if not rows:
        return (
            Refused(Reason.BAD_ROWS, f"none of its {len(bad)} lines is a JSON object; {bad[0]}")
            if bad
            else Refused(Reason.EMPTY, "no rows")
        )
    sections = [_section(row, number) for number, row in enumerate(rows, start=1)]
    open_tickets = sum(not section for section in sections)
    if open_tickets == len(rows):
        return Refused(Reason.EMPTY, f"all {len(rows)} tickets are open; there is no answer in them")
    metadata: dict[str, JsonValue] = {"rows": len(rows)}
    metadata |= {"open_tickets": open_tickets} if open_tickets else {}
    metadata |= {"bad_rows": len(bad), "bad_rows_named": bad[:_NAMED]} if bad else {}
    return Content("\n\n".join(filter(None, sections)), "", metadata)


def _row(line: str) -> object:
    """The object on a line, or what is wrong with it."""
    try:
        value = json.loads(line, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        return f"not JSON ({error.msg.lower()} at column {error.colno})"
    except (RecursionError, ValueError):
        return "not JSON (nested too deeply, or a number too long)"
    return value if isinstance(value, dict) else "not a JSON object"


def _section(row: Row, number: int) -> str:
    """A record as Markdown; empty for a ticket without an answer."""
    turns = _text_list(row, _TURNS)
    if turns:
        return "\n\n".join(_conversation(turns, number))
    question, answer, subject = _text(row, QUESTION), _text(row, ANSWER), _text(row, _SUBJECT)
    if subject and (find(row, ("resolution", "solution", "comments")) or (_text(row, ("status",)) and _text(row, _PROBLEM))):
        return _ticket(row, subject)
    if question and answer:
        return _asked(question, answer, number)
    instruction, output = _text(row, ("instruction", "prompt")), _text(row, ("output", "completion", "response"))
    if instruction and output:
        given = _text(row, ("input",))
        return _asked(instruction, f"{given}\n\n{output}" if given else output, number)
    return _fields(row, number)


def _asked(question: str, answer: str, number: int) -> str:
    if len(question) <= _LONGEST_HEADING:
        return f"{heading(2, question)}\n\n{body(answer)}"
    return f"{heading(2, f'Record {number}')}\n\n{_quoted(question)}\n\n{body(answer)}"


def _ticket(row: Row, subject: str) -> str:
    """The subject as heading, the customer's words as a quote, then the solution."""
    comments = [comment for comment in _list(row, "comments") if isinstance(comment, dict)]
    agents = [
        text
        for comment in comments
        if _text(comment, ("role", "author")) in ("agent", "support", "staff") and (text := _text(comment, _TEXT))
    ]
    is_open = (_text(row, ("status",)) or "").lower() in _OPEN
    solution = _text(row, _SOLUTION) or (agents[-1] if agents and not is_open else "")
    if not solution:
        return ""
    problem = _text(row, _PROBLEM) or next((text for comment in comments if (text := _text(comment, _TEXT))), "")
    return "\n\n".join(filter(None, (heading(2, subject), _quoted(problem) if problem else "", body(solution))))


def _conversation(turns: list[JsonValue], number: int) -> Iterator[str]:
    """Each question of the user with the reply to it; what the system says is not for readers."""
    asked = ""
    for turn in turns:
        if not isinstance(turn, dict):
            continue
        role, words = _text(turn, ("role", "from")), _text(turn, ("content", "value"))
        if role in _ASKS:
            asked = words
        elif role in _REPLIES and asked and words:
            yield _asked(asked, words, number)
            asked = ""


def _fields(row: Row, number: int) -> str:
    name = _text(row, _NAME) or f"Record {number}"
    text_key = find(row, _TEXT)
    text = _text(row, _TEXT)
    fields = [f"- {key}: {shown}" for key, value in row.items() if key != text_key or not text if (shown := one_line(_shown(value)))]
    return "\n\n".join(filter(None, (heading(2, name), body(text) if text else "", "\n".join(fields))))


def _shown(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return ", ".join(map(_shown, value))
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in body(text).split("\n"))


def _text(row: Row, names: tuple[str, ...]) -> str:
    """The text under the first of `names` that the record has."""
    return next(
        (value.strip() for name in names for key, value in row.items() if key.strip().lower() == name and isinstance(value, str)), ""
    )


def _list(row: Row, name: str) -> list[JsonValue]:
    value = row.get(name)
    return value if isinstance(value, list) else []


def _text_list(row: Row, names: tuple[str, ...]) -> list[JsonValue]:
    return next((turns for name in names if (turns := _list(row, name))), [])
