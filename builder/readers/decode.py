"""Bytes to text, by a cascade that would rather refuse a file than fill the dataset with wrong letters.

Byte order mark, the character set that the page declares, strict UTF-8, UTF-16 and UTF-32 told by their columns of zero
bytes, UTF-8 with some lines in the Western code page, and last what the statistics of charset-normalizer say: the Western
code page (cp1252) wherever it is possible, for that is what most old files are in. What was not plain UTF-8, and what was
mended in the text, is told in remarks.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from builder.readers.content import Refused
from schemas.records import Reason, Remark

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset=[\"' ]{0,2}([\w-]{2,30})|<\?xml[^>]{0,100}encoding=[\"']([\w-]{2,30})", re.IGNORECASE)
_NO_CHARACTER_SETS = frozenset(("utf-7", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "idna", "punycode", "undefined"))
_WESTERN = frozenset(("iso8859-1", "ascii"))  # as browsers take them
_JAPANESE = b"\x1b$B"  # ISO-2022-JP, which is valid UTF-8
_GUESSED = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp932", "cp949",
    "euc_jp", "gb18030", "big5", "koi8_r", "iso8859_2", "mac_roman",
)  # fmt: skip
_MANY_BYTES = frozenset(("cp932", "cp949", "euc_jp", "gb18030", "big5"))
_ENOUGH = 12  # high bytes that statistics need
_KANA = re.compile(r"[\u3041-\u30ff]")
_HIGH = re.compile(r"[^\x00-\x7f]")
_HIGHS = re.compile(r"[^\x00-\x7f]+")
_NEAR = 8  # characters
_HIGH_BYTES = re.compile(rb"[\x80-\xff]")
_WEDGED = re.compile(r"(?<=[A-Za-z])[¡-¦¨-¬®-¶¸-¿](?=[A-Za-z])")  # signs that Western words do not have inside
_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BINARY = Refused(Reason.BINARY, "binary data, not text; if it is a document, export it to one of the formats that kilopair reads")
_SAMPLE = 65_536
_BINARY_SHARE = 0.02


@dataclass(frozen=True)
class Decoded:
    """A file's text, the name of its encoding ("mixed" when lines differ), and what was not as it should be."""

    text: str
    encoding: str
    remarks: tuple[Remark, ...] = ()


def decode(raw: bytes) -> tuple[str, str] | Refused:
    """Return the text of `raw` and the name of its encoding ("mixed" when lines differ)."""
    found = decode_text(raw)
    return found if isinstance(found, Refused) else (found.text, found.encoding)


def decode_text(raw: bytes) -> Decoded | Refused:
    """Return the text of `raw` without control characters and with its mojibake mended, and the remarks about both."""
    found = _by_mark(raw) or _by_declaration(raw) or _by_escapes(raw) or _utf_8(raw) or _by_columns(raw) or _mixed(raw) or _guessed(raw)
    if found is None:
        controls = len(_CONTROL_BYTES.findall(raw[:_SAMPLE]))
        detail = "in no character set that kilopair can tell for sure; save the file as UTF-8"
        return _BINARY if _too_many(controls, len(raw[:_SAMPLE])) else Refused(Reason.UNKNOWN_ENCODING, detail)
    if _too_many(len(_CONTROL.findall(_COLOURS.sub("", found.text[:_SAMPLE]))), len(found.text[:_SAMPLE])):
        return _BINARY
    text, mojibake = _without_mojibake(found.text)  # first: it may need a control character to mend a letter
    text, controls = _without_controls(text)
    return Decoded(text, found.encoding, (*_named(found), *found.remarks, *mojibake, *controls))


def _named(found: Decoded) -> Iterable[Remark]:
    if found.encoding not in ("utf-8", "utf-8-sig", "mixed"):
        yield Remark(code="decoded_as", message=f"read as {found.encoding}; if letters look wrong, save the file as UTF-8")


def _too_many(controls: int, length: int) -> bool:
    return controls > max(4, _BINARY_SHARE * length)


def _as(raw: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(raw.decode(encoding), encoding)
    except (UnicodeError, LookupError):
        return None


def _by_mark(raw: bytes) -> Decoded | None:
    return next((_as(raw, encoding) for mark, encoding in _MARKS if raw.startswith(mark)), None)


def _by_declaration(raw: bytes) -> Decoded | None:
    match = _DECLARED.search(raw[:4096])
    if match is None or b"\x00" in raw:
        return None
    name = (match.group(1) or match.group(2)).decode("ascii")
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return None
    if known in _NO_CHARACTER_SETS or known.startswith(("utf-16", "utf-32")):
        return None
    if not raw.isascii() and (found := _as(raw, "utf-8")):
        return found  # other character sets all but never make valid UTF-8; declarations are often wrong
    return _as(raw, "cp1252" if known in _WESTERN else name)


def _by_escapes(raw: bytes) -> Decoded | None:
    return _as(raw, "iso2022_jp") if _JAPANESE in raw else None


def _utf_8(raw: bytes) -> Decoded | None:
    return _as(raw.removeprefix(codecs.BOM_UTF8), "utf-8") if not _zero_columns(raw) else None


def _by_columns(raw: bytes) -> Decoded | None:
    encoding = _zero_columns(raw)
    return _as(raw[: len(raw) - len(raw) % (4 if "32" in encoding else 2)], encoding) if encoding else None


def _zero_columns(raw: bytes) -> str:
    """UTF-16 or UTF-32 and its byte order, told by the columns that are zero in Western text; empty if it is neither."""
    sample = raw[: _SAMPLE - _SAMPLE % 4]
    quarter = max(1, len(sample) // 4)
    zeros = [sample[place::4].count(0) / quarter for place in range(4)]
    if len(sample) >= 8 and min(zeros[2:]) > 0.9 and zeros[0] < 0.05:
        return "utf-32-le"
    if len(sample) >= 8 and min(zeros[:2]) > 0.9 and zeros[3] < 0.05:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.05 else ""


def _mixed(raw: bytes) -> Decoded | None:
    """The text line by line, where some lines are plainly UTF-8 and the others may be Western."""
    lines = raw.split(b"\n")
    broken = [place for place, line in enumerate(lines) if not line.isascii() and _as(line, "utf-8") is None]
    high = sum(not line.isascii() for line in lines)
    if not broken or len(broken) > 0.9 * high:
        return None
    others = [_western_line(lines[place]) for place in broken]
    if not _plausible("\n".join(others)):
        return None
    texts = dict(zip(broken, others, strict=True))
    text = "\n".join(texts[place] if place in texts else line.decode("utf-8") for place, line in enumerate(lines))
    message = f"{len(broken)} of its {len(lines)} lines are not UTF-8 and were read as cp1252, first line {broken[0] + 1}"
    return Decoded(text, "mixed", (Remark(code="mixed_encoding", message=message),))


def _western_line(line: bytes) -> str:
    found = _as(line, "cp1252")
    return found.text if found else line.decode("latin-1")  # the five bytes that cp1252 lacks count as control characters


def _guessed(raw: bytes) -> Decoded | None:
    """What letter statistics say, and Western before all that would read the same."""
    from charset_normalizer import from_bytes

    sample = b"\n".join(line for line in raw.split(b"\n") if not line.isascii())[:_SAMPLE]
    count = len(_HIGH_BYTES.findall(sample))
    western = _as(raw, "cp1252")
    likely = western is not None and _plausible(sample.decode("cp1252", "replace"))
    if likely and count < _ENOUGH:
        return western
    if japanese := _japanese(raw):
        return japanese
    if count < _ENOUGH:
        return None
    matches = list(from_bytes(sample, cp_isolation=list(_GUESSED)))
    if likely and any("cp1252" in match.could_be_from_charset for match in matches):
        return western
    if not matches or (matches[0].encoding in _MANY_BYTES and len(matches) > 1 and count < 4 * _ENOUGH):
        return None  # a few high bytes are letters in several Asian character sets
    return _as(raw, matches[0].encoding)


def _japanese(raw: bytes) -> Decoded | None:
    """The text as Japanese, where a good part of it comes out as kana, which no other language has."""
    for encoding in ("cp932", "euc_jp"):
        found = _as(raw, encoding)
        if found and len(_KANA.findall(found.text)) > 0.2 * len(_HIGH.findall(found.text)):
            return found
    return None


def _plausible(text: str) -> bool:
    """Whether high characters are few among the letters and do not sit inside words as signs."""
    high = len(_HIGH.findall(text))
    letters = sum(map(str.isalpha, text))
    return high <= 0.5 * max(1, letters) and len(_WEDGED.findall(text)) <= 0.05 * high


def _without_controls(text: str) -> tuple[str, tuple[Remark, ...]]:
    shown, colours = _COLOURS.subn("", text)
    shown, controls = _CONTROL.subn("", shown)
    if not colours + controls:
        return text, ()
    return shown, (Remark(code="control_chars", message=f"{colours + controls:,} control characters that nobody can see were removed"),)


def _looks_bad(line: str) -> bool:
    """Whether ftfy's search, which is slow, finds something; what it looks for is short and has a letter that is not ASCII in it."""
    from ftfy.badness import is_bad

    windows = {line[max(0, run.start() - _NEAR) : run.end() + _NEAR] for run in _HIGHS.finditer(line)}
    return any(map(is_bad, windows)) and is_bad(line)


def _without_mojibake(text: str) -> tuple[str, tuple[Remark, ...]]:
    """The text with the lines mended that were once decoded wrongly; ftfy changes nothing else here."""
    if text.isascii():
        return text, ()
    lines = text.split("\n")
    mended = {place: new for place, line in enumerate(lines) if not line.isascii() and _looks_bad(line) and (new := _fixed(line)) != line}
    if not mended:
        return text, ()
    first = min(mended)
    message = f"{len(mended):,} lines were decoded wrongly before they were saved, and mended; first line {first + 1}"
    return "\n".join(mended.get(place, line) for place, line in enumerate(lines)), (Remark(code="mojibake", message=message),)


def _fixed(line: str) -> str:
    from ftfy import TextFixerConfig, fix_text

    config = TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_c1_controls=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
    return fix_text(line, config)
