"""`make bench`: every benchmark as a ratio against a peer in the same run, a table, and bench.json; exit 1 on a missed goal.

A row is {name, ours, peer, ratio, goal, met, how}: `ratio` is ours / peer, and the goal says on which side of it good lies.
Whole runs are measured, not first steps, in CPU seconds of a child process unless the row says otherwise.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.records import Pair

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "datasets" / "tarnwell.yaml"
BIN = Path(sys.executable).parent
EPOCHS, RATE, ROWS_PER_UPDATE = 3, 2e-3, 8
ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}


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


def run_rows() -> list[Row]:
    """The whole demo from documents to report in a fresh workspace, and on its pairs and base the speed of training."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name) / "demo"
        used = cost([str(BIN / "kilopair"), "run", str(RECIPE), "--quiet", "--set", f"workspace={workspace}"])
        return [
            row(
                "demo, wall s", used.wall_seconds, 300, most=1.0, how="fresh workspace, installed before; the peer is the goal of 5 minutes"
            ),
            row(
                "demo, peak MB",
                used.peak_megabytes,
                3000,
                most=1.0,
                how="peak resident memory of the process; the peer is the goal of 3 GB",
            ),
            training_row(workspace),
        ]


def training_row(workspace: Path) -> Row:
    """Tokens per second of our fine-tuning against TRL's SFTTrainer with its defaults, on the same pairs and base."""
    figures = {who: child(who, workspace) for who in ("ours", "peer")}
    losses = ", ".join(f"{who} {figure['loss']:.3f}" for who, figure in figures.items())
    how = (
        f"{EPOCHS} epochs of the demo's training pairs, same base, AdamW {RATE}, {ROWS_PER_UPDATE} rows an update, fp32, real tokens per CPU s of the whole training; the peer is "
        f"SFTTrainer with its defaults, without checkpointing; loss on the paraphrase set after: {losses}"
    )
    return row("SFT, tokens per CPU s", figures["ours"]["speed"], figures["peer"]["speed"], least=1.5, how=how)


def child(who: str, workspace: Path) -> dict[str, float]:
    """Train in a process of its own and return its figures."""
    done = subprocess.run([sys.executable, __file__, who, str(workspace)], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench: training ({who}) failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def fine_tune(who: str, workspace: Path) -> dict[str, float]:
    """Fine-tune the workspace's base for a few epochs, our way or TRL's, and return tokens per CPU second and the loss after."""
    from builder.lineage import split_pairs
    from trainer.base import CARD
    from trainer.loss import mean_loss
    from trainer.model import load
    from trainer.rows import pair_rows
    from trainer.templates import choose_template

    pairs = split_pairs(workspace)
    train, held = ([pair for pair in pairs if pair.split == split] for split in ("train", "paraphrase"))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copy:
        # Without its card the base counts as a downloaded one, so both sides train with AdamW.
        base = shutil.copytree((workspace / "base").resolve(), copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CARD))
        template = choose_template(load(base)[1])
        tokens = EPOCHS * sum(len(row) for row in pair_rows(train, template))
        started = time.process_time()
        (tune_ours if who == "ours" else tune_trl)(train, base, tokens, Path(folder))
        seconds = time.process_time() - started
        return {"speed": tokens / seconds, "loss": mean_loss(load(folder)[0], pair_rows(held, template))}


def tune_ours(train: list["Pair"], base: str, tokens: int, folder: Path) -> None:
    """Train as `kilopair train` does, without the embedded base's extras."""
    from schemas.training import TrainSection
    from trainer.sft import train as tune

    rows = tokens // (EPOCHS * len(train))
    section = TrainSection(epochs=EPOCHS, learning_rate=RATE, batch_tokens=ROWS_PER_UPDATE * rows, raw_text=0.0, word_drop=0.0)
    tune(train, [], [], base=base, section=section, seed=0, folder=folder, progress=lambda *_: None)


def tune_trl(train: list["Pair"], base: str, _tokens: int, folder: Path) -> None:
    """Train with SFTTrainer as its documentation shows."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [
        {
            "prompt": [{"role": "user", "content": "\n\n".join(filter(None, (pair.instruction, pair.input)))}],
            "completion": [{"role": "assistant", "content": pair.output}],
        }
        for pair in train
    ]
    settings = SFTConfig(
        output_dir=str(folder / "t"),
        num_train_epochs=EPOCHS,
        learning_rate=RATE,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
    )
    trainer = SFTTrainer(model=base, args=settings, train_dataset=Dataset.from_list(rows))
    trainer.train()
    trainer.save_model(str(folder))


def write_rows(rows: list[Row], path: Path) -> None:
    """Write the rows so far; whoever reads the file meanwhile finds it whole."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps([asdict(done) for done in rows], indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def main() -> None:
    """Run all benchmarks, print and write them."""
    from bench_curate import curate_rows
    from bench_documents import document_rows
    from bench_engine import engine_rows
    from bench_extractive import extractive_rows
    from bench_ground import ground_rows
    from bench_near import near_rows
    from bench_review import review_rows
    from bench_select import select_rows
    from bench_train import train_rows

    curation = [near_rows, select_rows, ground_rows, curate_rows]
    benchmarks: list[Callable[[], Iterable[Row]]] = [
        help_rows,
        engine_rows,
        document_rows,
        extractive_rows,
        *curation,
        review_rows,
        train_rows,
        run_rows,
    ]
    rows = []
    for benchmark in benchmarks:
        for done in benchmark():
            rows.append(done)
            write_rows(rows, ROOT / "bench.json")  # after each, so that a run that is cut off leaves what it measured
            print(
                f"{'ok  ' if done.met else 'MISS'} {done.name:<36} ours {done.ours:>10,.3f}  peer {done.peer:>10,.3f}  ratio {done.ratio:>7.3f}  goal {done.goal:<8} {done.how}"
            )
    sys.exit(0 if all(done.met for done in rows) else 1)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(fine_tune(sys.argv[1], Path(sys.argv[2]))))
    else:
        main()
