"""Which column of a file of pairs is meant: by the name that somebody says, else by the names that common files use."""

import difflib
from collections.abc import Callable, Sequence

from builder.readers.columns import ANSWER, QUESTION

ASKED = ("instruction", "prompt", *QUESTION, "query", "problem")
ANSWERED = ("output", "completion", "response", *ANSWER, "solution")
GIVEN = ("input", "context")


def first(header: Sequence[str], wanted: Sequence[str]) -> str | None:
    """Return the column that has the first of the wanted names that any has, whatever its case; of two alike the first."""
    by_name = {_plain(column): column for column in reversed(header)}
    return next((by_name[name] for name in wanted if name in by_name), None)


def meant(header: Sequence[str], wanted: str, *, spelled: Callable[[str], str], known: Sequence[str] = ()) -> str:
    """Return the column of this name, else the only one that differs from it in case and blanks alone.

    Args:
        header: the file's own names.
        wanted: what somebody says.
        spelled: how they would have to write another column.
        known: names that usually stand for it, for a hint.

    Raises:
        LookupError: there is none, or there are several; says which there are, and which may be meant.
    """
    alike = [column for column in header if column == wanted] or [column for column in header if _plain(column) == _plain(wanted)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise LookupError(f"{len(alike)} columns are called {wanted}; rename one")
    near = first(header, known) or next(iter(difflib.get_close_matches(wanted, header, n=1, cutoff=0.5)), None)
    hint = f"did you mean {spelled(near)}? " if near else ""
    raise LookupError(f"no column {wanted}; {hint}its columns are {', '.join(header) or 'none'}")


def _plain(column: str) -> str:
    return column.strip().lower()
