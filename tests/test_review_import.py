"""Decisions taken in from files: each once, none lost, whatever the file has been through."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.decisions import write_sheet
from builder.review.decide import Deciding
from builder.review.fold import standings
from builder.review.importing import NO_REASON, Here, Reviewable, import_decisions
from builder.review.log import ReviewLog
from builder.review.opened import opened_review
from builder.review.repair import Settings
from schemas.errors import UsageError
from schemas.records import Pair, Provenance
from schemas.review import Event, Texts, said_key
from tests.review_side import made

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def pair(number: int, *, chunk: str = "chunk-1") -> Pair:
    question, answer = f"How many desks are in room {number}?", f"Room {number} has {number} desks."
    origin = Provenance(document_id="doc-1", chunk_id=chunk, generator="extractive")
    return Pair(
        id=f"pair-{chunk}-{number}", task="question_answering", instruction=question, output=answer, evidence=(), provenance=origin,
        group=f"fact-{number}", form="count", grounding="none",
    )  # fmt: skip


PAIRS = [pair(number) for number in range(1, 7)]
ITEMS = {one.id: Reviewable(said_key(one), "doc-1") for one in PAIRS}


def no_problem(_item: str, texts: Texts) -> str:
    return "" if texts.output.strip() else "output: is empty"


HERE = Here(ITEMS, no_problem)


def event(number: int, action: str = "accept", *, by: str = "ann", minutes: int = 0, **more) -> Event:
    about = PAIRS[number - 1]
    if action == "reject":
        more.setdefault("reason", "wrong")
    values = {"op": f"op-{by}-{number}-{action}-{minutes}", "item": about.id, "key": said_key(about), "reviewer": by, "action": action}
    return Event(**(values | {"at": START + timedelta(minutes=minutes)} | more))


def write(path: Path, *lines: Event | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else line.model_dump_json()) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path):
    (tmp_path / "workspace").mkdir()
    with ReviewLog(tmp_path / "workspace") as opened:
        yield opened


def states(log: ReviewLog) -> dict[str, str]:
    return {item: standing.state for item, standing in standings(log.events()).items()}


def test_a_file_of_decisions_is_taken_in_once_however_often_it_is_imported(tmp_path: Path, log: ReviewLog):
    after = Texts(instruction="How many desks has room 3?", output="Three.")
    path = write(tmp_path / "ann.jsonl", event(1), event(2, "reject", reason="outdated"), event(3, "edit", after=after), event(4, "skip"))

    first, again = (import_decisions(path, log, HERE, reviewer="me") for _ in range(2))

    assert (first.stored, first.known, first.left, first.reviewers) == (4, 0, (), ("ann",))
    assert (again.stored, again.known, again.left) == (0, 4, ())
    assert states(log) == dict(zip(ITEMS, ("accepted", "rejected", "edited", "skipped"), strict=False))
    assert [(one.key, one.document) for one in log.events()] == [ITEMS[one.item] for one in log.events()]
    assert not (tmp_path / "ann.rejected.jsonl").exists()


def test_what_cannot_be_stored_is_told_with_its_line_and_kept_in_a_file_beside(tmp_path: Path, log: ReviewLog):
    whole = event(2).model_dump_json()
    lines = [
        event(1), "", whole[: len(whole) // 2], '{"id": "pair-x"}', "[1, 2]", event(3).model_dump_json().replace('"accept"', '"adopt"'),
        event(4).model_copy(update={"item": "pair-elsewhere", "key": "said-elsewhere"}), event(5, "undo", undoes="op-never-seen"), event(6),
    ]  # fmt: skip
    path = write(tmp_path / "ann.jsonl", *lines)

    found = import_decisions(path, log, HERE, reviewer="me")

    assert [one.line for one in found.left] == [3, 5, 6, 7, 8]
    assert [one.split(";")[0] for one in (left.problem for left in found.left)] == [
        "not valid JSON, or cut off",
        "no decision: not an object in braces",
        "action: input should be 'accept', 'reject', 'edit', 'repair', 'skip', 'note' or 'undo'",
        "pair-elsewhere is not in this workspace, nor a pair that says the same",
        "takes back op-never-seen, which is not stored",
    ]
    assert states(log) == {PAIRS[0].id: "accepted", PAIRS[5].id: "accepted"}
    kept = [json.loads(line) for line in (tmp_path / "ann.rejected.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["line"], one["text"]) for one in kept] == [(one.line, one.text) for one in found.left]
    assert kept[0]["text"] == whole[: len(whole) // 2]
    told = list(found.lines(most=2))
    assert told[0] == f"{path}: 2 events stored by ann"
    assert told[1] == f"{path}:3: not valid JSON, or cut off"
    assert told[-1] == f"not stored: 5 lines, all in {tmp_path / 'ann.rejected.jsonl'} with the reasons"
    assert len(told) == 4


def test_what_a_file_of_others_says_cannot_move_the_cursor_of_a_terminal(tmp_path: Path, log: ReviewLog):
    strange = event(2).model_copy(update={"item": "pair-\x1b[2Jx", "key": "said-elsewhere"})
    path = write(tmp_path / "ann.jsonl", event(1, by="ann\x1b]0;root\x07\r\nbob"), strange)

    told = list(import_decisions(path, log, HERE, reviewer="me").lines())

    assert told[0] == f"{path}: 1 events stored by ann ]0;root bob"
    assert all(line.isprintable() for line in told)


def test_files_that_differ_in_their_ending_leave_what_cannot_be_stored_in_files_of_their_own(tmp_path: Path, log: ReviewLog):
    sheet, events = tmp_path / "a.csv", write(tmp_path / "a.jsonl", event(1), "[1, 2]")
    sheet.write_text(f"id,decision\n{PAIRS[1].id},perhaps\n", encoding="utf-8")

    found = [import_decisions(path, log, HERE, reviewer="me").left_in for path in (sheet, events)]

    assert [path and "perhaps" in path.read_text(encoding="utf-8") for path in found] == [True, False]


def test_in_exports_of_two_workspaces_the_newest_word_of_a_reviewer_counts(tmp_path: Path, log: ReviewLog):
    def exported(name: str, *events: Event) -> Path:
        with ReviewLog(tmp_path / name) as other:
            other.append(events)
            return write(tmp_path / f"{name}.jsonl", *other.events())

    elsewhere = [event(number, by="cleo") for number in (1, 2)]  # so that numbers there mean something else here
    first = exported("first", event(1, "reject", minutes=50), *elsewhere)
    second = exported(
        "second", *(event(number, by="bob") for number in (2, 3, 4, 5)), event(1, minutes=5, base=4), event(1, "skip", minutes=6, base=5)
    )

    for path in (first, second):
        import_decisions(path, log, HERE, reviewer="me")

    assert [one.action for one in log.standings([PAIRS[0].id])[PAIRS[0].id].decisions if one.reviewer == "ann"] == ["reject"]


def test_a_word_of_an_export_still_replaces_the_one_that_its_reviewer_had_seen(tmp_path: Path, log: ReviewLog):
    with ReviewLog(tmp_path / "other") as other:
        other.append(
            [event(1, "reject", minutes=9), event(1, minutes=5, base=1), event(1, "skip", by="bob"), event(2, "reject", minutes=9)]
        )
        other.append([event(2, minutes=5, base=0, op="op-of-a-tab-that-waited")])
        path, wanted = (
            write(tmp_path / "other.jsonl", *other.events()),
            {item: one.state for item, one in standings(other.events()).items()},
        )
    log.append([event(number, by="cleo") for number in (3, 4, 5)])

    import_decisions(path, log, HERE, reviewer="me")

    assert wanted == {PAIRS[0].id: "accepted", PAIRS[1].id: "rejected"}
    assert {item: state for item, state in states(log).items() if item in wanted} == wanted


def test_a_decision_goes_to_the_pair_that_says_the_same_after_a_new_generation(tmp_path: Path, log: ReviewLog):
    path = write(tmp_path / "ann.jsonl", event(1), event(2, "reject"), event(2, "undo", undoes="op-ann-2-reject-0", minutes=1))
    made_anew = {(one := pair(number, chunk="chunk-2")).id: Reviewable(said_key(one), "doc-2") for number in (1, 2)}

    found = import_decisions(path, log, Here(made_anew, no_problem), reviewer="me")

    assert (found.stored, found.moved, found.left) == (3, 3, ())
    assert states(log) == {"pair-chunk-2-1": "accepted", "pair-chunk-2-2": "undecided"}
    assert {one.document for one in log.events()} == {"doc-2"}
    assert import_decisions(path, log, Here(made_anew, no_problem), reviewer="me").known == 3


def test_what_was_said_on_the_page_since_the_file_was_saved_stays(tmp_path: Path, log: ReviewLog):
    log.append([event(1, "reject", minutes=30)])
    path = write(tmp_path / "ann.jsonl", event(1, minutes=5), event(1, by="bob", minutes=6), event(2, minutes=7))

    found = import_decisions(path, log, HERE, reviewer="me")

    assert found.stored == 3
    assert states(log) == {PAIRS[0].id: "disputed", PAIRS[1].id: "accepted"}


def test_an_edit_that_makes_no_valid_pair_is_left_and_so_is_what_takes_it_back(tmp_path: Path, log: ReviewLog):
    empty, whole = Texts(instruction="How many desks?", output=" "), Texts(instruction="How many desks?", output="Two.")
    path = write(
        tmp_path / "ann.jsonl", event(1, "edit", after=empty), event(1, "undo", undoes="op-ann-1-edit-0"), event(2, "edit", after=whole)
    )

    found = import_decisions(path, log, HERE, reviewer="me")

    assert [one.problem for one in found.left] == ["output: is empty", "takes back op-ann-1-edit-0, which is not stored"]
    assert states(log) == {PAIRS[1].id: "edited"}


def test_a_word_on_a_pair_that_was_edited_since_joins_the_others_on_it(tmp_path: Path):
    dataset, after = made(documents=1, chunks=1, facts=3, left_out=0, failed=0), Texts(instruction="Where is it?", output="In the harbour.")
    old = dataset.chosen[0]
    new = {"id": "pair-00000000000000ed", "instruction": after.instruction, "output": after.output, "flags": ("edited",)}
    dataset.chosen[0] = old.model_copy(update=new)  # as the stage curate replays it
    dataset.write(tmp_path / "workspace")
    about = {"item": old.id, "key": said_key(old)}
    blank = Texts(instruction="Where is it?", output=" ")
    lines = [event(1, by="bob", **about), event(2, "edit", by="cleo", after=blank, **about), event(3, by="cleo", **about)]
    path = write(tmp_path / "others.jsonl", *lines)
    with ReviewLog(tmp_path / "workspace") as log:
        log.append([event(1, "edit", after=after, **about)])

    with opened_review(tmp_path / "workspace") as (index, log):
        deciding = Deciding(index, log, Settings(max_words=100))
        found = import_decisions(path, log, Here.of(index, deciding), reviewer="me")

        assert [one.problem.split(":")[0] for one in found.left] == ["output"]
        [standing] = standings(log.events()).values()
        assert (standing.item, standing.state, standing.texts) == (old.id, "edited", after)
        assert [word.reviewer for word in standing.decisions] == ["ann", "bob", "cleo"]
        assert {one.document for one in log.events(after=1)} == {old.provenance.document_id}


def test_a_clock_that_is_wrong_makes_no_word_last_for_ever(tmp_path: Path, log: ReviewLog):
    ahead, naive = datetime.now(UTC) + timedelta(days=400), datetime(2026, 1, 1)  # noqa: DTZ001 as an old file may have it
    path = write(tmp_path / "ann.jsonl", event(1, at=ahead), event(2, at=naive))

    import_decisions(path, log, HERE, reviewer="me")
    log.append([event(1, "reject", at=datetime.now(UTC))])

    assert states(log) == {PAIRS[0].id: "rejected", PAIRS[1].id: "accepted"}


def test_texts_arrive_as_they_were_written_to_the_last_character(tmp_path: Path, log: ReviewLog):
    odd = "line\u2028separator, NUL-free, Ã© stays, \u202e turned, 😀, </script>, =1+1, \t tab, \\ud83d"
    path = write(tmp_path / "ann.jsonl", event(1, "edit", after=Texts(instruction=odd, output=odd), note=odd))

    import_decisions(path, log, HERE, reviewer="me")

    (stored,) = log.events()
    assert (stored.after.instruction, stored.after.output, stored.note) == (odd, odd, odd)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_saved_anew_is_still_read(tmp_path: Path, log: ReviewLog, encoding: str):
    path = tmp_path / "ann.jsonl"
    path.write_bytes("\r\n".join([event(1, by="Zoë").model_dump_json(), event(2, by="Zoë").model_dump_json(), ""]).encode(encoding))

    assert import_decisions(path, log, HERE, reviewer="me").stored == 2
    assert {one.reviewer for one in log.events()} == {"Zoë"}


def test_the_sheet_of_calibrate_counts_as_words_of_whoever_imports_it(tmp_path: Path, log: ReviewLog):
    path = tmp_path / "sheet.csv"
    write_sheet(path, PAIRS[:4])
    rows = list(csv.reader(path.open(encoding="utf-8-sig", newline="")))
    rows[1][0], rows[2][0], rows[4][0] = "accept", "No", "maybe"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)

    found, again = (import_decisions(path, log, HERE, reviewer="bob") for _ in range(2))

    assert (found.stored, [one.problem for one in found.left]) == (2, ["'maybe' is no decision; say accept or reject, or leave it empty"])
    assert (again.stored, again.known) == (0, 2)
    assert states(log) == {PAIRS[0].id: "accepted", PAIRS[1].id: "rejected"}
    assert [(one.reviewer, one.reason, one.note) for one in log.events()] == [("bob", "", ""), ("bob", "wrong", NO_REASON)]


def test_a_sheet_that_says_something_else_now_is_a_new_word_and_one_that_does_not_is_none(tmp_path: Path, log: ReviewLog):
    path, item = tmp_path / "sheet.csv", PAIRS[0].id

    for said in ("accept", "reject", "accept", "accept"):
        path.write_text(f"id,decision\n{item},{said}\n")
        import_decisions(path, log, HERE, reviewer="bob")
    assert [one.action for one in log.events()] == ["accept", "reject", "accept"]

    log.append([event(1, "reject", by="bob", at=datetime.now(UTC))])
    import_decisions(path, log, HERE, reviewer="bob")
    assert states(log) == {item: "rejected"}


def test_of_the_rows_about_one_pair_the_last_counts_however_often_the_sheet_is_imported(tmp_path: Path, log: ReviewLog):
    path, item = tmp_path / "sheet.csv", PAIRS[0].id
    path.write_text(f"id,decision\n{item},accept\n{PAIRS[1].id},accept\n{item},reject\n")

    import_decisions(path, log, HERE, reviewer="bob")
    log.append([event(1, by="bob", at=datetime.now(UTC))])
    again = import_decisions(path, log, HERE, reviewer="bob")

    assert (again.stored, again.known) == (0, 2)
    assert states(log) == {item: "accepted", PAIRS[1].id: "accepted"}


def test_lines_with_an_id_and_a_decision_are_read_like_a_sheet(tmp_path: Path, log: ReviewLog):
    path = write(tmp_path / "said.jsonl", f'{{"id": "{PAIRS[0].id}", "decision": true}}', f'{{"pair": "{PAIRS[1].id}", "accept": "no"}}')

    assert import_decisions(path, log, HERE, reviewer="bob").stored == 2
    assert states(log) == {PAIRS[0].id: "accepted", PAIRS[1].id: "rejected"}


@pytest.mark.parametrize(
    "content", [b"", b"  \n\n", b"question,answer\na,b\n", b"\x00\x01\x02\x03" * 50, b"<html><body>not it</body></html>"]
)
def test_a_file_that_is_no_list_of_decisions_is_refused_in_one_line_and_nothing_is_stored(tmp_path: Path, log: ReviewLog, content: bytes):
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)

    with pytest.raises(UsageError, match=r"other\.jsonl: ") as refused:
        import_decisions(path, log, HERE, reviewer="me")

    assert "\n" not in str(refused.value)
    assert log.last() == 0
    with pytest.raises(UsageError, match="cannot be read"):
        import_decisions(tmp_path / "missing.jsonl", log, HERE, reviewer="me")


def test_a_cell_of_a_sheet_may_hold_lines_that_look_like_events(tmp_path: Path, log: ReviewLog):
    path = tmp_path / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["decision", "answer", "id"], ["accept", 'Send:\n{"op": "x"}\n{"id": 1}', PAIRS[0].id]])

    assert import_decisions(path, log, HERE, reviewer="bob").stored == 1


WORDS = st.tuples(st.integers(1, 6), st.sampled_from(["accept", "reject", "skip"]), st.sampled_from(["ann", "bob"]), st.integers(0, 50))


@settings(max_examples=12, deadline=None)
@given(st.lists(WORDS, max_size=12, unique=True), st.data())
def test_every_line_is_stored_once_or_left_with_its_reason(tmp_path_factory, said, data):
    folder = tmp_path_factory.mktemp("import")
    events = [event(number, action, by=by, minutes=minutes) for number, action, by, minutes in sorted(said, key=lambda one: one[3])]
    kinds = [data.draw(st.sampled_from(["whole", "cut", "gone"])) for _ in events]
    lines = [
        one.model_dump_json()[:40] if kind == "cut" else one.model_copy(update={"item": "pair-?", "key": ""}) if kind == "gone" else one
        for one, kind in zip(events, kinds, strict=True)
    ]
    path = write(folder / "all.jsonl", *lines, json.dumps({"id": "pair-?", "decision": ""}))

    with ReviewLog(folder / "one") as log:
        found = import_decisions(path, log, HERE, reviewer="me")
        again = import_decisions(path, log, HERE, reviewer="me")
        held = list(log.events())

    assert found.stored == len(held) == kinds.count("whole")
    assert found.stored + len(found.left) == len(events)
    assert (again.stored, again.known, again.left) == (0, found.stored, found.left)
