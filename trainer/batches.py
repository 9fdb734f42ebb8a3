"""The batches of a plan as tensors, each process its share: the same rows make up an update however many processes there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from trainer.rows import IGNORED

Prepared = tuple[Sequence[int], Sequence[int]]  # input ids and labels of one row
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """Which part of every update this process computes, and in how many batches."""

    process: int = 0
    processes: int = 1
    micro_batches: int = 1


def shares(batches: Iterable[Sequence[int]], share: Share) -> list[list[int]]:
    """Return the row numbers of each batch of one process, in order; `~row` is a row whose labels do not count.

    The rows of an update are dealt out like cards, so that shares differ by one row at most. Where there are fewer rows
    than shares, a share holds a row that adds nothing to the loss: every process takes part in every update.
    """
    parts = share.processes * share.micro_batches
    own = range(share.process, parts, share.processes)
    return [list(batch[part::parts]) or [~batch[0]] for batch in batches for part in own]


class PlannedRows(Dataset[Prepared]):
    """Rows as the trainer prepared them, by number; `~row` without its labels."""

    def __init__(self, input_ids: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> None:
        self._input_ids, self._labels = input_ids, labels

    def __len__(self) -> int:
        return len(self._input_ids)

    def __getitem__(self, index: int) -> Prepared:
        if index < 0:
            return self._input_ids[~index], [IGNORED] * len(self._input_ids[~index])
        return self._input_ids[index], self._labels[index]


def collate(
    rows: Sequence[Prepared], *, multiple: int = 1, prompt_weight: float = 0.0, start_weight: float = 1.0
) -> dict[str, torch.Tensor]:
    """Pad rows on the right to a multiple of tokens, and say where the loss is.

    Returns:
        input_ids, labels and attention_mask for TRL (rows, width); places and targets of the trained positions in the
        flattened batch (n), and where they differ their weights (n): `prompt_weight` for a token of a prompt, `start_weight` for the
        first of a response, 1 for all others.
    """
    width = -(-max(len(ids) for ids, _ in rows) // multiple) * multiple
    input_ids, labels, mask = (np.full((len(rows), width), fill, dtype=np.int64) for fill in (0, IGNORED, 0))
    prompts, starts = np.zeros((2, len(rows), width), dtype=bool)
    for place, (ids, wanted) in enumerate(rows):
        input_ids[place, : len(ids)], labels[place, : len(ids)], mask[place, : len(ids)] = ids, wanted, 1
        prompts[place, : len(ids)] = prompt_weight > 0 and any(label != IGNORED for label in wanted)
        starts[place, _start(wanted)] = True
    trained = labels != IGNORED
    scored = (trained | prompts)[:, 1:]
    places = np.flatnonzero(np.pad(scored, ((0, 0), (0, 1))))
    arrays = {"input_ids": input_ids, "labels": labels, "attention_mask": mask, "places": places, "targets": input_ids[:, 1:][scored]}
    if prompt_weight or start_weight != 1:
        arrays["weights"] = _weights(trained[:, 1:][scored], starts[:, 1:][scored], prompt_weight, start_weight)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _start(labels: Sequence[int]) -> list[int]:
    """Return the place of the first token of a response; raw text, all of it in the loss but its first token, has none."""
    first = next((place for place, label in enumerate(labels) if label != IGNORED), 0)
    return [first] if first > 1 else []


def _weights(trained: Flags, starts: Flags, prompt: float, start: float) -> NDArray[np.float32]:
    return np.select([starts, trained], [np.float32(start), np.float32(1)], np.float32(prompt))


def loader(rows: PlannedRows, batches: list[list[int]], *, collate_fn: Callable[[Any], Any], pinned: bool) -> DataLoader[Any]:
    """Serve the batches in their order; skipping the first ones to go on after an interruption works as with any DataLoader."""
    return DataLoader(rows, batch_sampler=batches, collate_fn=collate_fn, pin_memory=pinned)
