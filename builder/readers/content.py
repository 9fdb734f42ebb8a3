"""What a reader returns, and the few pieces of canonical Markdown that several readers write.

A reader is a pure function of a file's bytes. It returns `Content`, or `Refused` with the reason why the file is of no
use; it never raises for what a file holds.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from schemas.records import Page, Reason, Remark

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[\u00a0\u2007\u202f]")
# control characters, the byte order mark, soft hyphens, spaces of no width, lone surrogates, and what reorders or hides text
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]")
# whatever one of the three above is about, to be done with most texts at one glance
_ODD = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\xa0\u00ad\u2007\u200b\u2028-\u202f\u2060\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})", re.MULTILINE)
_HEADING = re.compile(r"^( {0,3})(?=#{1,6}(?:[ \t]|$))", re.MULTILINE)
_UNDERLINE = re.compile(r"\n( {0,3})(?=(?:=+|-+)[ \t]*(?:\n|$))")
_TICKS = re.compile(r"`+")
_RAW_HTML = re.compile(r"<(?=[!?]|/?(?:script|pre|style|textarea)\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Attachment:
    """A file inside of a file: a member of an archive, an attachment of a mail; it is read as a document of its own.

    `refused` says why it could not be taken out; it then goes to quarantine by its name, and the others go on.
    """

    name: str
    raw: bytes
    refused: "Refused | None" = None


@dataclass(frozen=True)
class Content:
    """A file's text as Markdown; `title` is empty when the text names none. `pages` are spans of `text` as it is here."""

    text: str
    title: str = ""
    metadata: dict[str, JsonValue] = field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    remarks: tuple[Remark, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Why a file is of no use, for the quarantine."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Ocr:
    """How scanned pages are read: the folder with Tesseract's data, and the languages, such as `deu+eng`."""

    tessdata: str
    language: str


def missing_languages(tessdata: Path, language: str) -> list[str]:
    """Return those of the languages, such as `deu+eng`, whose data is not in the folder."""
    return [name for name in language.split("+") if not (tessdata / f"{name}.traineddata").is_file()]


Reader = Callable[[bytes], Content | Refused]
TextReader = Callable[[str], Content | Refused]


def clean(text: str) -> str:
    """Return `text` with line feeds as line ends, composed characters, plain spaces, and nothing that cannot be seen."""
    if text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable():  # most cells of most tables
        return text
    if _ODD.search(text):
        text = _UNSEEN.sub("", _SPACES.sub(" ", _LINE_ENDS.sub("\n", text)))
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """Return `text` on one line, for a heading, a cell or an item."""
    return " ".join(clean(text).split())


def heading(level: int, text: str) -> str:
    """Return a heading line; hash signs at its end would otherwise vanish."""
    words = one_line(text)
    return f"{'#' * level} {words}" + (" \\#" if words.endswith("#") else "")


def body(text: str) -> str:
    """Return a cell's or a field's text so that it cannot break out of its place.

    Lists, tables and code inside stay what they are; headings, underlines, open fences and raw HTML would swallow what
    follows and are made harmless.
    """
    text = clean(text).strip()
    text = _RAW_HTML.sub(r"\\<", text) if "<" in text else text
    text = _HEADING.sub(r"\1\\", text) if "#" in text else text
    text = _UNDERLINE.sub(r"\n\1\\", text) if "\n" in text else text
    fences = _FENCE.findall(text) if "```" in text or "~~~" in text else []
    return text + "\n" + fences[-1] if len(fences) % 2 else text


def fence(text: str, shortest: int) -> str:
    """Return as many ticks as nothing in the text can close."""
    return "`" * max(shortest, 1 + max(map(len, _TICKS.findall(text)), default=0))


def fenced(code: str, info: str = "") -> str:
    """Return a block of code that nothing inside can end."""
    ticks = fence(code, 3)
    return f"{ticks}{info}\n{code}\n{ticks}"


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose header is the first row; short rows are padded."""
    cells = [*rows]
    width = max(map(len, cells))
    lines = [_row(row if len(row) == width else [*row, *[""] * (width - len(row))]) for row in cells]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _row(cells: Sequence[str]) -> str:
    line = "|".join(cells)
    is_clean = line.isascii() and line.isprintable() and line.count("|") == len(cells) - 1
    if is_clean and not ("  " in line or "| " in line or " |" in line or line.startswith(" ") or line.endswith(" ")):
        return "| " + line.replace("|", " | ") + " |"  # most rows, and much faster
    return "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in cells) + " |"
