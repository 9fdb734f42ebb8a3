"""Anybody's rows become pairs whatever their columns are called; a bad row is dropped with its number, and wrong columns are said."""

import csv
import datetime as dt
import gzip
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from builder.curation.columns import FIELDS, parsed
from builder.curation.importing import import_pairs, pairs_of
from builder.curation.table import table
from builder.export import FORMATS, export, save_dataset
from builder.store import write_records
from schemas.errors import InputError, UsageError
from schemas.records import Dropped, Evidence, Pair, Provenance, Reason, Turn

ROWS = [
    {"instruction": "How much leave do I get?", "input": "", "output": "You get 30 days of leave a year."},
    {"instruction": "Say it shorter.", "input": "The office is in the city of Bern.", "output": "The office is in Bern."},
]
TEXTS = [("How much leave do I get?", "", "You get 30 days of leave a year.")]


def written(folder, name, rows):
    path = folder / name
    if name.endswith(".csv"):
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
    elif name.endswith(".json"):
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def imported(path, *options):
    return list(import_pairs(table(path), parsed(options)))


def texts(records):
    return [(record.instruction, record.input, record.output) for record in records if isinstance(record, Pair)]


def reasons(records):
    return [(str(record.reason), record.detail) for record in records if isinstance(record, Dropped)]


def turns(*contents, roles=("user", "assistant"), keys=("role", "content")):
    return [dict(zip(keys, (roles[place % 2], content), strict=True)) for place, content in enumerate(contents)]


QUESTION, _, ANSWER = TEXTS[0]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": QUESTION, "input": "", "output": ANSWER},
        {"instruction": QUESTION, "context": "", "response": ANSWER, "category": "open_qa"},
        {"prompt": QUESTION, "completion": ANSWER},
        {"prompt": turns(QUESTION), "completion": [{"role": "assistant", "content": ANSWER}]},
        {"Question": QUESTION, "Answer": ANSWER},
        {"frage": QUESTION, "antwort": ANSWER},
        {"messages": turns(QUESTION, ANSWER)},
        {"messages": [{"role": "system", "content": "Be brief."}, *turns(QUESTION, ANSWER)]},
        {"conversations": turns(QUESTION, ANSWER, roles=("human", "gpt"), keys=("from", "value"))},
        {"messages": json.dumps(turns(QUESTION, ANSWER))},
    ],
)
def test_the_columns_of_common_datasets_are_known(row, tmp_path):
    assert texts(imported(written(tmp_path, "pairs.jsonl", [row]))) == TEXTS


def test_columns_of_any_name_are_mapped_and_the_others_stay_with_the_pair(tmp_path):
    path = written(tmp_path, "faq.csv", [{"Was": QUESTION, "Darauf, kurz": ANSWER, "Seite": "7", "Note": "0.5"}])

    (pair,) = imported(path, "Was=instruction,Note=rating", "Darauf, kurz=output")

    assert texts([pair]) == TEXTS
    assert (pair.extra, pair.scores, pair.grounding, pair.provenance.rule) == ({"Seite": "7"}, {"rating": 0.5}, "none", "faq.csv row 2")


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.ndjson", "pairs.json", "pairs.csv", "pairs.jsonl.gz"])
def test_every_kind_of_file_gives_the_same_pairs(name, tmp_path):
    assert texts(imported(written(tmp_path, name, ROWS))) == [tuple(row.values()) for row in ROWS]


def test_json_with_a_line_for_each_object_is_understood(tmp_path):
    path = tmp_path / "lines.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    assert len(texts(imported(path))) == 2


def test_a_file_in_another_encoding_is_read(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"question": "Wo?", "answer": "In Zürich."}, ensure_ascii=False) + "\n", encoding="utf-16")

    assert texts(imported(path)) == [("Wo?", "", "In Zürich.")]


def test_earlier_turns_are_the_history_of_the_last_question(tmp_path):
    path = written(
        tmp_path,
        "talk.jsonl",
        [
            {"messages": turns("Leave?", "Yes.", "How much?", "30 days.")},
            {"instruction": "How much?", "output": "30 days.", "history": [["Leave?", "Yes."]], "id": 7},
        ],
    )

    one, other = (
        imported(path, "messages=messages")[0],
        imported(written(tmp_path, "h.jsonl", [json.loads(path.read_text().splitlines()[1])]))[0],
    )

    assert one.history == other.history == (Turn(role="user", content="Leave?"), Turn(role="assistant", content="Yes."))
    assert texts([one]) == texts([other]) == [("How much?", "", "30 days.")]
    assert other.extra == {"id": 7}


def test_an_answer_that_is_a_list_is_no_conversation(tmp_path):
    path = written(tmp_path, "json.jsonl", [{"instruction": "As JSON?", "output": '[{"a": 1}]'}, {"instruction": "And?", "output": ["a"]}])

    assert texts(imported(path)) == [("As JSON?", "", '[{"a": 1}]'), ("And?", "", '["a"]')]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"instruction": " ", "output": "x"}, "blank", "row 2: it has no question"),
        ({"instruction": "", "output": None}, "blank", "row 2: it has no question and no response"),
        ("no object", "bad_rows", "row 2: not a JSON object"),
    ],
)
def test_a_bad_row_is_dropped_with_its_number_and_spoils_no_other(row, reason, detail, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join([json.dumps(ROWS[0]), json.dumps(row), json.dumps(ROWS[1])]))

    records = imported(path)

    assert len(texts(records)) == 2
    assert reasons(records) == [(reason, detail)]
    assert records[1].record["row"] == 2


@pytest.mark.parametrize(
    ("talk", "detail"),
    [
        ("none", "its conversation is no list of turns"),
        (turns("a?"), "it has no response"),
        (turns("a?", "b", roles=("user", "user")), "turn 1 has no response"),
        (turns("a?", "b", "c", "d?", "e", roles=("assistant", "user")), "turn 1 is of the assistant again"),
        ([{"role": "user", "content": ["a"]}], "the content of turn 1 is no text"),
        ([{"role": "judge", "content": "a"}], "turn 1 is neither of a user nor of an assistant"),
        (turns("a?", " "), "turn 2 is blank"),
    ],
)
def test_a_conversation_that_cannot_be_told_is_dropped(talk, detail, tmp_path):
    records = imported(written(tmp_path, "talks.jsonl", [{"messages": turns(QUESTION, ANSWER)}, {"messages": talk}]))

    assert texts(records) == TEXTS
    assert detail in reasons(records)[0][1]


def test_lines_that_are_not_json_or_not_utf_8_are_dropped(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(json.dumps(ROWS[0]).encode() + b'\n{"instruction": \n{"instruction": "\xff"}\n\n' + b"[" * 100_000)

    assert [detail.split(" (")[0] for _, detail in reasons(imported(path))] == ["row 2: not JSON", "row 3: not UTF-8", "row 5: not JSON"]


def test_half_a_character_spoils_only_its_row(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"instruction": "a \ud800?", "output": "b"}) + "\n" + json.dumps(ROWS[0]))

    records = imported(path)
    write_records(tmp_path / "out.jsonl", records)

    assert len(texts(records)) >= 1


def test_a_row_that_says_the_same_as_another_is_dropped_and_says_which(tmp_path):
    records = imported(written(tmp_path, "pairs.jsonl", [ROWS[0], ROWS[1], ROWS[0]]))

    assert reasons(records) == [("duplicate", f"row 3: same as {records[0].id} of pairs.jsonl row 1")]
    assert records[2].record["extra"]["cluster"] == records[0].id
    assert len({record.id for record in records}) == 3


def test_rows_of_one_document_or_passage_share_what_the_split_keeps_together(tmp_path):
    rows = [{"q": f"{number}?", "a": f"answer {number}", "doc": "A" if number < 2 else "B", "part": number} for number in range(3)]

    by_document = imported(written(tmp_path, "d.jsonl", rows), "q=instruction,a=output,doc=document")
    by_passage = imported(written(tmp_path, "p.jsonl", rows), "q=instruction,a=output,doc=document,part=passage")

    assert [len({pair.provenance.document_id for pair in pairs}) for pairs in (by_document, by_passage)] == [2, 2]
    assert [len({pair.provenance.chunk_id for pair in pairs}) for pairs in (by_document, by_passage)] == [2, 3]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("question", "write it as COLUMN=FIELD"),
        ("question=instrution", "did you mean instruction?"),
        ("question=banana", "the fields are instruction, input"),
        ("instruction=question", "did you mean question=instruction?"),
        ("a=output,b=output", "output is mapped to a already"),
        ("questoin=instruction", "no column questoin; did you mean question=instruction?"),
    ],
)
def test_a_wrong_mapping_is_said_with_the_right_one(option, message, tmp_path):
    path = written(tmp_path, "pairs.jsonl", [{"question": "q?", "answer": "a"}])

    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        imported(path, option)


def test_columns_that_nothing_is_known_of_must_be_mapped(tmp_path):
    path = written(tmp_path, "pairs.csv", [{"was": "q?", "darauf": "a"}])

    with pytest.raises(
        InputError, match=r"hold questions or responses; its columns are was, darauf; .* --map was=instruction,darauf=output"
    ):
        imported(path)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("pairs.xlsx", b"", "of a kind that cannot be read"),
        ("pairs.jsonl", b"", "no rows"),
        ("pairs.json", b"{}", "must hold a list"),
        ("pairs.json", b" \n", "no rows"),
        ("pairs.json", b"[1", "not valid JSON"),
        ("pairs.jsonl.gz", b"no gzip", "cannot be read"),
        ("pairs.parquet", b"no parquet", "not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_one_line(name, content, error, tmp_path):
    (tmp_path / name).write_bytes(content)

    with pytest.raises((UsageError, InputError), match=error):
        imported(tmp_path / name)


def test_a_missing_file_and_an_empty_folder_are_said(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        imported(tmp_path / "gone.jsonl")
    with pytest.raises(UsageError, match="holds no file"):
        imported(tmp_path)


def own(number=0, **changes):
    return Pair(
        id=f"pair-{number}", task="qa", instruction=f"How much {number}?", output="30 days.", group="g", form="f",
        evidence=(Evidence(document_id="doc-1", start=3, end=10, quote="30 days"),), scores={"sibling": 1.0},
        provenance=Provenance(document_id="doc-1", chunk_id="chunk-1", generator="extractive"), extra={"page": 3},
        history=(Turn(role="user", content="Leave?"), Turn(role="assistant", content="Yes.")), **changes,
    )  # fmt: skip


def test_pairs_of_our_own_come_back_as_they_were(tmp_path):
    pairs = [own(0, split="train", status="selected"), own(1)]
    write_records(tmp_path / "pairs.jsonl", pairs)
    save_dataset(pairs, tmp_path / "set", facts={})

    as_records, as_dataset = imported(tmp_path / "pairs.jsonl"), imported(tmp_path / "set")

    assert as_records == as_dataset == [own(0), own(1)]


def test_a_row_of_our_own_that_is_damaged_is_dropped(tmp_path):
    write_records(tmp_path / "pairs.jsonl", [own(0)])
    with (tmp_path / "pairs.jsonl").open("a") as file:
        file.write(json.dumps(own(1).model_dump(mode="json") | {"output": ""}) + "\n")

    assert reasons(imported(tmp_path / "pairs.jsonl"))[0][0] == Reason.SCHEMA


@pytest.mark.parametrize("form", FORMATS)
def test_what_we_export_for_others_we_read_back(form, tmp_path):
    (path,) = export([own(0)], form, tmp_path)

    (pair,) = imported(path)

    assert (pair.instruction, pair.output, pair.history) == (own(0).instruction, own(0).output, own(0).history)


def test_data_frames_datasets_and_dicts_give_the_same_pairs(tmp_path):
    from datasets import Dataset
    from pandas import DataFrame

    frames = [ROWS, DataFrame(ROWS), Dataset.from_list(ROWS)]
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")

    assert [texts(pairs_of(rows)) for rows in frames] == [texts(pairs_of(ROWS))] * 3
    assert texts(imported(tmp_path / "saved")) == texts(pairs_of(ROWS))


def test_cells_that_a_data_frame_leaves_empty_are_empty():
    from pandas import DataFrame

    frame = DataFrame([{"instruction": "a?", "output": "b", "stars": 2.0}, {"instruction": "c?", "output": "d"}])

    assert [pair.scores for pair in pairs_of(frame, {"rating": "stars"}) if isinstance(pair, Pair)] == [{"rating": 2.0}, {}]


CELL = st.one_of(
    st.none(), st.text(max_size=12), st.integers(), st.floats(), st.lists(st.text(max_size=3), max_size=2), st.just(turns("a?", "b"))
)


@given(st.lists(st.dictionaries(st.sampled_from(["instruction", "input", "output", "history", "stars"]), CELL), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_no_row_is_lost_whatever_it_holds(rows):
    rows = [{"instruction": "first?", "output": "yes"}, *rows]

    records = list(pairs_of(rows, {"rating": "stars"} if any("stars" in row for row in rows) else {}))

    assert len(records) == len(rows)
    assert len({record.id for record in records}) == len(rows)
    assert all(json.loads(record.model_dump_json()) for record in records)


def test_the_fields_are_explained():
    assert all(FIELDS.values())


def test_cells_that_are_dates_or_no_numbers_are_read_as_people_read_them(tmp_path):
    answers = pa.array([dt.date(2020, 1, 2), None])
    parquet.write_table(pa.table({"question": ["When was it?", "When will it be?"], "answer": answers}), tmp_path / "dates.parquet")
    parquet.write_table(pa.table({"question": ["How many?", "How few?"], "answer": [float("nan"), 3.5]}), tmp_path / "numbers.parquet")

    dates, numbers = imported(tmp_path / "dates.parquet"), imported(tmp_path / "numbers.parquet")

    assert [record.output if isinstance(record, Pair) else record.reason for record in dates] == ["2020-01-02", Reason.BLANK]
    assert [record.output if isinstance(record, Pair) else record.reason for record in numbers] == [Reason.BLANK, "3.5"]


def test_infinity_is_no_answer(tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"question": "How big?", "answer": 1e999}\n{"question": "How small?", "answer": "1 cm"}\n')

    assert [type(record) for record in imported(tmp_path / "pairs.jsonl")] == [Dropped, Pair]


def test_one_row_in_another_form_spoils_no_other(tmp_path):
    rows = [{"question": f"What is {number}?", "answer": f"It is {number}."} for number in range(3)]

    made = imported(written(tmp_path, "pairs.jsonl", [*rows, {"messages": "oops"}]))

    assert [type(record) for record in made] == [Pair, Pair, Pair, Dropped]


def test_a_folder_with_files_of_several_kinds_is_refused_before_half_of_it_is_left_out(tmp_path):
    for name in ("a.jsonl", "b.csv"):
        (tmp_path / name).write_text("question,answer\n")

    with pytest.raises(UsageError, match=r"several kinds \(\.csv, \.jsonl\); name one file"):
        imported(tmp_path)


def test_of_a_folder_that_we_wrote_only_the_pairs_are_read(tmp_path):
    for name, line in (("pairs.jsonl", own().model_dump_json()), ("dropped.jsonl", "{}"), ("manifest.json", "{}")):
        (tmp_path / name).write_text(line + "\n")

    assert [record.id for record in imported(tmp_path)] == [own().id]
