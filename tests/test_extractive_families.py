"""Each family of the extractive generator on a small document: what is asked, and what answers."""

import pytest

from generators.extractive.generate import generate
from generators.interface import Source
from schemas.records import Chunk, Document, Draft, Dropped, Reason


def source(text: str, *, title: str = "Handbook", path: str = "handbook.md", **metadata: str) -> Source:
    document = Document.of(path=path, title=title, format="md", text=text, raw=text.encode(), metadata=dict(metadata))
    return Source(document, (Chunk.of(document, 0, len(text), (), 100),))


def drafts(text: str, *, title: str = "Handbook", company: str = "Acme", wordings: int = 12) -> list[Draft]:
    made = generate([source(text, title=title)], company=company, wordings=wordings, seed=0)
    return [draft for draft in made if isinstance(draft, Draft)]


def asked(text: str, **settings) -> dict[str, str]:
    return {draft.instruction: draft.output for draft in drafts(text, **settings)}


EXAMPLES = [
    ("## Passwords\n\nA password must have at least 14 characters.", "How many characters must a password have?", "A password must have at least 14 characters."),
    ("## Parking\n\nCorrin Bay has 40 parking spaces, and Leith has none.", "How many parking spaces does Corrin Bay have?", "Corrin Bay has 40 parking spaces, and Leith has none."),
    ("## Backups\n\nBackups are kept for 35 days and then overwritten.", "How long are backups kept?", "Backups are kept for 35 days and then overwritten."),
    ("## Payslips\n\nFinance replies within 3 working days.", "How quickly does finance reply?", None),
    ("## Travel\n\nYou must submit the TRF at least 14 days before travel.", "How far in advance must I submit the TRF?", None),
    ("## Salary\n\nSalaries are reviewed once a year after the May talks.", "How often are salaries reviewed after the May talks?", None),
    ("## Payroll\n\nThe payroll run closes on the 15th at 17:00.", "When does the payroll run close?", None),
    ("## Fees\n\nLost locker keys cost 15 euros.", "How much do lost locker keys cost?", None),
    ("## Notice periods\n\nThe notice period during probation is 1 month.", "How long is the notice period during probation?", None),
    ("## Bank details\n\nYou change your bank account in Rota, never by phone. Open Rota with your key. The tool Rota is fast.", "Where do I change my bank account?", None),
    ("## Shifts\n\nTomasz Wilk publishes the shift plan every Monday.", "Who publishes the shift plan every Monday?", None),
    ("## USB sticks\n\nUSB sticks are not allowed on company devices, because they carry malware.", "Why are USB sticks not allowed on company devices?", None),
    ("## Offers\n\nAn offer contains the level, the base salary and the office.", "What does an offer contain?", None),
    ("## Phishing\n\nPhishing is an attempt to trick you into revealing information.", "What is phishing?", None),
    ("## Support\n\nA Service Level Agreement (SLA) is our promise on reply times.", "What does SLA stand for?", "Service Level Agreement"),
    ("## Support\n\nA Service Level Agreement (SLA) is our promise on reply times.", "What is the abbreviation for Service Level Agreement?", "SLA"),
    ("## Own phones\n\nYou can use your own phone for Harbor chat.", "Can I use my own phone for Harbor chat?", "Yes. You can use your own phone for Harbor chat."),
    ("## Laptops\n\nYou must encrypt your laptop.", "Someone told me I don't have to encrypt my laptop. Is that right?", "No. You must encrypt your laptop."),
    ("## Presents\n\nDo not give presents during a tender.", "Can I give presents during a tender?", "No. Do not give presents during a tender."),
    ("## Presents\n\nDo not give presents during a tender.", "Is there a rule against giving presents during a tender?", "Yes. Do not give presents during a tender."),
    ("## Printers\n\nPrinters at home are not supported.", "Are printers at home supported?", "No. Printers at home are not supported."),
    ("## Sabbatical\n\nUnpaid leave cannot be combined with a sabbatical.", "Can unpaid leave be combined with a sabbatical?", None),
    ("## Payslips\n\nIf your payslip looks wrong, write to the finance team.", "What should I do if my payslip looks wrong?", None),
    ("## Overtime\n\nIf overtime cannot be taken back, the hours are paid with a supplement.", "What happens if overtime cannot be taken back?", None),
    ("## Backups\n\nTo restore a deleted file, open a Drydock ticket with its name.", "How do I restore a deleted file?", None),
    ("## Help\n\nQuestions about a payslip go to finance@acme.example.", "Who do I contact about a payslip?", None),
    ("## Can I work from abroad?\n\nYou can work abroad for 20 days a year.", "Can I work from abroad?", "You can work abroad for 20 days a year."),
    ("## How long does the battery last?\n\nIt lasts 14 months at least.", "Tell me how long the battery lasts.", "It lasts 14 months at least."),
    ("## Pairing a sensor\n\nFollow these steps:\n\n1. Open the app.\n2. Hold the button.\n3. Type the code.", "How do I pair a sensor?", "1. Open the app.\n2. Hold the button.\n3. Type the code."),
    ("## Help\n\nInstall the float ring in this order:\n\n1. Unscrew the lid.\n2. Close the ring.", "What are the steps to install the float ring?", None),
    ("## The box\n\nA complete carton contains:\n\n- one sensor,\n- one battery pack.", "What does a complete carton contain?", "- one sensor,\n- one battery pack."),
    ("## What to bring on the first day\n\nBring the following to your first day:\n\n- a passport;\n- your contract.", "What should I bring to my first day?", "- a passport;\n- your contract."),
    ("## Rooms\n\n| Room | Seats |\n|---|---|\n| Lagoon | 24 |\n| Burn | 12 |", "How many seats does the Burn room have?", "12"),
    ("## Errors\n\n| Code | Meaning | What to do |\n|---|---|---|\n| E04 | Battery low | Replace it |", "What does E04 mean?", "Battery low"),
    ("## Tools\n\n| Tool | Used for |\n|---|---|\n| Rota | Leave |", "What is the Rota tool used for?", "Leave"),
    ("## Staff\n\n| Name | Role |\n|---|---|\n| Ann Lee | Head of finance |", "Who is Ann Lee?", "Head of finance"),
    ("## Leave\n\n| Kind of leave | Length |\n|---|---|\n| Sick leave | 5 days |", "What is the length of sick leave?", "5 days"),
    ("## Dates\n\n| Date | Item |\n|---|---|\n| June 2 | Reviews are due |", "What happens on June 2?", "Reviews are due"),
    ("## Battery\n\n> Hi, does the battery freeze in winter? Thanks, A.B.\n\nSupport said that it does not.", 'A customer writes: "Does the battery freeze in winter?" How was such a case handled?', "Support said that it does not."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "question", "answer"), EXAMPLES, ids=[question for _, question, _ in EXAMPLES])
def test_a_statement_is_asked_as_a_person_would_ask_it(text, question, answer):
    found = asked(text)

    assert question in found
    assert answer is None or found[question] == answer


def test_a_noun_heading_with_rules_is_asked_as_a_whole():
    body = "You can take 5 days within 3 months of the death. The days must be entered in Rota. At least one day is paid, and a friend is enough for up to 1 day."
    found = asked(f"# Leave\n\n## Bereavement leave\n\n{body}", title="Leave")

    assert found["What are the rules on bereavement leave?"] == body


def test_the_wordings_of_a_fact_share_a_group_and_have_different_forms():
    made = [draft for draft in drafts("## Backups\n\nBackups are kept for 35 days.", wordings=5) if draft.provenance.rule == "long"]

    assert len(made) == 5
    assert len({draft.group for draft in made}) == 1
    assert len({draft.form for draft in made}) == len({draft.instruction for draft in made}) == 5


def test_facts_of_one_family_do_not_all_use_the_same_forms():
    text = "".join(
        f"## {noun}\n\n{noun} are kept for {number} days.\n\n"
        for number, noun in enumerate(["Backups", "Invoices", "Recordings", "Contracts"], 20)
    )
    made = drafts(text, wordings=3)
    forms = {group: frozenset(draft.form for draft in made if draft.group == group) for group in {draft.group for draft in made}}

    assert len(set(forms.values())) > 1


def test_a_superseded_document_gives_nothing():
    old = source("# Leave (superseded)\n\nYou have 25 days of annual leave.", status="superseded")

    made = list(generate([old], company="Acme", wordings=5, seed=0))

    assert [(one.reason, one.detail) for one in made if isinstance(one, Dropped)] == [(Reason.NOTHING_TO_ASK, "superseded document")]
    assert len(made) == 1


def test_a_legal_notice_gives_nothing():
    text = (
        "# Legal\n\nThe company shall not be liable. All rights reserved. Trademarks are the property of their owners, and we use cookies."
    )

    made = list(generate([source(text)], company="Acme", wordings=5, seed=0))

    assert [one.detail for one in made if isinstance(one, Dropped)] == ["legal boilerplate"]


def test_a_chunk_from_which_nothing_can_be_asked_is_dropped():
    made = list(generate([source("Hello there.")], company="Acme", wordings=5, seed=0))

    assert [one.reason for one in made if isinstance(one, Dropped)] == [Reason.NOTHING_TO_ASK]


def test_in_a_manual_every_question_names_the_product():
    text = "# Brook 200 pool sensor: user manual\n\n## Battery\n\nThe restart takes 3 minutes. The battery lasts 14 months. A Brook 200 floats."
    other = source("The Brook 200 is a sensor.", path="other.md")
    made = generate([source(text, title="Brook 200 pool sensor: user manual"), other], company="Acme", wordings=5, seed=0)

    assert all("Brook 200" in one.instruction for one in made if isinstance(one, Draft) and not one.input)


def test_a_question_that_needs_its_passage_gets_the_passage():
    text = "## Overview\n\nThe final answer comes within 5 days of the test, and the tester writes it down for the others in the office."
    made = drafts(text)

    assert {draft.task for draft in made} == {"open_book"}
    assert all("tester" in draft.input for draft in made)


def test_a_table_row_becomes_json():
    table = "## Rooms\n\n| Room | Office | Seats |\n|---|---|---|\n| Lagoon | Leith | 24 |"
    row = next(draft for draft in drafts(table) if draft.task == "extraction")

    assert row.input == "Room: Lagoon; Office: Leith; Seats: 24"
    assert row.output == '{"Room": "Lagoon", "Office": "Leith", "Seats": "24"}'


def test_yes_and_no_answers_balance():
    text = "## Rules\n\n" + " ".join(
        f"You must label every {noun} with your name." for noun in ["parcel", "laptop", "sample", "carton", "helmet"]
    )
    made = drafts(text, wordings=5)
    yes = sum(draft.output.startswith("Yes.") for draft in made)
    no = sum(draft.output.startswith("No.") for draft in made)

    assert 0.4 <= no / (yes + no) <= 0.6
