"""The dataset described for machines: Croissant 1.1 (MLCommons, JSON-LD) with the fields for responsible AI (RAI)."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.card_metadata import UNKNOWN, place
from builder.figures_in_words import generated
from schemas.records import SPLITS, Pair

FILE = "croissant.json"
DOCUMENTS = 200  # that are named
CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty", "fileObject",
            "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
            "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "sc": "https://schema.org/",
}  # fmt: skip
_LISTS = {"evidence", "history", "flags"}  # columns that hold lists
_SPANS = {"evidence": ("document_id", "start", "end", "quote"), "history": ("role", "content")}
_NUMBERS = {"start", "end"}


def croissant(pairs: Sequence[Pair], facts: Mapping[str, Any], *, folder: Path, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the description of a dataset whose Parquet files lie in `folder`.

    Args:
        pairs: the rows.
        facts: company; languages, sources (documents with path and sha256) and the version of kilopair where known.
        folder: of the dataset.
        columns: what each column means.
    """
    splits = [name for name in SPLITS if (folder / place(name)).exists()]
    company = str(facts.get("company", "the company"))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": f"Instruction pairs of {company}",
        "description": f"{len(pairs):,} instruction pairs from the documents of {company}, with verbatim evidence. {generated(pairs)}",
        "license": UNKNOWN,
        "inLanguage": list(facts.get("languages") or ()),
        "keywords": ["instruction tuning", "question answering", "kilopair"],
        "creator": {"@type": "sc:Organization", "name": company},
        "citeAs": f"Instruction pairs from the documents of {company}, made by kilopair",
        "version": "1.0.0",
        "isLiveDataset": False,
        **_responsible(pairs, facts),
        "distribution": [_file(folder, name) for name in splits],
        "recordSet": [_splits(splits), *(_records(name, columns) for name in splits)],
    }


def _responsible(pairs: Sequence[Pair], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what RAI asks for, as far as it is known; nothing is guessed."""
    sources = facts.get("sources") or ()
    from_where = f"{len(sources):,} documents of the company were read" if sources else "documents of the company were read"
    leaks = (facts.get("counts") or {}).get("leaks") or {}
    counted = f" Counted over the finished splits, {sum(leaks.values())} pairs leak." if leaks else ""
    return {
        "rai:dataCollection": f"{from_where} and cut into passages; pairs were proposed from these. {generated(pairs)}",
        "rai:dataCollectionType": ["Secondary Data Analysis", "Others"],
        "rai:dataCollectionRawData": _raw(sources),
        "rai:dataPreprocessingProtocol": [
            "Every pair was checked against a schema, and its evidence located as character spans of its document.",
            "Near copies, contradictions and what no passage supports were dropped; all of it is kept with its reason in quarantine.jsonl.",
            f"Pairs that share a passage, a fact or a near question stand in one split.{counted}",
        ],
        "rai:machineAnnotationTools": sorted({pair.provenance.model or f"kilopair ({pair.provenance.generator})" for pair in pairs}),
        "rai:dataUseCases": [
            "Supervised fine-tuning of a language model on the company's documents",
            "Closed-book and open-book question answering",
        ],
        "rai:dataLimitations": [
            "Responses say what the documents say, right or wrong, as of the day they were read.",
            "Questions are those that the documents answer, not those that people ask most.",
            "Facts that no pair asks about are not covered.",
        ],
        "rai:dataBiases": ["Documents with more text that can be asked about have more pairs, up to a limit."],
        "rai:personalSensitiveInformation": [
            "What the documents say about people may stand in the pairs; kilopair check lists personal data, and findings can mask it."
        ],
        "rai:dataReleaseMaintenancePlan": "Run kilopair again when the documents change; unchanged documents are not asked about again.",
    }


def _raw(sources: Sequence[Mapping[str, str]]) -> str:
    """Return the documents with their hashes, the first of them if there are many."""
    named = "; ".join(f"{one['path']} (SHA-256 {one['sha256']})" for one in sources[:DOCUMENTS])
    return f"{named or 'the documents of the company'}{'; and others' if len(sources) > DOCUMENTS else ''}"


def _file(folder: Path, split: str) -> dict[str, Any]:
    raw = (folder / place(split)).read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": f"{split}.parquet",
        "name": f"{split}.parquet",
        "description": f"The pairs of {split}.",
        "contentUrl": place(split),
        "contentSize": f"{len(raw)} B",
        "encodingFormat": "application/x-parquet",
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def _splits(splits: Sequence[str]) -> dict[str, Any]:
    """Return the record set that names the splits, as Croissant wants it."""
    name = {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"}
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [name],
        "data": [{"splits/name": split} for split in splits],
    }


def _records(split: str, columns: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"One record for every pair of {split}.",
        "key": {"@id": f"{split}/id"},
        "field": [_field(split, name, meaning) for name, meaning in columns.items()],
    }


def _field(split: str, column: str, meaning: str) -> dict[str, Any]:
    name = f"{split}/{column}"
    field = {"@type": "cr:Field", "@id": name, "name": column, "description": meaning}
    source = {"fileObject": {"@id": f"{split}.parquet"}, "extract": {"column": column}}
    many = {"isArray": True, "arrayShape": "-1"} if column in _LISTS else {}
    if column not in _SPANS:
        return field | {"dataType": "sc:Text", "source": source} | many
    parts = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{part}",
            "name": part,
            "dataType": "sc:Integer" if part in _NUMBERS else "sc:Text",
            "source": {**source, "transform": {"jsonPath": part}},
        }
        for part in _SPANS[column]
    ]
    return field | {"subField": parts} | many
