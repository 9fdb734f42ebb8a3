"""The pairs that the same base is trained on: the curated ones, as many by a simpler rule, parts of the curated, and any of the user's.

Random and longest are drawn from all valid pairs, before any gate of the curation: what a tool without curation would train on.
`random` and `longest` know no rule but their own (Diddee and Ippolito 2024; Zhao et al. 2024); `random_facts` takes whole facts, with
as many wordings as the curation allows, and so tells the choice of facts from the number of their wordings; where there are not enough
of them it has fewer pairs, and a file of the user's has any number.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from builder.curation.baselines import Baseline, baseline
from builder.curation.importing import import_pairs
from builder.curation.table import table
from builder.prove.exam import Exam
from builder.wordings import seeded
from schemas.errors import InputError, UsageError
from schemas.records import Pair
from schemas.training import ProveSection

CURATED = "curated"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OWN = (CURATED, "base", "random", "random_facts", "longest")


@dataclass(frozen=True)
class Selection:
    """Pairs to train on, for each seed; how many were left out because they would have leaked, and how many leak all the same: none."""

    name: str
    draws: Mapping[int, tuple[Pair, ...]]
    left_out: int = 0
    leaks: int = 0
    share: float = 1.0

    @property
    def size(self) -> int:
        """How many pairs each draw has."""
        return len(next(iter(self.draws.values())))


@dataclass(frozen=True)
class Selecting:
    """What selections are made of: the divided pairs, all valid ones, the questions, the section, the seeds of the trainings."""

    pairs: Sequence[Pair]
    valid: Sequence[Pair]
    exam: Exam
    section: ProveSection
    seeds: Sequence[int]
    per_fact: int

    def all(self, files: Mapping[str, Path]) -> list[Selection]:
        """Return the curated pairs first, then the rivals, the user's own, and the parts of the curated.

        Raises:
            InputError: a rule has fewer pairs to draw from than were curated, or a file has none that may be trained on.
            UsageError: a name is taken or is none.
        """
        curated = self._checked(CURATED, dict.fromkeys(self.seeds, self._curated()))
        rivals = self._rivals() if self.section.against else []
        own = [self._own(name, path) for name, path in files.items()]
        return [curated, *rivals, *own, *self._parts()]

    def _curated(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.split == "train")

    def _rivals(self) -> list[Selection]:
        pool, left_out = self._clean(self.valid)
        wanted = len(self._curated())
        if len(pool) < wanted:
            raise InputError(
                f"{len(pool):,} of the {len(self.valid):,} valid pairs may be drawn from, fewer than the {wanted:,} curated ones in train: "
                "there was nothing to choose, so there is nothing to prove; make more drafts (generate.wordings, generate.target) "
                "or choose fewer (curate.target)"
            )
        return [self._rival(name, pool, left_out) for name in self.section.against]

    def _rival(self, name: str, pool: Sequence[Pair], left_out: int) -> Selection:
        kind = cast("Baseline", name.removesuffix("_facts"))
        draws: dict[int, tuple[Pair, ...]] = {}
        for seed in self.seeds:  # a draw for each training: the interval is then that of the rule, not of one draw
            settings = {"target": len(self._curated()), "per_fact": self.per_fact, "seed": seed if kind == "random" else self.seeds[0]}
            chosen = baseline(kind, pool, **settings, whole_facts=name.endswith("_facts"))
            draws[seed] = tuple(_taught(pair) for pair in chosen if isinstance(pair, Pair))
        return self._checked(name, draws, left_out)

    def _own(self, name: str, path: Path) -> Selection:
        if not _NAME.fullmatch(name) or name in _OWN or name.startswith(f"{CURATED}_"):  # those are its parts
            raise UsageError(f"--selection {name}=...: give it a name of small letters, digits and _, other than {', '.join(_OWN)}")
        found = read_selection(path, [*self.pairs, *self.valid])
        kept, _ = self._clean(found)
        kept = [pair for pair, alike in zip(kept, self.exam.asked_alike(kept), strict=True) if not alike]
        if not kept:
            raise InputError(
                f"{path}: none of its {len(found):,} pairs may be trained on: each shares something with the held-out questions"
            )
        return self._checked(name, dict.fromkeys(self.seeds, tuple(map(_taught, kept))), len(found) - len(kept))

    def _parts(self) -> list[Selection]:
        """Return nested parts of the curated pairs, in whole facts: each holds the smaller ones."""
        parts = []
        for share in sorted({share for share in self.section.shares if share < 1}):
            name, pairs = f"curated_{100 * share:g}".replace(".", "_"), part(self._curated(), share, seed=self.seeds[0])
            parts.append(self._checked(name, dict.fromkeys(self.seeds, pairs), share=share))
        return parts

    def _clean(self, pairs: Sequence[Pair]) -> tuple[list[Pair], int]:
        kept = [pair for pair, way in zip(pairs, self.exam.leaks(pairs), strict=True) if not way]
        return kept, len(pairs) - len(kept)

    def _checked(self, name: str, draws: Mapping[int, tuple[Pair, ...]], left_out: int = 0, share: float = 1.0) -> Selection:
        """Count the leaks of what will be trained on, whatever was done against them."""
        held = list({pair.id: pair for pairs in draws.values() for pair in pairs}.values())
        return Selection(name, draws, left_out, sum(map(bool, self.exam.leaks(held))), share)


def part(pairs: Sequence[Pair], share: float, *, seed: int) -> tuple[Pair, ...]:
    """Return about a share of the pairs in whole facts, in order; a smaller share of the same pairs is inside of it."""
    sizes: dict[str, int] = {}
    for pair in pairs:
        sizes[pair.group] = sizes.get(pair.group, 0) + 1
    chosen: set[str] = set()
    wanted, taken = share * len(pairs), 0
    for fact in sorted(sizes, key=lambda fact: seeded(seed, fact)):
        if chosen and taken + sizes[fact] / 2 > wanted:
            break
        chosen.add(fact)
        taken += sizes[fact]
    return tuple(pair for pair in pairs if pair.group in chosen)


def read_selection(path: Path, known: Iterable[Pair]) -> list[Pair]:
    """Return the pairs of a file: ids of pairs of the run (lines, or a JSON list), or rows of any form that kilopair imports.

    Raises:
        InputError: it cannot be read, names an unknown id, or holds no pair.
    """
    ids = _ids(path)
    if ids is None:
        pairs = [record for record in import_pairs(table(path), {}) if isinstance(record, Pair)]
        if not pairs:
            raise InputError(f"{path}: none of its rows is a pair; kilopair import {path} shows why")
        return pairs
    by_id = {pair.id: pair for pair in known}
    if unknown := next((name for name in ids if name not in by_id), None):
        raise InputError(f"{path}: {unknown} is no pair of this run; ids are those of pairs.jsonl and drafts.jsonl in the workspace")
    return [by_id[name] for name in dict.fromkeys(ids)]


def _ids(path: Path) -> list[str] | None:
    """Return the ids that a file lists, or None if it holds rows."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file of pairs or of their ids") from None
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except json.JSONDecodeError:
            return None
        return listed if listed and all(isinstance(name, str) for name in listed) else None
    lines = text.split()
    return lines if lines and all(line.startswith("pair-") for line in lines) else None


def _taught(pair: Pair) -> Pair:
    return pair.model_copy(update={"split": "train"})
