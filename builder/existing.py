"""Pairs that people wrote, from CSV, TSV, JSON or JSONL: every row becomes a draft, or is dropped with its number.

The recipe says which columns hold question, input and response; nothing is guessed but upper and lower case. A column may
also hold a whole conversation, as a list of turns in the spelling of OpenAI (role, content) or ShareGPT (from, value).
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from builder.column_names import ANSWERED, ASKED, meant
from builder.existing_rows import READERS, Row
from builder.readers.content import Refused, clean
from builder.readers.decode import decode
from builder.rouge import words
from schemas.errors import InputError, RecipeError
from schemas.recipe import ExistingSection
from schemas.records import Draft, Dropped, Provenance, Reason, Turn, content_id

STAGE, GENERATOR, NO_SYSTEM = "generate", "existing", "system_turn_left_out"
TELLING_WORDS = 5  # rows with one response of so many words word one fact; "Yes." is right for many facts

_ROLES: dict[str, Literal["user", "assistant", "system"]] = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "system": "system",
}  # fmt: skip


class RowError(Exception):
    """A row cannot become a draft; caught in this module."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class _File:
    section: ExistingSection
    id: str
    rows: list[Row]
    columns: dict[str, str]
    """The file's own name of every column that the recipe maps."""


def existing_drafts(sections: Sequence[ExistingSection], root: Path) -> Iterator[Draft | Dropped]:
    """Yield one record per row of every file: a draft, or why it is none.

    Raises:
        RecipeError: a file or a column of it does not exist, or the file is of another kind.
        InputError: a file cannot be read at all.
    """
    seen: dict[str, str] = {}
    for section in sections:
        file = _opened(section, root)
        for row in file.rows:
            try:
                yield _new(_draft(file, row), seen)
            except RowError as problem:
                yield _dropped(file, row, problem)


def _new(draft: Draft, seen: dict[str, str]) -> Draft:
    """Return the draft unless a row before it says the same, which would share its id."""
    if draft.id in seen:
        raise RowError(Reason.DUPLICATE, f"same as {seen[draft.id]}")
    seen[draft.id] = draft.provenance.rule or ""
    return draft


def _opened(section: ExistingSection, root: Path) -> _File:
    path, name = root / section.path, f"generate.existing: {section.path.as_posix()}"
    if path.suffix.lower() not in READERS:
        raise RecipeError(f"{name}: of a kind that cannot be read; save it as CSV, TSV, JSON or JSONL")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise RecipeError(f"{name}: no such file; the path is relative to the recipe") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({(error.strerror or 'unknown error').lower()})") from None
    decoded = decode(raw)
    if isinstance(decoded, Refused):
        raise InputError(f"{name}: {decoded.detail}")
    rows, header = READERS[path.suffix.lower()](decoded[0].rstrip("\r\n"), name)
    if not rows:
        raise InputError(f"{name}: no rows")
    return _File(section, content_id("file", hashlib.sha256(raw).hexdigest()), rows, _columns(section, rows, header, name))


def _columns(section: ExistingSection, rows: Sequence[Row], header: list[str], name: str) -> dict[str, str]:
    """Return the file's own names of the mapped columns; those that hold conversations need no column of responses."""
    if not header and all(row.problem for row in rows):
        return {}  # no row can be read, and each says why
    found = {"instruction": _column("instruction", section.instruction, header, name)}
    if section.input is not None:
        found["input"] = _column("input", section.input, header, name)
    usable = [row for row in rows if row.fields]
    talks = bool(usable) and all(isinstance(row.fields.get(found["instruction"]), list) for row in usable)
    if not talks or section.output in header:
        found["output"] = _column("output", section.output, header, name)
    return found


def _column(role: str, wanted: str, header: list[str], name: str) -> str:
    known = {"instruction": ASKED, "output": ANSWERED}.get(role, ())
    try:
        return meant(header, wanted, spelled=lambda column: f"{role}: {column}", known=known)
    except LookupError as problem:
        raise RecipeError(f"{name}: {problem}") from None


def _draft(file: _File, row: Row) -> Draft:
    if row.problem:
        raise RowError(Reason.BAD_ROWS, row.problem)
    values = {role: row.fields.get(column) for role, column in file.columns.items()}
    asked, output, given = values.get("instruction"), text_of(values.get("output")), text_of(values.get("input"))
    turns, instruction, output = conversation(asked, output) if isinstance(asked, list) else ([], text_of(asked), output)
    task = file.section.task
    if missing := [name for name, text in (("question", instruction), ("response", output)) if not text]:
        raise RowError(Reason.BLANK, f"it has no {' and no '.join(missing)}")
    fact = (output,) if len(words(output)) >= TELLING_WORDS else (output, instruction, [turn.content for turn in turns])
    return Draft.of(
        task=task,
        instruction=instruction,
        input=given,
        output=output,
        quotes=(),
        group=content_id("group", file.id, task, given, *fact),
        form=f"{task}/as-written",
        provenance=Provenance(
            document_id=file.id, chunk_id="", generator=GENERATOR, rule=f"{file.section.path.as_posix()} row {row.number}"
        ),
        history=tuple(turns),
        grounding="none",
        flags=(NO_SYSTEM,) if isinstance(asked, list) and has_system(asked) else (),
    )


def conversation(turns: Sequence[Any], output: str) -> tuple[list[Turn], str, str]:
    """Return the earlier turns, the last question and its response, which a column of its own may hold."""
    said = [_turn(number, turn) for number, turn in enumerate(turns, start=1) if _role(turn) != "system"]
    if said and said[-1].role == "assistant":
        output = said.pop().content
    question = said.pop().content if said and said[-1].role == "user" else ""
    return said, question, output


def has_system(turns: Sequence[object]) -> bool:
    """Return whether the system says something in a conversation; it has no place in a pair."""
    return any(_role(turn) == "system" for turn in turns)


def _role(turn: object) -> str:
    name = (turn.get("role") or turn.get("from")) if isinstance(turn, dict) else None
    return _ROLES.get(str(name).strip().lower(), "")


def _turn(number: int, turn: Any) -> Turn:
    role = _role(turn)
    if role not in ("user", "assistant"):
        raise RowError(Reason.BAD_ROWS, f"turn {number} is neither of a user nor of an assistant")
    content = turn.get("content", turn.get("value"))
    if content is not None and not isinstance(content, str):
        raise RowError(Reason.BAD_ROWS, f"the content of turn {number} is no text")
    if not text_of(content):
        raise RowError(Reason.BLANK, f"turn {number} is blank")
    return Turn(role=role, content=text_of(content))


def text_of(value: object) -> str:
    """Return a cell as text without what nobody sees; numbers and objects as JSON."""
    if value is None:
        return ""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).strip()


def _dropped(file: _File, row: Row, problem: RowError) -> Dropped:
    path = file.section.path.as_posix()
    raw = row.raw or json.dumps(row.fields, ensure_ascii=False)
    record = {"path": path, "row": row.number, "text": clean(raw)}
    return Dropped(
        id=f"{path}:{row.number}", stage=STAGE, reason=problem.reason, detail=f"row {row.number}: {clean(str(problem))}", record=record
    )
