"""The pairs to preview and the tokenizer that reads them, from a run that has come as far as the split, or from any file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.model_stages import base_folder, check_base, with_template
from builder.step import DOCUMENTS, PAIRS
from builder.store import read_records
from builder.workspace import Output
from schemas.errors import InputError, WorkspaceError
from schemas.recipe import Recipe
from schemas.records import Document, Dropped, Pair
from schemas.training import TrainSection


@dataclass(frozen=True)
class Gathered:
    """What a preview is made of; `limit` is the most tokens of a row, None where the model sets no limit."""

    pairs: list[Pair]
    tokenizer: Any
    section: TrainSection
    limit: int | None
    base: str
    dropped: int = 0


def of_run(recipe: Recipe, root: Path) -> Gathered:
    """Gather from the workspace of a recipe; makes nothing, so it needs a run that has come as far as the split.

    Raises:
        WorkspaceError: the split is not done or out of date.
        RecipeError: the base or the template does not exist.
    """
    from builder.pipeline import status

    outputs = status(recipe, root)
    divided = outputs["split"]
    if divided is None:
        raise WorkspaceError("the pairs are not divided yet, or out of date; run kilopair split first, then look at the preview")
    section, _ = with_template(recipe.train, root)
    pairs = list(read_records(divided.folder / PAIRS, Pair))
    tokenizer, context, base = _model_of(recipe, root, outputs)
    return Gathered(pairs, tokenizer, section, _limit(section, context), base)


def of_file(path: Path, mapping: Mapping[str, str], section: TrainSection, base: str) -> Gathered:
    """Gather from a file of pairs of any shape; rows that hold no pair are counted.

    Raises:
        InputError: the file cannot be read or holds no pair, or there is no such model.
        RecipeError: the template does not exist.
    """
    from builder.curation.importing import import_pairs
    from builder.curation.table import table

    records = list(import_pairs(table(path), mapping))
    pairs = [record for record in records if not isinstance(record, Dropped)]
    if not pairs:
        raise InputError(f"{path}: none of its {len(records)} rows is a pair; kilopair import {path} says why")
    section, _ = with_template(section, Path())
    tokenizer, context = _loaded(base)
    return Gathered(pairs, tokenizer, section, _limit(section, context), base, dropped=len(records) - len(pairs))


def _model_of(recipe: Recipe, root: Path, outputs: Mapping[str, Output | None]) -> tuple[Any, int | None, str]:
    made = outputs["pretrain"]
    if made is not None:
        return *_loaded(base_folder(made)), recipe.train.base
    if recipe.train.base != "embedded":
        found = check_base(recipe, root)
        return *_loaded(str(found) if found.is_dir() else recipe.train.base), recipe.train.base
    from trainer.tokenizer import make_tokenizer

    read = outputs["read"]
    texts = [document.text for document in read_records(read.folder / DOCUMENTS, Document)] if read else []
    section = recipe.base
    return make_tokenizer(texts, vocabulary=section.vocabulary, context=section.context), section.context, "embedded (not made yet)"


def _loaded(base: str) -> tuple[Any, int | None]:
    from transformers import AutoConfig

    from trainer.machine import prepare
    from trainer.model import load_tokenizer

    prepare()
    tokenizer = load_tokenizer(base)
    try:
        config = AutoConfig.from_pretrained(base).get_text_config()
    except (OSError, ValueError) as error:
        raise InputError(f"{base}: its config.json cannot be read ({str(error).splitlines()[0]}); give a model's folder or name") from error
    return tokenizer, getattr(config, "max_position_embeddings", None)


def _limit(section: TrainSection, context: int | None) -> int | None:
    limits = [section.max_length, context]
    return min((limit for limit in limits if isinstance(limit, int)), default=None)
