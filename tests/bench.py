"""`make bench`: every benchmark as a ratio against a peer in the same run, a table, and bench.json; exit 1 on a missed goal.

A row is {name, ours, peer, ratio, goal, met, how}: `ratio` is ours / peer, and the goal says on which side of it good lies.
Whole runs are measured, not first steps, in CPU seconds of a child process unless the row says otherwise.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
TRAINING_ROWS = 400


@dataclass(frozen=True)
class Row:
    """One benchmark."""

    name: str
    ours: float
    peer: float
    ratio: float
    goal: str
    met: bool
    how: str


def row(name: str, ours: float, peer: float, *, most: float | None = None, least: float | None = None, how: str) -> Row:
    """Compare; give `most` where less is better and `least` where more is."""
    ratio = ours / peer
    met = ratio <= most if most is not None else ratio >= (least or 0)
    goal = f"<= {most:g}" if most is not None else f">= {least:g}"
    return Row(name, round(ours, 3), round(peer, 3), round(ratio, 3), goal, met, how)


@dataclass(frozen=True)
class Cost:
    """What a finished child process used."""

    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float


def cost(command: list[str], folder: Path = ROOT) -> Cost:
    """Run a command to its end and measure it; a failing command ends the benchmark."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"bench: {' '.join(command)} failed: {errors.decode(errors='replace')[-800:]}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1024)


def help_rows() -> list[Row]:
    """`--help` against TRL's own command line, and against 150 ms."""
    ours = min(cost([str(BIN / "kilopair"), "--help"]).cpu_seconds for _ in range(7))
    peer = min(cost([str(BIN / "trl"), "--help"]).cpu_seconds for _ in range(5))
    return [
        row("--help, CPU s", ours, 0.15, most=1.0, how="best of 7 processes; the peer is the goal of 150 ms"),
        row("--help against trl --help, CPU s", ours, peer, most=0.5, how="best of 7 and of 5 processes"),
    ]


def demo_rows() -> list[Row]:
    """The whole demo, from documents to report, in a fresh workspace."""
    with tempfile.TemporaryDirectory() as folder:
        used = cost([str(BIN / "kilopair"), "run", str(ROOT / "datasets/tarnwell.yaml"), "--quiet", "--set", f"workspace={folder}/demo"])
    return [
        row("demo, wall s", used.wall_seconds, 300, most=1.0, how="fresh workspace, installation not counted; the peer is the goal of 5 minutes"),
        row("demo, peak MB", used.peak_megabytes, 3000, most=1.0, how="peak resident memory of the process; the peer is the goal of 3 GB"),
    ]


def training_rows() -> list[Row]:
    """Tokens per second of our fine-tuning against TRL's SFTTrainer with its defaults, on the same pairs and base."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare = [str(BIN / "kilopair"), "run", str(ROOT / "datasets/tarnwell.yaml"), "--quiet"]
        small = ["--set", f"workspace={folder}/w", "--set", "base.tokens=2000", "--set", "train.tokens=2000", "--set", "evaluate.limit=1"]
        cost([*prepare, *small])
        figures = {who: json.loads(subprocess.run([sys.executable, __file__, who, str(folder / "w")], env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout.splitlines()[-1]) for who in ("ours", "trl")}
    how = f"one epoch over the demo's training pairs, same base, fp32; real tokens per CPU s; the peer is SFTTrainer with its defaults, gradient checkpointing off; held-out loss ours {figures['ours']['loss']:.3f}, peer {figures['trl']['loss']:.3f}"
    return [row("SFT, tokens per CPU s", figures["ours"]["speed"], figures["trl"]["speed"], least=1.5, how=how)]


def main() -> None:
    """Run all benchmarks, print and write them."""
    benchmarks: list[Callable[[], list[Row]]] = [help_rows, training_rows, demo_rows]
    rows = []
    for benchmark in benchmarks:
        for done in benchmark():
            rows.append(done)
            print(f"{'ok  ' if done.met else 'MISS'} {done.name:<36} ours {done.ours:>10,.3f}  peer {done.peer:>10,.3f}  ratio {done.ratio:>7.3f}  goal {done.goal:<8} {done.how}")
    (ROOT / "bench.json").write_text(json.dumps([asdict(done) for done in rows], indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if all(done.met for done in rows) else 1)
