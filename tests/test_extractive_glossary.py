"""The owner's synonyms reach the wordings, and only where the word means that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.extractive.generate import generate
from generators.extractive.glossary import Glossary
from schemas.records import Draft
from tests.test_extractive_families import source

LEAVE = Glossary.of({"leave": ["PTO"], "laptop": ["computer"]})


@pytest.mark.parametrize(
    ("question", "reworded"),
    [
        ("How many days of leave can I carry over?", "How many days of PTO can I carry over?"),
        ("How do I request leave?", "How do I request PTO?"),
        ("Who pays for my laptop?", "Who pays for my computer?"),
        ("How much leave do I get?", "How much PTO do I get?"),
    ],
)
def test_a_term_is_asked_with_its_synonym(question, reworded):
    assert LEAVE.reworded(question, 0) == reworded


@pytest.mark.parametrize(
    "question",
    [
        "What should I do if I leave the company?",
        "Where do I leave the key?",
        "How long does parental leave last?",
        "Can I take leave Without Pay?",
        "What happens if employees leave early?",
        "What is a laptop-stand?",
    ],
)
def test_a_verb_a_compound_or_a_name_stays(question):
    assert LEAVE.reworded(question, 0) == question


@given(st.text(max_size=80), st.integers(min_value=0))
def test_without_a_term_nothing_changes(question, turn):
    assert Glossary.of({"zyzzyva": ["weevil"]}).reworded(question, turn) == question


def test_every_synonym_has_its_turn():
    glossary = Glossary.of({"leave": ["PTO", "time off"]})

    assert {glossary.reworded("How do I request leave?", turn) for turn in range(4)} == {
        "How do I request PTO?",
        "How do I request time off?",
    }


def test_one_wording_of_a_fact_is_asked_as_people_say_it_and_the_answer_stays_verbatim():
    text = "## Time off\n\nYou can carry over up to 5 days of leave. You must request leave in Rota at least 14 days before it starts."
    made = generate([source(text)], company="Acme", wordings=5, seed=0, glossary={"leave": ["PTO"]})
    drafts = [draft for draft in made if isinstance(draft, Draft)]

    reworded = [draft for draft in drafts if "PTO" in draft.instruction]
    assert reworded
    assert len({draft.group for draft in reworded}) == len(reworded)
    assert not any("PTO" in draft.output for draft in drafts)
