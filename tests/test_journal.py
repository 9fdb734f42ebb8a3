"""The journal: durable, private, shared texts once, and readable after damage."""

import asyncio
import json
import os
import sqlite3
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.llm.calls import Message, Request
from generators.llm.journal import Cost, Journal
from schemas.errors import WorkspaceError


def request(text="hello", **changes):
    return Request("m", (Message("system", "the same rules " * 50), Message("user", text)), changes.pop("max_tokens", 100), **changes)


def body(text="hi", finish="stop"):
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": finish}]}).encode()


def answer(journal, asked, raw, **cost):
    async def main():
        await journal.sent(asked, held_tokens=50, held_usd=0.5)
        await journal.answered(asked, raw, Cost(**cost))

    asyncio.run(main())


def test_what_was_answered_is_found_again_by_another_process(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        answer(journal, request(), body(), prompt_tokens=10, completion_tokens=2)
    with Journal(tmp_path / "j.sqlite") as journal:
        found, counts = journal.get(request()), journal.counts

    assert found is not None
    assert (found.raw, found.source) == (body(), "online")
    assert (counts.calls, counts.answered, counts.prompt_tokens, counts.completion_tokens, counts.lost_tokens) == (1, 1, 10, 2, 0)


def test_a_request_is_on_disk_before_it_is_sent_and_counts_as_paid_when_no_answer_came(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        asyncio.run(journal.sent(request(), held_tokens=50, held_usd=0.5))
        with sqlite3.connect(tmp_path / "j.sqlite") as reader:
            stored = reader.execute("SELECT count(*) FROM requests").fetchone()[0]
    with Journal(tmp_path / "j.sqlite") as journal:
        counts = journal.counts

    assert stored == 1
    assert (counts.lost_tokens, counts.lost_usd, counts.answered) == (50, 0.5, 0)


def test_a_refusal_for_the_rate_is_no_call(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        asyncio.run(journal.sent(request()))
        journal.refused(request())
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.counts.calls == 0


def test_a_cut_reply_answers_only_those_who_would_cut_it_too(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        answer(journal, request(max_tokens=100), body(finish="length"))
        answer(journal, request("whole", max_tokens=100), body())

        assert journal.get(request(max_tokens=100)) is not None
        assert journal.get(request(max_tokens=200)) is None
        assert journal.get(request("whole", max_tokens=200)) is not None


@pytest.mark.parametrize("finish", ["length", "LENGTH", "max_tokens"])
def test_a_reply_is_cut_in_whichever_words_the_endpoint_says_so(tmp_path, finish):
    with Journal(tmp_path / "j.sqlite") as journal:
        answer(journal, request(max_tokens=64), body(finish=finish))

        assert journal.get(request(max_tokens=2048)) is None


def test_what_came_back_but_is_no_completion_is_kept_and_answers_nobody(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        answer(journal, request(), b"<html>")
        answer(journal, request("two"), body())
        kept, none, one = journal.get(request()), journal.completion(request()), journal.completion(request("two"))

    assert kept is not None
    assert kept.raw == b"<html>"
    assert none is None
    assert one is not None


def test_texts_that_requests_share_are_stored_once(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        for number in range(20):
            answer(journal, request(f"question {number}"), body())
        with sqlite3.connect(tmp_path / "j.sqlite") as reader:
            texts = [row[0] for row in reader.execute("SELECT text FROM texts")]

    assert len(texts) == len(set(texts)) == 22  # rules, 20 questions, no schema


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.booleans()), max_size=12))
def test_entries_give_back_every_request_as_it_was_asked(tmp_path_factory, asked):
    requests = {}
    with Journal(tmp_path_factory.mktemp("j") / "j.sqlite") as journal:
        for text, answered in asked:
            wanted = request(text, schema='{"type":"object"}', variant="v", slot=f"s/{len(requests)}", parameters={"top_p": 0.5})
            requests.setdefault(wanted.key, wanted)
            if answered:
                journal.put(wanted, body(text), source="batch")
            else:
                asyncio.run(journal.sent(wanted))
        entries = list(journal.entries())

    assert {entry.request.key for entry in entries} == set(requests)
    assert all(entry.request.but(slot="") == requests[entry.request.key].but(slot="") for entry in entries)


def test_an_answer_from_elsewhere_is_taken_once(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        with journal.bulk():
            taken = [journal.put(request(text), body(), source="batch") for text in ("a", "b", "a")]
        again = journal.put(request("a"), body("other"), source="batch")
        sources = journal.sums("source")

    assert taken == [True, True, False]
    assert not again
    assert sources == {"batch": 2}


def test_the_newest_answer_for_a_slot_is_found_whatever_the_prompt_was(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        answer(journal, request("old prompt", slot="qa/1/first"), body("old"))
        answer(journal, request("new prompt", slot="qa/1/first"), body("new"))
        found, none = journal.by_slot("qa/1/first"), journal.by_slot("qa/2/first")

    assert found is not None
    assert found.raw == body("new")
    assert none is None


def test_a_page_in_place_of_an_answer_does_not_hide_the_answer_before_it(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        answer(journal, request("old prompt", slot="qa/1/first"), body("old"))
        answer(journal, request("new prompt", slot="qa/1/first"), b"<html>please log in</html>")
        found = journal.by_slot("qa/1/first")

    assert found is not None
    assert found.raw == body("old")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.booleans()), max_size=8))
def test_all_that_was_under_way_counts_as_paid_once_however_often_the_journal_is_opened(tmp_path_factory, held):
    path = tmp_path_factory.mktemp("j") / "j.sqlite"
    with Journal(path) as journal:
        for number, (tokens, usd, is_answered) in enumerate(held):
            asyncio.run(journal.sent(request(f"{number}"), held_tokens=tokens, held_usd=float(usd)))
            if is_answered:
                asyncio.run(journal.answered(request(f"{number}"), body(), Cost()))
    opened = []
    for _ in range(2):
        with Journal(path) as journal:
            opened.append((journal.counts.lost_tokens, journal.counts.lost_usd))

    under_way = [(tokens, usd) for tokens, usd, is_answered in held if not is_answered]
    assert opened == [(sum(tokens for tokens, _ in under_way), sum(usd for _, usd in under_way))] * 2


def test_only_the_owner_can_read_the_journal_and_only_one_run_can_use_it(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.set_note("name", "value")

        with pytest.raises(WorkspaceError, match="another run"):
            Journal(tmp_path / "j.sqlite")
        assert journal.note("name") == "value"
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_journal_of_an_older_version_is_set_aside_inside_the_file(tmp_path):
    with sqlite3.connect(tmp_path / "j.sqlite") as old:
        old.execute("CREATE TABLE requests (key TEXT, raw BLOB)")
        old.execute("INSERT INTO requests VALUES ('k', 'paid')")

    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.counts.answered == 0
    with sqlite3.connect(tmp_path / "j.sqlite") as reader:
        assert reader.execute("SELECT raw FROM requests_of_version_0").fetchone() == ("paid",)


@pytest.mark.parametrize("damage", ["tail", "zeros", "no journal at all"])
def test_what_can_be_read_of_a_damaged_file_is_kept(tmp_path, damage):
    path = tmp_path / "j.sqlite"
    with Journal(path) as journal:
        for number in range(200):
            journal.put(request(f"question {number}"), body("x" * 2000), source="batch")
    size = path.stat().st_size
    with path.open("r+b") as file:
        if damage == "tail":
            file.truncate(size - size // 4)
        elif damage == "zeros":
            file.seek(size // 2 // 4096 * 4096)
            file.write(b"\0" * 16384)
        else:
            file.write(os.urandom(8192))

    with Journal(path) as journal:
        kept = sum(journal.get(request(f"question {number}")) is not None for number in range(200))
        journal.put(request("new"), body(), source="batch")

        assert journal.rescued >= kept
    assert kept > (0 if damage == "no journal at all" else 100) or damage == "no journal at all"
    assert list(tmp_path.glob("j.sqlite.damaged-1"))
