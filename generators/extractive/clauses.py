"""One main clause taken apart: subject, auxiliary, verb, rest; enough to turn a statement into a question."""

import re
from dataclasses import dataclass, replace
from itertools import takewhile

from generators.extractive.english import BE, PREPOSITIONS, first_person, inflect, plural
from generators.extractive.words import words

_CONNECTIVE = re.compile(
    r"^(?:However|Also|Please note(?: that)?|Note(?: that)?|In addition|Additionally|Furthermore|Moreover|As a reminder|"
    r"Remember(?: that)?|Keep in mind(?: that)?|Please|By contrast|In general|Generally|Again|Finally|Then|And|But|So|In short|"
    r"As such|As a result),?:?\s+(?=\S)"
)
_ALSO = re.compile(
    r"^((?:[\w’'-]+ ){0,6}?(?:can|may|must|should|will|need|needs|have|has|is|are|cannot|do not|does not|[a-z]+[’']ll)) also (?=[a-z])"
)
_LOOKS_AHEAD = re.compile(
    r"There (?:is|are) |One of |One on one|Instead of |It (?:is|makes|takes|helps|looks) (?:\w+ ){1,4}(?:when|that|to) |Both \w+ and |"
    r"Each (?!one|of (?:these|them))\w"
)
_POINTS_BACK = re.compile(
    r"(?:Once|After|When|If|For|In|At|From|By|With) (?:this|that|these|those|it|they|there)\b|\w+ (?:can|may|must|should|will) then\b"
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

    def does(self) -> str:
        """The helper verb that agrees with the subject: do or does."""
        if self.subject in {"I", "we"}:
            return "do"
        words_of = self.subject.split()
        opens = PREPOSITIONS | {"who", "that", "which"}
        head = words_of[:1] + list(takewhile(lambda word: word.lower() not in opens and not word.endswith("ing"), words_of[1:]))
        many = bool(head) and (plural(head[-1]) or " and " in self.subject) and head[0].lower() not in {"each", "every"}
        return "do" if many else "does"

    def voiced(self, company: str) -> "Clause":
        """The clause with the company's name for "we" where it gives or demands something, or stands beside the asker's "I"."""
        body = re.sub(r"\bus\b", company, self.body)
        if self.subject != "we":
            return replace(self, body=body)
        if self.base not in words("giving") and not first_person(self.body):
            return self
        aux = {"are": "is", "were": "was", "have": "has"}.get(self.aux, self.aux)
        verb = self.verb if self.aux else inflect(self.base, "VBZ")
        return replace(self, subject=company, aux=aux, verb=verb, body=re.sub(r"\bwe\b", company, body))

    def _singular(self) -> bool:
        return self.subject != "I" and self.verb.lower() != self.base


def _join(*parts: str) -> str:
    return re.sub(r"\s+([,.;:])", r"\1", " ".join(" ".join(parts).split())).replace(" can not ", " cannot ")


def strip_connective(sentence: str) -> str:
    """Drop a leading connective and capitalise what follows."""
    rest = _CONNECTIVE.sub("", sentence)
    return rest[:1].upper() + rest[1:]


def without_also(sentence: str) -> str:
    """Drop the "also" that ties a rule to the one before it: "You can also donate leave." -> "You can donate leave."."""
    return _ALSO.sub(r"\1 ", sentence, count=1)


def anaphoric(sentence: str) -> bool:
    """Whether `sentence` starts by pointing back to something outside it."""
    if _LOOKS_AHEAD.match(sentence):
        return False
    first = re.match(r"[\"“(]*([\w’']+)", sentence)
    lead = first.group(1).lower() if first else ""
    return lead in words("anaphora") or _POINTS_BACK.match(sentence) is not None
