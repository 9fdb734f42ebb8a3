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

DOUBT = "doubt_"  # what the flags of drafts begin with whose answer may not be whole; `generators.extractive.doubts` says why


def is_doubtful(flags: Iterable[str]) -> bool:
    """Whether one of the flags of a draft or pair is a sign of doubt."""
    return any(flag.startswith(DOUBT) for flag in flags)
