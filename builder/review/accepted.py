"""What a person said yes to carries a flag, and the gates of the choice treat it as that says.

Who read a pair beside its source knows more of it than any rule: so signs of doubt, of form and of grounding no longer drop it, no
judge is asked, a copy of it that nobody accepted goes, and it is chosen first, whatever the limits. What may not leave the house, what
an evaluation file asks, and what another accepted pair says already, leave all the same.
"""

from schemas.records import Pair

ACCEPTED, EDITED, REPAIRED = "accepted", "edited", "repaired_by_person"
FLAGS = frozenset({ACCEPTED, EDITED, REPAIRED})


def is_accepted(pair: Pair) -> bool:
    """Whether a person accepted the pair, be it after changing it."""
    return not FLAGS.isdisjoint(pair.flags)
