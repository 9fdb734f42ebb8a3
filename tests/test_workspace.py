"""The workspace: made once, found again, safe against kills and against a second run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.store import folder_hash, keep, read_records, write_records, write_text
from builder.workspace import KEPT_OUTPUTS, Counts, NotMadeError, Output, Workspace, code_hash
from schemas.errors import WorkspaceError
from schemas.records import Document, Dropped, Reason

CODE = ("schemas.records",)


def document(text: str) -> Document:
    return Document.of(path="a.md", title="A", format="md", text=text, raw=text.encode())


def writer(text: str, calls: list[str]):
    def make(folder: Path) -> Counts:
        calls.append(text)
        (folder / "out.txt").write_text(text)
        return {"words": len(text.split())}

    return make


def test_a_stage_is_made_once_and_found_again(tmp_path: Path):
    calls: list[str] = []
    for _ in range(2):
        with Workspace(tmp_path / "w") as work:
            output = work.stage("read", reads={"a": 1}, code=CODE, make=writer("one two", calls))

    assert calls == ["one two"]
    assert not output.fresh
    assert output.counts == {"words": 2}
    assert (output.folder / "out.txt").read_text() == "one two"


def test_a_changed_setting_makes_it_again_and_the_old_setting_is_still_there(tmp_path: Path):
    calls: list[str] = []
    for setting in (1, 2, 1):
        with Workspace(tmp_path / "w") as work:
            work.stage("read", reads={"a": setting}, code=CODE, make=writer(str(setting), calls))

    assert calls == ["1", "2"]


def test_old_outputs_are_deleted_beyond_the_newest(tmp_path: Path):
    for setting in range(5):
        with Workspace(tmp_path / "w") as work:
            work.stage("read", reads={"a": setting}, code=CODE, make=writer(str(setting), []))
            time.sleep(0.02)

    assert len(list((tmp_path / "w" / "stages").iterdir())) == KEPT_OUTPUTS


class Killed(BaseException):
    """In the place of a kill, which no test survives."""


def test_a_kill_while_an_old_output_is_deleted_leaves_none_that_looks_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def delete_a_part(folder: Path) -> None:
        (folder / "out.txt").unlink()
        raise Killed

    def made(setting: int) -> Output:
        with Workspace(tmp_path / "w") as work:
            return work.stage("read", reads={"a": setting}, code=CODE, make=writer(str(setting), []))

    first = made(0)
    os.utime(first.folder, (0, 0))
    made(1)
    with monkeypatch.context() as patch:
        patch.setattr("builder.workspace.shutil.rmtree", lambda folder, **_: delete_a_part(folder) if folder.is_dir() else None)
        with pytest.raises(Killed):
            made(2)
    again = made(0)

    assert again.fresh
    assert (again.folder / "out.txt").read_text() == "0"
    assert [path for path in (tmp_path / "w" / "stages").iterdir() if path.name.startswith(".")] == []


def test_the_same_content_made_again_changes_nothing_downstream(tmp_path: Path):
    with Workspace(tmp_path / "w") as work:
        first = work.stage("read", reads={"a": 1}, code=CODE, make=writer("same", []))
        second = work.stage("read", reads={"a": 2}, code=CODE, make=writer("same", []))

    assert first.folder != second.folder
    assert first.content == second.content


def test_a_stage_that_fails_leaves_nothing_behind(tmp_path: Path):
    def fail(folder: Path) -> Counts:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("boom")

    with Workspace(tmp_path / "w") as work, pytest.raises(RuntimeError):
        work.stage("read", reads={}, code=CODE, make=fail)
    with Workspace(tmp_path / "w") as work:
        output = work.stage("read", reads={}, code=CODE, make=writer("whole", []))

    assert output.fresh
    assert sorted(path.name for path in output.folder.iterdir()) == ["out.txt", "stage.json"]
    assert [path for path in (tmp_path / "w" / "stages").iterdir() if path.name.startswith(".")] == []


def test_a_second_run_on_the_same_workspace_is_refused(tmp_path: Path):
    with Workspace(tmp_path / "w"), pytest.raises(WorkspaceError, match="another kilopair"), Workspace(tmp_path / "w"):
        pass


def test_a_reading_workspace_makes_nothing(tmp_path: Path):
    with Workspace(tmp_path / "w", read_only=True) as work, pytest.raises(NotMadeError, match="kilopair read"):
        work.stage("read", reads={}, code=CODE, make=writer("x", []))

    assert not (tmp_path / "w").exists()


def test_remembered_records_come_back_and_unused_ones_are_forgotten(tmp_path: Path):
    one, gone = document("one"), Dropped(id="b.md", stage="read", reason=Reason.EMPTY)
    calls: list[str] = []

    def run(keys: list[str]) -> list[object]:
        with Workspace(tmp_path / "w") as work:
            found: list[object] = []

            def make(folder: Path) -> Counts:
                for key in keys:
                    found.extend(work.remember("read", key, Document, lambda key=key: calls.append(key) or [one, gone]))
                return {}

            work.stage("read", reads={"keys": keys}, code=CODE, make=make)
            return found

    assert run(["a", "b"]) == [one, gone, one, gone]
    assert run(["b"]) == [one, gone]
    assert calls == ["a", "b"]
    assert {path.name for path in (tmp_path / "w" / "cache" / "read").iterdir()} == {"b.jsonl", "b.dropped.jsonl"}


@pytest.mark.parametrize("suffix", [".jsonl", ".dropped.jsonl"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw[: raw[:-1].rfind(b"\n") + 1],  # whole lines are gone
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[: len(raw) // 2].ljust(len(raw), b"\0"),
        lambda raw: raw.replace(b"two", b"six").replace(b"empty", b"fleet"),  # still good records, but others
        lambda raw: raw + raw,
        lambda raw: os.urandom(len(raw)),
    ],
)
def test_a_remembered_entry_that_is_damaged_is_made_again(tmp_path: Path, suffix: str, harm: Callable[[bytes], bytes]):
    records = [document("one"), document("two"), Dropped(id="b.md", stage="read", reason=Reason.EMPTY)]
    calls: list[str] = []

    def run() -> list[Document | Dropped]:
        with Workspace(tmp_path / "w") as work:
            return work.remember("read", "a", Document, lambda: calls.append("made") or records)

    run()
    entry = tmp_path / "w" / "cache" / "read" / f"a{suffix}"
    whole = entry.read_bytes()
    entry.write_bytes(harm(whole))

    assert [run(), run()] == [records, records]
    assert calls == ["made", "made"]
    assert entry.read_bytes() == whole


def test_a_remembered_entry_of_which_a_file_is_gone_is_made_again(tmp_path: Path):
    calls: list[str] = []
    with Workspace(tmp_path / "w") as work:
        for gone in ("a.jsonl", "a.dropped.jsonl", ""):
            work.remember("read", "a", Document, lambda: calls.append("made") or [document("one")])
            if gone:
                (tmp_path / "w" / "cache" / "read" / gone).unlink()

    assert calls == ["made"] * 3


def test_remembering_waits_for_no_disk_but_a_stage_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    waits: list[int] = []
    monkeypatch.setattr(os, "fsync", waits.append)
    with Workspace(tmp_path / "w") as work:
        work.remember("read", "a", Document, lambda: [document("one")])
        before = len(waits)
        work.stage("read", reads={}, code=CODE, make=writer("one", []))

    assert (before, len(waits) > 2) == (0, True)


def test_the_code_hash_follows_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "sample_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rules.yaml").write_text("a: 1")
    monkeypatch.syspath_prepend(tmp_path)
    before = code_hash(("sample_package",))

    (package / "rules.yaml").write_text("a: 2")

    assert code_hash(("sample_package",)) != before
    with pytest.raises(WorkspaceError, match="no_such_module"):
        code_hash(("no_such_module",))


def test_records_survive_the_way_to_disk_and_a_damaged_line_is_named(tmp_path: Path):
    records = [document("a\u2028b"), document("日本 \U0001f600")]

    write_records(tmp_path / "r.jsonl", records)

    assert list(read_records(tmp_path / "r.jsonl", Document)) == records
    (tmp_path / "r.jsonl").write_text("{}\n")
    with pytest.raises(WorkspaceError, match=r"r\.jsonl:1"):
        list(read_records(tmp_path / "r.jsonl", Document))


def test_keep_passes_what_goes_on_and_keeps_what_was_dropped():
    gone = Dropped(id="b.md", stage="read", reason=Reason.EMPTY)
    dropped: list[Dropped] = []

    kept = list(keep([document("a"), gone, document("b")], dropped))

    assert [record.text for record in kept] == ["a", "b"]
    assert dropped == [gone]


def test_a_folder_hash_sees_names_and_bytes(tmp_path: Path):
    write_text(tmp_path / "a" / "x.txt", "1")
    first = folder_hash(tmp_path)
    write_text(tmp_path / "a" / "x.txt", "2")
    second = folder_hash(tmp_path)
    (tmp_path / "a" / "x.txt").rename(tmp_path / "a" / "y.txt")

    assert len({first, second, folder_hash(tmp_path)}) == 3


def test_what_stands_in_does_so_in_one_workspace_alone_until_it_is_noted_for_all(tmp_path: Path):
    def made(**settings: object) -> tuple[Output, str]:
        with Workspace(tmp_path / "w", **settings) as work:  # pyright: ignore[reportArgumentType]
            output = work.stage("split", reads={}, code=CODE, make=writer("own", []))
            return output, work.keys["split"]

    own, key = made()
    with Workspace(tmp_path / "w") as work:
        other = work.stage("kept", reads={}, code=CODE, make=writer("kept", []))

    assert made(stand_ins={key: other})[0].folder == other.folder
    assert made()[0].folder == own.folder
    with Workspace(tmp_path / "w") as work:
        work.stand_in({key: other, "train-1": own})
    assert made()[0].folder == other.folder


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_result(tmp_path: Path):
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\nfrom builder.workspace import Workspace\n"
        "def make(name):\n"
        "    def write(folder):\n"
        "        for part in range(20):\n            (folder / f'{part}.txt').write_text(name * 1000); time.sleep(0.002)\n"
        "        return {'parts': 20}\n"
        "    return write\n"
        "with Workspace(Path(sys.argv[1])) as work:\n"
        "    content = ''\n"
        "    for name in ('a', 'b', 'c', 'd'):\n"
        "        content = work.stage(name, reads={'before': content}, code=('schemas.records',), make=make(name)).content\n"
        "print(content)\n"
    )

    def run(folder: Path, kill_after: float | None) -> str:
        process = subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True)
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(process.pid, signal.SIGKILL)
        return process.communicate()[0].strip()

    undisturbed = run(tmp_path / "calm", None)
    for number in range(12):
        run(tmp_path / "killed", 0.1 + 0.03 * number)
    resumed = run(tmp_path / "killed", None)

    assert undisturbed
    assert resumed == undisturbed
