"""Pairs for other tools: a Hugging Face dataset with its card, and the files that trainers and APIs expect.

Every format says the same thing: after the earlier turns of a conversation the user says the instruction, then the input if
there is one; the assistant says the response. TRL trains on the completion alone for prompt and completion columns, but on
everything for messages.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.card import COLUMNS, by_split, card
from builder.card_metadata import metadata, place
from builder.croissant import FILE, croissant
from builder.store import sync, write_json, write_text
from schemas.errors import UsageError
from schemas.records import Document, Pair
from schemas.review import Texts

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

Row = dict[str, Any]


def user_message(pair: Pair | Texts) -> str:
    """Return what the user says: the instruction, a blank line and the input if there is one."""
    return f"{pair.instruction}\n\n{pair.input}" if pair.input else pair.instruction


def messages(pair: Pair | Texts) -> list[dict[str, str]]:
    """Return the pair as a conversation that ends with its response."""
    said = [turn.model_dump() for turn in pair.history]
    return [*said, {"role": "user", "content": user_message(pair)}, {"role": "assistant", "content": pair.output}]


def _alpaca(pair: Pair) -> Row:
    return {"instruction": pair.instruction, "input": pair.input, "output": pair.output}


def _alpaca_with_history(pair: Pair) -> Row:
    """Alpaca's row with the earlier turns as LLaMA-Factory reads them: what was asked, what was answered."""
    said = [turn.content for turn in pair.history]
    return _alpaca(pair) | {"history": [list(turns) for turns in zip(said[::2], said[1::2], strict=True)]}


def _prompt_completion(pair: Pair) -> Row:
    *prompt, assistant = messages(pair)
    return {"prompt": prompt, "completion": [assistant]}  # as turns, so that the model's own chat template is applied


def _messages(pair: Pair) -> Row:
    return {"id": pair.id, "messages": messages(pair)}


def _sharegpt(pair: Pair) -> Row:
    names = {"user": "human", "assistant": "gpt"}
    return {"id": pair.id, "conversations": [{"from": names[turn["role"]], "value": turn["content"]} for turn in messages(pair)]}


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
    listed = list(pairs)
    if row is _alpaca and any(pair.history for pair in listed):
        row = _alpaca_with_history
    written: list[Path] = []
    for name, part in by_split(listed).items():
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
        {name: Dataset.from_list([_row(pair, paths) for pair in part], features=features) for name, part in by_split(pairs).items() if part}
    )


def facts_of(documents: Iterable[Document], *, company: str, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `save_dataset` is told of a run: the documents with their hashes, their languages, the version, the counts."""
    listed = list(documents)
    found = Counter(str(document.metadata.get("language") or "en")[:2].lower() for document in listed)
    return {
        "company": company,
        "documents": {document.id: document.path for document in listed},
        "sources": [{"id": document.id, "path": document.path, "sha256": document.sha256} for document in listed],
        "languages": [code for code, _ in found.most_common()],
        "version": version("kilopair"),
        "counts": counts,
    }


def save_dataset(pairs: Iterable[Pair], folder: Path, *, facts: Mapping[str, Any]) -> list[Path]:
    """Write `data/SPLIT-00000-of-00001.parquet`, the card and `croissant.json`, as the Hub and `load_dataset(str(folder))` expect them.

    Args:
        pairs: the chosen ones.
        folder: where to; its name must not be that of a Python file inside it.
        facts: for the card: company, documents (paths by id) and counts; languages, sources and version where they are known.
    """
    listed = list(pairs)
    dataset = to_dataset(listed, documents=facts.get("documents"))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    written = [_write_parquet(part, folder / place(str(name))) for name, part in dataset.items()]
    for stale in set((folder / "data").glob("*.parquet")) - set(written):
        stale.unlink()
    head = metadata(listed, facts, dataset=dataset, folder=folder) if listed else ""
    write_text(folder / "README.md", card(listed, facts, head=head))
    write_json(folder / FILE, croissant(listed, facts, folder=folder, columns=COLUMNS))
    return [*written, folder / "README.md", folder / FILE]


def _encoded(rows: Iterable[Row], suffix: str) -> str:
    if suffix == "json":
        return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _features() -> "Features":
    from datasets import Features, List, Value

    text = Value("string")
    span = {"document_id": text, "start": Value("int64"), "end": Value("int64"), "quote": text}
    turn = {"role": text, "content": text}
    return Features(dict.fromkeys(COLUMNS, text) | {"evidence": List(span), "history": List(turn), "flags": List(text)})


def _row(pair: Pair, documents: Mapping[str, str]) -> Row:
    origin = pair.provenance
    row = pair.model_dump(mode="json", include=set(COLUMNS)) | {
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
