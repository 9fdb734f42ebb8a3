"""Work in other processes: whatever happens there, every task gets its answer, in order, and in time."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from builder.isolate import Limits, each
from builder.readers.content import Refused
from schemas.errors import InputError
from schemas.records import Reason

WORK = """
import ctypes, json, os, sys, time

seen = []

def work(task):
    seen.append(task)
    if task == "segmentation fault":
        ctypes.string_at(0)
    if task == "exit":
        os._exit(0)
    if task == "raise":
        raise RuntimeError("odd")
    if task == "spin":
        while True:
            pass
    if task == "hold the interpreter":
        ctypes.PyDLL(None).sleep(60)
    if task == "much memory":
        return len(bytearray(3_000_000_000))
    if task == "abort for memory":
        os.write(2, b"memory allocation of 64 bytes failed\\n")
        os.abort()
    if task == "leave a mine":
        seen.append("mine")
    if task == "step on a mine" and "mine" in seen:
        os._exit(3)
    if task == "print":
        print("noise"), os.write(1, b"noise"), os.system("echo noise")
    if task == "keys":
        return sorted(name for name in os.environ if "KEY" in name)
    if task == "who":
        return os.getpid()
    if task == "who sleeps":
        time.sleep(0.3)
        return os.getpid()
    return [task, len(seen)]
"""


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    (tmp_path / "isolated_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)


def answers(*tasks: object, seconds: float = 10.0, megabytes: int = 1000, workers: int = 1) -> list:
    replies = each("isolated_work:work", json.loads(json.dumps(tasks)), limits=Limits(seconds, megabytes, workers))
    return [reply.reason if isinstance(reply, Refused) else reply for reply in replies]


def test_a_worker_is_kept_for_the_next_task():
    assert answers("a", "b", "c") == [["a", 1], ["b", 2], ["c", 3]]


def test_answers_come_in_the_order_of_the_tasks_whichever_is_done_first():
    first, *others = answers("who sleeps", "who", "who", "who", workers=2)

    assert set(others) != {first}
    assert len({first, *others}) == 2


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("segmentation fault", Reason.CRASHED),
        ("exit", Reason.CRASHED),
        ("raise", Reason.CRASHED),
        ("much memory", Reason.MEMORY),
        ("abort for memory", Reason.MEMORY),
    ],
)
def test_a_task_that_ends_its_worker_is_given_up_and_the_others_go_on(task, reason):
    assert answers(task, "b") == [reason, ["b", 1]]


@pytest.mark.parametrize("task", ["spin", "hold the interpreter"])
def test_a_task_that_does_not_end_is_ended(task):
    started = time.monotonic()

    assert answers(task, "b", seconds=0.3) == [Reason.TIMEOUT, ["b", 1]]
    assert time.monotonic() - started < 20


def test_no_task_pays_for_what_an_earlier_one_left_behind():
    assert answers("leave a mine", "step on a mine", "b") == [["leave a mine", 2], ["step on a mine", 1], ["b", 2]]


def test_what_libraries_print_does_not_reach_stdout(capfd):
    assert answers("print") == [["print", 1]]
    assert capfd.readouterr() == ("", "")


def test_workers_have_no_keys_in_their_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")

    assert answers("keys") == [[]]


def test_a_worker_that_cannot_start_is_an_error_that_says_so():
    with pytest.raises(InputError, match=r"does not start .*isolated_nothing"):
        list(each("isolated_nothing:work", ["a"], limits=Limits()))


def test_no_tasks_start_no_workers():
    assert answers() == []


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_end_when_nobody_wants_the_rest():
    replies = each("isolated_work:work", ["who", "spin"], limits=Limits(60, 1000, 2))
    worker = next(replies)
    assert isinstance(worker, int)
    replies.close()

    assert not is_running(worker)


_PROGRAM = """
import sys
sys.path[:] = {path!r}
from builder.isolate import Limits, each
for reply in each("isolated_work:work", ["who", "hold the interpreter"], limits=Limits({seconds}, 1000, 1)):
    print(reply, flush=True)
"""


@pytest.mark.parametrize(("how", "seconds"), [(signal.SIGINT, 60), (signal.SIGKILL, 0.5)])
def test_workers_end_with_the_program_at_once_or_by_their_own_alarm(how, seconds):
    code = _PROGRAM.format(path=sys.path, seconds=seconds)
    # A shell starts what runs in its background with Ctrl-C ignored, and its children inherit that.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    program = subprocess.Popen([sys.executable, "-c", code], **piped, preexec_fn=heeding)  # noqa: PLW1509 - no threads here
    assert program.stdout is not None
    worker = int(program.stdout.readline())
    time.sleep(0.1)
    program.send_signal(how)
    program.communicate(timeout=20)
    started = time.monotonic()
    while is_running(worker) and time.monotonic() - started < 10:
        time.sleep(0.05)

    assert program.returncode == -how
    assert not is_running(worker)
    assert how == signal.SIGKILL or time.monotonic() - started < 1
