"""Figures of a chosen set in words, for the report and the dataset card: what its certificate proves, and how diverse it is."""

from collections.abc import Mapping
from typing import Any, NamedTuple

_GRAMS = {"1": "words", "2": "pairs of words", "3": "runs of three words"}
_COVERED = {
    "documents": "of those that pairs could be made of, how many have a chosen pair",
    "sections": "the text under one heading, counted likewise",
    "facts": "several wordings ask for one fact, counted likewise",
}


class Row(NamedTuple):
    """One figure, how much it is, and what that means."""

    figure: str
    value: str
    meaning: str


def proved(certificate: Mapping[str, Any]) -> str:
    """Return in one sentence that nothing leaks, and what a random split of the same sizes would have leaked."""
    drawn = certificate["random_split"]
    leaks = sum(certificate["leaks"].values())
    held, leaking, share = drawn["held_out"], drawn["leaking_pairs"], drawn["leaking_share"]
    return (
        f"Counted over the finished splits, {leaks} pairs leak; of a random split of the same sizes, {leaking:,.0f} of the {held:,} pairs"
        f" of test and validation ({share:.0%}) would have shared a passage, a fact or a near question with the rest"
        f" (mean of {drawn['rounds']} draws)."
    )


def second_test(certificate: Mapping[str, Any]) -> str:
    """Return in one sentence what the test set on held-out documents holds; empty if there is none."""
    documents, pairs = certificate["held_out_documents"], certificate["pairs_on_held_out_documents"]
    if not pairs:
        return ""
    of = "one document" if documents == 1 else f"{documents:,} documents"
    rest = certificate["sizes"]["test"] - pairs
    return (
        f"Test is two sets: {rest:,} new questions on documents that train knows, and {pairs:,} on {of} of which nothing is in train,"
        " not even for validation."
    )


def coverage(figures: Mapping[str, Any]) -> list[Row]:
    """Return how much of what there was the chosen pairs cover."""
    found = {name: figures["coverage"][name] for name in _COVERED}
    return [
        Row(f"{name} covered", f"{one['chosen']:,} of {one['all']:,} ({one['chosen'] / one['all']:.0%})", _COVERED[name])
        for name, one in found.items()
        if one["all"]
    ]


def variety(figures: Mapping[str, Any]) -> list[Row]:
    """Return how different the pairs of a set are from each other."""
    if not figures["pairs"]:
        return []
    tasks, openings, verbs = figures["tasks"], figures["openings"], figures["verbs"]
    rows = [
        Row("tasks", _effective(len(tasks["counts"]), tasks), "in brackets: as many equally frequent ones would be as varied"),
        Row("openings", _effective(openings["different"], openings), "first three words of a question"),
    ]
    if verbs["with_noun"]:
        named = f"what is asked to be done, in the {verbs['with_noun']:,} questions that name a verb and its noun"
        rows.append(Row("verb and noun", _effective(verbs["combinations"], verbs), named))
    return [*rows, *_repeats(figures["distinct"]), *_apart(figures["vectors"])]


def _effective(different: int, mix: Mapping[str, Any]) -> str:
    return f"{different:,} ({mix['effective']:,.1f})"


def _repeats(distinct: Mapping[str, Mapping[str, float]]) -> list[Row]:
    rows = [
        (what, _GRAMS[size], distinct["instruction"][size], distinct["output"][size])
        for size, what in zip("13", ("distinct-1", "distinct-3"), strict=True)
    ]
    return [
        Row(
            f"{name}",
            f"{asked:.2f} / {said:.2f}",
            f"share of {what} that are different ones, in questions / responses; higher is more varied",
        )
        for name, what, asked, said in rows
    ]


def _apart(vectors: Mapping[str, Any] | None) -> list[Row]:
    if not vectors:
        return []
    return [
        Row("nearest neighbour", f"{vectors['nearest']:.2f}", "mean cosine distance of a pair to the one most like it: 0 is a copy"),
        Row(
            "NovelSum",
            f"{vectors['novel_sum']:.2f}",
            "distances to all others, near ones and dense regions counting most; compares sets by the same vectors",
        ),
    ]
