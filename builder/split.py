"""Train, validation, test and paraphrase, free of leaks by construction and proved to be.

**test** and **validation** are whole components (see `connect`): no passage, fact, question or evidence of theirs occurs
anywhere else. **paraphrase** holds other wordings of facts that stay in train: it asks whether the model knows the fact
or only the sentence. Part of it uses question forms that train has with other facts, part of it forms that train has
nowhere, which is harder; the two are measured apart.
"""

import hashlib
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from builder.connect import connected, passages, question, questions, quotes
from schemas.errors import KilopairError
from schemas.records import Evidence, Pair, Split

TAUGHT = 2  # wordings of a fact that stay in train, at the least
WELL_TAUGHT = 3  # and better
_OVERSHOOT = 1.2  # a form goes as a whole


def split(  # noqa: PLR0913 one keyword for each share of the recipe
    pairs: Iterable[Pair], *, test: float, validation: float, paraphrase: float, unseen_forms: float, seed: int, near: float = 0.7
) -> Iterator[Pair]:
    """Yield every pair in order with its split.

    Args:
        pairs: the chosen ones.
        test: share of the pairs, reached as nearly as whole components allow.
        validation: likewise.
        paraphrase: largest share of the pairs; less if the facts in train have too few wordings.
        unseen_forms: share of paraphrase whose form is withheld from train altogether.
        seed: decides which; the order of the pairs does not.
        near: ROUGE-L F above which two questions with the same response belong together.
    """
    listed = list(pairs)
    splits = _whole_components(listed, {"test": test, "validation": validation}, seed=seed, near=near)
    withheld = _Wordings(listed, splits, seed).withhold(round(paraphrase * len(listed)), unseen_forms)
    for place, pair in enumerate(listed):
        yield pair.model_copy(update={"split": "paraphrase" if place in withheld else splits[place]})


def paraphrase_kind(pair: Pair, train_forms: AbstractSet[str]) -> Literal["seen", "unseen"]:
    """Return whether the form of a withheld wording occurs in train with other facts."""
    return "seen" if pair.form in train_forms else "unseen"


def held_out(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Return the held-out sets, disjoint: test, paraphrase_seen and paraphrase_unseen."""
    forms = {pair.form for pair in pairs if pair.split == "train"}
    sets: dict[str, list[Pair]] = {"test": [], "paraphrase_seen": [], "paraphrase_unseen": []}
    for pair in pairs:
        if pair.split == "test":
            sets["test"].append(pair)
        elif pair.split == "paraphrase":
            sets[f"paraphrase_{paraphrase_kind(pair, forms)}"].append(pair)
    return sets


def prove(pairs: Sequence[Pair]) -> dict[str, int]:
    """Count every way in which held-out pairs could have leaked; all counts are 0.

    Raises:
        KilopairError: one is not, or a pair has no split.
    """
    names: tuple[Split, ...] = ("train", "validation", "test", "paraphrase")
    parts = {name: [pair for pair in pairs if pair.split == name] for name in names}
    if sum(map(len, parts.values())) != len(pairs):
        raise KilopairError("there are pairs without a split; split them first")
    taught = Counter(pair.group for pair in parts["train"])
    asked = {what for name in ("train", "validation") for pair in parts[name] for what in questions(pair)}
    figures: dict[str, int] = {}
    for name in ("test", "validation"):
        others = [pair for pair in pairs if pair.split != name]
        figures |= {f"{name}_{what}_elsewhere": count for what, count in _shared(parts[name], others).items()}
    figures["paraphrase_questions_in_train"] = sum(question(pair) in asked for pair in parts["paraphrase"])
    answers = {(pair.group, pair.output) for pair in parts["train"]}
    figures["paraphrase_answers_not_taught"] = sum((pair.group, pair.output) not in answers for pair in parts["paraphrase"])
    figures["paraphrase_facts_not_taught"] = sum(taught[pair.group] < TAUGHT for pair in parts["paraphrase"])
    if leaks := {what: count for what, count in figures.items() if count}:
        told = ", ".join(f"{what.replace('_', ' ')}: {count}" for what, count in leaks.items())
        raise KilopairError(f"the split leaks ({told}); make it again with kilopair's split")
    return figures


def _shared(held: Sequence[Pair], others: Sequence[Pair]) -> dict[str, int]:
    """Count the held-out pairs that share something with others."""
    used = {passage for pair in others for passage in passages(pair)}
    facts = {pair.group for pair in others}
    asked = {what for pair in others for what in questions(pair)}
    quoted = {quote for pair in others for quote in quotes(pair)}
    spans = _merged(span for pair in others for span in pair.evidence)
    return {
        "passages": sum(not used.isdisjoint(passages(pair)) for pair in held),
        "facts": sum(pair.group in facts for pair in held),
        "questions": sum(not asked.isdisjoint(questions(pair)) for pair in held),
        "quotes": sum(not quoted.isdisjoint(quotes(pair)) for pair in held),
        "evidence": sum(any(_overlaps(span, spans) for span in pair.evidence) for pair in held),
    }


def _merged(spans: Iterable[Evidence]) -> dict[str, list[tuple[int, int]]]:
    """Return by document what the spans cover, as disjoint spans in order."""
    merged: dict[str, list[tuple[int, int]]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        covered = merged.setdefault(span.document_id, [])
        if covered and span.start < covered[-1][1]:
            covered[-1] = (covered[-1][0], max(covered[-1][1], span.end))
        else:
            covered.append((span.start, span.end))
    return merged


def _overlaps(span: Evidence, merged: dict[str, list[tuple[int, int]]]) -> bool:
    covered = merged.get(span.document_id, [])
    before = bisect_left(covered, (span.end, 0))  # so many begin before this one ends
    return before > 0 and covered[before - 1][1] > span.start


def _whole_components(pairs: Sequence[Pair], shares: dict[Split, float], *, seed: int, near: float) -> list[Split]:
    """Give whole components to test and validation until their shares are full, first where the task mix gains; the rest is train."""
    splits: list[Split] = ["train"] * len(pairs)
    free = sorted(connected(pairs, near=near), key=lambda places: min(_hash(seed, pairs[place].id) for place in places))
    tasks = Counter(pair.task for pair in pairs)
    for name, share in shares.items():
        wanted = {task: share * count for task, count in tasks.items()}
        chosen = _fill([Counter(pairs[place].task for place in places) for places in free], round(share * len(pairs)), wanted)
        if share and not chosen and len(free) > len(shares):
            chosen = {min(range(len(free)), key=lambda index: len(free[index]))}  # too large, but better than none
        for index in chosen:
            for place in free[index]:
                splits[place] = name
        free = [places for index, places in enumerate(free) if index not in chosen]
    return splits


def _fill(components: Sequence[Counter[str]], budget: int, missing: dict[str, float]) -> set[int]:
    """Choose components (their task counts) within the budget: first those that mostly bring tasks still missing, then any."""
    chosen: set[int] = set()
    for picky in (True, False):
        for index, brings in enumerate(components):
            useful = sum(min(count, max(missing[task], 0)) for task, count in brings.items())
            if index not in chosen and brings.total() <= budget and (useful >= brings.total() / 2 or not picky):
                chosen.add(index)
                budget -= brings.total()
                missing |= {task: missing[task] - count for task, count in brings.items()}
    return chosen


def _hash(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}/{text}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class _Wordings:
    """The wordings in train, and which of them are withheld."""

    pairs: Sequence[Pair]
    splits: Sequence[Split]
    seed: int

    def withhold(self, most: int, unseen_share: float) -> set[int]:
        """Choose the paraphrase set: whole forms first, then single wordings of facts that are untouched."""
        taught = [place for place, name in enumerate(self.splits) if name == "train"]
        closed = [place for place in taught if not self.pairs[place].input]  # an input that holds the answer tests reading, not knowing
        self.places = closed if len(closed) * 2 >= len(taught) else taught
        self.taught = Counter(self.pairs[place].group for place in taught)
        # "Do I have to ...?" (Yes.) does not teach "Is it fine if I don't ...?" (No.): a wording with another answer is another question
        self.answers = Counter((self.pairs[place].group, self.pairs[place].output) for place in taught)
        self.forms = Counter(self.pairs[place].form for place in taught)
        self.own = Counter((self.pairs[place].group, self.pairs[place].form) for place in taught)
        learnt = [place for place, name in enumerate(self.splits) if name in ("train", "validation")]
        self.asked = Counter(what for place in learnt for what in questions(self.pairs[place]))
        self.withheld: set[int] = set()
        unseen = round(most * unseen_share)
        for keep, largest in ((WELL_TAUGHT, unseen / 4), (TAUGHT, unseen / 4), (WELL_TAUGHT, unseen), (TAUGHT, unseen)):
            self._unseen_forms(unseen, keep, largest)  # several forms rather than one large one
        touched = {self.pairs[place].group for place in self.withheld}
        for keep in (WELL_TAUGHT, TAUGHT):
            self._single_wordings(most, keep, self.taught.keys() - touched)
        self._single_wordings(most, WELL_TAUGHT, touched)
        return self.withheld

    def _unseen_forms(self, most: int, keep: int, largest: float) -> None:
        """Withhold all wordings of a form, tasks in turn, while every fact keeps `keep` wordings."""
        waiting = self._forms_by_task()
        done: Counter[str] = Counter()
        while waiting and len(self.withheld) < most:
            task = min(waiting, key=lambda name: (done[name], name))
            places = waiting[task].popleft()
            if len(places) <= largest and len(self.withheld) + len(places) <= most * _OVERSHOOT and self._can_go(places, keep):
                self._take(places)
                done[task] += len(places)
            if not waiting[task]:
                del waiting[task]

    def _forms_by_task(self) -> dict[str, deque[list[int]]]:
        forms: dict[str, list[int]] = {}
        for place in self.places:
            if place not in self.withheld:
                forms.setdefault(self.pairs[place].form, []).append(place)
        tasks: dict[str, deque[list[int]]] = {}
        for _, places in sorted(forms.items(), key=lambda form: _hash(self.seed, form[0])):
            tasks.setdefault(self.pairs[places[0]].task, deque()).append(places)
        return tasks

    def _single_wordings(self, most: int, keep: int, groups: AbstractSet[str]) -> None:
        """Withhold one wording of each fact whose form stays in train with another fact."""
        done: set[str] = set()
        for place in sorted(self.places, key=lambda place: _hash(self.seed, self.pairs[place].id)):
            pair = self.pairs[place]
            if len(self.withheld) >= most:
                return
            elsewhere = self.forms[pair.form] > self.own[pair.group, pair.form]
            if elsewhere and pair.group in groups and pair.group not in done and place not in self.withheld and self._can_go([place], keep):
                self._take([place])
                done.add(pair.group)

    def _can_go(self, places: Sequence[int], keep: int) -> bool:
        leaving = Counter(self.pairs[place].group for place in places)
        answers = Counter((self.pairs[place].group, self.pairs[place].output) for place in places)
        asked = Counter(what for place in places for what in questions(self.pairs[place]))
        ends = {question(self.pairs[place]) for place in places}
        return (
            all(self.taught[group] - count >= keep for group, count in leaving.items())
            and all(self.answers[answer] > count for answer, count in answers.items())
            and all(self.asked[what] == asked[what] for what in ends)
        )

    def _take(self, places: Sequence[int]) -> None:
        self.withheld.update(places)
        for place in places:
            pair = self.pairs[place]
            self.taught[pair.group] -= 1
            self.answers[pair.group, pair.output] -= 1
            self.forms[pair.form] -= 1
            self.own[pair.group, pair.form] -= 1
            self.asked.subtract(questions(pair))
