"""Bytes to text, by a cascade that would rather refuse a file than fill the dataset with wrong letters.

Byte order mark, strict UTF-8, the character set that the file declares, UTF-16 told by its columns of zero bytes, UTF-8
with some lines in the Western code page, and the Western code page (cp1252) alone if what comes out looks like words.
"""

import codecs
import re

from builder.readers.content import Refused
from schemas.records import Reason

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset=[\"' ]{0,2}([\w-]{2,30})|<\?xml[^>]{0,100}encoding=[\"']([\w-]{2,30})", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HIGH = re.compile(r"[^\x00-\x7f]")
_WEDGED = re.compile(r"(?<=[A-Za-z])[¡-¦¨-¬®-¶¸-¿](?=[A-Za-z])")  # signs that Western words do not have inside
_BINARY = Refused(Reason.UNREADABLE, "binary data, not text")
_SAMPLE = 65_536


def decode(raw: bytes) -> tuple[str, str] | Refused:
    """Return the text of `raw` and the name of its encoding ("mixed" when lines differ)."""
    found = _by_mark(raw) or _as(raw, "utf-8") or _by_declaration(raw) or _by_columns(raw) or _western(raw)
    if found is None:
        return Refused(Reason.UNKNOWN_ENCODING, "in no character set that kilopair can tell for sure; save the file as UTF-8")
    if isinstance(found, Refused):
        return found
    sample = found[0][:_SAMPLE]
    return _BINARY if "\x00" in found[0] or _is_binary(sample) else found


def _is_binary(text: str) -> bool:
    return len(_CONTROL.findall(text)) > max(4, 0.02 * len(text))


def _as(raw: bytes, encoding: str) -> tuple[str, str] | None:
    try:
        text = raw.decode(encoding)
    except (UnicodeError, LookupError):
        return None
    return (text, encoding) if "\x00" not in text or not _zero_columns(raw) else None


def _by_mark(raw: bytes) -> tuple[str, str] | None:
    return next((_as(raw, encoding) for mark, encoding in _MARKS if raw.startswith(mark)), None)


def _by_declaration(raw: bytes) -> tuple[str, str] | None:
    match = _DECLARED.search(raw[:4096])
    if match is None or b"\x00" in raw:
        return None
    name = (match.group(1) or match.group(2)).decode("ascii")
    return _as(raw, "cp1252" if name.lower() in ("iso-8859-1", "latin1", "ascii") else name)  # as browsers take it


def _by_columns(raw: bytes) -> tuple[str, str] | None:
    encoding = _zero_columns(raw)
    if not encoding:
        return None
    try:
        return raw.decode(encoding), encoding
    except UnicodeError:
        return None


def _zero_columns(raw: bytes) -> str:
    """The byte order of UTF-16, in which Western text has a zero in every other byte; empty if it is not."""
    sample = raw[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    if odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 * half and odd < 0.05 * half else ""


def _western(raw: bytes) -> tuple[str, str] | Refused | None:
    """The text as cp1252, with lines that are UTF-8 read as such."""
    if b"\x00" in raw:
        return _BINARY
    lines = [_line(line) for line in raw.split(b"\n")]
    if any(text is None for text, _ in lines):
        return None
    doubtful = "\n".join(text or "" for text, sure in lines if not sure)
    if not _plausible(doubtful):
        return _BINARY if _is_binary(doubtful) else None
    mixed = any(sure and text and not text.isascii() for text, sure in lines)
    return "\n".join(text or "" for text, _ in lines), "mixed" if mixed else "cp1252"


def _line(raw: bytes) -> tuple[str | None, bool]:
    found = _as(raw, "utf-8")
    if found:
        return found[0], True
    found = _as(raw, "cp1252")
    return (found[0] if found else None), False


def _plausible(text: str) -> bool:
    """Whether high characters are few among the letters and do not sit inside words as signs."""
    high = len(_HIGH.findall(text))
    letters = sum(map(str.isalpha, text))
    return high <= 0.5 * max(1, letters) and len(_WEDGED.findall(text)) <= 0.05 * high
