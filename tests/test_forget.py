"""A forgotten document leaves every file of the workspace, and a search proves it; a deleted one leaves the dataset by itself."""

import asyncio
import json
import shutil
import sqlite3
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import read_table

from builder.answers import JOURNAL
from builder.cli import documents as cli
from builder.forget import FORGOTTEN, Entry, Forgotten, forget, forgotten
from builder.forget_journal import erase_requests
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.store import read_records
from builder.traces import Traces, text_of
from generators.llm.calls import Message, Request
from generators.llm.journal import Cost, Journal
from schemas.diagnosis import FactFound
from schemas.errors import UsageError
from schemas.records import Document, Draft, Dropped, Pair, Reason

PAGES = {
    "leave.md": "# Leave\n\nEvery full-time employee has 25 days of annual leave in a calendar year. "
    "You must request annual leave in Rota at least 10 working days before the first day of it. "
    "If you fall ill during a holiday, tell your lead on the same day and bring a note.\n",
    "travel.md": "# Travel\n\nYou must book trains and flights in the travel portal at least 14 days before the journey begins. "
    "Hotels are paid up to 140 EUR a night in every city of Germany. "
    "If your train is cancelled, call the travel desk before you buy another ticket.\n",
    "desks.md": "# Desks\n\nYou must clear your desk every evening and lock your papers in the cabinet behind it. "
    "Standing desks are ordered from facilities and arrive within 3 weeks. "
    "If a monitor is broken, write to the help desk and take a spare one.\n",
}
SECRET_WORDS = "14 days before the journey begins"
RECIPE = "company: Tarn\ndocuments: {path: pages}\ncurate: {target: 60, per_document: 1.0, per_opening: 1.0, per_task: 1.0}\n"


def document(path: str, text: str) -> Document:
    return Document.of(path=path, title=path, format="markdown", text=text, raw=text.encode())


def made(root: Path) -> Path:
    run(load_recipe(root / "recipe.yaml"), root, until="split")
    return root / "workspace"


def holders(workspace: Path, words: str) -> list[str]:
    """Search as anybody would, with other means than the code under test."""
    found: list[str] = []
    for path in sorted(path for path in workspace.rglob("*") if path.is_file() and not path.is_symlink()):
        raw = str(read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()
        if words.encode() in raw:
            found.append(path.relative_to(workspace).as_posix())
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("company")
    (root / "pages").mkdir()
    for name, text in PAGES.items():
        (root / "pages" / name).write_text(text)
    (root / "recipe.yaml").write_text(RECIPE)
    made(root)
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))


def request(text: str, slot: str = "qa/other/first") -> Request:
    return Request("m", (Message("system", "the rules " * 30), Message("user", text)), 100, slot=slot)


def answered(journal: Journal, asked: Request, answer: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": answer}, "finish_reason": "stop"}]}).encode()

    async def main() -> None:
        await journal.sent(asked)
        await journal.answered(asked, body, Cost(prompt_tokens=10, completion_tokens=2, usd=0.25))

    asyncio.run(main())


def test_the_pairs_of_a_deleted_document_leave_the_dataset_and_the_others_stay(project: Path):
    workspace = project / "workspace"
    before = {pair.id: pair for pair in read_records(workspace / "pairs.jsonl", Pair)}
    drafts = list(read_records(workspace / "drafts.jsonl", Draft))
    gone = next(one.id for one in read_records(workspace / "documents.jsonl", Document) if one.path == "travel.md")
    (project / "pages" / "travel.md").unlink()

    made(project)

    after = list(read_records(workspace / "pairs.jsonl", Pair))
    assert [pair for pair in before.values() if pair.provenance.document_id == gone]
    assert [pair for pair in after if pair.provenance.document_id == gone] == []
    assert list(read_records(workspace / "drafts.jsonl", Draft)) == [draft for draft in drafts if draft.provenance.document_id != gone]
    assert {pair.provenance.document_id for pair in after} == {pair.provenance.document_id for pair in before.values()} - {gone}
    assert "travel portal" not in (workspace / "drafts.jsonl").read_text()
    assert "travel portal" not in str(read_table(next((workspace / "dataset" / "data").glob("train*.parquet"))).to_pylist())


def test_no_file_of_the_workspace_quotes_a_forgotten_document(project: Path):
    workspace = project / "workspace"
    with Journal(workspace / JOURNAL) as journal:
        answered(journal, request(PAGES["travel.md"]), "Book early.")
        answered(journal, request("Who clears the desk?"), "You must clear your desk every evening.")
    before = holders(workspace, SECRET_WORDS)

    report = forget(workspace, "travel.md")

    assert any(path.endswith(".parquet") for path in before)
    assert any(path.startswith("cache/read/") for path in before)
    assert holders(workspace, SECRET_WORDS) == holders(workspace, "Hotels are paid up to 140 EUR") == []
    assert report.requests == 1
    assert report.still == ()
    assert [path for path in workspace.iterdir() if path.is_symlink() and not path.exists()] == []
    assert holders(workspace, "clear your desk every evening")


def test_a_diagnosis_that_names_a_fact_of_the_document_goes_with_its_link(project: Path):
    workspace = project / "workspace"
    pair = next(one for one in read_records(workspace / "pairs.jsonl", Pair) if "journey" in one.evidence[0].quote)
    fact = FactFound(
        group=pair.group,
        document="travel.md",
        section=("Travel",),
        chunk=pair.provenance.chunk_id,
        question=pair.instruction,
        reference=pair.output,
        taught=(),
        failures=(pair.id,),
    )
    made = workspace / "stages" / "diagnose-0123456789abcdef"
    made.mkdir()
    (made / "diagnosis.json").write_text(fact.model_dump_json())
    (made / "stage.json").write_text("{}")
    (workspace / "diagnosis.json").symlink_to("stages/diagnose-0123456789abcdef/diagnosis.json")

    report = forget(workspace, "travel.md")

    assert "stages/diagnose-0123456789abcdef" in report.removed
    assert not (workspace / "diagnosis.json").is_symlink()
    assert holders(workspace, pair.provenance.chunk_id) == []


def test_forgetting_is_noted_by_path_id_and_bytes_and_found_by_any_of_them(project: Path):
    workspace = project / "workspace"
    id = next(one.id for one in read_records(workspace / "documents.jsonl", Document) if one.path == "travel.md")  # noqa: A001

    report = forget(workspace, id)
    again = forget(workspace, "travel.md")

    known = forgotten(workspace)
    text = document("travel.md", PAGES["travel.md"])
    assert (report.entry.path, report.entry.ids, report.entry.sha256) == ("travel.md", (id,), (text.sha256,))
    assert again.entry == report.entry == known.entries[0]
    assert json.loads((workspace / FORGOTTEN).read_text())[0]["path"] == "travel.md"
    for dropped in (known.drops("travel.md", "new bytes"), known.drops("moved.md", text.sha256), known.but(document("x.md", text.text))):
        assert isinstance(dropped, Dropped)
        assert dropped.reason == Reason.FORGOTTEN
    assert known.drops("leave.md", "other") is None
    assert known.but(text.model_copy(update={"id": "doc-1", "path": "other.md"})) is not None


def test_a_document_that_is_not_there_is_named_with_the_nearest_one(project: Path):
    workspace = project / "workspace"

    with pytest.raises(UsageError, match=r"travl\.md: no such document in .*; did you mean travel\.md\?"):
        forget(workspace, "travl.md")
    with pytest.raises(UsageError, match="no workspace yet"):
        forget(project / "nowhere", "travel.md")
    assert not (workspace / FORGOTTEN).exists()


def test_what_is_in_a_forgotten_archive_is_forgotten_too():
    entry = Entry(path="all.zip", ids=("doc-1",), sha256=(), when=datetime(2026, 1, 2, tzinfo=UTC))
    known = Forgotten((entry,))

    inside, beside = known.but(document("all.zip!/a.md", "A")), known.but(document("all.zip.md", "B"))

    assert isinstance(inside, Dropped)
    assert inside.detail == "forgotten on 2026-01-02; take all.zip out of forgotten.json to read it again"
    assert isinstance(beside, Document)


def read_again(root: Path) -> dict[str, str]:
    """Read the pages; return what became of each."""
    run(load_recipe(root / "recipe.yaml"), root, until="read")
    output = root / "workspace"
    read = {one.path: "read" for one in read_records(output / "documents.jsonl", Document)}
    return read | {one.id: str(one.reason) for one in read_records(output / "quarantine.jsonl", Dropped) if one.stage == "read"}


def test_a_forgotten_document_with_a_secret_is_known_again_by_its_words(tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pages").mkdir()
    text = PAGES["travel.md"] + "\nThe password: kX9!mQ2zLp7w\n"
    (tmp_path / "pages" / "travel.md").write_text(text)
    (tmp_path / "pages" / "leave.md").write_text(PAGES["leave.md"])
    read_again(tmp_path)

    forget(tmp_path / "workspace", "travel.md")
    (tmp_path / "pages" / "other.md").write_text(text.replace("\n", "\r\n"))

    assert read_again(tmp_path) == {"leave.md": "read", "travel.md": "forgotten", "other.md": "forgotten"}
    assert holders(tmp_path / "workspace", SECRET_WORDS) == []


def test_what_is_taken_out_of_the_forgotten_is_read_again_also_from_an_archive(tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pages").mkdir()
    with zipfile.ZipFile(tmp_path / "pages" / "all.zip", "w") as archive:
        for name, text in PAGES.items():
            archive.writestr(name, text)
    before = read_again(tmp_path)
    forget(tmp_path / "workspace", "all.zip!/travel.md")

    without = read_again(tmp_path)
    held = holders(tmp_path / "workspace", SECRET_WORDS)
    (tmp_path / "workspace" / FORGOTTEN).write_text("[]")

    assert without == before | {"all.zip!/travel.md": "forgotten"}
    assert held == []
    assert read_again(tmp_path) == before


def test_an_entry_of_the_cache_that_a_power_cut_has_damaged_stops_no_forgetting(project: Path):
    workspace = project / "workspace"
    (torn,) = (path for path in (workspace / "cache" / "read").glob("file-*.jsonl") if b'"path":"desks.md"' in path.read_bytes())
    torn.write_bytes(torn.read_bytes()[:-20] + b"\xff")

    report = forget(workspace, "travel.md")

    assert report.still == ()
    assert torn.exists()
    assert holders(workspace, SECRET_WORDS) == []


def test_what_was_made_when_it_was_there_goes_though_it_quotes_three_words_only(project: Path):
    workspace = project / "workspace"
    for name in ("evaluate-0", "report-0"):
        (workspace / "stages" / name).mkdir()
        (workspace / "stages" / name / "stage.json").write_text("{}")
        (workspace / "stages" / name / "answers.json").write_text('{"expected": "In Zanzibar bay."}')
    forget(workspace, "travel.md")
    gone = holders(workspace, "Zanzibar")
    (workspace / "stages" / "evaluate-1").mkdir()
    (workspace / "stages" / "evaluate-1" / "stage.json").write_text("{}")

    again = forget(workspace, "travel.md")

    assert gone == []
    assert again.removed == ()
    assert (workspace / "stages" / "evaluate-1").exists()


def test_a_model_that_may_have_learned_it_is_named_and_deleted_on_demand(project: Path):
    workspace = project / "workspace"
    model = workspace / "stages" / "train-0" / "model"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"\x00" * 64)
    (model.parent / "stage.json").write_text("{}")

    named = forget(workspace, "travel.md").still
    deleted = forget(workspace, "travel.md", models=True)

    assert named == (("stages/train-0", "a model that may have learned from it; train again, then forget it again with --models"),)
    assert deleted.still == ()
    assert "stages/train-0" in deleted.removed
    assert not model.exists()


def test_files_of_lines_lose_the_lines_that_quote_it_and_other_files_are_named(project: Path):
    workspace = project / "workspace"
    (workspace / "batch").mkdir()
    kept = json.dumps({"custom_id": "1", "body": PAGES["desks.md"]}) + "\n"
    (workspace / "batch" / "1.jsonl").write_text(kept + json.dumps({"custom_id": "2", "body": PAGES["travel.md"]}) + "\n")
    (workspace / "my notes.txt").write_text(PAGES["travel.md"])

    report = forget(workspace, "travel.md")

    assert (workspace / "batch" / "1.jsonl").read_text() == kept
    assert report.still == (("my notes.txt", "quotes it"),)


def test_the_journal_forgets_requests_answers_and_their_bytes_but_not_what_they_cost(tmp_path: Path):
    travel = document("travel.md", PAGES["travel.md"])
    traces = Traces.of([travel.text], ids=(travel.id, "chunk-7"))
    path = tmp_path / JOURNAL
    with Journal(path) as journal:
        answered(journal, request("What about trips?", slot="question_answering/chunk-7/1/first"), "Early.")
        answered(journal, request("Compare: " + travel.text), "No.")
        answered(journal, request("How far ahead?"), "Book flights in the travel portal at least 14 days before the journey begins.")
        answered(journal, request("Who clears the desk?"), "You do.")
        before = journal.counts

    erased = erase_requests(path, traces)

    with Journal(path) as journal:
        after, kept = journal.counts, [entry for entry in journal.entries() if entry.raw is not None]
        still = journal.get(request("Who clears the desk?"))
    assert erased == 3
    assert [entry.request.messages[-1].content for entry in kept] == ["Who clears the desk?"]
    assert still is not None
    assert (after.answered, after.calls, after.usd, after.prompt_tokens) == (1, before.calls, before.usd, before.prompt_tokens)
    assert b"travel portal" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    with sqlite3.connect(path) as reader:
        assert {text for (text,) in reader.execute("SELECT text FROM texts")} == {"", "the rules " * 30, "Who clears the desk?"}
    assert erase_requests(path, traces) == 0


def test_the_command_says_what_went_and_what_is_left_to_do(project: Path, capsys: pytest.CaptureFixture[str]):
    cli.forget.main(["travel.md", str(project / "recipe.yaml")], standalone_mode=False)
    said = capsys.readouterr().out
    cli.forget.main(["travel.md", str(project / "recipe.yaml"), "--json"], standalone_mode=False)
    facts = json.loads(capsys.readouterr().out)

    assert said.startswith("forgotten  travel.md (doc-")
    assert "searched   every file of the workspace: none quotes it" in said
    assert (facts["document"]["path"], facts["removed"], facts["requests"], facts["still"]) == ("travel.md", [], 0, [])


@pytest.mark.parametrize(
    "text",
    [
        "You said: must book trains and flights in the travel portal at least!",
        json.dumps({"output": "x\nMust book trains\nand flights in the “travel” portal, at least"}),
        "<p>must book trains &amp; flights</p> must book trains and&nbsp;flights in the travel portal at least",
        '{"document_id":"doc-77"}',
    ],
)
def test_traces_are_found_in_json_in_html_and_by_id(text: str):
    traces = Traces.of([PAGES["travel.md"]], ids=("doc-77",))

    assert traces.in_text(text)
    assert not traces.in_text(PAGES["desks.md"])


def test_what_another_document_says_as_well_gives_nothing_away():
    shared = "Everybody who works here reads the handbook once a year and signs it."
    traces = Traces.of([shared + " Own words follow here: seven more of them at least, or ten."], others=[shared])

    assert not traces.in_text(shared)
    assert traces.in_text("own words follow here seven more of them at least")


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=8, max_size=40), st.integers(0, 30))
def test_every_run_of_eight_words_is_found_wherever_it_is_quoted(said: list[str], at: int):
    start = min(at, len(said) - 8)
    traces = Traces.of([" ".join(said)])

    assert traces.in_text("before, " + ", ".join(said[start : start + 8]) + ", after")
    assert not traces.in_text(" ".join(["zz", *said[start : start + 7], "zz"])) or len(set(said)) < len(said)


def test_weights_are_not_searched_and_broken_text_is_read_as_far_as_it_goes(tmp_path: Path):
    (tmp_path / "a.safetensors").write_bytes(PAGES["travel.md"].encode())
    (tmp_path / "b.html").write_bytes(b"\xff\xfe" + PAGES["travel.md"].encode())

    assert text_of(tmp_path / "a.safetensors") == ""
    assert Traces.of([PAGES["travel.md"]]).in_text(text_of(tmp_path / "b.html"))
