"""What an evaluation file asks is not trained on, and the file and row are said."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from builder.curation.contaminate import BATCH, Reference, decontaminate, references, runs
from builder.curation.texts import Vocabulary
from builder.rouge import rouge_l, words
from schemas.errors import InputError, UsageError
from schemas.records import Dropped, Pair, Provenance, Reason

LONG = "a customer who wants to return an opened pack of filters asks you what to do"
WORDS = st.lists(st.sampled_from("abcde"), max_size=12).map(" ".join)


def pair(instruction, source="", number=0):
    return Pair(
        id=f"pair-{number}",
        task="t",
        instruction=instruction or "?",
        input=source,
        output="It is so.",
        evidence=(),
        grounding="none",
        provenance=Provenance(document_id="", chunk_id="", generator="test"),
        group="g",
        form="f",
    )


def against(*texts):
    return [Reference("exam.csv", number + 2, text) for number, text in enumerate(texts)]


def details(pairs, references, **given):
    return [record.detail if isinstance(record, Dropped) else "" for record in decontaminate(pairs, references, **given)]


def test_a_near_question_goes_and_the_file_and_row_are_said():
    out = list(
        decontaminate(
            [pair("What is the notice period for staff?"), pair("Who waters the plants?")],
            against("?", "What's the notice period for staff"),
        )
    )

    assert isinstance(out[0], Dropped)
    assert (out[0].stage, out[0].reason) == ("decontaminate", Reason.CONTAMINATED)
    assert out[0].detail.startswith("exam.csv row 3: ROUGE-L 0.8")
    assert out[0].record["instruction"] == "What is the notice period for staff?"
    assert isinstance(out[1], Pair)


def test_eight_words_in_a_row_of_a_reference_are_enough_in_instruction_or_input():
    said = pair(f"Suppose {LONG}. Please draft an answer of three sentences, friendly and short, and name the form they need for it.")
    given = pair("Answer it in a friendly way, and shortly.", f"It is Friday evening, late, and {LONG} with a pack bought long ago abroad.")
    seven = pair("Tell me why a customer who wants to return an apple is angry.")

    found = details([said, given, seven], against(LONG))

    assert found == ["exam.csv row 2: 8 words in a row are the same"] * 2 + [""]
    assert details([said, given], against(LONG), shared=0) == ["", ""]


def test_the_frame_of_a_file_is_no_contamination():
    frame = "you are asked by a colleague of the sales team about "
    asked = [
        "rain",
        "a very old and rusty bicycle chain",
        "filters",
        "the opening hours of both shops in town",
        "pumps",
        "the annual report for the board",
    ]

    assert details(
        [pair(f"{frame}weather in the mountains tomorrow morning")], against(*(frame + thing for thing in asked)), rouge_l=1
    ) == [""]


def test_siblings_of_a_reference_stay_unless_asked_for():
    sibling = [pair("What is the price of the Brook 200?")]
    reference = against("What is the price of the Reef 400?")

    assert details(sibling, reference) == [""]
    assert details(sibling, reference, siblings=False) == ["exam.csv row 2: ROUGE-L 0.75"]


def test_vectors_find_what_means_the_same():
    vectors = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32), np.array([[0, 1], [0.98, 0.2]], dtype=np.float32)

    assert details([pair("One?"), pair("Two?")], against("Three?", "Four?"), vectors=vectors) == [
        "exam.csv row 3: means what it means, cosine 0.98",
        "",
    ]
    assert details([pair("One?")], [], vectors=(vectors[0][:1], np.empty((0, 2), np.float32))) == [""]


def runs_of(text, size):
    said = text.split()
    return {tuple(said[at : at + size]) for at in range(len(said) - size + 1)}


@given(st.lists(WORDS, max_size=20), st.lists(WORDS, max_size=6), st.sampled_from([2, 3, 8]))
@settings(max_examples=100, deadline=None)
def test_the_decisions_are_those_of_a_comparison_with_every_reference(asked, held, size):
    pairs = [pair(text, number=number) for number, text in enumerate(asked)]

    out = list(decontaminate(pairs, against(*held), shared=size))

    holders = Counter(run for text in held for run in runs_of(text, size))
    telling = {run for run, count in holders.items() if count <= 3}

    def contaminated(text):
        said = text.split()
        near = any(said and other.split() and rouge_l(said, other.split()) > 0.7 for other in held)
        return near or bool(runs_of(text, size) & telling)

    assert [record.id for record in out] == [pair.id for pair in pairs]
    assert [isinstance(record, Dropped) for record in out] == [contaminated(text) for text in asked]


def test_many_pairs_are_looked_up_batch_by_batch():
    pairs = [pair(f"What is thing {number}?", number=number) for number in range(BATCH + 3)]

    found = details(pairs, against(f"What is thing {BATCH + 1}?"))

    assert [place for place, detail in enumerate(found) if detail] == [BATCH + 1]


@given(st.lists(WORDS, max_size=6), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_runs_are_told_apart_by_their_words_and_their_order(texts, size):
    hashes, rows = runs(Vocabulary().encode(words(text) for text in texts), size)

    expected = [(tuple(text.split()[at : at + size]), row) for row, text in enumerate(texts) for at in range(len(text.split()) - size + 1)]
    assert rows.tolist() == [row for _, row in expected]
    assert len(set(hashes.tolist())) == len({run for run, _ in expected})


def test_references_are_read_from_files_of_rows(tmp_path):
    (tmp_path / "exam.csv").write_text("id,Question,answer\n1,What is it?,That.\n2,,Nothing.\n3,Who?,They.\n", encoding="utf-8")
    (tmp_path / "exam.jsonl").write_text(
        json.dumps({"instruction": "Sum up.", "input": "All is well.", "output": "Fine."}) + "\n", encoding="utf-8"
    )

    assert references(tmp_path / "exam.csv") == [Reference("exam.csv", 2, "What is it?"), Reference("exam.csv", 4, "Who?")]
    assert references(tmp_path / "exam.jsonl") == [Reference("exam.jsonl", 1, "Sum up. All is well.")]
    assert references(tmp_path / "exam.csv", columns=["answer"])[0].text == "That."


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("exam.docx", b"", (), "of a kind that cannot be read; give JSONL, JSON"),
        ("exam.csv", b"a,b\n1,2\n", (), "exam.csv: no column is known to hold questions; its columns are a, b; name the columns that ask"),
        ("exam.csv", b"task,input\n1,2\n", (), "input alone being a text that questions are about; its columns are task, input"),
        ("exam.csv", b"question\n1\n", ("asked",), "exam.csv: has no column asked; its columns are question"),
        ("exam.csv", b"question,answer\n,1\n", (), "exam.csv: nothing stands in question; name the columns"),
        ("exam.csv", b"\xff\xfeq", (), "exam.csv: in no character set that kilopair can tell for sure"),
        ("exam.jsonl", b"", (), "exam.jsonl: no rows, so nothing to look for"),
        ("exam.jsonl", b'{"question": "a?"}\n{oops\n', (), "exam.jsonl row 2: not JSON"),
        ("exam.jsonl", b'{"messages": [{"role": "x", "content": "a?"}]}\n', (), "exam.jsonl row 1: turn 1 is neither of a user"),
    ],
)
def test_a_file_without_questions_is_an_error_that_says_why(tmp_path, name, content, columns, message):
    (tmp_path / name).write_bytes(content)

    with pytest.raises((InputError, UsageError)) as error:
        references(tmp_path / name, columns=columns)

    assert message in str(error.value)


def test_a_missing_file_of_questions_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.csv: no such file"):
        references(tmp_path / "gone.csv")


def test_every_question_of_a_conversation_is_a_reference(tmp_path):
    talk = [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": "That."}, {"from": "human", "value": "Why?"}]
    (tmp_path / "exam.json").write_text(json.dumps([{"conversations": talk}]), encoding="utf-8")

    assert references(tmp_path / "exam.json") == [Reference("exam.json", 1, "What is it?"), Reference("exam.json", 1, "Why?")]


def test_a_benchmark_may_be_a_parquet_file_or_in_another_encoding(tmp_path):
    parquet.write_table(pa.table({"prompt": ["What is it?", None]}), tmp_path / "exam.parquet")
    (tmp_path / "exam.csv").write_text("question\nWas heißt Café?\n", encoding="latin-1")

    assert references(tmp_path / "exam.parquet") == [Reference("exam.parquet", 1, "What is it?")]
    assert references(tmp_path / "exam.csv")[0].text == "Was heißt Café?"


def test_a_named_column_alone_may_be_the_input(tmp_path):
    (tmp_path / "exam.jsonl").write_text(json.dumps({"input": "Who was it?", "target": "He."}) + "\n", encoding="utf-8")

    assert references(tmp_path / "exam.jsonl", columns=["input"]) == [Reference("exam.jsonl", 1, "Who was it?")]
