"""What in an answer does not agree with its source, sentence by sentence, each with how sure it is.

Numbers and names that no source has, and a "not" too many or too few, are dependable where the rest of the sentence is the source's own:
measured, they find 95 % and more of the errors at under 3 % false alarms. In a sentence that says things in words of its own they are
signs for the judge, as are the rest: words that the source lacks, another order of words, names and numbers from elsewhere in the section.
No sign here is about style; a good summary has few and is never refused for one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from builder.curation.ground_known import counts, is_few
from builder.curation.ground_numbers import Figure, figures
from builder.curation.ground_sense import ALIGNED, OWN, Sign, sense_signs, short, yes_no
from builder.curation.ground_source import WORD, Passage, Sentence, Source, answer_sentences, is_data, stems
from builder.findings.topics import FRAME, stem
from generators.alpaca.sense import TIES, names, parts
from generators.extractive.english import possible_verb

SIGNS = {  # flag -> what to tell a person
    "ungrounded_number": "a number that is not in the source",
    "wrong_unit": "a number that the source gives in another unit",
    "foreign_name": "a name that is not in the source",
    "negation": "it denies what the source says, or the other way round",
    "opposite": "it says the opposite of a word of the source",
    "yes_no": "its yes or no does not fit what follows",
    "derived_number": "a number that the source does not say, but that may follow from it",
    "far_number": "a number from elsewhere in the section",
    "far_name": "a name from elsewhere in the section",
    "word_order": "words of the source in another order",
    "thin_support": "a sentence in words that the source does not have",
}
_FEWEST = 3  # words of a sentence that is not only a lead to what follows
_NEIGHBOURS = 0.6  # share of the neighbouring words of a sentence that must be neighbours in the source for a sign to be sure
_NO_NAMES = TIES | FRAME
_CONTRACTED = re.compile(r"\b\w+n['’]t\b")  # Don't, in a quote
_LEAD_NAME = re.compile(r"\A\W*(?P<word>[A-Z][\w-]*)(?P<more>(?:['’]s)?\s(?:[A-Z]|\d))?")
_RUN = re.compile(r"[A-Z][\w-]*(?:\s+(?:(?:of|and|the|for|&)\s+)?[A-Z][\w-]*)+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """All signs of an answer, and how much of it the source has, from 0 to 1.

    `support` is the share of the words and values of the worst sentence that the source has; `verbatim` the share of the pairs of
    neighbouring words of the whole answer.
    """

    signs: tuple[Sign, ...]
    support: float
    verbatim: float


@dataclass(frozen=True)
class _Said:
    """A sentence of the answer with what in it the source lacks."""

    sentence: Sentence
    figures: list[Figure]
    strange_figures: list[Figure]
    names: frozenset[str]
    strange_names: list[str]
    strange_words: frozenset[str]

    @property
    def support(self) -> float:
        """Share of its words and values that the source has."""
        lacks = len(self.strange_words) + len(self.strange_figures)
        has = len(self.sentence.bag) + len(self.figures)
        return 1 - lacks / has if has else 1.0

    def is_own(self, source: Source, wrong: str = "") -> bool:
        """Whether the sentence is the source's own but for its strange names and values and one wrong word: its words, and their order."""
        strange = frozenset(map(stem, (wrong, *self.strange_names)))
        words = [word for word in self.sentence.stems if word not in strange and not word.isdigit()]
        if sum(word not in self.strange_words for word in words) < OWN * len(words):
            return False
        twos = [
            two
            for two in pairwise(self.sentence.stems)
            if not any(word.isdigit() or word in self.strange_words or word in strange for word in two)
        ]
        return sum(source.has_two(two) for two in twos) >= _NEIGHBOURS * len(twos)


def compare(output: str, source: Source, *, question: str, thin: float) -> Verdict:
    """Return what of an answer does not agree with its source.

    Args:
        output: the answer.
        source: what it may say.
        question: what is asked, for a yes or no.
        thin: a sentence with less support than this is flagged.
    """
    spoken = [_said(sentence, source) for sentence in answer_sentences(output)]
    signs = [
        sign
        for said in spoken
        if said.sentence.flat not in source.evidence.flat
        for sign in _signs(said, source, is_prose=not is_data(output))
    ]
    long = [said for said in spoken if len(said.sentence.bag) >= _FEWEST] or spoken
    worst = min(long, key=lambda said: said.support, default=None)
    if worst is not None and worst.support < thin:
        signs.append(Sign("thin_support", f"{worst.support:.2f} of {short(worst.sentence.text)} is in the source"))
    signs += yes_no(output, question)
    return Verdict(
        tuple({sign.flag: sign for sign in reversed(signs)}.values())[::-1], worst.support if worst else 1.0, _verbatim(spoken, source)
    )


def _said(sentence: Sentence, source: Source) -> _Said:
    if sentence.flat in source.evidence.flat:
        return _Said(sentence, [], [], frozenset(), [], frozenset())
    found = figures(sentence.text)
    strange = [figure for figure in found if not any(passage.known.has(figure) for passage in source.all)]
    named = _names(sentence, source) if source.section.has_names else frozenset()
    lost = sorted(name for name in named if not _is_known(name, sentence, source))
    words = frozenset(word for word in sentence.bag if not word.isdigit() and not any(word in passage.stems for passage in source.all))
    return _Said(sentence, found, strange, named, lost, words)


def _signs(said: _Said, source: Source, *, is_prose: bool) -> Iterator[Sign]:
    yield from _number_signs(said, source)
    if said.strange_names:
        yield Sign("foreign_name", f"{said.strange_names[0]!r} is not in the source", sure=said.is_own(source))
    aligned = _aligned(said, source)
    if aligned and is_prose:
        yield from sense_signs(said.sentence, aligned, is_own=said.is_own(source))
        yield from _opening(said, aligned[0], source)
    yield from _far_signs(said, aligned, source)


def _number_signs(said: _Said, source: Source) -> Iterator[Sign]:
    for figure in said.strange_figures:
        derived = any(passage.known.derives(figure) for passage in source.near)
        if derived or (is_few(figure) and figure.number in counts(source.section.text)):
            yield Sign("derived_number", f"{figure.written!r} is not in the source, but may follow from it")
        else:
            yield Sign("ungrounded_number", f"{figure.written!r} is not in the source", sure=said.is_own(source))
    for figure in said.figures:
        if figure not in said.strange_figures and (unit := _other_unit(figure, source)):
            yield Sign("wrong_unit", f"{figure.written!r} is in {unit} in the source", sure=said.is_own(source, figure.unit))


def _other_unit(figure: Figure, source: Source) -> str:
    """The unit of the number where it stands nearest, if it stands in another; none if the source has both somewhere."""
    if figure.amount is None or any(figure.amount in passage.known.amounts for passage in source.all):
        return ""
    first = next((passage.known for passage in source.all if figure.number in passage.known.numbers), None)
    return first.other_unit(figure) if first else ""


def _names(sentence: Sentence, source: Source) -> frozenset[str]:
    """The parts of the names of a sentence, with its first word where that can be nothing else."""
    found = frozenset(name for name in names(_CONTRACTED.sub("", sentence.text)) if len(name) > 1 and name not in TIES)
    lead = _LEAD_NAME.match(sentence.text)
    if lead is None or lead["word"].casefold() in _NO_NAMES:
        return found
    word = lead["word"].casefold()
    is_english = {"the", "a"} & source.section.words
    is_name = is_english and (not _is_word(word) or (_is_named(lead) and stem(word) not in source.section.stems))
    return found | parts([word]) if is_name else found


def _is_named(lead: re.Match[str]) -> bool:
    """Whether what follows the first word of a sentence makes it a name: a number, or a capital unless it is told to do something."""
    return lead["more"] is not None and (lead["more"][-1].isdigit() or not possible_verb(lead["word"].casefold()))


def _opening(said: _Said, nearest: Sentence, source: Source) -> Iterator[Sign]:
    """A first word that the source does not have, in place of a name: a dictionary cannot tell that "Brook" is a product."""
    mine, theirs = (WORD.search(sentence.text) for sentence in (said.sentence, nearest))
    if mine is None or theirs is None or stem(mine.group().casefold()) not in said.strange_words:
        return
    word = theirs.group().casefold()
    if word in _NO_NAMES or mine.group().casefold() in _NO_NAMES:
        return
    is_name = theirs.group()[0].isupper() and (word in source.section.names or not _is_word(word))
    if is_name and stem(word) not in said.sentence.bag:
        yield Sign("foreign_name", f"{mine.group()!r} stands where the source has {theirs.group()!r}")


@cache
def _is_word(word: str) -> bool:
    """Whether an English dictionary has the word, or it is joined of such."""
    from lemminflect import getAllLemmas

    return word.endswith("ly") or all(getAllLemmas(part) or len(part) < 3 for part in re.split(r"[-'’]", word))


def _is_known(name: str, sentence: Sentence, source: Source) -> bool:
    """Whether the source has a name, in whatever form, spelled out, or abbreviated."""
    root = stem(name)
    if any(name in passage.words or root in passage.stems for passage in source.all):
        return True
    if any(all(part in passage.words for part in re.findall(r"[^\W_]+", name)) for passage in source.all):
        return True
    if 2 <= len(name) <= 6 and name.isalpha() and any(name in passage.initials for passage in source.all):
        return name.upper() in sentence.text
    runs = (run.group() for run in _RUN.finditer(sentence.text) if name in run.group().casefold())
    initials = {"".join(word[0] for word in run.casefold().split() if word not in ("of", "and", "the", "for", "&")) for run in runs}
    return any(initials & passage.words for passage in source.all)


def _aligned(said: _Said, source: Source) -> Sequence[Sentence]:
    """The sentences of the source that a sentence is made of: the likeliest first, then those that add a word, no name or number."""
    bag, names = said.sentence.bag, frozenset(map(stem, said.names))
    plain = frozenset(word for word in bag - names if not word.isdigit())
    for passage in (source.evidence, source.section):
        best = max(passage.sentences, key=lambda one: (len(plain & one.bag), len(bag & one.bag), -len(one.bag)), default=None)
        wanted = (plain or bag) - said.strange_words
        if best is not None and len(wanted & best.bag) >= ALIGNED * len(wanted) > 0:
            return _covering(plain, best, passage.sentences)
    return ()


def _covering(plain: frozenset[str], best: Sentence, others: Sequence[Sentence]) -> list[Sentence]:
    chosen, left = [best], plain - best.bag
    while left and len(chosen) < 3:
        more = max(others, key=lambda one: len(left & one.bag))
        if not left & more.bag:
            break
        chosen.append(more)
        left -= more.bag
    return chosen


def _far_signs(said: _Said, aligned: Sequence[Sentence], source: Source) -> Iterator[Sign]:
    """Names and numbers that the section has, but not where the rest of the sentence stands."""
    near = frozenset().union(source.asked.stems, *(sentence.bag for sentence in aligned or source.evidence.sentences))
    close: Sequence[Sentence | Passage] = (*(aligned or (source.evidence,)), source.asked)
    spelled = (name for name in sorted(said.names - set(said.strange_names)) if set(stems(name)) <= source.section.stems)
    if name := next((name for name in spelled if not set(stems(name)) <= near), ""):
        yield Sign("far_name", f"{name!r} stands elsewhere in the section")
    for figure in said.figures:
        if figure not in said.strange_figures and not any(place.known.has(figure) for place in close):
            yield Sign("far_number", f"{figure.written!r} stands elsewhere in the section")


def _verbatim(spoken: Sequence[_Said], source: Source) -> float:
    """Share of the pairs of neighbouring words that evidence or section has too."""
    twos = [two for said in spoken for two in pairwise(said.sentence.stems)]
    known = sum(source.has_two(two) for two in twos)
    return known / len(twos) if twos else float(all(said.support == 1 for said in spoken))
