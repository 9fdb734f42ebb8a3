"""What `auto` means: training settings by kind of base, method and size, each with where it comes from.

- LoRA wants about ten times the full rate, nearly whatever its rank, and about fifteen times it in a run of less than a hundred
  updates (LoRA Without Regret, 2025).
- From 1B parameters on 2e-5 full (alignment-handbook, axolotl, torchtune) and 2e-4 with LoRA (litgpt, torchtune); smaller models
  take more: 2e-5 to 1e-4 full for instruction-tuned ones of 100M to 500M, 3e-4 to 1e-3 with LoRA (tinker-cookbook's rule).
- Muon at 0.02 only for what was made here from scratch: on a base that AdamW pretrained, it harms full fine-tuning
  (arXiv 2605.10468).
- Warm-up is a share of the updates: as a number of them it is longer than many a run on 1,000 pairs.
- Weight decay 0.01 full and 0 with adapters; clipping at 1.0.
- The first token of a response decides the rest (Yes or No, which fact), but is one of many in the loss: counted five times, the
  embedded model answered .98 instead of .91 of the sample company's withheld questions in a form it knew (97 questions, two seeds).
- Nearly half of the sample company's training tokens are in pairs with an input, from which a model this small does not learn to read.
  With a third of them in each later pass, 1.3M tokens give as many passes over the rest as 1.8M: withheld questions in a form it knew
  95.3%, in a form it did not 96.5% (three seeds); 1.6M tokens in whole passes 96.0% and 93.0%, and take a quarter longer.
- 3 to 5 passes are what published runs on about 1,000 pairs take (s1, arXiv 2501.19393: 5 passes, 315 updates of 16).
"""

from dataclasses import dataclass, replace
from typing import Literal

from schemas.training import TrainSection

EMBEDDED_TOKENS = 1_300_000
EMBEDDED_START = 5.0
EMBEDDED_INPUTS = 1 / 3
SHORT_RUN = 100  # updates
SWEEP = (1 / 3, 1.0, 3.0)  # of the rate that auto takes


@dataclass(frozen=True)
class Settings:
    """The section's `auto` values, resolved for one base; a rate to be swept for is that of auto until it is chosen."""

    optimizer: Literal["muon", "adamw"]
    learning_rate: float
    raw_text: float
    word_drop: float
    tokens: int | None
    weight_decay: float = 0.0
    start_weight: float = 1.0
    input_share: float = 1.0


def resolve(section: TrainSection, *, embedded: bool, parameters: int) -> Settings:
    """Fill in what the section leaves to us."""
    full = section.method == "full"
    scratch = embedded and full
    own = section.learning_rate if isinstance(section.learning_rate, float) else None
    return Settings(
        optimizer="muon" if scratch else "adamw",
        learning_rate=own or (0.02 if scratch else _rate(parameters, full=full)),
        raw_text=_or(section.raw_text, 0.15 if embedded else 0.0),
        word_drop=_or(section.word_drop, 0.5 if embedded else 0.0),
        tokens=EMBEDDED_TOKENS if embedded and section.tokens is None else section.tokens,
        weight_decay=0.01 if full else 0.0,
        start_weight=_or(section.start_weight, EMBEDDED_START if embedded else 1.0),
        input_share=_or(section.input_share, EMBEDDED_INPUTS if embedded else 1.0),
    )


def for_length(settings: Settings, section: TrainSection, updates: int) -> Settings:
    """Raise the automatic rate of adapters by half where the whole run is short."""
    if section.method == "full" or isinstance(section.learning_rate, float) or updates >= SHORT_RUN:
        return settings
    return replace(settings, learning_rate=1.5 * settings.learning_rate)


def choice_rule(section: TrainSection, *, embedded: bool, validation: bool) -> Literal["answers", "loss", "last"]:
    """Say which epoch's weights are kept.

    By generated answers where there are validation pairs: at about 1,000 pairs the loss alone picks too early an epoch (LIMA,
    arXiv 2305.11206: held-out perplexity rose while answers got better). The embedded base keeps its last: it answers hardly any
    question about passages that it was not trained on, so the validation pairs tell its epochs apart by chance (the demo: exact match
    0 and token F1 between 0.06 and 0.14, up and down, over its passes).
    """
    if section.choose != "auto":
        return section.choose
    return "answers" if validation and not embedded else "last"


def _or(value: float | Literal["auto"], default: float) -> float:
    return default if value == "auto" else value


def _rate(parameters: int, *, full: bool) -> float:
    if not full:
        return 2e-4 if parameters >= 1e9 else 5e-4
    if parameters >= 1e9:
        return 2e-5
    return 5e-5 if parameters >= 1e8 else 5e-4
