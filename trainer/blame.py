"""Why a training was worthless, in one line that says what to do: each cause is looked for in the model and the folder."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch

from schemas.records import Pair
from trainer.rows import pair_rows
from trainer.templates import Template

if TYPE_CHECKING:
    from trainer.after import Course

_ADAPTER = "adapter_model.safetensors"
_MORE = "train longer (train.epochs or train.tokens) or raise train.learning_rate"
_FAR_TOO_LOW = 8.0  # the usual rate over the one taken; a sweep tries a third and three times


def identical(folder: Path, *, change: float, course: "Course", model: Any, stored: Any) -> str:
    """Say why a trained model is its base."""
    said = "the tuned model is identical to its base: no answer changed"
    if (factor := course.usual_rate / course.learning_rate) >= _FAR_TOO_LOW:
        return (
            f"{said} and the weights moved by {change:.2g} of their size; train.learning_rate {course.learning_rate:g} is about "
            f"{factor:,.0f} times lower than usual for this base, set it to auto"
        )
    if has_zero_adapters(folder):
        return (
            f"{said}; all B matrices in {folder / _ADAPTER} are 0, so the adapter does nothing: train longer or raise train.learning_rate"
        )
    if rounded := _rounding(model, stored):
        return (
            f"{said}; the change is smaller than {rounded} can hold, which the base is stored in: train longer or raise train.learning_rate"
        )
    return f"{said} after {course.updates} updates; raise train.learning_rate or train longer (train.epochs or train.tokens)"


def not_the_trained_one(folder: Path, *, count: int, different: int, is_base: bool) -> str:
    """Say why the folder's answers are not those of the model in memory."""
    said = f"the saved model answers {different} of {count} questions differently from the trained one"
    if has_zero_adapters(folder):
        return f"{said}: all B matrices in {folder / _ADAPTER} are 0, so the adapter was not saved as it was trained; train again"
    if is_base:
        return f"{said} and all of them as the base does: the trained weights are not in {folder}; train again"
    return f"{said}; {folder} was changed or damaged while it was written, train again"


def missing_end(template: Template, folder: Path, ends: frozenset[int]) -> str:
    """Say that other programs would never stop, though the model ends its answers."""
    token = template.tokenizer.convert_ids_to_tokens(template.end)
    named = f"only {sorted(ends)}" if ends else "nothing"
    return (
        f"{folder / 'generation_config.json'} names {named} as eos_token_id, but this model ends its answers with {token} "
        f"({template.end}), so other programs would never stop; add {template.end} to eos_token_id of the base's generation_config.json"
    )


def end_not_learnt(model: Any, pairs: Sequence[Pair], template: Template, *, updates: int) -> str:
    """Say why no answer ends by itself: the end token was not learnt, or the answers go astray before it."""
    token = template.tokenizer.convert_ids_to_tokens(template.end)
    likely = end_probability(model, pairs, template)
    if likely < 0.5:
        return (
            f"no answer ends by itself after {updates} updates: after an expected answer the model gives the end token {token} "
            f"a probability of {likely:.2g} only; {_MORE}"
        )
    return (
        f"no answer ends by itself after {updates} updates, though after an expected answer the end token {token} has a probability of "
        f"{likely:.2f}: the answers go on past the length of the expected ones; {_MORE}"
    )


@torch.inference_mode()
def end_probability(model: Any, pairs: Sequence[Pair], template: Template) -> float:
    """Return the mean probability of the end token where the expected answers end."""
    found: list[float] = []
    for row in pair_rows(pairs, template):
        ids = torch.tensor([row.input_ids[:-1]], device=model.device)
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
        found.append(float(logits.float().softmax(-1)[template.end]))
    return fmean(found)


def has_zero_adapters(folder: Path) -> bool:
    """Tell whether the folder holds an adapter whose B matrices are all 0, as they are before the first update."""
    if not (folder / _ADAPTER).is_file():
        return False
    from safetensors import safe_open

    with safe_open(folder / _ADAPTER, "pt") as stored:
        names = [name for name in stored.keys() if "lora_B" in name]  # noqa: SIM118 - safe_open is no mapping
        return bool(names) and not any(bool(stored.get_tensor(name).any()) for name in names)


def _rounding(model: Any, stored: Any) -> str:
    """Name the dtype that the folder holds, if it is coarser than float32."""
    coarse = {weight.dtype for weight in (*model.parameters(), *stored.parameters())} & {torch.bfloat16, torch.float16}
    return str(coarse.pop()).removeprefix("torch.") if coarse else ""
