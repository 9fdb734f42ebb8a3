"""What a model answers to plain questions, and whether that is right: for questions that are asked after every round of training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.records import Pair
from trainer.answer_match import is_right
from trainer.asking import alike, room_for
from trainer.generate import at_once, context_of, generate
from trainer.machine import prepare
from trainer.model import end_tokens, load
from trainer.templates import choose_template


@dataclass(frozen=True)
class Recalled:
    """An answer, and whether it says what the pair's output says."""

    answer: str
    right: bool


def recall(folder: Path | str, pairs: Sequence[Pair], *, progress: Callable[[int], None] = lambda _: None) -> list[Recalled]:
    """Return the model's greedy answers to the questions of pairs, in their order; to one that fills its context it says nothing.

    Args:
        folder: the model.
        pairs: what is asked, with the right answers.
        progress: told how many were answered so far.
    """
    if not pairs:
        return []
    prepare()
    model, tokenizer = load(folder)
    template = choose_template(tokenizer)
    lengths = [len(ids) for ids in template.completions([pair.output for pair in pairs])]
    prompts, context = template.pair_prompts(pairs), context_of(model)
    long = {place for place, prompt in enumerate(prompts) if context is not None and len(prompt) >= context}
    found = {place: Recalled("", right=False) for place in long}
    for group in alike(lengths):
        if not (places := [place for place in group if place not in long]):
            continue
        answers = generate(
            model,
            [prompts[place] for place in places],
            ends=end_tokens(model, template),
            max_new_tokens=room_for([lengths[place] for place in places]),
            batch_size=at_once(model),
        )
        for place, answer in zip(places, answers, strict=True):
            text = template.decode(answer.tokens)
            found[place] = Recalled(text, is_right(text, pairs[place].output))
        progress(len(found))
    return [found[place] for place in range(len(pairs))]
