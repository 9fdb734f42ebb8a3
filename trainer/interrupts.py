"""SIGTERM and Ctrl-C during a training: the update at work is finished and a checkpoint written before the process goes.

The libraries end a training as if it were done (P129). Here the signal is kept until the weights are safe and then given to
whoever had it before, so that the command ends as interrupted; a second one is given on at once.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupts:
    """While it is entered, signals that ask the process to end are only noted in `arrived`; at its exit they are given on."""

    def __init__(self) -> None:
        self.arrived: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # elsewhere signals are the caller's
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._give_on()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        again, self.arrived = self.arrived is not None, number
        if again:
            self._give_on()

    def _give_on(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self.arrived is not None:
            signal.raise_signal(self.arrived)
