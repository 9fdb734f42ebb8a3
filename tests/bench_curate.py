"""The rows of `make bench` for anybody's pairs: how fast and in how little memory a file is imported, and what a split is worth.

KILOPAIR_PAIRS may name a folder with all.json.gz, a list of {instruction, input, output}: real pairs take the place of made ones.
"""

import gzip
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS, FEW = 52_000, 100
EXTRA_MEGABYTES = 64.0  # that many rows may take more than few
MICROSECONDS = 100.0
SPLIT_ROWS = 15_000
PEAK = "peak.txt"

_PEER = """
import sys
from datasets import load_dataset
rows = load_dataset("json", data_files=sys.argv[1], cache_dir=sys.argv[2], split="train")
rows.filter(lambda row: row["instruction"] and row["output"]).to_json(sys.argv[3])
"""


def curate_rows() -> Iterator:
    """Import: CPU and memory; and a split against one drawn row by row."""
    with tempfile.TemporaryDirectory() as held:
        yield from import_rows(Path(held), pairs(ROWS))
    yield split_row(pairs(SPLIT_ROWS))


def import_rows(folder: Path, made: list[dict[str, str]]) -> Iterator:
    """Import files of many and of few rows in processes of their own; Hugging Face datasets reads and writes the larger one."""
    from bench import BIN, cost, row

    files = {count: written(folder / f"{count}.jsonl", made[:count]) for count in (FEW, len(made))}
    commands = {count: [str(BIN / "python"), str(Path(__file__)), str(file), str(folder / f"out-{count}")] for count, file in files.items()}
    seconds: dict[int, float] = {}
    for _ in range(3):
        for count, command in commands.items():
            seconds[count] = min(seconds.get(count, math.inf), cost(command).cpu_seconds)
    peer = min(peer_seconds(files[len(made)], folder / f"cache-{number}") for number in range(2))
    micros = (seconds[len(made)] - seconds[FEW]) / (len(made) - FEW) * 1e6
    what = f"{len(made):,} rows of JSONL, whole processes, best of 3"
    yield row("import, CPU µs a row", micros, MICROSECONDS, most=1.0, how=f"{what}, less one of {FEW} rows; the peer is the goal")
    how = f"{what}; the peer (datasets) loads the file, leaves blank rows out and writes JSONL, without a look at what the rows hold"
    yield row("import against datasets, CPU s", seconds[len(made)], peer, most=2.5, how=how)
    peaks = {count: float((folder / f"out-{count}" / PEAK).read_text(encoding="utf-8")) for count in files}
    how = f"peak of {len(made):,} rows less that of {FEW}; the peer is the goal"
    yield row("import, extra MB", peaks[len(made)] - peaks[FEW], EXTRA_MEGABYTES, most=1.0, how=how)


def make(file: Path, out: Path) -> None:
    """Import a file and write beside it how many MB that took at most."""
    from builder.curate_file import Source, import_file
    from builder.curation.table import table

    import_file(Source(table(file), {}), out)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    (out / PEAK).write_text(str(peak / 1024), encoding="utf-8")


def split_row(made: list[dict[str, str]]) -> Any:
    """Count what leaks out of our split of near copies, and out of one drawn row by row."""
    from bench import row

    from builder.certificate import certificate
    from builder.curation.importing import pairs_of
    from builder.split import split
    from schemas.records import Pair

    listed = [pair for pair in pairs_of(made) if isinstance(pair, Pair)]
    done = list(split(listed, test=0.1, validation=0.0, paraphrase=0.0, unseen_forms=0.0, siblings=True, seed=0))
    proof = certificate(done, seed=0, siblings=True)
    drawn = proof["random_split"]
    how = (
        f"{len(listed):,} pairs, 10% held out; a pair leaks if train has its question, its response's fact or a near question (ROUGE-L > 0.7); "
        f"drawn at random {drawn['leaking_share']:.1%} of the held-out pairs leak, mean of {drawn['rounds']} draws"
    )
    return row("pairs that leak, our split against a random one", sum(proof["leaks"].values()), drawn["leaking_pairs"], most=0.0, how=how)


def peer_seconds(file: Path, cache: Path) -> float:
    """Return the CPU seconds that Hugging Face datasets takes, with a cache of its own."""
    from bench import BIN, cost

    return cost([str(BIN / "python"), "-c", _PEER, str(file), str(cache), str(cache / "out.jsonl")]).cpu_seconds


def pairs(count: int) -> list[dict[str, str]]:
    """Return real pairs where there are some, else made ones with a response to each."""
    real = Path(os.environ.get("KILOPAIR_PAIRS", "")) / "all.json.gz"
    if os.environ.get("KILOPAIR_PAIRS") and real.exists():
        with gzip.open(real, "rt", encoding="utf-8") as file:
            return [{name: found[name] for name in ("instruction", "input", "output")} for found in json.load(file)[:count]]
    from near_texts import instructions

    asked = instructions(count)
    return [
        {"instruction": " ".join(words), "input": "", "output": f"It is {' '.join([*reversed(words), *other])}, number {number}."}
        for number, (words, other) in enumerate(zip(asked, reversed(asked), strict=True))
    ]


def written(path: Path, made: list[dict[str, str]]) -> Path:
    """Write rows as JSONL."""
    path.write_text("".join(json.dumps(found) + "\n" for found in made), encoding="utf-8")
    return path


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
