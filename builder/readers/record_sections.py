"""JSON objects to Markdown sections: questions, instructions, tickets, conversations; any other a list of its fields.

What is asked about (the input of an instruction) is a fence of its own below the heading, a customer's words are a quote,
later turns of a conversation stand one level below its first: so pairs can be told from the text alone.
Tickets that nobody solved hold no answer and are left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from builder.readers.columns import ANSWER, QUESTION, find
from builder.readers.content import body, clean, fenced, heading, one_line

SUBJECT = ("subject", "title", "summary")
PROBLEM = (*QUESTION, "description", "body", "problem", "issue")
SOLUTION = ("resolution", "solution", *ANSWER)
NAME = ("title", "name", "subject", "id", "key")
TEXT = ("text", "content", "body", "description")
TURNS = ("messages", "conversations", "conversation")
_ASKS, _REPLIES, _TELLS = ("user", "human"), ("assistant", "gpt", "bot", "model"), ("system", "developer", "tool", "function")
_AGENTS = ("agent", "support", "staff")
_OPEN = ("open", "new", "pending", "on-hold", "hold", "in progress", "waiting")
_LONGEST_HEADING = 300
INPUT = "input"  # the info string of the fence around what an instruction is about
UNTITLED = "Record"  # the heading of a record that has no words for one, with its number

Row = Mapping[str, JsonValue]


@dataclass(frozen=True)
class Section:
    """A record as Markdown; `kind` names the pairs in it (rows, ticket, faq_table), empty if it holds none."""

    text: str
    kind: str = ""


def section(row: Row, number: int, level: int = 2) -> Section:
    """Return a record under a heading of `level`; its text is empty for a ticket without an answer."""
    turns = turns_of(row)
    if turns and (spoken := "\n\n".join(conversation(turns, number, level))):
        return Section(spoken, "rows")
    question, answer, subject = text_of(row, QUESTION), text_of(row, ANSWER), text_of(row, SUBJECT)
    if subject and (find(row, ("resolution", "solution", "comments")) or (text_of(row, ("status",)) and text_of(row, PROBLEM))):
        return Section(_ticket(row, subject, level), "ticket")
    if question and answer:
        return Section(_asked(question, answer, number, level), "faq_table")
    instruction, output = text_of(row, ("instruction", "prompt")), text_of(row, ("output", "completion", "response"))
    if instruction and output:
        return Section(_asked(instruction, output, number, level, given=text_of(row, ("input",))), "rows")
    return Section(_fields(row, number, level))


def unused(row: Row) -> list[str]:
    """Return the names of the fields that the section of a question, an instruction or a conversation leaves out."""
    if turns_of(row):
        used = TURNS
    elif text_of(row, QUESTION) and text_of(row, ANSWER):
        used = (*QUESTION, *ANSWER)
    else:
        used = ("instruction", "prompt", "output", "completion", "response", "input")
    return [name for name, value in row.items() if name.strip().lower() not in used and value not in (None, "", [], {})]


def turns_of(row: Row) -> list[Row]:
    """Return the turns of a conversation that the record holds, in the spelling of OpenAI or ShareGPT, else nothing."""
    lists = (value for name in TURNS for key, value in row.items() if key.lower() == name and isinstance(value, list))
    return next((turns for value in lists if (turns := as_turns(value))), [])


def as_turns(values: Sequence[JsonValue]) -> list[Row]:
    """Return `values` if each is a turn of a conversation between a user and an assistant, else nothing."""
    turns: list[Row] = [turn for turn in values if isinstance(turn, dict) and _role(turn) in (*_ASKS, *_REPLIES, *_TELLS)]
    return turns if turns and len(turns) == len(values) else []


def conversation(turns: Sequence[Row], number: int, level: int) -> Iterator[str]:
    """Yield each question of the user with the reply to it; what the system says is not for readers."""
    asked, first = "", True
    for turn in turns:
        role, words = _role(turn), _said(turn)
        if role in _ASKS:
            asked = f"{asked}\n\n{words}".strip()
        elif role in _REPLIES and asked and words:
            yield _asked(asked, words, number, level if first else level + 1)
            asked, first = "", False


def quoted(text: str) -> str:
    """Return `text` as a quote."""
    return "\n".join(f"> {line}".rstrip() for line in body(text).split("\n"))


def text_of(row: Row, names: tuple[str, ...]) -> str:
    """Return the text under the first of `names` that the record has."""
    return next(
        (value.strip() for name in names for key, value in row.items() if key.strip().lower() == name and isinstance(value, str)), ""
    )


def shown(value: JsonValue) -> str:
    """Return a value as people write it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return ", ".join(map(shown, value))
    return json.dumps(value, ensure_ascii=False)


def _role(turn: Row) -> str:
    return text_of(turn, ("role", "from")).lower()


def _said(turn: Row) -> str:
    """The words of a turn, whose content may be a list of parts."""
    parts = turn.get("content")
    if isinstance(parts, list):
        return "\n\n".join(text for part in parts if isinstance(part, dict) and (text := text_of(part, ("text",))))
    return text_of(turn, ("content", "value", "text"))


def _asked(question: str, answer: str, number: int, level: int, given: str = "") -> str:
    fits = len(question) <= _LONGEST_HEADING and "\n\n" not in question
    above = [] if fits else [quoted(question)]
    return "\n\n".join(
        [
            heading(level, question if fits else f"{UNTITLED} {number}"),
            *above,
            *([fenced(clean(given), INPUT)] if given else []),
            body(answer),
        ]
    )


def _ticket(row: Row, subject: str, level: int) -> str:
    """The subject as heading, the customer's words as a quote, then the solution."""
    comments = row.get("comments")
    spoken = [comment for comment in comments if isinstance(comment, dict)] if isinstance(comments, list) else []
    agents = [text for comment in spoken if _is_agent(comment) and (text := text_of(comment, TEXT))]
    is_open = text_of(row, ("status",)).lower() in _OPEN
    solution = text_of(row, SOLUTION) or (agents[-1] if agents and not is_open else "")
    if not solution:
        return ""
    problem = text_of(row, PROBLEM) or next((text for comment in spoken if not _is_agent(comment) and (text := text_of(comment, TEXT))), "")
    return "\n\n".join(filter(None, (heading(level, subject), quoted(problem) if problem else "", body(solution))))


def _is_agent(comment: Row) -> bool:
    return text_of(comment, ("role", "author")).lower() in _AGENTS


def _fields(row: Row, number: int, level: int) -> str:
    name = text_of(row, NAME) or f"{UNTITLED} {number}"
    text_key, text = find(row, TEXT), text_of(row, TEXT)
    others = ((key, one_line(shown(value))) for key, value in row.items() if key != text_key or not text)
    fields = [f"- {one_line(key)}: {words}" for key, words in others if words]
    return "\n\n".join(filter(None, (heading(level, name), body(text) if text else "", "\n".join(fields))))
