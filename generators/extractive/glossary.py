"""The owner's synonyms: words that people ask with where the documents use another ("time off" for "leave")."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generators.extractive.english import DETERMINERS, PREPOSITIONS, known_verb

_MEASURES = frozenset({"much", "many", "more", "about", "any", "unused", "extra", "additional"})
_PEOPLE = frozenset({"i", "you", "we", "they", "he", "she", "it", "who", "to", "not", "a", "an"})


@dataclass(frozen=True)
class Glossary:
    """Groups of terms that mean the same; empty without any."""

    groups: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, terms: Mapping[str, Sequence[str]]) -> "Glossary":
        """Take each key and its synonyms as one group."""
        return cls(tuple(tuple(dict.fromkeys((term, *others))) for term, others in sorted(terms.items())))

    def reworded(self, question: str, turn: int) -> str:
        """The question with one of its terms as people may also say it, the question itself if it holds none.

        Args:
            question: as the forms word it.
            turn: which of the synonyms to take, counted round.
        """
        for group in self.groups:
            for term in sorted(group, key=len, reverse=True):
                others = [other for other in group if other != term]
                place = _place(term, question)
                if place is not None and others:
                    return question[: place[0]] + others[turn % len(others)] + question[place[1] :]
        return question


def _place(term: str, question: str) -> tuple[int, int] | None:
    """Where the term stands by itself: no part of a name, of a compound before it, and no verb."""
    for match in re.finditer(rf"(?<![\w'’-]){re.escape(term)}(?![\w'’-])", question):
        before = re.findall(r"[\w'’-]+|[^\w\s]", question[: match.start()])
        previous = before[-1] if before else ""
        if _ends_compound(previous, term) or _continues_name(question[match.end() :], term):
            continue
        return match.span()
    return None


def _ends_compound(previous: str, term: str) -> bool:
    """Whether the word before makes another thing of the term ("parental leave") or a verb of it ("I leave")."""
    lower = previous.lower()
    if not previous or not previous[0].isalnum():
        return known_verb(term)  # "Leave the key" gives an order
    if lower in _PEOPLE:
        return True
    return not (lower in DETERMINERS | PREPOSITIONS | _MEASURES or known_verb(lower) or previous.isdigit())


def _continues_name(after: str, term: str) -> bool:
    """Whether the next word makes a name of the term: "leave Without Pay"; a verb with an object: "leave the room"."""
    following = re.match(r"\s+([\w'’-]+)", after)
    if following is None:
        return False
    return following[1][0].isupper() or (known_verb(term) and following[1].lower() in DETERMINERS)
