"""Who reviews what: items dealt to several people, some of them to all, so that their agreement can be measured."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.records import content_id


class Dealt(NamedTuple):
    """An item to be dealt; all of one group go to the same people, so that wordings of one fact are judged side by side."""

    id: str
    group: str


def divided(items: Sequence[Dealt], names: Sequence[str], overlap: float) -> dict[str, list[str]]:
    """Return the ids for each name, in the order given: a share `overlap` of them for everybody, the others for one each.

    Which ones all get is drawn by their ids, so it does not follow from what makes an item doubtful and is the same again.
    """
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item.id)
    common = _drawn(groups, round(overlap * len(items)))
    shares: dict[str, list[str]] = {name: [] for name in names}
    for group, ids in groups.items():
        least = min(shares.values(), key=len)
        for share in shares.values() if group in common else [least]:
            share.extend(ids)
    place = {item.id: number for number, item in enumerate(items)}
    return {name: sorted(share, key=place.__getitem__) for name, share in shares.items()}


def _drawn(groups: dict[str, list[str]], wanted: int) -> set[str]:
    """Return groups that hold at least so many items together, no more of them than that takes."""
    drawn: set[str] = set()
    held = 0
    for group in sorted(groups, key=lambda name: content_id("overlap", name)):
        if held >= wanted:
            break
        drawn.add(group)
        held += len(groups[group])
    return drawn
