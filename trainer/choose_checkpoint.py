"""Which pass's weights are kept: judged by the answers that they generate and by the loss on the validation pairs.

At about 1,000 pairs the loss is lowest after two or three passes while answers still get better (LIMA, arXiv 2305.11206), so
both are taken and both are reported. The loss is weighted by tokens: TRL's own is a mean of batch means (P65).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Literal

from schemas.records import Pair
from trainer.evenly import evenly
from trainer.generate import generate
from trainer.metrics import exact_match, token_f1
from trainer.model import end_tokens
from trainer.templates import Template

Rule = Literal["answers", "loss", "last"]
SLICE, GLANCE = 32, 8  # validation pairs that are answered after each pass: to choose by, and where the last weights are kept anyway


@dataclass(frozen=True)
class Candidate:
    """The weights after a pass: `epoch` passes, `step` updates, and how they do on the validation pairs."""

    epoch: int
    step: int
    validation_loss: float | None = None
    exact_match: float | None = None
    token_f1: float | None = None


@dataclass(frozen=True)
class Choice:
    """The candidates that answers and loss would keep, if they tell any apart, the one that is kept, and the rule that decided."""

    answers: Candidate | None
    loss: Candidate | None
    kept: Candidate
    rule: Rule

    def in_words(self) -> dict[str, Any]:
        """Return the rule and the epochs, as the figures tell them."""
        named = {"by_answers": self.answers, "by_loss": self.loss, "kept": self.kept}
        return {"rule": self.rule, **{name: candidate.epoch for name, candidate in named.items() if candidate is not None}}


def choose(candidates: Sequence[Candidate], rule: Rule) -> Choice:
    """Choose among the candidates of a run, the earlier of two equals; where all answer alike, the loss decides."""
    answered = [one for one in candidates if one.token_f1 is not None]
    measured = [one for one in candidates if one.validation_loss is not None]
    differ = len({(one.token_f1, one.exact_match) for one in answered}) > 1
    by_answers = max(answered, key=lambda one: (one.token_f1 or 0.0, one.exact_match or 0.0, -one.step)) if differ else None
    by_loss = min(measured, key=lambda one: (one.validation_loss or 0.0, one.step), default=None)
    found: dict[Rule, Candidate | None] = {"answers": by_answers, "loss": by_loss, "last": candidates[-1]}
    order: tuple[Rule, ...] = ("answers", "loss", "last")
    decided: Rule = next(name for name in order[order.index(rule) :] if found[name] is not None)
    kept = found[decided] or candidates[-1]
    return Choice(by_answers, by_loss, kept, decided)


def kept_steps(candidates: Sequence[Candidate]) -> frozenset[int]:
    """Return the steps of the best candidates so far by either rule, and of the last one."""
    if not candidates:
        return frozenset()
    choice = choose(candidates, "last")
    return frozenset(one.step for one in (choice.answers, choice.loss, choice.kept) if one is not None)


def table(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return the candidates as the figures tell them, without what was not measured."""
    return [{name: value for name, value in asdict(one).items() if value is not None} for one in candidates]


def judge_of(pairs: Sequence[Pair], template: Template, *, most: int = SLICE) -> Callable[[Any], dict[str, float]] | None:
    """Return the function that answers an evenly spread slice of the pairs greedily and scores the answers; None without pairs."""
    if not pairs:
        return None
    asked = evenly(pairs, most)
    prompts = template.pair_prompts(asked)
    longest = max(map(len, template.completions([pair.output for pair in asked])))

    def judge(model: Any) -> dict[str, float]:
        training = model.training
        answers = generate(model, prompts, ends=end_tokens(model, template), max_new_tokens=longest + longest // 5 + 1)
        model.train(training)
        texts = [template.decode(answer.tokens) for answer in answers]
        scored = [(exact_match(text, pair.output), token_f1(text, pair.output)) for text, pair in zip(texts, asked, strict=True)]
        return {"exact_match": fmean(match for match, _ in scored), "token_f1": fmean(f1 for _, f1 in scored)}

    return judge
