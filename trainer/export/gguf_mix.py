"""Which matrices of a GGUF file keep a finer form than the others, so that the file gives the answers of the saved model.

q8_0 writes 32 numbers as 8 bits each with one scale, which is off by half a percent; f16 is off by a fiftieth of that. llama.cpp
rounds twice so: the weights once, and at every token what comes into a matrix, too. Measured on the demo's 297 questions: a float32
file changes no answer, f16 one, q8_0 17 (10 of them if only the weights are rounded); all are answers in which two tokens were
nearly as likely at some place, guesses mostly, of which a model too small for its documents makes many.

The error is spread unevenly over the matrices: some of them cost most of those answers, and stay in the next finer form (f16 in a q8_0
file, f32 in an f16 file). What each one does is measured to the first order: the error of its output, times the gradient by that output
of the narrowest choice in the answer. One pass forward and back measures all, and the parts add up (on the demo to the whole within
one percent). The number of changed answers goes with the root of the sum, so the proof of the plain file tells how much has to go.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Answered = tuple[list[int], list[int]]  # tokens of a prompt, and of the saved model's answer with its end
Add = Callable[[str, Tensor], None]
FINER = {"q8_0": "f16", "f16": "f32"}
BYTES = {"q8_0": 34 / 32, "f16": 2.0, "f32": 4.0}  # of a weight
BLOCK = 32  # numbers of a row that share a scale in q8_0; other rows stay in f16
_TOKENS = 8192  # read at most: enough for the order of the matrices
_SCORES = 2**26  # logits of one batch: 0.25 GB
_ROWS = 16  # of one batch
_AIM = 0.6  # of the changes that are allowed: a proof on some hundred answers has luck, and the closest choices fall at any noise
_SAVED = 0.05  # share of the finer form's bytes that a mix has to save, else it is no file of its form


def rounding_noise(model: Any, answered: Sequence[Answered], form: str) -> dict[str, float]:
    """Return by the name of each matrix how far its rounding to a form moves the narrowest choice in an answer.

    Args:
        model: the saved model; its weights are left as they are.
        answered: what it was asked and answered; evenly drawn where they are many.
        form: of the file, `q8_0` or `f16`.

    Returns:
        Mean squares over the answers, of the lead of the likeliest token over the next one (logits).
    """
    rows = _drawn([one for one in answered if one[1]])
    noise: dict[str, float] = defaultdict(float)

    def add(name: str, moved: Tensor) -> None:
        noise[name] += float(moved.square().sum()) / len(rows)

    with torch.enable_grad(), _watched(model.requires_grad_(False), form, add):
        for batch in _batches(rows, model.config.get_text_config().vocab_size):
            _narrowest(model, batch).sum().backward()
    return dict(noise)


def kept_finer(noise: Mapping[str, float], sizes: Mapping[str, int], form: str, *, share: float) -> frozenset[str] | None:
    """Return the matrices to keep so that the others make at most `share` of the noise, or None if those would be next to nothing.

    Args:
        noise: as `rounding_noise` gives it.
        sizes: numbers in each of these matrices.
        form: of the file.
        share: of the whole noise.
    """
    if not noise:
        return None
    rest = sum(noise.values())
    most, kept = share * rest, set[str]()
    for name in sorted(noise, key=lambda name: (-noise[name] / sizes[name], name)):
        if rest <= most:
            break
        kept.add(name)
        rest -= noise[name]
    rounded = sum(sizes[name] for name in noise if name not in kept) / sum(sizes[name] for name in noise)
    return frozenset(kept) if rounded * (1 - BYTES[form] / BYTES[FINER[form]]) >= _SAVED else None


def share_for(changed: float, expected: float) -> float:
    """Return how much of its noise a file that changes this share of answers may keep, to give the expected share of equal ones."""
    return min(1.0, (_AIM * (1 - expected) / changed) ** 2)


def rounded(numbers: Tensor, form: str) -> Tensor:
    """Return numbers as a file holds them: for q8_0 the last dimension is a multiple of 32."""
    if form == "f16":
        return numbers.half().float()
    blocks = numbers.float().unflatten(-1, (-1, BLOCK))
    scale = blocks.abs().amax(-1, keepdim=True) / 127
    return ((blocks / scale.clamp_min(1e-30)).round() * scale.half().float()).flatten(-2)


def _drawn(rows: Sequence[Answered]) -> list[Answered]:
    every = -(-sum(len(prompt) + len(answer) for prompt, answer in rows) // _TOKENS)
    return list(rows[:: max(1, every)])


def _batches(rows: Sequence[Answered], vocabulary: int) -> Iterator[list[Answered]]:
    """Rows of about one length, as many at a time as their logits have room."""
    batch: list[Answered] = []
    for row in sorted(rows, key=lambda row: len(row[0]) + len(row[1])):
        if batch and (len(batch) == _ROWS or (len(batch) + 1) * (len(row[0]) + len(row[1])) * vocabulary > _SCORES):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _narrowest(model: Any, batch: Sequence[Answered]) -> Tensor:
    """By row, the least lead of the likeliest token over the next one at any token of its answer."""
    ids = torch.zeros(len(batch), max(len(prompt) + len(answer) for prompt, answer in batch), dtype=torch.long)
    for place, (prompt, answer) in enumerate(batch):
        ids[place, : len(prompt) + len(answer)] = torch.tensor([*prompt, *answer])  # padding stands behind, where nothing looks
    first, second = model(input_ids=ids.to(model.device), use_cache=False).logits.float().topk(2).values.unbind(-1)
    leads = [(first - second)[place, len(prompt) - 1 :][: len(answer)] for place, (prompt, answer) in enumerate(batch)]
    return torch.stack([lead.min() for lead in leads])


@contextmanager
def _watched(model: Any, form: str, add: Add) -> Iterator[None]:
    """Have every backward pass tell by matrix and row what its rounding moves."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    hooks: list[Any] = []
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            hooks.append(module.register_forward_hook(_begun))
        if isinstance(module, nn.Embedding | nn.Linear) and (form == "f16" or module.weight.shape[-1] % BLOCK == 0):
            told = _looked_up if isinstance(module, nn.Embedding) else _multiplied
            hooks.append(module.register_forward_hook(partial(told, form, partial(add, names[id(module.weight)]))))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _begun(_module: nn.Module, _given: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Let the backward pass end here: the weights take no part in it."""
    return output.requires_grad_()


def _looked_up(form: str, add: Callable[[Tensor], None], _module: nn.Module, _given: tuple[Tensor, ...], output: Tensor) -> None:
    found = output.detach().float()
    _tell(output, rounded(found, form) - found, add)


def _multiplied(form: str, add: Callable[[Tensor], None], module: nn.Linear, given: tuple[Tensor, ...], output: Tensor) -> None:
    weight, entered = module.weight.detach().float(), given[0].detach().float()
    exact = functional.linear(entered, weight)
    _tell(output, functional.linear(rounded(entered, form), rounded(weight, form)) - exact, add)


def _tell(output: Tensor, error: Tensor, add: Callable[[Tensor], None]) -> None:
    output.register_hook(lambda gradient: add((gradient.float() * error).flatten(1).sum(1)))
