"""Whether a document may be asked about at all: an old version would teach what no longer holds, legal boilerplate nothing."""

import re

from schemas.records import Document

_STATUS = re.compile(r"superseded|obsolete|withdrawn|deprecated|archived|no longer in force", re.IGNORECASE)
_TITLE = re.compile(r"\bsuperseded\b|\bno longer in force\b|[(\[](?:obsolete|withdrawn|deprecated|archived)[)\]]", re.IGNORECASE)
_SAYS = re.compile(
    r"this (?:version|document|policy|page) (?:is|has been|was) (?:superseded|withdrawn|obsolete|replaced|no longer (?:valid|in force))",
    re.IGNORECASE,
)
_LEGAL = re.compile(
    r"\b(?:shall|hereby|herein|thereof|liability|liable|trademarks?|warranty of any kind|indemnif\w+|cookies?|all rights reserved|"
    r"employee agrees|jurisdiction|notwithstanding|pursuant)\b",
    re.IGNORECASE,
)
_OPENING = 400  # characters in which a document says what it is
_WORDS_PER_TERM = 60


def superseded(document: Document) -> bool:
    """Tell whether the front matter, the title or the opening says that another version has taken its place."""
    first = next((line for line in document.text.splitlines() if line.strip()), "")
    status = str(document.metadata.get("status", ""))
    return bool(_STATUS.search(status) or _TITLE.search(first) or _SAYS.search(document.text[:_OPENING]))


def boilerplate(document: Document) -> bool:
    """Tell whether legal terms are so dense that nobody would ask a question about the page."""
    return len(_LEGAL.findall(document.text)) * _WORDS_PER_TERM > len(document.text.split())
