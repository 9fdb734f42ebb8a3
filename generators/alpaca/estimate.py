"""What a run will take, before anything is spent: calls, tokens and dollars, as the median and the 90th percentile.

With the replies of a pilot in the journal, what they took is bootstrapped (Efron 1979): whole conversations are drawn
again and again, repairs and samples included, so the figures are as uncertain as the pilot is small. Without any, the
figures rest on assumptions, and `Estimate.measured` says so. Only what is given is counted: where answers are not
accepted, later rounds ask again.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from generators.llm.calls import CHARACTERS_PER_TOKEN, Request

if TYPE_CHECKING:
    from generators.llm.prices import Price

TOKENS_PER_ITEM = 110  # a question, an answer, its quotes and their JSON
_ASKED = re.compile(r"\bWrite up to (\d+) items\.")  # as prompts.py puts it
HIGH_CALLS = 1.5  # without a pilot: every second conversation may need a second call
DRAWS = 1000


class Answered(Protocol):
    """A request of the journal with the body that answered it, or None."""

    @property
    def request(self) -> Request:
        """The request."""
        ...

    @property
    def raw(self) -> bytes | None:
        """The body."""
        ...


@dataclass(frozen=True)
class Conversation:
    """What one conversation took: the characters of its first request, and calls and tokens of all its requests."""

    characters: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Range:
    """A median and a 90th percentile."""

    p50: float
    p90: float


@dataclass(frozen=True)
class Estimate:
    """What the requests will take; `usd` is None when no price is known, `measured` the conversations that it rests on."""

    calls: Range
    prompt_tokens: Range
    completion_tokens: Range
    usd: Range | None
    measured: int


@dataclass(frozen=True)
class _Ask:
    """What is known of the requests to be sent."""

    count: int
    characters: int
    low_completion: int
    high_completion: int


def measured(entries: Iterable[Answered]) -> list[Conversation]:
    """Return what the answered conversations of a journal took, as far as the endpoint said it."""
    from generators.llm.answers import usage

    found: dict[str, Conversation] = {}
    for entry in entries:
        used = usage(entry.raw) if entry.raw is not None else None
        if used is None or not used.known:
            continue
        about, _, step = entry.request.slot.rpartition("/")
        so_far = found.get(about, Conversation())
        found[about] = Conversation(
            so_far.characters + (_characters(entry.request) if step == "first" else 0),
            so_far.calls + 1,
            so_far.prompt_tokens + used.prompt_tokens,
            so_far.completion_tokens + used.completion_tokens,
        )
    return [conversation for conversation in found.values() if conversation.characters]


def estimate(requests: Iterable[Request], *, measured: Sequence[Conversation] | None, price: "Price | None", items: int = 4) -> Estimate:
    """Return what it will take to hold the conversations that these requests open.

    Args:
        requests: the first request of each conversation.
        measured: what conversations of a pilot took, from `measured`.
        price: US dollars per million tokens, if they are known.
        items: most items of one request, for the assumption that stands in for a pilot; one on facts of the rules says its own.
    """
    ask = _Ask(0, 0, 0, 0)
    for request in requests:
        asked = _ASKED.findall(request.messages[-1].content)
        low = min(max(items, int(asked[-1]) if asked else 0) * TOKENS_PER_ITEM, request.max_tokens)
        ask = _Ask(ask.count + 1, ask.characters + _characters(request), ask.low_completion + low, ask.high_completion + request.max_tokens)
    draws = _drawn(ask, measured) if measured else _assumed(ask)
    usd = None if price is None else _range(draws, lambda draw: price.of(draw.prompt_tokens, draw.completion_tokens))
    return Estimate(
        calls=_range(draws, lambda draw: draw.calls),
        prompt_tokens=_range(draws, lambda draw: draw.prompt_tokens),
        completion_tokens=_range(draws, lambda draw: draw.completion_tokens),
        usd=usd,
        measured=len(measured or ()),
    )


def _drawn(ask: _Ask, pilot: Sequence[Conversation]) -> list[Conversation]:
    """Draw pilots like the one that was measured, and stretch each to the number of requests."""
    dice = random.Random(0)  # noqa: S311 - the same pilot gives the same figures
    draws = []
    for _ in range(DRAWS):
        drawn = dice.choices(pilot, k=len(pilot))
        tokens_per_character = sum(one.prompt_tokens for one in drawn) / sum(one.characters for one in drawn)
        share = ask.count / len(drawn)
        draws.append(
            Conversation(
                ask.characters,
                round(share * sum(one.calls for one in drawn)),
                round(tokens_per_character * ask.characters),
                round(share * sum(one.completion_tokens for one in drawn)),
            )
        )
    return draws


def _assumed(ask: _Ask) -> list[Conversation]:
    """Return the stated assumptions as two draws: a good course, and one with long replies and many repairs."""
    prompt = round(ask.characters / CHARACTERS_PER_TOKEN)
    good = Conversation(ask.characters, ask.count, prompt, ask.low_completion)
    return [
        good,
        replace(good, calls=round(HIGH_CALLS * ask.count), prompt_tokens=round(HIGH_CALLS * prompt), completion_tokens=ask.high_completion),
    ]


def _range(draws: Sequence[Conversation], value: Callable[[Conversation], float]) -> Range:
    ordered = sorted(value(draw) for draw in draws)
    return Range(ordered[(len(ordered) - 1) // 2], ordered[(len(ordered) * 9 - 1) // 10])


def _characters(request: Request) -> int:
    return sum(len(message.content) for message in request.messages)
