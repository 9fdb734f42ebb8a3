"""How diverse a chosen set is: tasks, what is asked to be done, what of the documents is covered, and how far the pairs lie apart.

One pure function for the report and the data card. Every figure says what it was counted over; those that grow or shrink with
the size of the set (distinct n-grams) can be compared between sets of one size only.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from math import exp, log
from statistics import quantiles
from typing import Any

import numpy as np

from builder.connect import documents
from builder.curation.novelty import NEIGHBOURS, Vectors, nearest_distances, novel_sum, spread_out
from builder.curation.verbs import asked, verb_and_noun
from builder.rouge import words
from schemas.records import Pair

VERBS, NOUNS = 20, 4  # of the chart of Self-Instruct: its most frequent verbs, and the most frequent nouns of each
LONGEST_GRAM = 3


def diversity(
    pairs: Sequence[Pair],
    *,
    supply: Iterable[Pair] = (),
    section_of: Callable[[Pair], str] | None = None,
    vectors: Vectors | None = None,
    reference: Vectors | None = None,
) -> dict[str, Any]:
    """Return JSON-able figures of a set: O(words), and O(n² d) with vectors.

    Args:
        pairs: the chosen ones, n of them.
        supply: all that there were to choose from, which coverage is a share of; by default the chosen ones.
        section_of: the section that a pair is about, from `builder.balance.sections_of`; by default its passage.
        vectors: n x d, rows of length 1, of the chosen pairs.
        reference: m x d, of all pairs: how dense a region is counts less or more by it (NovelSum).
    """
    every = list(supply) or list(pairs)
    section = section_of or (lambda pair: pair.provenance.chunk_id)
    return {
        "pairs": len(pairs),
        "tasks": mix(pair.task for pair in pairs),
        "asked": mix(asked(pair.instruction) for pair in pairs),
        "openings": _most(mix(" ".join(words(pair.instruction)[:3]) for pair in pairs), VERBS),
        "verbs": verbs(pairs),
        "coverage": {
            "documents": _covered(pairs, every, documents),
            "sections": _covered(pairs, every, lambda pair: filter(None, [section(pair)])),
            "facts": _covered(pairs, every, lambda pair: [pair.group]),
        },
        "words": {"instruction": _lengths(pair.instruction for pair in pairs), "output": _lengths(pair.output for pair in pairs)},
        "distinct": {
            "instruction": distinct_n([words(pair.instruction) for pair in pairs]),
            "output": distinct_n([words(pair.output) for pair in pairs]),
        },
        "vectors": None if vectors is None or len(vectors) < 2 else _apart(vectors, reference),
    }


def mix(names: Iterable[str]) -> dict[str, Any]:
    """Return how often each name occurs, and the effective number of them: e to the entropy (Hill 1973), k if k are equally frequent."""
    counts = Counter(names)
    total = counts.total()
    entropy = -sum(count / total * log(count / total) for count in counts.values()) if total else 0.0
    return {
        "counts": dict(_ordered(counts)),
        "effective": round(exp(entropy), 2) if total else 0.0,
    }


def verbs(pairs: Iterable[Pair]) -> dict[str, Any]:
    """Return what is asked to be done: how many questions have a verb and a noun, how many combinations, and the chart."""
    found = [verb_and_noun(pair.instruction) for pair in pairs]
    both = Counter(one for one in found if one and one[1])
    return {
        "with_verb": sum(one is not None for one in found),
        "with_noun": both.total(),
        "combinations": len(both),
        "effective": mix(f"{verb} {noun}" for verb, noun in both.elements())["effective"],
        "chart": chart(both),
    }


def chart(counts: Mapping[tuple[str, str], int], *, most: int = VERBS, nouns: int = NOUNS) -> list[dict[str, Any]]:
    """Return Self-Instruct's chart as arcs to draw: verbs on the inner ring (0), their nouns on the outer one (1).

    `start` and `end` are parts of the full turn, `share` is that of all questions with verb and noun. An arc of nouns stands
    over that of its verb, whose rest belongs to rarer nouns.
    """
    of_verb: Counter[str] = Counter()
    for (verb, _), count in counts.items():
        of_verb[verb] += count
    shown = _ordered(of_verb)[:most]
    total, everything, arcs, turned = sum(count for _, count in shown), of_verb.total(), [], 0

    def arc(ring: int, label: str, verb: str, at: int, count: int) -> dict[str, Any]:
        place = {"start": round(at / total, 6), "end": round((at + count) / total, 6)}
        return {"ring": ring, "label": label, "verb": verb, "count": count, **place, "share": round(count / everything, 4)}

    for verb, count in shown:
        arcs.append(arc(0, verb, verb, turned, count))
        at = turned
        for noun, times in _ordered({noun: times for (of, noun), times in counts.items() if of == verb})[:nouns]:
            arcs.append(arc(1, noun, verb, at, times))
            at += times
        turned += count
    return arcs


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the most frequent first, in the order of the alphabet where they are as many."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def distinct_n(texts: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return for n = 1, 2, 3 the share of n-grams that are different ones (Li et al. 2016); it falls as a set grows."""
    found: dict[str, float] = {}
    for length in range(1, LONGEST_GRAM + 1):
        different: set[tuple[str, ...]] = set()
        total = 0
        for text in texts:
            grams = list(zip(*(islice(text, start, None) for start in range(length)), strict=False))
            different.update(grams)
            total += len(grams)
        found[str(length)] = round(len(different) / total, 4) if total else 0.0
    return found


def _covered(pairs: Iterable[Pair], every: Iterable[Pair], what: Callable[[Pair], Iterable[str]]) -> dict[str, int]:
    chosen, known = ({name for pair in of for name in what(pair)} for of in (pairs, every))
    return {"chosen": len(chosen), "all": len(known | chosen)}


def _most(figures: dict[str, Any], count: int) -> dict[str, Any]:
    counts = figures["counts"]
    return {**figures, "counts": dict(islice(counts.items(), count)), "different": len(counts)}


def _lengths(texts: Iterable[str]) -> dict[str, float]:
    """Return the first decile, the median and the last decile of the lengths, in words."""
    lengths = [len(words(text)) for text in texts]
    if len(lengths) < 2:
        return dict.fromkeys(("p10", "median", "p90"), float(sum(lengths)))
    cuts = quantiles(lengths, n=10, method="inclusive")
    return {"p10": round(cuts[0], 1), "median": round(cuts[4], 1), "p90": round(cuts[8], 1)}


def _apart(vectors: Vectors, reference: Vectors | None) -> dict[str, float | int]:
    rows = spread_out(vectors)
    nearest = nearest_distances(rows)
    return {
        "pairs": len(rows),
        "nearest": round(float(np.mean(nearest)), 4),
        "novel_sum": round(novel_sum(rows, rows if reference is None else reference), 4),
        "neighbours": NEIGHBOURS,
    }
