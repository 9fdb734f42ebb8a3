"""The base with help in its prompt, and why one kind of help cannot be given."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import EvaluateSection
from trainer.evaluation.ask import Asking
from trainer.evaluation.material import Material
from trainer.evaluation.systems import FEW_SHOT, WITH_PASSAGE, System, few_shot, with_passage
from trainer.model import config_of


def with_help(base: Path | str, pairs: Sequence[Pair], asking: Asking, material: Material) -> tuple[list[System], list[str]]:
    """Return the systems that the recipe asks for, in the order of the report, and a notice for each that cannot be asked."""
    section: EvaluateSection = asking.section
    context: int | None = getattr(config_of(base).get_text_config(), "max_position_embeddings", None)
    room = None if context is None else context - asking.most
    make = {
        FEW_SHOT: partial(few_shot, base, pairs, asking.template, material=material, most=section.shots, room=room),
        WITH_PASSAGE: partial(with_passage, base, pairs, asking.template, material=material, room=room),
    }
    systems: list[System] = []
    notices: list[str] = []
    for name, made in make.items():
        if name not in section.systems:
            continue
        try:
            system = made()
        except InputError as error:  # a template for single questions
            notices.append(f"{name} is left out: {error}")
            continue
        if system.figures.get("shots") or system.figures.get("passages"):
            systems.append(system)
        else:
            what = "example" if name == FEW_SHOT else "passage"
            notices.append(f"{name} is left out: there is no {what} that fits beside the questions into the context of the base")
    return systems, notices
