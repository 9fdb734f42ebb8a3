"""How the pairs were chosen: the gates, what contradicts, the signs of doubt, the judge, how diverse the set is, and what more would add.

Each part is empty where there is nothing to say, and the page leaves it out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten
from typing import Any

from builder.balance import sections_of
from builder.connect import question
from builder.curation.diversity import diversity
from builder.curation.embed import Vectors
from builder.curation.explain_choice import curve
from builder.curation.ground import told
from builder.curation.ground_signs import SIGNS
from builder.curation.student import NAME, USELESS, By
from builder.figures_in_words import coverage, proved, second_test, variety
from builder.report.places import Places
from builder.step import Step
from schemas.records import Dropped, Pair, Reason

CONFLICTS, LONGEST = 10, 600  # that are shown, and characters of a response
GATES = {  # stage or stage/reason of what left -> what is looked at, in the order of the run; "if used" gates are not shown idle
    "review": ("review", "what people rejected"),
    "select/doubtful": ("doubt", "rules saw signs that an answer is not whole"),
    "screen": ("screen", "the pair by itself: length, repetition, refusals, language, secrets"),
    "ground": ("ground", "the response against its document: quotes, numbers, names, negations"),
    "decontaminate": ("decontaminate", "questions of the evaluation files"),
    "dedup": ("dedup", "copies and contradictions; siblings, which differ in a name or number, stay"),
    "judge": ("judge", "what a model makes of a pair beside its source"),
    "select": ("select", "the best that differ most, within the limits of documents, tasks and openings"),
}
IF_USED = ("review", "decontaminate", "judge")
TOLD = {  # score of the student -> what it is
    "given": "loss of a token of the response after its question",
    "alone": "loss of a token of the response alone",
    "ifd": "the one divided by the other (instruction-following difficulty)",
}

# sign -> what was done to right answers, and the share of such answers with the sign; tests/test_report.py keeps them true
SURE = {
    "ungrounded_number": ("a number changed", 0.85),
    "wrong_unit": ("a unit changed", 0.95),
    "foreign_name": ("a name from elsewhere put in", 0.95),
    "negation": ("a not put in or taken out", 0.95),
    "far_number": ("a number swapped with one of the section", 0.75),
    "far_name": ("a name swapped with one of the section", 0.75),
    "word_order": ("two roles swapped", 0.75),
    "thin_support": ("a sentence invented", 0.95),
}
FALSE_ALARMS = 0.03  # of right answers in the words of their source that have any sign, at most


def chosen(step: Step, pairs: Sequence[Pair], dropped: Sequence[Dropped], places: Places) -> dict[str, Any]:
    """Return all parts as JSON-able figures."""
    counts = {name: output.counts for name, output in step.work.outputs.items()}
    added = counts["curate"].get("added", 0)  # what people made of drafts that had left
    valid, certificate = step.pairs("validate"), counts["split"].get("certificate")
    figures = diversity(pairs, supply=valid, section_of=sections_of(step.documents()), vectors=_vectors(step, pairs))
    rows = gates(counts["validate"]["kept"] + added, dropped)
    return {
        "added": added,
        "gates": rows,
        "iterated": iterated(counts["split"], came=rows[-1]["came"] - rows[-1]["left"]),
        "certificate": certificate and {"proved": proved(certificate), "second_test": second_test(certificate), **certificate},
        "diversity": figures,
        "in_words": {"coverage": [*map(list, coverage(figures))], "variety": [*map(list, variety(figures))]},
        "conflicts": conflicts(dropped, valid, places),
        "signs": signs(pairs),
        "judge": _judge(step, counts["curate"].get("judge"), pairs, dropped),
        "student": student(step.recipe.choose.student, pairs, dropped),
        "curve": curve(pairs),
    }


def gates(came: int, dropped: Iterable[Dropped]) -> list[dict[str, Any]]:
    """Return for each gate how many pairs came, how many left, and why; what one leaves comes to the next."""
    return gates_of(came, Counter((record.stage, str(record.reason)) for record in dropped))


def gates_of(came: int, counts: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """Return the same of counts by stage and reason."""
    left: dict[str, Counter[str]] = {name: Counter() for name in GATES}
    for (stage, reason), count in counts.items():
        name = f"{stage}/{reason}"
        name = name if name in GATES else stage
        if name in left:
            left[name][reason] += count
    rows = []
    for name, (gate, about) in GATES.items():
        gone = left[name].total()
        if gone or name not in IF_USED:
            rows.append({"gate": gate, "about": about, "came": came, "left": gone, "reasons": dict(left[name].most_common())})
        came -= gone
    return rows


def iterated(split: Mapping[str, Any], *, came: int) -> dict[str, int]:
    """Return how many chosen pairs came, how many kilopair iterate --keep added, and how many left for them; empty without it."""
    return {"came": came, "added": split["added"], "left": sum(split["dropped"].values())} if "added" in split else {}


def conflicts(dropped: Iterable[Dropped], valid: Iterable[Pair], places: Places) -> dict[str, Any]:
    """Return how many pairs and facts contradict one that was kept, and the first `CONFLICTS` such facts with both responses."""
    gone = [record for record in dropped if record.reason is Reason.CONFLICT]
    known = {pair.id: pair for pair in valid} if gone else {}
    facts: dict[tuple[str, str], tuple[Pair, Pair]] = {}
    for record in gone:
        other = Pair.model_validate(record.record)
        kept = known.get(str(other.extra.get("cluster")))
        if kept is None:
            continue
        both = facts.setdefault((kept.group, other.group), (kept, other))
        if question(kept) == question(other) and question(both[0]) != question(both[1]):
            facts[kept.group, other.group] = (kept, other)
    shown = [{"kept": _said(kept, places), "gone": _said(other, places)} for kept, other in list(facts.values())[:CONFLICTS]]
    return {"pairs": len(gone), "facts": len(facts), "shown": shown} if gone else {}


def _said(pair: Pair, places: Places) -> dict[str, str]:
    return {
        "id": pair.id,
        "question": pair.instruction,
        "response": shorten(pair.output, LONGEST, placeholder=" …"),
        **places.of_pair(pair),
    }


def signs(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return how many chosen pairs have each sign that a response may not fit its source, and how sure the sign is."""
    counts = Counter(flag for pair in pairs for flag in pair.flags if flag in SIGNS)
    return [
        {"flag": flag, "sign": told([flag]), "pairs": count, "found": SURE.get(flag, ("", 0.0))[1], "of": SURE.get(flag, ("", 0.0))[0]}
        for flag, count in counts.most_common()
    ]


def scores_by_judge(pairs: Iterable[Pair], dropped: Iterable[Dropped]) -> list[dict[str, Any]]:
    """Return the mean of each criterion in [0, 1], over all judged pairs and over the chosen ones, the whole score first."""
    kept = [pair.scores for pair in pairs if "judge" in pair.scores]
    gone = [scores for record in dropped if isinstance(scores := record.record.get("scores"), dict) and "judge" in scores]
    names = dict.fromkeys(name for scores in (*kept, *gone) for name in scores if name == "judge" or name.startswith("judge/"))
    return [
        {
            "criterion": name.removeprefix("judge/") if name != "judge" else "whole",
            "all": _mean(name, [*kept, *gone]),
            "chosen": _mean(name, kept),
        }
        for name in sorted(names, key=lambda name: name != "judge")
    ]


def _mean(name: str, scored: Iterable[Mapping[str, Any]]) -> float | None:
    values = [scores[name] for scores in scored if name in scores]
    return round(sum(values) / len(values), 4) if values else None


def _judge(step: Step, counts: Mapping[str, Any] | None, pairs: Sequence[Pair], dropped: Iterable[Dropped]) -> dict[str, Any]:
    """Return what the judge did, and how far it agrees with people; empty if there was none."""
    if not counts:
        return {}
    from builder.calibrate import load, threshold_of
    from builder.judge_recipe import judge_key

    key, folder = judge_key(step.recipe, step.root), step.work.folder
    calibration = load(folder)
    threshold, told = threshold_of(step.recipe.judge, key, folder)
    listed = list(dropped)
    return {
        **counts,
        "dropped": sum(record.reason is Reason.JUDGED_LOW for record in listed),
        "criteria": scores_by_judge(pairs, listed),
        "scores": [pair.scores["judge"] for pair in pairs if "judge" in pair.scores],
        "threshold": threshold,
        "notice": told,
        "agreement": calibration.sentence if calibration and calibration.judge == key else "",
    }


def student(by: By, pairs: Iterable[Pair], dropped: Iterable[Dropped]) -> dict[str, Any]:
    """Return what the base made of all pairs that it was asked about and of the chosen ones; empty if it was not asked."""
    kept: list[Mapping[str, Any]] = [pair.scores for pair in pairs if NAME in pair.scores]
    gone: list[Mapping[str, Any]] = [
        scores for record in dropped if isinstance(scores := record.record.get("scores"), dict) and NAME in scores
    ]
    if by == "none" or not kept:
        return {}
    rows = [
        {"figure": told, "all": _mean(f"{NAME}/{name}", [*kept, *gone]), "chosen": _mean(f"{NAME}/{name}", kept)}
        for name, told in TOLD.items()
    ]
    useless = sum(scores[f"{NAME}/ifd"] >= USELESS for scores in (*kept, *gone))
    return {"by": by, "pairs": len(kept) + len(gone), "useless": useless, "rows": rows}


class _NotRememberedError(Exception):
    """A vector is not there."""


class _Nobody:
    """Stands for an embedder that is not to be asked: a report sends nothing and loads no model."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Raise: these texts have no vectors yet."""
        raise _NotRememberedError(f"{len(texts)} texts")


def _vectors(step: Step, pairs: Sequence[Pair]) -> Vectors | None:
    """Return the vectors of pairs: by their words, or those of a model that the choice has remembered; None if there are none."""
    from builder.curate_stage import VECTORS
    from builder.curation.embed import MODELS, Remembered, by_text, embedder

    recipe, cache = step.recipe, step.work.folder / VECTORS
    embed = embedder(recipe.embed, recipe.endpoint, root=step.root, cache=cache)
    if embed is None or not pairs:
        return None
    if recipe.embed.by not in MODELS:
        return by_text(embed, pairs)
    try:
        return by_text(Remembered(_Nobody(embed.name), cache), pairs) if cache.exists() else None
    except _NotRememberedError:
        return None
