"""The examples of a few-shot prompt: the same for every question, and as different from each other as they can be."""

from collections.abc import Sequence

from schemas.records import Pair, Turn, content_id
from trainer.templates import Template

_SHORTEST = 3  # examples are taken from the shortest third of the pairs


def choose_shots(train: Sequence[Pair], held_out: Sequence[Pair], *, most: int) -> list[Pair]:
    """Return at most so many training pairs, none of a fact or passage that is asked about; greedy, the same at every run.

    Each next one brings most that is new: a task, a way to rest on the documents, a document, a form of question.
    """
    facts = {pair.group for pair in held_out}
    chunks = {pair.provenance.chunk_id for pair in held_out if pair.provenance.chunk_id}
    free = [pair for pair in train if not pair.history and pair.group not in facts and pair.provenance.chunk_id not in chunks]
    if not free:
        return []
    short = sorted(map(_length, free))[len(free) // _SHORTEST]  # short ones leave room, and time
    waiting = sorted((pair for pair in free if _length(pair) <= short), key=lambda pair: content_id("shot", pair.id))
    chosen: list[Pair] = []
    seen: set[tuple[str, str]] = set()
    while waiting and len(chosen) < most:
        best = max(waiting, key=lambda pair: sum(trait not in seen for trait in _traits(pair)))  # the first of equals
        chosen.append(best)
        seen |= _traits(best)
        waiting = [pair for pair in waiting if pair.group != best.group]
    return chosen


def as_turns(shots: Sequence[Pair], template: Template) -> list[Turn]:
    """Return the examples as earlier turns of the conversation."""
    turns: list[Turn] = []
    for pair in shots:
        asked = template.messages(pair.instruction, pair.input)[-1]["content"]
        turns += [Turn(role="user", content=asked), Turn(role="assistant", content=pair.output)]
    return turns


def _length(pair: Pair) -> int:
    return len(pair.instruction) + len(pair.input) + len(pair.output)


def _traits(pair: Pair) -> set[tuple[str, str]]:
    return {
        ("task", pair.task),
        ("grounding", pair.grounding),
        ("document", pair.provenance.document_id),
        ("form", pair.form.partition("/")[0]),
        ("answer", pair.output.split()[0].casefold()),
    }
