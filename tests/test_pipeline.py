"""The whole path on six documents of the sample company: made, found again, changed, killed, and looked at."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder.lineage import explain, model_folders
from builder.pipeline import Run, run, status
from builder.recipe_file import load_recipe
from builder.split import held_out, prove
from builder.store import read_records
from schemas.checks import check
from schemas.diagnosis import Diagnosis
from schemas.errors import KilopairError, UsageError
from schemas.records import Chunk, Document, Dropped, Pair

FILES = (
    "policies/leave-policy-v3.md",
    "policies/leave-policy-v2.md",
    "support/faq.csv",
    "support/tickets.jsonl",
    "products/fathom-plans.html",
    "security/incident-playbook.txt",
)
RECIPE = """\
company: Tarnwell
documents: {path: pages}
curate: {target: 150, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
base: {vocabulary: 600, width: 64, layers: 2, heads: 2, tokens: 8000}
train: {tokens: 120000, batch_tokens: 512}
evaluate: {limit: 6, max_new_tokens: 24}
diagnose: {facts: 8, prompts: 2, samples: 1}
report: {examples: 3}
"""


class Recorder:
    """A watch that remembers which stages were made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.progress: dict[str, list[tuple[int, int]]] = {}

    def started(self, stage: str) -> None:
        self.progress[stage] = []

    def advanced(self, stage: str, done: int, total: int, figures: object) -> None:
        self.progress[stage].append((done, total))

    def finished(self, stage: str, counts: object, *, seconds: float, fresh: bool) -> None:
        if fresh:
            self.made.append(stage)


def project(folder: Path, root: Path) -> Path:
    for name in FILES:
        target = folder / "pages" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "datasets" / "tarnwell" / name, target)
    (folder / "pages" / "broken.md").write_bytes(b"\x00\x01\x02\xff\xfe" * 40)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run, Recorder]:
    folder = project(tmp_path_factory.mktemp("company"), Path(__file__).parent.parent)
    watch = Recorder()
    done = run(load_recipe(folder / "recipe.yaml"), folder, watch=watch)
    return folder, done, watch


@pytest.mark.slow
def test_the_whole_path_ends_with_a_report_and_a_model(finished: tuple[Path, Run, Recorder]):
    _, done, watch = finished

    assert watch.made == [
        "read",
        "check",
        "chunk",
        "generate",
        "validate",
        "curate",
        "split",
        "pretrain",
        "train",
        "evaluate",
        "diagnose",
        "package",
        "report",
    ]
    assert done.report.read_text().startswith("<!doctype html>")
    assert (done.model / "model.safetensors").exists()
    assert all(done == sorted(done) for done in watch.progress.values())
    assert {"read", "generate", "pretrain", "train", "evaluate"} <= {stage for stage, told in watch.progress.items() if told}


@pytest.mark.slow
def test_a_packaged_model_is_one_folder_that_says_what_it_is(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    card = (done.model / "README.md").read_text()

    assert (done.model / "model.safetensors").samefile(done.outputs["train"].folder / "model" / "model.safetensors")
    assert "# tarnwell" in card
    assert f"{done.outputs['train'].counts['pairs']:,} pairs of question and answer" in card
    assert {"sft.yaml", "data", "base", "chat_template.jinja", "README.md"} <= {path.name for path in (done.model / "repeat").iterdir()}
    assert not (done.model / "gguf").exists()


@pytest.mark.slow
def test_the_diagnosis_names_a_cause_for_every_failure_and_every_id_in_it_is_a_pair(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    pairs = {pair.id: pair for pair in read_records(done.workspace / "pairs.jsonl", Pair)}

    found = Diagnosis.model_validate_json((done.workspace / "diagnosis.json").read_text())

    assert found.n == len(done.answers)
    assert found.wrong == len(found.failures) == sum(found.causes.values())
    named = {one for failure in found.failures for one in (failure.pair_id, *failure.taught, *(near.pair_id for near in failure.nearest))}
    named |= {one for fact in found.facts for one in (*fact.taught, *fact.failures, *fact.nearest)}
    named |= {one.pair_id for one in found.suspects}
    assert named <= pairs.keys()
    assert all(pairs[one].split == "train" for failure in found.failures for one in failure.taught)
    assert found.probe is not None
    assert sum(map(sum, found.transitions)) == found.probe.facts == sum(bool(fact.classes) for fact in found.facts) > 0


@pytest.mark.slow
def test_gguf_files_are_made_and_proved_without_training_again(finished: tuple[Path, Run, Recorder]):
    folder, _, _ = finished
    watch = Recorder()

    again = run(load_recipe(folder / "recipe.yaml", ["package.gguf=[f16, q8_0]", "package.name=Ask"]), folder, watch=watch)

    counts = again.outputs["package"].counts
    figures = counts["gguf"]["Ask-f16.gguf"]
    assert watch.made == ["package", "report"]
    for name, file in counts["gguf"].items():
        mixed = any(note.startswith(f"{name} keeps") for note in counts["notices"])
        assert mixed == ("finer" in file)
        assert (file["answers_equal"] >= file["expected"]) == (not any(note.startswith(f"{name} gives") for note in counts["notices"]))
    assert [path.name for path in sorted((again.model / "gguf").iterdir())] == ["Ask-f16.gguf", "Ask-q8_0.gguf", "Modelfile"]
    assert figures["prompts_equal"] == 1
    assert figures["n"] == len(again.answers)
    assert figures["answers_equal"] > 0.9  # a model this small hangs in the balance
    assert "FROM ./Ask-" in (again.model / "gguf" / "Modelfile").read_text()
    assert "Ask-f16.gguf" in again.report.read_text()


@pytest.mark.slow
def test_every_record_passes_its_schema_and_every_quote_is_where_it_says(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    documents = {document.id: document for document in read_records(done.workspace / "documents.jsonl", Document)}
    chunks = list(read_records(done.workspace / "chunks.jsonl", Chunk))
    pairs = list(read_records(done.workspace / "pairs.jsonl", Pair))
    dropped = list(read_records(done.workspace / "quarantine.jsonl", Dropped))

    for records in (list(documents.values()), chunks, pairs, dropped):
        assert records
        assert [check(record.model_dump(mode="json"), type(record).__name__) for record in records] == [None] * len(records)
    for chunk in chunks:
        assert documents[chunk.document_id].text[chunk.start : chunk.end] == chunk.text
    for pair in pairs:
        for span in pair.evidence:
            assert documents[span.document_id].text[span.start : span.end] == span.quote
    assert len({pair.id for pair in pairs}) == len(pairs)


@pytest.mark.slow
def test_the_funnel_adds_up_and_bad_files_wait_in_quarantine(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    counts = {name: output.counts for name, output in done.outputs.items()}

    assert counts["read"]["in"] == len(FILES) + 1
    assert counts["read"]["kept"] == len(FILES)
    for before, after in (("generate", "validate"), ("validate", "curate"), ("curate", "split")):
        assert counts[before]["kept"] == counts[after]["in"]
        assert counts[after]["in"] == counts[after]["kept"] + sum(counts[after]["dropped"].values())
    quarantined = list(read_records(done.workspace / "quarantine.jsonl", Dropped))
    assert len(quarantined) == sum(sum(figures.get("dropped", {}).values()) for figures in counts.values())
    assert "broken.md" in {record.id for record in quarantined}


@pytest.mark.slow
def test_the_superseded_policy_is_asked_about_nowhere(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    old = next(document for document in read_records(done.workspace / "documents.jsonl", Document) if document.path.endswith("v2.md"))

    pairs = list(read_records(done.workspace / "pairs.jsonl", Pair))

    assert [pair.instruction for pair in pairs if pair.provenance.document_id == old.id] == []
    assert [pair.output for pair in pairs if "25 days" in pair.output] == []


@pytest.mark.slow
def test_no_held_out_pair_leaks_into_train(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    pairs = list(read_records(done.workspace / "pairs.jsonl", Pair))

    sets = held_out(pairs)

    assert set(prove(pairs).values()) == {0}
    passages = {pair.provenance.chunk_id for pair in pairs if pair.split == "train"}
    assert sets["test"]
    assert all(pair.provenance.chunk_id not in passages for pair in sets["test"])
    trained = {" ".join(pair.instruction.casefold().split()) for pair in pairs if pair.split == "train"}
    paraphrases = [*sets["paraphrase_seen"], *sets["paraphrase_unseen"]]
    assert paraphrases
    assert all(" ".join(pair.instruction.casefold().split()) not in trained for pair in paraphrases)
    facts = {pair.group for pair in pairs if pair.split == "train"}
    assert all(pair.group in facts for pair in paraphrases)


@pytest.mark.slow
def test_running_again_does_nothing(finished: tuple[Path, Run, Recorder]):
    folder, done, _ = finished
    before = {path: path.stat().st_mtime_ns for path in (done.workspace / "stages").rglob("*") if path.is_file()}
    watch = Recorder()

    run(load_recipe(folder / "recipe.yaml"), folder, watch=watch)

    assert watch.made == []
    assert {path: path.stat().st_mtime_ns for path in (done.workspace / "stages").rglob("*") if path.is_file()} == before
    assert all(output is not None for output in status(load_recipe(folder / "recipe.yaml"), folder).values())


@pytest.mark.slow
def test_editing_one_document_redoes_only_what_depends_on_it(finished: tuple[Path, Run, Recorder], tmp_path: Path):
    folder, _, _ = finished
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)
    cache = copy / "workspace" / "cache"
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.jsonl")}
    page = copy / "pages" / "security" / "incident-playbook.txt"
    page.write_text(page.read_text() + "\n\nYou must write the incident report within 3 working days of every incident.\n")

    run(load_recipe(copy / "recipe.yaml"), copy, until="validate", watch=Recorder())

    after = {path: path.stat().st_mtime_ns for path in cache.rglob("*.jsonl")}
    new = [path for path in after if path not in before]
    assert {(path.parent.name, path.suffixes[0]) for path in new} == {
        ("read", ".jsonl"),
        ("read", ".dropped"),
        ("generate", ".jsonl"),
        ("generate", ".dropped"),
    }
    assert len(new) == 4
    assert all(after[path] == stamp for path, stamp in before.items() if path in after)


@pytest.mark.slow
def test_a_changed_training_setting_leaves_the_pairs_alone(finished: tuple[Path, Run, Recorder]):
    folder, _, _ = finished
    outputs = status(load_recipe(folder / "recipe.yaml", ["train.tokens=130000"]), folder)

    assert [name for name, output in outputs.items() if output is None] == ["train", "evaluate", "diagnose", "package", "report"]


@pytest.mark.slow
def test_the_report_is_one_file_that_needs_nothing_else(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    page = done.report.read_text()

    assert re.findall(r'(?:src|href)="(?!#)', page) == []
    assert "<script" not in page
    assert "url(" not in page
    assert len(page) < 1_000_000
    for part in (
        "Who answers how well",
        "Answers side by side",
        "What left, and why",
        "How the pairs were chosen",
        "The split is proved",
        "Coverage of the documents",
        "<svg",
        "leave-policy-v3.md",
    ):
        assert part in page
    figures = json.loads((done.workspace / "report.json").read_text())
    assert figures["company"] == "Tarnwell"
    assert figures["verdict"]["sentence"] in (done.workspace / "report.md").read_text().replace("\\", "")
    assert figures["repeat"]["stages"].keys() >= {"read", "train", "evaluate"}
    assert (done.workspace / "dataset" / "croissant.json").exists()


@pytest.mark.slow
def test_explain_knows_the_whole_lineage_of_a_chosen_pair(finished: tuple[Path, Run, Recorder]):
    _, done, _ = finished
    answer = done.answers[0]

    text = explain(done.workspace, answer["pair_id"]).as_text()

    for part in (answer["question"], "evidence  characters", "passage", "document", "chosen, in ", "tuned     "):
        assert part in text


@pytest.mark.slow
def test_the_manifest_repeats_the_run(finished: tuple[Path, Run, Recorder], tmp_path: Path):
    folder, done, _ = finished
    manifest = json.loads((done.workspace / "manifest.json").read_text())
    (tmp_path / "again.yaml").write_text((done.workspace / "recipe.yaml").read_text())

    assert load_recipe(tmp_path / "again.yaml") == load_recipe(folder / "recipe.yaml")
    assert set(manifest) == {"kilopair", "python", "platform", "libraries", "recipe", "seed", "stages"}
    assert set(manifest["stages"]) == set(done.outputs)
    assert set(model_folders(done.workspace, with_base=True)) == {"base", "tuned"}


@pytest.mark.slow
def test_every_command_works_on_a_finished_run(finished: tuple[Path, Run, Recorder], tmp_path: Path):
    folder, done, _ = finished

    def kilopair(*arguments: str) -> str:
        command = [sys.executable, "-m", "builder.cli.main", *arguments]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    shown = kilopair("run")
    assert shown.count("\nquestion") == 3
    assert str(done.report) in shown
    assert kilopair("status").count("done  ") == 13
    assert "held-out answers of the tuned model are wrong" in kilopair("diagnose")
    for form in ("alpaca", "prompt-completion", "messages", "sharegpt", "openai"):
        assert len(kilopair("export", "--format", form, "-o", str(tmp_path / form)).split()) == 4
    answers = json.loads(kilopair("chat", "-m", "How many days of annual leave do I get?", "--base", "--json"))
    assert set(answers) == {"question", "base", "tuned"}


@pytest.mark.slow
def test_a_model_folder_can_be_the_base_and_be_tuned_with_lora(finished: tuple[Path, Run, Recorder], tmp_path: Path):
    folder, done, _ = finished
    shutil.copytree(folder / "pages", tmp_path / "pages")
    shutil.copytree(done.model.resolve(), tmp_path / "given")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    settings = ["train.base=given", "train.method=lora", "train.tokens=20000", "evaluate.limit=2", "curate.target=80"]

    tuned = run(load_recipe(tmp_path / "recipe.yaml", settings), tmp_path)

    assert tuned.outputs["train"].counts["method"] == "lora"
    assert (tuned.model / "model.safetensors").read_bytes() != (tmp_path / "given" / "model.safetensors").read_bytes()
    assert model_folders(tuned.workspace, with_base=True)["base"] == str((tmp_path / "given").resolve())


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_ends_with_the_same_result(finished: tuple[Path, Run, Recorder], tmp_path: Path, root: Path):
    _, done, _ = finished
    folder = project(tmp_path / "killed", root)
    command = [sys.executable, "-m", "builder.cli.main", "run", "--quiet"]
    draw = random.Random(7)
    kills = 0
    for _ in range(20 if os.environ.get("KILOPAIR_SOAK") else 4):
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.5, 14))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    outputs = status(load_recipe(folder / "recipe.yaml"), folder)
    undisturbed = status(load_recipe(done.workspace.parent / "recipe.yaml"), done.workspace.parent)
    assert kills > 0
    for name in ("read", "chunk", "generate", "validate", "curate", "split"):
        assert outputs[name].content == undisturbed[name].content, name
    weights = [(place / "workspace" / "model" / "model.safetensors").read_bytes() for place in (folder, done.workspace.parent)]
    assert weights[0] == weights[1]
    assert not list((folder / "workspace" / "stages").glob(".making-*"))


def test_an_unknown_last_stage_is_refused(tmp_path: Path):
    (tmp_path / "r.yaml").write_text("")

    with pytest.raises(UsageError, match="no such stage"):
        run(load_recipe(tmp_path / "r.yaml"), tmp_path, until="fly")


@pytest.mark.parametrize(("base", "advice"), [("./nowhere", "no such folder"), ("pages", "without config.json")])
def test_a_base_that_is_no_model_is_said_before_any_work(tmp_path: Path, base: str, advice: str):
    (tmp_path / "pages").mkdir()
    (tmp_path / "r.yaml").write_text(f"documents: {{path: pages}}\ntrain: {{base: {base}}}\n")

    with pytest.raises(UsageError, match=advice):
        run(load_recipe(tmp_path / "r.yaml"), tmp_path)

    assert not (tmp_path / "workspace").exists()


def test_a_folder_called_embedded_is_not_taken_for_the_base(tmp_path: Path):
    (tmp_path / "embedded").mkdir()
    (tmp_path / "embedded" / "a.md").write_text("# Leave\n\nYou can carry over up to 5 days of annual leave.\n")
    (tmp_path / "r.yaml").write_text("documents: {path: embedded}\n")

    done = run(load_recipe(tmp_path / "r.yaml"), tmp_path, until="chunk")

    assert done.outputs["chunk"].counts["chunks"] == 1


def test_too_few_pairs_to_train_are_said_before_training(tmp_path: Path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.md").write_text("# Leave\n\nHello there.\n")
    (tmp_path / "r.yaml").write_text("documents: {path: pages}\n")

    with pytest.raises(KilopairError) as refused:
        run(load_recipe(tmp_path / "r.yaml"), tmp_path, until="train")

    assert "pairs" in str(refused.value)
