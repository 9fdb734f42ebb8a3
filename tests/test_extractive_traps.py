"""Real mistakes that question rules make (measured on two handbooks): each is refused or worded right."""

import re

import pytest

from generators.extractive.generate import generate
from generators.interface import Source
from schemas.records import Chunk, Document, Draft


def asked(text: str, *others: str, title: str = "Handbook", company: str = "Acme") -> dict[str, str]:
    documents = [
        Document.of(path=f"{number}.md", title=title if not number else "Other", format="md", text=one, raw=b"")
        for number, one in enumerate([text, *others])
    ]
    sources = [Source(document, (Chunk.of(document, 0, len(document.text), (), 10),)) for document in documents]
    return {
        one.instruction: one.output
        for one in generate(sources, company=company, wordings=12, seed=0)
        if isinstance(one, Draft) and not one.input
    }


FORBIDDEN = [
    ("3 heading is a sentence", "## Meetings start on time\n\nYou must come within 2 minutes. You cannot be late and should call at least once.", r"meetings start on time"),
    ("3 heading is a slogan", "## Be better today\n\nYou must improve within a year. You can ask, and at least one coach should help.", r"be better today"),
    ("4 noun or verb first", "## Book lodging\n\nYou must book within 2 days. You can ask the agent, and at least two quotes are required.", r"(?:on|about) book lodging"),
    ("5 gerund compounds", "## Writing lab\n\nVisit the lab. Send the text to the team. Wait for the reply of the editors.", r"write lab"),
    ("5 training", "## Training budget\n\nClaim the budget in Rota. Send the receipt to finance. Wait for the reply.", r"train(?: the)? budget"),
    ("14 single step", "## Pairing a sensor\n\n1. Open the app.\n\nA picture.\n\n1. Press the button.", r"[Ss]teps"),
    ("14 list of requirements", "## Requesting access\n\n1. A badge.\n2. A laptop.\n3. A signed form.", r"[Hh]ow do I request access"),
    ("25 articles", "## Drug and alcohol policy\n\nYou must report within 2 days. You cannot drink at work, and at least two people should sign the form.", r"about a drug"),
    ("list without lead", "## Parts\n\n- one sensor\n- one cable", r".*"),
    ("negated lead", "## Bonus\n\nThe bonus is not paid if:\n\n- Managers can apply for a bonus twice.\n- Interns can apply for the bonus.", r"[Cc]an interns"),
    ("links only", "## Policies\n\nThe policies are:\n\n- [Leave](leave.md)\n- [Travel](travel.md)", r".*"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pattern"), [(text, pattern) for _, text, pattern in FORBIDDEN], ids=[name for name, _, _ in FORBIDDEN])
def test_a_trap_is_never_asked(text, pattern):
    questions = asked(text)

    assert [question for question in questions if re.search(pattern, question)] == []


RIGHT = [
    ("15 cells with a line break", "## Tools\n\n| Tool | Used for |\n|---|---|\n| Rota | Leave<br>Desks |", "What is the Rota tool used for?"),
    ("25 articles", "## Medical certificate\n\nYou must bring it from day 4. You can upload it within 2 days. At least one certificate is required a month, and it must be signed by a doctor.", "What are the rules on the medical certificate?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "question"), [(text, question) for _, text, question in RIGHT], ids=[name for name, _, _ in RIGHT])
def test_a_trap_is_worded_right(text, question):
    assert question in asked(text)


def test_glued_cells_are_parted():
    found = asked("## Tools\n\n| Tool | Used for |\n|---|---|\n| Rota | Leave<br>Desks |")

    assert found["What is the Rota tool used for?"] == "Leave; Desks"


def test_the_same_how_to_heading_on_two_pages_is_not_asked():
    one = "## Acknowledging an evaluation\n\nOpen the evaluation in the tool. Click the button. Save the page and send the form to the manager."
    other = one.replace("the tool", "the archive")

    assert [question for question in asked(one, other) if "acknowledge an evaluation" in question] == []


def test_title_case_headings_are_lowered_all_or_nothing():
    body = "You can take 18 weeks. You must ask within 8 weeks. At least two blocks are required, and each must end before the first birthday of the child."
    written = "The plan says that Paid Parental Leave is long, and that Paid Parental Leave is paid."
    found = asked(f"## Paid Parental Leave\n\n{body}", written)

    assert "What are the rules on Paid Parental Leave?" in found
