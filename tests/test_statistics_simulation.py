"""How often intervals hold the truth and verdicts are wrong, in worlds whose truth is known; docs/statistics.md has the full table."""

import os
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from tests.statistics_worlds import QUICK, World, coverage, draw, share, simulate, with_gain
from trainer.statistics.compare import compare
from trainer.statistics.family import adjust

SOAK = bool(os.environ.get("KILOPAIR_SOAK"))
TIMES = 2000 if SOAK else 24
SEED_SPREAD = 0.1  # of ability's standard deviation: three seeds then differ by 2 to 4 points
CELLS = [
    World(kind, n, documents, seeds, SEED_SPREAD if seeds > 1 else 0.0)
    for kind in ("answers", "scores", "losses")
    for n in (50, 200, 400)
    for documents in (0.0, 0.3)
    for seeds in (1, 3)
]
GAINS = {"answers": 0.2, "scores": 0.3, "losses": 0.3}


def named(world):
    return f"{world.kind}, n {world.n}, {'documents' if world.documents else 'no documents'}, seeds {world.seeds}"


def measured(world):
    """What the comparison and the estimate do without a difference, with one, and with just the one that they call detectable."""
    null = with_gain(world, 0.0)
    alike, nothing, alone = simulate(null, TIMES, design=QUICK, seed=1)
    apart, gain, alone_too = simulate(replace(null, second=null.second + GAINS[world.kind]), TIMES, design=QUICK, seed=2)
    seen = float(np.mean([one.detectable for one in alike]))
    middle = replace(null, first=0.5 - seen / 2) if world.kind == "answers" else null
    found, _, _ = simulate(with_gain(middle, seen), TIMES, design=QUICK, seed=3)
    return {
        "one system": (alone + alone_too) / 2,
        "no difference": coverage(alike, nothing),
        "a difference": coverage(apart, gain),
        "wrongly better": share(alike, "better"),
        "wrongly worse": share(alike, "worse"),
        "detectable": seen,
        "power": share(found, "better"),
    }


class Table(dict):
    """What was measured in each world, once it is asked for: a worker measures only the worlds of its own tests."""

    def __missing__(self, name):
        (world,) = (world for world in CELLS if named(world) == name)
        self[name] = measured(world)
        return self[name]


@pytest.fixture(scope="module")
def table():
    rows = Table()
    if SOAK:
        rows.update((named(world), measured(world)) for world in CELLS)
        print("", "| world | " + " | ".join(next(iter(rows.values()))) + " |", sep="\n")
        for name, row in rows.items():
            print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")
    return rows


def likely(rate, low, high, times):
    """Whether `times` trials of a rate within low..high may give this rate (chance above one in a million)."""
    return binom.cdf(round(rate * times), times, low) > 1e-6 and binom.sf(round(rate * times) - 1, times, high) > 1e-6


@pytest.mark.parametrize("world", CELLS, ids=named)
def test_a_95_percent_interval_holds_the_truth_in_93_to_97_percent_of_worlds(table, world):
    row = table[named(world)]
    most = 0.974 if world.n == 50 else 0.97  # ten documents: a little on the safe side

    for name in ("no difference", "a difference"):
        assert likely(row[name], 0.93, most, TIMES), (name, row)
    assert likely(row["one system"], 0.93, most, 2 * TIMES), row


@pytest.mark.parametrize("kind", ["answers", "scores", "losses"])
def test_over_all_worlds_of_a_kind_the_coverage_is_what_it_says(table, kind):
    rows = [table[named(world)] for world in CELLS if world.kind == kind]

    for name in ("one system", "no difference", "a difference"):
        assert likely(float(np.mean([row[name] for row in rows])), 0.945, 0.97, len(rows) * TIMES), name


@pytest.mark.parametrize("world", CELLS, ids=named)
def test_without_a_difference_hardly_any_comparison_says_better(table, world):
    row = table[named(world)]

    assert likely(row["wrongly better"], 0.0, 0.03, TIMES)
    assert likely(row["wrongly better"] + row["wrongly worse"], 0.0, 0.055, TIMES)


@pytest.mark.parametrize("world", CELLS, ids=named)
def test_the_detectable_difference_is_shown_in_four_of_five_worlds(table, world):
    assert likely(table[named(world)]["power"], 0.75, 0.85, TIMES), table[named(world)]


def test_in_a_family_without_a_difference_some_better_is_as_rare_as_in_one_comparison():
    times, any_better, alone = (2000 if SOAK else 40), 0, 0
    generator = np.random.default_rng(9)
    worlds = [with_gain(World(kind, 80), 0.0) for kind in ("answers", "scores", "losses") for _ in range(3)]
    for _ in range(times):
        made = [
            compare(first, second, clusters=clusters, design=QUICK, of=("m", "test", "base", "tuned"))
            for first, second, clusters, *_ in (draw(world, generator) for world in worlds)
        ]
        alone += any(one.verdict in ("better", "worse") for one in made)
        any_better += any(one.verdict in ("better", "worse") for one in adjust(made))

    assert likely(any_better / times, 0.0, 0.05, times)
    assert alone / times > 0.2  # what Holm prevents
