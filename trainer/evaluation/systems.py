"""Who answers: the base and the tuned model as they are, and the base with help in its prompt, which is what tuning must beat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.records import Pair
from trainer.evaluation.material import Material
from trainer.evaluation.passages import fitted
from trainer.evaluation.shots import as_turns, choose_shots
from trainer.templates import Question, Template

FEW_SHOT, WITH_PASSAGE = "few_shot", "with_passage"
_NEXT_TURN = {"alpaca": "### Instruction:", "plain": "\nQuestion:"}  # where a base goes on with a question of its own


@dataclass(frozen=True)
class System:
    """A name in the report, the model behind it, its prompts, whether it saw turns before, and what was put into the prompts."""

    name: str
    model: Path | str
    prompts: list[list[int]]
    shown_turns: bool = False
    figures: Mapping[str, int] = field(default_factory=dict)


def few_shot(  # noqa: PLR0913 - who is asked what, and the room for it
    base: Path | str, pairs: Sequence[Pair], template: Template, *, material: Material, most: int, room: int | None
) -> System:
    """Return the base with as many examples (at most `most`) as the longest question has room for; the same ones for all questions."""
    shots = choose_shots(material.train, pairs, most=most)
    while True:
        turns = as_turns(shots, template)
        asked: list[Question] = [(pair.instruction, pair.input, (*turns, *pair.history)) for pair in pairs]
        prompts = template.prompts(asked)
        if not shots or room is None or max(map(len, prompts)) <= room:
            figures = {"shots": len(shots), "longest_prompt": max(map(len, prompts))}
            return System(FEW_SHOT, base, prompts, shown_turns=True, figures=figures)
        shots = shots[:-1]


def with_passage(base: Path | str, pairs: Sequence[Pair], template: Template, *, material: Material, room: int | None) -> System:
    """Return the base with the gold passage of each question in its prompt, cut around the evidence where it does not fit."""
    inputs: list[str] = []
    passages, cut = 0, 0
    for pair in pairs:

        def fits(text: str, pair: Pair = pair) -> bool:
            return room is None or len(template.prompts([(pair.instruction, text, pair.history)])[0]) <= room

        shown, was_cut = fitted(pair, material.passages.get(pair.id), fits)
        passages, cut = passages + (shown != pair.input), cut + was_cut
        inputs.append(shown)
    prompts = template.prompts([(pair.instruction, shown, pair.history) for pair, shown in zip(pairs, inputs, strict=True)])
    return System(WITH_PASSAGE, base, prompts, figures={"passages": passages, "cut": cut, "longest_prompt": max(map(len, prompts))})


def turn_tokens(template: Template) -> frozenset[int]:
    """Return the control tokens, at which an answer ends whose prompt showed several turns: the model begins another one there."""
    ids = template.tokenizer.convert_tokens_to_ids(sorted(template.control_tokens))
    return frozenset(ids if isinstance(ids, list) else [ids])


def own_turn(text: str, template: Template) -> tuple[str, bool]:
    """Return an answer without the question that the model asked itself after it, and whether there was one."""
    marker = _NEXT_TURN.get(template.name)
    answer, found, _ = text.partition(marker) if marker else (text, "", "")
    return answer.strip(), bool(found)
