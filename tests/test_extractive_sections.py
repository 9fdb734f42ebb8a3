"""Sections asked about as a whole: complete answers, and questions that name what the heading alone does not."""

import re

import pytest

from generators.extractive.generate import generate
from generators.extractive.links import loses_link
from generators.extractive.page import sections
from generators.interface import Source
from schemas.records import Chunk, Document, Draft

BODY = "The fund pays for glasses and lenses of every employee, and the shop in the harbour sends the bill to the people team."


def drafts(text: str, *others: str, title: str = "Handbook") -> list[Draft]:
    documents = [
        Document.of(path=f"{number}.md", title=title, format="md", text=one, raw=b"") for number, one in enumerate((text, *others))
    ]
    sources = [Source(one, (Chunk.of(one, 0, len(one.text), (), 10),)) for one in documents]
    made = generate(sources, company="Acme", wordings=12, seed=0)
    return [one for one in made if isinstance(one, Draft) and not one.input]


def asked(text: str, *others: str, title: str = "Handbook") -> dict[str, str]:
    return {one.instruction: one.output for one in drafts(text, *others, title=title)}


def test_a_short_section_answers_with_its_parts_under_their_headings_and_quotes_all_of_it():
    text = f"# Care\n\n## Eye tests\n\n{BODY}\n\n### Prices\n\nA test costs 5 pounds.\n\n### Shops\n\nThe shops are in Leith."

    (found, *_) = [one for one in drafts(text, title="Care") if one.instruction == "What should I know about eye tests?"]

    assert found.output == f"{BODY}\nPrices\nA test costs 5 pounds.\nThe shops are in Leith."
    assert "### Prices" in " ".join(found.quotes)


TEASERS = [
    "It takes effort to see well all day long. These are a few of the things that Acme offers to everybody, and they matter a lot to us.",
    "We want all of our tests to be living things that can improve as we learn. This is how we will propose and make changes to them at Acme.",
    "To see well in groups, everybody at Acme who takes part in eye tests of any kind keeps to a set of conditions for tests and shops.",
]


@pytest.mark.parametrize("text", TEASERS)
def test_an_opening_that_announces_parts_which_do_not_fit_is_no_answer(text):
    parts = "".join(f"\n\n### Shop {number}\n\n{BODY} {BODY} {BODY}" for number in range(4))

    assert not [answer for answer in asked(f"# Care\n\n## Eye tests\n\n{text}{parts}").values() if answer == text]


def test_an_answer_does_not_end_with_the_tips_whose_links_are_left_out():
    text = "When you work somewhere that is not your usual harbour, consider these tips to help the crew plan around your trip."

    assert text not in asked(f"# Travel\n\n## Guidance for remote harbours\n\n{text}\n\n- [One](a.md)\n- [Two](b.md)").values()


def test_a_cut_answer_does_not_end_with_the_opening_of_a_further_case():
    text = f"{BODY} {BODY} {BODY}\n\nAnother common case is a broken lens.\n\n{' '.join([BODY] * 8)}"

    found = asked(f"# FAQ\n\n## What if my glasses break on a trip?\n\n{text}")

    assert found["What if my glasses break on a trip?"] == f"{BODY} {BODY} {BODY}"


BARE = [
    ("a tool that the section only uses", "Many people write to us about the lenses on Peeper. Thank them in time.", "Peeper", "Peeper"),
    ("words of every page", f"{BODY} It is done on Friday mornings.", "Continuing work", "continuing work"),
]


@pytest.mark.parametrize(("text", "heading", "words"), [case[1:] for case in BARE], ids=[case[0] for case in BARE])
def test_a_heading_that_tells_nothing_alone_is_asked_about_with_its_page(text, heading, words):
    page = f"# Eye policy changes\n\n## {heading}\n\n{text} We talk about Peeper and about work that is continuing, and the team agrees."
    others = [f"# Page {number}\n\nPeople on Peeper are continuing their work." for number in range(4)]

    about = [question for question in asked(page, *others, title="Eye policy changes") if words in question]

    assert f'What does "Eye policy changes" say about {words}?' in about
    assert all("Eye policy changes" in question for question in about)


def test_no_question_speaks_of_the_company_by_name_and_as_we():
    found = asked(f"# Care\n\n## Our eye fund\n\n{BODY} It is open to all.", title="Care")

    assert [question for question in found if "our eye fund" in question]
    assert not [question for question in found if "Acme" in question and re.search(r"\bour\b", question)]


def test_a_footnote_mark_stays_out_of_the_question_and_emphasis_with_a_space_leaves_no_star():
    found = asked(f"# FAQ\n\n## How do I get a test approved for the crew*?\n\nAsk Ann. *Never (red). *{BODY}")

    assert "How do I get a test approved for the crew?" in found
    assert not [text for pair in found.items() for text in pair if "*" in text]


def test_a_question_in_everyday_words_names_its_page():
    page = "# Harbour lab\n\n## How do I ask for help?\n\nPost your text in #harbour-help, where the crew answers."
    others = [f"# Page {number}\n\nHow you ask for help depends on the time. Please ask." for number in range(4)]

    found = {question: answer for question, answer in asked(page, *others, title="Harbour lab").items() if "help" in question}

    assert found
    assert all("Harbour lab" in question or "the harbour lab" in question for question in found)


def test_two_doings_are_both_turned_into_verbs():
    found = asked(
        "# IT\n\n## Locking and updating your laptop\n\nLock the screen when you leave your desk. Install each update within 7 days of the prompt."
    )

    assert "How do I lock and update my laptop?" in found


SILENT = [
    ("a connective", "## Navigation bar\n\nFor example, the crate root shows all crates of the bundle and the links to the modules of each crate."),
    ("a question that points", "## Why was that feature on this dependency enabled?\n\nThe feature is enabled by the crate that needs the navigation bar."),
    ("a participle", "## Built for navigation\n\nThe crate root shows all crates of the bundle and the links to the modules of each crate."),
    ("no question", "## Hate navigation bars!?\n\nThe crate root shows all crates of the bundle and the links to the modules of each crate."),
    ("an adverb", "## Navigation first\n\nThe crate root shows all crates of the bundle and the links to the modules of each crate."),
    ("a title with a verb form", "## Internationalized Navigation Names in Applications\n\nThe crate root shows all crates of the bundle and their modules."),
]  # fmt: skip


@pytest.mark.parametrize("text", [text for _, text in SILENT], ids=[name for name, _ in SILENT])
def test_foreign_headings_and_openings_that_make_no_question(text):
    assert not [question for question in asked(f"# Crates\n\n{text}", title="Crates") if re.search(r"[Nn]avigation|dependency", question)]


LEADS = [
    ("a label that points", "Follow [these steps](a.md) to get there."),
    ("a guide", "You can read the [visual guide](a.md) first."),
    ("nothing but a link", "[Watch the tour of the shop](a.md)."),
    ("sent to a page", "See the [Glasses](a.md) page."),
]


@pytest.mark.parametrize("sentence", [sentence for _, sentence in LEADS], ids=[name for name, _ in LEADS])
def test_a_sentence_that_leads_to_a_link_is_left_out_of_a_whole_answer(sentence):
    found = drafts(f"# Care\n\n## Eye tests\n\n{BODY} {sentence} The shop opens at nine on every working day.", title="Care")

    whole = [one for one in found if one.instruction == "What should I know about eye tests?"]
    assert [one.output for one in whole] == [f"{BODY} The shop opens at nine on every working day."]
    assert len(whole[0].quotes) == 2


HARMLESS = [
    "[Glassware](https://glass.example) keeps the records of all lenses.",
    "Ask the [eye desk](mailto:eyes@acme.example) about it.",
    "Per the [guide](a.md), a test takes an hour.",
    "You must follow the [order process](a.md) for lenses.",
]


@pytest.mark.parametrize("sentence", HARMLESS)
def test_a_sentence_that_says_something_keeps_its_link(sentence):
    found = asked(f"# Care\n\n## Eye tests\n\n{BODY} {sentence} The shop opens at nine.", title="Care")

    assert any(re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", sentence) in answer for answer in found.values())


def test_only_links_whose_words_lead_there_are_lost():
    text = "- Use [Glassware](a) for lenses.\n- Follow [this guide](b)."

    assert not loses_link(text, (0, 32))
    assert loses_link(text, (0, len(text)))


def test_inner_items_that_are_only_links_are_left_out_with_what_announces_them():
    text = "## Eye tests\n\nTo see well, try these at home:\n\n1. Clean your glasses\n   - [Near](a.md)\n   - [Far](b.md)\n2. Look up often"
    (_, section) = sections(Document.of(path="a.md", title="Care", format="md", text=text, raw=b""))

    assert section.lists()[0].text() == "1. Clean your glasses\n2. Look up often"


def test_links_for_further_reading_leave_nothing_out_but_links_to_instructions_do():
    def left_out(label: str, link: str) -> bool:
        text = f"## Eye tests\n\n{BODY}\n\n{label}\n\n- [{link}](a.md)"
        return sections(Document.of(path="a.md", title="Care", format="md", text=text, raw=b""))[-1].left_out

    assert not left_out("Fact sheets:", "Light and eyes")
    assert left_out("Fact sheets:", "How to order")
    assert left_out("The shops that lend out a pair of glasses are these:", "Leith")


def test_a_list_that_was_broken_in_two_goes_on_counting_and_an_only_item_has_no_mark():
    text = "## Eye tests\n\n1. Sit down.\n\nThen wait.\n\n2. Look up.\n3. Go home.\n\nAt last:\n\n- Pay in the shop."
    section = sections(Document.of(path="a.md", title="Care", format="md", text=text, raw=b""))[-1]

    assert [part.text() for part in section.lists()] == ["1. Sit down.", "2. Look up.\n3. Go home.", "Pay in the shop."]


def test_steps_come_with_the_condition_that_stands_before_them():
    lead = "The shop is by the harbour. Only team leads can order glasses. To order glasses:"
    found = asked(f"# Care\n\n## Orders\n\n{lead}\n\n1. Open the app.\n2. Choose a pair.\n3. Press Send.")

    assert found["How do I order glasses?"] == "Only team leads can order glasses.\n1. Open the app.\n2. Choose a pair.\n3. Press Send."


def test_a_heading_of_a_page_about_a_doing_is_asked_about_with_it():
    page = f"# Working remotely\n\n## Calendar updates\n\n{BODY} We talk about a calendar when something is updated, and the team agrees."
    others = [f"# Page {number}\n\nCalendar updates come now and then." for number in range(4)]

    assert "What should I know about calendar updates when working remotely?" in asked(page, *others, title="Working remotely")


def test_steps_for_those_who_help_are_asked_about_as_such():
    lead = "Lost glasses are a matter for the eye desk, which keeps a list of them."
    steps = "1. Ask the owner where they were seen.\n2. Search the shop and the yard behind it.\n3. Write a report."
    text = f"# Security\n\n## Lost glasses\n\n{lead}\n\n{steps}"

    assert "How do we handle lost glasses?" in asked(text)


def test_a_greeting_at_the_top_of_a_page_is_no_answer_about_its_title():
    text = f"# Eye care policies\n\nWe are pleased to have you join Acme and its eye care. {BODY} {BODY}"

    assert not [question for question in asked(text, title="Eye care policies") if "policies" in question]


def test_eligibility_is_asked_about_as_such_where_the_answer_tells_it():
    text = "# Care\n\n## Eye tests\n\n### Eligibility\n\nTo be eligible for a test, you need one year of service, and the team lead has to agree to it."

    assert "Who is eligible for eye tests?" in asked(text, title="Care")


def test_a_list_names_its_bare_subject_by_the_heading_or_is_not_asked():
    listed = "The sizes include:\n\n- Small frames.\n- Large frames.\n- Frames for children."

    assert "What do the frame sizes include?" in asked(f"# Care\n\n## Frame sizes\n\n{listed}")
    assert not [question for question in asked(f"# Care\n\n## Orders\n\n{listed}") if "sizes" in question]


@pytest.mark.parametrize("heading", ["Bill to", "Winter glasses for children, new lenses of all kinds, and the shop"])
def test_a_heading_that_breaks_off_or_names_three_things_is_not_asked_about(heading):
    assert not [
        question for question in asked(f"# Care\n\n## {heading}\n\n{BODY}", title="Care") if "bill to" in question or ", and" in question
    ]
