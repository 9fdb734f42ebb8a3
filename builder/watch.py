"""What a run tells whoever watches it: stages that start, go on and end. Printing is the CLI's business."""

from collections.abc import Mapping
from typing import Protocol


class Watch(Protocol):
    """Told about the progress of a run; every method may be called often and must be quick."""

    def started(self, stage: str) -> None:
        """Say that a stage is being made."""

    def advanced(self, stage: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Say that `done` of `total` units of a stage are made; a total of 0: nobody knows."""

    def finished(self, stage: str, counts: Mapping[str, object], *, seconds: float, fresh: bool) -> None:
        """Say that a stage is there; `fresh` means that it was made now, not found."""


class Silent:
    """Watches nothing."""

    def started(self, stage: str) -> None:
        """Ignore."""

    def advanced(self, stage: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Ignore."""

    def finished(self, stage: str, counts: Mapping[str, object], *, seconds: float, fresh: bool) -> None:
        """Ignore."""
