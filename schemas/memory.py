"""What stays in memory while documents are parsed, and when Python looks for what it can free."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

R = TypeVar("R")


class Kept(Generic[R]):
    """Calls `make`, and inside of `keeping` only once for each text, as long as the sum of `size` is at most `most`."""

    def __init__(self, make: Callable[[str], R], *, size: Callable[[R], int], most: int) -> None:
        self._make, self._size, self._most = make, size, most
        self._found: ContextVar[dict[str, R] | None] = ContextVar("found", default=None)
        self._taken: ContextVar[int] = ContextVar("taken", default=0)

    def of(self, text: str) -> R:
        """Return what `make` makes of the text."""
        found = self._found.get()
        if found is None:
            return self._make(text)
        if text in found:
            return found[text]
        made = self._make(text)
        taken = self._taken.get() + self._size(made)
        if taken <= self._most:
            self._taken.set(taken)
            found[text] = made
        return made

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is made inside; it goes at the end."""
        found, taken = self._found.set({}), self._taken.set(0)
        try:
            yield
        finally:
            self._found.reset(found)
            self._taken.reset(taken)


@contextmanager
def no_collections() -> Iterator[None]:
    """Free nothing meanwhile: a parser makes many small objects and no cycles; looking for some takes half the time of a large text."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
