"""Mails."""

import base64
import os
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content, Refused
from builder.readers.mail import read_eml
from builder.readers.mail_quotes import own_words
from schemas.records import Reason

HEADER = "From: Ann Lee <ann@x.example>\nTo: Bo Ek <bo@x.example>, c@x.example\nDate: Fri, 9 Jun 2023 11:20:45 -0500\nSubject: Leave\n"
TOP = "# Leave\n\nFrom: Ann Lee\nTo: Bo Ek, c@x.example\nDate: 2023-06-09"


def mail(text: str, header: str = "") -> Content:
    content = read_eml(f"{HEADER}{header}\n{text}".encode())
    assert isinstance(content, Content), content
    return content


def multipart(kind: str, *parts: str) -> Content:
    body = "".join(f"--edge\n{part}\n" for part in parts) + "--edge--\n"
    return mail(body, f'MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="edge"\n')


def codes(content: Content) -> list[str]:
    return [remark.code for remark in content.remarks]


PLAIN = "Content-Type: text/plain; charset=utf-8\n\nYou have five days of leave in each year."
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>You have <b>five days</b> of leave in each year.</p><ul><li>one</li></ul>"


def test_a_mail_is_its_subject_a_short_header_and_its_text():
    content = mail("You have five days.\n\n  - one\n  - two\n", "Message-ID: <1@x>\n")

    assert content.text == f"{TOP}\n\nYou have five days.\n\n- one\n- two"
    assert content.title == "Leave"
    assert content.metadata == {
        "from": "Ann Lee <ann@x.example>",
        "to": "Bo Ek <bo@x.example>, c@x.example",
        "message_id": "<1@x>",
        "date": "2023-06-09T11:20:45-05:00",
    }


def test_the_plain_text_is_preferred_and_html_read_where_there_is_no_other():
    assert multipart("alternative", PLAIN, HTML).text == f"{TOP}\n\nYou have five days of leave in each year."
    assert multipart("alternative", HTML).text == f"{TOP}\n\nYou have **five days** of leave in each year.\n\n- one"
    assert "**five days**" in multipart("alternative", "Content-Type: text/plain\n\nView", HTML).text


def test_encodings_of_bodies_and_headers_are_undone():
    packed = base64.b64encode("Fünf Tage".encode("latin-1")).decode()

    assert mail(packed, "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n").text.endswith("Fünf Tage")
    assert mail("F=C3=BCnf=\n Tage", "Content-Transfer-Encoding: quoted-printable\n").text.endswith("Fünf Tage")
    encoded = read_eml(HEADER.replace("Subject: Leave", "Subject: =?utf-8?q?=C3=9Cber_Urlaub?=").encode() + b"\nx")
    raw = read_eml(HEADER.replace("Subject: Leave", "Subject: Über Urlaub").encode() + b"\nx")
    assert isinstance(encoded, Content)
    assert isinstance(raw, Content)
    assert encoded.title == raw.title == "Über Urlaub"


@pytest.mark.parametrize(
    "header",
    [
        'Content-Type: text/plain; charset = "UTF-8"Content-Transfer-Encoding: 8bit\n',
        "Content-Type: text/plain; charset=no-such-letters\n",
        "Content-Type: text/plain; charset=latin-1\n",
        "Content-Type: text/plain; charset=us-ascii\n",
        "Content-Type: \n",
        "Content-Type: text/plain; charset=unicode_escape\n",
        "Content-Type: text/plain; charset=u\0tf-8\n",
    ],
)
def test_a_wrong_or_broken_character_set_does_not_break_the_letters(header):
    assert mail("Fünf Tage, fünf Nächte", header).text.endswith("Fünf Tage, fünf Nächte")


def test_a_mail_saved_in_utf_16_or_with_other_line_ends_is_read():
    text = HEADER + "\nFive days.\n"

    for raw in (text.encode("utf-16"), text.encode("utf-8-sig"), text.replace("\n", "\r\n").encode(), text.replace("\n", "\r").encode()):
        content = read_eml(raw)

        assert isinstance(content, Content)
        assert content.text == f"{TOP}\n\nFive days."


def test_soft_line_ends_are_taken_out():
    content = mail("You have five \ndays of leave.\n-- \nAnn", "Content-Type: text/plain; format=flowed\n")

    assert content.text == f"{TOP}\n\nYou have five days of leave."


ANSWERED = [
    "On Mon, 12 Dec 2022 at 10:00, Bo Ek <bo@x.example> wrote:\n> How many days?\n> Bo",
    "On Mon, 12 Dec 2022 at 10:00, Bo Ek\n<bo@x.example> wrote:\n\n> How many days?",
    "Am 12.12.2022 um 10:00 schrieb Bo Ek:\n> How many days?",
    "-----Original Message-----\nFrom: Bo Ek\nHow many days?",
    "From: Bo Ek <bo@x.example>\nSent: Monday, 12 December 2022\nTo: Ann Lee\nSubject: Leave\n\nHow many days?",
    "**Von:** Bo Ek\n**Gesendet:** Montag\n**An:** Ann Lee\n\nHow many days?",
    "________________________________\nFrom: Bo Ek\nDate: Monday\nSubject: Leave\n\nHow many days?",
]


@pytest.mark.parametrize("answered", ANSWERED)
def test_the_mail_that_is_answered_is_left_out_and_counted(answered):
    content = mail(f"You have five days.\n\n{answered}\n")

    assert "How many days" not in content.text
    assert content.text.startswith(f"{TOP}\n\nYou have five days.")
    assert codes(content) == ["quoted_reply"]


def test_answers_between_quotes_keep_them_as_quotations():
    content = mail("On Monday, Bo Ek wrote:\n> How many days?\n\nFive.\n\n> And hours?\n\nForty.\n")

    assert "> How many days?\n\nFive." in content.text
    assert content.text.endswith("Forty.")
    assert codes(content) == []


def test_a_forwarded_mail_and_one_that_is_only_a_quote_stay_whole():
    forwarded = "See below.\n\n---------- Forwarded message ---------\nFrom: Bo Ek\nDate: Monday\nSubject: Leave\n\nFive days."

    assert "Five days." in mail(forwarded).text
    assert "> Five days." in mail("> Five days.\n> And no more.").text


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnn Lee\nHead of People",
        "Sent from my iPhone",
        "This e-mail and any files with it are confidential and intended solely for the person it is addressed to.",
    ],
)
def test_signatures_and_legal_notices_are_left_out_and_counted(signature):
    content = mail(f"You have five days.\n\n{signature}\n\nOn Monday, Bo Ek wrote:\n> How many days?\n")

    assert content.text == f"{TOP}\n\nYou have five days."
    assert codes(content) == ["quoted_reply", "signature"]


def test_quotes_and_signatures_of_html_mails_are_told_as_well():
    html = (
        "Content-Type: text/html\n\n<div>You have five days.</div><div>-- <br>Ann Lee</div>"
        "<div>On Mon, 12 Dec 2022 Bo Ek wrote:</div><blockquote>How many days?</blockquote>"
    )

    content = multipart("mixed", html)

    assert content.text == f"{TOP}\n\nYou have five days."
    assert codes(content) == ["quoted_reply", "signature"]


def test_attachments_are_documents_of_their_own_whose_names_lead_nowhere():
    csv = 'Content-Type: text/csv\nContent-Disposition: attachment; filename="../../a b.csv"\n\nx,y'
    again = csv.replace("x,y", "1,2")
    nameless = "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"%PDF-").decode()
    picture = "Content-Type: image/png\nContent-ID: <1>\n\nxx"
    empty = "Content-Type: application/zip\nContent-Disposition: attachment; filename=z.zip\n\n"

    content = multipart("mixed", PLAIN, csv, again, nameless, picture, empty)

    assert [(file.name, file.raw) for file in content.attachments[:3]] == [
        ("_.._a b.csv", b"x,y"),
        ("2-_.._a b.csv", b"1,2"),
        ("part-3.pdf", b"%PDF-"),
    ]
    assert content.attachments[3].refused == Refused(Reason.CORRUPT, "an attachment without content, or damaged in the mail")
    assert codes(content) == ["pictures_left_out"]


def test_a_mail_attached_to_a_mail_can_be_read_in_turn():
    inner = "Content-Type: message/rfc822\n\nFrom: Bo Ek <bo@x.example>\nDate: Fri, 9 Jun 2023 11:20:45 -0500\nSubject: Old: leave\n\nFour days."

    content = multipart("mixed", PLAIN, inner)

    assert [file.name for file in content.attachments] == ["Old_ leave.eml"]
    read = read_eml(content.attachments[0].raw)
    assert isinstance(read, Content)
    assert read.text.endswith("Four days.")


def test_a_file_inside_of_another_form_of_the_text_is_not_lost():
    other = (
        'Content-Type: multipart/mixed; boundary="in"\n\n--in\nContent-Type: text/html\n\n<p>Five days</p>\n'
        "--in\nContent-Type: text/csv\nContent-Disposition: attachment; filename=a.csv\n\nx,y\n--in--"
    )

    content = multipart("alternative", PLAIN, other)

    assert content.text.endswith("You have five days of leave in each year.")
    assert [file.name for file in content.attachments] == ["a.csv"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"Just some text.\n\nAnd more.", Reason.CORRUPT),
        (b"", Reason.CORRUPT),
        (b"From: a@b.example\nDate: Fri, 9 Jun 2023 11:20:45 -0500\n\n", Reason.EMPTY),
        (b"From: a@b.example\nContent-Type: application/pkcs7-mime\n\nabcd", Reason.ENCRYPTED),
    ],
)
def test_what_is_no_mail_or_says_nothing_is_refused(raw, reason):
    refused = read_eml(raw)

    assert isinstance(refused, Refused)
    assert refused.reason == reason


def test_parts_inside_of_parts_without_end_are_refused():
    text = HEADER
    for depth in range(60):
        text += f'Content-Type: multipart/mixed; boundary="e{depth}"\n\n--e{depth}\n'

    refused = read_eml((text + "\nx").encode())

    assert isinstance(refused, Refused)
    assert refused.reason == Reason.ARCHIVE_LIMIT


@given(
    st.lists(
        st.sampled_from(["One.", "> quoted", "", "-- ", "Ann", "On Monday, Bo Ek wrote:", "From: Bo", "Sent: x", "To: y"]), max_size=12
    )
)
@settings(max_examples=300, deadline=None)
def test_what_is_kept_is_the_beginning_of_the_text_and_no_line_goes_uncounted(lines):
    text = "\n".join(lines)

    kept, remarks = own_words(text)

    assert text.startswith(kept)
    counted = sum(int(remark.message.split()[0]) for remark in remarks)
    assert counted == sum(map(bool, lines)) - sum(map(bool, kept.split("\n")))


def sample() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <a@x.example>", "Bö <b@x.example>", "Fünf Tage"
    message.set_content("Fünf Tage.\n\n-- \nAnn\n")
    message.add_alternative("<p>Fünf <b>Tage</b>.</p>", subtype="html")
    message.add_attachment(b"x,y\n1,2\n", maintype="text", subtype="csv", filename="ä.csv")
    return message.as_bytes()


SAMPLE = sample()


@given(
    st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 30), st.binary(max_size=4)), min_size=1, max_size=6),
    st.booleans(),
)
@settings(max_examples=10_000 if os.environ.get("KILOPAIR_SOAK") else 300, deadline=None)
def test_a_mutated_mail_is_read_or_refused_always_alike(changes, is_cut):
    raw = SAMPLE
    for place, length, bytes_ in changes:
        raw = raw[:place] + bytes_ + (b"" if is_cut else raw[place + length :])

    found = read_eml(raw)

    assert found == read_eml(raw)
    assert isinstance(found, Refused) or found.text or found.attachments  # a mail may be nothing but what is attached


def test_of_ten_thousand_legal_notices_at_the_end_none_stays():
    notice = "This e-mail is confidential.\n\n  \n"

    assert own_words(f"Use 5 days.\n\n{notice * 10_000}")[0] == "Use 5 days."
