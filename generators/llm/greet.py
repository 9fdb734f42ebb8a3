"""Is anybody there? Asked once before many requests, so that a dead endpoint is known in seconds and not after all their tries."""

import asyncio
from typing import TYPE_CHECKING

from generators.llm.calls import UnreachableError
from generators.llm.tries import backoff
from schemas.errors import EndpointError
from schemas.recipe import EndpointSection

if TYPE_CHECKING:
    from generators.llm.client import Connection

SILENCE_SECONDS = 30.0  # for any answer at all: what is asked costs an endpoint no work


async def greet(connection: "Connection", endpoint: EndpointSection, *, advice: str) -> None:
    """Return when anything answers at the address, whatever it says.

    Args:
        connection: not used yet.
        endpoint: whose tries are made while no connection comes about, with the pauses of any request; and whose deadline, up
            to SILENCE_SECONDS, holds for an answer.
        advice: what to do, for the error.

    Raises:
        EndpointError: no connection came about, or it stayed silent.
    """
    seconds, name = min(endpoint.timeout_seconds, SILENCE_SECONDS), connection.access.name
    problem = ""
    for attempt in range(1, endpoint.attempts + 1):
        try:
            async with asyncio.timeout(seconds):
                return await connection.answers()
        except UnreachableError as error:
            problem = f"{error}, in {attempt} tries" if attempt > 1 else str(error)
        except TimeoutError:
            problem = f"{name}: takes connections, but gave no answer within {seconds:g} seconds"
            break
        if attempt < endpoint.attempts:
            await asyncio.sleep(backoff(attempt))
    raise EndpointError(f"{problem}; {advice}")
