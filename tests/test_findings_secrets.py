"""Secrets and personal data: what is found, what is not, and that a masked document holds none of it and nothing else changed."""

import base64
import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.findings.mask import MASKED, already_masked, guarded, masked, placeholder, sensitive
from builder.findings.personal import apart_from, iban, luhn, personal, steuer_id
from builder.findings.secrets import secrets
from schemas.findings import Finding, FindingsSection, shown
from schemas.records import Document, Remark

LETTERS = "".join(random.Random(7).choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=120))
SECRETS = [
    ("AWS access key", "AKIA" + "QWERTYUI7ASDFGH2"),
    ("GitHub token", "ghp_" + LETTERS[:36]),
    ("GitLab token", "glpat-" + LETTERS[:20]),
    ("Slack token", "xoxb-" + "123456789012-" + LETTERS[:24]),
    ("Google API key", "AIza" + LETTERS[:35]),
    ("Stripe key", "sk_live_" + LETTERS[:24]),
    ("model API key", "sk-proj-" + LETTERS[:48]),
    ("Hugging Face token", "hf_" + LETTERS[:34]),
    ("npm token", "npm_" + LETTERS[:36]),
    ("signed web token", "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:30] + "." + LETTERS[:43]),
    ("private key", "-----BEGIN RSA PRIVATE KEY-----\n" + LETTERS[:64] + "\n" + LETTERS[64:] + "\n-----END RSA PRIVATE KEY-----"),
]
ASSIGNED = [
    ("password: {}", "Sunny-Beach-42!x"),
    ("DB_PASSWORD={}", "tr0ub4dor&3"),
    ("api_key = '{}'", "9f8e7d6c5b4a3210"),
    ("| Wi-Fi password | {} |", "Blue7Horse9"),
    ("The password is `{}`.", "hunter2hunter2"),
    ("Das Passwort lautet {}", "Regen-Tag-17"),
    ("Authorization: Bearer {}", "abcdef1234567890abcdef"),
    ("postgres://app:{}@db.example.com/x", "s3cretPW"),
]
HARMLESS = [
    "Passwords must have at least 12 characters and one digit.",
    "Password: required. Token: see below. Secret: none.",
    "Set api_key to ${API_KEY} or password: <your-password1>.",
    "password = os.environ['DB_PASSWORD_2']",
    "Key dates: 2024-01-31. Access key: 01.02.2024",
    "See [token rules](token-rules-2024.md) and sk-learn-based-models-for-text-classification",
    "The password is at least 14 characters long. Your password: ************",
    "user:password@ is how it looks: https://user:${PASSWORD}@host.example",
]
PERSONAL = [
    ("email", "jane.doe+hr@mail.example.com"),
    ("phone", "+49 30 901820"),
    ("phone", "(877) 472-6716"),
    ("phone", "888-262-7848"),
    ("payment_card", "4111 1111 1111 1111"),
    ("payment_card", "371449635398431"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("national_id", "078-05-1120"),
    ("national_id", "AB 12 34 56 C"),
    ("national_id", "756.9217.0769.85"),
    ("national_id", "MRTMTT91D08F205J"),
    ("national_id", "2 55 08 14 168 025 38"),
    ("ip_address", "192.168.10.12"),
    ("ip_address", "2001:db8::8a2e:370:7334"),
]
NOT_PERSONAL = [
    "Order 4111 1111 1111 1112 and invoice 1234567890123456.",
    "Version 10.12.13.14, section 2.1.3.4, mask 255.255.255.0, at 10:20:30.",
    "From 2024-01-02 to 2024-12-31, 1.000.000 units, 12,500,000 in all, part 100-200-3000.",
    "logo@2x.png and git@github.com:owner/name",
    "DE89 3704 0044 0532 0130 01 fails its check; XX12 3456 7890 1234 is no country.",
    "000-12-3456 and 923-45-6789 are never given out.",
]
ALL = FindingsSection(secret="mask", email="mask", phone="mask", payment_card="mask", iban="mask", national_id="mask", ip_address="mask")


def document(text: str, **fields: object) -> Document:
    return Document.of(path="a.md", title="A", format="markdown", text=text, raw=b"x").model_copy(update=fields)


@pytest.mark.parametrize(("name", "secret"), SECRETS, ids=[name for name, _ in SECRETS])
def test_keys_and_tokens_are_known_by_their_shape(name: str, secret: str):
    text = f"Use this one:\n\n{secret}\n\nand no other."

    assert [(found, text[start:end]) for found, start, end in secrets(text)] == [(name, secret)]


@pytest.mark.parametrize(("sentence", "secret"), ASSIGNED)
def test_a_password_is_known_by_what_stands_before_it(sentence: str, secret: str):
    text = sentence.format(secret)

    assert [text[start:end] for _, start, end in secrets(text)] == [secret]


@pytest.mark.parametrize("text", HARMLESS)
def test_talk_about_secrets_is_no_secret(text: str):
    assert [text[start:end] for _, start, end in secrets(text)] == []


def test_a_secret_is_found_wherever_it_stands_again():
    text = "password: Sunny-Beach-42\n\nLater somebody wrote Sunny-Beach-42 on the wall."

    assert [text[start:end] for _, start, end in secrets(text)] == ["Sunny-Beach-42"] * 2


@pytest.mark.parametrize(("rule", "value"), PERSONAL)
def test_personal_data_is_found(rule: str, value: str):
    text = f"Write to {value} today."

    assert [(found, text[start:end]) for found, _, start, end in personal(text)] == [(rule, value)]


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_numbers_that_fail_their_check_are_no_personal_data(text: str):
    assert [text[start:end] for _, _, start, end in personal(text)] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Steuer-ID: 86 095 742 719", "86 095 742 719"),
        ("BSN 111222333", "111222333"),
        ("DNI: 12345678Z", "12345678Z"),
        ("SIN 046 454 286", "046 454 286"),
    ],
)
def test_a_bare_row_of_digits_counts_next_to_a_word_that_says_what_it_is(text: str, value: str):
    found = [text[start:end] for rule, _, start, end in personal(text) if rule == "national_id"]

    assert found == [value]
    assert [rule for rule, _, _, _ in personal(f"Part {value}") if rule == "national_id"] == []


@given(st.text("0123456789", min_size=11, max_size=11), st.integers(1, 9))
def test_one_wrong_digit_fails_every_check(digits: str, more: int):
    def other(text: str, place: int) -> str:
        return text[:place] + str((int(text[place]) + more) % 10) + text[place + 1 :]

    good = next(f"400000{digits[:9]}{last}" for last in range(10) if luhn(f"400000{digits[:9]}{last}"))
    account = f"DE{98 - int(digits * 2 + '131400') % 97:02}{digits * 2}"

    assert iban(account)
    assert not iban(other(account, 9))
    assert not luhn(other(good, 8))
    assert not steuer_id("0" + digits[1:])


def test_masking_keeps_every_offset_and_hides_every_secret_from_the_text_the_title_and_the_front_matter():
    text = "# Rota of jane@example.com\n\npassword: Sunny-Beach-42\n\n" + SECRETS[-1][1] + "\n\nCall +49 30 901820.\n"
    remarks = (Remark(code="x", message="sent by jane@example.com"),)
    metadata = {"owner": ["jane@example.com"], "api_key": "abCD1234efGH", "year": 2024}
    before = document(text, title="Rota of jane@example.com", metadata=metadata, remarks=remarks)

    after = guarded(before, ALL)

    assert len(after.text) == len(text)
    assert after.id != before.id
    assert [place for place, character in enumerate(text) if character == "\n"] == [
        place for place, character in enumerate(after.text) if character == "\n"
    ]
    assert after.text.startswith("# Rota of [e-mail]••••••••\n\npassword: [secret]••••••\n\n[secret]•")
    written = after.model_dump_json()
    assert [hidden for hidden in ("jane@", "Sunny-Beach", LETTERS[:20], "901820", "abCD1234efGH") if hidden in written] == []
    assert after.metadata["year"] == 2024
    assert {finding.rule for finding in already_masked(after)} == {"secret", "email", "phone"}
    assert all(place.document_id == after.id for finding in already_masked(after) for place in finding.places)


def test_masking_twice_is_masking_once():
    once = guarded(document("password: Sunny-Beach-42, jane@example.com, 078-05-1120\n"), ALL)

    assert guarded(once, ALL) == once
    assert sensitive(once, ALL) == []


def test_what_the_policy_allows_stays_and_what_it_stops_at_is_masked_all_the_same():
    text = "jane@example.com has 078-05-1120\n"

    allowed = guarded(document(text), FindingsSection())
    stopped = guarded(document(text), FindingsSection(national_id="stop"))

    assert allowed == document(text)
    assert stopped.text == "jane@example.com has [id]•••••••\n"
    assert [finding.action for finding in already_masked(stopped)] == ["stop"]


def test_front_matter_that_calls_itself_masked_is_no_finding():
    assert already_masked(document("x", metadata={MASKED: True})) == ()
    assert already_masked(document("x", metadata={MASKED: [{"kind": "secret"}]})) == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from([value for _, value in (*SECRETS, *PERSONAL)])), max_size=8))
def test_masking_changes_the_spans_of_the_findings_and_nothing_else(parts: list[str]):
    before = document(" ".join(parts) + "\n")
    found = sensitive(before, ALL)

    after = masked(before, found)

    hidden = {at for finding in found for place in finding.places for at in range(place.start, place.end)}
    assert len(after.text) == len(before.text)
    assert all(after.text[at] == character for at, character in enumerate(before.text) if at not in hidden)
    for finding in found:
        for place in finding.places:
            assert after.text[place.start : place.end] == placeholder(finding.rule, before.text[place.start : place.end])


@given(st.text(min_size=1, max_size=60))
def test_of_a_secret_no_more_than_a_quarter_is_shown(secret: str):
    said = shown(secret)

    assert said == f"{secret[: min(4, len(secret) // 4)]}… ({len(secret)} characters)"


def test_no_finding_says_the_secret():
    token = "ghp_" + base64.b64encode(random.Random(3).randbytes(27)).decode().replace("+", "a").replace("/", "b")
    found: list[Finding] = sensitive(document(f"token {token} of jane@example.com\n"), FindingsSection())

    written = " ".join(finding.model_dump_json() for finding in found)

    assert len(found) == 2
    assert token[5:] not in written
    assert "ghp_… (40 characters)" in written
    assert "jane@" not in written


def test_a_long_list_of_people_and_passwords_is_masked_line_by_line_in_little_time():
    draw = random.Random(0)
    people = [(f"person{number}@example.com", f"+49 30 {number + 1000000}") for number in range(8000)]
    codes = ["".join(draw.choices(string.ascii_letters + string.digits, k=12)) + "7a" for _ in range(1500)]
    lines = [*(f"- {email}, {phone}" for email, phone in people), *(f"- password: {code}" for code in codes)]
    sheet = document("\n".join(lines) + "\n")
    started = time.process_time()

    found = sensitive(sheet, FindingsSection())

    places = {finding.name: finding.places for finding in found}
    assert [place.line for place in places["e-mail address"]] == [place.line for place in places["telephone number"]] == [*range(1, 8001)]
    assert {place.line for place in places["password"]} >= {
        8001 + at for at, code in enumerate(codes) if list(secrets(f"password: {code}"))
    }
    assert time.process_time() - started < 5


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8), st.integers(0, 30), st.integers(1, 9))
def test_a_span_is_apart_from_others_or_overlaps_one(others: list[tuple[int, int]], start: int, length: int):
    spans = [(begin, begin + size) for begin, size in others]

    assert apart_from(spans)(start, start + length) == all(stop <= start or start + length <= begin for begin, stop in spans)
