"""CSV and JSON Lines."""

import json

import pytest

from builder.readers.content import Content, Refused
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
        ({"instruction": "Say hi", "input": "to Ann", "output": "Hi Ann"}, "## Say hi\n\nto Ann\n\nHi Ann"),
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
    assert content.metadata == {"rows": 2, "open_tickets": 1}


def test_a_file_of_open_tickets_is_refused():
    refused = read_jsonl('{"subject": "A", "description": "a", "status": "new"}')

    assert isinstance(refused, Refused)
    assert refused.reason == Reason.EMPTY


def test_bad_lines_are_counted_and_named_and_good_ones_kept():
    content = jsonl({"question": "a?", "answer": "b"}, "{oops", "", "[1]", "[" * 100_000, '{"x": ' + "9" * 5000 + "}", '{"v": NaN, "w": 1}')

    named = content.metadata["bad_rows_named"]

    assert (content.metadata["rows"], content.metadata["bad_rows"]) == (2, 4)
    assert isinstance(named, list)
    assert [str(line).split(":")[0] for line in named] == ["line 2", "line 4", "line 5", "line 6"]


def test_half_a_character_does_not_spoil_the_record():
    assert jsonl('{"question": "bad \\ud83d end?", "answer": "fine"}').text == "## bad end?\n\nfine"


def test_a_question_too_long_for_a_heading_is_quoted():
    text = jsonl({"instruction": "word " * 100, "output": "Yes."}).text

    assert text.startswith("## Record 1\n\n> word word")
    assert text.endswith("\n\nYes.")
