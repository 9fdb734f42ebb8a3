"""Which held-out questions the models have room for; one that is too long is left out and told, and no reason to lose all answers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from schemas.records import Pair
from trainer.model import config_of
from trainer.templates import Template

_NAMED = 3  # questions that are named


def context_of_config(model: Path | str) -> int | None:
    """Return the most tokens that a model can read, if its config says; its weights are not loaded."""
    return getattr(config_of(model).get_text_config(), "max_position_embeddings", None)


def fitting(
    asked: Sequence[tuple[str, Pair]], template: Template, models: Iterable[Path | str]
) -> tuple[list[tuple[str, Pair]], list[str]]:
    """Return the pairs whose question and expected answer fit into every model's context, and a notice of the others."""
    limits = [limit for model in models if (limit := context_of_config(model)) is not None]
    if not limits:
        return list(asked), []
    pairs = [pair for _, pair in asked]
    lengths = map(len, template.pair_prompts(pairs))
    wholes = [length + len(ids) for length, ids in zip(lengths, template.completions([pair.output for pair in pairs]), strict=True)]
    long = [pair.id for pair, whole in zip(pairs, wholes, strict=True) if whole > min(limits)]
    if not long:
        return list(asked), []
    named = ", ".join(long[:_NAMED]) + (", …" if len(long) > _NAMED else "")
    few = f"{len(long)} of {len(asked)}"
    told = f"{few} held-out questions are not asked: with their answers they have more than the {min(limits):,} tokens"
    left = [one for one, whole in zip(asked, wholes, strict=True) if whole <= min(limits)]
    return left, [f"{told} that the model reads ({named}); shorten them or take a base with a longer context"]
