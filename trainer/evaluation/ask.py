"""One model asked after another: greedy answers to every system's prompts, and the loss of the references after them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.records import Pair
from schemas.training import EvaluateSection
from trainer.evaluation.systems import System, own_turn, turn_tokens
from trainer.generate import at_once, generate
from trainer.loss import row_losses
from trainer.model import end_tokens, load
from trainer.rows import IGNORED, Row
from trainer.templates import Template

_TOKENS = 1024  # of a prompt, on average, for which so many fit into memory
_AGAIN = 24  # questions that are asked a second time
Answer = dict[str, Any]  # answer, stopped, loss, tokens


@dataclass(frozen=True)
class Asking:
    """What all systems share: the template, the settings, and the tokens of the longest answer."""

    template: Template
    section: EvaluateSection
    most: int

    def answers(self, systems: Sequence[System], pairs: Sequence[Pair], *, told: Callable[[int], None]) -> dict[str, list[Answer]]:
        """Return every system's answers in the order of the pairs; a model is loaded once for all its systems that follow each other."""
        found: dict[str, list[Answer]] = {}
        folder, model, known = None, None, {}
        for number, system in enumerate(systems):
            if system.model != folder:
                model, known = None, {}  # the one before leaves the memory first
                folder, model = system.model, load(system.model)[0]
            found[system.name] = self._of(
                model, system, pairs, known=known, told=lambda count, before=number: told(before * len(pairs) + count)
            )
        return found

    def _of(
        self, model: Any, system: System, pairs: Sequence[Pair], *, known: dict[tuple[int, ...], Answer], told: Callable[[int], None]
    ) -> list[Answer]:
        """Ask what was not asked before: a prompt that two systems of one model share is answered once."""
        keys = [(place, *prompt) for place, prompt in enumerate(system.prompts)]
        new = [place for place, key in enumerate(keys) if key not in known]
        prompts = [system.prompts[place] for place in new]
        completions = self.template.completions([pairs[place].output for place in new])
        losses = row_losses(model, [_row(prompt, ids) for prompt, ids in zip(prompts, completions, strict=True)])
        written = self.texts(model, system, prompts, told=lambda count: told(len(keys) - len(new) + count))
        for place, (text, stopped), loss, ids in zip(new, written, losses, completions, strict=True):
            known[keys[place]] = {"answer": text, "stopped": stopped, "loss": loss, "tokens": len(ids)}
        told(len(keys))
        return [known[key] for key in keys]

    def texts(
        self, model: Any, system: System, prompts: Sequence[Sequence[int]], *, told: Callable[[int], None], size: int | None = None
    ) -> list[tuple[str, bool]]:
        """Return the answers as text, each with whether it ended by itself."""
        ends = end_tokens(model, self.template) | (turn_tokens(self.template) if system.shown_turns else frozenset())
        given = generate(model, prompts, ends=ends, max_new_tokens=self.most, batch_size=size or self._size(model, prompts), progress=told)
        texts = [self.template.decode(answer.tokens) for answer in given]
        if not system.shown_turns:
            return [(text, answer.stopped) for text, answer in zip(texts, given, strict=True)]
        cut = [own_turn(text, self.template) for text in texts]
        return [(text, answer.stopped or went_on) for (text, went_on), answer in zip(cut, given, strict=True)]

    def again(self, system: System) -> dict[int, str]:
        """Ask some questions of a system once more, evenly spread, in the opposite order and a batch of another size: answers by place."""
        count = min(_AGAIN, len(system.prompts))
        places = [number * len(system.prompts) // count for number in range(count)][::-1]
        given = self.texts(load(system.model)[0], system, [system.prompts[place] for place in places], told=_quietly, size=count)
        return {place: text for place, (text, _) in zip(places, given, strict=True)}

    def _size(self, model: Any, prompts: Sequence[Sequence[int]]) -> int:
        """Return how many questions share a batch: fewer where their prompts are long."""
        if self.section.batch_size != "auto":
            return self.section.batch_size
        most = at_once(model)
        longest = max(map(len, prompts), default=1) + self.most
        return max(1, min(most, most * _TOKENS // longest))


def noise(
    again: Mapping[int, str], answers: Sequence[Mapping[str, Any]], *, metric: str, score: Callable[[int, str], float | None]
) -> dict[str, Any]:
    """Return how much asking again changes: the share of other answers, and of `scored` ones the metric's mean and largest change."""
    changes = [abs(after - float(answers[place][metric])) for place, text in again.items() if (after := score(place, text)) is not None]
    other = sum(text != answers[place]["answer"] for place, text in again.items())
    return {
        "n": len(again),
        "changed": other / len(again),
        "metric": metric,
        "scored": len(changes),
        **({"mean": sum(changes) / len(changes), "largest": max(changes)} if changes else {}),
    }


def _row(prompt: Sequence[int], completion: Sequence[int]) -> Row:
    return Row([*prompt, *completion], [IGNORED] * len(prompt) + list(completion))


def _quietly(_: int) -> None:
    pass
