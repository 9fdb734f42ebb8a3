"""Facts to grade as a sheet that a person fills in anywhere: CSV for a spreadsheet, Markdown for an editor; and back."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from builder.grade import Shown, printable
from builder.grades import LETTERS, MEANING, Letter
from builder.store import write_text
from generators.extractive.catalogue import families
from schemas.errors import UsageError

COLUMNS = ("grade", "question", "passage", "answer", "evidence", "place", "family", "fact")
_FACT = re.compile(r"graded-[0-9a-f]{16}")
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would run
_MARK = re.compile(r"^<!-- (?P<fact>graded-[0-9a-f]{16}) (?P<family>\w+) -->[ \t]*$", re.MULTILINE)
_GRADE = re.compile(r"\*{0,2}Grade\*{0,2}\s*(?:\([^)]*\))?\s*:\*{0,2}(?P<grade>.*)", re.IGNORECASE)

Filled = tuple[str, str, Letter]


def write_sheet(path: Path, facts: Iterable[Shown]) -> int:
    """Write a sheet, Markdown if the file's name says so, else CSV; return how many facts are on it.

    Raises:
        UsageError: the file cannot be written.
    """
    listed = list(facts)
    try:
        write_text(path, _markdown(listed) if _is_markdown(path) else _csv(listed))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file") from None
    return len(listed)


def read_sheet(path: Path) -> list[Filled]:
    """Return what was filled in: fact, family and grade of each row that has one.

    Raises:
        UsageError: the file cannot be read, is no such sheet, or holds a grade that is none; names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")  # facts, families and grades are ASCII whatever saved the file
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); write a sheet with kilopair grade --write") from None
    text = text.replace("\r\n", "\n")
    rows = list(_of_markdown(text) if _MARK.search(text) or _is_markdown(path) else _of_csv(path, text))
    if not rows:
        raise UsageError(f"{path}: no sheet of facts; write one with kilopair grade --write")
    return [(fact, family, letter) for number, fact, family, said in rows if (letter := _letter(path, number, family, said))]


def _is_markdown(path: Path) -> bool:
    return path.suffix.lower() in {".md", ".markdown"}


def _letter(path: Path, number: int, family: str, said: str) -> Letter | None:
    given = said.strip(" \t*_`'\"").upper()
    if family not in families():
        raise UsageError(f"{path}:{number}: {_line(family) or 'nothing'}: no such family; leave that column as it was")
    if given in LETTERS:
        return given  # pyright: ignore[reportReturnType]
    if given in {"S", "SKIP"}:
        return "skip"
    if given:
        raise UsageError(f"{path}:{number}: {_line(said)}: no such grade; use A, B, C or skip, or leave it empty")
    return None


def _quotes(shown: Shown) -> str:
    return " […] ".join(quoted.quote for quoted in shown.evidence)


def _csv(facts: Sequence[Shown]) -> str:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    for shown in facts:
        cells = ("", shown.question, shown.input, shown.answer, _quotes(shown), shown.place, shown.family, shown.fact)
        rows.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in map(printable, cells))
    return "\ufeff" + written.getvalue()  # without the mark, a spreadsheet takes the text for Latin 1


def _of_csv(path: Path, text: str) -> Iterator[tuple[int, str, str, str]]:
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    names = [name.strip().lower() for name in next(rows, [])]
    if missing := [name for name in ("grade", "family", "fact") if name not in names]:
        raise UsageError(f"{path}: no column {missing[0]}; write a sheet with kilopair grade --write and fill in its column grade")
    for row in rows:
        cells = dict(zip(names, row, strict=False))
        if _FACT.fullmatch(cells.get("fact", "").strip()):
            yield rows.line_num, cells["fact"].strip(), cells["family"].strip(), cells["grade"]


def _markdown(facts: Sequence[Shown]) -> str:
    told = "\n".join(f"- {letter}: {meaning}" for letter, meaning in MEANING.items())
    head = f"# Facts to grade\n\nWrite A, B, C or skip behind each **Grade:**, then `kilopair grade --read` this file.\n\n{told}\n"
    return head + "".join(_block(number, shown) for number, shown in enumerate(facts, start=1))


def _block(number: int, shown: Shown) -> str:
    parts = [("Question", shown.question), ("Passage", shown.input), ("Answer", shown.answer), ("Evidence", _quotes(shown))]
    texts = "".join(f"{name}\n\n{_quoted(text)}\n\n" for name, text in parts if text)
    return f"\n## {number}. {shown.family}\n\n<!-- {shown.fact} {shown.family} -->\n\n{texts}From {_line(shown.place)}\n\n**Grade:** \n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in printable(text).split("\n"))


def _line(text: str) -> str:
    return " ".join(printable(text).split())


def _of_markdown(text: str) -> Iterator[tuple[int, str, str, str]]:
    fact: re.Match[str] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if mark := _MARK.match(line):
            fact = mark
        elif fact and (grade := _GRADE.match(line)):
            yield number, fact["fact"], fact["family"], grade["grade"]
            fact = None
