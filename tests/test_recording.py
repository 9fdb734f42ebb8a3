"""Record and replay: what one journal holds, another answers with, and nothing damaged is taken for an answer."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.llm.calls import Message, Request
from generators.llm.journal import Journal
from generators.llm.recording import marks, record, replay_into
from schemas.errors import InputError

TEXTS = st.text(max_size=40)


def request(number: int, *, text: str = "", schema: str | None = None) -> Request:
    return Request("large", (Message("user", f"question {number} {text}"),), 64, {"seed": number}, schema, slot=f"rewriting/{number}")


def filled(path: Path, answers: list[tuple[Request, bytes]]) -> Journal:
    journal = Journal(path)
    for asked, raw in answers:
        journal.put(asked, raw, source="online")
    return journal


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    with filled(tmp_path / "first.sqlite", [(request(number), b'{"choices": []}') for number in range(3)]) as journal:
        record(journal, path)
    return path


@settings(max_examples=30, deadline=None)
@given(bodies=st.lists(st.tuples(TEXTS, st.none() | TEXTS, st.binary(min_size=1, max_size=60)), min_size=1, max_size=6))
def test_another_journal_answers_byte_for_byte_and_records_the_same(tmp_path_factory, bodies):
    folder = tmp_path_factory.mktemp("recording")
    asked = [(request(number, text=text, schema=schema or None), raw) for number, (text, schema, raw) in enumerate(bodies)]
    with filled(folder / "first.sqlite", asked) as first:
        count = record(first, folder / "one.jsonl")
    with Journal(folder / "second.sqlite") as second:
        new, known = replay_into(second, folder / "one.jsonl"), replay_into(second, folder / "one.jsonl")
        found = [second.get(one) for one, _ in asked]
        record(second, folder / "two.jsonl")
        sources = marks(second)["answers"]

    assert (count, new, known) == (len(asked), len(asked), 0)
    assert [stored.raw for stored in found if stored] == [raw for _, raw in asked]
    assert sources == {"replay": len(asked)}
    assert (folder / "one.jsonl").read_bytes().splitlines()[1:] == (folder / "two.jsonl").read_bytes().splitlines()[1:]


def test_the_first_line_says_what_it_is_and_only_the_owner_reads_it(recording: Path):
    header = json.loads(recording.read_text().splitlines()[0])

    assert (header["kind"], header["models"], header["answers"]) == ("kilopair recording", {"large": 3}, 3)
    assert header["recorded"].startswith("20")
    assert recording.stat().st_mode & 0o777 == 0o600


def test_an_answer_that_is_there_stays_and_the_manifest_can_say_where_each_came_from(recording: Path, tmp_path: Path):
    with filled(tmp_path / "second.sqlite", [(request(0), b'{"choices": [], "mine": 1}')]) as journal:
        journal.put(request(7), b"{}", source="batch")
        new = replay_into(journal, recording)
        kept, said = journal.get(request(0)), marks(journal)

    assert new == 2
    assert kept is not None
    assert b"mine" in kept.raw
    assert said["answers"] == {"batch": 1, "online": 1, "replay": 2}
    assert [(one["name"], one["answers"], len(one["sha256"])) for one in said["recordings"]] == [("answers.jsonl", 3, 64)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:40],
        lambda _: "null",
        lambda _: '{"raw": "x"}',
        lambda line: line.replace('"user"', '"pirate"'),
        lambda line: line.replace('"max_tokens":64', '"max_tokens":"64"'),
        lambda line: line.replace('"raw":', '"raw_base64":'),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_loaded(recording: Path, tmp_path: Path, damage):
    lines = recording.read_text().splitlines()
    recording.write_text("\n".join([*lines[:2], damage(lines[2]), lines[3]]) + "\n")

    with Journal(tmp_path / "second.sqlite") as journal, pytest.raises(InputError, match="line 3 is damaged"):
        replay_into(journal, recording)

    with Journal(tmp_path / "second.sqlite") as journal:
        assert marks(journal) == {"answers": {}, "recordings": []}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no recording"),
        ("hello\n", "is no recording"),
        ('{"kind": "other"}\n', "is no recording"),
        ("[1]\n", "is no recording"),
        ('{"kind": "kilopair recording", "version": 99, "answers": 0, "recorded": "2030"}\n', "another version"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str, problem: str):
    (tmp_path / "other.jsonl").write_text(text)

    with Journal(tmp_path / "journal.sqlite") as journal, pytest.raises(InputError, match=problem):
        replay_into(journal, tmp_path / "other.jsonl")


def test_a_recording_cut_off_between_lines_is_noticed(recording: Path, tmp_path: Path):
    recording.write_text("\n".join(recording.read_text().splitlines()[:-1]) + "\n")

    with Journal(tmp_path / "second.sqlite") as journal, pytest.raises(InputError, match="holds 2 of its 3 answers"):
        replay_into(journal, recording)


def test_a_missing_file_and_an_empty_journal_are_one_line_each(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(InputError, match="cannot be read"):
            replay_into(journal, tmp_path / "nowhere.jsonl")
        with pytest.raises(InputError, match="nothing to record"):
            record(journal, tmp_path / "out.jsonl")

    assert not (tmp_path / "out.jsonl").exists()


def test_a_recording_says_how_many_answers_are_of_which_model(tmp_path: Path):
    asked = [
        (request(number).but(model=model), b'{"choices": []}') for number, model in enumerate(["small", "large", 'the "new" one', "large"])
    ]
    with filled(tmp_path / "j.sqlite", asked) as journal:
        asyncio.run(journal.sent(request(9)))  # not answered, so it is not recorded
        count = record(journal, tmp_path / "answers.jsonl")

    header = json.loads((tmp_path / "answers.jsonl").read_text().splitlines()[0])
    assert (count, header["answers"], header["models"]) == (4, 4, {"large": 2, "small": 1, 'the "new" one': 1})
