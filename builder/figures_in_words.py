"""Figures in words, the same in the report and in both cards: names, proofs, how diverse a set is, who worded it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from builder.review.accepted import ACCEPTED, EDITED, FLAGS, REPAIRED
from schemas.records import Pair

_GRAMS = {"1": "words", "2": "pairs of words", "3": "runs of three words"}
_COVERED = {
    "documents": "of those that pairs could be made of, how many have a chosen pair",
    "sections": "the text under one heading, counted likewise",
    "facts": "several wordings ask for one fact, counted likewise",
}


SYSTEMS = {  # who answers, in the order of tables
    "base": "base",
    "few_shot": "base, few-shot",
    "with_passage": "base with the passage",
    "tuned": "tuned",
    "f16": "tuned, f16 file",
    "q8_0": "tuned, q8_0 file",
}
SETS = {  # held-out sets, in the order of tables
    "paraphrase": "paraphrase: other wordings of facts that are in train",
    "paraphrase_seen": "paraphrase, question form seen with other facts",
    "paraphrase_unseen": "paraphrase, question form never seen",
    "new_words": "of paraphrase: asks with a word that no training pair and no document has",
    "test": "test: passages that no training pair uses",
    "test_documents": "test: documents of which nothing is in train",
    "open_book": "of test: the passage stands in the question",
    "unanswerable": "of test: no document answers it",
    "off_topic": "of test: not about the documents",
}
_METRICS = {
    "exact_match": "exact match",
    "token_f1": "token F1",
    "rouge_l": "ROUGE-L",
    "stop_rate": "ends by itself",
    "stopped": "ends by itself",
    "figures_right": "numbers and dates right",
    "refusal_right": "abstains where it should",
    "format_right": "keeps the format",
    "label_right": "label right",
    "answered": "answers where it should (right or wrong)",
    "length_ratio": "words against the reference's",
    "consistency": "same answer to wordings of one question",
    "loss": "loss of a token, questions weighing alike",
    "perplexity": "perplexity, tokens weighing alike",
    "right": "right answers",
    "bits_per_byte": "bits per byte",
}
_NUMBERS = frozenset({"loss", "perplexity", "tokens", "words", "length", "bits_per_byte", "bits", "seconds", "length_ratio"})
BROUGHT = frozenset({"existing", "inside"})  # generators that only read what people wrote


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


def metric_name(metric: str) -> str:
    """Return what a metric is called."""
    return _METRICS.get(metric, metric.replace("_", " "))


def set_name(name: str) -> str:
    """Return what a held-out set holds."""
    return SETS.get(name, name.replace("_", " "))


def system_name(name: str) -> str:
    """Return who answers."""
    return SYSTEMS.get(name, name.replace("_", " "))


def is_share(metric: str) -> bool:
    """Whether a metric is a share of one, told as a percentage."""
    return metric.removeprefix("negative_") not in _NUMBERS


def amount(metric: str, value: float | None) -> str:
    """Return a metric's value for people; empty if there is none."""
    if value is None:
        return ""
    if is_share(metric):
        return f"{100 * value:.1f}%"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def interval(metric: str, low: float | None, high: float | None) -> str:
    """Return an interval in the unit of its metric; empty if there is none."""
    return "" if low is None or high is None else f"{amount(metric, low)} to {amount(metric, high)}".replace("-", "−")


def gain(figures: Mapping[str, Any]) -> str:
    """Return a comparison's difference with its sign."""
    share = figures.get("unit") == "points" or ("unit" not in figures and is_share(str(figures["metric"])))
    return (
        f"{round(100 * figures['difference'], 1) + 0.0:+.1f} points" if share else f"{round(figures['difference'], 2) + 0.0:+.2f}"
    ).replace("-", "−")


def limits(figures: Mapping[str, Any]) -> str:
    """Return a comparison's interval with signs."""
    share = figures.get("unit") == "points" or ("unit" not in figures and is_share(str(figures["metric"])))
    ends = (f"{round(100 * figures[name], 1) + 0.0:+.1f}" if share else f"{round(figures[name], 2) + 0.0:+.2f}" for name in ("low", "high"))
    return " to ".join(ends).replace("-", "−")


def maker(pair: Pair) -> str:
    """Return who worded a pair: people, rules, or a model by its name."""
    if pair.provenance.generator in BROUGHT:
        return "people"
    return pair.provenance.model or "rules"


def generated(pairs: Sequence[Pair]) -> str:
    """Return what share of the pairs holds text that a language model generated, who worded the others, and what people did to them."""
    total, makers = len(pairs), Counter(map(maker, pairs))
    models = {name: count for name, count in makers.items() if name not in ("people", "rules")}
    share = sum(models.values()) / max(1, total)
    if not models:
        who = " and ".join(name for name in ("rules", "people") if makers[name]) or "nobody"
        said = f"No text of these pairs was generated by a language model (0%): {who} worded them from the words of the documents."
        return said + _reviewed(pairs)
    named = ", ".join(f"{name} ({count / total:.0%})" for name, count in sorted(models.items(), key=lambda one: -one[1]))
    others = "".join(f"; {name} worded {makers[name] / total:.0%}" for name in ("rules", "people") if makers[name])
    return f"{share:.0%} of the pairs hold text that a language model generated: {named}{others}." + _reviewed(pairs)


def _reviewed(pairs: Iterable[Pair]) -> str:
    """Return how many of the pairs people accepted as they were, and how many they changed; empty if nobody reviewed any."""
    counts = Counter(flag for pair in pairs for flag in pair.flags if flag in FLAGS)
    words = {ACCEPTED: "accepted {:,} as they were", EDITED: "edited {:,}", REPAIRED: "repaired {:,} that had failed a check"}
    told = [text.format(counts[flag]) for flag, text in words.items() if counts[flag]]
    return f" People reviewed {counts.total():,} of them: {', '.join(told)}." if told else ""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown, empty if it has no rows; a cell stays one cell whatever it holds."""
    lines = [head, ["---"] * len(head), *rows]
    if len(lines) == 2:
        return ""
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
