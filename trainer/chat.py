"""Talking to a tuned model, with the prompt that it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError
from schemas.records import Turn
from trainer.generate import generate, likeliest, sampled
from trainer.machine import device, prepare
from trainer.model import end_tokens, load, load_tokenizer
from trainer.templates import choose_template


@dataclass(frozen=True)
class Manner:
    """How an answer is written: in at most so many tokens, each the likeliest one unless a temperature is given."""

    max_new_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Reply:
    """An answer, how many tokens its prompt and it have, and whether the model ended it by itself."""

    text: str
    prompt_tokens: int
    tokens: int
    stopped: bool


class Chat:
    """A loaded model that answers one question at a time, as it was trained to; whoever asks keeps the history.

    A base is asked with the prompts of the model that was tuned from it (`prompts_of`), so that both see the same.
    """

    def __init__(self, folder: Path | str, *, prompts_of: Path | str | None = None) -> None:
        prepare()
        self._model, tokenizer = load(folder)
        self._template = choose_template(load_tokenizer(prompts_of) if prompts_of else tokenizer)

    def answer(self, question: str, input: str = "", *, history: Sequence[Turn] = (), max_new_tokens: int = 512) -> str:
        """Answer greedily, after the turns of `history`; the answer ends where the model ends it, or after `max_new_tokens`.

        Raises:
            InputError: the question holds a control token of the model.
        """
        return self.reply((question, input, history), Manner(max_new_tokens)).text

    def reply(self, asked: tuple[str, str, Sequence[Turn]], manner: Manner) -> Reply:
        """Answer a question (its text, its input, the turns before it), and say how it ended.

        Raises:
            InputError: the question holds a control token of the model.
        """
        said = "\n".join([*(turn.content for turn in asked[2]), *asked[:2]])
        if found := next((token for token in self._template.control_tokens if token in said), None):
            raise InputError(f"the question holds {found}, which this model reads as a control token; leave it out")
        (prompt,) = self._template.prompts([asked])
        ends = end_tokens(self._model, self._template)
        choose = sampled(manner.temperature, seed=manner.seed, device=device()) if manner.temperature else likeliest
        (given,) = generate(self._model, [prompt], ends=ends, max_new_tokens=manner.max_new_tokens, choose=choose)
        return Reply(self._template.decode(given.tokens), len(prompt), len(given.tokens), given.stopped)
