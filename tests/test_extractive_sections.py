"""Sections asked about as a whole: complete answers, and questions that name what the heading alone does not."""

import re

import pytest

from generators.extractive.generate import generate
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

    assert found.output == f"{BODY}\nPrices\nA test costs 5 pounds.\nShops\nThe shops are in Leith."
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
