"""What answers without asking: the journal alone, for repeating a run and for finding out what would have to be asked."""

from generators.llm.calls import Reply, Request, RequestFailedError
from generators.llm.journal import Journal
from schemas.records import Reason


class Offline:
    """Answers from the journal only: by what is asked, or (`by_slot`) by what it was asked for, whatever the prompt was then."""

    def __init__(self, journal: Journal, *, by_slot: bool = False) -> None:
        self.notices: list[str] = []
        self._journal = journal
        self._by_slot = by_slot

    def figures(self) -> dict[str, float]:
        """Return how many answers were found."""
        return {"from_journal": self._journal.counts.from_journal}

    async def complete(self, request: Request) -> Reply:
        """Return the answer that the journal holds.

        Raises:
            RequestFailedError: it holds none (NOT_ASKED).
        """
        stored = self._journal.completion(request)
        if stored is None and self._by_slot and request.slot:
            stored = self._journal.by_slot(request.slot)
        if stored is None:
            raise RequestFailedError("it was never asked, and nothing is asked now", reason=Reason.NOT_ASKED)
        self._journal.reused()
        return Reply(request.key, stored.raw, from_journal=True, source=stored.source)


class Collector(Offline):
    """Answers from the journal, and keeps what would have to be asked in `missing`, by key."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.missing: dict[str, Request] = {}

    async def complete(self, request: Request) -> Reply:
        """Return the answer that the journal holds, or keep the request and fail."""
        try:
            return await super().complete(request)
        except RequestFailedError:
            self.missing[request.key] = request
            raise
