"""Cutting the rest of a clause where a question may end without changing what is asked."""

import re

from generators.extractive.english import AUXILIARIES, DETERMINERS, NUMBER, PREPOSITIONS, known_verb
from generators.extractive.words import words

_BRACKETS = re.compile(r"\s*\([^()]*\)")
_HARD = re.compile(r"[;–—]|:(?=\s|$)|(?:^|\s)-\s(?![A-Z])|\.\s|\s+(?:because|so that|unless|whereas|although)\b")
_CLAUSE_AFTER_COMMA = (
    r"(?:but|so|because|since|while|whereas|which|who|whose|where|unless|if|when|as|provided|except|without|although|though|for example|"
    r"such as|including|especially|not|never|after|before|until|even|either|preferably|usually|whatever|whichever|at the latest|otherwise|"
    r"then|thereby|ideally|depending|plus|rather)\b"
)
_COMMA = re.compile(rf",\s+(?={_CLAUSE_AFTER_COMMA})")
_COMMA_AND = re.compile(r",\s+(?:and|or)\s+(?:then\s+|also\s+)?([\w’'#-]+)(?:\s+([\w’'-]+))?")
_NEW_CLAUSE = re.compile(r",\s+(?:and|or)\s+(?:you|we|it|they|the|a|my|your)\b")
_COORDINATED = re.compile(
    rf"\s+(?:and|but|or)\s+(?:then\s+|also\s+|therefore\s+)?(?:{'|'.join(sorted(AUXILIARIES))}|not"
    r"|(?:the |a |an )?[\w-]+ (?:must|will|should|may|cannot))\b"
)
PERIOD = re.compile(r"(?:each|every|per|a) (?:single |calendar |fiscal |leave )?(?:day|week|month|quarter|year)\b")
TWO_ACTS = re.compile(rf"\b(?:and|or) (?:{'|'.join(sorted(words('verbs')))})\b")
_POINTING = re.compile(rf"\b(?:it|they|them|this|these|that|which|I will)\b|\band {NUMBER}\b")
_DANGLING = (PREPOSITIONS - words("particles")) | (DETERMINERS - words("pronominal")) | words("unfinished")
_AFTER_COUNT = (PREPOSITIONS - {"of"}) | AUXILIARIES | words("after_count")


def trim(body: str, *, limit: int = 14) -> str | None:
    """`body` up to where its first thought ends, or None if no clean end is near or an alternative ("or have ...") would be lost."""
    head = _HARD.split(_BRACKETS.sub("", body))[0]
    head = _COMMA.split(head)[0]
    alternative = False
    match = _COMMA_AND.search(head)
    if match and "," not in head[: match.start()] and _opens_clause(match):
        alternative = " or " in match.group() and known_verb(match.group(1))
        head = head[: match.start()]
    ended = _COORDINATED.search(head)
    if ended:
        alternative = ended.group().split()[0] == "or"
        head = head[: ended.start()]
    head = head.strip(" ,.")
    if alternative or len(head.split()) > limit or ("," in head and not _is_list(head)) or dangling(head):
        return None
    return head


def _opens_clause(match: re.Match[str]) -> bool:
    first, second = match.group(1), (match.group(2) or "").lower()
    if first[0].isupper() or known_verb(first) or second in AUXILIARIES:
        return True
    return first in DETERMINERS | PREPOSITIONS | {"you", "we", "it", "they", "nobody", "there"}


def _is_list(head: str) -> bool:
    parts = re.split(r",\s+", head)
    return len(parts) >= 2 and re.search(r"\b(?:and|or)\b", parts[-1]) is not None and all(len(part.split()) <= 6 for part in parts)


def dangling(phrase: str) -> bool:
    """Whether `phrase` breaks off, or has an unmatched bracket or quotation mark."""
    last = re.findall(r"[\w’']+", phrase)[-1:] or [""]
    pairs = phrase.count("(") == phrase.count(")") and phrase.count('"') % 2 == 0 and phrase.count("“") == phrase.count("”")
    return last[0].lower() in _DANGLING or not pairs


def tail(post: str) -> str | None:
    """What may follow a questioned amount: a short time or purpose phrase, nothing at all, or None when the rest cannot be left out."""
    post = _BRACKETS.sub("", post).strip()
    if not post or post[0] in ",;:.–—" or re.match(r"(?:and|but|so|or|because|while|whereas|unless|then|since|which|that|who)\b", post):
        return ""
    if not re.match(r"(?:when|if|after|before|during|for|in|at|on|to|per|once|by|with|without|from|a|an|each|every|as|of|into)\b", post):
        return None
    return _whole_phrase(post)


def _whole_phrase(post: str) -> str:
    head = _HARD.split(post)[0]
    comma = head.find(",")
    if comma >= 0:
        ends = _COMMA.match(head, comma) or _NEW_CLAUSE.match(head, comma)
        head = head[:comma] if ends or not re.search(r",\s+(?:and|or)\b", head) else ""
    head = _COORDINATED.split(head)[0].strip(" ,.")
    if head and len(head.split()) <= 13 and not dangling(head) and not _POINTING.search(head):
        return head
    period = PERIOD.match(post)
    return period.group() if period else ""


def amount_noun(text: str) -> str:
    """The noun phrase that an amount counts, at the start of `text`: "days of annual leave"."""
    taken: list[str] = []
    for match in re.finditer(r"[\w’'-]+|[^\w\s]", text):
        word = match.group().lower()
        determined = word in {"the", "a"} and taken[-1:] == ["of"]
        if not word[0].isalnum() or (word in _AFTER_COUNT and not determined):
            break
        if len(taken) >= 6 or (taken and re.fullmatch(NUMBER, word)):
            break
        taken.append(match.group())
    while taken and taken[-1].lower() in {"of", "the", "a", "an"} | words("anaphora"):
        taken.pop()
    return " ".join(taken)
