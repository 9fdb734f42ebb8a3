"""How hard a pair is: one small scale for what rules and models write, so that a choice can be balanced by it.

- **basic**: one point, asked plainly: what something is, how much, when, who, whether it is allowed;
- **detailed**: several details together: the steps of a procedure, a rule with its exceptions, a list, a summary;
- **applied**: something is held against something else: a case against a rule, a question against a passage that may not answer it.

It is known where a pair is made and never guessed afterwards: a rule has that of its family (`extractive/catalogue.yaml`); a task
of a model that of its ask, where the prompt sets the level, else its own (`difficulty` of task.yaml); a harder version of a pair
is one level above it. `extra["difficulty"]` of the pair holds it; pairs that people brought along have what their file says.
"""

from typing import Literal, get_args

Difficulty = Literal["basic", "detailed", "applied"]
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)
FIELD = "difficulty"  # its name in `extra`


def harder(level: object) -> Difficulty:
    """Return the level above another one, the highest for the highest; above one that nobody knows: detailed."""
    place = DIFFICULTIES.index(level) if level in DIFFICULTIES else 0
    return DIFFICULTIES[min(place + 1, len(DIFFICULTIES) - 1)]
