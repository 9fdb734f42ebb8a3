"""Pairs for other tools: a Hugging Face dataset with its card, and the files that trainers and APIs expect.

Every format says the same thing: the user says the instruction, then the input if there is one; the assistant says the
response. TRL trains on the completion alone for prompt and completion columns, but on everything for messages.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from builder.store import sync, write_text
from schemas.errors import UsageError
from schemas.records import SPLITS, Pair, Split

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

Row = dict[str, Any]

COLUMNS = {
    "id": "content hash of the pair",
    "task": "kind of pair",
    "instruction": "the question",
    "input": "a text that the question is about, or empty",
    "output": "the response",
    "evidence": "verbatim quotes with their character spans (`start` inclusive, `end` exclusive) in the text of the document",
    "document": "path of the source document",
    "document_id": "content hash of its text",
    "chunk_id": "the passage; no passage of test is in train",
    "group": "wordings of one fact share a group",
    "form": "the question form that worded it",
    "generator": "what proposed the pair",
    "model": "the model at the endpoint, or empty",
    "scores": "JSON object of scores",
    "extra": "JSON object of the user's own fields",
}


def user_message(pair: Pair) -> str:
    """Return what the user says: the instruction, a blank line and the input if there is one."""
    return f"{pair.instruction}\n\n{pair.input}" if pair.input else pair.instruction


def messages(pair: Pair) -> list[dict[str, str]]:
    """Return the pair as a conversation of two turns."""
    return [{"role": "user", "content": user_message(pair)}, {"role": "assistant", "content": pair.output}]


def _alpaca(pair: Pair) -> Row:
    return {"instruction": pair.instruction, "input": pair.input, "output": pair.output}


def _prompt_completion(pair: Pair) -> Row:
    user, assistant = messages(pair)
    return {"prompt": [user], "completion": [assistant]}  # as turns, so that the model's own chat template is applied


def _messages(pair: Pair) -> Row:
    return {"id": pair.id, "messages": messages(pair)}


def _sharegpt(pair: Pair) -> Row:
    turns = [{"from": "human", "value": user_message(pair)}, {"from": "gpt", "value": pair.output}]
    return {"id": pair.id, "conversations": turns}


def _openai(pair: Pair) -> Row:
    return {"messages": messages(pair)}  # the API refuses any other key


FORMATS: dict[str, tuple[str, Callable[[Pair], Row]]] = {
    "alpaca": ("json", _alpaca),
    "prompt-completion": ("jsonl", _prompt_completion),
    "messages": ("jsonl", _messages),
    "sharegpt": ("json", _sharegpt),
    "openai": ("jsonl", _openai),
}


def export(pairs: Iterable[Pair], form: str, folder: Path) -> list[Path]:
    """Write `SPLIT.FORMAT.json` or `.jsonl` for every split that has pairs; return the paths.

    Raises:
        UsageError: there is no such format.
    """
    if form not in FORMATS:
        raise UsageError(f"{form}: no such format; there are {', '.join(FORMATS)}")
    suffix, row = FORMATS[form]
    written: list[Path] = []
    for name, part in _by_split(pairs).items():
        path = folder / f"{name}.{form}.{suffix}"
        if part:
            write_text(path, _encoded(map(row, part), suffix))
            written.append(path)
        else:
            path.unlink(missing_ok=True)  # of an earlier export
    return written


def to_dataset(pairs: Iterable[Pair], *, documents: Mapping[str, str] | None = None) -> "DatasetDict":
    """Return the pairs as a Hugging Face dataset, one column per field; pairs without a split are train.

    Args:
        pairs: the chosen ones.
        documents: the paths of the documents by id.
    """
    from datasets import Dataset, DatasetDict

    features = _features()
    paths = documents or {}
    return DatasetDict(
        {
            name: Dataset.from_list([_row(pair, paths) for pair in part], features=features)
            for name, part in _by_split(pairs).items()
            if part
        }
    )


def save_dataset(pairs: Iterable[Pair], folder: Path, *, facts: Mapping[str, Any]) -> list[Path]:
    """Write `data/SPLIT-00000-of-00001.parquet` and the card, as the Hub and `load_dataset(str(folder))` expect them.

    Args:
        pairs: the chosen ones.
        folder: where to; its name must not be that of a Python file inside it.
        facts: for the card: company, documents (paths by id) and counts.
    """
    listed = list(pairs)
    dataset = to_dataset(listed, documents=facts.get("documents"))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    written = [_write_parquet(part, folder / "data" / f"{name}-00000-of-00001.parquet") for name, part in dataset.items()]
    for stale in set((folder / "data").glob("*.parquet")) - set(written):
        stale.unlink()
    write_text(folder / "README.md", card(listed, facts))
    return [*written, folder / "README.md"]


def card(pairs: Sequence[Pair], facts: Mapping[str, Any]) -> str:
    """Return the dataset card: YAML for the Hub, then what people want to know."""
    parts = {name: part for name, part in _by_split(pairs).items() if part}
    company = str(facts.get("company", "the company"))
    leaks = facts.get("counts", {}).get("leaks", {})
    sections = [
        f"---\n{yaml.safe_dump(_metadata(parts, company), sort_keys=False, allow_unicode=True)}---",
        f"# Instruction pairs from the documents of {company}",
        _summary(pairs),
        "## Splits",
        _table(("split", "pairs", "what it holds"), [(name, f"{len(part):,}", _HOLDS[name]) for name, part in parts.items()]),
        _table(("counted over the finished splits", "pairs"), [(name.replace("_", " "), count) for name, count in leaks.items()]),
        "## Tasks",
        _table(("task", "pairs"), Counter(pair.task for pair in pairs).most_common()),
        "## Columns",
        _table(("column", "meaning"), [(f"`{name}`", meaning) for name, meaning in COLUMNS.items()]),
        "## One pair",
        f"```json\n{json.dumps(_alpaca(pairs[0]), ensure_ascii=False, indent=2)}\n```" if pairs else "There is none.",
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


_LIMITS = """\
The responses say what the documents say, right or wrong, as of the day they were read. The questions were not worded by
people. The terms of the source documents, and of the model where one was used, apply to the pairs; kilopair adds none."""
_HOLDS: dict[str, str] = {
    "train": "what the model learns from",
    "validation": "passages of their own, for choosing settings",
    "test": "passages none of whose pairs is in train or validation",
    "paraphrase": "other wordings of facts that are in train",
}


def _metadata(parts: Mapping[str, Sequence[Pair]], company: str) -> dict[str, Any]:
    total = sum(map(len, parts.values()))
    sizes = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return {
        "pretty_name": f"Instruction pairs of {company}",
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"],
        "task_categories": ["text-generation", "question-answering"],
        "size_categories": [next((name for limit, name in sizes if total < limit), "n>1M")],
        "tags": ["synthetic", "sft", "instruction-tuning", "kilopair"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": name, "path": f"data/{name}-00000-of-00001.parquet"} for name in parts]}
        ],
    }


def _summary(pairs: Sequence[Pair]) -> str:
    facts, documents = len({pair.group for pair in pairs}), len({pair.provenance.document_id for pair in pairs})
    makers = sorted({pair.provenance.model or f"the {pair.provenance.generator} generator" for pair in pairs})
    return (
        f"{len(pairs):,} pairs on {facts:,} facts from {documents:,} documents, worded by {', '.join(makers) or 'nobody'} and "
        "chosen by kilopair. Every pair carries verbatim evidence with its place in the source."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    if len(lines) == 2:
        return ""
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _by_split(pairs: Iterable[Pair]) -> dict[Split, list[Pair]]:
    parts: dict[Split, list[Pair]] = {name: [] for name in SPLITS}
    for pair in pairs:
        parts[pair.split or "train"].append(pair)
    return parts


def _encoded(rows: Iterable[Row], suffix: str) -> str:
    if suffix == "json":
        return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _features() -> "Features":
    from datasets import Features, List, Value

    text = Value("string")
    span = {"document_id": text, "start": Value("int64"), "end": Value("int64"), "quote": text}
    return Features(dict.fromkeys(COLUMNS, text) | {"evidence": List(span)})


def _row(pair: Pair, documents: Mapping[str, str]) -> Row:
    origin = pair.provenance
    row = pair.model_dump(mode="json", include={"id", "task", "instruction", "input", "output", "evidence", "group", "form"}) | {
        "document": documents.get(origin.document_id, ""),
        "document_id": origin.document_id,
        "chunk_id": origin.chunk_id,
        "generator": origin.generator,
        "model": origin.model or "",
        "scores": json.dumps(pair.scores, sort_keys=True),
        "extra": json.dumps(pair.extra, ensure_ascii=False, sort_keys=True),
    }
    return {name: row[name] for name in COLUMNS}


def _write_parquet(part: "Dataset", path: Path) -> Path:
    from pyarrow.parquet import write_table

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    write_table(part.data.table, temporary)  # Dataset.to_parquet would draw its own progress bar
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)
    return path
