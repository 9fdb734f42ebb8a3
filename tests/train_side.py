"""One side of a training benchmark in a process of its own: our trainer, a bare PyTorch loop, or TRL's SFTTrainer as it comes.

`python train_side.py SIDE FOLDER PASSES` trains the model of the folder on its pairs and prints the figures as JSON.
"""

import gzip
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from schemas.records import Pair, Provenance
from schemas.training import TrainSection
from trainer import machine
from trainer.base import make_model
from trainer.loss import mean_loss
from trainer.model import load
from trainer.monitor import Monitor
from trainer.plan import Amount, Plan, make_plan
from trainer.rows import IGNORED, Row, pair_rows
from trainer.settings import Settings
from trainer.templates import Template, choose_template
from trainer.tokenizer import make_tokenizer

RATE, ROWS = 1e-3, 16  # the peak rate of AdamW; rows of an update
TRAIN, HELD = "train.json", "held.json"
SHAPES = {"1M": (2000, 128, 4, 4), "4M": (8192, 192, 6, 6), "12M": (8192, 384, 5, 6), "36M": (8192, 640, 6, 10)}


def prepare(name: str, size: str, count: int, held: int, pairs: str) -> None:
    """Save in the folder `name` a model with random weights, a tokenizer learnt from the pairs, and the pairs, `held` more of them apart."""
    from schemas.training import BaseSection

    machine.prepare()
    rows = real_rows(Path(pairs) / "all.json.gz", count + held) if pairs else made_rows(count + held)
    folder, (vocabulary, width, layers, heads) = Path(name), SHAPES[size]
    tokenizer = make_tokenizer([" ".join(row.values()) for row in rows], vocabulary=vocabulary, context=4096)
    torch.manual_seed(0)
    model = make_model(tokenizer, BaseSection(vocabulary=vocabulary, width=width, layers=layers, heads=heads, context=4096))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for file, part in ((TRAIN, rows[:-held]), (HELD, rows[-held:])):
        (folder / file).write_text(json.dumps(part), encoding="utf-8")


def made_rows(count: int) -> list[dict[str, str]]:
    """Make pairs as long as real instructions (Alpaca's: half have 115 words, one in twenty 247), of words as frequent as in text (Zipf)."""
    draw = random.Random(0)
    words = ["".join(draw.choice("bdfglmnprst") + draw.choice("aeiou") for _ in range(draw.randint(1, 4))) for _ in range(6000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]

    def text(length: float) -> str:
        return " ".join(draw.choices(words, weights, k=max(3, round(length))))

    return [
        {"instruction": text(draw.lognormvariate(2.6, 0.4)), "input": "", "output": text(draw.lognormvariate(4.55, 0.5))}
        for _ in range(count)
    ]


def real_rows(file: Path, count: int) -> list[dict[str, str]]:
    """Take instructions with real responses, evenly spread over the file."""
    rows = [row for row in json.loads(gzip.decompress(file.read_bytes())) if row["src"] == "cherry_alpaca" and row["output"].strip()]
    return [{name: rows[place * len(rows) // count][name] for name in ("instruction", "input", "output")} for place in range(count)]


def ours(folder: Path, passes: float) -> dict[str, Any]:
    """Train with our trainer, on one process or several."""
    from trainer.guards import check_labels
    from trainer.parallel import is_follower
    from trainer.sft_trainer import Job, build, finish

    machine.prepare()
    model, template, plan, section = _setting(folder, passes)
    settings = Settings(optimizer="adamw", learning_rate=RATE, raw_text=0, word_drop=0, tokens=None, weight_decay=0.01)
    with tempfile.TemporaryDirectory() as out:
        trainer = build(Job(model, template, section, settings, 0, Path(out)), plan, [Monitor(plan, [], lambda *_: None)])
        check_labels(trainer, plan.rows, template)
        used = _timed(trainer.train)
    tuned = finish(trainer)
    if is_follower():
        sys.exit(0)
    tuned.save_pretrained(folder / f"tuned-{trainer.setup.processes}")
    return _figures(used, folder, tuned, plan) | {"precision": trainer.setup.precision, "processes": trainer.setup.processes}


def bare(folder: Path, passes: float) -> dict[str, Any]:
    """Train as a careful person would without a library: the same batches, scores at trained positions, fused AdamW, autocast where ours has it."""
    from trainer.setup import choose_precision

    machine.prepare()
    model, _, plan, _ = _setting(folder, passes)
    precision = choose_precision("auto", model.num_parameters())
    used = _timed(lambda: _bare_loop(model.train(), plan, bfloat16=precision == "bfloat16"))
    return _figures(used, folder, model, plan) | {
        "precision": precision,
        "matrix_share": _matrix_share(model, plan, used["wall"], precision),
    }


def _bare_loop(model: Any, plan: Plan, *, bfloat16: bool) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=len(plan.batches), pct_start=0.05)
    for batch in plan.batches:
        rows = [plan.rows[index] for index in batch]
        width = max(map(len, rows))
        ids = torch.tensor([row.input_ids + [0] * (width - len(row)) for row in rows])
        labels = torch.tensor([row.labels + [IGNORED] * (width - len(row)) for row in rows])[:, 1:]
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][labels != IGNORED]
            logits = model.lm_head(hidden)
        functional.cross_entropy(logits.float(), labels[labels != IGNORED]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def trl(folder: Path, passes: float) -> dict[str, Any]:
    """Train with SFTTrainer as it comes, on the same pairs, the same rows an update and the same rate."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    _, template, plan, _ = _setting(folder, passes)
    rows = [
        {
            "prompt": [{"role": "user", "content": "\n\n".join(filter(None, (pair.instruction, pair.input)))}],
            "completion": [{"role": "assistant", "content": pair.output}],
        }
        for pair in _pairs(folder / TRAIN)
    ]
    with tempfile.TemporaryDirectory() as out:
        settings = SFTConfig(
            output_dir=out,
            use_cpu=True,
            num_train_epochs=passes,
            per_device_train_batch_size=ROWS,
            learning_rate=RATE,
            report_to=[],
            save_strategy="no",
        )
        trainer = SFTTrainer(model=str(folder), args=settings, train_dataset=Dataset.from_list(rows), processing_class=template.tokenizer)
        used = _timed(trainer.train)
    return _figures(used, folder, trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False), plan)


def _setting(folder: Path, passes: float) -> tuple[Any, Template, Plan, TrainSection]:
    model, tokenizer = load(folder, dtype=torch.float32)
    template = choose_template(tokenizer)
    rows: list[Row] = pair_rows(_pairs(folder / TRAIN), template)
    budget = ROWS * sum(map(len, rows)) // len(rows)
    plan = make_plan(lambda _: rows, [], Amount(passes, None, 0.0, budget), seed=0)
    return model, template, plan, TrainSection(epochs=passes, batch_tokens=budget)


def _pairs(path: Path) -> list[Pair]:
    provenance = Provenance(document_id="", chunk_id="", generator="bench")
    return [
        Pair(id=str(number), task="qa", evidence=(), grounding="none", provenance=provenance, group=str(number), form="brought", **row)
        for number, row in enumerate(json.loads(path.read_text(encoding="utf-8")))
    ]


def _timed(work: Callable[[], object]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "megabytes": peak}


def _figures(used: dict[str, float], folder: Path, model: Any, plan: Plan) -> dict[str, Any]:
    held = pair_rows(_pairs(folder / HELD), choose_template(load(folder)[1]))
    tokens = sum(map(plan.tokens, plan.batches))
    return used | {
        "tokens": tokens,
        "updates": len(plan.batches),
        "parameters": model.num_parameters(),
        "loss": mean_loss(model.eval(), held),
    }


def _matrix_share(model: Any, plan: Plan, seconds: float, precision: str) -> float:
    """Return the operations of the training (6 a weight and token, scores at trained positions only, and attention) over what matrices could do."""
    config = model.config
    head = config.vocab_size * config.hidden_size
    operations = 0.0
    for batch in plan.batches:
        for row in (plan.rows[index] for index in batch):
            attention = 12 * config.num_hidden_layers * config.hidden_size * len(row) ** 2 / 2
            operations += 6 * (model.num_parameters() - head) * len(row) + 6 * head * row.trained + attention
    return operations / seconds / _matrix_rate(getattr(torch, precision))


def _matrix_rate(dtype: torch.dtype, side: int = 2048) -> float:
    """Return the operations a second of the machine's best product of two square matrices."""
    left, right = (torch.randn(side, side).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(8):
        started = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds)


if __name__ == "__main__":
    side, name, epochs = sys.argv[1:]
    print(json.dumps({"ours": ours, "bare": bare, "trl": trl}[side](Path(name), float(epochs))))
