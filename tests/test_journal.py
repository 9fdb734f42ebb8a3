"""The journal: what is stored when, what is asked again, and who may read it."""

import asyncio
import json
import stat

import pytest

from generators.llm.calls import Message, Reply, Request, ServerFaultError
from generators.llm.journal import Counts, Journal, journalled
from schemas.errors import WorkspaceError

BODY = json.dumps({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}).encode()


def wait_for(awaited):
    async def waiting():
        return await awaited

    return asyncio.run(waiting())


def request(text="hello"):
    return Request(model="m", messages=(Message(role="user", content=text),), parameters={})


async def nothing():
    """An endpoint that is ready."""


def ask(journal, answer, *, text="hello"):
    """Ask through the journal; return the reply and how often the model was called."""
    calls = []

    async def complete(asked):
        calls.append(asked)
        if isinstance(answer, Exception):
            raise answer
        return Reply(key=asked.key, raw=answer)

    return wait_for(journalled(complete, journal, ready=nothing)(request(text))), len(calls)


def test_a_request_that_was_answered_is_not_asked_again(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        _, calls_before = ask(journal, BODY)
    with Journal(tmp_path / "journal.sqlite") as journal:
        reply, calls_after = ask(journal, RuntimeError("must not be called"))

        assert journal.counts == Counts(calls=1, answered=1, prompt_tokens=11, completion_tokens=7, from_journal=1)
    assert (calls_before, calls_after) == (1, 0)
    assert reply.raw == BODY
    assert reply.from_journal


def test_the_request_is_stored_before_the_call(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal, pytest.raises(RuntimeError):
        ask(journal, RuntimeError("killed"))

    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.counts == Counts(calls=1)
        assert journal.get(request().key) is None


@pytest.mark.parametrize(
    "body", [b"", b'{"choices": [{"mes', b"<html>", b"null", b"[]", b'{"error": {}}', b"\xff\xfe", b'{"choices": null}']
)
def test_a_body_that_is_no_chat_completion_is_stored_but_asked_again(tmp_path, body):
    with Journal(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(ServerFaultError, match="the body of the response is") as fault:
            ask(journal, body)
        stored = journal.get(request().key)
        reply, calls = ask(journal, BODY)

        assert journal.counts.calls == 2
        assert journal.counts.prompt_tokens == 11
    assert stored == fault.value.raw == body
    assert (reply.raw, calls) == (BODY, 1)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}, {"prompt_tokens": None}, [1], "x"])
def test_strange_usage_counts_nothing_and_breaks_nothing(tmp_path, usage):
    with Journal(tmp_path / "journal.sqlite") as journal:
        ask(journal, json.dumps({"choices": [], "usage": usage}).encode())

        assert journal.counts == Counts(calls=1, answered=1)


def test_only_the_owner_can_read_the_journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        ask(journal, BODY)

        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


def test_a_file_that_is_no_journal_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.write_text("this is not a database, it is something else entirely" * 20)

    with pytest.raises(WorkspaceError, match=r"journal\.sqlite: the journal cannot be used .*move the file away"):
        Journal(path)


def test_the_endpoint_is_made_ready_before_the_request_is_noted(tmp_path):
    async def refuse():
        raise WorkspaceError("not ready")

    async def complete(asked):
        return Reply(key=asked.key, raw=BODY)

    with Journal(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(WorkspaceError, match="not ready"):
            wait_for(journalled(complete, journal, ready=refuse)(request()))

        assert journal.counts == Counts()
