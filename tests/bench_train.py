"""The rows of `make bench` for training: our SFTTrainer against a bare PyTorch loop and against TRL as it comes.

Every side is a process of its own (train_side.py) that trains whole passes over the same pairs; a speed is real tokens per CPU
second of the training. KILOPAIR_PAIRS may name a folder with real instructions, all.json.gz; else the pairs are made, as long.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import ENVIRONMENT, Row, row

HERE = Path(__file__).parent
PAIRS = os.environ.get("KILOPAIR_PAIRS", "")
HELD, SECONDS = 100, 3600
# Pairs by size: the larger the model, the fewer, so that all of it takes some ten minutes; always one whole pass.
SIZES = {"1M": (1000, 0.8), "4M": (1000, 0.95), "12M": (300, 0.95), "36M": (100, 0.95)}
AGAINST_TRL = "4M"


def train_rows() -> Iterator[Row]:
    """Everything about the speed of training."""
    with tempfile.TemporaryDirectory() as name:
        for size, (count, least) in SIZES.items():
            folder = prepared(Path(name) / size, size, count)
            bare, ours = (run([sys.executable], side, folder) for side in ("bare", "ours"))
            yield _against_a_loop(size, ours, bare, least)
            if size == AGAINST_TRL:
                yield from _against_trl(ours, run([sys.executable], "trl", folder))
        yield _on_two_processes(prepared(Path(name) / "two", "1M", 200))


def prepared(folder: Path, size: str, count: int) -> Path:
    """Make a model of the size, with a tokenizer for the pairs."""
    said = f"import train_side; train_side.prepare('{folder}', '{size}', {count}, {HELD}, '{PAIRS}')"
    _checked([sys.executable, "-c", f"import sys; sys.path[:0] = ['{HERE.parent}', '{HERE}']; {said}"])
    return folder


def run(launcher: list[str], side: str, folder: Path) -> dict[str, Any]:
    """Run one side and return its figures."""
    return json.loads(_checked([*launcher, str(HERE / "train_side.py"), side, str(folder), "1"]).splitlines()[-1])


def _checked(command: list[str]) -> str:
    done = subprocess.run(command, env=ENVIRONMENT, cwd=HERE.parent, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        sys.exit(f"bench: training failed: {done.stderr[-800:]}")
    return done.stdout


def _speed(figures: dict[str, Any]) -> float:
    return figures["tokens"] / figures["cpu"]


def _against_a_loop(size: str, ours: dict[str, Any], bare: dict[str, Any], least: float) -> Row:
    how = (
        f"{ours['parameters']:,} parameters, {ours['tokens']:,} tokens in {ours['updates']} updates of like length, {ours['precision']} on both sides; "
        f"held-out loss {ours['loss']:.3f}, of the loop {bare['loss']:.3f}; {ours['tokens'] / ours['wall']:,.0f} and {bare['tokens'] / bare['wall']:,.0f} "
        f"tokens/s of wall time; the loop uses {bare['matrix_share']:.0%} of the machine's rate of {bare['precision']} matrix products"
    )
    return row(f"SFT against a bare loop, {size}", _speed(ours), _speed(bare), least=least, how=how)


def _against_trl(ours: dict[str, Any], peer: dict[str, Any]) -> Iterator[Row]:
    how = (
        f"{ours['parameters']:,} parameters, the same pairs, one pass, the same rows an update and rate; the peer is SFTTrainer as it comes"
    )
    yield row("SFT against TRL, tokens per CPU s", _speed(ours), _speed(peer), least=5.0, how=how)
    yield row(
        "SFT against TRL, held-out loss", ours["loss"], peer["loss"], most=1.01, how="token-weighted, of the model after the same training"
    )
    yield row(
        "SFT against TRL, peak MB", ours["megabytes"], peer["megabytes"], most=1.0, how="resident, of the same training, libraries included"
    )


def _on_two_processes(folder: Path) -> Row:
    one = run([sys.executable], "ours", folder)
    two = run([sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"], "ours", folder)
    apart = json.loads(_checked([sys.executable, "-c", _APART.format(folder=folder)]))
    how = (
        f"torchrun, gloo: distance of the weights after {one['updates']} updates on {two['processes']} processes and on {one['processes']}, "
        f"over how far training moved them (peer); held-out loss {two['loss']:.5f} and {one['loss']:.5f}"
    )
    return row("two processes against one, weights", apart["between"], apart["moved"], most=1e-2, how=how)


_APART = """
import json, torch
from safetensors.torch import load_file
flat = lambda name: torch.cat([w.flatten() for _, w in sorted(load_file(name + "/model.safetensors").items())])
base, one, two = (flat(name) for name in ("{folder}", "{folder}/tuned-1", "{folder}/tuned-2"))
print(json.dumps(dict(between=float((one - two).norm()), moved=float((one - base).norm()))))
"""
