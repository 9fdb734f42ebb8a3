"""General text and prompts, to see whether a model still knows what was not in the documents.

The sample was written for this probe, but for its classics, which are in the public domain and which most pretrained models know by
heart. It shares no run of 13 words with the general text that a training may mix in (`replay`), so no training has read it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from schemas.errors import InputError
from trainer.evenly import evenly

SAMPLE = Path(__file__).with_name("general_sample.txt")
PROMPTS = Path(__file__).with_name("general_prompts.jsonl")
RUN = 13  # words in a row that two texts share only where one was copied (GPT-3's test for contamination, Brown et al. 2020)
MOST = 400  # passages that are read of a text of the user's, evenly spread
_HEADING = re.compile(r"^==(?!=) *(\S.*?)(?: *==)?$", re.MULTILINE)
_KINDS = (".txt", ".md")


@dataclass(frozen=True)
class Passage:
    """A paragraph of general text, and the register that it is in."""

    register: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """A question that needs no document, with its right answers."""

    kind: str
    prompt: str
    answers: tuple[str, ...]

    def is_right(self, answer: str) -> bool:
        """Tell whether the first line of an answer holds a right one; where the question holds it too, the line must be nothing else."""
        line = next(iter(answer.strip().splitlines()), "")
        return any(self._holds(line, right) for right in self.answers)

    def _holds(self, line: str, right: str) -> bool:
        wanted, said, asked = (_words(text, is_exact=right.isupper()) for text in (right, line, self.prompt))
        return said == wanted if _stands_in(wanted, asked) else _stands_in(wanted, said)


def passages(path: Path | None = None) -> list[Passage]:
    """Return the passages of the shipped sample, of a text file, or of the text files of a folder, each a register of its own.

    A blank line ends a passage; a line `== name` begins a register.

    Raises:
        InputError: there is no such file or folder, it is not UTF-8, or holds fewer than two passages.
    """
    place = path or SAMPLE
    files = sorted(file for file in place.rglob("*") if file.suffix in _KINDS) if place.is_dir() else [place]
    try:
        found = [passage for file in files for passage in _passages(file.read_text(encoding="utf-8"), file.stem)]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"evaluate.general_text: {place}: cannot be read ({error}); give a UTF-8 text file or a folder of them") from None
    if len(found) < 2:
        raise InputError(f"evaluate.general_text: {place}: holds fewer than two passages; a blank line ends one")
    return evenly(found, MOST)


def prompts() -> list[Prompt]:
    """Return the shipped prompts."""
    rows = map(json.loads, PROMPTS.read_text(encoding="utf-8").splitlines())
    return [Prompt(row["kind"], row["prompt"], tuple(row["answers"])) for row in rows]


def shared_runs(texts: Iterable[str], others: Iterable[str], *, words: int = RUN) -> int:
    """Count the runs of words of `texts` that stand in one of `others`."""
    known = {run for text in texts for run in _runs(text, words)}
    return len({run for text in others for run in _runs(text, words) if run in known})


def _passages(text: str, name: str) -> Iterator[Passage]:
    parts = _HEADING.split(text)
    for register, body in zip([name, *parts[1::2]], parts[::2], strict=True):
        yield from (Passage(register, told.strip()) for told in re.split(r"\n\s*\n", body) if told.strip())


def _words(text: str, *, is_exact: bool = False) -> list[str]:
    return re.findall(r"\w+", text if is_exact else text.lower())


def _runs(text: str, length: int) -> Iterator[tuple[str, ...]]:
    found = _words(text)
    return zip(*(islice(found, start, None) for start in range(length)), strict=False)


def _stands_in(wanted: Sequence[str], words: Sequence[str]) -> bool:
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))
