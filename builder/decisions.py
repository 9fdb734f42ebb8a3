"""What people decided about pairs: a sheet to fill in, the same or any other file read back, grades, and reviews."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builder.grade import printable
from builder.grades import LETTERS, Grade, fact_key
from builder.readers.content import Refused
from builder.readers.decode import decode
from builder.store import write_text
from schemas.errors import UsageError
from schemas.records import Draft, Pair, content_id
from schemas.review import Standing, said_key

COLUMNS = ("decision", "question", "input", "answer", "evidence", "id")
IDS, DECISIONS = ("id", "pair", "pair_id"), ("decision", "accept", "accepted", "grade")
SAID = {
    **dict.fromkeys(("accept", "accepted", "yes", "y", "true", "1", "keep", "good", "a"), True),
    **dict.fromkeys(("reject", "rejected", "no", "n", "false", "0", "drop", "bad", "b", "c"), False),
}
_REVIEWED = {"accepted": True, "rejected": False, "edited": False}
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would run
_LIKE = "write a sheet with kilopair calibrate --write, or give a CSV or JSONL file with id and decision (accept or reject)"


def write_sheet(path: Path, pairs: Iterable[Pair]) -> int:
    """Write pairs as a CSV sheet whose column `decision` is to be filled in, without what the judge thinks; return how many.

    Raises:
        UsageError: the file cannot be written, or holds something that would be lost, such as decisions.
    """
    _spare(path)
    written, count = io.StringIO(), 0
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    for count, pair in enumerate(pairs, start=1):  # noqa: B007 - the last number is how many
        quotes = " […] ".join(evidence.quote for evidence in pair.evidence)
        asked = "\n".join([*(f"{turn.role}: {turn.content}" for turn in pair.history), pair.instruction])
        cells = ("", asked, pair.input, pair.output, quotes, pair.id)
        rows.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in map(printable, cells))
    try:
        write_text(path, "\ufeff" + written.getvalue())  # without the mark, a spreadsheet takes the text for Latin 1
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file") from None
    return count


def _spare(path: Path) -> None:
    """Refuse to overwrite anything but a sheet that nobody has filled in."""
    if not path.is_file():
        return
    try:
        held = len(read_decisions(path))
    except UsageError:
        raise UsageError(f"{path}: exists and is no sheet that kilopair wrote; name another file") from None
    if held:
        raise UsageError(f"{path}: holds {held} of your decisions, which would be lost; read them with --read, or name another file")


def drawn(pairs: Iterable[Pair], count: int, *, seed: int = 0) -> list[Pair]:
    """Return `count` pairs at random, one of each fact, the same ones whatever the order; more of them begin with fewer."""
    facts: dict[str, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: content_id("drawn", seed, pair.id)):
        facts.setdefault(pair.group, pair)
    return list(facts.values())[:count]


def read_decisions(path: Path) -> dict[str, bool]:
    """Return pair ids with whether they were accepted; rows without a decision are left out, of several the last counts.

    Raises:
        UsageError: the file cannot be read, is no list of decisions, or says something else; names the line.
    """
    try:
        decoded = decode(path.read_bytes())  # spreadsheets write other encodings too
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); {_LIKE}") from None
    if isinstance(decoded, Refused):
        raise UsageError(f"{path}: cannot be read ({decoded.detail}); {_LIKE}")
    text = decoded[0].removeprefix("\ufeff")
    rows = _of_lines(path, text) if text.lstrip().startswith("{") else csv_rows(path, text)
    found: dict[str, bool] = {}
    for number, pair_id, said in rows:
        if not said:
            continue
        if said.lower() not in SAID:
            raise UsageError(f"{path}:{number}: {said[:40]!r} is no decision; say accept or reject, or leave it empty")
        found[pair_id] = SAID[said.lower()]
    return found


def from_grades(pairs: Iterable[Pair], grades: Mapping[str, Grade]) -> dict[str, bool]:
    """Return the decisions that `kilopair grade` holds on pairs: A accepts, B and C reject. One pair stands for each fact."""
    facts: dict[str, str] = {}
    for pair in sorted(pairs, key=lambda pair: pair.id):
        facts.setdefault(fact_key(_draft(pair)), pair.id)
    return {facts[fact]: grade.grade == "A" for fact, grade in grades.items() if fact in facts and grade.grade in LETTERS}


def from_review(pairs: Iterable[Pair], standings: Mapping[str, Standing]) -> dict[str, bool]:
    """Return the decisions that `kilopair review` holds on pairs; one that somebody had to edit was not good enough as it was.

    A decision whose pair is gone counts for the one that says the same. Disputed and skipped ones are none.
    """
    listed = list(pairs)
    counted = {item: _REVIEWED[standing.state] for item, standing in standings.items() if standing.state in _REVIEWED}
    here = {pair.id for pair in listed}
    moved = {standings[item].key: accepted for item, accepted in counted.items() if item not in here and standings[item].key}
    by_key = {pair.id: said_key(pair) for pair in listed if pair.id not in counted} if moved else {}
    found = {pair_id: moved[key] for pair_id, key in by_key.items() if key in moved}
    return found | {item: accepted for item, accepted in counted.items() if item in here}


def _draft(pair: Pair) -> Draft:
    """Return the draft that a pair was."""
    return Draft.of(
        task=pair.task,
        instruction=pair.instruction,
        input=pair.input,
        output=pair.output,
        quotes=tuple(evidence.quote for evidence in pair.evidence),
        group=pair.group,
        form=pair.form,
        provenance=pair.provenance,
    )


def _of_lines(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise UsageError(f"{path}:{number}: not valid JSON; {_LIKE}") from None
        pair_id = next((row[name] for name in IDS if name in row), None) if isinstance(row, dict) else None
        if not isinstance(pair_id, str):
            raise UsageError(f"{path}:{number}: no id of a pair; {_LIKE}")
        said = next((row[name] for name in DECISIONS if row.get(name) is not None), "")
        yield number, pair_id, str(said).strip()


def csv_rows(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, id and decision (perhaps empty) of the rows of a sheet that name a pair.

    Raises:
        UsageError: a column is missing, or a cell is longer than a sheet may have.
    """
    rows = csv.reader(_lines(text), delimiter=max(",;\t", key=_lines(text).readline().count))
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        pair_id, decision = (next((name for name in known if name in names), None) for known in (IDS, DECISIONS))
        if pair_id is None or decision is None:
            raise UsageError(f"{path}: no column {IDS[0] if pair_id is None else DECISIONS[0]}; {_LIKE}")
        for row in rows:
            cells = dict(zip(names, row, strict=False))
            if cells.get(pair_id, "").strip():
                yield rows.line_num, cells[pair_id].strip(), cells.get(decision, "").strip()
    except csv.Error as error:
        raise UsageError(f"{path}:{rows.line_num}: cannot be read as a sheet ({error}); {_LIKE}") from None


def _lines(text: str) -> io.StringIO:
    """Return a text line by line; a spreadsheet may end them with a carriage return alone, and U+2028 ends none."""
    return io.StringIO(text, newline="")
