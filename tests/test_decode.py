"""Bytes to text: every encoding that can be told, what is mended on the way, and what is refused."""

import codecs
import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Refused
from builder.readers.decode import Decoded, decode, decode_text
from schemas.records import Reason

CASES = 10_000 if os.environ.get("KILOPAIR_SOAK") else 300
LEAVE = "# Leave\n\nUse 5 days of café leave.\n"
FRENCH = "Le congé annuel est accordé à chaque salarié après une période d’essai. Élève, être, naïf, œuvre, ça, hôtel."
SWEDISH = "Semesterdagar får sparas i högst fem år. Åtgärder, överenskommelse, ägare, hälsa, också, på, från."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy. Zaměstnanec má nárok na dovolenou v délce čtyř týdnů."
RUSSIAN = "Обычный русский текст без латиницы. Отпуск предоставляется каждому работнику."
JAPANESE = "社員は年次有給休暇を取得できます。申請は上司に提出してください。"
CHINESE = "员工每年可以享受带薪年假。申请必须提前提交给部门经理。"
KOREAN = "직원은 매년 유급 휴가를 받을 수 있습니다. 신청서는 부서장에게 제출하십시오."
GREEK = "Η άδεια χορηγείται σε κάθε εργαζόμενο μετά από ένα έτος."


def decoded(raw: bytes) -> Decoded:
    found = decode_text(raw)
    assert isinstance(found, Decoded), found
    return found


def codes(raw: bytes) -> list[str]:
    return [remark.code for remark in decoded(raw).remarks]


def refused(raw: bytes) -> Reason:
    found = decode_text(raw)
    assert isinstance(found, Refused), found
    return found.reason


@pytest.mark.parametrize(
    ("raw", "encoding", "text"),
    [
        (LEAVE.encode(), "utf-8", LEAVE),
        (codecs.BOM_UTF8 + LEAVE.encode(), "utf-8-sig", LEAVE),
        (LEAVE.encode("utf-16"), "utf-16", LEAVE),
        (LEAVE.encode("utf-32"), "utf-32", LEAVE),
        (LEAVE.encode("utf-16-le"), "utf-16-le", LEAVE),
        (LEAVE.encode("utf-16-be"), "utf-16-be", LEAVE),
        (LEAVE.encode("utf-16-le") + b"x", "utf-16-le", LEAVE),
        (LEAVE.encode("utf-32-le"), "utf-32-le", LEAVE),
        (LEAVE.encode("utf-32-be"), "utf-32-be", LEAVE),
        (LEAVE.encode("cp1252"), "cp1252", LEAVE),
        (FRENCH.encode("cp1252"), "cp1252", FRENCH),
        (SWEDISH.encode("cp1252"), "cp1252", SWEDISH),
        (CZECH.encode("cp1250"), "cp1250", CZECH),
        (RUSSIAN.encode("cp1251"), "cp1251", RUSSIAN),
        (RUSSIAN.encode("koi8-r"), "koi8_r", RUSSIAN),
        (GREEK.encode("cp1253"), "cp1253", GREEK),
        (JAPANESE.encode("cp932"), "cp932", JAPANESE),
        (JAPANESE.encode("euc-jp"), "euc_jp", JAPANESE),
        (JAPANESE.encode("iso2022_jp"), "iso2022_jp", JAPANESE),
        (CHINESE.encode("gb18030"), "gb18030", CHINESE),
        (KOREAN.encode("cp949"), "cp949", KOREAN),
    ],
)
def test_the_same_words_in_any_encoding_are_the_same_text(raw, encoding, text):
    found = decoded(raw)

    assert (found.text, found.encoding) == (text, encoding)
    assert [remark.code for remark in found.remarks] == ([] if encoding.startswith("utf-8") else ["decoded_as"])


@pytest.mark.parametrize(
    ("declaration", "charset", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251", "windows-1251"),
        ('<?xml version="1.0" encoding="koi8-r"?>', "koi8-r", "koi8-r"),
        ('<meta charset="iso-8859-1">', "utf-8", "utf-8"),
        ('<meta charset="no-such-set">', "cp1251", "cp1251"),
        ('<meta charset="utf-7">', "cp1251", "cp1251"),
        ('<meta charset="utf-16">', "utf-8", "utf-8"),
    ],
)
def test_a_declared_character_set_counts_unless_it_is_none_or_the_bytes_are_plainly_utf_8(declaration, charset, encoding):
    found = decoded(f"{declaration}<p>{RUSSIAN}</p>".encode(charset))

    assert found.text.endswith(f"<p>{RUSSIAN}</p>")
    assert found.encoding == encoding


def test_a_declared_latin_1_is_read_as_browsers_read_it():
    assert decoded('<meta charset="iso-8859-1">“é”'.encode("cp1252")).text.endswith("“é”")


def test_lines_of_two_encodings_are_each_read_in_their_own():
    raw = "Übersicht\n".encode() * 3 + "Übersicht – €5\n".encode("cp1252")

    assert decode(raw) == ("Übersicht\n" * 3 + "Übersicht – €5\n", "mixed")
    assert [remark.message for remark in decoded(raw).remarks] == ["1 of its 5 lines are not UTF-8 and were read as cp1252, first line 4"]


def test_mojibake_is_mended_and_nothing_else_is():
    typed = "“Curly” ﬁne ＡＢＣ &amp; it’s ①"
    broken = "The employee’s leave “balance” is 240".encode().decode("cp1252", "replace").replace("�", "\x9d")

    found = decoded(f"{typed}\n{broken}\n".encode())

    assert found.text == f"{typed}\nThe employee’s leave “balance” is 240\n"
    assert [(remark.code, remark.message) for remark in found.remarks] == [
        ("mojibake", "1 lines were decoded wrongly before they were saved, and mended; first line 2")
    ]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=60).filter(str.isascii))
@settings(max_examples=50, deadline=None)
def test_plain_ascii_is_left_as_it_is(text):
    assert decoded(text.encode()) == Decoded(text, "utf-8")


@pytest.mark.parametrize("text", ["¿Cuántos días? ¡Mañana!", "Größe, Öl, Übung", RUSSIAN, JAPANESE, GREEK, KOREAN, "Æ ø å – “é” €5 ½ ²"])
def test_text_in_any_language_is_no_mojibake(text):
    assert decoded(text.encode()) == Decoded(text, "utf-8")


def test_control_characters_and_colours_of_a_terminal_are_removed_and_counted():
    raw = b"Leave\x00 is long.\n" + b"An ordinary line of text, without any control character in it.\n" * 5 + b"\x1b[31mred\x1b[0m\n"

    found = decoded(raw)

    assert found.text.startswith("Leave is long.\n")
    assert found.text.endswith("it.\nred\n")
    assert [(remark.code, remark.message.split(" ")[0]) for remark in found.remarks] == [("control_chars", "3")]


def test_more_control_characters_than_text_has_are_binary():
    assert refused(bytes(range(256)) * 8) == Reason.BINARY
    assert refused(b"Leave\x00 4 hours\n" * 20) == Reason.BINARY
    assert refused(random.Random(1).randbytes(20_000)) == Reason.BINARY


def test_a_few_letters_of_an_unknown_set_are_refused_rather_than_guessed():
    assert refused("Лето".encode("cp1251")) == Reason.UNKNOWN_ENCODING


def test_any_text_in_unicode_comes_back_whole():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        for text in (LEAVE, RUSSIAN, JAPANESE, KOREAN, "😀 and 𝔘"):
            assert decoded(text.encode(encoding)).text == text


def test_mutated_files_never_raise_and_take_no_time():
    seeds = [LEAVE.encode() * 3, FRENCH.encode("cp1252"), JAPANESE.encode("cp932"), LEAVE.encode("utf-16"), b'<meta charset="koi8-r">' * 2]
    dice = random.Random(5)
    start = time.process_time()

    for _ in range(CASES):
        raw = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 12)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        found = decode_text(bytes(raw[: dice.randint(1, len(raw))]))

        assert isinstance(found, Decoded | Refused)

    assert time.process_time() - start < 5 + CASES / 100


@pytest.mark.parametrize("raw", [b"a" * 500_000 + b"\xe9", "Ã©".encode() * 100_000, b"\xe9\n" * 100_000, "é".encode() * 300_000 + b"\xff"])
def test_a_huge_file_takes_seconds(raw):
    start = time.process_time()

    found = decode_text(raw)

    assert isinstance(found, Decoded | Refused)
    assert time.process_time() - start < 5
