"""The process in which the models of the playground live: questions come in as lines of JSON, answers go out as lines of JSON.

It ends when whoever started it is gone, also in the middle of an answer, so that no model stays in memory behind anybody's back.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from queue import Queue
from typing import IO, TYPE_CHECKING, Any

from schemas.errors import KilopairError
from schemas.records import Turn

if TYPE_CHECKING:
    from trainer.chat import Chat

Answering = Callable[[dict[str, Any]], dict[str, Any]]


def main() -> None:
    """Answer every line of stdin until it ends; what libraries print goes to stderr, so that stdout holds answers alone."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines: Queue[str] = Queue()
    threading.Thread(target=_listen, args=(sys.stdin, lines), daemon=True).start()
    serve(lines, answers, Models().answer)


def _listen(questions: IO[str], lines: Queue[str]) -> None:
    for line in questions:
        lines.put(line)
    os._exit(0)  # whoever asks is gone: an answer that is being written is for nobody


def serve(lines: Queue[str], answers: IO[str], answer: Answering) -> None:
    """Answer line by line, for ever; trouble is an answer too."""
    while True:
        asked = json.loads(lines.get())
        try:
            said = answer(asked)
        except KilopairError as error:
            said = {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever a library raises is told, and the next question is heard
            said = {"error": f"the model cannot answer: {type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        answers.write(json.dumps(said, ensure_ascii=False) + "\n")
        answers.flush()


class Models:
    """The loaded models by name; one whose folder is another one than before is loaded anew."""

    def __init__(self) -> None:
        self._loaded: dict[str, tuple[tuple[str, str | None], Chat]] = {}

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with its counts, the seconds that it took, and those of loading if the model had to be loaded.

        Raises:
            KilopairError: the model cannot be loaded, or cannot read the question.
        """
        from trainer.chat import Manner

        started = time.perf_counter()
        chat = self._chat(asked)
        loaded = time.perf_counter()
        history = [Turn.model_validate(turn) for turn in asked["history"]]
        said = chat.reply((asked["question"], asked["input"], history), Manner(**asked["manner"]))
        return {**asdict(said), "seconds": time.perf_counter() - loaded, "loading": loaded - started}

    def _chat(self, asked: dict[str, Any]) -> "Chat":
        from trainer.chat import Chat

        name, wanted = asked["model"], (asked["folder"], asked["prompts_of"])
        found = self._loaded.get(name)
        if found is None or found[0] != wanted:
            self._loaded.pop(name, None)  # the old one leaves the memory before the new one comes
            self._loaded[name] = (wanted, Chat(wanted[0], prompts_of=wanted[1]))
        return self._loaded[name][1]


if __name__ == "__main__":
    main()
