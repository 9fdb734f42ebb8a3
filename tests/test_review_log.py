"""The log of decisions: nothing acknowledged is lost, nothing is stored twice, and the table beside it says what the fold says."""

import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.review.fold import standings
from builder.review.log import FILE, ReviewLog
from builder.review.standing_table import VERSION
from schemas.errors import InputError, WorkspaceError
from schemas.review import Event
from tests.review_events import event, logs, texts


def table(workspace: Path) -> dict:
    """Return what another reader of the file sees in the table of standings."""
    with sqlite3.connect(workspace / FILE) as reader:
        rows = reader.execute("SELECT item, state, reason, seq, reviewers FROM standing").fetchall()
    return {item: (state, reason, seq, json.loads(reviewers)) for item, state, reason, seq, reviewers in rows}


def folded(events) -> dict:
    found = standings(events).items()
    return {item: (one.state, one.reason, one.seq, [word.reviewer for word in one.decisions]) for item, one in found}


def writer(root: Path, workspace: Path, name: str, *more: int) -> subprocess.Popen:
    """Start a reviewer in a process of its own; see `tests.review_writer`."""
    command = [sys.executable, "-m", "tests.review_writer", str(workspace), name, *map(str, more)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_is_appended_comes_back_in_order_with_its_place(tmp_path: Path):
    events = [event("accept"), event("edit", note="Grüße \u0000 “quoted”"), event("note", "pair-2", note="who knows")]
    with ReviewLog(tmp_path) as log:
        stored = log.append(events)
        more = log.append([event("reject", "pair-2", "bob")])

    with ReviewLog(tmp_path) as log:
        assert list(log.events()) == [*stored, *more]
        assert [one.seq for one in log.events()] == [1, 2, 3, 4]
        assert [one.model_copy(update={"seq": 0}) for one in stored] == events
        assert list(log.events(after=2)) == [stored[2], *more]
        assert list(log.events(item="pair-2")) == [stored[2], *more]
        assert log.last() == 4


def test_reading_makes_no_file_and_appending_makes_one_that_only_its_owner_reads(tmp_path: Path):
    workspace = tmp_path / "not there yet"
    with ReviewLog(workspace) as log:
        assert (list(log.events()), list(log.events(item="pair-1")), log.last(), log.standings(["pair-1"])) == ([], [], 0, {})
        assert log.append([]) == []
        assert not workspace.exists()
        log.append([event()])

    assert (workspace / FILE).stat().st_mode & 0o777 == 0o600


def test_the_same_op_again_is_stored_once_whatever_it_says(tmp_path: Path):
    first = event("accept", op="op-of-a-tab")
    with ReviewLog(tmp_path) as log:
        (stored,) = log.append([first])
        other = log.append([event("reject", op="op-of-a-tab"), event(item="pair-2"), first])

        assert other[0] == other[2] == stored
        assert log.last() == 2
        assert log.append([first, first]) == [stored, stored]


def test_a_batch_is_stored_whole_or_not_at_all(tmp_path: Path):
    good, wrong = event(item="pair-2"), event("undo", undoes="op-of-nobody")
    with ReviewLog(tmp_path) as log:
        log.append([event()])
        with pytest.raises(InputError, match="op-of-nobody: nothing to undo"):
            log.append([good, wrong])

        assert log.last() == 1
        assert "pair-2" not in table(tmp_path)
        assert log.append([good, event("undo", undoes=good.op)])[1].seq == 3


def test_an_undo_may_name_what_the_same_batch_stores_and_not_what_comes_later(tmp_path: Path):
    word = event("reject")
    undo = event("undo", undoes=word.op)
    with ReviewLog(tmp_path) as log:
        with pytest.raises(InputError):
            log.append([undo, word])
        log.append([word, undo])

    assert table(tmp_path) == {"pair-1": ("undecided", "", 2, [])}


def test_the_events_of_an_item_include_the_undos_that_take_them_back(tmp_path: Path):
    bulk = [event("reject", f"pair-{number}", bulk="bulk-0001") for number in range(3)]
    undo = event("undo", "", undoes="bulk-0001")
    redo = event("undo", "", undoes=undo.op)
    other = event("accept", "pair-9")
    with ReviewLog(tmp_path) as log:
        log.append([*bulk, other, undo, redo])

        assert [one.op for one in log.events(item="pair-1")] == [bulk[1].op, undo.op, redo.op]
        assert [one.op for one in log.events(item="pair-9")] == [other.op]
        assert log.standings(["pair-1", "pair-9"])["pair-1"].state == "rejected"


def test_a_bulk_that_is_taken_back_and_brought_back_later_is_in_the_table_as_in_the_fold(tmp_path: Path):
    undo = event("undo", "", undoes="bulk-0001")
    with ReviewLog(tmp_path) as log:
        log.append([event("reject", f"pair-{number}", bulk="bulk-0001") for number in range(3)])
        log.append([undo])
        gone = {state for state, *_ in table(tmp_path).values()}
        log.append([event("undo", "", undoes=undo.op)])

        assert gone == {"undecided"}
        assert {state for state, *_ in table(tmp_path).values()} == {"rejected"}
        assert table(tmp_path) == folded(log.events())


def test_only_an_undo_undoes_and_it_is_about_what_it_takes_back_whatever_item_it_names(tmp_path: Path):
    word, other = event("reject"), event("accept", "pair-9", undoes="op-of-nobody")
    undo = event("undo", "pair-9", undoes=word.op)
    with ReviewLog(tmp_path) as log:
        log.append([word, other, undo])

        assert table(tmp_path) == {"pair-1": ("undecided", "", 3, []), "pair-9": ("accepted", "", 2, ["ann"])}
        assert [one.op for one in log.events(item="pair-9")] == [other.op]


@settings(max_examples=40, deadline=None)
@given(logs(), st.data())
def test_the_table_says_what_the_fold_says_however_events_came(events, data):
    with tempfile.TemporaryDirectory() as folder:
        workspace, place, stored = Path(folder), 0, []
        with ReviewLog(workspace) as log:
            while place < len(events):
                size = data.draw(st.integers(1, 6))
                stored += log.append(events[place : place + size])
                place += size
            read = list(log.events())

            assert read == stored
            assert table(workspace) == folded(stored)
            assert log.standings({one.item for one in stored}) == standings(stored)


def test_a_table_of_another_version_is_made_anew_and_a_newer_file_is_refused(tmp_path: Path):
    with ReviewLog(tmp_path) as log:
        log.append([event("accept"), event("reject", reviewer="bob")])
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("UPDATE standing SET state = 'rejected'")
        other.execute("PRAGMA user_version = 0")
    with ReviewLog(tmp_path) as log:
        assert log.last() == 2
        assert table(tmp_path)["pair-1"][0] == "disputed"
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")

    with ReviewLog(tmp_path) as log, pytest.raises(WorkspaceError, match="written by a newer kilopair"):
        log.append([event()])


def test_a_file_that_is_no_log_is_said_and_left_alone(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"my notes " * 200)

    with ReviewLog(tmp_path) as log, pytest.raises(WorkspaceError, match=r"review\.sqlite: decisions cannot be read or stored"):
        log.append([event()])
    assert (tmp_path / FILE).read_bytes() == b"my notes " * 200


def test_decisions_go_into_the_file_that_is_there_after_somebody_replaced_it(tmp_path: Path):
    with ReviewLog(tmp_path) as log:
        log.append([event()])
        for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
            (tmp_path / name).unlink(missing_ok=True)

        log.append([event(item="pair-2")])

        assert list(table(tmp_path)) == ["pair-2"]
        assert [one.item for one in log.events()] == ["pair-2"]


def test_two_processes_that_send_everything_twice_lose_and_double_nothing(tmp_path: Path, root: Path):
    both = [writer(root, tmp_path, name, 300) for name in ("ann", "bob")]
    told = [one.communicate(timeout=120)[0].split() for one in both]

    with ReviewLog(tmp_path) as log:
        events = list(log.events())
        found = standings(events)
    assert [one.returncode for one in both] == [0, 0]
    assert [len(ops) for ops in told] == [300, 300]
    assert sorted(one.op for one in events) == sorted(told[0] + told[1])
    assert [one.seq for one in events] == list(range(1, 601))
    assert {len(one.decisions) for one in found.values()} == {2}
    assert len(found) == 300
    assert table(tmp_path) == folded(events)


@pytest.mark.parametrize("lines", [1, 25, 60])
def test_a_process_that_is_killed_loses_nothing_that_was_acknowledged(tmp_path: Path, root: Path, lines: int):
    victim = writer(root, tmp_path, "ann", 100_000)
    assert victim.stdout is not None
    acknowledged = [op for _ in range(lines) for op in victim.stdout.readline().split()]
    time.sleep(0.002 * lines % 0.007)
    victim.kill()
    acknowledged += victim.stdout.read().split()
    victim.wait()

    with ReviewLog(tmp_path) as log:
        events = list(log.events())
        log.append([event(item="pair-0", reviewer="bob")])  # the file is in working order
    ops = [one.op for one in events]
    assert set(acknowledged) <= set(ops)
    assert len(ops) == len(set(ops)) <= len(acknowledged) + 3  # nothing but the batch that was under way
    assert len(acknowledged) >= lines
    assert table(tmp_path)["pair-0"][3] == ["ann", "bob"]


def test_a_full_disk_is_said_and_what_was_stored_before_is_all_there(tmp_path: Path, root: Path):
    said, problem = writer(root, tmp_path, "ann", 100_000, 150_000).communicate(timeout=60)

    with ReviewLog(tmp_path) as log:
        ops = [one.op for one in log.events()]
        log.append([event(item="pair-0", reviewer="bob")])  # the disk has room again
    assert "decisions cannot be read or stored" in problem
    assert ops == said.split() != []
    assert table(tmp_path)["pair-0"][3] == ["ann", "bob"]


def test_threads_share_a_log_and_readers_do_not_wait_for_a_long_write(tmp_path: Path):
    with ReviewLog(tmp_path) as log:
        log.append([event("accept", "pair-first")])
        many = [event("accept", f"pair-{number}", bulk="bulk-0001") for number in range(6000)]
        threads = [threading.Thread(target=log.append, args=([event("accept", f"other-{number}")],)) for number in range(8)]
        long = threading.Thread(target=log.append, args=(many,))
        long.start()
        for thread in threads:
            thread.start()
        reads = 0
        while long.is_alive():
            assert log.standings(["pair-first"])["pair-first"].state == "accepted"
            reads += 1
        for thread in threads:
            thread.join()

        assert reads > 3
        assert log.last() == 6009
        assert len({one.seq for one in log.events()}) == 6009


def test_many_who_make_the_file_at_the_same_moment_all_find_it_whole(tmp_path: Path):
    together = threading.Barrier(8)

    def first(number: int) -> None:
        with ReviewLog(tmp_path) as log:
            together.wait()
            log.append([event("accept", f"pair-{number}")])

    threads = [threading.Thread(target=first, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(table(tmp_path)) == 8


def test_events_that_come_while_a_reader_goes_through_the_log_are_not_skipped(tmp_path: Path):
    with ReviewLog(tmp_path) as log:
        log.append([event("accept", f"pair-{number}") for number in range(1500)])
        seen = []
        for one in log.events():
            seen.append(one.seq)
            if one.seq == 700:
                log.append([event("reject", "pair-7")])

    assert seen == list(range(1, 1502))


def test_erasing_takes_the_texts_and_their_bytes_and_leaves_who_decided_what(tmp_path: Path):
    long = "The grey heron code of the north gate is told to nobody. " * 300  # more than a page of the file holds
    edit = event("edit", before=texts(long), after=texts(output=long), note="the heron again", document="doc-1")
    kept = event("reject", "pair-2", before=texts("Who opens the south gate?"))
    with ReviewLog(tmp_path) as log:
        given = log.append([edit, kept, event("accept", "pair-3", document="doc-1", before=texts(long))])
        before = folded(log.events())

        erased = log.erase(["pair-1"], ["doc-1"])
        again = log.erase(["pair-1"], ["doc-1"])
        found = list(log.events())

        assert (erased, again) == (2, 0)
        assert [(one.op, one.action, one.reviewer, one.at) for one in found] == [
            (one.op, one.action, one.reviewer, one.at) for one in given
        ]
        assert (found[0].before, found[0].note, found[0].document, found[0].after is not None) == (None, "", "", True)
        assert found[1] == kept.model_copy(update={"seq": 2})
        assert folded(found) == before == table(tmp_path)
        raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"heron" not in raw
    assert b"south gate" in raw


def test_an_event_that_is_not_whole_is_refused():
    for wrong in (
        {"action": "reject", "reason": "because"},
        {"action": "edit", "after": None},
        {"action": "undo"},
        {"op": "short"},
        {"reviewer": ""},
    ):
        with pytest.raises(ValueError):
            event(**wrong)
    assert Event.model_validate_json(event("edit").model_dump_json()).after == texts(output="There are 26.")
