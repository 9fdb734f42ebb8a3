"""Talking to a tuned model, with the prompt that it was trained on."""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import InputError
from schemas.records import Turn
from trainer.generate import generate
from trainer.machine import prepare
from trainer.model import end_tokens, load, load_tokenizer
from trainer.templates import choose_template


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
        said = "\n".join([*(turn.content for turn in history), question, input])
        if found := next((token for token in self._template.control_tokens if token in said), None):
            raise InputError(f"the question holds {found}, which this model reads as a control token; leave it out")
        prompts = self._template.prompts([(question, input, history)])
        ends = end_tokens(self._model, self._template)
        (given,) = generate(self._model, prompts, ends=ends, max_new_tokens=max_new_tokens)
        return self._template.decode(given.tokens)
