"""Labelled near copies: 250 questions with answers, and what seven levels of copying, and one of asking something else, make of them."""

import random
from dataclasses import dataclass
from itertools import product
from typing import Any

ACTIONS = {
    "book a hotel room": "reserve a hotel room", "request a new laptop": "ask for a new laptop", "report a damaged parcel": "notify us of a damaged parcel",
    "renew the parking permit": "extend the parking permit", "cancel a training course": "call off a training course",
    "submit a travel claim": "hand in a travel claim", "order safety shoes": "buy safety shoes", "return a rented drill": "bring back a rented drill",
    "open a support ticket": "raise a support ticket", "change the delivery address": "alter the delivery address",
}  # fmt: skip
PLACES: tuple[str, ...] = ("Bern", "Oslo", "Lisbon", "Graz", "Turku")
PEOPLE: tuple[str, ...] = ("apprentices", "contractors", "team leads", "night staff", "drivers")
OTHERS: dict[str, str] = {names[place - 1]: name for names in (PLACES, PEOPLE) for place, name in enumerate(names)}
LEVELS: tuple[str, ...] = (
    "same but for case and spacing",
    "a typo",
    "other words",
    "a polite frame",
    "another order",
    "a word left out",
    "all of it",
    "another thing",
)
ANOTHER = LEVELS[-1]


@dataclass(frozen=True)
class Case:
    """A question and its answer."""

    question: str
    answer: str


def cases(count: int) -> list[Case]:
    """Return questions about different things."""
    made = []
    for number, (action, place, people) in enumerate(product(ACTIONS, PLACES, PEOPLE)):
        days, office = 3 + number * 7 % 41, ("the front desk", "the portal", "the fleet office", "the shift manager")[number % 4]
        question = f"How can {people} from the {place} office {action} before the end of the month?"
        answer = f"In {place}, {people} {action} through {office}, at least {days} days ahead, and keep the reference {1000 + number}."
        made.append(Case(question, answer))
    random.Random(1).shuffle(made)
    return made[:count]


def copy(case: Case, level: Any, seed: int) -> Case:
    """Return a copy of a level; `ANOTHER` is none: it asks about another place or other people, and is answered otherwise."""
    draw = random.Random(seed)
    change = dict(zip(LEVELS, (_shouted, _typo, _reworded, _polite, _reordered, _shortened, _all, _another), strict=True))[level]
    return change(case, draw)


def _shouted(case: Case, _: random.Random) -> Case:
    return Case(f"  {case.question.upper()} ".replace(" ", "  "), case.answer)


def _typo(case: Case, draw: random.Random) -> Case:
    words = case.question.split()
    place = draw.choice([at for at, word in enumerate(words) if len(word) > 4 and word.islower()])
    at = draw.randrange(1, len(words[place]) - 2)
    words[place] = words[place][:at] + words[place][at + 1] + words[place][at] + words[place][at + 2 :]
    return Case(" ".join(words), case.answer)


def _reworded(case: Case, _: random.Random) -> Case:
    question, answer = case.question, case.answer
    for action, other in ACTIONS.items():
        question, answer = question.replace(action, other), answer.replace(action, other)
    return Case(question, answer)


def _polite(case: Case, draw: random.Random) -> Case:
    return Case(f"{draw.choice(('Please tell me:', 'Hello,', 'Could you say'))} {case.question[0].lower()}{case.question[1:]}", case.answer)


def _reordered(case: Case, _: random.Random) -> Case:
    head, tail = case.question.rstrip("?").split(" before ")
    start, rest = head.split(" from ")
    return Case(
        f"Before {tail}, from {rest.split(' office ')[0]} office, {start[0].lower()}{start[1:]} {rest.split(' office ')[1]}?", case.answer
    )


def _shortened(case: Case, draw: random.Random) -> Case:
    words = case.question.split()
    del words[draw.choice([at for at, word in enumerate(words) if word in {"the", "of", "end", "before", "from"}])]
    return Case(" ".join(words), case.answer)


def _all(case: Case, draw: random.Random) -> Case:
    for change in (_reworded, _shortened, _polite):
        case = change(case, draw)
    return case


def _another(case: Case, draw: random.Random) -> Case:
    named = draw.choice([name for name in OTHERS if name in case.question])
    number = case.answer.rsplit(" ", 1)[1].rstrip(".")
    answer = case.answer.replace(named, OTHERS[named]).replace(number, str(9000 + draw.randrange(999)))
    return Case(case.question.replace(named, OTHERS[named]), answer)
