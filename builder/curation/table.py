"""The rows of anybody's file of pairs, one after another: JSONL, JSON, CSV, TSV, Parquet, or a folder of a Hugging Face dataset.

Lines and batches of rows are read as they are needed, so that a file of a million rows takes no more memory than one of a
thousand; CSV and JSON are read as a whole. A row that cannot be read is a `Row` with a `problem`, never an exception.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import Any

from builder.existing_rows import READERS, Row
from builder.readers.content import Refused
from builder.readers.decode import decode
from schemas.errors import InputError, UsageError

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)
_BATCH = 1000  # rows of Parquet that are held at once
_STATE = "state.json"  # of a folder that Hugging Face's save_to_disk wrote
_NOT_ROWS = frozenset(
    ["dataset_info.json", "dataset_dict.json", "dataset_infos.json", "croissant.json", "manifest.json", "report.json", _STATE]
)
_MANIFEST, _OURS = "manifest.json", ("curated.jsonl", "pairs.jsonl")  # of a folder that kilopair wrote, beside what was dropped


@dataclass(frozen=True)
class Table:
    """Where rows are from, and how to read them: each time from the start, each with the name of its file."""

    path: Path
    files: tuple[Path, ...]

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield every row with the name of its file.

        Raises:
            InputError: a file cannot be read at all.
        """
        if _is_saved(self.path):
            yield from _saved_rows(self.path)
            return
        for file in self.files:
            name = file.name if file == self.path else file.relative_to(self.path).as_posix()
            yield from ((name, row) for row in _read(file, name))

    def sha256(self) -> str:
        """Return the hash of the bytes of the files."""
        digest = hashlib.sha256()
        for file in self.files:
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        return digest.hexdigest()


def table(path: Path) -> Table:
    """Return the table of a file or folder.

    Raises:
        UsageError: it does not exist, or is of a kind that cannot be read.
    """
    if path.is_dir():
        return Table(path, _files(path))
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    if _suffix(path) not in SUFFIXES:
        raise UsageError(f"{path}: of a kind that cannot be read; give JSONL, JSON, CSV, TSV, Parquet or the folder of a dataset")
    return Table(path, (path,))


def is_table(path: Path) -> bool:
    """Whether a path is of the kind that `table` reads, going by its name."""
    return path.is_dir() or _suffix(path) in SUFFIXES


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _is_saved(path: Path) -> bool:
    return path.is_dir() and ((path / _STATE).exists() or (path / "dataset_dict.json").exists())


def _files(folder: Path) -> tuple[Path, ...]:
    """Return the files of a dataset's folder: all of one kind, the Arrow files of save_to_disk, or the pairs that kilopair wrote."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not any(part.startswith(".") for part in path.parts[1:]))
    if _is_saved(folder):
        return tuple(path for path in found if path.suffix == ".arrow")
    if own := next((folder / name for name in _OURS if (folder / _MANIFEST).exists() and (folder / name).exists()), None):
        return (own,)
    files = [path for path in found if _suffix(path) in SUFFIXES and path.name not in _NOT_ROWS]
    kinds = sorted({_suffix(path) for path in files})
    if len(kinds) > 1:
        raise UsageError(f"{folder}: holds files of several kinds ({', '.join(kinds)}); name one file, or a folder with files of one kind")
    if files:
        return tuple(files)
    raise UsageError(f"{folder}: holds no file that can be read; give JSONL, JSON, CSV, TSV, Parquet or the folder of a dataset")


def _read(path: Path, name: str) -> Iterator[Row]:
    """Yield the rows of one file."""
    reader = _STREAMED.get(_suffix(path), _whole)
    try:
        yield from reader(path, name)
    except (OSError, EOFError) as error:
        raise InputError(f"{name}: cannot be read ({(getattr(error, 'strerror', None) or str(error)).lower()})") from None


def _lines(path: Path, name: str) -> Iterator[Row]:
    """Yield an object for each line, blank lines left out; in an encoding other than UTF-8 the file is read as a whole."""
    with _opened(path) as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            yield from _whole(path, name)
            return
        file.seek(0)
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _line(number, line.removeprefix(b"\xef\xbb\xbf"))


def _line(number: int, line: bytes) -> Row:
    raw = line.decode("utf-8", "replace").rstrip("\r\n")
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Row(number, {}, f"not UTF-8 (at byte {error.start + 1})", raw)
    except json.JSONDecodeError as error:
        return Row(number, {}, f"not JSON ({error.msg.lower().removesuffix(' at')} at column {error.colno})", raw)
    except (ValueError, RecursionError):
        return Row(number, {}, "not JSON (nested too deeply, or a number too long)", raw)
    return Row(number, value) if isinstance(value, dict) else Row(number, {}, "not a JSON object", raw)


def _whole(path: Path, name: str) -> Iterator[Row]:
    """Yield the rows of a file that is read at once; JSON that holds a line for each object is taken as such."""
    with _opened(path) as file:
        decoded = decode(file.read())
    if isinstance(decoded, Refused):
        raise InputError(f"{name}: {decoded.detail}")
    text, suffix = decoded[0].rstrip("\r\n"), _suffix(path)
    if not text.strip():
        return
    first, more, _ = text.partition("\n")
    is_lines = bool(suffix == ".json" and more and first[:1] == "{" and _is_object(first))
    rows, _ = READERS[".jsonl" if is_lines else suffix](text, name.removesuffix(".gz"))
    yield from rows


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _parquet(path: Path, name: str) -> Iterator[Row]:
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import ParquetFile

    numbers = count(1)
    try:
        for batch in ParquetFile(path).iter_batches(batch_size=_BATCH):
            yield from (Row(next(numbers), fields) for fields in batch.to_pylist())
    except ArrowInvalid as error:
        raise InputError(f"{name}: not a Parquet file ({str(error).splitlines()[0].lower()})") from None


def _saved_rows(folder: Path) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a dataset that was saved to disk, split by split."""
    from datasets import Dataset, load_from_disk

    loaded: Any = load_from_disk(str(folder))
    parts: Mapping[str, Any] = {"rows": loaded} if isinstance(loaded, Dataset) else loaded
    for name, part in parts.items():
        yield from ((name, Row(number, dict(fields))) for number, fields in enumerate(part, start=1))


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


_STREAMED: dict[str, Callable[[Path, str], Iterator[Row]]] = {".jsonl": _lines, ".ndjson": _lines, ".parquet": _parquet}
