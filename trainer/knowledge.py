"""What a model knows of facts, before and after training: SliCK (Gekhman et al. 2024, arXiv 2405.05904).

Every fact is asked in several ways, and each answer is compared with the reference. Highly known: every greedy answer is right;
maybe known: some are; weakly known: none is, but one sampled at a temperature; unknown: never. Sampling changes the level of no
fact that a greedy answer was right about, so only the others are sampled.

A base is asked as in the paper, in plain text after a few examples, another set of them each time. A tuned model is asked as it
was trained, by the wordings of the fact. Beside the answers stands a measure for models too small to say what they know: the
place of the right answer among those of other facts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from transformers import PreTrainedTokenizerBase

from schemas.diagnosis import LEVELS, Level
from schemas.records import Pair
from schemas.training import DiagnoseSection
from trainer.answer_match import is_right
from trainer.asking import Asked, Fact, after_examples, alike, as_trained, room_for
from trainer.generate import Choose, at_once, generate, likeliest, sampled
from trainer.ranking import ranks_of


@dataclass(frozen=True)
class Known:
    """What a model knows of a fact; `greedy` and `sampled` are shares of right answers, `ranks` of the right answer are from 1."""

    level: Level
    greedy: float | None
    sampled: float | None
    ranks: tuple[int, ...]


def probe(  # noqa: PLR0913 - what a model is, what it is asked, and how
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    facts: Sequence[Fact],
    *,
    section: DiagnoseSection,
    seed: int,
    examples: Sequence[Pair] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> list[Known]:
    """Return what a model knows of each fact.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer, that of a tuned model with its template.
        facts: what it is asked.
        section: how many prompts, examples and samples, and whether answers are generated or only ranked.
        seed: of the sampled answers and of the choice of examples.
        examples: training pairs, of which some stand before every question, none of the fact's own passage; empty: the model
            is asked as it was trained.
        progress: told how many facts were asked so far.
    """
    if examples:
        asked = after_examples(model, tokenizer, facts, examples, section=section, seed=seed)
    else:
        asked = as_trained(model, tokenizer, facts, section.prompts)
    ranks = ranks_of(asked, facts, prompts=1 if section.probe == "answers" else section.prompts)
    if section.probe == "likelihood":
        progress(len(facts))
        return [Known(level_of_ranks(own), None, None, own) for own in ranks]
    return _answered(asked, facts, ranks, section=section, seed=seed, progress=progress)


def level_of(greedy: Sequence[bool], drawn: Sequence[bool]) -> Level:
    """Return the level of a fact by its greedy and its sampled answers."""
    if any(greedy):
        return "highly_known" if all(greedy) else "maybe_known"
    return "weakly_known" if any(drawn) else "unknown"


def level_of_ranks(ranks: Sequence[int]) -> Level:
    """Return the level of a fact by the places of its answer: first each time, in half of the prompts, once, or never."""
    first = sum(rank == 1 for rank in ranks)
    if not ranks or not first:
        return "unknown"
    if first == len(ranks):
        return "highly_known"
    return "maybe_known" if 2 * first >= len(ranks) else "weakly_known"


def transitions(pairs: Sequence[tuple[Level, Level]]) -> tuple[tuple[int, ...], ...]:
    """Return how many facts went from which level of the base (rows) to which of the tuned model (columns), 4 x 4."""
    return tuple(tuple(sum(pair == (before, after) for pair in pairs) for after in LEVELS) for before in LEVELS)


def _answered(  # noqa: PLR0913 - the settings of one loop
    asked: Asked,
    facts: Sequence[Fact],
    ranks: Sequence[tuple[int, ...]],
    *,
    section: DiagnoseSection,
    seed: int,
    progress: Callable[[int], None],
) -> list[Known]:
    """Answer greedily, then sample where no greedy answer was right; facts whose answers are of like length share their batches."""
    found: dict[int, Known] = {}
    draws = sampled(section.temperature, seed=seed, device=asked.model.device)
    lengths = [len(asked.write(fact.pair.output)) for fact in facts]
    for places in alike(lengths):
        most = room_for([lengths[place] for place in places])
        greedy = _right(asked, facts, places, most=most, choose=likeliest, copies=1)
        silent = [place for place in places if not any(greedy[place])] if section.samples else []
        drawn = _right(asked, facts, silent, most=most, choose=draws, copies=section.samples) if silent else {}
        for place in places:
            own = drawn.get(place, [])
            level = level_of(greedy[place], own)
            found[place] = Known(level, fmean(greedy[place]), fmean(own) if own else None, ranks[place])
        progress(len(found))
    return [found[place] for place in range(len(facts))]


def _right(  # noqa: PLR0913 - the settings of one call
    asked: Asked, facts: Sequence[Fact], places: Sequence[int], *, most: int, choose: Choose, copies: int
) -> dict[int, list[bool]]:
    """Return for each fact at `places` which of its answers are right."""
    owners = [place for place in places for _ in asked.prompts[place]]
    prompts = [prompt for place in places for prompt in asked.prompts[place]]
    answers = generate(
        asked.model,
        prompts,
        ends=asked.ends,
        max_new_tokens=most,
        batch_size=at_once(asked.model),
        choose=choose,
        copies=copies,
    )
    right: dict[int, list[bool]] = {place: [] for place in places}
    for number, answer in enumerate(answers):
        place = owners[number // copies]
        text = asked.read(answer.tokens)
        right[place].append(any(is_right(said, facts[place].pair.output) for said in (text, text.partition("\n\n")[0])))
    return right
