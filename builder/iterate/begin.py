"""Before the first round: the weak facts are found, wordings of them made where an endpoint can be asked, and what is measured is fixed."""

from collections.abc import Sequence

from builder.iterate.asking import asks, wordings
from builder.iterate.facts import with_more
from builder.iterate.measure import Measure
from builder.iterate.plan import is_full, is_small, reach_of, room_of
from builder.iterate.rounds import Rounds
from builder.iterate.spare import spare
from builder.iterate.spots import spots
from builder.iterate.stop import FEWEST
from builder.step import PAIRS, Step
from builder.store import read_records
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.records import Pair
from trainer.evaluation.declared import design


def begun(step: Step) -> Rounds:
    """Return the rounds of a run, none of them trained yet."""
    recipe, notices = step.recipe, []
    pool = list(read_records(spare(step).folder / PAIRS, Pair))
    found = spots(step, pool, more_to_come=asks(recipe))
    train = [pair for pair in step.pairs("split") if pair.split == "train"]
    section = recipe.iterate
    room = room_of(recipe, train, chosen=len(step.pairs("split")), giving=found.giving)
    weak = list(found.weak[: reach_of(room, train, rounds=section.rounds)])
    enough = len(found.weak) >= FEWEST
    full, small = (enough and lacks(room, train, rounds=section.rounds, wanted=FEWEST) for lacks in (is_full, is_small))
    if asks(recipe) and weak:
        more, notices = wordings(step, weak, [*step.pairs("split"), *pool])
        weak = [with_more(fact, more.get(fact.group, []), seed=recipe.seed) for fact in weak]
    weak = [fact for fact in weak if fact.measure and fact.spare]
    known = [fact for fact in found.known if fact.measure][: max(100, len(weak))]
    measure = Measure(tuple(weak), tuple(known), {document.id: document.path for document in step.documents()})
    held = {pair.id for fact in (*found.weak, *found.known) for pair in fact.held_out} | {pair.id for pair in measure.asked}
    return Rounds(step, design_of(recipe), found, measure, _beside(pool, held, measure), notices, is_full=full, is_small=small)


def design_of(recipe: Recipe) -> Design:
    """Return how rounds are compared: as the evaluation compares, but by the margin of the rounds and the seed of the run."""
    return design(recipe.evaluate).model_copy(update={"margin": recipe.iterate.margin, "seed": recipe.seed})


def _beside(pool: Sequence[Pair], held: set[str], measure: Measure) -> list[Pair]:
    """Return what the control may draw from: nothing that is asked, nor near copies of it."""
    spare = {fact.group: {pair.id for pair in fact.spare} for fact in (*measure.weak, *measure.known)}
    return [pair for pair in pool if pair.id not in held and pair.id in spare.get(pair.group, {pair.id})]
