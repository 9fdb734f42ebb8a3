"""A training that is killed at any moment goes on from its newest whole checkpoint and gives the same weights, bit for bit."""

import hashlib
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from builder.forget import forget
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.watch import Silent
from schemas.errors import TrainingError
from schemas.training import BaseSection, TrainSection
from tests.tiny_models import TEXTS, TOOLS, a_pair, chat_tokenizer, ignore, saved
from trainer.base import make_base
from trainer.checkpoints import check_room
from trainer.sft import train
from trainer.trouble import memory_trouble

pytestmark = pytest.mark.slow
FORKS = multiprocessing.get_context("fork")  # a second process that does not import everything again
PAIRS = [
    a_pair(question.format(tool), "Yes.") for tool in TOOLS for question in ("Is the {} made here?", "Can I buy a {}?", "Is the {} new?")
]
VALIDATION = [a_pair(f"Do you sell the {tool}?", "Yes.") for tool in TOOLS[:3]]
SECTION = TrainSection(epochs=3, batch_tokens=256, learning_rate=2e-2, warmup=0.2, choose="answers")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """The order of sums must not depend on the machine, and a forked process has only the thread that forked."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    section = BaseSection(vocabulary=400, width=32, layers=2, heads=2, tokens=4_000, block=32, context=256)
    make_base(TEXTS * 3, section=section, seed=0, folder=folder / "embedded", progress=ignore)
    saved(folder / "llama", "llama", chat_tokenizer(), attention_dropout=0.2)
    return folder


def _tune(folder, *, base, section=SECTION, runs=None, progress=ignore, pairs=PAIRS):
    return train(pairs, VALIDATION, TEXTS, base=str(base), section=section, seed=3, folder=folder, progress=progress, runs=runs)


def _sha(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def _child(work, number=None):
    """Do something in a process of its own, whose signals do what they do in a new one, and return its exit code."""

    def alone():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        work()

    process = FORKS.Process(target=alone)
    process.start()
    process.join(60)
    return process.exitcode


def _killed_at(step, number=signal.SIGKILL):
    """Return a watcher that ends its own process after so many updates of the phase at work."""

    def progress(done, *_):
        if done == step:
            os.kill(os.getpid(), number)

    return progress


CASES = {
    "full, muon": ("embedded", {"tokens": 7_000, "learning_rate": 5e-2, "raw_text": 0.25, "word_drop": 0.5}, 1),
    "full, adamw, dropout": ("llama", {}, 1),
    "lora": ("llama", {"method": "lora", "lora_rank": 4, "epochs": 5}, 1),
    "dora": ("llama", {"method": "dora", "lora_rank": 4, "epochs": 5}, 1),
    "between two phases": ("llama", {"pretrain_epochs": 2, "replay": 0.1}, 1),
    "before the first checkpoint": ("llama", {"pretrain_epochs": 2, "method": "lora", "lora_rank": 4, "epochs": 5}, -1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_between_checkpoints_ends_as_the_undisturbed_one(tmp_path, bases, case):
    """P78, P95, P96."""
    kind, changes, after = CASES[case]
    section = SECTION.model_copy(update=changes)
    figures = _tune(tmp_path / "whole", base=bases / kind, section=section)
    runs = tmp_path / "runs"
    middle = figures["epochs"][0]["step"] + after

    def cut():
        _tune(tmp_path / "cut", base=bases / kind, section=section, runs=runs, progress=_killed_at(middle))

    assert _child(cut) == -signal.SIGKILL
    again = _tune(tmp_path / "cut", base=bases / kind, section=section, runs=runs)

    assert again["resumed_after"] == (figures["epochs"][0]["step"] if after > 0 else 0)
    assert _sha(tmp_path / "cut") == _sha(tmp_path / "whole")
    assert again["epochs"] == figures["epochs"]
    assert [(point["step"], point["tokens"], point["loss"]) for point in again["curve"]] == [
        (point["step"], point["tokens"], point["loss"]) for point in figures["curve"]
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, bases):
    """An undisturbed run: the hash of its weights, its figures, and its folder of checkpoints."""
    folder = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    figures = _tune(folder / "model", base=bases / "llama", runs=folder / "runs")
    return _sha(folder / "model"), figures, folder / "runs"


@pytest.mark.parametrize("file", ["model.safetensors", "manifest.json"])
def test_a_run_killed_in_the_middle_of_a_save_goes_on_from_the_checkpoint_before_it(tmp_path, bases, whole, file):
    """P81: a real SIGKILL while the second checkpoint is being written: after its weights, and with all but its manifest."""
    runs = tmp_path / "runs"

    def cut():
        second = f".writing-pairs-{whole[1]['epochs'][1]['step']:06d}/"

        def kill(event, arguments):
            if event == "open" and second in str(arguments[0]) and file in str(arguments[0]):
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        _tune(tmp_path / "cut", base=bases / "llama", runs=runs)

    assert _child(cut) == -signal.SIGKILL
    (left,) = runs.glob("*/.writing-*")
    assert not (left / "manifest.json").exists()
    again = _tune(tmp_path / "cut", base=bases / "llama", runs=runs)

    assert again["resumed_after"] == whole[1]["epochs"][0]["step"]
    assert _sha(tmp_path / "cut") == whole[0]
    assert not list(runs.glob("*/.writing-*"))


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory, bases, whole):
    """The checkpoints of a run that was killed in its last pass, to be copied."""
    folder = tmp_path_factory.mktemp("cut_off")
    torch.set_num_threads(1)

    def cut():
        _tune(folder / "cut", base=bases / "llama", runs=folder / "runs", progress=_killed_at(whole[1]["epochs"][1]["step"] + 1))

    assert _child(cut) == -signal.SIGKILL
    return folder / "runs"


@pytest.fixture
def interrupted(tmp_path, cut_off):
    """A copy of the checkpoints of a run that was killed in its last pass."""
    (run,) = shutil.copytree(cut_off, tmp_path / "runs").iterdir()
    return run


DAMAGES = {
    "P80: without the optimizer": ("optimizer.pt", "unlink"),
    "P80: without the random numbers": ("rng_state.pth", "unlink"),
    "P82: with overwritten weights": ("model.safetensors", "overwrite"),
    "P82: with a manifest cut off": ("manifest.json", "truncate"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(tmp_path, bases, whole, interrupted, damage):
    """P79, P80, P82."""
    name, way = DAMAGES[damage]
    newest = interrupted / f"pairs-{whole[1]['epochs'][1]['step']:06d}"
    file = newest / name
    content = file.read_bytes()
    if way == "unlink":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] + (b"" if way == "truncate" else bytes(len(content) - len(content) // 2)))

    again = _tune(tmp_path / "cut", base=bases / "llama", runs=tmp_path / "runs")

    assert again["resumed_after"] == whole[1]["epochs"][0]["step"]
    assert any(newest.name in notice and name in notice for notice in again["notices"])
    assert _sha(tmp_path / "cut") == whole[0]


CHANGES = {
    "P83: the rate": ("settings", {"learning_rate": 1e-2}),
    "P83: the adapters": ("settings", {"method": "lora", "lora_rank": 4}),
    "P83, P85: the pairs": ("data", {}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_of_another_run_is_not_gone_on_with_and_the_difference_is_named(tmp_path, bases, interrupted, change):
    """P83, P85, P86: nor do its checkpoints count among those of the new run, which keeps its own."""
    part, changes = CHANGES[change]
    section = SECTION.model_copy(update=changes)
    pairs = PAIRS if changes else PAIRS[1:]

    figures = _tune(tmp_path / "other", base=bases / "llama", section=section, runs=tmp_path / "runs", pairs=pairs)

    assert figures["resumed_after"] == 0
    assert any("not continued" in notice and part in notice for notice in figures["notices"])
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_finished_run_is_not_stepped_again_and_another_choice_trains_nothing(tmp_path, bases, whole):
    """P84."""
    steps = []
    for rule in ("answers", "last"):
        section = SECTION.model_copy(update={"choose": rule})
        again = _tune(tmp_path / rule, base=bases / "llama", section=section, runs=whole[2], progress=lambda done, *_: steps.append(done))

        assert again["resumed_after"] == again["updates"]
        assert again["epochs"] == whole[1]["epochs"]
    assert not steps
    assert _sha(tmp_path / "answers") == whole[0]


def test_what_is_left_of_a_finished_run_is_the_weights_that_a_rule_chose(whole):
    """P113: no optimizer, and no more than by answers, by loss and the last."""
    _, figures, runs = whole
    choice = figures["choice"]
    kept = {choice.get("by_answers"), choice["by_loss"], figures["epochs"][-1]["epoch"]}

    left = sorted(path.parent.name for path in runs.glob("*/pairs-*/model.safetensors"))

    assert left == [f"pairs-{row['step']:06d}" for row in figures["epochs"] if row["epoch"] in kept]
    assert not list(runs.glob("*/*/optimizer.pt"))


def test_a_process_that_is_asked_to_end_writes_a_checkpoint_and_ends_as_asked(tmp_path, bases, whole):
    """P129: not as done, and what it had done is not lost."""
    runs = tmp_path / "runs"

    def cut():
        _tune(tmp_path / "cut", base=bases / "llama", runs=runs, progress=_killed_at(1, signal.SIGTERM))

    assert _child(cut) == -signal.SIGTERM
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    again = _tune(tmp_path / "cut", base=bases / "llama", runs=runs)

    assert again["resumed_after"] == 2
    assert _sha(tmp_path / "cut") == whole[0]


def test_a_long_pass_is_saved_in_between(tmp_path, bases, whole, monkeypatch):
    monkeypatch.setattr("trainer.keeper.SECONDS", -1.0)
    runs = tmp_path / "runs"

    assert _child(lambda: _tune(tmp_path / "cut", base=bases / "llama", runs=runs, progress=_killed_at(2))) == -signal.SIGKILL
    again = _tune(tmp_path / "cut", base=bases / "llama", runs=runs)

    assert again["resumed_after"] == 1
    assert _sha(tmp_path / "cut") == whole[0]


def test_a_run_that_goes_on_with_other_threads_keeps_its_work_and_says_so(tmp_path, bases, whole):
    """Other threads add in another order: the last bits may differ, but nobody wants hours thrown away for them."""
    runs, middle = tmp_path / "runs", whole[1]["epochs"][0]["step"]
    cut = partial(_tune, tmp_path / "cut", base=bases / "llama", runs=runs)
    assert _child(partial(cut, progress=_killed_at(middle + 1))) == -signal.SIGKILL

    torch.set_num_threads(2)
    again = cut()

    assert again["resumed_after"] == middle
    assert any(
        re.match(r"the training went on with other arithmetic \(1 thread with \w+, then 2 threads", note) for note in again["notices"]
    )
    assert not any("arithmetic" in note for note in whole[1]["notices"])


def test_where_the_signal_is_ignored_the_training_still_does_not_count_as_done(tmp_path, bases):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(TrainingError, match=r"interrupted after 3 of .* run it again"):
            _tune(tmp_path / "cut", base=bases / "llama", progress=_killed_at(2, signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_full_disk_is_said_with_what_to_change_and_nothing_is_lost(tmp_path, bases, whole):
    """P113: a real limit on the size of files, met while the checkpoint is being written."""
    said = tmp_path / "said"

    def cut():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        def limit(done, *_):
            if done == whole[1]["epochs"][0]["step"] + 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        try:
            _tune(tmp_path / "cut", base=bases / "llama", runs=tmp_path / "runs", progress=limit)
        except TrainingError as error:
            said.write_text(str(error))
            sys.exit(error.exit_code)

    assert _child(cut) == TrainingError.exit_code
    assert "make room" in said.read_text()
    assert "train.keep" in said.read_text()
    again = _tune(tmp_path / "cut", base=bases / "llama", runs=tmp_path / "runs")

    assert again["resumed_after"] == whole[1]["epochs"][0]["step"]
    assert _sha(tmp_path / "cut") == whole[0]


def test_a_disk_without_room_for_the_checkpoints_is_refused_before_the_first_update(tmp_path):
    with pytest.raises(TrainingError, match=r"make room, lower train\.keep"):
        check_room(tmp_path, 1 << 60)


def test_memory_that_runs_out_is_said_with_what_to_change(tmp_path, bases):
    """A real limit on the address space, set when the model is there and its first update is done."""
    said = tmp_path / "said"

    def cut():
        def limit(*_):
            pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (pages + 100_000, pages + 100_000))
            with memory_trouble(SECTION):
                torch.zeros(50_000_000)

        try:
            _tune(tmp_path / "cut", base=bases / "llama", progress=limit)
        except TrainingError as error:
            said.write_text(str(error))
            sys.exit(error.exit_code)

    assert _child(cut) == TrainingError.exit_code
    assert "memory ran out" in said.read_text()
    assert "lower train.batch_tokens (it is 256), take train.method: lora" in said.read_text()


def test_another_error_is_not_called_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), memory_trouble(SECTION):
        raise RuntimeError("shapes do not fit")


RECIPE = """\
company: Tarnwell
documents: {path: pages}
curate: {target: 40, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
split: {paraphrase: 0, unseen_forms: 0}
base: {vocabulary: 500, width: 32, layers: 2, heads: 2, tokens: 2000}
train: {tokens: 30000, batch_tokens: 512, choose: loss, start_weight: 1}
"""


class Killer(Silent):
    """A watch that ends its process in the middle of the training."""

    def advanced(self, stage, done, total, figures):
        if stage == "train" and done == total * 2 // 3:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_stage_of_a_run_goes_on_by_itself_and_forgetting_a_document_deletes_its_checkpoints(tmp_path, root):
    (tmp_path / "pages").mkdir()
    shutil.copy(root / "datasets" / "tarnwell" / "support" / "faq.csv", tmp_path / "pages")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "recipe.yaml")
    run(recipe, tmp_path, until="pretrain")

    assert _child(lambda: run(recipe, tmp_path, until="train", watch=Killer())) == -signal.SIGKILL
    figures = run(recipe, tmp_path, until="train").outputs["train"].counts

    assert 0 < figures["resumed_after"] < figures["updates"]
    (runs,) = (tmp_path / recipe.workspace).glob("training")
    report = forget(tmp_path / recipe.workspace, "faq.csv")
    assert "training" in report.removed
    assert not runs.exists()
