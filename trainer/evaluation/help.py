"""The base with help in its prompt, and why one kind of help cannot be given."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import EvaluateSection
from trainer.evaluation.ask import Asking
from trainer.evaluation.material import Material
from trainer.evaluation.room import context_of_config
from trainer.evaluation.systems import FEW_SHOT, WITH_PASSAGE, System, few_shot, with_passage
from trainer.model import load_tokenizer
from trainer.template_texts import model_text, name_of


def with_help(base: Path | str, pairs: Sequence[Pair], asking: Asking, material: Material) -> tuple[list[System], list[str]]:
    """Return the systems that the recipe asks for, in the order of the report, and notices: which cannot be asked, and what is unfair."""
    section: EvaluateSection = asking.section
    context = context_of_config(base)
    room = None if context is None else context - asking.most
    make = {
        FEW_SHOT: partial(few_shot, base, pairs, asking.template, material=material, most=section.shots, room=room),
        WITH_PASSAGE: partial(with_passage, base, pairs, asking.template, material=material, room=room),
    }
    systems: list[System] = []
    notices = _strange(base, asking)
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


def _strange(base: Path | str, asking: Asking) -> list[str]:
    """Say where the base is asked in another form than its own, so that not all of a gain is what was taught."""
    own, used = model_text(load_tokenizer(base)), asking.template.name
    if not own or name_of(own) == used:
        return []
    told = f"the base has a chat template of its own, but is asked by the one of the training ({used}), which may cost it answers"
    return [f"{told}: set train.template to auto to see what is gained without that"]
