"""One main clause taken apart: subject, auxiliary, verb, rest; enough to turn a statement into a question.

A clause is read only where closed lists are sure: an auxiliary, or a known verb whose form agrees with its subject.
Anything else is no clause, and no question is asked (Heilman & Smith 2010: overgenerate less, rank less).
"""

import re
from dataclasses import dataclass, replace

from generators.extractive.english import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    MODALS,
    NUMBER,
    PREPOSITIONS,
    flip,
    inflect,
    known_verb,
    lemma,
    participle,
    plural,
    tokens,
)  # fmt: skip
from generators.extractive.lexicon import Lexicon
from generators.extractive.words import words

_RELATIVE = words("relative")
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_LABEL = re.compile(r"[A-Z][\w /&-]{1,60}:\s")
_TRAILING = re.compile(r"\s+(?:also|always|automatically|usually|normally|still|therefore|then|already|generally|typically|often)$")
_CONNECTIVE = re.compile(
    r"^(?:However|Also|Please note(?: that)?|Note(?: that)?|In addition|Additionally|Furthermore|Moreover|As a reminder|Remember(?: that)?|Keep in mind(?: that)?|"
    r"Please|By contrast|In general|Generally|Again|Finally|Then|And|But|So|In short|As such|As a result),?:?\s+(?=\S)"
)
_AFTER_NOUNISH = re.compile(
    rf"\s*(?:(?:a|an|the|your|our|their|its|all|any|no|each|every|up|at|by|within|on|for|until|from|between|about|around|only|both|in|to|it|you|them)\b|{NUMBER}\b|[A-Z#\"“])"
)


@dataclass(frozen=True)
class Clause:
    """`subject` in the asker's person, `aux` first if there is one, `verb` as written, `base` its base form, `body` the rest."""

    subject: str
    aux: str
    negative: bool
    verb: str
    base: str
    body: str
    imperative: bool = False
    adverb: str = ""

    def inverted(self, rest: str, *, duty: str = "have to") -> str:
        """The clause in question order with `rest` as its body: "does the payroll run close", "am I entitled to"."""
        negation = "not " if self.negative else ""
        if self.imperative:
            return _join(f"do I {duty}" if duty != "should" else "should I", negation, self.base, rest)
        if self.aux:
            aux = "am" if self.subject == "I" and self.aux in BE else self.aux
            return _join(aux, self.subject, negation, self.verb, rest)
        helper = "does" if self._singular() else "do"
        return _join(helper, self.subject, negation, self.base, rest)

    def plain(self, rest: str) -> str:
        """The clause in statement order with `rest` as its body."""
        negation = "not" if self.negative else ""
        if self.imperative:
            return _join("I", "should not" if self.negative else "have to", self.base, rest)
        if not self.aux and self.negative:
            return _join(self.subject, "does not" if self._singular() else "do not", self.base, rest)
        aux = "am" if self.subject == "I" and self.aux in BE else self.aux
        return _join(self.subject, aux, negation, self.verb, rest)

    def phrase(self, rest: str) -> str:
        """The bare verb phrase."""
        return _join(self.verb if self.verb.startswith("be ") else self.base if self.aux not in BE else f"be {self.verb}", rest)

    def voiced(self, company: str) -> "Clause":
        """The clause with the company's name for "we", so that it can stand beside the asker's "I"."""
        body = re.sub(r"\bus\b", company, self.body)
        if self.subject != "we":
            return replace(self, body=body)
        aux = {"are": "is", "were": "was", "have": "has"}.get(self.aux, self.aux)
        return replace(
            self, subject=company, aux=aux, verb=self.verb if self.aux else inflect(self.base, "VBZ"), body=re.sub(r"\bwe\b", company, body)
        )

    def _singular(self) -> bool:
        return self.subject != "I" and self.verb.lower() != self.base


def _join(*parts: str) -> str:
    return re.sub(r"\s+([,.;:])", r"\1", " ".join(" ".join(parts).split())).replace(" can not ", " cannot ")


def strip_connective(sentence: str) -> str:
    """Drop a leading connective and capitalise what follows."""
    rest = _CONNECTIVE.sub("", sentence)
    return rest[:1].upper() + rest[1:]


def anaphoric(sentence: str) -> bool:
    """Whether `sentence` starts by pointing back to something outside it."""
    first = re.match(r"[\"“(]*([\w’']+)", sentence)
    lead = first.group(1).lower() if first else ""
    return (
        lead in words("anaphora")
        or re.match(r"(?:Once|After|When|If|For|In|At|From|By|With) (?:this|that|these|those|it|they|there)\b", sentence) is not None
    )


def parse(sentence: str, lexicon: Lexicon) -> Clause | None:
    """Read the main clause at the start of `sentence`, or None where the lists are not sure."""
    text = _BRACKETS.sub("", sentence).rstrip(" .!:;")
    found = tokens(text)
    if len(found) < 3 or _LABEL.match(text):
        return None
    return _imperative(text, found) or _pronoun(text, found) or _noun_subject(text, found, lexicon)


def _imperative(text: str, found: list[tuple[str, int, int]]) -> Clause | None:
    lead = re.match(r"(?:Do not|Don[’']t|Never)\s+(\w+)\s+", text)
    if lead:
        verb = lead.group(1).lower()
        return Clause("you", "", True, verb, verb, flip(text[lead.end() :]), imperative=True) if known_verb(verb) else None
    start = 1 if found[0][0] in {"Always", "Immediately", "Please"} else 0
    verb, _, end = found[start]
    following = found[start + 1][0].lower()
    if (verb[0].islower() and start == 0) or not known_verb(verb):
        return None
    rest = text[end:]
    sure = following in DETERMINERS | {
        "to",
        "with",
        "at",
        "in",
        "on",
        "up",
        "out",
        "for",
        "into",
        "by",
        "it",
        "before",
        "about",
        "from",
        "all",
        "both",
    }
    if following in {"is", "are", "may", "must", "can", "should", "will", "has", "have"} or found[start + 1][0] in ",.:":
        return None
    if (
        verb.lower() in words("nounish")
        and following not in DETERMINERS | {"it", "at", "with", "you"}
        and not re.match(r"\s*[A-Z0-9#\"“]", rest)
    ):
        return None
    if not sure and _later_verb(found[start + 1 :], limit=7):
        return None
    return Clause("you", "", False, verb.lower(), verb.lower(), flip(rest).strip(), imperative=True)


def _later_verb(found: list[tuple[str, int, int]], limit: int) -> bool:
    for word, _, _ in found[:limit]:
        if word.lower() in _RELATIVE or word in ",;:":
            return False
        if word.lower() in AUXILIARIES:
            return True
    return False


def _pronoun(text: str, found: list[tuple[str, int, int]]) -> Clause | None:
    first = found[0][0].lower()
    if first not in {"you", "we"}:
        return None
    subject = "I" if first == "you" else "we"
    return _verb_group(text, found, 1, subject)


def _noun_subject(text: str, found: list[tuple[str, int, int]], lexicon: Lexicon) -> Clause | None:
    first = found[0][0]
    lower = first.lower()
    if lower in PREPOSITIONS | AUXILIARIES | _RELATIVE | {
        "let's",
        "let’s",
        "here's",
        "there's",
        "that's",
        "it's",
        "what's",
        "only",
        "to",
        "nobody",
        "no",
        "none",
        "not",
        "neither",
        "anyone",
        "see",
        "there",
    } or (lower in words("anaphora") and lower not in {"each"}):
        return None
    if not first[0].isalnum() or (
        lower.endswith(("ing", "ed"))
        and lower not in {"building", "training", "meeting"}
        and not lexicon.is_proper(first)
        and found[1][0].lower() in DETERMINERS
    ):
        return None
    for index in range(1, min(len(found), 14)):
        word = found[index][0]
        if word.lower() in _RELATIVE or word in ",;:.()—–-" or (word.lower() in {"you", "we", "i", "they", "it"}):
            return None
        if not _finite(text, found, index):
            continue
        subject = lexicon.lower_first(flip(_TRAILING.sub("", text[: found[index][1]].strip())))
        return _verb_group(text, found, index, subject) if _noun_phrase(subject) else None
    return None


def _noun_phrase(subject: str) -> bool:
    parts = subject.split()
    return (
        0 < len(parts) <= 10
        and parts[-1].lower() not in PREPOSITIONS | DETERMINERS | {"and", "or", "also", "to"}
        and not subject.lower().startswith("only")
    )


def _finite(text: str, found: list[tuple[str, int, int]], index: int) -> bool:
    word, _, end = found[index]
    lower, previous = word.lower(), found[index - 1][0].lower()
    if lower in AUXILIARIES:
        return not (lower in {"need", "needs"} and previous in DETERMINERS)
    if (
        not word[0].islower()
        or previous in DETERMINERS | PREPOSITIONS | {"and", "or", "to", "not"}
        or (index + 1 >= len(found)
        and lower in words("nounish"))
    ):
        return False
    base = lemma(lower)
    if not known_verb(base) or lower not in {base, inflect(base, "VBZ")} or lower.endswith("ing"):
        return False
    head = _head(found, index)
    agrees = (lower != base) != plural(head)
    if not agrees:
        return False
    if base in words("nounish") or (lower != base and lemma(lower, "NOUN") != lower):
        sure = _AFTER_NOUNISH.match(text, end) is not None or index + 1 == len(found)
        return sure and not _later_verb(found[index + 1 :], limit=8)
    return True


def _head(found: list[tuple[str, int, int]], index: int) -> str:
    """The head noun of the subject before `index`: the word before the first preposition, or a coordination."""
    before = [word for word, _, _ in found[:index]]
    if "and" in before and not any(word.lower() in PREPOSITIONS for word in before[: before.index("and")]):
        return "people"
    for position, word in enumerate(before):
        if position and word.lower() in PREPOSITIONS:
            return before[position - 1]
    return before[-1] if before[-1].lower() not in ADVERBS else before[max(0, len(before) - 2)]


def _verb_group(text: str, found: list[tuple[str, int, int]], index: int, subject: str) -> Clause | None:
    if index >= len(found):
        return None
    words_after = found[index:]
    first = words_after[0][0].lower()
    if first in ADVERBS and first not in {"only"}:
        return _verb_group(text, found, index + 1, subject)
    if first == "need" and len(words_after) > 1 and words_after[1][0] in {"not"}:
        return None
    if first in {"has", "have", "need", "needs"}:
        return _lexical_or_perfect(text, found, index, subject)
    if first in {"had", "could", "might", "would"}:
        return None
    if first not in AUXILIARIES:
        base = lemma(first)
        if not known_verb(base) or first not in {base, inflect(base, "VBZ")}:
            return None
        return Clause(subject, "", False, first, base, _rest(text, words_after[0][2]))
    return _auxiliary(text, found, index, subject)


def _lexical_or_perfect(text: str, found: list[tuple[str, int, int]], index: int, subject: str) -> Clause | None:
    word, _, end = found[index]
    following = found[index + 1][0].lower() if index + 1 < len(found) else ""
    if following in {"been", "not"} | ADVERBS - {"both", "first"} or (
        participle(following) and word.lower() in {"has", "have"} and following not in {"set", "read"}
    ):
        return None
    base = lemma(word.lower()) if word.lower() != "has" else "have"
    if following == "to" and index + 2 < len(found):
        return _duty(text, found, index + 2, subject)
    return Clause(subject, "", False, word.lower(), base, _rest(text, end))


def _duty(text: str, found: list[tuple[str, int, int]], index: int, subject: str) -> Clause | None:
    """ "has to", "need to": the same as "must"."""
    verb, _, end = found[index]
    if verb == "be" and index + 1 < len(found) and participle(found[index + 1][0]):
        return Clause(subject, "must", False, f"be {found[index + 1][0]}", "be", _rest(text, found[index + 1][2]))
    return Clause(subject, "must", False, verb, verb, _rest(text, end)) if known_verb(verb) else None


def _auxiliary(text: str, found: list[tuple[str, int, int]], index: int, subject: str) -> Clause | None:
    aux, _, end = found[index]
    aux = aux.lower()
    negative = aux == "cannot"
    index += 1
    while index < len(found) and (found[index][0].lower() in ADVERBS):
        word = found[index][0].lower()
        if word == "only" or (negative and word not in {"also", "not"}):
            return None
        negative, end = negative or word in {"not", "never"}, found[index][2]
        index += 1
    if index >= len(found):
        return None
    aux = "can" if aux == "cannot" else aux
    verb, _, verb_end = found[index]
    if aux in {"do", "does"}:
        return (
            Clause(subject, "", True, inflect(verb, "VBZ") if aux == "does" else verb, verb, _rest(text, verb_end))
            if negative and known_verb(verb)
            else None
        )
    if aux in BE and not participle(verb):
        return Clause(subject, aux, negative, "", "be", _rest(text, end))
    if aux in MODALS and not (known_verb(verb) or verb == "be"):
        return None
    if verb == "be" and aux in MODALS and index + 1 < len(found) and participle(found[index + 1][0]):
        return Clause(subject, aux, negative, f"be {found[index + 1][0]}", "be", _rest(text, found[index + 1][2]))
    return Clause(subject, aux, negative, verb, verb, _rest(text, verb_end))


def _rest(text: str, position: int) -> str:
    return flip(text[position:].strip())
