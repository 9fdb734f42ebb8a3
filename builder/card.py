"""The dataset card: YAML for the Hub, then what people want to know before they use the pairs."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from builder.card_metadata import metadata
from builder.curation.diversity import diversity
from builder.figures_in_words import BROUGHT, generated, proved, second_test, table, variety
from schemas.records import SPLITS, Grounding, Pair, Split

COLUMNS = {
    "id": "content hash of the pair",
    "task": "kind of pair",
    "instruction": "the question",
    "input": "a text that the question is about, or empty",
    "output": "the response",
    "evidence": "verbatim quotes with their character spans (`start` inclusive, `end` exclusive) in the text of the document",
    "document": "path of the source document",
    "document_id": "content hash of the document, or empty",
    "chunk_id": "the passage, or empty; no passage of test is in train",
    "history": "earlier turns of the conversation (`role`, `content`), user first; `instruction` is the next",
    "grounding": "how the response rests on the documents: `quoted`, `absent` or `none`",
    "flags": "what a reviewer should know",
    "group": "wordings of one fact share a group",
    "form": "the question form that worded it",
    "generator": "what proposed the pair",
    "model": "the model at the endpoint, or empty",
    "scores": "JSON object of scores",
    "extra": "JSON object of the user's own fields",
}


DOCUMENTS = 100  # that are listed


def card(pairs: Sequence[Pair], facts: Mapping[str, Any], *, head: str = "") -> str:
    """Return the dataset card: YAML for the Hub (`head`, made of the pairs where it is not given), then what people want to know."""
    parts = {name: part for name, part in by_split(pairs).items() if part}
    company = str(facts.get("company", "the company"))
    leaks, certificate = (facts.get("counts", {}).get(name, {}) for name in ("leaks", "certificate"))
    sections = [
        f"---\n{head or metadata(pairs, facts)}---",
        f"# Instruction pairs from the documents of {company}",
        _summary(pairs),
        generated(pairs) if pairs else "",
        "## Splits",
        table(("split", "pairs", "what it holds"), [(name, f"{len(part):,}", _HOLDS[name]) for name, part in parts.items()]),
        f"{proved(certificate)} {second_test(certificate)}".strip() if certificate else "",
        table(("counted over the finished splits", "pairs"), [(name.replace("_", " "), count) for name, count in leaks.items()]),
        "## Tasks",
        table(("task", "pairs"), Counter(pair.task for pair in pairs).most_common()),
        "## Diversity" if pairs else "",
        table(("figure", "all pairs", "what it means"), variety(diversity(pairs))),
        "## Grounding",
        table(("grounding", "pairs", "what it means"), _groundings(pairs)),
        table(("flag", "pairs", "what it means"), _flags(pairs)),
        "## Provenance",
        _provenance(facts),
        _documents(pairs, facts),
        "## Columns",
        table(("column", "meaning"), [(f"`{name}`", meaning) for name, meaning in COLUMNS.items()]),
        "## One pair",
        f"```json\n{_shown(pairs[0])}\n```" if pairs else "There is none.",
        "## Limits",
        _limits(pairs),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


_GROUNDINGS: dict[Grounding, str] = {
    "quoted": "the evidence proves the response",
    "absent": "a search of all documents found no answer, and the response says so",
    "none": "about no document: a redirect, a general skill, or a pair that people wrote",
}
_FLAGS = {
    "fuzzy_quote": "a quote of the model is not verbatim; the evidence is the passage that reads almost like it",
    "held_out_document": "of a document of which nothing is in train",
}
_HOLDS: dict[str, str] = {
    "train": "what the model learns from",
    "validation": "passages of their own, for choosing settings",
    "test": "passages none of whose pairs is in train or validation",
    "paraphrase": "other wordings of facts that are in train",
}


def _groundings(pairs: Sequence[Pair]) -> list[tuple[str, int, str]]:
    counts = Counter(pair.grounding for pair in pairs)
    return [(name, counts[name], _GROUNDINGS[name]) for name in get_args(Grounding) if counts[name]]


def _flags(pairs: Sequence[Pair]) -> list[tuple[str, int, str]]:
    counts = Counter(flag for pair in pairs for flag in pair.flags)
    return [(f"`{flag}`", count, _FLAGS.get(flag, flag.replace("_", " "))) for flag, count in counts.most_common()]


def _provenance(facts: Mapping[str, Any]) -> str:
    version = f" {facts['version']}" if facts.get("version") else ""
    return (
        f"Made by kilopair{version}. Each row names its document, its passage, the quotes that prove it with their places, and who worded"
        " it; `croissant.json` describes the files for machines."
    )


def _documents(pairs: Sequence[Pair], facts: Mapping[str, Any]) -> str:
    """Return the documents with their hashes, those with the most pairs first."""
    counts = Counter(pair.provenance.document_id for pair in pairs)
    listed = sorted(facts.get("sources") or (), key=lambda one: (-counts[one["id"]], one["path"]))
    rows = [(one["path"], f"`{one['sha256'][:16]}`", counts[one["id"]]) for one in listed[:DOCUMENTS]]
    more = f"\n\nand {len(listed) - DOCUMENTS:,} more documents." if len(listed) > DOCUMENTS else ""
    return table(("document", "SHA-256 begins with", "pairs"), rows) + more


def _limits(pairs: Sequence[Pair]) -> str:
    worded = "Some of the questions" if any(pair.provenance.generator in BROUGHT for pair in pairs) else "The questions"
    lines = (
        "The responses say what the documents say, right or wrong, as of the day they were read.",
        f"{worded} were not worded by people. They are those that the documents answer, not those that people ask most.",
        "What the documents say about people may stand in the pairs: `kilopair check` lists personal data.",
    )
    terms = (
        "- The licence of the pairs is not known to kilopair. The terms of the source documents, and of the model where one was used,"
        " apply to the pairs; kilopair adds none."
    )
    return "\n".join([*(f"- {line}" for line in lines), terms])


def _shown(pair: Pair) -> str:
    row = pair.model_dump(mode="json", include={"instruction", "input", "output", *(("history",) if pair.history else ())})
    return json.dumps(row, ensure_ascii=False, indent=2)


def _summary(pairs: Sequence[Pair]) -> str:
    facts, documents = len({pair.group for pair in pairs}), len({pair.provenance.document_id for pair in pairs} - {""})
    makers = sorted(
        {
            "people" if pair.provenance.generator in BROUGHT else pair.provenance.model or f"the {pair.provenance.generator} generator"
            for pair in pairs
        }
    )
    which = "Every pair" if all(pair.grounding == "quoted" for pair in pairs) else "Every pair that is grounded in a quote"
    return (
        f"{len(pairs):,} pairs on {facts:,} facts from {documents:,} documents, worded by {', '.join(makers) or 'nobody'} and "
        f"chosen by kilopair. {which} carries verbatim evidence with its place in the source."
    )


def by_split(pairs: Iterable[Pair]) -> dict[Split, list[Pair]]:
    """Return the pairs of every split; a pair without a split is in train."""
    parts: dict[Split, list[Pair]] = {name: [] for name in SPLITS}
    for pair in pairs:
        parts[pair.split or "train"].append(pair)
    return parts
