"""What `auto` means: training settings by kind of base, method and size.

Evidence: LoRA wants about ten times the full rate, nearly whatever its rank (LoRA Without Regret, 2025); 2e-5 full and 2e-4
LoRA from 1B on (alignment-handbook, litgpt, torchtune), more below; a model made from scratch takes Muon at 0.02.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.training import TrainSection

EMBEDDED_TOKENS = 800_000


@dataclass(frozen=True)
class Settings:
    """The section's `auto` values, resolved for one base."""

    optimizer: Literal["muon", "adamw"]
    learning_rate: float
    raw_text: float
    word_drop: float
    tokens: int | None


def resolve(section: TrainSection, *, embedded: bool, parameters: int) -> Settings:
    """Fill in what the section leaves to us."""
    scratch = embedded and section.method == "full"
    return Settings(
        optimizer="muon" if scratch else "adamw",
        learning_rate=_or(section.learning_rate, 0.02 if scratch else _rate(section.method, parameters)),
        raw_text=_or(section.raw_text, 0.15 if embedded else 0.0),
        word_drop=_or(section.word_drop, 0.5 if embedded else 0.0),
        tokens=EMBEDDED_TOKENS if embedded and section.tokens is None else section.tokens,
    )


def _or(value: float | Literal["auto"], default: float) -> float:
    return default if value == "auto" else value


def _rate(method: str, parameters: int) -> float:
    if method == "lora":
        return 2e-4 if parameters >= 1e9 else 5e-4
    if parameters >= 1e9:
        return 2e-5
    return 5e-5 if parameters >= 1e8 else 5e-4
