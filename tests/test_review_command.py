"""`kilopair review` without its page: undo, the log, the status, the export, preferences; forgetting and calibrating with decisions."""

import json
import shutil
from pathlib import Path

import pytest

from builder.cli import documents as documents_cli
from builder.decisions import from_review
from builder.export import messages
from builder.forget import forget
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.review.fold import standings
from builder.review.forget_events import erase_decisions
from builder.review.log import FILE, ReviewLog
from builder.review.preferences import write_preferences
from builder.store import read_records
from builder.traces import Traces
from schemas.errors import InputError, UsageError
from schemas.records import Document, Pair, Turn
from schemas.review import Event, Texts, said_key
from tests.leave_project import kilopair
from tests.review_events import event, stored, texts

PAGES = {
    "ferry.md": "# Ferry\n\nEvery crew member has 25 days of annual leave in a calendar year. "
    "You must sign the grey heron book at least 40 minutes before the ferry leaves the north pier. "
    "The lookout stands at the bow in every fog until the harbour master says otherwise.\n",
    "pier.md": "# Pier\n\nYou must book a berth at the pier office at least 12 days before the visit begins. "
    "A berth costs 140 EUR a night on every pier of the island. "
    "If a rope is broken, call the pier office before you leave the berth.\n",
}
RECIPE = "company: Sandhaven\ndocuments: {path: pages}\ncurate: {target: 60, per_document: 1.0, per_opening: 1.0, per_task: 1.0}\n"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace whose recipe lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "workspace"


def append(workspace: Path, *events: Event) -> list[Event]:
    with ReviewLog(workspace) as log:
        return log.append(events)


def states(workspace: Path) -> dict[str, str]:
    with ReviewLog(workspace) as log:
        return {item: one.state for item, one in standings(log.events()).items()}


def review(*arguments: str) -> str:
    return kilopair("review", "recipe.yaml", *arguments)


def reviewed(*arguments: str):
    return json.loads(review(*arguments, "--json"))


def test_last_takes_back_the_newest_word_of_the_name_and_then_the_one_before(workspace: Path):
    append(workspace, event("accept"), event("reject"), event("skip", reviewer="bob"))

    said = review("--undo", "last", "--name", "ann")
    first = states(workspace)
    review("--undo", "last", "--name", "ann")

    assert "took back 1:" in said
    assert "reject wrong  pair-1" in said
    assert first == {"pair-1": "accepted"}
    assert states(workspace) == {"pair-1": "skipped"}
    with pytest.raises(InputError, match="ann: nothing to undo; --name says whose"):
        review("--undo", "last", "--name", "ann")


def test_a_bulk_is_taken_back_whole_and_comes_back_by_undoing_the_undo(workspace: Path):
    append(workspace, *(event("reject", f"pair-{number}", bulk="bulk-0001") for number in range(7)))

    facts = reviewed("--undo", "last", "--name", "ann")
    undone = set(states(workspace).values())
    with pytest.raises(InputError, match="bulk-0001: is undone already"):
        review("--undo", "bulk-0001")
    said = review("--undo", facts["op"])

    assert (facts["undoes"], len(facts["items"])) == ("bulk-0001", 7)
    assert undone == {"undecided"}
    assert set(states(workspace).values()) == {"rejected"}
    assert "took back 1:" in said
    with pytest.raises(InputError, match="op-of-nobody: nothing to undo"):
        review("--undo", "op-of-nobody")


def test_an_undo_is_undone_once_and_what_brings_back_is_what_was_told(workspace: Path):
    (word,) = append(workspace, event("reject"))
    undo = reviewed("--undo", word.op)["op"]
    again = reviewed("--undo", undo)["op"]

    with pytest.raises(InputError, match=f"{undo}: is undone already"):
        review("--undo", undo)
    rejected = states(workspace)
    review("--undo", again)

    assert (rejected, states(workspace)) == ({"pair-1": "rejected"}, {"pair-1": "undecided"})


def test_a_name_that_is_too_long_is_cut_as_on_the_page(workspace: Path):
    (word,) = append(workspace, event("accept"))

    review("--undo", word.op, "--name", "n" * 100)

    with ReviewLog(workspace) as log:
        assert [one.reviewer for one in log.events()] == ["ann", "n" * 80]


def test_the_log_shows_the_newest_events_and_what_is_undone_on_one_line_each(workspace: Path):
    assert review("--log") == "nobody has decided anything yet\n"
    assert not (workspace / FILE).exists()
    evil = event("reject", "pair-x", "eve\x1b[2J", note="line\nbreak", before=texts("Is \x1b]0;this\x07 a title?"))
    undone = event("edit", "pair-y")
    append(workspace, *(event(item=f"pair-{number}") for number in range(30)), evil, undone, event("undo", undoes=undone.op))

    lines = review("--log").splitlines()
    rows = [Event.model_validate_json(line) for line in review("--log", "--json").splitlines()]

    assert len(lines) == len(rows) == 20
    assert lines[-3].split("  ", 1)[1] == f"eve [2J  reject wrong  pair-x  “Is ]0;this a title?”  note: line break  [{evil.op}]"
    assert lines[-2].endswith(f"[{undone.op}]  (undone)")
    assert f"undo {undone.op}" in lines[-1]
    assert [row.seq for row in rows] == list(range(14, 34))


def test_the_status_counts_states_and_tells_how_far_reviewers_agree(workspace: Path):
    assert "nobody has decided anything yet" in review("--status")
    for number in range(6):
        append(workspace, event("accept", f"pair-{number}"), event("accept" if number % 3 else "reject", f"pair-{number}", "bob"))

    said, facts = review("--status"), reviewed("--status")

    assert "items      4 accepted, 2 disputed" in said
    assert "reviewers  ann 6, bob 6" in said
    assert "agreement  ann and bob agree on 4 of 6; kappa 0.00" in said
    assert "disputed   pair-0, pair-3;" in said
    assert facts["states"] == {"accepted": 4, "disputed": 2}
    assert facts["agreement"]["disputed"] == ["pair-0", "pair-3"]


def test_an_export_holds_every_event_and_one_thing_is_done_at_a_time(workspace: Path):
    events = append(workspace, event("accept"), event("edit"), event("note", note="ok"))

    facts = reviewed("--export", "all.jsonl")

    assert facts == {"file": "all.jsonl", "events": 3}
    assert list(read_records(Path("all.jsonl"), Event)) == events
    with pytest.raises(UsageError, match="--undo and --log: one thing at a time"):
        review("--undo", "last", "--log")
    with pytest.raises(UsageError, match="--assign belongs to --static"):
        review("--assign", "ann,bob")
    with pytest.raises(UsageError, match="cannot be written"):
        review("--export", "recipe.yaml/events.jsonl")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with pairs, split."""
    root = tmp_path_factory.mktemp("ferries")
    (root / "pages").mkdir()
    for name, text in PAGES.items():
        (root / "pages" / name).write_text(text)
    (root / "recipe.yaml").write_text(RECIPE)
    run(load_recipe(root / "recipe.yaml"), root, until="split")
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = Path(shutil.copytree(made, tmp_path / "project", symlinks=True))
    monkeypatch.chdir(root)
    return root


def pairs_of(project: Path) -> list[Pair]:
    return list(read_records(project / "workspace" / "pairs.jsonl", Pair))


def edit_of(pair: Pair, **more: str) -> Event:
    before = Texts.of(pair)
    after = before.model_copy(update={"output": f"{pair.output} Ask your lead."} | more)
    return event("edit", pair.id, key=said_key(pair), document=pair.provenance.document_id, before=before, after=after)


def test_an_edited_answer_is_chosen_over_the_one_before(project: Path):
    pairs = pairs_of(project)
    train = [pair for pair in pairs if pair.split == "train" and pair.input][:1] + [pair for pair in pairs if pair.split == "train"][:4]
    held_out = next(pair for pair in pairs if pair.split == "paraphrase")
    gone = event("edit", "pair-of-old", key="said-of-old")
    undone = edit_of(train[-1])
    append(
        project / "workspace",
        edit_of(train[0]),
        edit_of(train[1], instruction="Something else?"),
        edit_of(train[2], output=train[2].output, instruction=train[2].instruction),
        edit_of(held_out),
        gone,
        event("accept", train[3].id, key=said_key(train[3])),
        undone,
        event("undo", undoes=undone.op),
    )

    facts = reviewed("--preferences", "dpo.jsonl")
    rows = [json.loads(line) for line in (project / "dpo.jsonl").read_text().splitlines()]
    said = review("--preferences", "dpo.jsonl")

    assert facts == {"file": "dpo.jsonl", "preferences": 1, "left_out": {"question_changed": 1, "same_answer": 1, "held_out": 1, "gone": 1}}
    content = f"{train[0].instruction}\n\n{train[0].input}" if train[0].input else train[0].instruction
    assert rows == [
        {
            "prompt": [{"role": "user", "content": content}],
            "chosen": [{"role": "assistant", "content": f"{train[0].output} Ask your lead."}],
            "rejected": [{"role": "assistant", "content": train[0].output}],
        }
    ]
    assert "left out: 1 edits are of facts in a held-out split, or a held-out wording" in said


@pytest.mark.slow
def test_trl_trains_on_a_file_of_preferences_as_it_is(project: Path):
    from datasets import load_dataset
    from trl import DPOConfig, DPOTrainer

    from tests.tiny_models import chat_tokenizer, saved

    append(project / "workspace", *(edit_of(pair) for pair in pairs_of(project) if pair.split == "train"))
    count = write_preferences(project / "workspace", project / "dpo.jsonl").count
    model = saved(project / "tiny", "llama", chat_tokenizer())
    settings = DPOConfig(output_dir=str(project / "out"), max_steps=1, use_cpu=True, bf16=False, report_to="none")

    trainer = DPOTrainer(
        model=model, args=settings, train_dataset=load_dataset("json", data_files=str(project / "dpo.jsonl"), split="train")
    )
    done = trainer.train()

    assert len(trainer.train_dataset) == count > 3
    assert done.training_loss == pytest.approx(0.693, abs=0.01)  # ln 2: tuned and reference model are still the same


def test_a_disputed_edit_is_no_preference_until_it_is_settled(project: Path):
    pair = next(pair for pair in pairs_of(project) if pair.split == "train")
    edit = edit_of(pair)
    append(project / "workspace", edit, event("reject", pair.id, "bob"))
    before = write_preferences(project / "workspace", project / "dpo.jsonl").count
    append(project / "workspace", edit.model_copy(update={"op": "op-settled", "reviewer": "cy", "final": True}))

    assert before == 0
    assert write_preferences(project / "workspace", project / "dpo.jsonl").count == 1


def test_an_edit_whose_result_people_reject_later_is_no_preference(project: Path):
    pair = next(pair for pair in pairs_of(project) if pair.split == "train")
    first = edit_of(pair)
    made = pair.model_copy(update={"id": "pair-1111111111111111", "output": first.after.output if first.after else ""})
    second = edit_of(made)
    last = made.model_copy(update={"id": "pair-2222222222222222", "output": second.after.output if second.after else ""})
    refused = event("reject", last.id, "bob", key=said_key(last))

    def written(*events: Event) -> tuple[int, dict[str, int]]:
        append(project / "workspace", *events)
        found = write_preferences(project / "workspace", project / "dpo.jsonl")
        return found.count, dict(found.left_out)

    assert written(first, event("note", made.id, key=said_key(made))) == (1, {})
    assert written(refused) == (1, {})
    assert written(second)[1]["rejected"] == 1
    assert written(event("undo", undoes=second.op), event("reject", made.id, key=said_key(made))) == (0, {"rejected": 1})
    assert written(event("accept", made.id, key=said_key(made))) == (1, {})
    assert written(event("reject", made.id, "bob", key=said_key(made))) == (0, {"rejected": 1})


def test_forgetting_a_document_empties_the_decisions_about_it_and_no_file_quotes_it(project: Path):
    workspace = project / "workspace"
    ids = {one.path: one.id for one in read_records(workspace / "documents.jsonl", Document)}
    drafts = pairs_of(project)
    about = [pair for pair in drafts if pair.provenance.document_id == ids["ferry.md"]]
    other = next(pair for pair in drafts if pair.provenance.document_id == ids["pier.md"])
    quoting = texts("What does page one say?", "You must sign the grey heron book at least 40 minutes before the ferry leaves.")
    append(
        workspace,
        edit_of(about[0]),
        event("reject", about[1].id, before=texts("Short?", "Heron."), note="says heron"),  # no document, found by its id
        event("edit", "pair-of-an-earlier-run", before=quoting, after=quoting),  # by neither, found by its words
        event("accept", "pair-7", document=ids["ferry.md"], before=texts("Old?", "Heron.")),
        edit_of(other),
        event("accept", other.id, "bob"),
    )
    before = states(workspace)

    report = forget(workspace, "ferry.md")
    again = forget(workspace, "ferry.md")

    with ReviewLog(workspace) as log:
        events = list(log.events())
    assert (report.decisions, report.still) == (4, ())
    assert (again.decisions, again.still) == (0, ())
    assert states(workspace) == before
    assert [one.before for one in events[:4]] == [None] * 4
    assert events[4].after is not None
    assert other.output in events[4].after.output
    raw = b"".join(path.read_bytes() for path in workspace.glob("review*"))
    assert b"heron" not in raw.lower()
    assert other.instruction.encode() in raw


def test_forgetting_says_how_many_events_it_emptied(project: Path, capsys: pytest.CaptureFixture[str]):
    pair = next(pair for pair in pairs_of(project) if "heron" in pair.output)
    append(project / "workspace", edit_of(pair))

    documents_cli.forget.main(["ferry.md", "recipe.yaml"], standalone_mode=False)

    assert "emptied    1 events of the review log: who decided what and when stays" in capsys.readouterr().out


def test_a_workspace_without_decisions_has_nothing_to_erase(tmp_path: Path):
    assert erase_decisions(tmp_path, ["doc-1"], Traces.of(["some words"])) == 0
    assert not (tmp_path / FILE).exists()


def test_decisions_calibrate_the_judge_and_an_edited_pair_was_not_good_enough(project: Path):
    first, second, third, fourth, fifth, *_ = pairs = pairs_of(project)
    moved = event("reject", "pair-of-old", key=said_key(fourth))
    events = [
        event("accept", first.id),
        event("reject", second.id),
        edit_of(third),
        moved,
        event("accept", fifth.id),
        event("reject", fifth.id, "bob"),
        event("reject", "pair-nowhere", key="said-nowhere"),
    ]

    found = from_review(pairs, standings(stored(*events)))

    assert found == {first.id: True, second.id: False, third.id: False, fourth.id: False}


def test_texts_of_a_conversation_become_its_turns():
    said = texts(
        "And then?", "Then you wait.", history=(Turn(role="user", content="I am ill."), Turn(role="assistant", content="Tell us."))
    )

    assert [turn["role"] for turn in messages(said)] == ["user", "assistant", "user", "assistant"]
