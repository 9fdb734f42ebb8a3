"""Support tickets: the customer's message is the question, what support did is the answer."""

import re
from collections.abc import Iterator

from generators.extractive.facts import Fact
from generators.extractive.page import Paragraph, Quote, Section

_POINTS = re.compile(r"[^.!?]*\b(?:it|this|that|they|them)\b[^.!?]*[.!?]")  # in its first sentence: to what is not said
_GREETING = re.compile(r"^(?:Hi|Hello|Hey|Dear [\w ]+|Good (?:morning|afternoon|day))(?: there| all| team)?[,!.]?\s+", re.IGNORECASE)
_THANKS = r"(?:Thanks|Regards|Cheers|Thank you|Greetings|Best|Yours)"
_CLOSING = re.compile(rf"\s*(?:(?:Many |Kind |Best )?{_THANKS}(?: in advance)?[,!.]?\s*)?(?:[A-Z]\.\s?){{1,3}}$|\s*{_THANKS}[!.]?$")


def message_of(text: str) -> str:
    """What a customer writes, without the greeting and the signature."""
    return _CLOSING.sub("", _GREETING.sub("", text)).strip()


def tickets(section: Section) -> Iterator[Fact]:
    """The ticket in `section`: one quoted message followed by its answer."""
    quotes = [part for part in section.parts if isinstance(part, Quote)]
    after = section.parts[-1]
    if len(quotes) != 1 or section.parts[0] is not quotes[0] or not isinstance(after, Paragraph) or len(section.parts) != 2:
        return
    message = message_of(quotes[0].text)
    if not 4 <= len(message.split()) <= 45 or len(after.text.split()) > 110 or not after.text.endswith("."):
        return
    asks = message.endswith("?") and re.search(r"\b(?:here|above|attached)\b", message) is None and not _POINTS.match(message)
    subject = section.heading.rstrip("?.! ")
    slots = {"message": message[0].upper() + message[1:] if asks else "", "subject": subject if len(subject.split()) > 1 else ""}
    yield Fact.of("ticket", slots, after.text, quotes[0].span, after.span)
