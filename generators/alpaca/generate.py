"""The generator that asks a language model: one conversation per chunk and task, of one request and at most one repair.

Whatever happens to a conversation, it ends in drafts, in `Dropped` with a typed reason, or in both; only trouble that
concerns the whole run (key, model, endpoint, disk) is raised.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from generators.alpaca.conversation import Ask, converse
from generators.llm.endpoint import Endpoint
from generators.llm.calls import deadline, retry
from generators.fitness import superseded
from generators.interface import Source
from generators.llm.journal import Counts, Journal, journalled
from generators.llm.pool import complete_all, in_background
from generators.alpaca.prompts import first_request, passage, system_prompt
from generators.alpaca.tasks import Task, load_tasks
from schemas.recipe import EndpointSection
from schemas.records import Draft, Dropped, Reason, content_id

Progress = Callable[[int, int, dict[str, float]], None]
Records = list[Draft | Dropped]


@dataclass(frozen=True)
class _Brief:
    """A task with the part of its requests that is the same for every chunk."""

    task: Task
    system: str
    prompt_hash: str


def generate(  # noqa: PLR0913 - the settings of the recipe, by name
    sources: Iterable[Source],
    *,
    endpoint: EndpointSection,
    tasks: tuple[str, ...],
    pairs_per_chunk: int,
    wordings: int,
    company: str,
    root: Path,
    journal_path: Path,
    progress: Progress | None = None,
) -> Iterator[Draft | Dropped]:
    """Yield the drafts of every chunk and task in their order, whatever the order of the answers.

    Args:
        sources: documents with their chunks.
        endpoint: whom to ask, and how.
        tasks: names of shipped tasks, or folders relative to `root`.
        pairs_per_chunk: items to ask for per chunk and task.
        wordings: ways to ask for one fact.
        company: in whose voice.
        root: the folder that task folders are relative to.
        journal_path: the journal; what it holds is not asked again.
        progress: told (conversations ended, all of them, figures of the journal).

    Raises:
        RecipeError: a task or the URL cannot be used.
        EndpointError: the endpoint is unreachable, refuses the key or the request, or lacks the model.
        WorkspaceError: the journal cannot be written.
    """
    briefs = [_brief(task, company=company, pairs=pairs_per_chunk, wordings=wordings) for task in load_tasks(tasks, root=root)]
    held = list(sources)
    for source in filter(lambda source: superseded(source.document), held):
        yield from (Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, "superseded document") for chunk in source.chunks)
    asks = partial(_asks, [source for source in held if not superseded(source.document)], briefs, endpoint)
    total = sum(1 for _ in asks()) if progress else 0
    with Journal(journal_path) as journal, closing(in_background(_converse_all(asks(), endpoint, journal))) as conversations:
        for done, records in enumerate(conversations, start=1):
            if progress:
                progress(done, total, _figures(journal.counts))
            yield from records


def _brief(task: Task, *, company: str, pairs: int, wordings: int) -> _Brief:
    system = system_prompt(task, company=company, pairs=pairs, wordings=wordings)
    return _Brief(task, system, content_id("prompt", system))


def _asks(sources: list[Source], briefs: list[_Brief], endpoint: EndpointSection) -> Iterator[Ask]:
    for source in sources:
        for chunk in source.chunks:
            user = passage(source.document, chunk)
            for brief in briefs:
                request = first_request(brief.system, user, endpoint=endpoint, schema=brief.task.schema)
                yield Ask(chunk, brief.task, brief.prompt_hash, request)


async def _converse_all(asks: Iterable[Ask], endpoint: EndpointSection, journal: Journal) -> AsyncGenerator[Records, None]:
    async with Endpoint(endpoint) as reached:
        bounded = deadline(reached.complete, seconds=endpoint.timeout_seconds)
        complete = retry(journalled(bounded, journal, ready=reached.ready), attempts=endpoint.attempts)
        one = partial(converse, complete=complete, repair=endpoint.repair)
        async with aclosing(complete_all(asks, one, concurrency=endpoint.concurrency)) as conversations:
            async for records in conversations:
                yield records


def _figures(counts: Counts) -> dict[str, float]:
    return {"calls": counts.calls, "from_journal": counts.from_journal, "tokens": counts.prompt_tokens + counts.completion_tokens}
