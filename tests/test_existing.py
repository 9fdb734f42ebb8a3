"""Every row of a file of existing pairs becomes a draft or is dropped with its number; wrong columns are said at once."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.existing import NO_SYSTEM, existing_drafts
from builder.select import select
from builder.validate import validate
from schemas.errors import InputError, RecipeError
from schemas.recipe import ExistingSection
from schemas.records import Draft, Dropped, Pair, Reason, Turn

FAQ = "Question,Answer,Topic\nHow much leave?,You get 30 days of leave a year.,HR\nWhere is it?,In Bern.,Office\n"
MAPPED = {"instruction": "Question", "output": "Answer"}


def read(folder, name, content, **mapping) -> list[Any]:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(existing_drafts([ExistingSection(path=name, **mapping)], folder))


def drafts(records):
    return [(record.instruction, record.output) for record in records if isinstance(record, Draft)]


def dropped(records):
    return [(record.reason, record.detail) for record in records if isinstance(record, Dropped)]


def talk(*contents, first="user"):
    roles = ("user", "assistant") if first == "user" else ("assistant", "user")
    return [{"role": roles[place % 2], "content": content} for place, content in enumerate(contents)]


def test_a_row_becomes_a_draft_that_says_where_it_is_from(tmp_path):
    one, other = read(tmp_path, "faq.csv", FAQ, task="faq", **MAPPED)

    assert (one.instruction, one.output, one.input, one.quotes) == ("How much leave?", "You get 30 days of leave a year.", "", ())
    assert (one.task, one.form, one.grounding, one.provenance.generator) == ("faq", "faq/as-written", "none", "existing")
    assert (one.provenance.chunk_id, one.provenance.rule) == ("", "faq.csv row 2")
    assert one.provenance.document_id == other.provenance.document_id
    assert one.group != other.group


def test_existing_pairs_are_valid_without_any_document(tmp_path):
    records: list[Any] = list(validate(read(tmp_path, "faq.csv", FAQ, **MAPPED), documents={}, max_words=50))

    assert [(type(record), record.evidence, record.grounding) for record in records] == [(Pair, (), "none")] * 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "question;answer\nWas?;Ärger „hier“\n".encode("cp1252")),
        ("a.csv", "﻿QUESTION,answer\nWas?,Ärger „hier“\n"),
        ("a.tsv", "question\tanswer\nWas?\tÄrger „hier“\n".encode("utf-16")),
        ("a.json", json.dumps([{"Question": "Was?", "answer": " Ärger „hier“ "}])),
        ("a.jsonl", json.dumps({"question": "Was?", "answer": "Ärger „hier“"}) + "\n"),
        ("a.csv", 'question,answer\nWas?,"Ärger\u200b „hier“"\n'),
    ],
)
def test_any_format_delimiter_encoding_and_case_of_columns_gives_the_same_pair(name, content, tmp_path):
    assert drafts(read(tmp_path, name, content, instruction="question", output="answer")) == [("Was?", "Ärger „hier“")]


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp")), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_no_row_is_lost(tmp_path_factory, rows):
    written = io.StringIO(newline="")
    csv.writer(written).writerows([("instruction", "input", "output"), *rows])

    records = read(tmp_path_factory.mktemp("rows"), "a.csv", written.getvalue(), input="input")

    assert len(records) == len(rows)
    assert len({record.id for record in records}) == len(rows)


def test_rows_without_question_or_response_are_dropped_with_their_number(tmp_path):
    records = read(tmp_path, "a.csv", "instruction,output\nWhy?,\n,Because.\n,\n\nWho?,Ann.\n\n")

    assert drafts(records) == [("Who?", "Ann.")]
    assert dropped(records) == [
        (Reason.BLANK, "row 2: it has no response"),
        (Reason.BLANK, "row 3: it has no question"),
        (Reason.BLANK, "row 4: it has no question and no response"),
        (Reason.BLANK, "row 5: it has no question and no response"),
    ]


def test_broken_lines_are_dropped_with_their_number_and_spoil_no_other(tmp_path):
    good = json.dumps({"instruction": "Who?", "output": "Ann."})
    records = read(tmp_path, "a.jsonl", "\n".join([good, "{oops", "[1]", "[" * 100_000, '{"instruction": "bad \\ud83d", "output": 7}']))

    assert drafts(records) == [("Who?", "Ann."), ("bad", "7")]
    assert [(reason, detail.split(":")[0]) for reason, detail in dropped(records)] == [(Reason.BAD_ROWS, f"row {n}") for n in (2, 3, 4)]
    assert all(json.dumps(record.model_dump(mode="json"), ensure_ascii=False).encode() for record in records)


def test_a_file_of_broken_lines_only_says_so_for_each(tmp_path):
    assert [reason for reason, _ in dropped(read(tmp_path, "a.jsonl", "{\n}\n"))] == [Reason.BAD_ROWS] * 2


def test_a_cell_cut_by_an_unquoted_delimiter_is_no_response(tmp_path):
    records = read(tmp_path, "a.csv", "instruction,output\nWho?,Ann, or Bob\nWhy?,So.,\n")

    assert drafts(records) == [("Why?", "So.")]
    assert dropped(records)[0][0] == Reason.BAD_ROWS
    assert "it has 3 cells, the header 2" in dropped(records)[0][1]


def test_a_quotation_mark_that_is_never_closed_is_said_and_not_trained_on(tmp_path):
    records = read(tmp_path, "a.csv", 'instruction,output\nWho?,Ann.\nWhy?,"So.\nWhere?,Here.\n')

    assert drafts(records) == [("Who?", "Ann.")]
    assert [reason for reason, _ in dropped(records)] == [Reason.BAD_ROWS]
    assert "never closed" in dropped(records)[0][1]


def test_a_row_that_says_the_same_as_another_is_dropped_and_named(tmp_path):
    records = read(tmp_path, "a.csv", "instruction,output\nWho?,Ann.\nWho?,Ann.\n")

    assert dropped(records) == [(Reason.DUPLICATE, "row 3: same as a.csv row 2")]


def test_rows_with_one_telling_response_word_one_fact_and_short_responses_do_not(tmp_path):
    long = "You get 30 days of leave."
    records = read(tmp_path, "a.csv", f"instruction,output\nHow much?,{long}\nHow many?,{long}\nMay I?,Yes.\nCan I?,Yes.\n")

    one, other, third, fourth = records
    assert one.group == other.group
    assert len({one.group, third.group, fourth.group}) == 3


@pytest.mark.parametrize(
    ("header", "mapping", "message"),
    [
        ("Question,Answer", {}, "no column instruction; did you mean instruction: Question? its columns are Question, Answer"),
        ("instruction,outptu", {}, "no column output; did you mean output: outptu? its columns are instruction, outptu"),
        ("instruction,output", {"input": "passage"}, "no column passage; its columns are instruction, output"),
        ("instruction,output,output", {}, "2 columns are called output; rename one"),
    ],
)
def test_a_missing_column_is_said_with_the_columns_that_are_there(header, mapping, message, tmp_path):
    with pytest.raises(RecipeError) as caught:
        read(tmp_path, "a.csv", f"{header}\na,b,c\n", **mapping)

    assert str(caught.value) == f"generate.existing: a.csv: {message}"


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.xlsx", "x", RecipeError, "save it as CSV, TSV, JSON or JSONL"),
        ("a.csv", "", InputError, "no rows"),
        ("a.csv", "instruction,output\n", InputError, "no rows"),
        ("a.csv", b"\x89PNG\x00\x00\x01" * 9, InputError, "binary data"),
        ("a.json", "{", InputError, "not valid JSON at line 1"),
        ("a.json", "{}", InputError, "must hold a list of objects"),
    ],
)
def test_a_file_of_no_use_is_said_at_once(name, content, error, message, tmp_path):
    with pytest.raises(error, match=message):
        read(tmp_path, name, content)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecipeError, match=r"no\.csv: no such file"):
        list(existing_drafts([ExistingSection(path=Path("no.csv"))], tmp_path))


@pytest.mark.parametrize("spelling", ["openai", "sharegpt"])
def test_a_conversation_becomes_history_question_and_response(spelling, tmp_path):
    turns = talk("Hi?", "Hello.", "How much leave?", "30 days.")
    names = {"user": "human", "assistant": "gpt"}
    spelled = turns if spelling == "openai" else [{"from": names[turn["role"]], "value": turn["content"]} for turn in turns]

    (one,) = read(tmp_path, "a.jsonl", json.dumps({"messages": spelled}), instruction="messages")

    assert (one.instruction, one.output) == ("How much leave?", "30 days.")
    assert one.history == (Turn(role="user", content="Hi?"), Turn(role="assistant", content="Hello."))


def test_what_the_system_says_is_left_out_and_flagged_and_a_column_may_hold_the_response(tmp_path):
    row = {"talk": [{"role": "system", "content": "Be kind."}, *talk("How much?")], "output": "30 days."}

    (one,) = read(tmp_path, "a.jsonl", json.dumps(row), instruction="talk")

    assert (one.history, one.instruction, one.output, one.flags) == ((), "How much?", "30 days.", (NO_SYSTEM,))


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], Reason.BLANK),
        (talk("How much?"), Reason.BLANK),
        (talk("How much?", " "), Reason.BLANK),
        (talk("Hello."), Reason.BLANK),
        ([{"role": "tool", "content": "x"}, *talk("a", "b")], Reason.BAD_ROWS),
        (["a", "b"], Reason.BAD_ROWS),
        ([{"role": "user", "content": [{"type": "text"}]}, *talk("b", first="assistant")], Reason.BAD_ROWS),
    ],
)
def test_a_conversation_that_cannot_be_read_is_dropped_with_its_reason(turns, reason, tmp_path):
    assert [found for found, _ in dropped(read(tmp_path, "a.jsonl", json.dumps({"messages": turns}), instruction="messages"))] == [reason]


def test_pairs_about_no_document_are_not_capped_as_if_they_were_of_one(tmp_path):
    rows = "".join(f"Word{n} of what?,It is number {n}.\n" for n in range(20))
    pairs: list[Any] = list(validate(read(tmp_path, "a.csv", f"instruction,output\n{rows}"), documents={}, max_words=50))
    homeless = [pair.model_copy(update={"provenance": pair.provenance.model_copy(update={"document_id": ""})}) for pair in pairs]
    paged = [pair.model_copy(update={"id": f"{pair.id}-p", "group": f"{pair.group}-p"}) for pair in pairs]

    chosen = select([*homeless, *paged], target=10, per_fact=1, per_document=0.2, seed=1)

    documents = [record.provenance.document_id for record in chosen if isinstance(record, Pair)]
    assert len(documents) == 10
    assert documents.count("") >= 8


ODD = "\x85\x0b\x0c\x1c\x1d\x1e\u2028\u2029"  # line ends to Python's splitlines, and to no spreadsheet


def test_a_cell_in_quotation_marks_may_hold_any_character_that_ends_lines_elsewhere(tmp_path):
    written = f'instruction,output\n"Why{ODD}so?","Be{ODD}cause\nof rain."\nWho?,Ann.\n'

    records = read(tmp_path, "a.csv", written)

    assert [draft[0].startswith("Why") for draft in drafts(records)] == [True, False]
    assert [record.provenance.rule for record in records] == ["a.csv row 2", "a.csv row 3"]
    assert drafts(records)[0][1].endswith("cause\nof rain.")


def test_what_is_shown_of_a_broken_row_is_that_row(tmp_path):
    written = f'instruction,output\n"Why{ODD}so?","Be{ODD}cause."\nWho?,"Ann"a.\nWhat?,Rain.\n'

    records = read(tmp_path, "a.csv", written)

    (broken,) = (record for record in records if isinstance(record, Dropped))
    assert broken.record["text"] == 'Who?,"Ann"a.'
    assert [question for question, _ in drafts(records)][1:] == ["What?"]
