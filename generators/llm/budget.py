"""The hard cap: what a call may cost at most is set aside before it is sent, so no number of calls in flight passes the cap.

A prompt cannot have more tokens than bytes (every byte-level or byte-fallback tokenizer), a reply not more than
max_tokens. What a call really cost replaces what was set aside as soon as it is known; near the cap calls wait for that.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from generators.llm.calls import BudgetReachedError, Request
from generators.llm.journal import Cost, Counts
from generators.llm.prices import Price
from schemas.recipe import BudgetSection

TEMPLATE_TOKENS = 512  # what a server's chat template and its rendering of tools may add


@dataclass(frozen=True)
class Hold:
    """What is set aside for one call."""

    tokens: int = 0
    usd: float = 0.0
    calls: int = 1


class Budget:
    """The caps of a workspace and what is left of them, over all its runs."""

    def __init__(self, section: BudgetSection, price: Price | None, counts: Counts) -> None:
        self.price = price
        self._section = section
        self._calls = counts.calls
        self._tokens = counts.prompt_tokens + counts.completion_tokens + counts.lost_tokens
        self._usd = counts.usd + counts.lost_usd
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def reserve(self, request: Request, body_bytes: int) -> Hold:
        """Set aside what the call may cost at most, after waiting for calls in flight if need be.

        Raises:
            BudgetReachedError: it does not fit, and nothing in flight will make room.
        """
        prompt = body_bytes + TEMPLATE_TOKENS
        hold = Hold(prompt + request.max_tokens, self.price.of(prompt, request.max_tokens) if self.price else 0.0)
        while problem := self._problem(hold):
            if not self._held:
                raise BudgetReachedError(problem)
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place
        self._add(hold, 1)
        self._held += 1
        return hold

    def settle(self, hold: Hold, spent: Hold) -> None:
        """Replace what was set aside by what was spent."""
        self._add(hold, -1)
        self._add(spent, 1)
        self._held -= 1
        # All of them: a small call may fit where the first one does not.
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Cost:
        """Return the cost of an answered call."""
        return Cost(prompt_tokens, completion_tokens, self.price.of(prompt_tokens, completion_tokens) if self.price else 0.0)

    def _add(self, hold: Hold, sign: int) -> None:
        self._calls += sign * hold.calls
        self._tokens += sign * hold.tokens
        self._usd += sign * hold.usd

    def _problem(self, hold: Hold) -> str:
        section = self._section
        if section.max_calls is not None and self._calls + hold.calls > section.max_calls:
            return f"budget.max_calls is reached ({self._calls} of {section.max_calls})"
        if section.max_tokens is not None and self._tokens + hold.tokens > section.max_tokens:
            return f"budget.max_tokens is reached ({self._tokens:,} of {section.max_tokens:,}; the next call may take {hold.tokens:,})"
        if section.max_usd is not None and self._usd + hold.usd > section.max_usd:
            return f"budget.max_usd is reached ({self._usd:.4f} of {section.max_usd:g}; the next call may cost {hold.usd:.4f})"
        return ""
