"""The rounds in words: one sentence for people, and a table for the terminal."""

from collections.abc import Iterator

from schemas.iteration import Iteration, Round


def sentence(made: Iteration) -> str:
    """Return what the rounds came to, whatever that is."""
    if not made.rounds:
        return f"No round was begun: {_why_none(made)}."
    best = next((done for done in made.rounds if done.round == made.best), None)
    if best is None:
        last = made.rounds[-1]
        if last.since_start.verdict == "better" and last.known:
            return f"No round is taken: {last.since_start.sentence}; but {last.known.sentence}."
        return f"No round was shown to help: {last.since_start.sentence}. Stopped, because {made.stopped_because}."
    beside = f" As many pairs drawn at random: {_share(best.control.first_mean)}." if best.control else ""
    if best.known and best.known.difference < 0:
        beside += f" Of the facts known before: {_share(best.known.second_mean)}, with the run's own pairs {_share(best.known.first_mean)}."
    beside += "".join(f" But {told.sentence}." for told in made.held_out if told.verdict == "worse")
    end = f"Stopped after round {made.rounds[-1].round}, because {made.stopped_because}."
    return (
        f"Round {best.round} knows {_share(best.weak_after)} of {made.n} weak facts, the run's own pairs"
        f" {_share(best.since_start.first_mean)}: {best.since_start.sentence}.{beside} {end}"
    )


def table(made: Iteration) -> Iterator[str]:
    """Yield the rounds as lines of a table: what changed, and what share of the weak and of the known facts is answered rightly."""
    yield f"{'round':<6} {'added':>6} {'out':>5} {'facts':>6} {'weak facts known':>17} {'at random':>10} {'known facts':>12}  shown"
    if made.rounds:
        first = made.rounds[0].since_start.first_mean
        known = made.rounds[0].known
        yield f"{0:<6} {'':>6} {'':>5} {'':>6} {_share(first):>17} {'':>10} {_share(known.first_mean) if known else '':>12}"
    for done in made.rounds:
        random = _share(done.control.first_mean) if done.control else ""
        kept = _share(done.known.second_mean) if done.known else ""
        yield (
            f"{done.round:<6} {done.added:>6} {done.replaced:>5} {done.facts:>6} {_share(done.weak_after):>17} {random:>10} {kept:>12}"
            f"  {_shown(done)}"
        )


def _shown(done: Round) -> str:
    told = done.comparison
    sides = f"{100 * told.difference:+.1f} points ({100 * told.low:+.1f} to {100 * told.high:+.1f})".replace("-", "−")
    return f"{told.verdict.replace('_', ' ')}: {sides}"


def _why_none(made: Iteration) -> str:
    found = f"of {made.asked} facts asked about, {made.wrong} were answered wrongly, {made.n} of them can be taught and measured"
    return f"{found}; {made.stopped_because}"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
