"""How far the review of a workspace is, and how far its reviewers agree."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.lineage import split_pairs
from builder.review.accepted import EDITED, REPAIRED
from builder.review.agreed import Agreed, agreement
from builder.review.event_lines import flat
from builder.review.fold import standings
from builder.review.log import ReviewLog
from builder.step import PAIRS
from schemas.review import said_key

_SHOWN = 5  # items in dispute that are named
_OPEN = ("undecided", "skipped", "disputed")


@dataclass(frozen=True)
class Status:
    """How many items stand how, how many of the chosen pairs are decided, and how far reviewers agree."""

    events: int
    states: Mapping[str, int]
    chosen: int
    chosen_decided: int
    agreed: Agreed

    def as_json(self) -> dict[str, Any]:
        """Return the status for other programs."""
        own = {"events": self.events, "states": dict(self.states), "chosen": self.chosen, "chosen_decided": self.chosen_decided}
        return {**own, "agreement": self.agreed.as_json()}

    def lines(self) -> list[str]:
        """Return the status for people."""
        if not self.events:
            return ["nobody has decided anything yet; kilopair review opens the page"]
        names = ", ".join(f"{flat(name)} {count:,}" for name, count in self.agreed.rated.items())
        disputed = self.agreed.disputed
        more = f" and {len(disputed) - _SHOWN:,} more" if len(disputed) > _SHOWN else ""
        return [
            "items      " + ", ".join(f"{count:,} {state}" for state, count in self.states.items()),
            *([f"chosen     {self.chosen_decided:,} of {self.chosen:,} chosen pairs are decided"] if self.chosen else []),
            *([f"reviewers  {names}"] if names else []),
            *(f"agreement  {flat(two.sentence)}" for two in self.agreed.pairs),
            *([f"alpha      {_alpha(self.agreed)}"] if self.agreed.shared else []),
            *([f"disputed   {', '.join(disputed[:_SHOWN])}{more}; a final word in the page settles each"] if disputed else []),
        ]


def status(workspace: Path) -> Status:
    """Return how far the review of a workspace is."""
    with ReviewLog(workspace) as log:
        events = list(log.events())
    stand = standings(events)
    known = {name for one in stand.values() if one.state not in _OPEN for name in (one.item, one.key) if name}
    chosen = split_pairs(workspace) if (workspace / PAIRS).exists() else []
    decided = sum(bool({pair.id, said_key(pair)} & known or {EDITED, REPAIRED} & set(pair.flags)) for pair in chosen)
    states = Counter(standing.state for standing in stand.values())
    return Status(len(events), dict(states.most_common()), len(chosen), decided, agreement(events, stand))


def _alpha(agreed: Agreed) -> str:
    said = "cannot be told, as all ratings are the same" if agreed.alpha is None else f"{agreed.alpha:.2f}"
    return f"Krippendorff's alpha over {agreed.shared:,} items with several ratings: {said}"
