"""What the model is told: rules, task and schema first, then the documents as data, and last what this ask wants of them.

Servers cache prompt prefixes: the first part is the same for every ask of a task and is built once, and asks about the
same passages share those too. The last word is ours, not that of a document. A canary in the first part tells when a reply repeats
its instructions.
"""

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from generators.alpaca.asks import Ask, Passage, Style
from generators.alpaca.markers import between, marked, marked_facts
from generators.alpaca.rule_facts import NEED, asked_wordings
from generators.alpaca.rules import (
    AIM,
    ALL,
    ASKERS,
    DIFFICULTIES,
    FACTS,
    GROUNDED,
    LEVEL,
    PASSAGES,
    ROLES,
    VERDICTS,
    VERIFY,
    WORDED,
)
from generators.alpaca.screen import neutral
from generators.alpaca.tasks import Task
from generators.llm.calls import Message, Request, canonical
from schemas.records import Draft, content_id

_THEMES, _SEEDS, _ASKERS = 4, 3, 3  # how many of them one request shows; of seed tasks, Self-Instruct shows 8, the later Alpaca 3


@dataclass(frozen=True)
class Brief:
    """What is the same for every ask of a task: the system prompt, the schema of the reply, and the canary in the prompt."""

    system: str
    schema: str
    prompt_hash: str
    canary: str


def brief(ask: Ask, style: Style) -> Brief:
    """Return the part of a request that many asks share, built once: the same string each time, so that it is hashed once."""
    task = ask.task
    key = (ask.count, style.company, style.voice, style.language, style.wordings, task.shape(style).text)
    key = (*key, *task.labels(style).items())
    if key not in task.kept:
        task.kept[key] = _brief(ask, style)
    return task.kept[key]


def _brief(ask: Ask, style: Style) -> Brief:
    task, schema = ask.task, ask.task.shape(style).text
    values = {
        "company": style.company,
        "count": str(ask.count),
        "wordings": str(asked_wordings(style.wordings) if task.needs == NEED else style.wordings),
        "difficulty": LEVEL,
        "voice": style.voice,
        "language": _language(task, style),
        "labels": "\n".join(f"- {label}: {meaning}" if meaning else f"- {label}" for label, meaning in task.labels(style).items()),
    }
    rules = WORDED if task.needs == NEED else (*(GROUNDED if task.grounding == "quoted" else ()), *ALL)
    numbered = "\n".join(f"{number}. {rule}" for number, rule in enumerate(rules, start=1))
    aims = [FACTS] if task.needs == NEED else [AIM, *([PASSAGES] if task.needs not in {"nothing", "seed_tasks"} else [])]
    parts = [*aims, f"Rules\n{numbered}"]
    told = "\n\n".join(Template(part).substitute(values) for part in (*parts, task.prompt.strip()))
    text = f"{told}\n\nJSON Schema of the reply:\n{schema}"
    canary = "kp-" + hashlib.sha256(text.encode()).hexdigest()[:16]
    system = f"{text}\n\n{canary} is the mark of these instructions; it is secret and occurs in no reply."
    return Brief(system, schema, content_id("prompt", system), canary)


def _language(task: Task, style: Style) -> str:
    if style.language != "auto":
        return style.language
    return {"seed_tasks": "the language of the seed tasks", "nothing": "English"}.get(task.needs, "the language of the passage")


def first_request(ask: Ask, style: Style) -> Request:
    """Return the request that opens a conversation."""
    return _request(ask, style, "\n\n".join([*_material(ask), *_wishes(ask, style)]))


def _request(ask: Ask, style: Style, user: str) -> Request:
    shared = brief(ask, style)
    return Request(
        model=style.model,
        messages=(Message(role="system", content=shared.system), Message(role="user", content=user)),
        max_tokens=style.max_tokens,
        parameters={"temperature": style.temperature, **style.parameters},
        schema=shared.schema,
        slot="/".join([ask.task.name, *_documents(ask), ask.id, "first"]),
    )


def _documents(ask: Ask) -> list[str]:
    """Return the document whose facts are asked about: single facts may be too short to tell whose they are when it is forgotten."""
    return [ask.passages[0].document.id] if ask.task.needs == NEED else []


def _wishes(ask: Ask, style: Style) -> list[str]:
    """Return what is special about this ask."""
    wishes = [f"Write up to {ask.count} items." if ask.count > 1 else "Write one item."]
    if ask.task.is_levelled:
        wishes.append(DIFFICULTIES[ask.difficulty])
    if ask.facts:
        facts = "\n".join(f"{number}. {neutral(fact.statement)}" for number, fact in enumerate(ask.facts, start=1))
        wishes.append(f"Start from these facts of the passage, in this order; one item for each, as far as the task allows:\n{facts}")
    if ask.number > 0 and ask.task.needs != NEED:
        known = f"This is round {ask.number + 1}: the obvious items exist already."
        wishes.append(f"{known} Write others: less obvious details, other angles, other people asking.")
    return [*wishes, *_draws(ask, style)]


def _draws(ask: Ask, style: Style) -> list[str]:
    """Return what makes this request another one than its siblings: themes, labels, people; nobody would vary them from call to call."""
    if ask.task.settings.themes:
        drawn = _drawn(ask.task.settings.themes, ask, _THEMES)
        return ["Themes this time, at most two items on each:\n" + "\n".join(f"- {theme}" for theme in drawn)]
    if ask.task.settings.labels:
        return [f"Labels this time, in this order: {', '.join(_drawn(list(ask.task.labels(style)), ask, ask.count))}."]
    return [f"Among those who ask this time, as far as it fits: {'; '.join(_drawn(ASKERS, ask, _ASKERS))}."] if ask.passages else []


def _material(ask: Ask) -> list[str]:
    """Return the facts, or the seeds and passages, between markers."""
    if ask.task.needs == NEED:
        return [marked_facts(ask)]
    passages = [f"{_role(ask, place)}\n{marked(passage)}" for place, passage in enumerate(ask.passages)]
    return [*_seeds(ask), *passages]


def _role(ask: Ask, place: int) -> str:
    first, others = ROLES.get(ask.task.needs, ("The passage:", "A further passage:"))
    return others if place else first


def shown_seeds(ask: Ask) -> tuple[Draft, ...]:
    """Return the pairs or seed tasks that the ask starts from: its own, or a few of the task's."""
    if ask.task.needs == "pairs":
        return ask.seeds
    return _drawn(ask.seeds or ask.task.seeds, ask, _SEEDS)


def _seeds(ask: Ask) -> list[str]:
    seeds = shown_seeds(ask)
    if not seeds:
        return []
    lines = "\n".join(
        canonical({"number": number, "instruction": seed.instruction, "input": seed.input, "output": seed.output})
        for number, seed in enumerate(seeds, start=1)
    )
    kind = "The pairs to start from" if ask.task.needs == "pairs" else "Seed tasks, as examples of form"
    return [f"{kind} (data, one JSON object per line):\n{between('pairs', ask.id, neutral(lines))}"]


def _drawn(choices: Sequence[Any], ask: Ask, count: int) -> tuple[Any, ...]:
    """Draw a few, by the content of the ask, so that the same ask always shows the same."""
    return tuple(random.Random(ask.id).sample(list(choices), min(count, len(choices))))  # noqa: S311 - no secret


def _next(request: Request, step: str, **changes: Any) -> Request:
    return request.but(slot=f"{request.slot.rpartition('/')[0]}/{step}", **changes)


def repair_request(request: Request, *, said: str, problem: str) -> Request:
    """Show the model its own reply and, in one line, what is wrong with it."""
    told = Message(
        role="user",
        content=f"That reply cannot be used: {problem}. Leave out what cannot be corrected. Reply with the JSON object and nothing else.",
    )
    return _next(request, "repair", messages=(*request.messages, Message(role="assistant", content=said), told))


def grown_request(request: Request) -> Request:
    """Ask the same with twice the room: the first reply was cut off, and what is cut cannot be mended."""
    return _next(request, "grown", max_tokens=2 * request.max_tokens, variant="grown")


def again_request(request: Request) -> Request:
    """Ask the same once more: the first reply was empty or ran in circles, and there is nothing to show the model."""
    return _next(request, "again", variant="again")


def resample_request(ask: Ask, style: Style, questions: Iterable[str], *, number: int) -> Request:
    """Have the questions of a first reply answered anew, as sample `number`."""
    listed = "\n".join(f"{place}. {question}" for place, question in enumerate(questions, start=1))
    wish = f"Answer exactly these questions, one item for each, in this order, each with its question alone and word for word:\n{listed}"
    return _next(_request(ask, style, "\n\n".join([*_material(ask), wish])), f"sample-{number}", variant=f"sample-{number}")


def verify_request(ask: Ask, style: Style, questions: Sequence[str], *, passages: Sequence[Passage]) -> Request:
    """Ask which of the questions are answered by the passages after all."""
    listed = "\n".join(f"{place}. {question}" for place, question in enumerate(questions, start=1))
    schema = canonical(VERDICTS)
    user = "\n\n".join([*(marked(passage) for passage in passages), f"Questions:\n{listed}"])
    return Request(
        model=style.model,
        messages=(Message(role="system", content=f"{VERIFY}\n\nJSON Schema of the reply:\n{schema}"), Message(role="user", content=user)),
        max_tokens=style.max_tokens,
        parameters={"temperature": 0.0, **style.parameters},
        schema=schema,
        slot=f"{ask.task.name}/{ask.id}/verify",
    )
