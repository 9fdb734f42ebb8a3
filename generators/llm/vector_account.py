"""What requests for vectors are written into and paid from: the journal and the budget of the workspace, at a price of their own."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generators.llm.answers import usage
from generators.llm.budget import Budget, Hold
from generators.llm.calls import (
    CHARACTERS_PER_TOKEN,
    RateLimitedError,
    RefusedRequestError,
    Request,
    RequestFailedError,
    ServerFaultError,
    UnreachableError,
)
from generators.llm.journal import Cost, Journal
from generators.llm.prices import Price, listed_price
from generators.llm.vector_rows import compact, read_rows
from schemas.errors import EndpointError, RecipeError
from schemas.recipe import BudgetSection, EndpointSection

Send = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True)
class Account:
    """The journal's file, the caps, and what a million tokens cost; no price: tokens are counted but no dollars."""

    journal: Path
    budget: BudgetSection
    price: Price | None


def price_of_vectors(endpoint: EndpointSection, budget: BudgetSection, given: float | None) -> Price | None:
    """Return the price of an embedding model, or None when nobody knows it. That of `budget` is the price of another model.

    Raises:
        RecipeError: dollars are capped and the price is not known.
    """
    price = Price(given, 0.0) if given is not None else listed_price(endpoint)
    if price is None and budget.max_usd is not None:
        raise RecipeError(
            f"budget.max_usd: the price of {endpoint.model} at {endpoint.base_url} is not in the table; give embed.usd_per_million, "
            "or cap with budget.max_tokens"
        )
    return price


@contextmanager
def open_books(account: Account | None) -> "Iterator[Books | None]":
    """Open the journal of an account for a while; without an account there is none, nothing is kept and nothing is capped.

    Raises:
        WorkspaceError: another run uses the journal, or it cannot be read.
    """
    if account is None:
        yield None
        return
    with Journal(account.journal) as journal:
        yield Books(journal, Budget(account.budget, account.price, journal.counts))


class Books:
    """Keeps requests for vectors and their answers in a journal, and within a budget."""

    def __init__(self, journal: Journal, budget: Budget) -> None:
        self._journal, self._budget = journal, budget

    def stored(self, request: Request) -> list[NDArray[np.float64]] | None:
        """Return the vectors that the journal holds."""
        stored = self._journal.get(request)
        rows = read_rows(stored.raw) if stored else None
        return rows if rows and len(rows) == len(request.messages) else None

    async def paid(self, request: Request, wire: bytes, send: Send) -> bytes:
        """Set aside, note, send, store, settle.

        Raises:
            BudgetReachedError: it does not fit into the budget; nothing was sent.
        """
        hold = await self._budget.reserve(request, len(wire))
        spent = Hold(0, 0.0, 0)
        try:
            spent = hold
            await self._journal.sent(request, held_tokens=hold.tokens, held_usd=hold.usd)
            raw = compact(await send(wire))
            cost = self._cost(raw, wire)
            await self._journal.answered(request, raw, cost)
            spent = Hold(cost.prompt_tokens, cost.usd)
        except (RateLimitedError, UnreachableError):
            self._journal.refused(request)
            spent = Hold(0, 0.0, 0)
            raise
        except (RequestFailedError, RefusedRequestError, ServerFaultError, EndpointError) as trouble:
            spent = self._not_answered(request, trouble, hold)
            raise
        finally:
            self._budget.settle(hold, spent)
        return raw

    def _cost(self, raw: bytes, wire: bytes) -> Cost:
        prompt, _, known = usage(raw)
        return self._budget.cost(prompt if known else round(len(wire) / CHARACTERS_PER_TOKEN), 0)

    def _not_answered(self, request: Request, trouble: Exception, hold: Hold) -> Hold:
        """Account for a call without an answer: an error status costs nothing, an answer lost on its way may have."""
        if isinstance(trouble, ServerFaultError) and trouble.status is None:
            self._journal.lost(request, hold.tokens, hold.usd)
            return hold
        self._journal.failed(request)
        return Hold()
