"""Headings, sections and tables of the extractive generator: what is asked about them, and what answers."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.extractive.answers import answer_of
from generators.extractive.generate import generate
from generators.extractive.page import sections
from generators.interface import Source
from schemas.records import Chunk, Document, Draft


def document(text: str, *, title: str = "Handbook") -> Document:
    return Document.of(path=f"{title}.md", title=title, format="md", text=text, raw=b"")


def asked(text: str, *others: str, title: str = "Handbook") -> dict[str, str]:
    documents = [document(text, title=title), *(document(other, title=f"Other {number}") for number, other in enumerate(others))]
    sources = [Source(one, (Chunk.of(one, 0, len(one.text), (), 10),)) for one in documents]
    made = generate(sources, company="Acme", wordings=12, seed=0)
    return {one.instruction: one.output for one in made if isinstance(one, Draft) and not one.input}


BODY = "The fund pays for glasses and lenses of every employee, and the shop in the harbour sends the bill to the people team."
NAMED = [
    ("a generic heading takes its parent", "# Leave\n\n## Paid parental leave\n\n### Eligibility\n\n" + BODY, "What should I know about eligibility for paid parental leave?"),
    ("a generic noun keeps its word", "# Work\n\n## Remote work\n\n### Approach\n\n" + BODY, "What should I know about the approach to remote work?"),
    ("rules of a parent", "# Office\n\n## Company cars\n\n### Rules\n\n" + BODY, "What should I know about company cars?"),
    ("a name that the section uses", "# Benefits\n\n## Insurance\n\n### Dental\n\nAsk for dental insurance in the first week. " + BODY, "What should I know about dental insurance?"),
    ("number and overview", "# Travel\n\n## 3. Overview of harbour visits\n\n" + BODY, "What should I know about harbour visits?"),
    ("a trailing state", "# IT\n\n## Card reader unreliable\n\nPlease ask the IT desk for a second reader, which is sent on the same day by the post room.", "What should I do about a card reader that is unreliable?"),
    ("an event", "# IT\n\n## Forgot your badge\n\nPlease contact reception, where a guest badge for one day is waiting for people like you.", "What should I do if I forgot my badge?"),
    ("a time", "# Start\n\n## Before your first day\n\nPlease send the bank details and the size of the shirt to the people team in time.", "What should I do before my first day?"),
    ("an embedded question", "# Pay\n\n## How bonuses are calculated\n\n" + BODY, "How are bonuses calculated?"),
    ("a subject question", "# Pay\n\n## Who cannot receive a bonus\n\n" + BODY, "Who cannot receive a bonus?"),
    ("a denial", "# IT\n\n## Email is not private\n\nMessages belong to Acme and may be read by the security team at any time without a note.", "Is email private?"),
    ("a saying", "# Values\n\n## Fight the default of exclusion.\n\n" + BODY, 'What does Acme mean by "Fight the default of exclusion"?'),
    ("what a document says", "# Travel policy\n\n## Hotels\n\n" + BODY + " Hotels are booked by Ann, and hotels at the sea cost more.", "What does the travel policy say about hotels?"),
    ("contacts", "# Benefits\n\n## Pension contacts\n\nWrite to Ann in the people team or to the pension fund at pension@acme.example for all of it.", "Who do I contact about pension?"),
    ("an example", "# Time\n\n## Flexible hours example\n\n" + BODY, "Can you give me an example of flexible hours?"),
    ("a doing without instructions", "# Time\n\n## Using travel credit\n\nThe credit lapses at the end of a season. What nobody used is lost when an employee leaves Acme.", "What should I know about using the travel credit?"),
    ("things of a list", "# Tools\n\n## Messaging tools\n\n- Harbor: chat for all teams.\n- Gmail: mail to customers.\n- Beacon: alarms by text message.", "Which messaging tools are there?"),
    ("two doings", "# Travel\n\n## Filing your claim and getting paid\n\nClaims reach finance within a week. The money follows in the payroll run of the next month.", "What should I know about filing my claim and getting paid?"),
    ("plural of a bare thing", "# Things\n\n## Laptop\n\nSupport hands out laptops on the first day, and the serial number is entered into the list of devices.", "What should I know about laptops?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "question"), [(text, question) for _, text, question in NAMED], ids=[name for name, _, _ in NAMED])
def test_a_section_is_asked_about_under_a_name_that_stands_alone(text, question):
    assert question in asked(text, title=text.split("\n")[0].removeprefix("# "))


SILENT = [
    ("mere links", "## Leave guides\n\n- [Annual leave](a.md)\n- [Sick leave](b.md)\n- [Parental leave of all kinds](c.md)"),
    ("links with labels", "## Closing a plan\n\n- Step-by-step instructions:\n  - [Employee](a.md)\n  - [Supervisor](b.md)\n- Guide:\n  - [Employee](c.md)"),
    ("pointers only", "## Closing a plan\n\nSee the guide of the people team for more about closing a plan at the end of the year. For more information, read the intranet."),
    ("words about the page", "## Closing a plan\n\nThis page describes everything that you need to know about closing a plan at the end of the year."),
    ("a lead to children", "## Closing a plan\n\nThere are three steps to closing a plan, and each has its own owner in the team.\n\n### Draft\n\nShort."),
    ("a term without children", "# Use or Lose\n\nShort."),
    ("people as a qualifier", "# Badges\n\n## Distributed employees\n\nA badge is shipped to the nearest police station, which sends a letter once the plastic has arrived there."),
]  # fmt: skip


@pytest.mark.parametrize("text", [text for _, text in SILENT], ids=[name for name, _ in SILENT])
def test_a_section_that_tells_nothing_by_itself_is_not_asked_about(text):
    assert not [question for question in asked(text) if re.search(r"plan|[Gg]uides|lose|distributed", question)]


def test_the_same_heading_on_two_pages_is_asked_only_where_the_parent_tells_them_apart():
    one, other = (f"# {title}\n\n## Eligibility\n\n{BODY}" for title in ("Sabbatical leave", "Parental leave"))
    found = asked(one, other, title="Sabbatical leave")

    assert "What should I know about eligibility for sabbatical leave?" in found
    assert not [question for question in found if re.search(r"eligibility(?! for)", question)]


def test_what_only_leads_elsewhere_is_left_out_of_the_answer():
    text = f"## Eye tests\n\nThis page is about eyes.\n\n{BODY} See the price list for more.\n\nGet in touch\n\nIf you have any questions, write to us."

    (section,) = [one for one in sections(document(text)) if one.heading]
    answer = answer_of(section)

    assert answer is not None
    assert answer.text == BODY
    assert answer.whole


def test_a_long_section_answers_with_its_first_paragraphs_and_never_with_half_a_list():
    steps = "\n".join(f"- {BODY} {number}" for number in range(12))
    text = f"## Eye tests\n\n{BODY}\n\n{BODY} Bring the following:\n\n{steps}"

    (section,) = [one for one in sections(document(text)) if one.heading]
    answer = answer_of(section)

    assert answer is not None
    assert not answer.whole
    assert answer.text == f"{BODY}\n{BODY}"


def test_a_small_table_and_code_are_lines_of_the_answer():
    text = f"## Eye tests\n\n{BODY}\n\n| Test | Price | Shop |\n|---|---|---|\n| Near | 5 | Leith |\n\nThe command is:\n\n```\neyes --test\n```"

    (section,) = [one for one in sections(document(text)) if one.heading]
    answer = answer_of(section)

    assert answer is not None
    assert answer.text == f"{BODY}\n- Near: Price: 5; Shop: Leith\nThe command is:\neyes --test"


def test_a_quotation_in_a_section_does_not_hide_the_rest():
    found = asked(f"# Benefits\n\n## Eye tests\n\n{BODY}\n\n> Note: the shop is closed on Mondays.")

    assert found["What should I know about eye tests?"] == BODY


def test_emphasis_inside_emphasis_leaves_no_stars():
    found = asked(
        "# Keys\n\n## Lost locker keys\n\nThe key is **_never_** sent by post, **\\*only** handed over in person at the reception desk."
    )

    assert found
    assert not [answer for answer in found.values() if "**" in answer or "_" in answer]


@pytest.mark.parametrize(
    "heading",
    ["Still have questions?", "What are my door codes?", "What if my parcel is not named here?", "What does the form above mean?"],
)
def test_a_question_that_only_its_page_explains_is_not_asked(heading):
    assert asked(f"# FAQ\n\n### {heading}\n\n{BODY}", title="FAQ") == {}


def test_a_lead_sentence_keeps_what_follows_the_thing_that_it_counts():
    found = asked("## Notice\n\nAlways take the following steps to seal the copper pipe:\n\n- Post in the chat.\n- Close the valve.")

    assert [question for question in found if re.search(r"steps (?:do I have to|should I) take to seal the copper pipe\?", question)]


CLASSES = """# Onboarding classes

## Core

| Name | Description | Format | Guidance | Resource(s) |
|---|---|---|---|---|
| Rota 101 | An overview of Rota. | Video call | Required for teams | Rota slides |
| How we talk to customers | A talk. | Self-guided | Optional | Slides |
"""
CELLS = [
    (CLASSES, "What is the Rota 101 class?", "An overview of Rota."),
    (CLASSES, "What is the format of the Rota 101 class?", "Video call"),
    (CLASSES, "Is the Rota 101 class required, recommended or optional?", "Required for teams"),
    (CLASSES, 'What resources are there for the class "How we talk to customers"?', "Slides"),
    (CLASSES, 'What is the format of the class "How we talk to customers"?', "Self-guided"),
    ("## Tools\n\n| Tool | Login |\n|---|---|\n| Rota | Beacon key |", "What do I need to log in to Rota?", "Beacon key"),
    ("## Rooms\n\n| Room | Office |\n|---|---|\n| Lagoon | Leith |", "Which office is the Lagoon room in?", "Leith"),
    ("## Rooms\n\n| Room | Equipment |\n|---|---|\n| Lagoon | Two screens |", "What equipment does the Lagoon room have?", "Two screens"),
    ("## Safety\n\nThe team in Leith meets by the gate.\n\n| Office | Fire wardens |\n|---|---|\n| Leith | Ann Lee, Bo Ray |", "Who are the fire wardens of the Leith office?", "Ann Lee, Bo Ray"),
    ("## Guides\n\n| Resource | Use |\n|---|---|\n| Reopening an existing plan | Edits |", 'What is the resource "Reopening an existing plan" used for?', "Edits"),
    ("## Days off\n\n| | |\n|---|---|\n| Harbour Day | First Sunday in June |\n| Christmas Day | December 25 |", "When is Harbour Day?", "First Sunday in June"),
    ("## Rooms\n\n| Room | Chairs |\n|---|---|\n| Lagoon | 12 |", "How many chairs does the Lagoon room have?", "12"),
    ("## Extras\n\nBuy paint.\n\n| Allowance | Amount | How often |\n|---|---|---|\n| Paint | EUR 40 | Each year |", "What is the amount for the paint allowance?", "EUR 40; Each year"),
    ("## Time off\n\n| Leave | Length |\n|---|---|\n| Visit of a close friend | 1 day |", "What is the length of leave for the visit of a close friend?", "1 day"),
    ("## Extras\n\n| Allowance | How you receive it |\n|---|---|\n| Lamp on a table | In cash |", "I have a question about extras. How do I receive the allowance for the lamp on a table?", "In cash"),
    ("## Boat race dates\n\n| Date | Item |\n|---|---|\n| May 2 - May 9 | Boats are checked |", "What happens between May 2 and May 9 in the boat race calendar?", "Boats are checked"),
    ("## Papers\n\n| Resource | Use |\n|---|---|\n| Boat Check List | To see what is missing |", "What is the Boat Check List used for?", "To see what is missing"),
    ("## Lamps\n\n| Code | What the boat has noticed | Remedy on land |\n|---|---|---|\n| E7 | Water in the hull | Pump it out |", "What does E7 mean?", "Water in the hull"),
    ("## Lamps\n\n| Code | What the boat has noticed | Remedy on land |\n|---|---|---|\n| E8 | Sail torn | Sew it |", "How do I fix E8?", "Sew it"),
    ("## Plans\n\n| Plan | First answer |\n|---|---|\n| Tide | 2 hours |", "What is the first answer time for the Tide plan?", "2 hours"),
    ("## Plans\n\n| Plan | Users |\n|---|---|\n| Tide | unlimited |", "How many users does the Tide plan have?", "unlimited"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "question", "answer"), CELLS, ids=[question for _, question, _ in CELLS])
def test_a_cell_is_asked_by_the_role_of_its_column(text, question, answer):
    heading = re.match(r"# (.+)", text)

    assert asked(text, title=heading.group(1) if heading else "Handbook").get(question) == answer


@pytest.mark.parametrize(
    "table",
    [
        "| Resource | Use |\n|---|---|\n| Boat steps | Steps of the boat |",
        "| Tank | Capacity |\n|---|---|\n| Blue | 15 |",
    ],
    ids=["says what its name says", "a measure without its unit"],
)
def test_a_cell_that_tells_nothing_is_not_asked_about(table):
    assert asked(f"## Boats\n\n{table}") == {}


def test_required_or_not_is_never_asked_as_yes_or_no():
    found = asked(
        "# Onboarding classes\n\n## Core\n\n| Name | Guidance |\n|---|---|\n| Rota 101 | Recommended |\n", title="Onboarding classes"
    )

    assert found
    assert all("required, recommended or optional" in question for question in found)


@pytest.mark.parametrize(
    ("question", "body", "missing"),
    [
        (
            "How do I tie a boat to the pier?",
            "The pier has rings and posts. Most crews take the rings, and both hold in a storm.",
            "steps to|What do I have to do",
        ),
        (
            "What happens if the skipper changes?",
            "A note to the original sender that names the new skipper is enough for the harbour.",
            ".*",
        ),
    ],
    ids=["no steps told", "leans on what is not there"],
)
def test_an_answer_that_does_not_fit_is_not_given(question, body, missing):
    found = asked(f"# Boats\n\n## {question}\n\n{body}", title="Boats")

    assert not [one for one in found if re.search(missing, one)]


def test_a_sentence_with_a_hole_at_the_end_is_left_out():
    found = asked(f"# Boats\n\n## Where can I find my berth?\n\n{BODY} This is not the as the one on the list", title="Boats")

    assert set(found.values()) == {BODY}


def test_of_rows_with_the_same_name_none_is_asked_about():
    found = asked(
        "## Dates\n\n| Date | Item |\n|---|---|\n| June 2 | Reviews |\n| June 2 | Plans |\n| June 3 | Talks |\n| June 4 | Goals |\n| June 5 | Awards |"
    )

    assert found["What happens on June 3?"] == "Talks"
    assert not [question for question in found if "June 2" in question]


BLOCKS = st.lists(
    st.sampled_from(
        [
            "The shed opens at nine. Keys hang beside the door.",
            "See the guide for more.",
            "Bring the following:\n\n- a key,\n- a lamp.",
            "1. Open the door.\n2. Close it.",
            "As described above, the shed is dry.",
            "Get in touch",
            "| Key | Colour |\n|---|---|\n| One | red |",
            "> A voice from the shed.",
            "```\nopen --door\n```",
            "[Shed](shed.md)",
        ]
    ),
    max_size=6,
)


@settings(deadline=None)
@given(BLOCKS)
def test_an_answer_says_only_what_its_spans_hold_and_ends_with_a_whole_thought(blocks):
    text = "## Shed\n\n" + "\n\n".join(blocks)
    (section,) = [one for one in sections(document(text)) if one.heading]

    answer = answer_of(section)

    if answer is not None:
        held = re.sub(r"\W+", " ", " ".join(text[start:end] for start, end in answer.spans))
        assert all(re.sub(r"\W+", " ", sentence.text).strip() in held for sentence in answer.sentences)
        assert not answer.text.endswith(":")
        assert "above" not in answer.text
        assert [start for start, _ in answer.spans] == sorted(start for start, _ in answer.spans)
