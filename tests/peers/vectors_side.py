"""What is done with vectors by others, each in an environment of its own, with the vectors given; beside them our own.

    python tests/peers/vectors_side.py SIDE VECTORS.npy NUMBER

SIDE names one of `SIDES`; NUMBER is how many to choose, or the threshold of near copies. Prints the CPU seconds of the first
call, as a program that chooses once makes it (apricot compiles itself in it), of the best of two more, and what was chosen or
how many were kept.
"""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np


def products(vectors):
    """What the choosing sides start from: nothing below zero, as ours has it."""
    return np.maximum(vectors @ vectors.T, 0)


def apricot(vectors, number):
    from apricot import FacilityLocationSelection  # pyright: ignore[reportMissingImports] - in its own environment

    chosen = FacilityLocationSelection(int(number), metric="precomputed", optimizer="lazy").fit(products(vectors).astype(np.float64))
    return [int(place) for place in chosen.ranking]


def submodlib(vectors, number):
    from submodlib.functions.facilityLocation import FacilityLocationFunction  # pyright: ignore[reportMissingImports]

    function = FacilityLocationFunction(n=len(vectors), mode="dense", data=vectors, metric="cosine", separate_rep=False)
    return [int(place) for place, _ in function.maximize(budget=int(number), optimizer="LazyGreedy", show_progress=False)]


def semhash(vectors, number):
    from semhash import SemHash  # pyright: ignore[reportMissingImports] - in its own environment

    records = [f"record {place}" for place in range(len(vectors))]
    return len(SemHash.from_embeddings(vectors, records, model=None).self_deduplicate(number).selected)


def choose(vectors, number):
    from builder.curation.facility import choose as best

    return best(vectors, int(number)).places


def kept(vectors, number):
    from builder.curation.semantic import tiles

    twins = np.full(len(vectors), False)
    pairs = sorted((later, earlier) for left, right, _ in tiles(vectors, number) for earlier, later in zip(left, right, strict=True))
    for later, earlier in pairs:  # the first of near copies stays
        twins[later] |= not twins[earlier]
    return int(len(vectors) - twins.sum())


SIDES = {"apricot": apricot, "submodlib": submodlib, "semhash": semhash, "choose": choose, "kept": kept}

MODULES = {
    "apricot": "apricot",
    "submodlib": "submodlib",
    "semhash": "semhash",
    "choose": "builder.curation.facility",
    "kept": "builder.curation.semantic",
}


def main():
    """Run one side three times and print the figures."""
    name, path, number = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parents[2]))
    side, vectors = SIDES[name], np.load(path)
    importlib.import_module(MODULES[name])  # is not measured
    seconds, result = [], None
    for _ in range(3):
        started = time.process_time()
        result = side(vectors, float(number))
        seconds.append(time.process_time() - started)
    print(json.dumps({"cpu_seconds": seconds[0], "again": min(seconds[1:]), "result": result}))


if __name__ == "__main__":
    main()
