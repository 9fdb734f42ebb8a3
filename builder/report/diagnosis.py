"""What is weak: where answers are wrong and why, what the base and the tuned model know, and which pairs look bad."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

from schemas.diagnosis import CAUSES, LEVELS, Cause, Level

KNOWN: dict[Level, str] = {
    "highly_known": "always right",
    "maybe_known": "sometimes right",
    "weakly_known": "right only when sampled",
    "unknown": "never right",
}
CAUSE_ORDER: tuple[Cause, ...] = ("not_stopped", "cut", "never_taught", "taught_otherwise", "form_unseen", "not_learnt")
NAMES, FAILURES, SUSPECTS, LONGEST = 10, 12, 10, 180  # rows that are shown, and characters of a response
_PAIR = re.compile(r"pair-[0-9a-f]{16}")


def diagnosis(found: Mapping[str, Any], texts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the section's figures, empty without a diagnosis.

    Args:
        found: diagnosis.json.
        texts: question and response of every pair by its id.
    """
    if not found:
        return {}
    table = [[int(count) for count in row] for row in found.get("transitions") or ()]
    weak, suspects = found.get("weak") or {}, found.get("suspects") or ()
    failures = _by_fact(found.get("failures") or ())
    return {
        "n": found.get("n"),
        "wrong": found.get("wrong"),
        "causes": [{"cause": CAUSES.get(name, name), "n": count} for name, count in (found.get("causes") or {}).items() if count],
        "classes": [{"class": name, "name": KNOWN[name]} for name in LEVELS],
        "transitions": table,
        **_moves(table),
        "probe": dict(found.get("probe") or {}),
        "weak": {name: _worst(weak.get(f"by_{name}") or ()) for name in ("document", "section", "task", "form")},
        "failures": [_failure(one, texts) for one in failures[:FAILURES]],
        "failing": len(failures),
        "suspects": [_suspect(one, texts) for one in suspects[:SUSPECTS]],
        "suspected": len(suspects),
        "notices": list(found.get("notices") or ()),
    }


def _moves(table: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return how many facts the tuned model knows better or worse than the base; rows and columns go from best known to unknown."""
    cells = [(row, column, count) for row, counts in enumerate(table) for column, count in enumerate(counts)]
    total = sum(count for _, _, count in cells)
    if not total:
        return {"gained": 0, "lost": 0, "total": 0, "most": 1, "sentence": ""}
    gained = sum(count for row, column, count in cells if column < row)
    lost = sum(count for row, column, count in cells if column > row)
    never = sum(row[-1] for row in table)
    said = f"of {total:,} facts, the tuned model knows {gained:,} better than the base and {lost:,} worse; {never:,} it never gets right"
    return {"gained": gained, "lost": lost, "total": total, "most": max(count for _, _, count in cells), "sentence": said}


def _worst(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parts that take the most of all wrong answers, of equal ones those that are wrong most often."""
    wrong = [dict(row) for row in rows if row["wrong"]]
    return sorted(wrong, key=lambda row: (-row["wrong"] * row["share"], row["name"]))[:NAMES]


def _by_fact(failures: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return failures by cause and fact, what breaks every answer first; wordings of one fact stand together."""
    order = {name: place for place, name in enumerate(CAUSE_ORDER)}
    facts: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in sorted(failures, key=lambda one: (order.get(one["cause"], len(order)), one["document"], one["pair_id"])):
        facts[one["cause"], one["group"]].append(one)
    return list(facts.values())


def _failure(wordings: Sequence[Mapping[str, Any]], texts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    one = wordings[0]
    question, reference = texts.get(one["pair_id"], ("", ""))
    nearest = [texts[near["pair_id"]][0] for near in one.get("nearest") or () if near["pair_id"] in texts]
    return {
        "pair_id": one["pair_id"],
        "question": question,
        "reference": shorten(reference, LONGEST, placeholder=" …"),
        "wordings": len(wordings),
        "cause": CAUSES.get(one["cause"], one["cause"]),
        "reason": _told(str(one.get("reason", "")), texts),
        "document": one["document"],
        "section": " › ".join(one.get("section") or ()),
        "taught": len(one.get("taught") or ()),
        "nearest": nearest[:2],
    }


def _told(reason: str, texts: Mapping[str, tuple[str, str]]) -> str:
    """Return a reason with the questions of the pairs that it names instead of their ids."""
    return _PAIR.sub(lambda found: f"“{texts[found[0]][0]}”" if found[0] in texts else found[0], reason)


def _suspect(one: Mapping[str, Any], texts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    question, response = texts.get(one["pair_id"], ("", ""))
    other = texts.get(str(one.get("other") or ""), ("", ""))
    return {
        "pair_id": one["pair_id"],
        "question": question,
        "response": shorten(response, LONGEST, placeholder=" …"),
        "reason": _told(str(one.get("reason", "")), texts),
        "loss": one.get("loss"),
        "other": {"question": other[0], "response": shorten(other[1], LONGEST, placeholder=" …")} if other[0] else {},
    }
