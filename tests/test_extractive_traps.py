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
    ("1 person", "## Leave\n\nIf you ever need leave, tell the people team.", r"\bme (?:ever )?need"),
    ("1 person in a name", "## Equity\n\nEmployees can read the Guide to Your Equity.", r"Guide to My"),
    ("2 we and I", "## Equity\n\nWe pay you 500 euros for a patent.", r"\bwe\b"),
    ("3 heading is a sentence", "## Meetings start on time\n\nYou must come within 2 minutes. You cannot be late and should call at least once.", r"meetings start on time"),
    ("3 heading is a slogan", "## Be better today\n\nYou must improve within a year. You can ask, and at least one coach should help.", r"be better today"),
    ("4 noun or verb first", "## Book lodging\n\nYou must book within 2 days. You can ask the agent, and at least two quotes are required.", r"(?:on|about) book lodging"),
    ("5 gerund compounds", "## Writing lab\n\nVisit the lab. Send the text to the team. Wait for the reply of the editors.", r"write lab"),
    ("5 training", "## Training budget\n\nClaim the budget in Rota. Send the receipt to finance. Wait for the reply.", r"train(?: the)? budget"),
    ("7 swallowed subject", "## Help\n\nSo please let us know if you see a mistake you can fix.", r"so please"),
    ("8 only", "## Hours\n\nYou should only enter hours used.", r"[Ss]hould I enter"),
    ("8 unless", "## Hours\n\nYou must enter hours unless you travel.", r"have to enter hours unless"),
    ("10 truncated coordination", "## Holidays\n\nEmployees should plan holidays, let the team know, and enter them.", r"let the team know\?"),
    ("11 epistemic can", "## Parents\n\nParenthood can be unexpected.", r"[Cc]an parenthood"),
    ("12 number in a frame", "## Hours\n\nThe hours roll over from one pay period to the next.", r"[Hh]ow many pay periods"),
    ("14 single step", "## Pairing a sensor\n\n1. Open the app.\n\nA picture.\n\n1. Press the button.", r"[Ss]teps"),
    ("14 list of requirements", "## Requesting access\n\n1. A badge.\n2. A laptop.\n3. A signed form.", r"[Hh]ow do I request access"),
    ("17 fact under what to do", "## Leaving\n\nIf you leave Acme, award leave is not paid out.", r"[Ww]hat should I do"),
    ("18 purpose without reader", "## Policy\n\nTo make policy clear, we adopt changes quarterly.", r"make policy clear"),
    ("19 no definition", "## Trust\n\nTrust is very important in a team.", r"[Ww]hat is trust\b"),
    ("19 employer", "## Acme\n\nAcme is an equal-opportunity employer of people.", r"[Ww]hat is Acme"),
    ("20 any", "## Help\n\nIf you have any questions, write to the people team.", r"any questions"),
    ("21 contact under a topic", "## Changes in tax\n\nSend the completed form to payroll.", r"contact about changes in tax"),
    ("22 residue", "## Forms\n\nSee [cgeform] and {% page %} within 5 days of $[x,xxx].", r".*"),
    ("22 navigation", "## Travel\n\nNext to: reimbursement within 5 days >", r".*"),
    ("25 articles", "## Drug and alcohol policy\n\nYou must report within 2 days. You cannot drink at work, and at least two people should sign the form.", r"about a drug"),
    ("26 example as rule", "## Leave\n\nThe cap is low. For example: it is June. You can request up to 56 advanced leave hours.", r"advanced leave hours"),
    ("27 plural acronyms", "## Goals\n\nObjectives and Key Results (OKRs) are set by the team.", r"OKRs stand for"),
    ("28 connective", "## Leave\n\nHowever, you can also donate leave to a colleague.", r"also donate|[Hh]owever"),
    ("anaphora", "## Leave\n\nIt expires within 30 days of the award.", r".*"),
    ("deixis", "## Leave\n\nYou must follow the rules described above.", r".*"),
    ("list without lead", "## Parts\n\n- one sensor\n- one cable", r".*"),
    ("negated lead", "## Bonus\n\nThe bonus is not paid if:\n\n- Managers can apply for a bonus twice.\n- Interns can apply for the bonus.", r"[Cc]an interns"),
    ("links only", "## Policies\n\nThe policies are:\n\n- [Leave](leave.md)\n- [Travel](travel.md)", r".*"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pattern"), [(text, pattern) for _, text, pattern in FORBIDDEN], ids=[name for name, _, _ in FORBIDDEN])
def test_a_trap_is_never_asked(text, pattern):
    questions = asked(text)

    assert [question for question in questions if re.search(pattern, question)] == []


RIGHT = [
    ("1 person", "## Leave\n\nIf you need leave, tell the people team.", "What should I do if I need leave?"),
    ("2 company voice", "## Patents\n\nWe pay 500 euros for a patent.", "How much does Acme pay for a patent?"),
    ("6 scope of a nested heading", "## Military leave\n\nYou can carry over up to 15 days into the next year.", "For military leave: can I carry over up to 15 days into the next year?"),
    ("9 polarity", "## Dogs\n\nYou may not bring dogs to the office.", "Is it against the rules to bring dogs to the office?"),
    ("13 money", "## Referral bonus\n\nThe referral bonus is 1,500 euros.", "How much is the referral bonus?"),
    ("15 cells with a line break", "## Tools\n\n| Tool | Used for |\n|---|---|\n| Rota | Leave<br>Desks |", "What is the Rota tool used for?"),
    ("25 articles", "## Medical certificate\n\nYou must bring it from day 4. You can upload it within 2 days. At least one certificate is required a month, and it must be signed by a doctor.", "What are the rules on the medical certificate?"),
    ("heading names the noun", "## Company bonus\n\nThe bonus is paid on 25 June.", "When is the company bonus paid?"),
    ("not also", "## Leave\n\nYou can also donate leave to a colleague.", "Can I donate leave to a colleague?"),
    ("not may", "## Rules\n\nConfidential files must not be saved on private phones.", "May confidential files be saved on private phones?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "question"), [(text, question) for _, text, question in RIGHT], ids=[name for name, _, _ in RIGHT])
def test_a_trap_is_worded_right(text, question):
    assert question in asked(text)


def test_polarity_of_prohibitions_fits_the_question():
    found = asked("## Dogs\n\nYou may not bring dogs to the office.")

    assert found["Is it against the rules to bring dogs to the office?"].startswith("Yes. ")
    assert found["Can I bring dogs to the office?"].startswith("No. ")


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
