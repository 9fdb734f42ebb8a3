"""What answers the generate step's requests: the endpoint, a server for a model file, a recording; and where each answer came from."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import WorkspaceError
from schemas.recipe import EndpointSection, Recipe

if TYPE_CHECKING:
    from generators.alpaca.generate import Answers, OpenAnswers
    from generators.llm.calls import Reply, Request
    from generators.llm.journal import Journal

JOURNAL = "journal.sqlite"
BATCH = "batch"  # the folder of the workspace that holds the ledger, the exports and the results


def open_answers(recipe: Recipe, root: Path, folder: Path, *, came: Counter[str] | None = None) -> "OpenAnswers":
    """Return what opens the endpoint of the recipe, its own server for a model file, or the recording that stands in for it.

    Args:
        recipe: names them.
        root: the folder that its paths are relative to.
        folder: the workspace, with the journal.
        came: counts the answers by where they came from: online, batch or replay.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator["Answers"]:
        from generators.llm.engine import Engine
        from generators.llm.journal import Journal
        from generators.llm.offline import Offline

        endpoint = recipe.endpoint
        counts = Counter[str]() if came is None else came
        async with AsyncExitStack() as stack:
            journal = stack.enter_context(Journal(folder / JOURNAL))
            if endpoint.replay:
                from generators.llm.recording import replay_into

                replay_into(journal, root / endpoint.replay)
                yield Counted(Offline(journal), journal, counts)
                return
            if recipe.generate.generator == "local":
                from generators.llm.local import local_endpoint

                file = root / endpoint.model_file if endpoint.model_file else None
                endpoint = stack.enter_context(local_endpoint(endpoint.model_copy(update={"model_file": file})))
            engine = await stack.enter_async_context(Engine(endpoint, recipe.budget, journal))
            yield Counted(engine, journal, counts, endpoint=endpoint, out=_out(folder, journal))

    return opened


def _out(folder: Path, journal: "Journal") -> frozenset[str]:
    """Return the names of the requests that are out in batches, so that their answers may still come."""
    from generators.llm.batch import sent_files, waiting
    from generators.llm.batch_files import Ledger

    is_any = any(file.is_out for file in sent_files(journal))
    return waiting(journal, Ledger(folder / BATCH)) if is_any else frozenset()


class Counted:
    """Answers that are counted by where they came from; what is out in a batch is not asked a second time."""

    def __init__(
        self,
        answers: "Answers",
        journal: "Journal",
        came: Counter[str],
        *,
        endpoint: EndpointSection | None = None,
        out: frozenset[str] = frozenset(),
    ) -> None:
        self._answers, self._journal, self._came, self._endpoint, self._out = answers, journal, came, endpoint, out

    @property
    def notices(self) -> list[str]:
        """What the user should be told once: of the answers, and of what the endpoint does not take."""
        return [*self._answers.notices, *recordings(self._journal, self._came), *self._left_out()]

    def figures(self) -> dict[str, float]:
        """Return what was asked and spent so far."""
        return dict(self._answers.figures())

    async def complete(self, request: "Request") -> "Reply":
        """Answer one request.

        Raises:
            WorkspaceError: it has no answer yet and is out in a batch.
        """
        self._refuse_twice(request)
        reply = await self._answers.complete(request)
        self._came[reply.source] += 1
        return reply

    def _refuse_twice(self, request: "Request") -> None:
        from generators.llm.batch_files import custom_id

        if self._out and custom_id(request) in self._out and self._journal.completion(request) is None:
            raise WorkspaceError(
                f"{len(self._out):,} requests are out in a batch, and asked now they would be paid twice; take its results in with "
                "kilopair batch fetch (or batch import), or give it up with kilopair batch forget"
            )

    def _left_out(self) -> list[str]:
        """Name the settings of the user that the endpoint refused, so that requests go without them."""
        from generators.llm.dialect import Dialect
        from generators.llm.local import dialect_note

        if self._endpoint is None or not (remembered := self._journal.note(dialect_note(self._endpoint))):
            return []
        meant = set(self._endpoint.parameters) | ({"temperature"} & self._endpoint.model_fields_set)
        names = sorted(meant & Dialect.from_text(remembered).left_out)
        return [f"the endpoint refuses {', '.join(names)}, so requests go without; take it out of the recipe"] if names else []


def recordings(journal: "Journal", came: Counter[str]) -> list[str]:
    """Say which recordings answered: nobody may take a replayed run for one that asked a model."""
    from generators.llm.recording import marks

    found = marks(journal)["recordings"] if came["replay"] else []
    return [f"answers were replayed from the recording {one['name']} (sha256 {one['sha256'][:16]})" for one in found]
