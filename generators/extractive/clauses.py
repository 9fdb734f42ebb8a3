"""One main clause taken apart: subject, auxiliary, verb, rest; enough to turn a statement into a question."""

import re
from dataclasses import dataclass, replace

from generators.extractive.english import BE, inflect
from generators.extractive.words import words

_CONNECTIVE = re.compile(
    r"^(?:However|Also|Please note(?: that)?|Note(?: that)?|In addition|Additionally|Furthermore|Moreover|As a reminder|"
    r"Remember(?: that)?|Keep in mind(?: that)?|Please|By contrast|In general|Generally|Again|Finally|Then|And|But|So|In short|"
    r"As such|As a result),?:?\s+(?=\S)"
)
_POINTS_BACK = re.compile(r"(?:Once|After|When|If|For|In|At|From|By|With) (?:this|that|these|those|it|they|there)\b")


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

    def voiced(self, company: str) -> "Clause":
        """The clause with the company's name for "we", so that it can stand beside the asker's "I"."""
        body = re.sub(r"\bus\b", company, self.body)
        if self.subject != "we":
            return replace(self, body=body)
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


def anaphoric(sentence: str) -> bool:
    """Whether `sentence` starts by pointing back to something outside it."""
    first = re.match(r"[\"“(]*([\w’']+)", sentence)
    lead = first.group(1).lower() if first else ""
    return lead in words("anaphora") or _POINTS_BACK.match(sentence) is not None
