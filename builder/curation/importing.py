"""Anybody's rows to pairs: every row becomes a pair, or is dropped with its number and what is wrong with it.

What a row holds beside question, input, response and turns stays in the pair's `extra`. Rows that kilopair wrote itself, as
JSONL or as a Hugging Face dataset, become the pairs that they were, with evidence and provenance. A row that says the same as
one before it is dropped here: their ids would be one. O(rows), and only an id of each row is remembered.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from math import isnan
from typing import Any

from pydantic import ValidationError

from builder.connect import CLUSTER
from builder.curation.columns import TASK, columns
from builder.curation.conversations import TALKS, plain, said
from builder.curation.table import Table
from builder.existing import GENERATOR, NO_SYSTEM, RowError, text_of
from builder.existing_rows import Row
from schemas.errors import InputError
from schemas.records import Dropped, Pair, Provenance, Reason, content_id

STAGE = "import"
_PEEK = 100  # rows whose keys are the columns of the file
_OWN = frozenset(["id", "task", "instruction", "output", "evidence", "provenance", "group", "form"])
_OWN_COLUMNS = frozenset(["id", "task", "instruction", "output", "evidence", "document_id", "chunk_id", "generator", "group", "form"])


def import_pairs(table: Table, mapping: Mapping[str, str]) -> Iterator[Pair | Dropped]:
    """Yield a record for every row of a file, in order: the pair that it holds, or why it holds none.

    Args:
        table: the file, from `builder.curation.table.table`.
        mapping: by field the column that holds it, from `builder.curation.columns.parsed`; the rest goes by known names.

    Raises:
        UsageError: a mapped column does not exist.
        InputError: the file has no rows, or no column is known to hold questions or responses.
    """
    return _imported(table.rows(), mapping, table.path.name, content_id("file", table.sha256()))


def pairs_of(rows: Any, mapping: Mapping[str, str] | None = None, *, name: str = "rows") -> Iterator[Pair | Dropped]:
    """Yield a record for every row of a data frame, a Hugging Face dataset or any iterable of mappings, as `import_pairs` does."""
    records: Iterable[Mapping[str, Any]] = rows.to_dict("records") if hasattr(rows, "iterrows") else rows
    numbered = ((name, Row(number, dict(record))) for number, record in enumerate(records, start=1))
    return _imported(numbered, mapping or {}, name, content_id("file", name))


def _imported(rows: Iterator[tuple[str, Row]], mapping: Mapping[str, str], name: str, source: str) -> Iterator[Pair | Dropped]:
    first = list(islice(rows, _PEEK))
    if not first:
        raise InputError(f"{name}: no rows")
    readable = [row.fields for _, row in first if row.fields and not row.problem]
    header = _header([row.fields for _, row in first], len(readable))
    by_ourselves = bool(readable) and not mapping and all(map(_is_own, readable))
    found = columns(header, mapping, name) if readable and not by_ourselves else {}
    maker = _Maker(source, found)
    for where, row in chain(first, rows):
        yield maker.made(where, row)


def _header(rows: Sequence[Mapping[Any, Any]], readable: int) -> list[str]:
    """Return the columns, without those of conversations that fewer than half of the readable rows hold: strays of another form."""
    held = Counter(str(key) for fields in rows for key, value in fields.items() if value is not None)
    names = dict.fromkeys(str(key) for fields in rows for key in fields)
    return [name for name in names if name.strip().lower() not in TALKS or 2 * held[name] >= readable]


def _is_own(fields: Mapping[str, Any]) -> bool:
    return fields.keys() >= _OWN or fields.keys() >= _OWN_COLUMNS


@dataclass
class _Maker:
    """Makes the pairs of one source; `columns` are empty where the rows are kilopair's own."""

    source: str
    columns: Mapping[str, str]
    seen: dict[str, str] = field(default_factory=dict)
    """By id of a pair the row that it came from."""

    def made(self, where: str, row: Row) -> Pair | Dropped:
        """Return the pair of a row, or why it makes none."""
        place = f"{where} row {row.number}"
        try:
            pair = self._pair(row, place) if self.columns else _own(row)
        except RowError as problem:
            return _dropped(where, row, problem)
        except ValidationError as error:
            return _dropped(where, row, RowError(Reason.SCHEMA, _explained(error)))
        if twin := self.seen.get(pair.id):
            named = pair.model_copy(update={"extra": pair.extra | {CLUSTER: pair.id}})
            same = Dropped.of(named, STAGE, Reason.DUPLICATE, f"row {row.number}: same as {pair.id} of {twin}")
            return same.model_copy(update={"id": f"{where}:{row.number}"})
        self.seen[pair.id] = place
        return pair

    def _pair(self, row: Row, place: str) -> Pair:
        fields = _readable(row)
        values = {name: plain(fields.get(column)) for name, column in self.columns.items()}
        turns, instruction, output, has_rules = said(values)
        if missing := [name for name, text in (("question", instruction), ("response", output)) if not text]:
            raise RowError(Reason.BLANK, f"it has no {' and no '.join(missing)}")
        given, task = text_of(values.get("input")), text_of(values.get("task")) or TASK
        before = [[turn.model_dump(mode="json") for turn in turns]] if turns else []
        document, passage, group = (text_of(values.get(name)) for name in ("document", "passage", "group"))
        origin = content_id("doc", document) if document else self.source
        chunk = content_id("chunk", origin, passage) if passage or document else ""
        name = content_id("pair", chunk, task, instruction, given, output, *before)
        return Pair(
            id=name,
            task=task,
            instruction=instruction,
            input=given,
            output=output,
            evidence=(),
            provenance=Provenance(document_id=origin, chunk_id=chunk, generator=GENERATOR, rule=place),
            group=content_id("group", self.source, group or name),
            form=f"{task}/as-written",
            scores=_rating(values.get("rating")),
            history=tuple(turns),
            grounding="none",
            flags=(NO_SYSTEM,) if has_rules else (),
            extra=self._rest(fields),
        )

    def _rest(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        used = set(self.columns.values())
        rest = {str(name): plain(value) for name, value in fields.items() if name not in used}
        return {name: value for name, value in rest.items() if value is not None}


def _rating(value: Any) -> dict[str, float]:
    """Return the score of a pair, none where the cell is empty or holds no number as data frames say it."""
    if value is None or value == "":
        return {}
    try:
        return {} if isnan(number := float(value)) else {"rating": number}
    except (TypeError, ValueError):
        raise RowError(Reason.BAD_ROWS, f"its rating {text_of(value)[:40]!r} is no number") from None


def _readable(row: Row) -> dict[str, Any]:
    if row.problem:
        raise RowError(Reason.BAD_ROWS, row.problem)
    return row.fields


def _own(row: Row) -> Pair:
    """Return the pair that kilopair wrote, as a record or as a row of its Hugging Face dataset, undivided and not yet chosen."""
    values = dict(_readable(row))
    if not _is_own(values):
        raise RowError(Reason.SCHEMA, "it is no pair of kilopair, as the rows before it are")
    if "provenance" not in values:
        origin = {name: values.pop(name) for name in ("document_id", "chunk_id", "generator")} | {
            "model": values.pop("model", None) or None
        }
        values |= {"provenance": origin, "scores": json.loads(values["scores"]), "extra": json.loads(values["extra"])}
        values.pop("document", None)
    return Pair.model_validate(values | {"status": "valid", "split": None})


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}".lstrip(": ")


def _dropped(where: str, row: Row, problem: RowError) -> Dropped:
    text = row.raw or json.dumps(row.fields, ensure_ascii=False, default=str)
    record: dict[str, Any] = {"path": where, "row": row.number, "text": _visible(text)}
    return Dropped(
        id=f"{where}:{row.number}", stage=STAGE, reason=problem.reason, detail=f"row {row.number}: {_visible(str(problem))}", record=record
    )


def _visible(text: str) -> str:
    """Return text without the halves of characters that no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
