"""A sentence as words, for the parser that looks for its clause."""

import re
from dataclasses import dataclass

from generators.extractive.english import AUXILIARIES, flip_object, tokens
from generators.extractive.words import words

RELATIVE = words("relative")
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_CONTRACTED = re.compile(r"\b(do|does|is|are|has|have|should|must|ca|wo|could|would|was|were|did)n[’']t\b", re.IGNORECASE)
_SHORTENED = {"ll": "will", "re": "are", "ve": "have"}
_PRONOUN_AND_VERB = re.compile(r"\b(you|we|they|it|there|that)[’'](ll|re|ve)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A sentence without brackets as words; `lower` for comparing, `starts`/`ends` for cutting the text."""

    text: str
    words: tuple[str, ...]
    lower: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, sentence: str) -> "Line":
        """The words of `sentence`, its contractions spelled out."""
        whole = _PRONOUN_AND_VERB.sub(lambda match: f"{match.group(1)} {_SHORTENED[match.group(2).lower()]}", _BRACKETS.sub("", sentence))
        text = _CONTRACTED.sub(_expanded, whole).rstrip(" .!:;")
        found = tokens(text)
        return cls(
            text,
            tuple(word for word, _, _ in found),
            tuple(word.lower() for word, _, _ in found),
            tuple(start for _, start, _ in found),
            tuple(end for _, _, end in found),
        )

    def word(self, index: int) -> str:
        """The lower-cased word at `index`, empty past the end."""
        return self.lower[index] if index < len(self.lower) else ""

    def after(self, index: int) -> str:
        """The text behind word `index`, in the asker's person."""
        return flip_object(self.words[index], self.text[self.ends[index] :].strip())

    def auxiliary_follows(self, index: int, limit: int) -> bool:
        """Whether an auxiliary comes within `limit` words, before the clause ends."""
        for word in self.lower[index : index + limit]:
            if word in RELATIVE or word in ",;:":
                return False
            if word in AUXILIARIES:
                return True
        return False


def _expanded(match: re.Match[str]) -> str:
    verb = {"ca": "can", "wo": "will"}.get(match.group(1), match.group(1))
    return f"{verb} not"
