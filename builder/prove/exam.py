"""What every selection is asked, and what none of them may be trained on: the rules of the split, for pairs that it never saw.

The held-out sets of a run are made of curated pairs: `paraphrase` asks about facts that the curated pairs teach and a rival, by its
draw, mostly does not. So a set of its own comes first: `all_facts`, drawn evenly from all facts that pairs could be chosen for, one
wording of each, which no selection is trained on. It asks what a user might ask, whoever was taught it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from builder.connect import NEAR_QUOTE, documents, question, questions, quotes
from builder.hold_out import HELD_OUT
from builder.rouge import near_pairs, normalised, words
from builder.split import shared
from builder.wordings import seeded
from schemas.records import Pair

ALL_FACTS = "all_facts"
NEAR = 0.7  # the ROUGE-L F of questions that the split keeps together
Text = tuple[str, ...]


@dataclass(frozen=True)
class Exam:
    """The questions by set, and what nobody may learn.

    Args:
        sets: held-out pairs; a pair may be in several sets.
        closed: test and validation: their passages, facts, questions and evidence are in no selection.
        asked: other wordings of facts that may be taught: only these questions are in no selection.
        forms: question forms that no selection holds.
    """

    sets: Mapping[str, Sequence[Pair]]
    closed: Sequence[Pair]
    asked: Sequence[Pair]
    forms: frozenset[str]

    @cached_property
    def questions(self) -> list[Pair]:
        """Every question once."""
        return list({pair.id: pair for pairs in self.sets.values() for pair in pairs}.values())

    def leaks(self, pairs: Sequence[Pair]) -> list[str]:
        """Return in what way each pair would leak; an empty text: in none."""
        ways = _closed(pairs, self.closed)
        asked = {question(pair) for pair in self.asked}
        ways["asked"] = [not asked.isdisjoint(questions(pair)) for pair in pairs]
        ways["forms"] = [pair.form in self.forms for pair in pairs]
        return [next((way for way, found in ways.items() if found[place]), "") for place in range(len(pairs))]

    def asked_alike(self, pairs: Sequence[Pair]) -> list[bool]:
        """Return which pairs that rest on no passage ask nearly what a held-out pair asks: who knows which fact they are about?"""
        strange = [(place, _whole(pair)) for place, pair in enumerate(pairs) if not pair.provenance.chunk_id]
        near = _met(strange, map(_whole, (*self.closed, *self.asked)), NEAR)
        return [place in near for place in range(len(pairs))]


def _closed(pairs: Sequence[Pair], closed: Sequence[Pair]) -> dict[str, list[bool]]:
    """Return for each way whether each pair shares something with test and validation."""
    ways = shared(pairs, closed)
    held = {document for pair in closed if HELD_OUT in pair.flags for document in documents(pair)}
    ways["documents"] = [not held.isdisjoint(documents(pair)) for pair in pairs]
    near = _near_questions(pairs, closed) | _met(
        ((place, quote) for place, pair in enumerate(pairs) for quote in quotes(pair)),
        (quote for pair in closed for quote in quotes(pair)),
        NEAR_QUOTE,
    )
    ways["near"] = [place in near for place in range(len(pairs))]
    return ways


def _near_questions(pairs: Sequence[Pair], closed: Sequence[Pair]) -> set[int]:
    """Return the places of questions near a held one with the same response, about the same input."""
    held: dict[tuple[str, str], list[Text]] = {}
    for pair in closed:
        held.setdefault(_answer(pair), []).append(_whole(pair))
    rivals: dict[tuple[str, str], list[tuple[int, Text]]] = {}
    for place, pair in enumerate(pairs):
        if (key := _answer(pair)) in held:
            rivals.setdefault(key, []).append((place, _whole(pair)))
    return {place for key, texts in rivals.items() for place in _met(texts, held[key], NEAR)}


def _answer(pair: Pair) -> tuple[str, str]:
    return normalised(pair.output), normalised(pair.input)


def _whole(pair: Pair) -> Text:
    return tuple(words(" ".join([*(turn.content for turn in pair.history), pair.instruction])))


def _met(texts: Iterable[tuple[int, Text]], held: Iterable[Text], threshold: float) -> set[int]:
    """Return the places of texts that are a held one, or near it by ROUGE-L."""
    holders: dict[Text, set[int]] = {}
    known = set(held)
    for place, text in texts:
        holders.setdefault(text, set()).add(place)
    listed = [*known, *(text for text in holders if text not in known)]
    found = {place for text in known for place in holders.get(text, ())}
    for one, other in near_pairs(listed, threshold).tolist() if len(listed) > 1 else ():
        if (listed[one] in known) != (listed[other] in known):
            found |= holders[listed[other] if listed[one] in known else listed[one]]
    return found


def exam_of(sets: Mapping[str, Sequence[Pair]], pairs: Sequence[Pair], supply: Sequence[Pair], *, count: int, seed: int) -> Exam:
    """Return the run's held-out sets with `all_facts` before them.

    Args:
        sets: those of the run.
        pairs: the divided ones.
        supply: the pairs that these were chosen from.
        count: questions to draw, one a fact; fewer if the facts do not yield as many.
        seed: of the draw.
    """
    closed = [pair for pair in pairs if pair.split in ("test", "validation")]
    withheld = [pair for pair in pairs if pair.split == "paraphrase"]
    own = Exam(sets, closed, withheld, frozenset(pair.form for pair in sets.get("paraphrase_unseen", ())))
    drawn = _drawn(supply, own, [pair for pair in pairs if pair.split == "train"], count=count, seed=seed)
    every = {ALL_FACTS: drawn, **sets} if drawn else dict(sets)
    return Exam({name: rows for name, rows in every.items() if rows}, closed, [*withheld, *drawn], own.forms)


def _drawn(supply: Sequence[Pair], own: Exam, train: Sequence[Pair], *, count: int, seed: int) -> list[Pair]:
    """Draw facts evenly, those that `train` teaches in their share, and of each a wording that `train` does not ask."""
    free = [pair for pair, way in zip(supply, Exam({}, own.closed, (), frozenset()).leaks(supply), strict=True) if not way]
    taught, asked = {pair.group for pair in train}, {what for pair in (*train, *own.closed) for what in questions(pair)}
    answered = {pair.id for pairs in own.sets.values() for pair in pairs}
    cut = {pair.id for pair in own.asked} - answered  # withheld, but over the limit of questions per set
    fresh: dict[bool, dict[str, Pair]] = {True: {}, False: {}}
    for pair in sorted(free, key=lambda pair: seeded(seed, pair.id)):
        if question(pair) not in asked and pair.id not in cut:
            fresh[pair.group in taught].setdefault(pair.group, pair)
    facts = {pair.group for pair in free}
    share = len(facts & taught) / len(facts) if facts else 0.0
    parts = {True: share, False: 1 - share}
    count = min([count, *(int(len(fresh[kind]) / part) for kind, part in parts.items() if part)])
    known = round(count * share)
    return [pair for kind, most in ((True, known), (False, count - known)) for pair in list(fresh[kind].values())[:most]]
