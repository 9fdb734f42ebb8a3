"""Instructions like Alpaca's for benchmarks, of any number and always the same: frames, made words by Zipf's law, and near copies."""

from collections.abc import Iterator

import numpy as np

FRAMES = (
    "what is the", "how do i", "explain the", "write a short story about", "give three examples of", "describe the difference between",
    "create a list of", "rewrite the following sentence about", "generate a", "name the", "why does", "classify the following",
    "summarize the main points of", "suggest a", "compare the", "convert the", "find the", "edit the text about", "when should we", "who is",
)  # fmt: skip
SMALL = ("of", "the", "a", "in", "for", "and", "to", "with", "on", "by")
SYLLABLES = tuple(first + vowel for first in "bcdfghjklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "ar", "en", "il", "on", "us"))
VOCABULARY = 200_000
COPIES = 0.2  # of the instructions are near copies of earlier ones


def instructions(count: int, *, seed: int = 0) -> list[list[str]]:
    """Return the words of `count` instructions, 17 on average; the first n of more are those of n."""
    random = np.random.default_rng(seed)
    made: list[list[str]] = []
    for _ in range(count):
        if made and random.random() < COPIES:
            made.append(_copy(made[int(random.integers(len(made)))], random))
        else:
            made.append(list(_fresh(random)))
    return made


def word(rank: int) -> str:
    """Return the made word of a rank, the same at any time: a number in syllables."""
    text = ""
    while True:
        rank, rest = divmod(rank, len(SYLLABLES))
        text += SYLLABLES[rest]
        if not rank:
            return text


def _fresh(random: np.random.Generator) -> Iterator[str]:
    yield from FRAMES[int(random.integers(len(FRAMES)))].split()
    for rank in np.exp(random.random(int(random.gamma(3.0, 3.2)) + 3) * np.log(VOCABULARY)).astype(int).tolist():
        if random.random() < 0.3:
            yield SMALL[int(random.integers(len(SMALL)))]
        yield word(rank)


def _copy(text: list[str], random: np.random.Generator) -> list[str]:
    copy = list(text)
    for _ in range(int(random.integers(1, 4))):
        place = int(random.integers(len(copy)))
        copy[place : place + 1] = [] if random.random() < 0.3 and len(copy) > 3 else [word(int(random.integers(VOCABULARY)))]
    return copy
