"""A pair as the rules of deduplication see it, and what two of them have in common: words of the question, and what the answers say."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from sys import intern

from builder.locate import NEGATION
from builder.rouge import WORD, f_measure, normalised, words
from schemas.records import Pair

HELD = 5  # words of a response from which on another one that holds it as a sentence says the same
SAME_WORD = 0.6  # character F above which two words are forms of one: budget, budgets
_TOO_SHORT = SAME_WORD - 1e-9  # of all letters of two words: fewer in common leave F below it, however it is rounded
ALIKE = 0.8  # Dice of the words above which two responses that do not disagree say the same
TELLING = 256  # words of a response that are enough to know it by
LONG = 12  # words of a response from which on one word more or less changes little

FRAME = frozenset(  # words with which anything is asked
    words(
        "a about an and any are as at be by can could describe did do does explain for from has have how i if in is it list may me must my "
        "name need of on one or our please say should tell that the there they this to us was we were what which will with would you your"
    )
)
_SENTENCE_END = frozenset(".?!:")
_BEFORE = frozenset(" \"'“‘«([*_")  # what can stand between the end of a sentence and the first word of the next
_IN_WORDS = "two three four five six seven eight nine ten eleven twelve", "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"
_DIGITS = {word: str(number) for numerals in _IN_WORDS for number, word in enumerate(numerals.split(), start=2)}
_NUMBER = re.compile(rf"\d+(?:[.,]\d+)*|\b(?:{'|'.join(_DIGITS)})\b")
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


def overlap(one: Question, other: Question) -> float:
    """Return Dice of the words of two questions."""
    return f_measure(len(one.features & other.features), len(one.words), len(other.words))


def disagree(one: Question, other: Question) -> bool:
    """Whether two responses contradict each other: other numbers, other names in the same words, yes and no, or a denial."""
    if one.response == other.response:
        return False
    left, right = (frozenset(_numbers(side.response)) for side in (one, other))
    if (left - right and right - left) or (one.says and other.says and one.says != other.says):
        return True
    texts = one.pair.output, other.pair.output
    mine, theirs = (Counter(told(text)) for text in texts)
    named = (_all_named(mine - theirs, texts[0]), _all_named(theirs - mine, texts[1]))
    denied = [len(NEGATION.findall(text)) % 2 for text in texts]
    return all(named) or (denied[0] != denied[1] and dice(list(mine.elements()), list(theirs.elements())) > ALIKE)


def _numbers(text: str) -> Iterator[str]:
    """Yield the numbers of a text in one case, as digits where they are words."""
    for found in _NUMBER.finditer(text):
        yield _DIGITS.get(found.group(), found.group())


def alike(one: Question, other: Question) -> bool:
    """Whether two responses say the same: one holds the other, or long ones say it in a few other words."""
    short, long = sorted((one.response, other.response), key=len)
    if short == long or (len(short.split()) >= HELD and f" {short} " in f" {long} ".replace(". ", " ")):
        return True
    mine, theirs = told(one.pair.output), told(other.pair.output)
    fewer, both = min(len(mine), len(theirs)), len(mine) + len(theirs)
    if fewer < LONG or 2 * fewer <= ALIKE * both:  # Dice is at most 2 min / (m + n)
        return False
    return dice(mine, theirs) > ALIKE and not disagree(one, other)


@lru_cache(maxsize=1 << 12)
def told(text: str) -> tuple[str, ...]:
    """Return the words of a response, which is compared with one near copy after the other."""
    return tuple(words(text))


@lru_cache(maxsize=1 << 17)
def one_word(one: str, other: str) -> bool:
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


@lru_cache(maxsize=1 << 14)
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
