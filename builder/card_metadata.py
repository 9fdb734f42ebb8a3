"""The YAML at the head of the dataset card, as the Hub and `load_dataset` read it: written by their own writers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.figures_in_words import BROUGHT
from schemas.records import SPLITS, Pair

if TYPE_CHECKING:
    from datasets import DatasetDict

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
UNKNOWN = "unknown"  # the licence of the pairs: package.license is that of the tuned model


def place(split: str) -> str:
    """Return where the rows of a split lie in the folder of the dataset."""
    return f"data/{split}-00000-of-00001.parquet"


def metadata(pairs: Sequence[Pair], facts: Mapping[str, Any], *, dataset: "DatasetDict | None" = None, folder: Path | None = None) -> str:
    """Return the YAML.

    Args:
        pairs: the rows.
        facts: company; languages of the documents where they are known.
        dataset: the rows as columns, for `dataset_info`.
        folder: where its Parquet files lie.
    """
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    made = {pair.provenance.generator in BROUGHT for pair in pairs}
    splits = dict.fromkeys(pair.split or "train" for pair in pairs)
    found = DatasetCardData(
        pretty_name=f"Instruction pairs of {facts.get('company', 'the company')}",
        language=list(facts.get("languages") or ()) or None,
        license=UNKNOWN,
        annotations_creators=[name for is_brought, name in ((False, "machine-generated"), (True, "found")) if is_brought in made],
        source_datasets=["original"],
        task_categories=["text-generation", "question-answering"],
        size_categories=[next((name for limit, name in SIZES if len(pairs) < limit), "n>1M")],
        tags=["synthetic", "sft", "instruction-tuning", "kilopair", "croissant"],
    )
    if dataset is not None and folder is not None:
        _info(dataset, folder).to_dataset_card_data(found)
    if splits:
        files = [{"split": name, "path": place(name)} for name in SPLITS if name in splits]
        MetadataConfigs({"default": {"data_files": files}}).to_dataset_card_data(found)
    return found.to_yaml() + "\n"


def _info(dataset: "DatasetDict", folder: Path) -> Any:
    """Return columns, rows and bytes of every split."""
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict

    splits = SplitDict()
    for name, part in dataset.items():
        splits[str(name)] = SplitInfo(name=str(name), num_bytes=part.data.nbytes, num_examples=part.num_rows)
    info = DatasetInfo(features=next(iter(dataset.values())).features, splits=splits)
    info.download_size = sum((folder / place(str(name))).stat().st_size for name in dataset)
    info.dataset_size = sum(part.num_bytes for part in splits.values())
    return DatasetInfosDict({"default": info})
