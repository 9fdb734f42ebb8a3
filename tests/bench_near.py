"""The rows of `make bench` for near-duplicate search: against Alpaca's own filter and datasketch, its memory and its growth.

The instructions are made (see near_texts.py); KILOPAIR_PAIRS may name a folder with real ones, `all.json.gz`: a JSON list of
objects with `instruction`. Every measurement is a process of its own; rounds of two sides are interleaved and the best counts.
"""

import gzip
import json
import math
import os
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import ENVIRONMENT, Row, row
from bench_engine import HERE, PEERS
from near_texts import instructions

PAIRS = os.environ.get("KILOPAIR_PAIRS", "")
MEASURED, ESTIMATED = 1_200, {15_000: 3_000, 52_000: 10_000}
SHORT = 15_000
MADE = 200_000
SECONDS = 3600


def near_rows() -> Iterator[Row]:
    """Everything about near copies, with files that are made for it."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "made.txt"
        made.write_text("".join(f"{' '.join(words)}\n" for words in instructions(MADE)), encoding="utf-8")
        real = _real(Path(name) / "real.txt")
        yield _measured_row(made)
        for path, label in ((made, ""), *(((real, ", real ones"),) if real else ())):
            for count, least in ESTIMATED.items():
                yield _estimated_row(path, count, least, label)
        yield _datasketch_row(made)
        yield from _cost_rows(made)


def _real(path: Path) -> Path | None:
    """Write the instructions of KILOPAIR_PAIRS, one a line, if there are any."""
    held = Path(PAIRS) / "all.json.gz"
    if not PAIRS or not held.exists():
        return None
    rows = json.loads(gzip.decompress(held.read_bytes()))
    path.write_text("".join(" ".join(found["instruction"].split()) + "\n" for found in rows), encoding="utf-8")
    return path


def _side(side: str, path: Path, count: int, python: str = sys.executable) -> dict[str, Any]:
    command = [python, str(HERE / "peers" / "near_side.py"), side, str(path), str(count)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        sys.exit(f"bench: near copies ({side}) failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _best(side: str, path: Path, count: int, rounds: int = 3) -> dict[str, Any]:
    return min((_side(side, path, count) for _ in range(rounds)), key=lambda figures: figures["cpu_seconds"])


def _speed(figures: dict[str, Any], count: int) -> float:
    return count / figures["cpu_seconds"]


def _measured_row(path: Path) -> Row:
    """Both sides to their ends; the goal counts only if they keep the same."""
    ours, peer = _best("ours", path, MEASURED), _side("alpaca", path, MEASURED)
    same = ours["digest"] == peer["digest"]
    how = f"{MEASURED} instructions, both keep {ours['kept']} (lists {'equal' if same else 'DIFFER'} by hash); the peer is its loop over rouge_score without its pools"
    compared = row("near copies against Alpaca's filter, rows a CPU s", _speed(ours, MEASURED), _speed(peer, MEASURED), least=1000, how=how)
    return replace(compared, met=compared.met and same)


def _estimated_row(path: Path, count: int, least: int, label: str) -> Row:
    """The peer's cost is that of a comparison, measured, times the comparisons that it would make, counted."""
    ours, pair = _best("ours", path, count), _best("alpaca_pair", path, count)
    kept = ours["places"]
    comparisons = sum(bisect_left(kept, place) for place in range(count))
    each = pair["cpu_seconds"] / pair["compared"]
    how = f"estimated: {comparisons:,} comparisons of its loop, counted, at {1e6 * each:.0f} µs, measured over {pair['compared']:,} random pairs"
    name = f"near copies of {count:,} against Alpaca's{label}, rows a CPU s"
    return row(name, _speed(ours, count), count / (comparisons * each), least=least, how=how)


def _datasketch_row(path: Path) -> Row:
    """All near pairs against MinHash with as many bands as it takes to find nearly all of them."""
    name, python = "near pairs against datasketch, rows a CPU s", PEERS / "datasketch" / "bin" / "python"
    if not python.exists():
        return Row(name, 0.0, 0.0, 0.0, ">= 4", met=False, how="not measured: datasketch could not be installed")
    rounds = [(_side("pairs", path, SHORT), _side("datasketch", path, SHORT, str(python))) for _ in range(2)]
    ours, theirs = (min((each[side] for each in rounds), key=lambda figures: figures["cpu_seconds"]) for side in (0, 1))
    truth, found = ({tuple(pair) for pair in figures["pairs"]} for figures in (ours, theirs))
    right = len(truth & found)
    how = f"{SHORT:,} instructions, {len(truth):,} near pairs, our recall 1; its recall {right / len(truth):.3f}, precision {right / len(found):.3f}, not verified"
    return row(name, _speed(ours, SHORT), _speed(theirs, SHORT), least=4, how=how)


def _cost_rows(path: Path) -> Iterator[Row]:
    """Time and memory of 52,000, and how time grows from 50,000 to 200,000."""
    many = _best("ours", path, 52_000)
    yield row(
        "near copies of 52,000, µs a row",
        1e6 * many["cpu_seconds"] / 52_000,
        400,
        most=1.0,
        how="CPU, tokenising too; the peer is the goal",
    )
    yield row("near copies of 52,000, extra MB", many["megabytes"], 64, most=1.0, how="growth of the peak of memory; the peer is the goal")
    few, all_of_them = _best("ours", path, 50_000), _best("ours", path, MADE, rounds=2)
    exponent = math.log(all_of_them["cpu_seconds"] / few["cpu_seconds"]) / math.log(MADE / 50_000)
    how = f"{few['cpu_seconds']:.1f} CPU s for 50,000 and {all_of_them['cpu_seconds']:.1f} for 200,000; the peer is the goal"
    yield row("near copies, growth exponent", exponent, 1.4, most=1.0, how=how)
