"""The facts of the report, gathered from the outputs of a run."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from builder.curation.ground_signs import SIGNS
from builder.grades import read_grades, standings
from builder.report.asked import Asked, asked
from builder.report.chosen import chosen
from builder.report.places import Places
from builder.step import ANSWERS, EVALUATION, QUARANTINE, Step
from builder.store import read_json, read_records
from schemas.records import SPLITS, Chunk, Document, Dropped, Grounding, Pair

EXAMPLES_OF_A_REASON = 3
SET_NAMES = {
    "paraphrase": "paraphrase: other wordings of facts that are in train",
    "paraphrase_seen": "paraphrase, question form seen with other facts",
    "paraphrase_unseen": "paraphrase, question form never seen",
    "test": "test: passages that no training pair uses",
    "test_documents": "test: documents of which nothing is in train",
}


@dataclass(frozen=True)
class Facts:
    """Everything that the report says; `as_json` is report.json."""

    company: str
    generator: str
    base: str
    base_read_the_documents: bool
    funnel: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    grounding: list[dict[str, Any]]
    flags: dict[str, int]
    rules: dict[str, int]
    openings: list[dict[str, Any]]
    asked: Asked
    lengths: dict[str, list[int]]
    splits: dict[str, int]
    chosen: dict[str, Any]
    leaks: dict[str, int]
    base_figures: dict[str, Any]
    train_figures: dict[str, Any]
    evaluation: dict[str, Any]
    examples: dict[str, list[dict[str, Any]]]
    seconds: dict[str, float]
    exported: dict[str, dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return asdict(self)


def gather(step: Step) -> Facts:
    """Collect the facts of all stages before the report."""
    outputs = step.work.outputs
    documents, chunks, pairs = step.documents(), step.chunks(), step.pairs("split")
    counts = {name: output.counts for name, output in outputs.items()}
    quarantine = [output.folder / QUARANTINE for output in outputs.values()]
    dropped = [record for path in quarantine if path.exists() for record in read_records(path, Dropped)]
    evaluated, places = outputs["evaluate"].folder, Places.of(documents, chunks)
    return Facts(
        company=step.recipe.company,
        generator=step.recipe.generate.generator,
        base=step.recipe.train.base,
        base_read_the_documents=step.recipe.train.base == "embedded",
        funnel=funnel(counts),
        reasons=reasons(dropped),
        coverage=coverage(documents, chunks, pairs),
        tasks=task_mix(pairs),
        grounding=grounding(pairs),
        flags=dict(Counter(flag for pair in pairs for flag in pair.flags if flag not in SIGNS).most_common()),
        rules=dict(Counter(pair.form.split("/")[0] for pair in pairs).most_common()),
        openings=openings(pairs),
        asked=asked(
            step.pairs("validate"),
            pairs,
            documents,
            standings(step.recipe, read_grades(step.work.folder)),
            counts["generate"].get("left_out", {}),
        ),
        lengths={"question": [words(pair.instruction) for pair in pairs], "response": [words(pair.output) for pair in pairs]},
        splits={name: counts["split"][name] for name in SPLITS},
        chosen=chosen(step, pairs, dropped, places),
        leaks=counts["split"]["leaks"],
        base_figures=counts["pretrain"],
        train_figures=counts["train"],
        evaluation=read_json(evaluated / EVALUATION),
        examples=examples(read_json(evaluated / ANSWERS), places, pairs),
        seconds={name: round(output.seconds, 2) for name, output in outputs.items()},
        exported=counts.get("package", {}).get("gguf", {}),
    )


def funnel(counts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the way from files to chosen pairs: name, how many, and how many left there."""
    left = {name: sum(figures.get("dropped", {}).values()) for name, figures in counts.items()}
    unsound = counts["validate"]["kept"] - counts["curate"]["sure"]
    duplicates = counts["curate"]["sure"] - counts["curate"]["distinct"]
    rows = [
        ("files", counts["read"]["in"], left["read"]),
        ("documents", counts["read"]["kept"], 0),
        ("chunks", counts["chunk"]["chunks"], counts["chunk"]["chunks"] - counts["generate"]["chunks_with_drafts"]),
        ("chunks with drafts", counts["generate"]["chunks_with_drafts"], 0),
        ("drafts", counts["generate"]["kept"], left["validate"]),
        ("valid pairs", counts["validate"]["kept"], unsound),
        ("sound pairs", counts["curate"]["sure"], duplicates),
        ("distinct pairs", counts["curate"]["distinct"], left["curate"] - duplicates - unsound),
        ("chosen pairs", counts["curate"]["kept"], 0),
    ]
    return [{"name": name, "count": count, "left": gone} for name, count, gone in rows]


def reasons(dropped: Sequence[Dropped]) -> list[dict[str, Any]]:
    """Return how many records left at which stage for which reason, with a few of them."""
    groups: dict[tuple[str, str], list[Dropped]] = defaultdict(list)
    for record in dropped:
        groups[record.stage, str(record.reason)].append(record)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [
        {
            "stage": stage,
            "reason": reason,
            "count": len(records),
            "examples": [_example(record) for record in records[:EXAMPLES_OF_A_REASON]],
        }
        for (stage, reason), records in ordered
    ]


def _example(record: Dropped) -> dict[str, str]:
    text = record.record.get("instruction") or record.record.get("text") or record.record.get("path") or record.id
    return {"text": " ".join(str(text).split())[:160], "detail": record.detail[:200]}


def coverage(documents: Sequence[Document], chunks: Sequence[Chunk], pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return per document how many chosen pairs each of its chunks has, in order."""
    per_chunk = Counter(pair.provenance.chunk_id for pair in pairs)
    by_document: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        by_document[chunk.document_id].append(chunk)
    return [
        {
            "path": document.path,
            "words": words(document.text),
            "pairs": sum(per_chunk[chunk.id] for chunk in by_document[document.id]),
            "chunks": [
                {"heading": " › ".join(chunk.heading_path[-2:]), "pairs": per_chunk[chunk.id]} for chunk in by_document[document.id]
            ],
        }
        for document in documents
    ]  # fmt: skip


def task_mix(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return how many pairs of each task each split has."""
    table = Counter((pair.task, pair.split) for pair in pairs)
    totals = Counter(pair.task for pair in pairs)
    return [{"task": task, "all": total, **{name: table[task, name] for name in SPLITS}} for task, total in totals.most_common()]


def grounding(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return how many pairs rest on the documents in which way, and how many of them end a conversation."""
    counts = Counter(pair.grounding for pair in pairs)
    talks = Counter(pair.grounding for pair in pairs if pair.history)
    return [
        {"grounding": name, "count": counts[name], "share": counts[name] / len(pairs), "conversations": talks[name]}
        for name in get_args(Grounding)
        if counts[name]
    ]


def openings(pairs: Sequence[Pair], most: int = 10) -> list[dict[str, Any]]:
    """Return the most frequent first three words of the questions with their share."""
    first = Counter(" ".join(pair.instruction.split()[:3]) for pair in pairs)
    return [{"opening": opening, "share": count / len(pairs)} for opening, count in first.most_common(most)]


def examples(answers: Sequence[dict[str, Any]], places: Places, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the answers by held-out set, each with the place in the source that supports it."""
    by_id = {pair.id: pair for pair in pairs}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for answer in answers:
        pair = by_id[answer["pair_id"]]
        shown = {"task": pair.task, "grounding": pair.grounding, "flags": list(pair.flags), "source": places.of_pair(pair)}
        found[answer["set"]].append({**answer, **shown})
    return dict(found)


def words(text: str) -> int:
    """Count words as a person would."""
    return len(text.split())
