"""The one interface of a generator: sources in, drafts (or dropped records) out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from schemas.records import Chunk, Document, Draft, Dropped


@dataclass(frozen=True)
class Source:
    """One document with its chunks in order."""

    document: Document
    chunks: tuple[Chunk, ...]


Generator = Callable[[Iterable[Source]], Iterator[Draft | Dropped]]
