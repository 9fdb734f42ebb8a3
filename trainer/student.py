"""What a base makes of pairs before it is tuned: how likely their responses are to it, with the question and without.

From the two come both signals that choose pairs for one model rather than for any:

- **IFD**, instruction-following difficulty (Li et al. 2023, "From Quantity to Quality", arXiv 2308.12032, known as Cherry LLM):
  the loss of the response given the question, divided by its loss alone. Below 1 the question helps; the nearer to 1, the more
  there is to learn. At 1 or more the question does not lead to the response, and the paper leaves such pairs out.
- **Likelihood** (GRAPE: Zhang et al. 2025, "The Best Instruction-Tuning Data are Those That Fit", arXiv 2502.04194): of several
  answers to one question, that with the highest probability per token under the base departs least from what it knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.records import Pair
from trainer.loss import row_losses
from trainer.machine import prepare
from trainer.model import load
from trainer.rows import IGNORED, Row
from trainer.templates import Template, choose_template

_DIGITS = 6  # a sum of floats differs in the last ones with what stands beside it in a batch


@dataclass(frozen=True)
class Signal:
    """The mean negative log-likelihood of a token of the response, in nats: `given` the question, and `alone`."""

    given: float
    alone: float

    @property
    def ifd(self) -> float:
        """The instruction-following difficulty."""
        return round(self.given / max(self.alone, 10**-_DIGITS), _DIGITS)


class Student:
    """The base that will be tuned, asked what it makes of pairs; loaded when the first pair comes, and each pair is scored once.

    Args:
        base: the folder of a model, or its name.
        template: how a question is put, as in training.
    """

    def __init__(self, base: str | Path, *, template: str = "auto") -> None:
        self._base, self._wanted = base, template
        self._loaded: tuple[Any, Template] | None = None
        self._known: dict[str, Signal | None] = {}

    def __call__(self, pairs: Sequence[Pair]) -> list[Signal | None]:
        """Return what the base makes of each pair; None where the response has no token, or the pair is too long for the base.

        Two forward passes over the tokens, the second over each different response once. The order of the pairs changes nothing.

        Raises:
            InputError: there is no such model.
        """
        wanted = {pair.id: pair for pair in sorted(pairs, key=lambda pair: pair.id) if pair.id not in self._known}
        if wanted:
            self._known |= self._scored(list(wanted.values()))
        return [self._known[pair.id] for pair in pairs]

    def _scored(self, pairs: Sequence[Pair]) -> dict[str, Signal | None]:
        model, template = self._loaded = self._loaded or _opened(self._base, self._wanted)
        responses = template.encode([pair.output.strip() for pair in pairs])
        asked = template.pair_prompts(pairs)
        lead, limit = template.completions([""])[0][:-1], getattr(model.config, "max_position_embeddings", None)
        rows = {
            pair.id: _row([*prompt, *lead], response)
            for pair, prompt, response in zip(pairs, asked, responses, strict=True)
            if response and (limit is None or len(prompt) + len(lead) + len(response) <= limit)
        }
        fit = {pair.output: response for pair, response in zip(pairs, responses, strict=True) if pair.id in rows}
        given = _means(model, list(rows.values()))
        alone = dict(zip(fit, _means(model, [_row([first_token(template)], response) for response in fit.values()]), strict=True))
        signals = dict(zip(rows, given, strict=True))
        return {pair.id: Signal(signals[pair.id], alone[pair.output]) if pair.id in signals else None for pair in pairs}


def _opened(base: str | Path, wanted: str) -> tuple[Any, Template]:
    prepare()
    model, tokenizer = load(base)
    return model, choose_template(tokenizer, wanted)


def _row(before: list[int], response: list[int]) -> Row:
    """Put a response behind other tokens. Its end token is not in the loss: no base has seen it there, and a short one would suffer."""
    return Row(before + response, [IGNORED] * len(before) + response)


def first_token(template: Template) -> int:
    """Return what stands before a text that nothing stands before: the begin token, else the one that ends the text before it."""
    tokenizer = template.tokenizer
    found = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return int(found)  # pyright: ignore[reportArgumentType] - one id; `choose_template` has refused a tokenizer without end token


def _means(model: Any, rows: Sequence[Row]) -> list[float]:
    return [round(loss / row.trained, _DIGITS) for loss, row in zip(row_losses(model, rows), rows, strict=True)]
