"""When to stop: a round that does not help, one that costs more than it brings, or one whose gain nobody could see any more."""

from collections.abc import Sequence
from math import ceil

from builder.iterate.plan import Plan
from schemas.errors import RecipeError
from schemas.iteration import IterateSection, Round, Stop, WeakFact
from schemas.proof import Comparison

ASSUMED = 0.5  # share of the strengthened facts that a first round is expected to teach: what 4 or 5 wordings of a fact brought
FEWEST = 8  # weak facts below which nothing can be said


def check_reach(section: IterateSection) -> None:
    """Refuse so few pairs that a round has no room for a fact, or all rounds together for as many as are measured at least.

    Raises:
        RecipeError: that is so; names the setting.
    """
    needed = max(section.per_fact, ceil(FEWEST * section.per_fact / section.rounds))
    if section.pairs != "auto" and section.pairs < needed:
        raise RecipeError(
            f"iterate.pairs: {section.pairs} in each of {section.rounds} rounds are too few: a fact takes up to {section.per_fact}, and of"
            f" fewer than {FEWEST} facts nothing can be said; set it to {needed} or more, raise iterate.rounds or lower iterate.per_fact"
        )


def expected_gain(strengthened: int, *, n: int, rounds: Sequence[Round], facts: Sequence[WeakFact]) -> float:
    """Return the gain in the share of the weak facts known that a round is expected to bring, by what rounds have brought so far.

    Args:
        strengthened: weak facts that the round would add wordings of.
        n: weak facts that are measured.
        rounds: those before it.
        facts: with their answers after each of them.
    """
    return (_rate(facts) if rounds else ASSUMED) * strengthened / n


def before(made: Plan, *, expected: float, last: Comparison) -> Stop | None:
    """Return why a round is not begun: there is nothing to add, no room for it, or its gain could not be seen."""
    if not made.facts:
        return "nothing_left" if made.room else "no_room"
    return "not_visible" if expected < last.detectable else None


def after(done: Round, *, rounds: int, margin: float) -> Stop | None:
    """Return why no round follows this one, or None."""
    if lost(done, margin):
        return "damage"
    if done.comparison.verdict != "better":
        return "no_help"
    return "last_round" if done.round >= rounds else None


def lost(done: Round, margin: float) -> bool:
    """Tell whether a round lost more of the facts known before than it may; where one fact alone would, only if that is shown."""
    if done.known is None or done.known.difference >= -margin:
        return False
    return done.known.n * margin >= 1 or done.known.verdict == "worse"


def best_of(rounds: Sequence[Round], margin: float) -> int:
    """Return the round that is better than the start without damage shown and knows most weak facts, the earlier of equal ones; 0: none."""
    good = [done for done in rounds if done.since_start.verdict == "better" and not _is_shown_lost(done, margin)]
    return max(good, key=lambda done: (done.weak_after, -done.round)).round if good else 0


def _is_shown_lost(done: Round, margin: float) -> bool:
    """Tell whether that is more than chance: a stop is for caution, but what was not shown does not undo what was."""
    return done.known is not None and done.known.difference < -margin and done.known.verdict == "worse"


def _rate(facts: Sequence[WeakFact]) -> float:
    """Return the share of the strengthened facts that rounds have taught, net of those that were known before."""
    touched = [fact for fact in facts if fact.rounds]
    return max(0.0, sum(fact.right[-1] - fact.right[0] for fact in touched) / len(touched)) if touched else ASSUMED
