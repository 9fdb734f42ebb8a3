"""What a round changes: wordings of weak facts in, wordings of facts known well out where the budget is full; and its control.

A fact that was never learnt gets several wordings that differ, the question with its passage where there is one, and its passage
once more in the raw text (5 to 10 wordings and the source, as facts in one wording are stored but not found again: Allen-Zhu and Li 2023,
arXiv 2309.14316; questions and documents mixed: Jiang et al. 2024, arXiv 2402.12847).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from builder.curation.baselines import baseline
from builder.iterate.facts import Fact
from builder.wordings import TAUGHT, WELL_TAUGHT, seeded
from schemas.recipe import Recipe
from schemas.records import Pair

PART = 5  # a round may add a fifth of the training pairs, unless the recipe says otherwise
FLAG = "iterate/round-"


@dataclass(frozen=True)
class Plan:
    """The training pairs of a round, and what is new in them; `room` is how many pairs could have been added."""

    train: tuple[Pair, ...]
    added: tuple[Pair, ...]
    taken_out: tuple[Pair, ...]
    facts: tuple[Fact, ...]
    room: int


@dataclass(frozen=True)
class Room:
    """What a round may change.

    Args:
        most: pairs that it may add.
        free: how many of them beside the others.
        giving: facts that are known well, and may give up wordings for the rest.
        per_fact: wordings of one fact that it may add.
        seed: decides which wordings come and go.
    """

    most: int
    free: int
    giving: Collection[str]
    per_fact: int
    seed: int


def room_of(recipe: Recipe, train: Sequence[Pair], *, chosen: int, giving: Collection[str]) -> Room:
    """Return the room of a round.

    Args:
        recipe: with the budget, curate.target.
        train: what is taught so far.
        chosen: pairs of all splits so far.
        giving: facts that are known well.
    """
    section = recipe.iterate
    most = max(1, len(train) // PART) if section.pairs == "auto" else section.pairs
    free = {"add": most, "replace": 0, "auto": max(0, recipe.curate.target - chosen)}[section.change]
    return Room(most, min(free, most), () if section.change == "add" else giving, section.per_fact, recipe.seed)


def reach_of(room: Room, train: Sequence[Pair], *, rounds: int) -> int:
    """Return how many weak facts all rounds together can strengthen: no more are measured, or what they bring could not be seen."""
    limit = rounds * room.most
    if room.free < room.most:  # what makes way for the rest is given up once
        given = len(_to_give_up(train, replace(room, most=limit)))
        limit = min(limit, room.free + given)
    return max(1, limit // room.per_fact)


def is_full(room: Room, train: Sequence[Pair], *, rounds: int, wanted: int) -> bool:
    """Tell whether all rounds together strengthen fewer facts than wanted for one reason alone: no place is free, or given up."""
    return reach_of(room, train, rounds=rounds) < wanted <= reach_of(replace(room, free=room.most), train, rounds=rounds)


def is_small(room: Room, train: Sequence[Pair], *, rounds: int, wanted: int) -> bool:
    """Tell whether all rounds together strengthen fewer facts than wanted however many places are free: they add too few pairs."""
    return reach_of(replace(room, free=room.most), train, rounds=rounds) < wanted


def plan(weak: Iterable[Fact], train: Sequence[Pair], room: Room, *, number: int) -> Plan:
    """Return the round: the weak facts in their order as far as the room goes, whole facts only.

    Args:
        weak: those that the last model does not know.
        train: what it was trained on.
        room: how many pairs may come and go.
        number: of the round, noted in a flag of the pairs that it adds.
    """
    gone = _to_give_up(train, room)
    most = min(room.most, room.free + len(gone))
    have = {pair.id for pair in train}
    added: list[Pair] = []
    facts: list[Fact] = []
    for fact in weak:
        fresh = _varied([pair for pair in fact.spare if pair.id not in have], room)
        if len(added) + len(fresh) <= most and len(fresh) >= (1 if fact.taught else 2):
            added += [_marked(pair, number) for pair in fresh]
            facts.append(fact)
    return _plan(train, added, gone[: max(0, len(added) - room.free)], facts, most)


def control(of: Plan, train: Sequence[Pair], pool: Sequence[Pair], room: Room, *, number: int) -> Plan:
    """Return as many pairs added at random, in the place of the same ones; of no more wordings a fact than the round adds."""
    have = {pair.id for pair in train}
    free = [pair for pair in pool if pair.id not in have]
    drawn = baseline("random", free, target=len(of.added), per_fact=room.per_fact, seed=room.seed + number)
    return _plan(train, [_marked(pair, number) for pair in drawn if isinstance(pair, Pair)], of.taken_out, (), of.room)


def _plan(train: Sequence[Pair], added: Sequence[Pair], taken_out: Sequence[Pair], facts: Sequence[Fact], room: int) -> Plan:
    out = {pair.id for pair in taken_out}
    return Plan((*(pair for pair in train if pair.id not in out), *added), tuple(added), tuple(taken_out), tuple(facts), room)


def _marked(pair: Pair, number: int) -> Pair:
    return pair.model_copy(update={"split": "train", "status": "selected", "flags": (*pair.flags, f"{FLAG}{number}")})


def _varied(pairs: Sequence[Pair], room: Room) -> list[Pair]:
    """Return at most so many wordings of a fact: one with its passage, the others without, different forms first."""
    hashed = sorted(pairs, key=lambda pair: seeded(room.seed, pair.id))
    reading = [pair for pair in hashed if pair.input][:1]
    seen = Counter[str]()
    turns: dict[str, int] = {}
    for pair in hashed:
        turns[pair.id] = seen[pair.form]
        seen[pair.form] += 1
    closed = sorted((pair for pair in hashed if not pair.input), key=lambda pair: turns[pair.id])
    return [*closed[: room.per_fact - len(reading)], *reading] if closed else []


def _to_give_up(train: Sequence[Pair], room: Room) -> list[Pair]:
    """Return the pairs that go first: of the known fact with the most wordings each time, never one that alone gives its answer."""
    taught = Counter(pair.group for pair in train)
    answers = Counter((pair.group, pair.output) for pair in train)
    waiting: dict[str, list[Pair]] = {}
    for pair in sorted(train, key=lambda pair: seeded(room.seed, pair.id)):
        if pair.group in room.giving:
            waiting.setdefault(pair.group, []).append(pair)
    given: list[Pair] = []
    for keep in (WELL_TAUGHT, TAUGHT):
        while len(given) < room.most and (groups := [group for group in waiting if taught[group] > keep and waiting[group]]):
            group = max(groups, key=lambda name: (taught[name], seeded(room.seed, name)))
            place = next((place for place, pair in enumerate(waiting[group]) if answers[group, pair.output] > TAUGHT), None)
            if place is None:
                del waiting[group]
                continue
            pair = waiting[group].pop(place)
            taught[group] -= 1
            answers[group, pair.output] -= 1
            given.append(pair)
    return given
