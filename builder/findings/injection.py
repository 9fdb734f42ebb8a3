"""Text that talks to the model that reads it: flagged with the words that do."""

import re
from collections.abc import Iterator, Sequence

from generators.alpaca.screen import suspicious
from schemas.findings import Finding, FindingsSection, places, shortened
from schemas.records import Document

_PARAGRAPH = re.compile(r"[^\n]+(?:\n(?![^\S\n]*\n)[^\n]+)*")
_LINE = re.compile(r"[^\n]+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")


def injections(documents: Sequence[Document], policy: FindingsSection) -> Iterator[Finding]:
    """Yield a finding for each passage that `generators.alpaca.screen` takes for an order to the model."""
    for document in documents:
        for place in places(document, _spans(document.text), quote=shortened):
            yield Finding(
                kind="injection",
                rule="injection",
                name="order to a model",
                severity="high",
                action=policy.injection,
                places=(place,),
                sentence=f"{place.path}:{place.line}: this talks to the model that reads it; take it out unless it belongs there",
            )


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for match in _PARAGRAPH.finditer(text):
        if suspicious(match.group()):
            for line in _narrowed(text, match.span(), _LINE):
                yield from _narrowed(text, line, _SENTENCE)


def _narrowed(text: str, span: tuple[int, int], part: re.Pattern[str]) -> Sequence[tuple[int, int]]:
    """The parts that say it by themselves, or all of it where it takes all of it."""
    return [match.span() for match in part.finditer(text, *span) if suspicious(match.group())] or [span]
