"""The door to an endpoint's Files and Batches: the same guards as for every other call, and errors without key and documents."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from generators.llm.batch import Sent, note_files
from generators.llm.endpoint import Access, access
from schemas.errors import EndpointError, KilopairError
from schemas.recipe import EndpointSection

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from generators.llm.journal import Journal

X = TypeVar("X")

STEP_SECONDS = 3600.0  # 200 MB over a slow line


@dataclass(frozen=True)
class Desk:
    """The Files and Batches of an endpoint, with the journal that notes every step."""

    client: "AsyncOpenAI"
    granted: Access
    journal: "Journal"

    async def ask(self, step: Callable[[], Awaitable[X]], what: str) -> X:
        """Do one step within its deadline; whatever fails is one of our own errors, without key and documents."""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                return await step()
        except KilopairError:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK lets many kinds escape
            problem = _problem(error, self.granted, what)
        raise problem

    def note(self, file: Sent, **changes: Any) -> Sent:
        """Write down where a file is now."""
        changed = replace(file, **changes)
        note_files(self.journal, [changed])
        return changed


@asynccontextmanager
async def desk(endpoint: EndpointSection, journal: "Journal") -> AsyncIterator[Desk]:
    """Open the Files and Batches of an endpoint, with the guards of every other call.

    Raises:
        RecipeError: the URL cannot be one.
        EndpointError: a key is needed and the environment has none that can be used.
    """
    from generators.llm.transport import open_client

    granted = access(endpoint)
    client = open_client(granted, endpoint)
    try:
        yield Desk(client, granted, journal)
    finally:
        await client.close()


def _problem(error: Exception, granted: Access, what: str) -> EndpointError:
    from openai import APIStatusError

    from generators.llm.statuses import status_error

    if isinstance(error, TimeoutError):
        return EndpointError(f"{granted.name}: could not {what} within {STEP_SECONDS:,.0f} s; run the command again")
    if not isinstance(error, APIStatusError):
        kind = type(error.__cause__ or error).__name__
        return EndpointError(f"{granted.name}: could not {what} ({kind}); see that the endpoint is there, and run the command again")
    status = error.response.status_code
    if status in {404, 405, 501}:
        return EndpointError(
            f"{granted.name}: could not {what} (status {status}): it has no such file or batch, or none at all; "
            "run the exported files yourself and take the results in with kilopair batch import"
        )
    meant = status_error(status, error.response.headers, granted.redact_bytes(error.response.content), granted)
    if isinstance(meant, EndpointError):
        return meant
    return EndpointError(f"{meant}; could not {what}, so run the command again later")
