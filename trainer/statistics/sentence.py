"""The verdict of a comparison and its one plain sentence; the same words wherever a comparison is shown."""

from typing import Any

from schemas.proof import Comparison, Unit, Verdict

_NAMES = {"token_f1": "token F1", "rouge_l": "ROUGE-L"}


def judged(figures: dict[str, Any]) -> Comparison:
    """Return the comparison of these figures with its verdict and its sentence."""
    comparison = Comparison(**{**figures, "verdict": _verdict(figures), "sentence": ""})
    return comparison.model_copy(update={"sentence": sentence(comparison)})


def _verdict(figures: dict[str, Any]) -> Verdict:
    """Return what the figures allow to say; better and worse need the test and the interval to agree."""
    if figures["p_adjusted"] <= _risk(figures["confidence"]):
        if figures["low"] > 0:
            return "better"
        if figures["high"] < 0:
            return "worse"
    return "same" if figures["same"] else "not_shown"


def _risk(confidence: float) -> float:
    return 1 - confidence + 1e-12  # 1 - 0.95 is a little less than 0.05


def sentence(comparison: Comparison) -> str:
    """Return what the comparison says, for people."""
    first, second, where = _words(comparison.first), _words(comparison.second), _where(comparison)
    difference = _amount(_sign(comparison) * comparison.difference, comparison.unit, signed=True)
    margin = _amount(comparison.margin, comparison.unit)
    if comparison.n == 1:
        return f"one question shows nothing about {second} and {first} {where}: {difference}"
    told = f"{difference} ({_evidence(comparison)}"
    if comparison.verdict in ("better", "worse"):
        small = f"; less than the margin of {margin}" if comparison.same else ""
        return f"{second} is {comparison.verdict} than {first} {where}: {told}{small})"
    if comparison.verdict == "same":
        return f"{second} is the same as {first} {where}, within the margin of {margin}: {told})"
    return f"no difference shown between {second} and {first} {where}: {told}; {_limits(comparison)})"


def _where(comparison: Comparison) -> str:
    return f"in {_words(comparison.metric)} on {_words(comparison.set)}"


def _limits(comparison: Comparison) -> str:
    """Return what a comparison without a verdict still tells, and where the interval alone would have told more."""
    loss, gain = (_amount(value, comparison.unit) for value in (comparison.excluded_loss, comparison.detectable))
    worse, better = ("loss", "gain") if _sign(comparison) > 0 else ("rise", "fall")
    excluded = f"a {worse} larger than {loss} is excluded" if comparison.excluded_loss > 0 else f"a {worse} is excluded"
    told = f"{excluded}; a {better} smaller than {gain} could not have been seen"
    if comparison.low <= 0 <= comparison.high:
        return told
    among = f" of {comparison.family} comparisons" if comparison.p_value <= _risk(comparison.confidence) else ""
    return f"{told}; the test decides, its p{among} is {comparison.p_adjusted:.2f}"


def _evidence(comparison: Comparison) -> str:
    limits = sorted(_sign(comparison) * limit for limit in (comparison.low, comparison.high))
    interval = " to ".join(_number(limit, comparison.unit, signed=True) for limit in limits)
    documents = f", {_count(comparison.clusters, 'document')}" if comparison.clusters < comparison.n else ""
    documents += ", which tells nothing of others" if comparison.clusters == 1 < comparison.n else ""
    seeds = f", {comparison.seeds} seeds" if comparison.seeds > 1 else ""
    return f"{100 * comparison.confidence:g} % interval {interval}, n = {comparison.n}{documents}{seeds}"


def _sign(comparison: Comparison) -> int:
    """Return -1 for a loss, which was negated so that higher is better: people read by how much it fell or rose."""
    return -1 if comparison.unit == "plain" and max(comparison.first_mean, comparison.second_mean) < 0 else 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _amount(value: float, unit: Unit, *, signed: bool = False) -> str:
    return _number(value, unit, signed=signed) + (" points" if unit == "points" else "")


def _number(value: float, unit: Unit, *, signed: bool = False) -> str:
    shown = round(100 * value, 1) if unit == "points" else round(value, 2)
    sign = "+" if signed and shown else ""
    return format(shown + 0.0, f"{sign}.{1 if unit == 'points' else 2}f").replace("-", "−")


def _words(name: str) -> str:
    return _NAMES.get(name) or name.replace("_", " ")
