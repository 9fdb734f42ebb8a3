"""What a manager reads: the sentence of the comparison that decides, at most five figures, and the few sentences that go with it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from builder.figures_in_words import amount, metric_name, set_name
from builder.report.compared import FIRST_METRIC, difference, primary

WORDS = {"better": "better", "worse": "worse", "same": "the same", "not_shown": "no difference shown", "not_compared": "not compared"}
RIVALS = {"few_shot": "Against examples in the prompt", "with_passage": "Against the right passage in the prompt"}


def verdict(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declared comparison with its sentence; without statistics the means and that nothing is proved; empty without either."""
    decided = primary(evaluation)
    if decided is not None:
        shown = difference(decided)
        headline, _, evidence = shown["sentence"].partition(" (")
        words = {"word": WORDS.get(shown["verdict"], shown["verdict"]), "metric_name": metric_name(shown["metric"])}
        return {**shown, **words, "headline": _sentence(headline).rstrip("."), "evidence": evidence.removesuffix(")")}
    sets = evaluation.get("sets") or {}
    if not sets:
        return {}
    name = "paraphrase" if "paraphrase" in sets else next(iter(sets))
    figures = sets[name]
    base, tuned = (figures["overall"][system][FIRST_METRIC] for system in ("base", "tuned"))
    said = f"answers {amount(FIRST_METRIC, tuned)} of {figures['n']} held-out {name.replace('_', ' ')} questions word for word"
    return {
        "set": name,
        "n": figures["n"],
        "metric": FIRST_METRIC,
        "metric_name": metric_name(FIRST_METRIC),
        "means": [amount(FIRST_METRIC, base), amount(FIRST_METRIC, tuned)],
        "verdict": "not_compared",
        "word": WORDS["not_compared"],
        "sentence": f"the tuned model {said}, the base {amount(FIRST_METRIC, base)}",
        "headline": f"The tuned model {said}, the base {amount(FIRST_METRIC, base)}",
        "evidence": "",
    }


def key_figures(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return at most five figures: value, name, and what it is measured on."""
    decided, sections = facts["verdict"], facts.get("coverage") or []
    found: list[dict[str, str]] = []
    if decided:
        (before, after), (first, second) = decided["means"], decided.get("names") or ("base", "tuned")
        note = f"{decided['metric_name']}, {decided['n']} {decided['set'].replace('_', ' ')} questions; {first} {before}"
        found.append({"value": after, "name": "tuned model" if second == "tuned" else second, "note": note})
    if facts.get("pairs"):
        documents = facts["documents"]
        found.append({"value": f"{facts['pairs']:,}", "name": "chosen pairs", "note": f"from {documents:,} documents"})
    if sections:
        there, had = (sum(row[name] for row in sections) for name in ("sections", "covered"))
        found.append({"value": f"{had / max(1, there):.0%}", "name": "sections covered", "note": f"{had:,} of {there:,}"})
    if facts.get("leaks"):
        found.append({"value": f"{sum(facts['leaks'].values()):,}", "name": "leaks", "note": f"{len(facts['leaks'])} ways counted"})
    usd = (facts.get("costs") or {}).get("usd")
    spent = f"{usd:,.2f} $" if usd else _duration(sum((facts.get("seconds") or {}).values()))
    found.append({"value": spent, "name": "spent on the model's calls" if usd else "from documents to model", "note": ""})
    return found[:5]


def minute(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what else a manager should know, a sentence each with what it is about; what is not there is not said."""
    evaluation = facts.get("evaluation") or {}
    rows = [*_other_sets(evaluation, facts["verdict"]), *_rivals(evaluation, facts["verdict"])]
    rows += [("Was it the data?", _of_now(facts.get("prove") or {}))]
    rows += [("Other abilities", _forgotten(facts.get("forgetting") or {})), ("Judge", (facts.get("win_rate") or {}).get("sentence"))]
    rows += [("Weakest", _weakest(facts.get("diagnosis") or {})), ("Rounds", _of_now(facts.get("iterate") or {}))]
    rows += [("Note", notice) for notice in facts.get("notices") or ()]
    return [{"about": about, **_parted(_sentence(said))} for about, said in rows if said]


def with_rivals(evaluation: Mapping[str, Any], decided: Mapping[str, Any]) -> list[str]:
    """Return the sentences about other sets, prompting and retrieval, each by what it is about."""
    return [f"{about}: {_sentence(said)}" for about, said in (*_other_sets(evaluation, decided), *_rivals(evaluation, decided))]


def _other_sets(evaluation: Mapping[str, Any], decided: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what the same comparison showed on passages and documents that training never used."""
    for one in evaluation.get("comparisons") or ():
        same = all(one[name] == decided[name] for name in ("metric", "first", "second"))
        if same and one["set"] != decided["set"] and one["set"] in ("test", "test_documents"):
            yield set_name(one["set"]).split(": ")[-1].capitalize(), one["sentence"]


def _rivals(evaluation: Mapping[str, Any], decided: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield the tuned model against prompting and against retrieval on the set that decides, and against retrieval on test."""
    for one in sorted(evaluation.get("comparisons") or (), key=lambda one: one["set"] == "test"):
        told, on_test = RIVALS.get(one["first"]), one["first"] == "with_passage" and one["set"] == "test"
        if told and one["second"] == "tuned" and one["metric"] == decided["metric"] and (on_test or one["set"] == decided["set"]):
            yield told + (", on test" if one["set"] != decided["set"] else ""), one["sentence"]


def _of_now(found: Mapping[str, Any]) -> str:
    """Return the sentence of what a command left, and that it is of other pairs if it is."""
    sentence = str(found.get("sentence") or "")
    return f"of another state of the pairs or the base: {sentence}" if sentence and found.get("stale") else sentence


def _forgotten(forgetting: Mapping[str, Any]) -> str:
    """Return what was forgotten; of a base that knew nothing else only that."""
    sentence = str(forgetting.get("sentence") or "")
    return sentence if forgetting.get("knew", True) else sentence.split("; ", maxsplit=1)[0]


def _weakest(diagnosis: Mapping[str, Any]) -> str:
    """Return how many answers are wrong, why, and which documents are the worst, of which it is said if most are about these."""
    if not diagnosis.get("wrong"):
        return ""
    why = ", ".join(f"{row['cause']} {row['n']}" for row in diagnosis["causes"])
    rows: Sequence[Mapping[str, Any]] = diagnosis["weak"]["document"]
    named = ", ".join(f"{row['name']} {row['wrong']} of {row['n']}" for row in rows[:3])
    lead = "most are about" if 2 * sum(row["wrong"] for row in rows[:3]) > diagnosis["wrong"] else "worst:"
    about = f"; {lead} {named}" if named else ""
    return f"{diagnosis['wrong']:,} of {diagnosis['n']:,} held-out answers are wrong ({why or 'no cause was found'}{about})"


def _parted(said: str) -> dict[str, str]:
    """Return a sentence, what it says first, and what stands behind it: its first words in brackets and all after them."""
    first, bracket, rest = said.partition(" (")
    return {"said": said, "first": first, "rest": f"({rest}" if bracket else ""}


def _sentence(said: str | None) -> str:
    text = (said or "").strip()
    if not text:
        return ""
    is_name = "." in text.split()[0].rstrip(".")  # of a field of the recipe
    first = text[:1] if is_name else text[:1].upper()
    return first + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
