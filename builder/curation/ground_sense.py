"""Whether a sentence means what the sentence of the source means: nothing denied that it affirms, no opposite, the same who does what.

Negation is compared word by word, as in `generators.alpaca.sense`: what is denied, not only that something is. Order is the longest common
subsequence of the shared words (Lin 2004), which is what an exchange of roles breaks.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.curation.ground_source import WORD, Sentence, answer_sentences, stems
from builder.findings.scope import opposite, sides
from builder.findings.topics import stem
from builder.rouge import lcs_length
from generators.alpaca.sense import LEAD, denies_alike, doubts, is_negative, negated, shared

OWN = 0.7  # share of a sentence that the source must have for a sign to be sure
ALIGNED = 0.6  # share of a sentence that one sentence of the source must have to be compared with it
_SAME = 0.8  # share of an answer's words that repeat the question
_IN_ORDER, _FEWEST = 0.9, 3  # share of the shared words that must stand in the same order, and how many they must be
_TURNS = re.compile(
    r"\b(?:skip|avoid|forget|omit|ignore|leave out|do without|wait|stop|optional|bad idea|wrong)\b", re.IGNORECASE
)  # a question that denies
_GOES_ON = re.compile(r"[*_’'”\")]*\s(?!and\b|but\b|or\b)\w")  # the same clause, after a word
_BEFORE = 4  # words before the first shared one in which a "not" may stand
_BOUNDS = (("least", "most"), ("minimum", "maximum"), ("before", "after"), ("more", "less"), ("allow", "prohibit"), ("always", "never"),
           ("enable", "disable"), ("include", "exclude"), ("required", "optional"), ("mandatory", "optional"), ("highest", "lowest"),
           ("first", "last"), ("left", "right"), ("hot", "cold"), ("above", "below"))  # fmt: skip
_BOUND_STEMS = tuple((stem(one), stem(other)) for one, other in _BOUNDS)


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that does not agree, in words; `sure` if a person need not look."""

    flag: str
    detail: str
    sure: bool = False


def sense_signs(sentence: Sentence, aligned: Sequence[Sentence], *, is_own: bool) -> Iterator[Sign]:
    """Yield where a sentence denies, opposes or reorders what the first of those that it is made of says; sure only if it `is_own`."""
    nearest = aligned[0]
    share = len(sentence.bag & nearest.bag) / len(sentence.bag)
    if share < ALIGNED or (not sentence.is_negative and sentence.flat.count(" ") < _FEWEST - 1):  # a name, or a heading
        return
    if sentence.is_negative or (nearest.is_negative and not nearest.is_row):  # a "no" in a row is about its own column
        yield from _negation(sentence, aligned, is_own=is_own and share >= OWN)
    if share >= OWN and (opposed := _opposed(sentence, nearest)):
        yield Sign("opposite", opposed)
    if not nearest.is_row and _out_of_order(sentence, nearest):
        yield Sign("word_order", f"{short(sentence.text)} against {short(nearest.text)}")


def _negation(sentence: Sentence, aligned: Sequence[Sentence], *, is_own: bool) -> Iterator[Sign]:
    """A "not" more or less, or at another word. Only that is sure which does not come of other words for the denied one."""
    stretches = [_stretch(other, sentence) for other in aligned]
    quote = f"{short(sentence.text)} against {short(aligned[0].text)}"
    counted = doubts(sentence.text) == doubts(stretches[0]) and is_negative(sentence.text) == is_negative(stretches[0])
    if not any(denies_alike(sentence.text, stretch) for stretch in stretches):
        yield Sign("negation", quote, sure=is_own and not counted)
    elif is_own and len(aligned) == 1 and not counted:
        yield Sign("negation", quote, sure=not (doubts(sentence.text) and doubts(stretches[0])))


def _stretch(nearest: Sentence, sentence: Sentence) -> str:
    """The part of a source's sentence that another one retells: from just before its first shared word to its last one."""
    left = Counter(sentence.stems)
    places: list[re.Match[str]] = []
    words = list(WORD.finditer(nearest.text))
    first = 0
    for number, word in enumerate(words):
        root = stem(word.group().casefold())
        if left[root] > 0:
            left[root] -= 1
            first = first if places else number
            places.append(word)
    if not places or _GOES_ON.match(nearest.text, places[-1].end()):
        return nearest.text[words[max(0, first - _BEFORE)].start() :] if words else nearest.text
    return nearest.text[words[max(0, first - _BEFORE)].start() : places[-1].end()]


def _opposed(sentence: Sentence, nearest: Sentence) -> str:
    """What a sentence says where the other says the opposite."""
    mine, theirs = sentence.bag - nearest.bag, nearest.bag - sentence.bag
    for one, other in _BOUND_STEMS:
        if (one in mine and other in theirs) or (other in mine and one in theirs):
            return f"{one!r} and {other!r} in {short(sentence.text)}"
    is_other = mine and theirs and opposite(sides(sentence.text), sides(nearest.text), is_rule=True)
    return f"{short(sentence.text)} against {short(nearest.text)}" if is_other else ""


def _out_of_order(sentence: Sentence, nearest: Sentence) -> bool:
    shared = sentence.bag & nearest.bag
    mine = [word for word in sentence.stems if word in shared and not word.isdigit() and sentence.stems.count(word) == 1]
    theirs = [word for word in nearest.stems if word in shared and not word.isdigit()]
    return mine != theirs and len(mine) >= _FEWEST and lcs_length(mine, theirs) < _IN_ORDER * len(mine)


def yes_no(output: str, question: str) -> Iterator[Sign]:
    """Yield a plain yes before what denies, or a no before what affirms, to a question that denies nothing."""
    lead = LEAD.match(output.strip())
    first = next(iter(answer_sentences(output)), None) if lead else None
    if lead is None or first is None or is_negative(question) or _TURNS.search(question):
        return
    if lead[1].lower() == "yes":
        clashes = bool(shared(negated(first.text), question))
    else:
        clashes = not first.is_negative and len(first.bag & frozenset(stems(question))) >= _SAME * len(first.bag)
    if clashes:
        yield Sign("yes_no", f"{lead[1]}, and then {short(first.text)}")


def short(text: str) -> str:
    """Return a sentence as one quoted line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 80 else f"{line[:77]}...")
