"""Which wordings are withheld as the paraphrase set: other wordings of facts that stay in train, so that the fact is known."""

import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from builder.connect import question, questions
from schemas.records import Pair, Split

TAUGHT = 2  # wordings of a fact that stay in train, at the least
WELL_TAUGHT = 3  # and better
_OVERSHOOT = 1.2  # a form goes as a whole


def seeded(seed: int, text: str) -> str:
    """Return a hash to order by: the seed decides which comes first, the order of the pairs does not."""
    return hashlib.sha256(f"{seed}/{text}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Wordings:
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
        for _, places in sorted(forms.items(), key=lambda form: seeded(self.seed, form[0])):
            tasks.setdefault(self.pairs[places[0]].task, deque()).append(places)
        return tasks

    def _single_wordings(self, most: int, keep: int, groups: AbstractSet[str]) -> None:
        """Withhold one wording of each fact whose form stays in train with another fact."""
        done: set[str] = set()
        for place in sorted(self.places, key=lambda place: seeded(self.seed, self.pairs[place].id)):
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
