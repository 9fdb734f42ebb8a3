"""Which facts are asked of base and tuned model, and what is told about each fact that was asked or held out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from builder.curation.asked import Question
from builder.diagnose.judged import Judged, Places
from schemas.diagnosis import FactFound, Failure, Probed
from schemas.records import Pair
from schemas.training import DiagnoseSection

if TYPE_CHECKING:
    from trainer.asking import Fact
    from trainer.knowledge import Known

MOST_WORDS = 40  # of an answer that can be told right or wrong by its words


def askable(pairs: Sequence[Pair]) -> list["Fact"]:
    """Return the facts that can be asked without a text beside the question, in the order of `pairs`, held-out wordings first."""
    from trainer.asking import Fact

    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.grounding == "quoted" and not pair.input.strip() and not pair.history and len(pair.output.split()) <= MOST_WORDS:
            groups[pair.group].append(pair)
    facts = []
    for group in groups.values():
        first, *others = sorted(group, key=lambda pair: (pair.split == "train", pair.id))
        same = [pair for pair in others if Question(pair).response == Question(first).response]
        facts.append(Fact(first, tuple(dict.fromkeys(pair.instruction for pair in (first, *same)))))
    return facts


def readable(facts: Sequence["Fact"], prompts: int, models: Mapping[str, str]) -> list["Fact"]:
    """Return the facts that every model has room for, however they are worded; to the others nobody could answer.

    Args:
        facts: what would be asked.
        prompts: times that each fact is asked.
        models: folders, that of the tuned one named so: its template is used for all.
    """
    from trainer.evaluation.room import fitting
    from trainer.model import load_tokenizer
    from trainer.templates import choose_template

    longest = [(fact.pair.group, fact.pair.model_copy(update={"instruction": max(fact.questions(prompts), key=len)})) for fact in facts]
    left, _ = fitting(longest, choose_template(load_tokenizer(models["tuned"])), models.values())
    groups = {group for group, _ in left}
    return [fact for fact in facts if fact.pair.group in groups]


def verbatim(asked: Sequence["Fact"], train: Sequence[Pair], prompts: int) -> float:
    """Return the share of the questions about facts that stand in `train` word for word."""
    taught = {pair.instruction for pair in train}
    questions = [question for fact in asked for question in fact.questions(prompts)]
    return sum(question in taught for question in questions) / len(questions) if questions else 0.0


def found_facts(  # noqa: PLR0913 - what is known of facts, from five places
    rows: Sequence[Judged],
    failures: Sequence[Failure],
    taught: Mapping[str, Sequence[str]],
    *,
    asked: Sequence["Fact"],
    known: Mapping[str, Sequence["Known"]],
    places: Places,
) -> tuple[FactFound, ...]:
    """Return every fact that was asked or held out, once.

    Args:
        rows: the held-out answers.
        failures: those that are wrong.
        taught: ids of training pairs by group.
        asked: the facts that were asked of the models.
        known: what each model knows of them, in their order.
        places: where pairs come from.
    """
    first = {row.pair.group: row.pair for row in reversed(rows)}
    shown = {row.pair.group: first[row.pair.group] for row in rows} | {fact.pair.group: fact.pair for fact in asked}
    failed: dict[str, list[Failure]] = defaultdict(list)
    for one in failures:
        failed[one.group].append(one)
    numbers = {fact.pair.group: number for number, fact in enumerate(asked)}
    return tuple(
        _fact(
            pair,
            failed[group],
            taught.get(group, ()),
            places,
            {name: own[numbers[group]] for name, own in known.items() if group in numbers},
        )
        for group, pair in shown.items()
    )


def _fact(pair: Pair, failed: Sequence[Failure], taught: Sequence[str], places: Places, known: Mapping[str, "Known"]) -> FactFound:
    place = places.of(pair)
    lessons = dict.fromkeys([*taught, *(one for failure in failed for one in failure.taught)])
    near = dict.fromkeys(neighbour.pair_id for failure in failed for neighbour in failure.nearest)
    return FactFound(
        group=pair.group,
        document=place.document,
        section=place.section,
        chunk=pair.provenance.chunk_id,
        question=pair.instruction,
        reference=pair.output,
        classes={name: one.level for name, one in known.items()},
        ranks={name: round(fmean(one.ranks), 2) for name, one in known.items() if one.ranks},
        taught=tuple(lessons),
        failures=tuple(one.pair_id for one in failed),
        nearest=() if lessons else tuple(near),
    )


def probed(section: DiagnoseSection, known: Mapping[str, Sequence["Known"]], of: int, seed: int) -> Probed | None:
    """Return how facts were asked and what came of it; None where none was asked."""
    from schemas.diagnosis import LEVELS
    from trainer.ranking import CHOICES

    if section.probe == "none" or not known["base"]:
        return None
    moved = [LEVELS.index(before.level) - LEVELS.index(after.level) for before, after in zip(known["base"], known["tuned"], strict=True)]
    firsts = {name: [rank == 1 for one in own for rank in one.ranks] for name, own in known.items()}
    ranked = all(firsts.values())
    return Probed(
        by=section.probe,
        facts=len(moved),
        of=of,
        prompts=section.prompts,
        samples=section.samples if section.probe == "answers" else 0,
        temperature=section.temperature,
        seed=seed,
        choices=CHOICES if ranked else 0,
        first={name: fmean(own) for name, own in firsts.items()} if ranked else {},
        chance=1 / CHOICES if ranked else 0.0,
        gained=sum(step > 0 for step in moved),
        damaged=sum(step < 0 for step in moved),
    )
