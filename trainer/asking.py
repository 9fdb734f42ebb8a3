"""How a model is asked for a fact: a base in plain text after a few examples, a tuned model by its own template."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from schemas.records import Pair
from schemas.training import DiagnoseSection
from trainer.answer_match import is_right
from trainer.generate import context_of
from trainer.model import end_tokens
from trainer.student import first_token
from trainer.templates import choose_template

# For facts with fewer wordings than prompts: {0} is the question, {1} the same without its mark and capital.
_REWORDED = ("{0}", "{1}", "Please tell me: {0}", "I have a question: {1}", "Answer this, please. {0}", "{1}, please", "Question: {0}")


@dataclass(frozen=True)
class Fact:
    """A fact with the wordings of its question; `pair` is asked first, and its response is the reference."""

    pair: Pair
    wordings: tuple[str, ...]

    def questions(self, count: int) -> list[str]:
        """Return at most `count` different questions: the wordings, then plain changes of the first one."""
        plain = self.wordings[0].rstrip(" ?.!")
        plain = plain[:1].lower() + plain[1:]
        made = [form.format(self.wordings[0], plain) for form in _REWORDED]
        return list(dict.fromkeys([*self.wordings, *made]))[:count]


@dataclass(frozen=True)
class Asked:
    """A model with its prompts by fact, how it writes an answer, and how an answer is read."""

    model: Any
    prompts: list[list[list[int]]]
    ends: frozenset[int]
    write: Callable[[str], list[int]]
    read: Callable[[list[int]], str]
    begin: list[int]


def room_for(lengths: Sequence[int]) -> int:
    """Return how many tokens answers may have whose references have these lengths: a fourth more than the longest."""
    return max(lengths) + max(lengths) // 4 + 4


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """Return places together whose lengths are within a factor of two, so that a short answer does not wait for a long one."""
    groups: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        groups.setdefault(length.bit_length(), []).append(place)
    return [groups[size] for size in sorted(groups)]


def as_trained(model: Any, tokenizer: PreTrainedTokenizerBase, facts: Sequence[Fact], count: int) -> Asked:
    """Ask by the template that the model was trained with."""
    template = choose_template(tokenizer)
    prompts = [template.prompts([(question, "") for question in fact.questions(count)]) for fact in facts]
    return Asked(
        model, prompts, end_tokens(model, template), lambda text: template.completions([text])[0][:-1], template.decode, [template.end]
    )


def after_examples(  # noqa: PLR0913 - a model and its examples
    model: Any, tokenizer: PreTrainedTokenizerBase, facts: Sequence[Fact], examples: Sequence[Pair], *, section: DiagnoseSection, seed: int
) -> Asked:
    """Ask in plain text, as a base has read; the template's marks are new to it."""
    template, context = choose_template(tokenizer), context_of(model)
    drawn = _Examples(examples, section.shots, seed)

    def encoded(fact: Fact, number: int, question: str) -> list[int]:
        shown = drawn(fact, number)
        room = None if context is None else context - room_for([len(write(fact.pair.output))])
        while True:
            ids = tokenizer(_plain(shown, question))["input_ids"]
            if room is None or len(ids) <= room or not shown:
                return ids
            shown = shown[1:]

    def write(text: str) -> list[int]:
        return tokenizer(f" {text.strip()}", add_special_tokens=False)["input_ids"]

    def read(ids: list[int]) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=True)).partition("\nQuestion:")[0].strip()

    prompts = []
    for fact in facts:
        questions = fact.questions(section.prompts)
        prompts.append([encoded(fact, number, questions[number % len(questions)]) for number in range(section.prompts)])
    return Asked(model, prompts, end_tokens(model, template), write, read, [first_token(template)])


def _plain(shown: Sequence[Pair], question: str) -> str:
    parts = [f"Question: {pair.instruction.strip()}\nAnswer: {pair.output.strip()}\n\n" for pair in shown]
    return f"{''.join(parts)}Question: {question.strip()}\nAnswer:"


class _Examples:
    """Draws examples for a fact: short closed-book pairs of other facts and other passages, another set for each prompt."""

    def __init__(self, pairs: Sequence[Pair], count: int, seed: int) -> None:
        alone = [pair for pair in pairs if not pair.history and not pair.input.strip()]
        self._short = sorted(alone, key=lambda pair: (len(pair.instruction) + len(pair.output), pair.id))[: max(8 * count, len(alone) // 4)]
        self._count, self._seed = count, seed

    def __call__(self, fact: Fact, number: int) -> list[Pair]:
        own = fact.pair
        others = [
            pair
            for pair in self._short
            if pair.group != own.group and pair.provenance.chunk_id != own.provenance.chunk_id and not is_right(pair.output, own.output)
        ]
        draw = random.Random(f"{self._seed}/{own.id}/{number}")  # noqa: S311 - a draw, not a secret
        return draw.sample(others, min(self._count, len(others)))
