"""Letters that are one glyph: none of them is lost, wherever they stand."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.readers.content import Content
from builder.readers.pdf_ligatures import join_ligatures
from builder.readers.pdf_pages import read_pdf
from tests.make_pdf import Line, Passwords, make_pdf, set_lines

TABLE = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <01> <00660066> endbfchar" + b" endcmap" * 20


def _stream(content: bytes) -> bytes:
    return b"1 0 obj <<>> stream\n" + zlib.compress(content) + b"\nendstream endobj\n"


def read(raw: bytes) -> str:
    content = read_pdf(raw)
    assert isinstance(content, Content), content
    return content.text


@pytest.mark.parametrize(
    ("word", "ligature"),
    [("Office", "ffi"), ("Effective", "ff"), ("Affluent", "ffl"), ("Oflag", "fl"), ("Afield", "fi"), ("Attend", "tt"), ("Ptisan", "ti")],
)
def test_a_heading_keeps_its_first_letters_before_a_ligature(word: str, ligature: str):
    body = set_lines(["Access to what you need depends on", "the place where you work every day."], y=140)
    heading = Line(f"{word.replace(ligature, chr(1))} supplies", y=100, size=18)

    text = read(make_pdf([[heading, *body]], ligature=ligature))

    assert text.startswith(f"# {word} supplies\n\n")


def test_ligatures_are_whole_in_links_tables_and_tagged_headings():
    rows = [("Item", "E\x01ort"), ("Pump", "640"), ("O\x01er", "27"), ("Valve", "81"), ("Hose", "9")]
    cells = [Line(cell, x=60 + 260 * column, y=200 + 20 * row) for row, cells in enumerate(rows) for column, cell in enumerate(cells)]
    page = [Line("O\x01er of today", y=100, tag="H2"), Line("O\x01 you go", y=140, link="https://a.example/o"), *cells]

    text = read(make_pdf([page], ligature="ff"))

    assert text.startswith("## Offer of today\n\n[Off you](https://a.example/o) go\n\n| Item | Effort |")
    assert "| Offer | 27 |" in text


def test_only_the_table_of_a_font_changes_and_no_place_in_the_file():
    raw = make_pdf([[Line("O\x01ce")]], ligature="ffi")

    joined, is_joined = join_ligatures(raw)

    changed = [place for place, (one, other) in enumerate(zip(raw, joined, strict=True)) if one != other]
    start = raw.index(b"/FlateDecode")
    assert is_joined
    assert changed
    assert start < changed[0] <= changed[-1] < raw.index(b"endstream", start)


def test_files_without_ligatures_are_left_alone():
    plain, locked = make_pdf([[Line("Office")]]), make_pdf([[Line("O\x01ce")]], ligature="ffi", passwords=Passwords("boss"))

    assert join_ligatures(plain) == (plain, False)
    assert join_ligatures(locked) == (locked, False)


@pytest.mark.parametrize("letter", ["\ua733", "\ua735", "\ua74f"])
def test_a_letter_that_stands_in_for_ligatures_elsewhere_stays_in_a_text_that_uses_it(letter: str):
    words = f"The scribe wrote h{letter}nd in the margin of the third leaf."

    assert read(make_pdf([[Line(words.replace(letter, chr(1)))]], ligature=letter)) == words


def test_a_ligature_is_left_alone_where_its_stand_in_is_in_use():
    raw = _stream(TABLE) + _stream(TABLE.replace(b"<00660066>", b"<A733>"))

    assert join_ligatures(raw) == (raw, False)


def test_streams_beyond_the_first_twenty_thousand_are_not_tried():
    noise, table = b"stream\n\x78\x9c\nendstream\n", _stream(TABLE)

    tried, left = join_ligatures(noise * 19_999 + table), join_ligatures(noise * 20_000 + table)

    assert (tried[1], left[1]) == (True, False)


def test_tables_beyond_forty_megabytes_are_not_looked_into():
    bomb, table = _stream(b"begincmap" + bytes(390_000)), _stream(TABLE)

    looked, left = join_ligatures(bomb * 100 + table), join_ligatures(bomb * 110 + table)

    assert (looked[1], left[1]) == (True, False)


@given(st.binary(max_size=300), st.integers(0, 300), st.booleans())
def test_damaged_tables_never_raise_and_keep_their_size(noise: bytes, place: int, compressed: bool):
    table = b"begincmap 1 beginbfchar <01> <006600660069> endbfchar" + noise
    stream = bytearray(zlib.compress(table) if compressed else table)
    stream[place : place + 2] = noise[:2]
    raw = b"1 0 obj <<>> stream\n" + bytes(stream) + b"\nendstream"

    assert len(join_ligatures(raw)[0]) == len(raw)
