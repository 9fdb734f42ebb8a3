"""Which columns of anybody's file hold what a pair needs: by what the user says, else by the names that common datasets use.

| written by | columns |
|---|---|
| Stanford Alpaca, LLaMA-Factory | `instruction`, `input`, `output`, `history` |
| Dolly | `instruction`, `context`, `response` |
| TRL, OpenAI's legacy format | `prompt`, `completion`, as text or as turns |
| OpenAI chat, TRL | `messages` (`role`, `content`) |
| ShareGPT | `conversations` (`from`, `value`) |
| FAQ exports | `question`, `answer`, in the languages of `builder.readers.columns` |

The user's words are `COLUMN=FIELD`. Whatever is not mapped stays with the pair, in `extra`.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from builder.column_names import ANSWERED, ASKED, GIVEN, first, meant
from builder.curation.conversations import TALKS
from schemas.errors import InputError, UsageError

FIELDS = {
    "instruction": "the question, or a conversation",
    "input": "a text that the question is about",
    "output": "the response",
    "messages": "a whole conversation, as turns",
    "history": "earlier turns of the conversation",
    "task": "the kind of pair",
    "document": "what the pair was made from; pairs of one document stay in one split",
    "passage": "a part of the document; pairs of one passage stay in one split",
    "group": "the fact that is asked about; its wordings stay in one split",
    "rating": "a number, more is better",
}
TASK = "existing"  # of a pair whose file names none


def columns(header: Sequence[str], mapping: Mapping[str, str], name: str) -> dict[str, str]:
    """Return by field the column of the file that holds it: what is mapped, the rest by its name.

    Args:
        header: the file's own names.
        mapping: by field the column that the user wants, from `parsed`.
        name: of the file, for errors.

    Raises:
        UsageError: a mapped column does not exist.
        InputError: no column is known to hold questions, or none responses; says how to map them.
    """
    found = {field: _column(header, wanted, field, name) for field, wanted in mapping.items()}
    taken = set(found.values())
    free = [column for column in header if column not in taken]
    if "messages" not in found and "instruction" not in found and (talk := first(free, TALKS)):
        found["messages"] = talk
    if "messages" not in found:
        found = _texts(free) | found
        if missing := [field for field in ("instruction", "output") if field not in found]:
            raise InputError(_unknown(missing, [column for column in free if column not in found.values()], header, name))
    return found


def parsed(options: Iterable[str]) -> dict[str, str]:
    """Return by field the column of `--map question=instruction,answer=output`, which may be given again.

    Raises:
        UsageError: no such field, one is mapped twice, or it is not of the form COLUMN=FIELD.
    """
    mapping: dict[str, str] = {}
    for part in (part for option in options for part in _parts(option)):
        column, equals, field = (piece.strip() for piece in part.rpartition("="))
        if not equals or not column or not field:
            raise UsageError(f"--map {part}: write it as COLUMN=FIELD, for example question=instruction,answer=output")
        if field not in FIELDS:
            raise UsageError(f"--map {part}: {_wrong_field(column, field)}")
        if field in mapping:
            raise UsageError(f"--map {part}: {field} is mapped to {mapping[field]} already; give it one column")
        mapping[field] = column
    return mapping


def _parts(option: str) -> list[str]:
    """A comma may stand in the name of a column that is mapped alone."""
    return [option] if option.count("=") == 1 else [part for part in option.split(",") if part.strip()]


def _wrong_field(column: str, field: str) -> str:
    if column in FIELDS:
        return f"write it as COLUMN=FIELD; did you mean {field}={column}?"
    near = difflib.get_close_matches(field, FIELDS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no field {field}; {hint}the fields are {', '.join(FIELDS)}"


def _column(header: Sequence[str], wanted: str, field: str, name: str) -> str:
    try:
        return meant(header, wanted, spelled=lambda column: f"{column}={field}")
    except LookupError as problem:
        raise UsageError(f"{name}: {problem}") from None


def _texts(free: Sequence[str]) -> dict[str, str]:
    """Return the columns of question, response, input and history that have known names."""
    known = {"instruction": ASKED, "output": ANSWERED, "input": GIVEN, "history": ("history",)}
    found = {field: first(free, names) for field, names in known.items()}
    return {field: column for field, column in found.items() if column}


def _unknown(missing: Sequence[str], rest: Sequence[str], header: Sequence[str], name: str) -> str:
    """Say which of questions and responses no column is known to hold, and how to name it, by columns that there are."""
    what = " or ".join({"instruction": "questions", "output": "responses"}[field] for field in missing)
    example = ",".join(f"{column}={field}" for column, field in zip([*rest, "question", "answer"], missing, strict=False))
    return (
        f"{name}: no column is known to hold {what}; its columns are {', '.join(header) or 'none'}; "
        f"say which it is, for example --map {example}"
    )
