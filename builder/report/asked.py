"""What the pairs ask: how groups of families share the set, how people graded the families, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from builder.balance import by_rules, group_of
from builder.grades import Standing
from generators.extractive.catalogue import Family, families, family_of, groups
from generators.extractive.doubts import told
from generators.extractive.forms import forms
from generators.extractive.other_languages import ENGLISH, languages
from generators.interface import is_doubtful
from schemas.records import Document, Pair

Asked = dict[str, Any]


def asked(
    valid: Sequence[Pair],
    chosen: Sequence[Pair],
    documents: Iterable[Document],
    standing: Mapping[str, Standing],
    left_out: Mapping[str, int],
) -> Asked:
    """Return the figures of the section, empty if rules made none of the pairs.

    Args:
        valid: the pairs that there were to choose from.
        chosen: those of the set.
        documents: what was read.
        standing: the families with their grades.
        left_out: drafts of each family that was switched off.
    """
    if not by_rules(valid) and not left_out:
        return {}
    let_in = any(is_doubtful(pair.flags) for pair in chosen)
    return {
        "groups": _groups([pair for pair in valid if let_in or not is_doubtful(pair.flags)], chosen),
        "families": _families(chosen, standing, left_out),
        "languages": _languages(documents),
        "doubts": [] if let_in else _doubts(valid),
    }


def _doubts(valid: Sequence[Pair]) -> list[dict[str, Any]]:
    """The facts that were left out because their answer may not be whole, by sign; a fact can have several."""
    facts = {(pair.group, flag) for pair in valid for flag in pair.flags if is_doubtful([flag])}
    return [{"sign": told([flag]), "facts": count} for flag, count in Counter(flag for _, flag in facts).most_common()]


def _groups(valid: Sequence[Pair], chosen: Sequence[Pair]) -> list[dict[str, Any]]:
    supply, had = Counter(map(group_of, valid)), Counter(map(group_of, chosen))
    facts = Counter(kind for kind, _ in {(group_of(pair), pair.group) for pair in chosen})
    rows = [(group.name, group.about, group.share) for group in groups().values()]
    rows += [("", "what no family holds", 0.0)] if supply[""] else []
    return [
        {
            "group": name or "other", "about": about, "supply": supply[name], "chosen": had[name], "facts": facts[name],
            "share": had[name] / max(1, len(chosen)), "aim": aim,
        }
        for name, about, aim in rows
    ]  # fmt: skip


def _families(chosen: Sequence[Pair], standing: Mapping[str, Standing], left_out: Mapping[str, int]) -> list[dict[str, Any]]:
    """The families that are in the set, graded or left out."""
    found = (family_of(pair.provenance.rule, pair.task) for pair in chosen)
    pairs = Counter(family.name for family in found if family)
    rows = [{**one.as_json(), "pairs": pairs[name], "left_out": left_out.get(name, 0)} for name, one in standing.items()]
    return [row for row in rows if row["pairs"] or row["graded"] or row["left_out"]]


def _languages(documents: Iterable[Document]) -> list[dict[str, Any]]:
    """Other languages than English: how many documents, and which families could be asked about them."""
    counts = Counter(str(document.metadata.get("language") or ENGLISH)[:2].lower() for document in documents)
    return [
        {"language": code, "documents": count, "families": [one.name for one in families().values() if _speaks(one, code)]}
        for code, count in counts.most_common()
        if code != ENGLISH
    ]


def _speaks(family: Family, language: str) -> bool:
    return language in languages() and any(forms(rule, language) for rule in family.rules)
