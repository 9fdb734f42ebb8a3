"""Our engine, run by our own environment: journal on disk, every reply read and each of its items validated.

    python tests/peers/ours.py [--whole] --port ... (see meter.py)

With --bodies it writes what it asks to that file, for the other sides. Requests are made beforehand, as the bodies of the
other sides are. With --whole they are whole conversations instead, from a section to drafts, all made on the fly: nothing
but the engine can then grow with their number.
"""

import os
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path

from meter import WARM_UP, arguments, cpu_seconds, report

from generators.alpaca.asks import Ask, Material, Passage, Style
from generators.alpaca.conversation import converse
from generators.alpaca.prompts import first_request
from generators.alpaca.replies import read_items
from generators.alpaca.tasks import load_tasks
from generators.llm.answers import read_answer
from generators.llm.calls import Request
from generators.llm.dialect import Dialect
from generators.llm.engine import Engine
from generators.llm.journal import Journal
from generators.llm.pool import complete_all, in_background
from schemas.recipe import BudgetSection, EndpointSection
from schemas.records import Chunk, Document, Draft

KEY = "BENCH_API_KEY"
STYLE = Style("Tarnwell Bikes", "plain and friendly", "auto", 1, 1, {}, None, "bench", 0.7, 1024)
SENTENCES = (
    "A courier in depot {n} reports a damaged parcel before the end of the shift, with two photographs of the wrapping.",
    "The desk of depot {n} answers such a report within {h} working hours and gives it a number that starts with D{n}.",
    "Without this number the insurer refuses the claim, whatever the value of the parcel was.",
    "Parcels above {v} euros are kept in the cage of depot {n} until the insurer has looked at them.",
    "The shift lead holds the key of the cage and signs the list whenever a parcel goes in or out.",
    "Customers of depot {n} are told on the same day, by telephone first and then in writing.",
)


def passage(number: int) -> Passage:
    """Make a section that no other number makes."""
    values = {"n": number, "h": number % 40 + 4, "v": number % 900 + 100}
    text = f"# Damaged parcels in depot {number}\n\n" + " ".join(sentence.format(**values) for sentence in SENTENCES)
    document = Document.of(path=f"depot-{number}.md", title=f"Depot {number}", format="markdown", text=text, raw=text.encode())
    return Passage(document, Chunk.of(document, 0, len(text), (f"Damaged parcels in depot {number}",), len(text) // 4))


def asks(count: int, *, start: int = 0) -> Iterator[Ask]:
    """Yield one ask for each section."""
    (task,) = load_tasks(["question_answering"], root=Path())
    return (Ask(task, (passage(number),), 1) for number in range(start, start + count))


def write_bodies(path: Path, count: int) -> None:
    """Write the bodies that the engine sends, one JSON object per line."""
    with path.open("wb") as lines:
        lines.writelines(Dialect().body(first_request(ask, STYLE)) + b"\n" for ask in asks(count))


async def conversations(endpoint: EndpointSection, journal: Journal, count: int, clock: list[float]) -> AsyncGenerator[int, None]:
    """Yield how many brought something, one by one or together; put the CPU seconds into `clock` when the warm-up is over."""
    async with Engine(endpoint, BudgetSection(), journal) as engine:
        talk = partial(whole if "--whole" in sys.argv else validated, engine)
        async with aclosing(complete_all(prepared(WARM_UP), talk, concurrency=endpoint.concurrency)) as first:
            _ = [good async for good in first]
        waiting = prepared(count, start=WARM_UP)
        clock.append(cpu_seconds())
        async with aclosing(complete_all(waiting, talk, concurrency=endpoint.concurrency)) as measured:
            if "--whole" in sys.argv:
                async for good in measured:
                    yield good
            else:
                yield sum([good async for good in measured])


def prepared(count: int, *, start: int = 0) -> Iterable[Ask | tuple[Ask, Request]]:
    """Return the requests of the asks, made now; or the asks alone, made when they are wanted."""
    wanted = asks(count, start=start)
    return wanted if "--whole" in sys.argv else [(ask, first_request(ask, STYLE)) for ask in wanted]


async def validated(engine: Engine, asked: tuple[Ask, Request]) -> bool:
    """Ask, and tell whether an item of the reply is good."""
    ask, request = asked
    answer = read_answer((await engine.complete(request)).raw)
    return bool(read_items(answer.text, ask.task, Material(ask, STYLE)).good)


async def whole(engine: Engine, ask: Ask) -> bool:
    """Hold a conversation, and tell whether it brought a draft."""
    return any(isinstance(record, Draft) for record in await converse(ask, style=STYLE, complete=engine.complete))


def main() -> None:
    """Hold the conversations and print the figures."""
    given = arguments()
    if given.bodies and not Path(given.bodies).exists():
        write_bodies(Path(given.bodies), WARM_UP + given.requests)
    os.environ[KEY] = "not-a-secret-0001"
    endpoint = EndpointSection(
        base_url=f"http://127.0.0.1:{given.port}/v1", model="bench", api_key_env=KEY, concurrency=given.concurrency, max_tokens=1024
    )
    clock: list[float] = []
    with Journal(Path(given.folder) / "journal.sqlite") as journal:
        with closing(in_background(conversations(endpoint, journal, given.requests, clock))) as brought:
            answered = sum(brought)
            used = cpu_seconds() - clock[0]
        stored = journal.counts.answered - WARM_UP
    report(given, cpu=used, answered=min(answered, stored))


if __name__ == "__main__":
    main()
