"""Mails: the subject as the title, who wrote it to whom and when, and what they wrote; attached files are documents of their own."""

import codecs
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import EmailPolicy
from email.utils import getaddresses, parsedate_to_datetime

from pydantic import JsonValue

from builder.readers.content import Content, Refused, body, heading
from builder.readers.decode import decode
from builder.readers.html_part import is_too_deep, part
from builder.readers.mail_parts import Parts, TooManyPartsError, header_of, parts_of, safely
from builder.readers.mail_quotes import own_words
from builder.readers.plain_text import read_text
from schemas.records import Reason, Remark

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KNOWN = frozenset(("from", "to", "subject", "date", "message-id", "received", "content-type", "mime-version"))
_LEAST_KNOWN = 2
_MOST_NAMES = 5
_LONGEST_HEADER = 4_000
_METADATA = {"from": "from", "to": "to", "cc": "cc", "message-id": "message_id", "in-reply-to": "in_reply_to"}


class _ShortHeaders(EmailPolicy):
    """The policy of the email package, with headers cut at a length that it takes apart in no time."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return a header's name and value."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


def read_eml(raw: bytes) -> Content | Refused:
    """Return what the mail's writer wrote below a short header; answered mails, signatures and notices are left out with a remark."""
    try:
        message = message_from_bytes(_narrow(raw), policy=_ShortHeaders())
        if len({name.lower() for name in message.keys()} & _KNOWN) < _LEAST_KNOWN:  # noqa: SIM118 a mail is no dict
            return Refused(Reason.CORRUPT, "it has no header of a mail; save the mail again from the mail program")
        return _content(message, parts_of(message))
    except (TooManyPartsError, RecursionError):
        return Refused(
            Reason.ARCHIVE_LIMIT, "more parts, or parts inside of parts, than any mail program writes; save what matters by itself"
        )


def _narrow(raw: bytes) -> bytes:
    """The mail as bytes that are read one by one; some programs save it in UTF-16, or with other line ends."""
    if raw.startswith(_WIDE) or b"\0" in raw[:100]:
        decoded = decode(raw)
        raw = raw if isinstance(decoded, Refused) else decoded[0].encode("utf-8", "replace")
    raw = raw.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _content(message: Message, parts: Parts) -> Content | Refused:
    if parts.is_locked and not parts.texts:
        return Refused(Reason.ENCRYPTED, "an encrypted mail; open it in the mail program and save its text")
    text, remarks = _text(parts)
    title = header_of(message, "subject")
    if not any(map(str.isalnum, title + text)) and not parts.files:
        return Refused(Reason.EMPTY, "a mail without subject, text and attachments")
    blocks = (heading(1, title) if title else "", "\n".join(_header(message)), text)
    whole = "\n\n".join(block for block in blocks if block)
    return Content(whole, title, _metadata(message), remarks=(*remarks, *_left_aside(parts)), attachments=tuple(parts.files))


def _text(parts: Parts) -> tuple[str, tuple[Remark, ...]]:
    texts: list[str] = []
    remarks: list[Remark] = []
    for text, is_html in parts.texts:
        if is_html and is_too_deep(text):
            remarks.append(Remark(code="text_left_out", message="a text whose elements are nested too deep was left out"))
            continue
        markdown, hidden = _from_html(text) if is_html else (text, ())
        words, left_out = own_words(markdown)
        texts.append(words if is_html else _from_plain(words))
        remarks += [*hidden, *left_out]
    return "\n\n".join(filter(None, texts)), tuple(remarks)


def _from_html(text: str) -> tuple[str, tuple[Remark, ...]]:
    found = part(text)
    return found.text, found.remarks


def _from_plain(text: str) -> str:
    content = read_text(body(text))
    return "" if isinstance(content, Refused) else content.text.strip("\n")


def _header(message: Message) -> Iterator[str]:
    """Who wrote to whom, by name, and when."""
    for name in ("from", "to", "cc"):
        names = [words or address for words, address in safely(lambda name=name: getaddresses([header_of(message, name)]), [])]
        named = [body(words) for words in names if words.strip()]
        more = f" and {len(named) - _MOST_NAMES} others" if len(named) > _MOST_NAMES else ""
        if named:
            yield f"{name.capitalize()}: {', '.join(named[:_MOST_NAMES])}{more}"
    if date := _date(message):
        yield f"Date: {date[:10]}"


def _date(message: Message) -> str:
    found = safely(lambda: parsedate_to_datetime(header_of(message, "date")), None)
    return found.isoformat() if found is not None else ""


def _metadata(message: Message) -> dict[str, JsonValue]:
    metadata: dict[str, JsonValue] = {key: words for name, key in _METADATA.items() if (words := header_of(message, name))}
    if date := _date(message) or header_of(message, "date"):
        metadata["date"] = date
    return metadata


def _left_aside(parts: Parts) -> Iterator[Remark]:
    if parts.pictures:
        yield Remark(code="pictures_left_out", message=f"{parts.pictures} pictures inside of the mail were not read")
    if parts.is_locked:
        yield Remark(code="encrypted_part", message="a part of the mail is encrypted and was not read")
