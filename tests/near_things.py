"""Labelled questions about things with plain names that many questions hold, and the same questions once more in other words."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import NamedTuple

TOOLS: tuple[str, ...] = ("kettle", "toaster", "blender", "heater", "coffee grinder")
ROOMS: tuple[str, ...] = ("canteen", "workshop", "library", "parcel room")
# question, the question in another order, the answer, what it is for each thing; an answer may leave its thing out
_OF_TOOLS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("How long is the warranty of the {}?", "For the {}, how long is the warranty?", "The warranty of the {} is {}.",
     ("two years", "two years", "three years", "five years", "two years")),
    ("What does a spare lid for the {} cost?", "For the {}, what does a spare lid cost?", "It costs {}.",
     ("four euros", "six euros", "four euros", "nine euros", "seven euros")),
    ("How is the {} cleaned?", "How do people clean the {}?", "The {} is cleaned with {}.",
     ("vinegar and water", "a dry brush", "soap and water", "a dry cloth", "a dry brush")),
    ("Where is the serial number of the {}?", "On the {}, where is the serial number?", "You find it {}.",
     ("under the base", "on the back", "under the jug", "on the back", "inside of the lid")),
    ("Who repairs the {} after the warranty?", "After the warranty, who repairs the {}?", "The {} is repaired by {}.",
     ("the shop in the harbour", "the maker", "the shop in the harbour", "the maker", "the maker")),
    ("How heavy is the {} without its box?", "Without its box, how heavy is the {}?", "The {} weighs {} without its box.",
     ("one kilo", "two kilos", "three kilos", "eight kilos", "one kilo")),
    ("What must I do before I first use the {}?", "Before I first use the {}, what must I do?", "Before you first use the {}, {}.",
     ("boil water in it twice", "let it run empty once", "wash the jug by hand", "remove the film from the back", "let it run empty once")),
    ("Which colours does the {} come in?", "In which colours does the {} come?", "The {} comes in {}.",
     ("red and black", "white", "red and black", "white and grey", "steel")),
    ("How loud is the {} when it runs?", "When it runs, how loud is the {}?", "It is {}.",
     ("as loud as a talk", "hardly to be heard", "as loud as a street", "hardly to be heard", "as loud as a street")),
    ("How far may the cord of the {} reach?", "How far is the cord of the {} allowed to reach?", "The cord of the {} may reach {}.",
     ("one metre", "two metres", "one metre", "three metres", "one metre")),
    ("When should I throw the {} away?", "When should the {} be thrown away?", "Throw the {} away when {}.",
     ("the base is cracked", "the cord is burnt", "the jug leaks", "it smells of gas", "the cord is burnt")),
    ("How many people is the {} meant for?", "For how many people is the {} meant?", "The {} is meant for {}.",
     ("a family of four", "two people", "a family of four", "one room", "two people")),
    ("Can I send the {} back after I opened it?", "After I opened it, can I send the {} back?", "Yes. You can send the {} back {}.",
     ("within two weeks", "within two weeks", "within a month", "within two weeks", "within a month")),
    ("What happens if the {} gets wet?", "If the {} gets wet, what happens?", "If the {} gets wet, {}.",
     ("nothing happens", "it must dry for a day", "nothing happens", "it switches off", "it must dry for a day")),
    ("How do I get a new fuse for the {}?", "For the {}, how do I get a new fuse?", "You get a new fuse for the {} {}.",
     ("at the front desk", "by mail", "at the front desk", "in any shop", "by mail")),
)  # fmt: skip
_OF_ROOMS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("When does the {} close on weekdays?", "On weekdays, when does the {} close?", "The {} closes at {}.", ("six", "eight", "six", "five")),
    ("Who has the key of the {}?", "The key of the {}: who has it?", "The key is with {}.",
     ("the cook", "the porter", "the porter", "the night guard")),
    ("How many people fit into the {}?", "Into the {}, how many people fit?", "The {} has room for {}.",
     ("sixty people", "twelve people", "thirty people", "twelve people")),
    ("What may nobody bring into the {}?", "Into the {}, what may nobody bring?", "Nobody may bring {} into the {}.",
     ("pets", "food", "food", "bicycles")),
    ("How do I report a broken lamp in the {}?", "A lamp in the {} is broken: how do I report it?", "Write to the house service and name the {}.",
     ("", "", "", "")),
    ("How often is the floor of the {} mopped?", "The floor of the {} is mopped how often?", "It is mopped {}.",
     ("every evening", "once a week", "twice a month", "every evening")),
    ("Which door leads to the {} from the yard?", "From the yard, which door leads to the {}?", "The {} door leads there.",
     ("green", "grey", "narrow", "grey")),
    ("What should I know about the {}?", "About the {}, what should I know?", "The {} {}.",
     ("lies beside the yard", "lends out drills", "keeps old plans too", "is locked at noon")),
)  # fmt: skip
_SYNONYMS = (
    ("warranty", "guarantee"), ("spare", "extra"), ("serial", "series"), ("repair", "mend"), ("first use", "start with"), ("colours", "shades"),
    ("loud", "noisy"), ("cord", "cable"), ("throw", "chuck"), ("send", "post"), ("fuse", "cutout"), ("close", "shut"), ("people", "persons"),
    ("bring", "carry"), ("lamp", "light"), ("floor", "ground"), ("door", "entrance"), ("get", "become"),
)  # fmt: skip


class Case(NamedTuple):
    """A question, its answer, the thing that it is about, and what it asks of it: the place of its predicate."""

    question: str
    answer: str
    thing: str
    predicate: int


def cases(things: Sequence[str] = (*TOOLS, *ROOMS)) -> list[Case]:
    """Return a question about every thing for every predicate of its kind."""
    asked = [*product(range(len(_OF_TOOLS)), TOOLS), *product(range(len(_OF_TOOLS), len(_OF_TOOLS) + len(_OF_ROOMS)), ROOMS)]
    return [_case(predicate, thing, 0) for predicate, thing in asked if thing in things]


def reordered(case: Case) -> Case:
    """Return the same question in another order, with the same answer."""
    return _case(case.predicate, case.thing, 1)


def with_synonyms(case: Case) -> Case:
    """Return the same question and answer with another word for what is asked of the thing, in both if both have it."""
    question, answer = case.question, case.answer
    for word, other in _SYNONYMS:
        if word in case.question:
            return case._replace(question=question.replace(word, other), answer=answer.replace(word, other))
    return case._replace(question=f"Please tell me: {question[:1].lower()}{question[1:]}")


def pairs_apart(made: Sequence[Case]) -> list[tuple[Case, Case]]:
    """Return the pairs of cases with one predicate and two things."""
    return [(one, other) for one, other in combinations(made, 2) if one.predicate == other.predicate]


def _case(predicate: int, thing: str, wording: int) -> Case:
    *questions, answer, values = (*_OF_TOOLS, *_OF_ROOMS)[predicate]
    place = (TOOLS if thing in TOOLS else ROOMS).index(thing)
    is_late = predicate == len(_OF_TOOLS) + 3
    slots = (values[place], thing) if is_late else (*[thing] * (answer.count("{}") - 1), values[place] or thing)
    return Case(questions[wording].format(thing), answer.format(*slots), thing, predicate)
