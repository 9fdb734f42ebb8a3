"""The pairs that a new run has made, while the page is open: indexed in the background, and then put in place of the old ones."""

import threading
from pathlib import Path

from builder.review.desk import Desk
from builder.review.heirs import heirs
from builder.review.index import Index
from builder.review.indexing import made_index
from builder.review.sources import Sources
from schemas.errors import KilopairError


class Renewal:
    """Looks whether the newest run is the one that is indexed; whoever asks is not kept waiting."""

    def __init__(self, desk: Desk, sources: Sources) -> None:
        self._desk = desk
        self._manifest = sources.workspace / "manifest.json"
        self._key = sources.key
        self._was_chosen = sources.is_chosen
        self._seen = _stamp(self._manifest)
        self._lock = threading.Lock()
        self._at_work: threading.Thread | None = None

    @property
    def key(self) -> str:
        """The name of the dataset that is shown: another one once a run has made the pairs anew."""
        return self._key

    def look(self) -> None:
        """Begin to index what a new run has made, if there is one and nobody has begun."""
        stamp = _stamp(self._manifest)
        with self._lock:
            if stamp in (self._seen, 0) or (self._at_work and self._at_work.is_alive()):
                return
            self._seen = stamp
            self._at_work = threading.Thread(target=self._renew, daemon=True)
            self._at_work.start()

    def wait(self) -> None:
        """Return when nothing is being indexed."""
        if self._at_work:
            self._at_work.join()

    def _renew(self) -> None:
        try:
            sources = Sources.of(self._desk.workspace)
            went_as_far = sources.is_chosen or not self._was_chosen  # a run at work publishes after every stage
            if sources.key != self._key and went_as_far:
                index = Index(made_index(sources), sources.workspace)
                index.inherit(heirs(index, self._desk.log))
                self._desk.replace(index)
                self._key, self._was_chosen = sources.key, sources.is_chosen
        except (KilopairError, OSError):  # a run that came less far, or is deleting what it replaces: the old pairs stay on the page
            return


def _stamp(path: Path) -> int:
    """Return when a file was written, 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
