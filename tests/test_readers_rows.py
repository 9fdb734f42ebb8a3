"""CSV and JSON Lines."""

import json
import os
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content, Refused, clean, one_line, table
from builder.readers.csv_rows import read_csv
from builder.readers.jsonl_rows import read_jsonl
from schemas.markdown import parse_blocks
from schemas.records import Reason


def csv(text: str) -> Content:
    content = read_csv(text)
    assert isinstance(content, Content), content
    return content


def jsonl(*rows: object) -> Content:
    content = read_jsonl("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    assert isinstance(content, Content), content
    return content


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_of_questions_becomes_sections_whatever_divides_its_cells(delimiter):
    rows = [["Question", "Answer"], ["How long?", '"Five days; or 6, if asked."'], ["", "lost"], ["When?", ""]]

    content = csv("\n".join(delimiter.join(row) for row in rows))

    assert content.text == "## How long?\n\nFive days; or 6, if asked."
    assert content.metadata["rows_without_answer"] == 2


def test_the_header_may_be_in_another_language_and_other_columns_are_named():
    content = csv("Datum,Frage,Antwort\n1.1.,Wie lange?,Fünf Tage\n")

    assert content.text == "## Wie lange?\n\nFünf Tage"
    assert content.metadata["columns_left_out"] == ["Datum"]


def test_questions_stand_under_their_product():
    content = csv("question,answer,product\nHow long?,5 days,Brook\nHow deep?,2 m,Brook\nHow heavy?,1 kg,Reef\n")

    assert content.text == "## Brook\n\n### How long?\n\n5 days\n\n### How deep?\n\n2 m\n\n## Reef\n\n### How heavy?\n\n1 kg"


def test_other_rows_become_a_table_with_every_cell():
    content = csv("part,price,,\nProbe | pH,64,x\nCap,27\n")

    assert content.text == "| part | price |  |  |\n|---|---|---|---|\n| Probe \\| pH | 64 | x |  |\n| Cap | 27 |  |  |"
    assert content.metadata == {"rows": 2, "ragged_rows": 2}
    assert [remark.code for remark in content.remarks] == ["ragged_rows"]


def test_a_lone_cell_above_the_header_is_the_title():
    content = csv("Stanley Cups,,\nTeam,Place,Cups\nBlues,STL,1\n")

    assert (content.title, content.text.split("\n")[0]) == ("Stanley Cups", "| Team | Place | Cups |")


@pytest.mark.parametrize("answer", ["```\nopen fence", "# not a heading", "words\n---", "<!-- open", "<script>", "~~~", "a\n# b\n==="])
def test_no_answer_can_swallow_the_question_after_it(answer):
    quoted = answer.replace('"', '""')
    text = csv(f'question,answer\nFirst?,"{quoted}"\nSecond?,Yes\n').text

    headings = [text[block.content.start : block.content.end] for block in parse_blocks(text) if block.kind == "heading"]

    assert headings == ["First?", "Second?"]


def test_a_list_in_an_answer_stays_a_list():
    text = csv('question,answer\nHow?,"Do this:\n\n1. one\n2. two"\n').text

    assert [block.kind for block in parse_blocks(text)] == ["heading", "paragraph", "list"]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"question": "How long?", "answer": "5 days"}, "## How long?\n\n5 days"),
        ({"instruction": "Say hi", "input": "to Ann", "output": "Hi Ann"}, "## Say hi\n\n```input\nto Ann\n```\n\nHi Ann"),
        (
            {
                "messages": [
                    {"role": "system", "content": "x"},
                    {"role": "user", "content": "How?"},
                    {"role": "assistant", "content": "So."},
                ]
            },
            "## How?\n\nSo.",
        ),
        (
            {"conversations": [{"from": "human", "value": "How?"}, {"from": "gpt", "value": "So."}, {"from": "human", "value": "And?"}]},
            "## How?\n\nSo.",
        ),
        (
            {"subject": "E17", "question": "What is\nE17?", "resolution": "Calibrate.", "status": "solved"},
            "## E17\n\n> What is\n> E17?\n\nCalibrate.",
        ),
        (
            {
                "subject": "E17",
                "status": "solved",
                "comments": [{"role": "end-user", "body": "E17!"}, {"role": "agent", "body": "Calibrate."}],
            },
            "## E17\n\n> E17!\n\nCalibrate.",
        ),
        (
            {"id": "P1", "price": 64, "tags": ["a", "b"], "none": None, "more": {"x": 1}},
            '## P1\n\n- id: P1\n- price: 64\n- tags: a, b\n- more: {"x": 1}',
        ),
        ({"name": "Probe", "text": "Long words.", "ok": True}, "## Probe\n\nLong words.\n\n- name: Probe\n- ok: true"),
        ({"value": 3}, "## Record 1\n\n- value: 3"),
    ],
)
def test_each_kind_of_record_becomes_a_section(row, text):
    assert jsonl(row).text == text


def test_open_tickets_are_left_out_and_counted():
    content = jsonl({"subject": "A", "question": "a?", "status": "open"}, {"subject": "B", "question": "b?", "resolution": "Done."})

    assert content.text == "## B\n\n> b?\n\nDone."
    assert content.metadata == {"rows": 2, "open_tickets": 1, "holds": {"": "ticket"}}
    assert [remark.code for remark in content.remarks] == ["open_tickets"]


def test_a_file_of_open_tickets_is_refused():
    refused = read_jsonl('{"subject": "A", "description": "a", "status": "new"}')

    assert isinstance(refused, Refused)
    assert refused.reason == Reason.EMPTY


def test_bad_lines_are_counted_and_named_and_good_ones_kept():
    content = jsonl({"question": "a?", "answer": "b"}, "{oops", "", "[1]", "[" * 100_000, '{"x": ' + "9" * 5000 + "}", '{"v": NaN, "w": 1}')

    named = content.metadata["bad_rows_named"]

    assert (content.metadata["rows"], content.metadata["bad_rows"]) == (3, 3)
    assert isinstance(named, list)
    assert [str(line).split(":")[0] for line in named] == ["line 2", "line 4", "line 5"]
    assert {remark.code for remark in content.remarks} == {"bad_rows", "not_a_number"}


def test_half_a_character_does_not_spoil_the_record():
    assert jsonl('{"question": "bad \\ud83d end?", "answer": "fine"}').text == "## bad end?\n\nfine"


def test_a_question_too_long_for_a_heading_is_quoted():
    text = jsonl({"instruction": "word " * 100, "output": "Yes."}).text

    assert text.startswith("## Record 1\n\n> word word")
    assert text.endswith("\n\nYes.")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_quoted_cells_that_hold_the_others(delimiter):
    others = "".join(sign for sign in ",;\t|" if sign != delimiter)
    lines = [["Part", "Words"], *([f"P{number}", f'"a{others * 3}b ""c"""'] for number in range(5))]

    text = csv("\n".join(delimiter.join(line) for line in lines)).text

    assert text.split("\n")[2] == "| P0 | " + " ".join(f'a{others * 3}b "c"'.split()).replace("|", "\\|") + " |"


def test_the_delimiter_that_excel_names_is_taken():
    assert csv("sep=;\nPart,x;Price\nProbe;6,5\n").text == "| Part,x | Price |\n|---|---|\n| Probe | 6,5 |"


def test_a_quotation_mark_that_is_never_closed_swallows_nothing():
    content = csv('question,answer\nFirst?,"Five days, or\nSecond?,"Two\nlines."\nThird?,Yes.\n')

    questions = [line for line in content.text.split("\n") if line.startswith("#")]

    assert questions == ["## First?", "## Second?", "## Third?"]
    assert "Two\nlines." in content.text
    assert [remark.message.split()[-1] for remark in content.remarks if remark.code == "broken_quotes"] == ["2"]


def test_a_cell_may_be_longer_than_the_limit_of_the_library():
    assert len(csv(f"part,words\nProbe,{'word ' * 40_000}\n").text) > 190_000


def test_questions_are_known_by_their_marks_where_no_column_has_a_name():
    rows = [f"Is rule {number} in force?,Rule {number} is in force since May,{number}" for number in range(5)]

    headed, bare = csv("\n".join(["Thema,Inhalt,No", *rows])), csv("\n".join(rows))

    assert headed.text == bare.text
    assert bare.text.startswith("## Is rule 0 in force?\n\nRule 0 is in force since May\n\n## Is rule 1")


def test_a_table_that_asks_only_now_and_then_stays_a_table():
    assert csv("part,note\nProbe,Is it new?\nCap,It is quite old now\nBox,It is quite new now\n").text.startswith("| part | note |")


def test_no_cell_is_lost_whatever_the_rows():
    for seed in range(200):
        draw = random.Random(seed)
        words = [[f"w{draw.randrange(1000)}" for _ in range(draw.randint(1, 4))] for _ in range(draw.randint(2, 6))]

        text = csv("\n".join(draw.choice(",;").join(f'"{word}"' for word in row) for row in words))

        assert set(re.findall(r"w\d+", f"{text.title} {text.text}")) == {word for row in words for word in row}


def test_no_damage_to_rows_raises():
    draw = random.Random(3)
    whole = 'question,answer\n"How, long?","Five ""days"""\n{"messages": [{"role": "user", "content": "Hi \\ud83d?"}]}\n{"subject": "a"}\n'
    for _ in range(10_000 if os.environ.get("KILOPAIR_SOAK") else 500):
        text = list(whole)
        for _ in range(draw.randint(1, 8)):
            text[draw.randrange(len(text))] = draw.choice(['"', "\n", ",", ";", "{", "[", "]", "\\", "\0", "\ud83d", "é", "", "null"])

        for read in (read_csv, read_jsonl):
            found = read("".join(text))

            assert isinstance(found, Content | Refused)
            assert not isinstance(found, Content) or found.text.encode()


def test_keys_said_twice_and_values_that_are_no_number_are_remarked_on():
    content = jsonl(
        '{"name": "A", "name": "Probe", "price": NaN, "size": 1e999, "weight": '
        + "9" * 400
        + ', "bad": "\\ud83d", "good": "\\ud83d\\ude00"}'
    )

    assert content.text == "## Probe\n\n- name: Probe\n- good: 😀"
    assert {remark.code: remark.message.split()[0] for remark in content.remarks} == {
        "not_a_number": "3",
        "duplicate_keys": "an",
        "lone_surrogate": "1",
    }


def test_later_turns_of_a_conversation_stand_below_its_first():
    turns = [
        {"role": role, "content": words}
        for role, words in (("user", "How?"), ("assistant", "So."), ("user", "And then?"), ("assistant", "Thus."))
    ]

    assert jsonl({"messages": turns}).text == "## How?\n\nSo.\n\n### And then?\n\nThus."


def test_fields_beside_question_and_answer_are_named():
    content = jsonl({"question": "How?", "answer": "So.", "owner": "Ann", "empty": ""})

    assert [remark.message for remark in content.remarks] == ["beside questions and answers: owner"]


@given(
    st.lists(
        st.text(alphabet=st.one_of(st.sampled_from("a |\\\t\r\n\x0b\x85\xa0\xad\u2028\u200b\ufeff\ud800é"), st.characters())), min_size=1
    )
)
@settings(max_examples=300, deadline=None)
def test_a_cell_is_written_alike_whatever_short_cut_it_takes(cells):
    row = table([cells]).split("\n")[0]

    assert row == "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in cells) + " |"
    assert all(clean(clean(cell)) == clean(cell) and "\r" not in clean(cell) and "\ud800" not in clean(cell) for cell in cells)


def test_every_character_that_nobody_sees_is_taken_out():
    unseen = [
        chr(code) for code in (*range(9), *range(14, 28), 31, *range(127, 133), 0xAD, 0x200B, 0x202A, 0x2066, 0xFEFF, 0xD800, 0xE0001)
    ]

    assert [clean(f"é{character}b") for character in unseen] == ["éb"] * len(unseen)


def test_one_wide_row_cannot_blow_up_the_table():
    refused = read_csv("a," * 3000 + "\n" + "b\n" * 3000)

    assert isinstance(refused, Refused)
    assert refused.reason == Reason.TOO_LARGE


def test_a_separator_line_cannot_name_the_quote_itself():
    assert "Probe" in csv('sep="\nPart,Price\nProbe,6\n').text
