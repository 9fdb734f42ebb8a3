"""A GGUF file that falls short of its proof is written again, with ever more matrices in the next finer form, until it passes.

The mix is chosen by the questions that it is proved on. To see what that hides, mixes of three models of the demo's kind (q8_0) were
chosen on one half of the questions and asked the other: where one passed on its half (98 %), it gave the saved model's very answer to
727 of 740 questions of the other halves (98.2 %); the plain files give it to 94 to 95 %.
"""

from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from builder.served_gguf import Held

if TYPE_CHECKING:
    from trainer.export.gguf_file import Form
    from trainer.templates import Template

Figures = Mapping[str, Any]
_TRIES = 3
_FEWER = 0.7  # of the changed answers a mix should leave at most; else rounding in the file is not what changes them
_CHANCE = 2.0  # standard deviations of such a count: of six answers, one more or less tells nothing


class Write(Protocol):
    """Writes a file and gives the figures of its proof."""

    def __call__(self, path: Path, *, finer: frozenset[str]) -> dict[str, Any]:
        """Write it, with some matrices finer than the others."""
        ...


def with_mixed(
    path: Path, plain: Figures, form: "Form", *, measured: Callable[[], tuple[dict[str, float], dict[str, int]]], write: Write
) -> dict[str, Any]:
    """Return the figures of the file at `path`: of a mix that passes its proof and has taken its place, else of the plain one.

    Args:
        path: the plain file.
        plain: the figures of its proof.
        form: of most matrices.
        measured: tells the rounding noise and the size of every matrix by its name.
        write: writes and proves a file.
    """
    if plain["answers_equal"] >= plain["expected"]:
        return dict(plain)
    from trainer.export.gguf_mix import kept_finer, share_for

    noise, sizes = measured()
    share, last, trial = 1.0, plain, path.with_name(f"mixed-{path.name}")
    for _ in range(_TRIES):
        share *= share_for(1 - last["answers_equal"], plain["expected"])
        if (kept := kept_finer(noise, sizes, form, share=share)) is None:
            break
        before, last = last, write(trial, finer=kept)
        if last["answers_equal"] >= plain["expected"]:
            trial.replace(path)
            return {
                **last,
                "finer": sorted(kept),
                "matrices": len(noise),
                "plain": {name: plain[name] for name in ("bytes", "answers_equal")},
            }
        if _changed(last) > _FEWER * _changed(before) + _CHANCE * sqrt(_changed(before)):
            break
    trial.unlink(missing_ok=True)
    return dict(plain)


def _changed(figures: Figures) -> float:
    return (1 - figures["answers_equal"]) * figures["n"]


def measured_noise(folder: Path, proved_on: Held, template: "Template", form: "Form") -> tuple[dict[str, float], dict[str, int]]:
    """Return the rounding noise of every matrix of a saved model, at its own answers, and how many numbers it holds."""
    from trainer.export.gguf_mix import rounding_noise
    from trainer.model import load

    model, _ = load(folder)
    answers = template.completions([item.answer for item in proved_on.items])
    answered = [(item.prompt, answer) for item, answer in zip(proved_on.items, answers, strict=True) if item.answer]
    noise = rounding_noise(model, answered, form)
    return noise, {name: weight.numel() for name, weight in model.named_parameters() if name in noise}


def mixed_note(name: str, figures: Figures, form: "Form") -> str:
    """Say what a mixed file cost and brought, or nothing of a plain one."""
    if "finer" not in figures:
        return ""
    from trainer.export.gguf_mix import FINER

    plain = figures["plain"]
    return (
        f"{name} keeps {len(figures['finer'])} of {figures['matrices']} matrices in {FINER[form]}: the plain file, "
        f"{plain['bytes'] / 1e6:,.1f} MB, gave the saved model's very answer to {plain['answers_equal']:.1%} of the questions, this one, "
        f"{figures['bytes'] / 1e6:,.1f} MB, gives it to {figures['answers_equal']:.1%}; package.mixed: false writes the plain one"
    )
