"""The rows of `make bench` for vectors and the choice: near copies, facility location, tiles, and the whole way from 50,000 pairs.

Vectors are given to all sides: seeded ones around centres, as embeddings of texts lie, or for the whole way those of the words
of the pairs. KILOPAIR_PAIRS may name a folder with all.json.gz (a list of instruction, input, output), whose pairs then go the
whole way, on all cores; else made ones do. Every other side runs in a process of its own on one thread, in interleaved rounds
of which the best counts.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bench import Row

    from schemas.records import Pair

HERE = Path(__file__).parent
PAIRS = os.environ.get("KILOPAIR_PAIRS", "")
DIMENSIONS, ROUNDS, SECONDS = 384, 3, 900
TWINS, TWIN = 5_000, 0.9  # rows and threshold of the near copies
CHOICE = (3_000, 300)  # rows, and how many of them
TILED = 14_800
WHOLE, TARGET, MOST_SECONDS, MOST_MEGABYTES = 50_000, 1_000, 60.0, 2_000.0
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def select_rows() -> Iterator["Row"]:
    """Everything about vectors and the choice."""
    with tempfile.TemporaryDirectory() as name:
        twins, rows = Path(name) / "twins.npy", Path(name) / "rows.npy"
        np.save(twins, around_centres(TWINS, TWINS // 4, 0.3))
        np.save(rows, around_centres(CHOICE[0], CHOICE[0] // 15, 0.9))
        yield from _near_rows(twins)
        yield from _facility_rows(rows)
    yield _tiles_row()
    yield from _whole_rows()


def around_centres(count: int, centres: int, noise: float) -> np.ndarray:
    """Return unit vectors around as many centres, always the same."""
    random = np.random.default_rng(0)
    rows = random.standard_normal((centres, DIMENSIONS))[random.integers(0, centres, count)]
    rows += noise * random.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _near_rows(path: Path) -> Iterator["Row"]:
    from bench import row

    ours, theirs = _best({"kept": "", "semhash": "semhash"}, path, TWIN)
    name = "near vectors against semhash, CPU ms"
    if isinstance(theirs, str):
        yield _not_measured(name, 1 / 8, ours, theirs)
        return
    how = f"{TWINS:,} vectors given, cosine above {TWIN}, best of {ROUNDS} rounds; the peer is its default index; kept"
    kept = f"{how} {ours['result']:,} and {theirs['result']:,}"
    yield row(name, 1000 * ours["cpu_seconds"], 1000 * theirs["cpu_seconds"], most=1 / 8, how=kept)


def _facility_rows(path: Path) -> Iterator["Row"]:
    from bench import Row, row

    vectors = np.load(path)
    ours, *theirs = _best({"choose": "", "apricot": "apricot", "submodlib": "submodlib"}, path, CHOICE[1])
    mine = covered(vectors, ours["result"])
    for peer, figures in zip(("apricot", "submodlib"), theirs, strict=True):
        name = f"facility location against {peer}, CPU ms"
        if isinstance(figures, str):
            yield _not_measured(name, 1 / 10, ours, figures)
            continue
        other = covered(vectors, figures["result"])
        how = (
            f"{CHOICE[1]} of {CHOICE[0]:,} from the vectors on, lazy greedy on both sides, first call of a process, best of {ROUNDS}; covered "
            f"{mine:.1f} and {other:.1f}; later calls {figures['again'] / ours['again']:.1f} times as fast"
        )
        done = row(name, 1000 * ours["cpu_seconds"], 1000 * figures["cpu_seconds"], most=1 / 10, how=how)
        yield done if mine >= 0.999 * other else Row(**{**vars(done), "met": False})


def covered(vectors: np.ndarray, places: list[int]) -> float:
    """Return the objective of a choice."""
    return float(np.maximum(vectors @ vectors[places].T, 0).max(axis=1).sum(dtype=np.float64))


def _tiles_row() -> "Row":
    """Multiplications per CPU second of the whole join against those of one product into a buffer, in rounds in one process."""
    from bench import row

    command = [sys.executable, __file__, "tiles"]
    done = subprocess.run(command, env=os.environ | THREADS, capture_output=True, text=True, timeout=SECONDS, check=True)
    ours, peer = json.loads(done.stdout)
    how = f"{TILED:,} x {DIMENSIONS}, cosine above {TWIN}, all pairs found; the peer is np.matmul into a buffer; best of 5 rounds each"
    return row("tiled product, GFLOP per CPU s", ours, peer, least=0.7, how=how)


def measure_tiles() -> tuple[float, float]:
    """Return the rates of the join and of the plain product."""
    from builder.curation.semantic import tiles

    vectors, ours, theirs = around_centres(TILED, TILED // 5, 0.35), [], []
    part = np.ascontiguousarray(vectors[:4096])
    buffer = np.empty((4096, 4096), np.float32)
    for _ in range(5):
        started = time.process_time()
        np.matmul(part, part[::-1].copy().T, out=buffer)
        theirs.append(2 * 4096**2 * DIMENSIONS / (time.process_time() - started) / 1e9)
        started = time.process_time()
        sum(len(left) for left, *_ in tiles(vectors, TWIN))
        ours.append(TILED**2 * DIMENSIONS / (time.process_time() - started) / 1e9)
    return max(ours), max(theirs)


def _whole_rows() -> Iterator["Row"]:
    from bench import row

    done = subprocess.run([sys.executable, __file__, "whole"], env=os.environ, capture_output=True, text=True, timeout=SECONDS, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    what = "real" if PAIRS else "made"
    how = (
        f"{found['pairs']:,} {what} pairs, vectors given, near ones found, dedup to {found['distinct']:,}, {found['chosen']:,} chosen; "
        f"CPU {found['cpu']:.1f} s ({found['near']:.1f} + {found['dedup']:.1f} + {found['select']:.1f}); the peer is the goal"
    )
    yield row(f"{TARGET:,} of {WHOLE:,} pairs, wall s", found["wall"], MOST_SECONDS, most=1.0, how=how)
    yield row(f"{TARGET:,} of {WHOLE:,} pairs, peak MB", found["megabytes"], MOST_MEGABYTES, most=1.0, how=f"{how} of 2 GB")


def go_the_whole_way() -> dict[str, float]:
    """Return the figures of dedup and choice; reading the pairs and making their vectors is not counted."""
    from builder.curation.embed import by_text, question_of
    from builder.curation.lexical import Lexical
    from builder.curation.quality import quality
    from builder.curation.semantic import near
    from builder.dedup import dedup
    from builder.select import select
    from schemas.records import Pair

    pairs = list(_pairs())
    asked, whole = by_text(Lexical(), pairs, question_of), by_text(Lexical(), pairs)
    places = {pair.id: place for place, pair in enumerate(pairs)}
    wall, clock = time.perf_counter(), [time.process_time()]
    related = list(near(asked, 0.92))
    clock.append(time.process_time())
    distinct = [pair for pair in dedup(pairs, threshold=0.7, related=related) if isinstance(pair, Pair)]
    clock.append(time.process_time())
    chosen = select(
        distinct, target=TARGET, per_fact=3, per_opening=0.04, by_worth=True, floor=0.3,
        vectors=whole[[places[pair.id] for pair in distinct]], quality=quality(distinct, {"judge": 1.0}),
    )  # fmt: skip
    count = sum(isinstance(record, Pair) for record in chosen)
    clock.append(time.process_time())
    parts = dict(zip(("near", "dedup", "select"), np.diff(clock).tolist(), strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sizes = {"pairs": len(pairs), "distinct": len(distinct), "chosen": count}
    return {"wall": time.perf_counter() - wall, "cpu": clock[-1] - clock[0], "megabytes": peak, **parts, **sizes}


def _pairs() -> Iterator["Pair"]:
    """Yield pairs of no document, each with a judge's mark."""
    from schemas.records import Pair, Provenance, content_id

    random = np.random.default_rng(0)
    for number, (instruction, text, output) in enumerate(_rows()):
        yield Pair(
            id=content_id("pair", number, instruction, text, output),
            task="brought",
            instruction=instruction,
            input=text,
            output=output,
            evidence=(),
            grounding="none",
            provenance=Provenance(document_id="", chunk_id="", generator="bench"),
            group=content_id("group", instruction, text),
            form="brought",
            scores={"judge": float(random.integers(1, 6))},
        )


def _rows() -> list[tuple[str, str, str]]:
    if PAIRS:
        with gzip.open(Path(PAIRS) / "all.json.gz") as file:
            rows = [(row["instruction"].strip(), row["input"], row["output"].strip()) for row in json.load(file)]
        return [row for row in rows if row[0] and row[2]][:WHOLE]
    from near_texts import instructions

    made = instructions(2 * WHOLE)
    return [(" ".join(asked), "", " ".join(told)) for asked, told in zip(made[:WHOLE], made[WHOLE:], strict=True)]


def _best(sides: dict[str, str], path: Path, number: float) -> list[Any]:
    """Return the best figures of each side of vectors_side.py, or why a peer has none; a side that has no name is our own."""
    rounds = [[_run(side, environment, path, number) for side, environment in sides.items()] for _ in range(ROUNDS)]
    return [
        next((one for one in runs if isinstance(one, str)), None) or min(runs, key=lambda one: one["cpu_seconds"])
        for runs in zip(*rounds, strict=True)
    ]


def _run(side: str, environment: str, path: Path, number: float) -> dict[str, Any] | str:
    from bench_engine import PEERS

    python = str(PEERS / environment / "bin" / "python") if environment else sys.executable
    if not Path(python).exists():
        return f"{environment} could not be installed"
    command = [python, str(HERE / "peers" / "vectors_side.py"), side, str(path), str(number)]
    try:
        done = subprocess.run(command, env=os.environ | THREADS, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"{environment} took too long"
    if done.returncode and not environment:
        sys.exit(f"bench: {side} failed: {done.stderr[-800:]}")
    if done.returncode:
        return f"{environment} failed: {(done.stderr.strip().splitlines() or ['no words'])[-1][:200]}"
    return json.loads(done.stdout.splitlines()[-1])


def _not_measured(name: str, most: float, ours: dict[str, Any], problem: str) -> "Row":
    from bench import Row

    return Row(name, round(1000 * ours["cpu_seconds"], 3), 0.0, 0.0, f"<= {most:g}", met=False, how=f"not measured: {problem}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    print(json.dumps(measure_tiles() if sys.argv[1] == "tiles" else go_the_whole_way()))
