"""Facts of the rules as what a task needs: how they are spread over requests, and a whole run with them, offline and priced."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from builder.generate_stage import drafts
from builder.offline import prepared
from generators.alpaca.corpus import Corpus
from generators.alpaca.coverage import Coverage
from generators.alpaca.generate import Outcome
from generators.alpaca.planner import Planner, askable
from generators.alpaca.rule_facts import by_section, room
from generators.alpaca.tasks import load_tasks
from generators.interface import Source
from generators.llm.calls import CHARACTERS_PER_TOKEN, Reply
from generators.llm.journal import Journal
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Draft, Grounding, Provenance
from tests.fake_endpoint import completion, items
from tests.leave_project import RECIPE, asked, exported, kept, kilopair, leave_project, taken_in

TASK = load_tasks(("wording",), root=Path())[0]


def source(number, sections=6):
    texts = [
        f"Item {number}-{place} is kept by the desk for some days, and whoever lost it may call for it there." for place in range(sections)
    ]
    text = "\n\n".join(texts)
    document = Document.of(path=f"{number}.md", title=f"Page {number}", format="markdown", text=text, raw=text.encode())
    starts = [text.index(part) for part in texts]
    return Source(document, tuple(Chunk.of(document, start, start + len(part), (), 20) for start, part in zip(starts, texts, strict=True)))


def facts_of(sources, per_section=3):
    return {
        chunk.id: tuple(
            Draft.of(
                task="question_answering", instruction=f"What of {chunk.id} {number}?", output=chunk.text, quotes=(chunk.text,), group=f"{chunk.id} {number}",
                form="f", provenance=Provenance(document_id=chunk.document_id, chunk_id=chunk.id, generator="extractive"),
            )
            for number in range(per_section)
        )
        for held in sources
        for chunk in held.chunks
    }  # fmt: skip


def planned(target, *, room=10, tasks=(TASK,), without=()):
    sources = [source(number) for number in range(3)]
    facts = {place: held for number, (place, held) in enumerate(facts_of(sources).items()) if number not in without}
    coverage = Coverage(askable(sources)[0])
    return Planner(
        sources, tasks, target=target, items_per_request=4, coverage=coverage, corpus=Corpus(sources), rule_facts=facts, facts_per_request=room
    )  # fmt: skip


def played(planner, answer):
    rounds = []
    while asks := list(planner.next_round()):
        rounds.append(asks)
        for ask in asks:
            planner.heard(ask, [fact for fact in ask.seeds if answer(fact)])
    return rounds


def test_every_fact_is_asked_once_and_a_request_holds_those_of_many_sections_of_one_document():
    planner = planned(1000)
    (asks,) = played(planner, lambda _: True)
    times = Counter(fact.id for ask in asks for fact in ask.seeds)

    assert len(times) == 3 * 6 * 3
    assert set(times.values()) == {1}
    assert all({passage.document.id for passage in ask.passages} == {ask.passages[0].document.id} for ask in asks)
    assert [len(ask.seeds) for ask in asks] == [10, 10, 10, 8, 8, 8]
    assert planner.planned == len(asks)


def test_no_more_is_asked_than_the_target_wants_spread_over_the_documents():
    asks = list(planned(9).next_round())

    assert sum(ask.count for ask in asks) == 9
    assert Counter(ask.passages[0].document.title for ask in asks) == {"Page 0": 1, "Page 1": 1, "Page 2": 1}
    assert all(len(ask.passages) == 3 for ask in asks)


def test_a_section_without_facts_takes_nothing_of_the_target():
    every = list(planned(100, without=range(5, 18)).next_round())
    some = list(planned(10, without=range(3, 15)).next_round())

    assert sum(ask.count for ask in every) == 5 * 3
    assert sum(ask.count for ask in some) == 10


def test_a_fact_of_which_nothing_was_accepted_is_asked_again_once():
    planner = planned(1000)
    rounds = played(planner, lambda fact: not fact.group.endswith("2"))
    times = Counter(fact.group[-1] for asks in rounds for ask in asks for fact in ask.seeds)

    assert times == {"0": 18, "1": 18, "2": 36}


def test_beside_another_task_each_takes_its_share():
    tasks = load_tasks({"question_answering": 1, "wording": 1}, root=Path())
    asks = list(planned(40, tasks=tasks, room=4).next_round())
    asked_for = Counter[str]()
    for ask in asks:
        asked_for[ask.task.name] += ask.count

    assert sum(asked_for.values()) == 40
    assert abs(asked_for["wording"] - asked_for["question_answering"]) <= 4


def test_a_fact_is_shown_with_its_plainest_question_and_none_of_a_passage_is():
    def draft(question, *, output="Yes. It is.", input="", group="g", grounding: Grounding = "quoted"):
        origin = Provenance(document_id="doc", chunk_id="chunk", generator="extractive")
        return Draft.of(
            task="q", instruction=question, input=input, output=output, quotes=("It is.",), group=group, form="f", provenance=origin, grounding=grounding
        )  # fmt: skip

    made = [
        draft("quick question: is it open today?"),
        draft("Tell me whether it is open today."),
        draft("Is it open today?"),
        draft("Is it shut?", output="No. It is."),
        draft("What does it say?", input="It is.", group="h"),
        draft("Who decides?", group="i", grounding="absent"),
    ]

    assert [fact.instruction for fact in by_section(made)["chunk"]] == ["Is it open today?"]


def test_a_request_holds_as_many_facts_as_a_reply_has_room_for():
    assert room(4, wordings=5, max_tokens=2048) == 18
    assert room(1, wordings=5, max_tokens=2048) == 5
    assert room(4, wordings=12, max_tokens=16) == 1


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    leave_project(tmp_path)
    recipe = RECIPE.replace("question_answering", "wording").replace(
        "target: 3, items_per_request: 1, wordings: 1", "target: 100, wordings: 4"
    )
    (tmp_path / "recipe.yaml").write_text(recipe)
    return tmp_path


def answered(line):
    """A result of a batch: each fact of its request in several wordings."""
    body = completion(line["body"], json.dumps({"items": items(line["body"])}))
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def made(project: Path) -> list[Draft]:
    lines = (project / "workspace" / "drafts.jsonl").read_text().splitlines()
    return [draft for draft in map(Draft.model_validate_json, lines) if draft.provenance.generator == "openai"]


def finish(*arguments: str) -> None:
    for _ in range(4):
        _, lines = exported(*arguments)
        if not lines:
            break
        taken_in(Path.cwd(), [answered(line) for line in lines])


def test_a_run_by_files_ends_with_verbatim_answers_and_is_replayed(project: Path):
    foreseen = asked("generate", "recipe.yaml", "--dry-run")
    finish()
    kilopair("generate", "recipe.yaml", "--quiet")
    first = made(project)
    kilopair("record", "recipe.yaml", "answers.jsonl", "--quiet")
    kilopair("generate", "recipe.yaml", "--quiet", "--set", "workspace=other", "--set", "endpoint.replay=answers.jsonl")
    text = (project / "pages" / "leave.md").read_text()

    assert foreseen["conversations"] == 1
    assert len(first) > 15
    assert all(text[start:end] == quote for draft in first for (start, end), quote in zip(draft.spans, draft.quotes, strict=True))
    assert max(Counter(draft.group for draft in first).values()) == 4
    assert kept(project)["validate"] == kept(project)["generate"]
    assert (project / "other" / "drafts.jsonl").read_text() == (project / "workspace" / "drafts.jsonl").read_text()
    assert json.loads((project / "workspace" / "coverage.json").read_text())["figures"]["sections"] == 1.0
    assert asked("journal", "recipe.yaml")["by_task"] == {"wording": asked("journal", "recipe.yaml")["answered"]}


def test_only_facts_of_families_that_are_on_are_asked_about_and_a_change_asks_anew(project: Path):
    finish()
    kilopair("generate", "recipe.yaml", "--quiet")
    every = {draft.provenance.rule for draft in made(project)}
    narrow = ("--set", "generate.families=[duty]")
    finish(*narrow)
    kilopair("generate", "recipe.yaml", "--quiet", *narrow)
    fewer = {draft.provenance.rule for draft in made(project)}

    assert fewer < every
    assert all(rule and rule.startswith("duty") for rule in fewer)


def test_a_document_that_is_forgotten_takes_its_requests_along(project: Path):
    rows = "".join(f"| {name} leave | {days} days |\n" for name, days in (("Annual", 25), ("Study", 5), ("Care", 4), ("Moving", 1)))
    (project / "pages" / "leave.md").write_text(f"# Kinds of leave\n\n| Kind | Length |\n|---|---|\n{rows}")
    finish()
    with Journal(project / "workspace" / "journal.sqlite") as journal:
        before = len(list(journal.entries()))
    kilopair("forget", "leave.md", "recipe.yaml")

    assert before == 1
    with Journal(project / "workspace" / "journal.sqlite") as journal:
        assert [entry.request.slot for entry in journal.entries() if entry.raw] == []


class Frugal:
    """A model that answers well, and what it read and wrote, in tokens of the estimate."""

    notices: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.tokens = 0.0

    def figures(self) -> Mapping[str, float]:
        return {}

    async def complete(self, request):
        body = {"messages": [{"role": message.role, "content": message.content} for message in request.messages]}
        content = json.dumps({"items": items(body)})
        self.tokens += (sum(len(message["content"]) for message in body["messages"]) + len(content)) / CHARACTERS_PER_TOKEN
        return Reply(request.key, json.dumps(completion(body, content)).encode())


def test_a_pair_takes_a_fifth_of_the_tokens_of_free_generation(tmp_path: Path, root: Path):
    spent = {}
    for task in ("wording", "question_answering"):
        recipe = Recipe.model_validate({
            "company": "Tarnwell", "workspace": str(tmp_path / "w"), "documents": {"path": str(root / "datasets" / "tarnwell" / "policies")},
            "generate": {"generator": "openai", "tasks": [task], "target": 400},
        })  # fmt: skip
        model, outcome = Frugal(), Outcome()

        @asynccontextmanager
        async def opened(model: Frugal = model) -> AsyncIterator[Frugal]:
            yield model

        with prepared(recipe, tmp_path) as step:
            assert len(list(drafts(step, opened, outcome, told=False))) > 300
        spent[task] = model.tokens / outcome.accepted

    assert spent["wording"] <= spent["question_answering"] / 5
