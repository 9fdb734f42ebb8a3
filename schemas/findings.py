"""What is found in documents before anything is asked, and what a recipe says is to happen with it.

Secrets and personal data are never shown: a place shows their first characters and their length, no more.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from pydantic import Field

from schemas.records import Document, Record

Kind = Literal["secret", "personal", "injection", "contradiction", "superseded", "duplicate", "repeated"]
Rule = Literal[
    "secret", "email", "phone", "payment_card", "iban", "national_id", "ip_address",
    "injection", "contradiction", "superseded", "duplicate", "repeated",
]  # fmt: skip
Severity = Literal["high", "medium", "low"]
Action = Literal["stop", "mask", "allow"]
Answer = Literal["stop", "allow"]

KINDS: tuple[Kind, ...] = ("secret", "contradiction", "injection", "superseded", "duplicate", "personal", "repeated")
_SHOWN, _LONGEST_QUOTE = 4, 300


class FindingsSection(Record):
    """What happens with what is found in the documents: stop before anything is asked, mask the characters, or allow them."""

    secret: Action = Field(default="mask", description="keys, tokens and passwords")
    email: Action = Field(default="allow", description="e-mail addresses")
    phone: Action = Field(default="allow", description="telephone numbers")
    payment_card: Action = Field(default="allow", description="numbers of credit and debit cards")
    iban: Action = Field(default="allow", description="numbers of bank accounts")
    national_id: Action = Field(default="allow", description="social security and tax numbers of people")
    ip_address: Action = Field(default="allow", description="addresses of machines")
    injection: Answer = Field(
        default="allow", description="text that talks to the model that reads it; allowed text is sent as quoted data"
    )
    contradiction: Answer = Field(default="allow", description="the same rule with another number, date or yes and no in two places")
    superseded: Answer = Field(default="allow", description="older versions of a document that is there too")
    duplicate: Answer = Field(default="allow", description="nearly the same document twice")
    repeated: Answer = Field(default="allow", description="paragraphs that stand in three documents or more")


class Place(Record):
    """Where it stands, `document.text[start:end]`, and what is shown of it."""

    document_id: str
    path: str
    line: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int
    quote: str


class Finding(Record):
    """One thing that somebody should know, in a sentence, with every place where it stands."""

    kind: Kind
    rule: Rule
    name: str = Field(description="what exactly, e.g. AWS access key")
    severity: Severity
    action: Action = "allow"
    places: tuple[Place, ...] = Field(min_length=1)
    sentence: str


def places(document: Document, spans: Iterable[tuple[int, int]], *, quote: Callable[[str], str]) -> Iterator[Place]:
    """Point at spans in the order of the text, each line counted on from the one before: a sheet of people has thousands."""
    line, last = 1, 0
    for start, end in spans:
        line += document.text.count("\n", last, start)
        last = start
        shows = quote(document.text[start:end])
        yield Place(document_id=document.id, path=document.path, line=line, start=start, end=end, quote=shows)


def shown(secret: str) -> str:
    """Return as much of a secret as tells which one it is: at most four characters, never more than a quarter of it."""
    return f"{secret[: min(_SHOWN, len(secret) // 4)]}… ({len(secret)} characters)"


def shortened(text: str) -> str:
    """Return a quote on one line, cut in its middle when it is long."""
    words = " ".join(text.split())
    half = _LONGEST_QUOTE // 2
    return words if len(words) <= _LONGEST_QUOTE else f"{words[:half]} … {words[-half:]}"
