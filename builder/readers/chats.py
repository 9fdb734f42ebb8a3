"""Exports of chats (Slack, Teams) to Markdown: each thread a section, its first question the heading.

What the person who asked says later is a quote, and a rule stands between the words of different people, so that the reply
can be told from the text alone. Who spoke is left out; bots and notices of joining are left out and counted.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pydantic import JsonValue

from builder.readers.content import Content, Refused, body, heading
from builder.readers.grid import HOLDS
from builder.readers.record_sections import quoted
from schemas.records import Reason, Remark

CHAT = "chat"
UNTITLED = "Conversation"
_SPOKEN = (None, "", "thread_broadcast", "reply_broadcast", "me_message", "file_share")
_LONGEST_HEADING = 300
_MOST = 0.5  # of the objects must be messages
_LINK = re.compile(r"<((?:https?|mailto):[^<>|\s]+)\|([^<>]+)>")
_CALLED = re.compile(r"<[@#!][^<>|]*\|([^<>]+)>")
_MENTION = re.compile(r"<([@#!])([^<>|]+)>")

Message = Mapping[str, JsonValue]


@dataclass(frozen=True)
class _Said:
    who: str
    words: str
    thread: str


def read_chat(value: JsonValue) -> Content | Refused | None:
    """Return the threads of an export of Slack or Teams, or None if `value` is none."""
    messages = _messages(value)
    said = _slack(messages)
    said = _teams(messages) if said is None else said
    if not messages or said is None:
        return None
    if not said:
        return Refused(Reason.NO_CONTENT, f"an export of a chat in which nobody says anything ({len(messages)} notices)")
    threads = [*_threads(said)]
    metadata: dict[str, JsonValue] = {"messages": len(said), "conversations": len(threads), HOLDS: {"": CHAT}}
    silent = len(messages) - len(said)
    remark = Remark(code="messages_left_out", message=f"{silent} of {len(messages)} messages are notices, of bots, or without words")
    text = "\n\n".join(part for number, thread in enumerate(threads, start=1) for part in _section(thread, number))
    return Content(text, "", metadata, remarks=(remark,) if silent else ())


def _messages(value: JsonValue) -> list[Message]:
    """The messages of an export, each reply behind what it replies to."""
    if isinstance(value, dict):
        value = next((value[name] for name in ("messages", "value") if isinstance(value.get(name), list)), None)
    found: list[Message] = []
    for message in value if isinstance(value, list) else []:
        if isinstance(message, dict):
            replies = message.get("replies")
            below = [reply for reply in replies if isinstance(reply, dict)] if isinstance(replies, list) else []
            found += [message, *({"replyToId": message.get("id"), **reply} for reply in below if "body" in reply)]
    return found


def _slack(messages: Sequence[Message]) -> list[_Said] | None:
    known = sum("ts" in message and isinstance(message.get("text"), str) for message in messages)
    if known <= _MOST * len(messages):
        return None
    ordered = sorted(messages, key=lambda message: _moment(message.get("ts")))  # stable, and threads come apart below
    spoken = (message for message in ordered if message.get("subtype") in _SPOKEN and "bot_id" not in message)
    every = (_Said(_str(message.get("user")), _plain(_str(message.get("text"))), _str(message.get("thread_ts"))) for message in spoken)
    return [said for said in every if said.words and said.who]


def _teams(messages: Sequence[Message]) -> list[_Said] | None:
    known = sum("createdDateTime" in message and isinstance(message.get("body"), dict) for message in messages)
    if known <= _MOST * len(messages):
        return None
    ordered = sorted(messages, key=lambda message: _str(message.get("createdDateTime")))
    spoken = (m for m in ordered if m.get("messageType", "message") == "message" and not m.get("deletedDateTime"))
    every = (
        _Said(_person(message), _words(message.get("body")), _str(message.get("replyToId") or message.get("id"))) for message in spoken
    )
    return [said for said in every if said.words and said.who]


def _moment(ts: JsonValue) -> float:
    try:
        return float(_str(ts))
    except ValueError:
        return 0.0


def _person(message: Message) -> str:
    sender = message.get("from")
    user = sender.get("user") if isinstance(sender, dict) else None
    return _str(user.get("id") or user.get("displayName")) if isinstance(user, dict) else ""


def _words(content: JsonValue) -> str:
    from builder.readers.html_part import is_too_deep, part

    if not isinstance(content, dict):
        return ""
    text = _str(content.get("content"))
    if content.get("contentType") != "html":
        return text.strip()
    return "" if is_too_deep(text) else part(text).text.strip()


def _str(value: JsonValue) -> str:
    return str(value) if isinstance(value, str | int | float) else ""


def _plain(text: str) -> str:
    """Slack's own markup as Markdown."""
    text = _CALLED.sub(r"\1", _LINK.sub(r"[\2](\1)", text))
    return html.unescape(_MENTION.sub(r"\1\2", text)).strip()


def _threads(said: Sequence[_Said]) -> Iterator[list[_Said]]:
    """The threads in the order of their first words; what is in no thread is cut where a new question follows a reply."""
    threads: dict[str, list[_Said]] = {}
    loose = 0
    for one in said:
        key = one.thread
        if not key:
            talk = threads.get(f"loose {loose}", [])
            loose += "?" in one.words and any(other.who != talk[0].who for other in talk)
            key = f"loose {loose}"
        threads.setdefault(key, []).append(one)
    yield from threads.values()


def _section(thread: Sequence[_Said], number: int) -> Iterator[str]:
    turns = [(who, "\n\n".join(one.words for one in group)) for who, group in groupby(thread, key=lambda one: one.who)]
    asker, opening = turns[0]
    fits = "?" in opening and len(opening) <= _LONGEST_HEADING and "\n\n" not in opening
    yield heading(2, opening if fits else f"{UNTITLED} {number}")
    if not fits:
        yield quoted(opening) if "?" in opening else body(opening)
    above = asker if "?" in opening else ""
    for who, words in turns[1:]:
        if who == asker and "?" in opening:
            yield quoted(words)
        else:
            yield from ["---"] if above not in ("", asker) else []
            yield body(words)
        above = who
