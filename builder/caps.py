"""What may not take too much of a chosen set, and the order in which these limits yield when the target is out of reach.

A limit binds facts, groups of families, sections, documents, tasks, openings, and the more frequent of yes and no at
60:40, and whatever else a `Quota` names: a difficulty, a length, a column of one's own. When nothing more can be chosen,
one kind of limit rises, the cheapest to break first: groups that take what dry ones leave, to twice their share; all
groups but those that never do; the wordings of a fact; then sections, documents, tasks, quotas; last, and not where
families are balanced, openings and yes against no.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from builder.balance import Balance
from builder.rouge import words
from schemas.curation_embed import ChooseSection
from schemas.records import Pair

MOST_TO_LEAST = 1.5  # yes to no, or no to yes: 60:40
SECTION_SHARE = 0.02  # of the target from one section, where families are balanced
FIRST_SPILL = 2.0
FEWEST_OF_OPENING = 10
_FEWEST_OF_ANSWER = 0.02
_RISE = 1.25
_LAST = ("section", "document", "task")  # and then the quotas
_VERY_LAST = ("opening", "answer")  # rules can vary them: what would break these limits is left out
_YES_NO = re.compile(r"\W*(yes|no)\b\s*(?:[.,;:!–—-]|$)", re.IGNORECASE)

Cap = tuple[str, str]


def yes_or_no(output: str) -> Literal["yes", "no", ""]:
    """Return whether a response begins with a plain yes or no: "No." and "No, ..." do, "No more than ten" does not."""
    match = _YES_NO.match(output)
    return ("yes" if match[1].lower() == "yes" else "no") if match else ""


def opening(instruction: str) -> str:
    """Return the first three words of a question."""
    return " ".join(words(instruction)[:3])


def length_of(pair: Pair) -> str:
    """Return how long a response is, in words: each range twice as long as the one before."""
    exponent = max(len(pair.output.split()), 1).bit_length()
    return f"{1 << exponent - 1} to {(1 << exponent) - 1} words"


def difficulty_of(pair: Pair) -> str:
    """Return the difficulty that a pair says it has, or an empty string."""
    return str(pair.extra.get("difficulty", ""))


@dataclass(frozen=True)
class Quota:
    """No value of `of` may take more than this share of the target; pairs without a value (an empty string) are not bound."""

    name: str
    share: float
    of: Callable[[Pair], str]


def quotas(section: ChooseSection) -> tuple[Quota, ...]:
    """Return the quotas of the recipe; a share of 1 is none."""
    every = (
        Quota("passage", section.per_passage, lambda pair: pair.provenance.chunk_id),
        Quota("difficulty", section.per_difficulty, difficulty_of),
        Quota("length", section.per_length, length_of),
    )
    return tuple(quota for quota in every if quota.share < 1)


@dataclass
class Caps:
    """The limits of one choice, and how much of each is used.

    Args:
        target: pairs to choose.
        wordings: most wordings of a fact at first, and at last.
        answers: how many pairs there are to choose from that answer yes, and no.
        shares: largest share of one document, task and opening in the target.
        balance: groups and sections, if families are balanced.
        reach: how many pairs can be chosen, the target if that is fewer; openings of a balance are a share of it.
        quotas: further limits.
    """

    target: int
    wordings: tuple[int, int]
    answers: Mapping[str, int]
    shares: dict[str, float]
    balance: Balance | None
    reach: int
    quotas: Sequence[Quota] = ()
    used: Counter[Cap] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.shares = self.shares | {quota.name: quota.share for quota in self.quotas}
        self._last = (*_LAST, *(quota.name for quota in self.quotas), *(() if self.balance else _VERY_LAST))
        self._rises: dict[str, float] = dict.fromkeys((*self._last, *_VERY_LAST), 1.0)
        self._spills: dict[str, float] = {}
        self._per_fact = self.wordings[0]
        self._hit: set[Cap] = set()

    def of(self, pair: Pair, document: str) -> tuple[Cap, ...]:
        """Return the limits that bind a pair, the first to yield first."""
        caps = [("group", self.balance.group_of(pair))] if self.balance else []
        caps.append(("fact", self.fact_of(pair)))
        caps += [("section", self.balance.section_of(pair))] if self.balance else []
        caps += [("document", document), ("task", pair.task)]
        caps += [(quota.name, value) for quota in self.quotas if (value := quota.of(pair))]
        caps.append(("opening", opening(pair.instruction)))
        answer = yes_or_no(pair.output)
        return (*caps, ("answer", answer)) if answer else tuple(caps)

    def fact_of(self, pair: Pair) -> str:
        """Return what counts as one fact: in a balance, what is asked of a passage is not the same as what is known without one."""
        return f"{pair.group} with its passage" if self.balance and pair.input else pair.group

    def allow(self, caps: Sequence[Cap]) -> bool:
        """Whether no limit forbids a pair with these; what forbids it may rise later."""
        full = self.full(caps)
        if full:
            self._hit.add(full)
        return full is None

    def full(self, caps: Sequence[Cap]) -> Cap | None:
        """Return the first limit that forbids a pair with these, or None; what the whole target may have is no limit."""
        return next((cap for cap in caps if self.limit(*cap) <= self.used[cap] < self.target), None)

    def limit(self, name: str, value: str) -> float:
        """Return how many pairs may have this; without end for a group that has no share."""
        match name:
            case "fact":
                return self._per_fact
            case "group":
                share = self.balance.shares.get(value, 0) if self.balance else 0
                return int(max(share * self.target, 1) * self._spills.get(value, 1)) if share else float("inf")
            case "answer":
                other = "no" if value == "yes" else "yes"
                few, ahead = max(_FEWEST_OF_ANSWER * self.target, 1), 2 * self.wordings[1]  # two facts may go before the other side follows
                supply, used = self.answers[other] * MOST_TO_LEAST, self.used[name, other] * MOST_TO_LEAST
                return int(max(few, min(supply, max(used, ahead))) * self._rises[name])
            case "opening" if self.balance:
                return int(max(self.shares[name] * self.reach, FEWEST_OF_OPENING))
            case "section":
                return int(max(SECTION_SHARE * self.target, self.wordings[1]) * self._rises[name])
            case _:
                return int(max(self.shares[name] * self.target, 1) * self._rises[name])

    def rise(self) -> bool:
        """Raise the limit that yields first among those that were hit since the last time; say whether one could."""
        hit, self._hit = self._hit, set()
        groups = {value for name, value in hit if name == "group"} - (self.balance.never if self.balance else frozenset())
        first = {value for value in groups if self.balance and value in self.balance.first and self._spills.get(value, 1) < FIRST_SPILL}
        names = {name for name, _ in hit}
        if first:
            self._spills |= {value: min(self._spills.get(value, 1) * _RISE, FIRST_SPILL) for value in first}
        elif groups:
            self._spills |= {value: self._spills.get(value, 1) * _RISE for value in groups}
        elif "fact" in names and self._per_fact < self.wordings[1]:
            self._per_fact += 1
        elif last := next((name for name in self._last if name in names), None):
            self._rises[last] *= _RISE
        else:
            return False
        return True
