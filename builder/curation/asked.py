"""What two pairs have in common, as the rules of deduplication see it: one question, siblings, or two answers that disagree."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from sys import intern

from builder.locate import NEGATION
from builder.rouge import WORD, f_measure, normalised, words
from schemas.records import Pair

RARE = 0.02  # a word in no more than this share of the facts is a term of its own
COMMON = 0.2  # a word in more than this share belongs to the frame of the questions, as "what" and "do" always do
TELLING_WORDS = 5  # a response of fewer words ("Yes.", "30 days") can be right for many facts
SAME_WORD = 0.6  # character F above which two words are forms of one: budget, budgets
_TOO_SHORT = SAME_WORD - 1e-9  # of all letters of two words: fewer in common leave F below it, however it is rounded
ALIKE = 0.8  # Dice of the words above which two responses that do not disagree say the same
TELLING = 256  # words of a response that are enough to know it by
LONG = 12  # words of a response from which on one word more or less changes little

_FRAME = frozenset(
    words(
        "a about an and any are as at be by can could describe did do does explain for from has have how i if in is it list may me must my "
        "name need of on one or our please say should tell that the there they this to us was we were what which will with would you your"
    )
)
_SENTENCE_END = frozenset(".?!:")
_BEFORE = frozenset(" \"'“‘«([*_")  # what can stand between the end of a sentence and the first word of the next
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ANSWER = re.compile(r"(yes|no|ja|nein|oui|non|sí|si)\b")
_ASKS = {  # what a question wants to know; "what", "which" and a plain "how" leave it open
    "who": r"who|whom|whose|wer|wen|wem|wessen|qui|quién",
    "when": r"when|wann|quand|cuándo",
    "where": r"where|wo|wohin|woher|où|dónde",
    "why": r"why|how come|warum|wieso|weshalb|pourquoi|por qué",
    "how many": r"how (?:many|much)|wie ?viele?|combien|cuánt[oa]s?",
    "how long": r"how (?:long|soon|fast|quickly)|wie (?:lange|bald|schnell)",
    "how often": r"how (?:often|frequently)|wie oft",
}
_ASKING = re.compile("|".join(rf"(\b(?:{words})\b)" for words in _ASKS.values()))


@dataclass(frozen=True, eq=False)
class Question:
    """A pair as the rules see it."""

    pair: Pair

    @cached_property
    def key(self) -> tuple[str, str]:
        """What it asks, exactly but for case, spacing and the mark at the end."""
        return normalised(self.pair.instruction), self.subject

    @cached_property
    def subject(self) -> str:
        """What the question is about, beside its words: its input, after the turns before it."""
        return "\n".join(map(normalised, (*(turn.content for turn in self.pair.history), self.pair.input)))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the instruction."""
        return tuple(map(intern, words(self.pair.instruction)))

    @cached_property
    def features(self) -> frozenset[str]:
        """The bag of words as a set: the second "the" is "the 1"; one object for each, so that sets compare fast."""
        seen: Counter[str] = Counter()
        found = []
        for word in self.words:
            found.append(intern(f"{word} {seen[word]}") if seen[word] else word)
            seen[word] += 1
        return frozenset(found)

    @cached_property
    def repeated(self) -> frozenset[str]:
        """The features that are not words, of words that stood before."""
        return self.features - set(self.words)

    @property
    def bag(self) -> list[str]:
        """The words of the instruction and the first ones of the response."""
        return [*self.words, *words(self.pair.output)[:TELLING]]

    @cached_property
    def response(self) -> str:
        """The output, but for case, spacing and the mark at the end."""
        return normalised(self.pair.output)

    @cached_property
    def kind(self) -> tuple[bool, frozenset[int]]:
        """Whether it is answered by yes or no, and what else it wants to know: "Who sends it?" and "When …?" are two questions."""
        asks = frozenset(match.lastindex or 0 for match in _ASKING.finditer(self.key[0]))
        return bool(self.says), asks

    @property
    def says(self) -> str:
        """The yes or no that the response begins with, if it does."""
        found = _ANSWER.match(self.response)
        return found.group() if found else ""

    @cached_property
    def marked(self) -> frozenset[str]:
        """Words of the instruction that name a thing."""
        return frozenset(marked(self.pair.instruction))


class Siblings:
    """Tells near-identical questions about different things, by how many facts use each word."""

    def __init__(self, facts: Sequence[Sequence[Question]]) -> None:
        """Count the words of every fact once, whatever its wordings."""
        self._facts = len(facts)
        self._used = Counter(word for wordings in facts for word in {word for wording in wordings for word in wording.words})

    def __call__(self, one: Question, other: Question, *, same: bool, rare: bool = True) -> bool:
        """Return whether two questions ask about different things.

        Args:
            one: a question.
            other: another one.
            same: their responses say the same, so both must hold a word that tells theirs apart.
            rare: rare words tell questions apart, not only numbers and names.
        """
        telling = same and len(one.response.split()) >= TELLING_WORDS
        most = self._facts * (0 if telling or not rare else RARE if same else COMMON)
        left, right = _own_words(one, other)
        mine = any(self._distinguishes(word, one, right, most) for word in left)
        if mine != same:
            return mine
        return any(self._distinguishes(word, other, left, most) for word in right)

    def about_others(self, one: Question, other: Question) -> bool:
        """Whether both questions hold a word of their own that is not of the frame, however common: of two that disagree, siblings."""
        left, right = _own_words(one, other)
        sides = ((left, one, right), (right, other, left))
        return all(any(self._distinguishes(word, side, rest, self._facts) for word in mine) for mine, side, rest in sides)

    def answered_apart(self, one: Question, other: Question) -> bool:
        """Whether two questions have words of their own, however common, that only their own responses hold, and these differ beside them.

        "The parcel desk opens at six" and "The reading room is cleaned at night" speak of two things; "You return it by
        mail" and "You bring it back by mail" of one.
        """
        left, right = _own_words(one, other)
        mine, theirs = _told(one.pair.output), _told(other.pair.output)
        said, told = frozenset(mine), frozenset(theirs)
        sides = (((left & said) - told, one, right), ((right & told) - said, other, left))
        if not all(any(self._distinguishes(word, side, rest, self._facts) for word in words) for words, side, rest in sides):
            return False
        return dice([word for word in mine if word not in left], [word for word in theirs if word not in right]) <= ALIKE

    def _distinguishes(self, word: str, question: Question, opposite: AbstractSet[str], most: float) -> bool:
        """Whether `word` names another thing than the `opposite` words: marked, or in `most` facts or fewer (2 if any)."""
        if word in question.marked:
            return True
        rare = most > 0 and word not in _FRAME and self._used[word] <= max(most, 2)
        return rare and not any(_one_word(word, other) for other in opposite)


def _own_words(one: Question, other: Question) -> tuple[AbstractSet[str], AbstractSet[str]]:
    """Return the words that each of two questions has more often than the other."""
    left, right = one.features - other.features, other.features - one.features
    return _words_of(left, one.repeated), _words_of(right, other.repeated)


def _words_of(features: frozenset[str], repeated: frozenset[str]) -> AbstractSet[str]:
    """Return features as words; most are words."""
    again = features & repeated
    return (features - again) | {feature.partition(" ")[0] for feature in again} if again else features


def overlap(one: Question, other: Question) -> float:
    """Return Dice of the words of two questions."""
    return f_measure(len(one.features & other.features), len(one.words), len(other.words))


def disagree(one: Question, other: Question) -> bool:
    """Whether two responses contradict each other: other numbers, other names in the same words, yes and no, or a denial."""
    if one.response == other.response:
        return False
    left, right = (frozenset(_NUMBER.findall(side.response)) for side in (one, other))
    if (left - right and right - left) or (one.says and other.says and one.says != other.says):
        return True
    texts = one.pair.output, other.pair.output
    mine, theirs = (Counter(_told(text)) for text in texts)
    named = (_all_named(mine - theirs, texts[0]), _all_named(theirs - mine, texts[1]))
    denied = [len(NEGATION.findall(text)) % 2 for text in texts]
    return all(named) or (denied[0] != denied[1] and dice(list(mine.elements()), list(theirs.elements())) > ALIKE)


def alike(one: Question, other: Question) -> bool:
    """Whether two responses say the same: one holds the other, or long ones say it in a few other words."""
    short, long = sorted((one.response, other.response), key=len)
    if short == long or (len(short.split()) >= TELLING_WORDS and f" {short} " in f" {long} ".replace(". ", " ")):
        return True
    mine, theirs = _told(one.pair.output), _told(other.pair.output)
    return min(len(mine), len(theirs)) >= LONG and dice(mine, theirs) > ALIKE and not disagree(one, other)


@lru_cache(maxsize=1 << 10)
def _told(text: str) -> tuple[str, ...]:
    """Return the words of a response, which is compared with one near copy after the other."""
    return tuple(words(text))


@lru_cache(maxsize=1 << 17)
def _one_word(one: str, other: str) -> bool:
    """Whether two words are forms of one, with the same first letter as forms have; F is at most 2 min / (m + n)."""
    shortest, both = min(len(one), len(other)), len(one) + len(other)
    if one[:1] != other[:1] or 2 * shortest <= _TOO_SHORT * both:
        return False
    from rapidfuzz.distance import LCSseq

    return f_measure(LCSseq.similarity(one, other), len(one), len(other)) > SAME_WORD


def dice(left: Sequence[str], right: Sequence[str]) -> float:
    """Return what two bags of words share: twice the common words by all words."""
    common = (Counter(left) & Counter(right)).total()
    return f_measure(common, len(left), len(right))


def _all_named(unmatched: Counter[str], text: str) -> bool:
    return bool(unmatched) and unmatched.keys() <= _marked(text)


@lru_cache(maxsize=1 << 10)
def _marked(text: str) -> frozenset[str]:
    return frozenset(marked(text))


def marked(text: str) -> Iterator[str]:
    """Yield the words that name a thing: with a digit, all capitals, or capitalised inside a sentence."""
    text = unicodedata.normalize("NFKC", text)
    for match in WORD.finditer(text):
        word = match.group()
        named = len(word) > 1 and (word.isupper() or (word[0].isupper() and _inside(text, match.start())))
        if named or any(map(str.isdigit, word)):
            yield word.casefold()


def _inside(text: str, place: int) -> bool:
    """Whether what begins at a place, or the marks before it, is not the beginning of a sentence."""
    while place and text[place - 1] in _BEFORE:
        place -= 1
    return place > 0 and text[place - 1] not in _SENTENCE_END
