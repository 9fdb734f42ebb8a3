"""What an evaluation may know beside the held-out pairs; all of it may be missing, and then what needs it is left out."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.records import Pair


@dataclass(frozen=True)
class Passage:
    """The passage that a pair rests on, and where in it the evidence stands."""

    text: str
    evidence: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Material:
    """What surrounds held-out pairs.

    Args:
        train: the training pairs: examples for few_shot, and how answers abstain.
        passages: the gold passage by the id of a pair.
        documents: paths by the id of a document.
        sections: headings by the id of a chunk.
        schemas: JSON Schema of the responses by task.
        words: all that the training pairs and the documents hold, in small letters.
        values: the numbers, dates and amounts of a text in normal form.
        declare: is given what will be compared before the first question is asked, and returns it with what it knows of it.
    """

    train: Sequence[Pair] = ()
    passages: Mapping[str, Passage] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[str, Sequence[str]] = field(default_factory=dict)
    schemas: Mapping[str, Any] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    values: Callable[[str], frozenset[Hashable]] | None = None
    declare: Callable[[dict[str, Any]], dict[str, Any]] = dict
