"""Several processes train as one: the shares of an update, what a launcher can get wrong, and torchrun with two real processes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from builder.cli.main import main
from builder.pipeline import run
from builder.recipe_file import load_recipe
from schemas.errors import TrainingError
from schemas.training import TrainSection
from trainer.batches import Share, shares
from trainer.machine import cores, prepare
from trainer.parallel import agree, check_launch, check_processes, hand_out, is_follower, processes
from trainer.sft import train

ROOT = Path(__file__).parent.parent
RECIPE = """\
documents: {path: pages}
curate: {target: 60, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
base: {vocabulary: 500, width: 48, layers: 2, heads: 2, tokens: 4000, block: 64}
train: {tokens: 50000, batch_tokens: 512, precision: float32}
"""
BATCHES = st.lists(st.lists(st.integers(0, 500), min_size=1, max_size=9, unique=True), min_size=1, max_size=6)


@given(BATCHES, st.integers(1, 4), st.integers(1, 3))
def test_every_row_of_an_update_is_computed_once_by_one_process(batches, together, pieces):
    own = [shares(batches, Share(number, together, pieces)) for number in range(together)]

    assert {len(share) for share in own} == {len(batches) * pieces}
    for update, batch in enumerate(batches):
        parts = [share[update * pieces + piece] for share in own for piece in range(pieces)]
        assert sorted(index for part in parts for index in part if index >= 0) == sorted(batch)
        assert all(part for part in parts)
        real = [sum(index >= 0 for index in part) for part in parts]
        assert max(real) - min(real) <= 1


def test_a_process_alone_hands_out_and_agrees_to_its_own():
    assert (processes(), is_follower()) == (1, False)
    assert hand_out({"seed": 1}) == {"seed": 1}
    assert agree("float32") == "float32"
    check_processes(1)


def test_p116_and_p118_fewer_processes_than_were_started_is_an_error(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="2 processes were started, but 1 would train"):
        check_processes(1)

    monkeypatch.delenv("WORLD_SIZE")  # what accelerate launch --cpu --num_processes 2 leaves behind
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    with pytest.raises(TrainingError, match="use torchrun"):
        check_processes(1)


@pytest.mark.parametrize("name", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_a_launcher_that_divides_the_model_is_refused_with_how_to_go_on(name, monkeypatch, capsys, tmp_path):
    check_launch()
    monkeypatch.setenv(name, "true")

    with pytest.raises(TrainingError, match=r"it cannot run under FSDP or DeepSpeed; start it with torchrun .* kilopair export") as told:
        train([], [], [], base="none", section=TrainSection(), seed=0, folder=tmp_path, progress=print)

    (config,) = re.findall(r"--config_file (\S+)", str(told.value))
    assert Path(config).read_text().startswith("# accelerate launch")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(SystemExit):
        main(["train", "none.yaml"])
    assert capsys.readouterr().err.startswith("kilopair: kilopair train keeps the whole model in every process")


def test_p124_processes_of_one_launch_share_the_cores(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(2 * cores()))
    prepare()
    assert torch.get_num_threads() == 1

    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    prepare()
    assert torch.get_num_threads() == cores()
    torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "kind"), [("multi_gpu", "MULTI_GPU"), ("fsdp", "FSDP")])
def test_accelerate_reads_the_shipped_configs(name, kind):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(ROOT / "trainer" / "launch" / f"{name}.yaml"))

    assert config.distributed_type == kind
    assert config.num_processes == 4
    assert not config.use_cpu


@pytest.mark.slow
def test_p117_two_processes_under_torchrun_give_the_model_that_one_gives(tmp_path):
    (tmp_path / "pages").mkdir()
    for name in ("policies/leave-policy-v3.md", "support/faq.csv"):
        (tmp_path / "pages" / Path(name).name).write_bytes((ROOT / "datasets" / "tarnwell" / name).read_bytes())
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "builder.cli.main"]
    wanted = ["train", str(tmp_path / "recipe.yaml"), "--set", f"workspace={tmp_path / 'two'}"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run([*command, *wanted], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    alone = run(load_recipe(tmp_path / "recipe.yaml", [f"workspace={tmp_path / 'one'}"]), tmp_path, until="train").model

    figures = [json.loads((folder / "training.json").read_text()) for folder in (alone, tmp_path / "two" / "model")]
    assert [figure["setup"]["processes"] for figure in figures] == [1, 2]
    losses = [[point["loss"] for point in figure["curve"]] for figure in figures]
    assert losses[1][:20] == pytest.approx(losses[0][:20], rel=1e-3)
    folders = (tmp_path / "two" / "base", alone, tmp_path / "two" / "model")
    weights = [load_file(folder / "model.safetensors") for folder in folders]
    base, one, two = (torch.cat([weight.flatten() for _, weight in sorted(named.items())]) for named in weights)
    # The sums of a gradient round otherwise, and a hundred updates with Newton-Schulz in bfloat16 enlarge it.
    assert (one - two).norm() < 0.15 * (one - base).norm()
    assert sum(line.startswith("split ") and "paraphrase" in line for line in done.stderr.splitlines()) == 1  # the other process is quiet
