"""Worlds whose truth is known, to see how often intervals hold it: answers and scores of two systems, by documents and seeds.

`KILOPAIR_SOAK=1 pytest -s tests/test_statistics_simulation.py` prints the table of docs/statistics.md.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from schemas.proof import Comparison, Design
from trainer.statistics.compare import compare, estimate

SHARED = 0.7  # correlation of both systems on one question, on the latent scale
PER_DOCUMENT = 5


@dataclass(frozen=True)
class World:
    """What is drawn: `kind` of score, questions, how alike those of one document are, seeds and how far they differ, the true levels."""

    kind: str
    n: int
    documents: float = 0.0
    seeds: int = 1
    seed_spread: float = 0.0
    first: float = 0.5
    second: float = 0.5


def labels_of(world, generator):
    """Documents of very unequal size, five questions each in the mean; without likeness every question is its own."""
    if not world.documents:
        return np.arange(world.n)
    count = max(2, world.n // PER_DOCUMENT)
    size = generator.gamma(1.5, size=count)
    return generator.choice(count, size=world.n, p=size / size.sum())


def latent(world, generator, labels):
    """Standard normal values of the first system (items,) and of the second (seeds, items), with variance 1 + seed_spread^2."""

    def part(seeds=1):
        own = 0.5 if seeds > 1 else 0.0  # half of what is its own differs by training
        by_document, by_item = generator.standard_normal(labels.max() + 1)[labels], generator.standard_normal(world.n)
        alike = np.sqrt(world.documents) * by_document + np.sqrt((1 - world.documents) * (1 - own)) * by_item
        return alike + np.sqrt((1 - world.documents) * own) * generator.standard_normal((seeds, world.n))

    common = np.sqrt(SHARED) * part()
    second = common + np.sqrt(1 - SHARED) * part(world.seeds) + world.seed_spread * generator.standard_normal((world.seeds, 1))
    return (common + np.sqrt(1 - SHARED) * part())[0], second


def draw(world, generator):
    """Return first (items,), second (seeds, items), clusters, and the true means of both."""
    labels = labels_of(world, generator)
    first, second = latent(world, generator, labels)
    clusters = [str(label) for label in labels] if world.documents else None
    scale = np.sqrt(1 + world.seed_spread**2)
    if world.kind == "answers":
        right = (first < ndtri(world.first)) * 1.0, (second / scale < ndtri(world.second)) * 1.0
        return *right, clusters, world.first, world.second
    if world.kind == "scores":  # like token F1: many at 0, many at 1
        clipped = np.clip(world.first + first / 2, 0, 1), np.clip(world.second + second / 2, 0, 1)
        return *clipped, clusters, mean_of_clipped(world.first, 0.5), mean_of_clipped(world.second, 0.5 * scale)
    gain, mean = world.second - world.first, np.exp(0.18)  # losses: a few are large
    return -np.exp(0.6 * first), -np.exp(0.6 * second) + np.exp(0.18 * scale**2) - mean + gain, clusters, -mean, gain - mean


def mean_of_clipped(mean, deviation):
    """The mean of a normal value clipped to 0..1."""
    low, high = -mean / deviation, (1 - mean) / deviation
    inside = mean * (ndtr(high) - ndtr(low)) + deviation * (norm.pdf(low) - norm.pdf(high))
    return float(inside + 1 - ndtr(high))


def simulate(world, times, *, design, seed=0):
    """Return the comparisons, the true difference and how often the estimate's interval held the truth."""
    generator = np.random.default_rng([seed, world.n, world.seeds])
    made: list[Comparison] = []
    held, difference = 0, 0.0
    for _ in range(times):
        first, second, clusters, *truth = draw(world, generator)
        difference = truth[1] - truth[0]
        made.append(compare(first, second, clusters=clusters, design=design, of=("m", "test", "base", "tuned")))
        alone = estimate(second, clusters=clusters, design=design, of=("m", "tuned", "test"))
        held += alone.low <= truth[1] <= alone.high
    return made, difference, held / times


def coverage(made, difference):
    """The share of intervals that hold the true difference."""
    return float(np.mean([one.low <= difference <= one.high for one in made]))


def share(made, verdict):
    return float(np.mean([one.verdict == verdict for one in made]))


def with_gain(world, gain):
    """Return the world in which the second system's true mean is higher by `gain`; answers then differ more often, too."""
    if world.kind != "scores":
        return replace(world, second=world.first + gain)
    scale = np.sqrt(1 + world.seed_spread**2) / 2
    low, high = world.first, world.first + 3
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if mean_of_clipped(middle, scale) - mean_of_clipped(world.first, 0.5) >= gain else (middle, high)
    return replace(world, second=high)


QUICK = Design(resamples=999)
