"""Views over the held-out sets: what kind of question it is. A pair belongs to one set; a view only counts it again."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from schemas.records import Pair
from trainer.evaluation.refusals import OFF_TOPIC
from trainer.metrics import UNSPACED

_WORD = re.compile(rf"[{UNSPACED}]|[^\W\d_{UNSPACED}]{{2,}}")


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in small letters, no numbers, of two letters or more; its characters where no spaces part words."""
    return frozenset(_WORD.findall(text.casefold()))


def views(asked: Sequence[tuple[str, Pair]], read: AbstractSet[str] = frozenset()) -> dict[str, list[int]]:
    """Return the places of the pairs that must not be answered, that are off the topic, and that bring their passage along.

    Of sets whose facts are not in train (test), where there are some: a fact of train may be answered from memory. And, of the sets
    whose facts are in train (paraphrase), those that ask with a word that is not among those `read` in training, where these are known.
    """
    fresh = [place for place, (name, _) in enumerate(asked) if name.startswith("test")] or list(range(len(asked)))
    kinds = {"unanswerable": _is_absent, "off_topic": _is_off_topic, "open_book": _is_open_book}
    found = {kind: [place for place in fresh if belongs(asked[place][1])] for kind, belongs in kinds.items()}
    told = [place for place, (name, _) in enumerate(asked) if read and name.startswith("paraphrase")]
    found["new_words"] = [place for place in told if not words_of(asked[place][1].instruction) <= read]
    return {kind: places for kind, places in found.items() if places}


def members(asked: Sequence[tuple[str, Pair]], unions: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return the places of every union and every set."""
    names = dict.fromkeys(name for name, _ in asked)
    parts = {**unions, **{name: (name,) for name in names}}
    found = {name: [place for place, (of, _) in enumerate(asked) if of in own] for name, own in parts.items()}
    return {name: places for name, places in found.items() if places}


def _is_absent(pair: Pair) -> bool:
    return pair.grounding == "absent"


def _is_off_topic(pair: Pair) -> bool:
    return pair.task == OFF_TOPIC


def _is_open_book(pair: Pair) -> bool:
    return bool(pair.input.strip()) and pair.grounding == "quoted"
