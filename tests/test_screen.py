"""Each filter drops what it is for, with a reason of its own, keeps what only looks like it, and can be switched off."""

import os
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation.filters_text import breaks_off, copies, packed_share, repeated_share
from builder.curation.screen import screen
from builder.findings.mask import placeholder
from generators.alpaca.blocklist import blocked, tidied
from schemas.curation_filters import ScreenSection
from schemas.findings import FindingsSection
from schemas.records import Dropped, Evidence, Pair, Provenance, Reason, Turn

SOAK = bool(os.environ.get("KILOPAIR_SOAK"))
OFF = ScreenSection(
    min_instruction_words=0, max_instruction_words=0, min_output_words=0, max_output_words=0, repeated=0, compressed=0,
    refusals=False, refers_to_text=False, copied=0, cut_off=False, sensitive=False,
)  # fmt: skip
GOOD = "The ferry leaves at seven and needs an hour to the island."
CIRCLE = "Check the oil and the water before you start the engine of the boat. " * 12
KEY = "AKIA" + "QWERTYUI7ASDFGH2"


def pair(output=GOOD, instruction="When does the ferry leave?", number=0, **fields):
    return Pair(**{
        "id": f"pair-{number}", "task": "question_answering", "instruction": instruction, "output": output, "evidence": (), "group": "g",
        "provenance": Provenance(document_id="", chunk_id="", generator="test"), "form": "f", "grounding": "none", **fields,
    })  # fmt: skip


def one(made, policy=None, **given):
    return next(screen([made], settings=ScreenSection(**given), policy=policy))


def reason(made, policy=None, **given):
    record = one(made, policy, **given)
    return record.reason if isinstance(record, Dropped) else None


DROPPED = [
    (pair(instruction="Ferry?"), Reason.TOO_SHORT, {}),
    (pair("..."), Reason.TOO_SHORT, {}),
    (pair("Seven."), Reason.TOO_SHORT, {"min_output_words": 2}),
    (pair(GOOD * 20), Reason.TOO_LONG, {"max_output_words": 100, "repeated": 0, "compressed": 0}),
    (pair(instruction="ferry " * 600), Reason.TOO_LONG, {}),
    (pair(CIRCLE), Reason.REPETITIVE, {}),
    (pair(CIRCLE), Reason.REPETITIVE, {"repeated": 0}),
    (pair("As an AI language model, I have no opinion about ferries."), Reason.REFUSAL, {}),
    (pair("It is seven, but I'm only a language model."), Reason.REFUSAL, {}),
    (pair("I'm sorry, but I can't help with that request."), Reason.REFUSAL, {}),
    (pair("Unfortunately, I do not have access to the timetable."), Reason.REFUSAL, {}),
    (pair("The provided text does not mention the ferry."), Reason.REFUSAL, {}),
    (pair("Es tut mir leid, aber ich kann dabei nicht helfen."), Reason.REFUSAL, {}),
    (pair("N/A"), Reason.REFUSAL, {}),
    (pair(instruction="According to the passage, when does the ferry leave?"), Reason.REFERS_TO_TEXT, {}),
    (pair("According to the passage, it leaves at seven."), Reason.REFERS_TO_TEXT, {}),
    (pair("When does the ferry leave?"), Reason.COPIED_INSTRUCTION, {}),
    (pair("When does the ferry leave"), Reason.COPIED_INSTRUCTION, {}),
    (pair("The ferry leaves at seven. It needs about an hour and then it"), Reason.CUT_OFF, {}),
    (pair("You need a ticket, a passport and the"), Reason.CUT_OFF, {}),
    (pair("You need a ticket,"), Reason.CUT_OFF, {}),
    (pair("Run this:\n\n```\nferry --when"), Reason.CUT_OFF, {}),
    (pair(f"The key is {KEY}."), Reason.SECRET, {}),
    (pair(f"Write to {placeholder('email', 'anna@harbour.example')} for it."), Reason.SECRET, {}),
    (pair(instruction="Draw a map of the ferry's way"), Reason.BLOCKLISTED, {"blocklist": True}),
    (pair("Die Fähre legt um sieben Uhr ab und braucht ungefähr eine Stunde bis zur Insel im Norden."), Reason.OTHER_LANGUAGE, {"language": "en"}),
]  # fmt: skip


@pytest.mark.parametrize(("made", "why", "given"), DROPPED)
def test_what_is_no_use_is_dropped_with_its_reason(made, why, given):
    assert reason(made, **given) == why


@pytest.mark.parametrize("made", [made for made, _, _ in DROPPED])
def test_every_filter_can_be_switched_off(made):
    assert next(screen([made], settings=OFF)) is made


@pytest.mark.parametrize("made", [
    pair(),
    pair("Seven"),
    pair("I can't log in if I forget my card, so I keep it with the keys."),
    pair("The documents do not mention a ferry.", grounding="absent"),
    pair("I'm sorry, I can't help with recipes; ask me about the harbour.", task="off_topic"),
    pair("The engineer joined as a chat designer and is paid by the hour."),
    pair(instruction="The ferry left at nine on that day in June. Is the above claim true?"),
    pair(instruction="According to the passage, when does it leave?", input="The ferry leaves at seven."),
    pair(instruction="And according to the text?", history=(Turn(role="user", content="Read it."), Turn(role="assistant", content="I did."))),
    pair("Yes. The ferry leaves at seven.", instruction="Does the ferry leave at seven?"),
    pair("- a ticket\n- a passport\n- the blue card"),
    pair("Ferries of the north\nTicket | Passport"),
    pair("It is the room that people wait in"),
    pair("Dear all, the ferry leaves at seven. Please be there early. Kind regards, Nora Lind"),
    pair("```python\nprint(7)\n```"),
    pair("Fährt um sieben"),
    pair("The mail address is anna@harbour.example, and the phone +49 30 901820."),
])  # fmt: skip
def test_what_only_looks_like_it_is_kept(made):
    assert one(made) is made


def test_what_the_source_breaks_off_the_answer_may_too():
    quote = "The desk opens at seven. People wait in the hall with the blue doors"
    quoted = pair(quote, evidence=(Evidence(document_id="doc", start=0, end=len(quote), quote=quote),), grounding="quoted")

    assert one(quoted) is quoted
    assert reason(pair(quote)) == Reason.CUT_OFF


@pytest.mark.parametrize(("text", "rule"), [("Write to anna@harbour.example.", "email"), ("Call +49 30 901820 today.", "phone")])
def test_personal_data_goes_if_the_recipe_does_not_allow_it(text, rule):
    assert reason(pair(text)) is None
    assert reason(pair(text), FindingsSection.model_validate({rule: "mask"})) == Reason.PERSONAL_DATA
    assert reason(pair(text), FindingsSection.model_validate({rule: "stop"}), sensitive=False) is None


def test_a_secret_that_the_recipe_allows_stays():
    assert reason(pair(f"The key is {KEY}."), FindingsSection(secret="allow")) is None


def test_the_language_of_the_majority_is_found():
    german = "Die Fähre legt um sieben Uhr ab und braucht ungefähr eine Stunde bis zur Insel im Norden."
    pairs = [pair(german, number=0), *(pair(GOOD, number=number) for number in range(1, 4))]
    records = list(screen(pairs, settings=ScreenSection(language="majority")))

    assert [isinstance(record, Dropped) for record in records] == [True, False, False, False]


def test_pairs_are_read_as_they_are_needed():
    def endless():
        number = 0
        while True:
            yield pair(number=number)
            number += 1

    records = screen(endless(), settings=ScreenSection())

    assert [next(records).id for _ in range(3)] == ["pair-0", "pair-1", "pair-2"]


@pytest.mark.parametrize(("instruction", "is_blocked"), [
    ("Go home", True), ("Describe the harbour in winter", False), ("Describe the image of the harbour", True), ("Imagine a harbour in winter", False),
    ("Write a program that counts boats", True), ("write a program that counts boats", False), ("!Describe the harbour now", True),
    ("word " * 150, False), ("word " * 151, True), ("Explain how to go to the island", True), ("Describe the harbour", True),
    ("Übe das Rudern im Hafen", True), ("7 boats lie in the harbour", False),
])  # fmt: skip
def test_the_blocklist_decides_as_alpaca_does(instruction, is_blocked):
    assert bool(blocked(instruction)) is is_blocked


BLOCKED_WORDS = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot", "go to", "video", "audio",
    "music", "flowchart", "diagram",
)  # fmt: skip


def drops_as_published(text):
    """Alpaca's filter rule by rule."""
    text = text.strip()
    if len(text.split()) <= 3 or len(text.split()) > 150:
        return True
    if any(re.search(rf"\b({word})\b", text, re.IGNORECASE) for word in BLOCKED_WORDS):
        return True
    return text.startswith("Write a program") or text[0] in string.punctuation or not text[0].isascii()


SAID = st.sampled_from(
    ["Write", "a", "program", "go", "to", "Map", "maps", "mapping", "Émile", "!", "7", "the", "file-name", "\n", "  ", "年", "_x", "İ"]
)


@given(st.lists(SAID, max_size=12).map(" ".join) | st.text(max_size=40))
@settings(max_examples=5000 if SOAK else 300, deadline=None)
def test_the_blocklist_decides_as_each_published_rule_does(text):
    assert bool(blocked(text)) is drops_as_published(text)


def test_a_tidied_question_is_as_self_instruct_looks_at_it():
    assert tidied(" wRITE  a\nprogram ") == "Write a program"
    assert blocked(tidied("write a  program that counts boats")) == "no programs"
    assert not blocked("Übe das Rudern im Hafen", any_script=True)
    assert not blocked("¿Cómo se rema en el puerto?", any_script=True)
    assert blocked("…and row in the harbour", any_script=True)


def test_what_is_repeated_is_measured_between_zero_and_one():
    assert repeated_share(list("abcdefg")) == 0
    assert repeated_share(["a"] * 50) > 0.9
    assert packed_share("a" * 1000) < 0.05 < packed_share(GOOD)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
@settings(max_examples=5000 if SOAK else 200, deadline=None)
def test_any_text_can_be_looked_at(output, instruction):
    made = pair(output or "x", instruction or "x")
    record = next(screen([made], settings=ScreenSection(blocklist=True), policy=FindingsSection(email="mask", ip_address="mask")))

    assert record.id == made.id
    assert record is made or isinstance(record, Dropped)
    assert isinstance(breaks_off(output), str)
    assert isinstance(copies(output, instruction, 0.9), str)


@pytest.mark.parametrize(
    "text", ["a" * 60_000 + "!", "\n" * 60_000, "1" * 60_000, ". " * 30_000, "![](" * 15_000, "](" * 30_000, "the and " * 8_000]
)
def test_no_text_takes_long(text):
    started = time.process_time()
    one(pair(text or "x", instruction="What is it?"), FindingsSection(email="mask", phone="mask"), language="en", max_output_words=0)

    assert time.process_time() - started < 3


@given(st.lists(st.sampled_from([GOOD, CIRCLE, "N/A", f"The key is {KEY}.", "You need the"]), max_size=12))
def test_every_pair_comes_out_once_and_in_order(outputs):
    pairs = [pair(output, number=number) for number, output in enumerate(outputs)]

    assert [record.id for record in screen(pairs, settings=ScreenSection())] == [made.id for made in pairs]
