"""What of a mail's text its writer wrote: answered mails below it, signatures and legal notices are left out.

What a mail answers is a document of its own, or somebody else's words without their context; a pair about it would be
credited to the wrong writer. Quotes with answers between them stay, as quotations; so does a mail that is forwarded.
"""

import re
from collections.abc import Iterator, Sequence

from schemas.records import Remark

_QUOTED = re.compile(r"\s{0,3}(?:>|\|\s)")
_SEPARATOR = re.compile(
    r"\W*(?:original message|original appointment|ursprüngliche nachricht|message d['’]origine|mensaje original|messaggio originale)\W*",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"\W*(?:(?:begin )?forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato)\b.{0,40}",
    re.IGNORECASE,
)
_FROM = re.compile(r"[*\s]*(?:from|von|de|da)\s?[*\s]*:[*\s]*\S.*", re.IGNORECASE)
_SENT = re.compile(
    r"[*\s]*(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|fecha|para|asunto|inviato|oggetto|cc)\s?[*\s]*:.*",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(
    r"\W*(?:on|am|le|el|il)\b.{6,250}\b(?:wrote|schrieb|a écrit|escribió|ha scritto)\b.{0,120}:\W*|.{3,120}\bwrote:\W*", re.IGNORECASE
)
_SIGNATURE = re.compile(r"\\?--\s*")
_SENT_FROM = re.compile(
    r"(?:sent from my|get outlook for|von meinem .{1,40} gesendet|envoyé de mon|enviado desde mi)\b.{0,80}", re.IGNORECASE
)
_NOTICE = re.compile(
    r"\b(?:this|diese|ce|este)\b.{0,40}\b(?:e-?mail|message|nachricht|correo|mensaje)\b.{0,300}"
    r"\b(?:confidential|privileged|intended (?:only|solely)|vertrauliche?|confidentiel|confidencial)\b",
    re.IGNORECASE | re.DOTALL,
)
_LINES_OF_HEADER, _SURE = 6, 2  # one line that looks like a header's may be chance
_LONGEST_SIGNATURE, _LONGEST_NOTICE = 15, 2000  # lines, characters


def own_words(text: str) -> tuple[str, tuple[Remark, ...]]:
    """Return the text without what its writer did not write, and what was left out; a text that is nothing else stays."""
    lines = text.split("\n")
    end = _own_end(lines)
    signature = _signature_start(lines[:end])
    kept = _without_notices("\n".join(lines[:signature]))
    if not any(map(str.isalnum, kept)):
        return text, ()
    left_out = text[len("\n".join(lines[:end])) :]
    return kept, tuple(_remarks(_count(left_out), _count(text) - _count(kept) - _count(left_out)))


def _remarks(answered: int, signed: int) -> Iterator[Remark]:
    if answered:
        yield Remark(code="quoted_reply", message=f"{answered} lines of the mails that it answers were left out")
    if signed:
        yield Remark(code="signature", message=f"{signed} lines of signature or legal notice were left out")


def _count(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())


def _own_end(lines: Sequence[str]) -> int:
    """Where the mails that this one answers begin; at the end if there are none, or others were forwarded."""
    end = len(lines)
    for place, line in enumerate(lines):
        if _FORWARDED.fullmatch(line):
            return len(lines)
        if _begins_answered(lines, place):
            end = place
            break
    while end and (not lines[end - 1].strip() or _QUOTED.match(lines[end - 1])):
        end -= 1
    is_quoted = any(_QUOTED.match(line) for line in lines[end:])
    return end - _attribution(lines[:end]) if is_quoted else end


def _begins_answered(lines: Sequence[str], place: int) -> bool:
    """Whether a separator, or the header of an earlier mail without one, is here."""
    line = lines[place]
    if _SEPARATOR.fullmatch(line):
        return True
    if not _FROM.fullmatch(line):
        return False
    after = [line for line in lines[place + 1 : place + 1 + _LINES_OF_HEADER] if line.strip()]
    return sum(1 for line in after if _SENT.fullmatch(line)) >= _SURE


def _attribution(lines: Sequence[str]) -> int:
    """How many lines at the end only say who wrote what is quoted below them."""
    for count in (1, 2):
        if len(lines) >= count and _ATTRIBUTION.fullmatch(" ".join(lines[-count:])):
            return count
    return 0


def _signature_start(lines: Sequence[str]) -> int:
    """Where the signature begins, by its customary line of two dashes or by what a telephone writes."""
    last = max((place for place, line in enumerate(lines) if _SIGNATURE.fullmatch(line)), default=-1)
    if last >= 0 and _count("\n".join(lines[last:])) <= _LONGEST_SIGNATURE:
        return last
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].strip():
            return place if _SENT_FROM.fullmatch(lines[place].strip()) else len(lines)
    return len(lines)


def _without_notices(text: str) -> str:
    """The text without legal notices at its end."""
    end = _stripped(text, len(text))
    while (cut := text.rfind("\n\n", 0, end)) > 0 and _NOTICE.search(text, cut, min(end, cut + _LONGEST_NOTICE)):
        end = _stripped(text, cut)
    return text[:end]


def _stripped(text: str, end: int) -> int:
    """Where the text before `end` ends without space; nothing is copied, as a mail may have thousands of notices."""
    while end and text[end - 1].isspace():
        end -= 1
    return end
