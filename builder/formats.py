"""The formats that are read: each with the endings of its files' names and the reader, which is imported when it is needed.

A new format is one module in `builder.readers` and one line here. A package of somebody else adds formats by the entry
point group `kilopair.readers`: the name of the entry point is that of the format, and it points to a `Format`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Literal

from builder.readers.content import Content, Ocr, Refused
from schemas.errors import InputError

GROUP = "kilopair.readers"
LIBRARIES = (  # what reads files for us
    "charset-normalizer", "docutils", "ftfy", "liteparse", "markdown-it-py", "phonenumberslite", "py3langid", "python-calamine",
    "pyyaml", "selectolax",
)  # fmt: skip
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9_]{0,9}")  # "Policy 1.3" has none
_IMPORT = re.compile(
    r"^\s*(?:from (?P<package>(?:builder|schemas)[\w.]*) import (?P<names>\([^()]*\)|[\w, ]+)"
    r"|import (?P<module>(?:builder|schemas)\.[\w.]+))",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Format:
    """A format: the endings of its files' names, and its reader as `module:function`, of decoded text or of bytes."""

    endings: tuple[str, ...]
    reader: str
    takes: Literal["text", "bytes"] = "bytes"
    contains: bool = False  # whether its files hold other files
    scans: bool = False  # whether its files may be pictures of pages; the reader then takes `tessdata` and `language`

    def read(self, source: str | bytes, ocr: Ocr | None = None) -> Content | Refused:
        """Read the text, or the bytes; with `ocr` pictures of pages as well."""
        module, _, function = self.reader.partition(":")
        reader: Callable[..., Content | Refused] = getattr(import_module(module), function)
        return reader(source, tessdata=Path(ocr.tessdata), language=ocr.language) if self.scans and ocr else reader(source)


FORMATS: dict[str, Format] = {
    "markdown": Format((".md", ".markdown", ".mdown", ".mdx"), "builder.readers.markdown_page:read_markdown", "text"),
    "text": Format((".txt", ".text"), "builder.readers.plain_text:read_text", "text"),
    "html": Format((".html", ".htm", ".xhtml"), "builder.readers.html_page:read_html", "text"),
    "rst": Format((".rst", ".rest"), "builder.readers.rst_page:read_rst", "text"),
    "csv": Format((".csv", ".tsv"), "builder.readers.csv_rows:read_csv", "text"),
    "jsonl": Format((".jsonl", ".ndjson"), "builder.readers.jsonl_rows:read_jsonl", "text"),
    "json": Format((".json",), "builder.readers.json_tree:read_json", "text"),
    "pdf": Format((".pdf",), "builder.readers.pdf_pages:read_pdf", scans=True),
    "docx": Format((".docx", ".docm", ".dotx"), "builder.readers.word_document:read_docx"),
    "pptx": Format((".pptx", ".pptm", ".ppsx", ".potx"), "builder.readers.slides:read_pptx"),
    "xlsx": Format((".xlsx", ".xlsm", ".xlsb", ".xltx"), "builder.readers.workbook:read_workbook"),
    "xls": Format((".xls",), "builder.readers.workbook:read_workbook"),
    "ods": Format((".ods",), "builder.readers.workbook:read_workbook"),
    "epub": Format((".epub",), "builder.readers.book:read_epub"),
    "eml": Format((".eml",), "builder.readers.mail:read_eml", contains=True),
    "zip": Format((".zip",), "builder.readers.archive:read_zip", contains=True),
}


@cache
def formats() -> Mapping[str, Format]:
    """Return every format by its name; those of other packages come first and may replace ours.

    Raises:
        InputError: a package's reader cannot be loaded.
    """
    others: dict[str, Format] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found = point.load()
        except Exception as error:
            raise InputError(
                f"{point.value}: the reader of {point.name} cannot be loaded ({error}); update or uninstall its package"
            ) from error
        if not isinstance(found, Format):
            raise InputError(f"{point.value}: the reader of {point.name} is no builder.formats.Format; update or uninstall its package")
        others[point.name] = found
    return {**others, **{name: known for name, known in FORMATS.items() if name not in others}}


def ending_of(name: str) -> str:
    """Return the ending of a file's name in small letters, or nothing if what follows the last dot is none."""
    ending = PurePosixPath(name).suffix
    return ending.lower() if _ENDING.fullmatch(ending) else ""


def format_of_ending(ending: str) -> str:
    """Return the format whose files have names with this ending, or nothing."""
    return next((name for name, known in formats().items() if ending in known.endings), "")


def code_behind(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules whose code decides what the readers of these formats make of a file; none of them is imported."""
    waiting = [formats()[name].reader.partition(":")[0] for name in names]
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        spec = None if module in found else _spec(module)
        if spec is not None and spec.origin is not None and not spec.submodule_search_locations:
            found.add(module)
            waiting += _imported(Path(spec.origin).read_text(encoding="utf-8"))
    return tuple(sorted(found))


def library_versions() -> list[str]:
    """Return the versions of `LIBRARIES`, of which another one may read a file otherwise; nothing for one that is not there."""
    return [_version(library) for library in LIBRARIES]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _spec(module: str) -> ModuleSpec | None:
    try:
        return find_spec(module)
    except ModuleNotFoundError:
        return None


def _imported(source: str) -> Iterator[str]:
    for match in _IMPORT.finditer(source):
        package = match["package"] or match["module"]
        yield package
        spec = _spec(package) if match["names"] else None
        if spec is not None and spec.submodule_search_locations:  # only a package: looking into a module would import it
            yield from (f"{package}.{name.strip()}" for name in match["names"].strip("()").split(","))
