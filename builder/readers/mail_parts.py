"""The parts of a mail: which one is its text, which ones are files, and what letters their bytes are.

The email package raises many kinds of errors for broken headers, which is why what it is asked for a header may fail
here without harm. Parts inside of parts are followed only so deep as people nest them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import TypeVar

from builder.readers.content import Attachment, Refused, clean, one_line
from builder.readers.decode import decode
from schemas.records import Reason

_Answer = TypeVar("_Answer")
_DEEPEST = 20
_MOST_PARTS = 1_000
_STUB = 0.2  # a plain text that says less than this part of the HTML beside it only says that there is one
_TEXTUAL = re.compile(
    r"(?:utf|iso|windows|cp\d|koi8|gb|hz|big5|euc|shift|sjis|us-ascii|ascii|latin|mac|ks_c|tis)[\w-]{0,30}", re.IGNORECASE
)
_LATIN = re.compile(r"(?:us-)?ascii|latin.*|iso[-_]?8859.*|windows-125\d|cp125\d", re.IGNORECASE)
_SEALS = frozenset((
    "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-keys",
    "message/delivery-status", "text/rfc822-headers", "application/pgp-encrypted",
))  # fmt: skip
_LOCKED = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"))
_ENDINGS = {
    "text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "text/calendar": ".ics", "text/markdown": ".md",
    "message/rfc822": ".eml", "application/pdf": ".pdf", "application/json": ".json", "application/zip": ".zip",
    "image/png": ".png", "image/jpeg": ".jpg",
}  # fmt: skip
_UNSAFE_NAME = re.compile(r"[/\\:*?\"<>|\x00-\x1f]+")


@dataclass
class Parts:
    """The texts of a mail in order, each whether it is HTML, the files, and how much was left aside."""

    texts: list[tuple[str, bool]] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    pictures: int = 0
    is_locked: bool = False


class TooManyPartsError(Exception):
    """The mail is nested deeper, or has more parts, than any mail program writes; it never leaves the reader."""


def parts_of(message: Message) -> Parts:
    """Return the mail's texts and files.

    Raises:
        TooManyPartsError: there are too many of them.
    """
    parts = Parts()
    for count, leaf in enumerate(_leaves(message, 0)):
        if count > _MOST_PARTS:
            raise TooManyPartsError
        _sort(leaf, parts)
    return parts


def safely(ask: Callable[[], _Answer], default: _Answer) -> _Answer:
    """Return what `ask` says, or `default` if the email package stumbles over what it is asked for."""
    try:
        return ask()
    except Exception:  # noqa: BLE001 - broken headers raise whatever the email package did not think of
        return default


def _children(part: Message) -> list[Message]:
    payload = safely(part.get_payload, None)
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _kind(part: Message) -> str:
    return safely(part.get_content_type, "application/octet-stream")


def _leaves(part: Message, depth: int) -> Iterator[Message]:
    """The parts that are not made of parts; of several forms of one text the best."""
    if depth > _DEEPEST:
        raise TooManyPartsError
    kind, children = _kind(part), _children(part)
    if not children or kind in _SEALS or kind in _LOCKED or kind.startswith("message/"):
        yield part
    elif kind == "multipart/alternative":
        yield from _best([list(_leaves(child, depth + 1)) for child in children])
    else:
        for child in children:
            yield from _leaves(child, depth + 1)


def _best(forms: Sequence[Sequence[Message]]) -> Iterator[Message]:
    """The plain form of a text, else the one in HTML; files inside of the other forms are not lost."""
    sizes = [(_is_of(form, "text/plain"), _is_of(form, "text/html")) for form in forms]
    plain, html = max(size for size, _ in sizes), max(size for _, size in sizes)
    wanted = 0 if plain and plain >= _STUB * html else 1
    chosen = max(range(len(forms)), key=lambda place: (sizes[place][wanted], -place))
    for place, form in enumerate(forms):
        yield from (leaf for leaf in form if place == chosen or not _is_text(leaf))


def _is_of(form: Sequence[Message], kind: str) -> int:
    """How many words the form says in this kind of text."""
    texts = (text_of(leaf) for leaf in form if _kind(leaf) == kind and _is_text(leaf))
    return sum(len((re.sub(r"<[^<>]*>", " ", text) if kind == "text/html" else text).split()) for text in texts)


def _is_text(leaf: Message) -> bool:
    return _kind(leaf) in ("text/plain", "text/html") and not _is_attached(leaf) and not _file_name(leaf)


def _is_attached(leaf: Message) -> bool:
    return safely(leaf.get_content_disposition, None) == "attachment"


def _file_name(leaf: Message) -> str:
    return one_line(safely(leaf.get_filename, None) or "")


def _sort(leaf: Message, parts: Parts) -> None:
    kind = _kind(leaf)
    if _is_text(leaf):
        parts.texts.append((text_of(leaf), kind == "text/html"))
    elif kind in _LOCKED:
        parts.is_locked = True
    elif kind.startswith("image/") and not _is_attached(leaf):
        parts.pictures += 1
    elif kind not in _SEALS and not kind.startswith("multipart/"):
        parts.files.append(_attachment(leaf, kind, parts.files))


def _attachment(leaf: Message, kind: str, before: Sequence[Attachment]) -> Attachment:
    name = _name(leaf, kind, before)
    inside = _children(leaf)
    raw = safely(inside[0].as_bytes, b"") if inside else _bytes(leaf)
    return Attachment(name, raw, None if raw else Refused(Reason.CORRUPT, "an attachment without content, or damaged in the mail"))


def _name(leaf: Message, kind: str, before: Sequence[Attachment]) -> str:
    """A name that leads into no folder and that no attachment before it has."""
    subject = safely(lambda: str(_children(leaf)[0]["subject"] or ""), "") if kind == "message/rfc822" else ""
    given = _UNSAFE_NAME.sub("_", _file_name(leaf) or one_line(subject)).strip(". ")[:150]
    ending = _ENDINGS.get(kind, "")
    name = given if _file_name(leaf) else f"{given or f'part-{len(before) + 1}'}{ending}"
    taken = {attachment.name for attachment in before}
    return name if name and name not in taken else f"{len(before) + 1}-{name}"


def _bytes(leaf: Message) -> bytes:
    payload = safely(lambda: leaf.get_payload(decode=True), None)
    return payload if isinstance(payload, bytes) else b""


def text_of(leaf: Message) -> str:
    """The text of a part, by the character set it declares if that fits, else by the one that does."""
    raw = _bytes(leaf)
    declared = safely(leaf.get_content_charset, None) or "utf-8"
    names = ["utf-8", declared] if _LATIN.fullmatch(declared) else [declared, "utf-8"]
    text = next((text for name in names if (text := _as(raw, name)) is not None), None)
    if text is None:
        decoded = decode(raw)
        text = raw.decode("utf-8", "replace") if isinstance(decoded, Refused) else decoded[0]
    return clean(_unflowed(text, leaf))


def _as(raw: bytes, name: str) -> str | None:
    if not _TEXTUAL.fullmatch(name):
        return None
    try:
        return raw.decode(name)
    except (UnicodeError, LookupError):
        return None


def _unflowed(text: str, leaf: Message) -> str:
    """The text with its soft line ends taken out, where the mail says that it has some."""
    if safely(lambda: str(leaf.get_param("format", "")), "").lower() != "flowed":
        return text
    text = clean(text)
    return re.sub(r"(?<=\S)(?<!\n--) \n(?=[^\s>])", " ", re.sub(r"(?m)^ (?=[ >]|From )", "", text))


def header_of(message: Message, name: str) -> str:
    """A header on one line; letters that were not encoded are told as in any text."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    if any("\udc80" <= character <= "\udcff" for character in raw):
        decoded = decode(raw.encode("utf-8", "surrogateescape"))
        return one_line(raw if isinstance(decoded, Refused) else decoded[0])
    return one_line(safely(lambda: str(message[name] or ""), raw))
