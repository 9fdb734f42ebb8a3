import asyncio
import json
import re
from collections import Counter
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.alpaca.asks import Fact, Passage, Style
from generators.alpaca.coverage import Coverage
from generators.alpaca.facts import locate
from generators.alpaca.generate import Outcome, Plan, first_requests, generate
from generators.alpaca.tasks import load_tasks
from generators.interface import Source
from generators.llm.calls import BudgetReachedError, Reply, RequestFailedError
from schemas.errors import EndpointError
from schemas.records import Chunk, Document, Draft, Dropped, Provenance, Reason, content_id

TASKS = load_tasks(("question_answering",), root=Path())
MARK = re.compile(r"Item (\d+) ")
STYLE = Style(
    company="Tarnwell", voice="clear", language="auto", wordings=1, samples=1, labels={}, extraction_schema=None,
    model="m", temperature=0.7, max_tokens=2048, repair=False,
)  # fmt: skip


def marked_source(sections, *, name="handbook", first=0):
    """A document whose sections each hold one numbered rule of their own."""
    rule = "Item {} may be borrowed for {} days, and whoever keeps it for longer pays a fee of {} euros."
    parts = [rule.format(number, number + 3, number + 2) for number in range(first, first + sections)]
    text = "\n\n".join(parts)
    document = Document.of(path=f"{name}.md", title=name, format="markdown", text=text, raw=text.encode())
    chunks, start = [], 0
    for part in parts:
        chunks.append(Chunk.of(document, start, start + len(part), (f"Item {first + len(chunks)}",), 20))
        start += len(part) + 2
    return Source(document, tuple(chunks))


def reply(request, items):
    return Reply(
        request.key,
        json.dumps(
            {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps({"items": items})}}]}
        ).encode(),
    )


def items_about(request):
    """What a diligent model says about the marked passage in a request."""
    said = request.messages[-1].content
    number = int(MARK.search(said)[1])
    sentence = re.search(rf"Item {number} may.*euros\.", said)[0]
    if request.slot.startswith("facts/"):
        return [{"statement": f"Item {number} may be borrowed for {number + 3} days.", "quote": f"may be borrowed for {number + 3} days"}]
    return [
        {
            "wordings": [f"For how many days may item {number} be borrowed at Tarnwell?"],
            "output": f"Item {number} may be borrowed for {number + 3} days.",
            "quotes": [sentence],
        }
    ]


class Model:
    """A function as the model, which answers late ones first, and notes what it was asked."""

    def __init__(self, answer=items_about):
        self.answer, self.asked, self.notices = answer, [], ["hello"]

    async def complete(self, request):
        self.asked.append(request)
        await asyncio.sleep(0.001 * (len(self.asked) % 3))
        return reply(request, self.answer(request))

    def figures(self):
        return {"calls": len(self.asked)}

    @asynccontextmanager
    async def open(self):
        yield self


class Collector(Model):
    """Answers nothing, and keeps what would have to be asked."""

    def __init__(self):
        super().__init__()
        self.missing = {}

    async def complete(self, request):
        self.missing[request.key] = request
        raise RequestFailedError("not asked yet", reason=Reason.NOT_ASKED)


def new(seen):
    def accept(draft):
        known, _ = draft.instruction in seen, seen.add(draft.instruction)
        return not known

    return accept


def play(sources, model, *, target, limit=None, facts=False, items=1, progress=None, style=STYLE):
    outcome = Outcome()
    plan = Plan(TASKS, target, items_per_request=items, facts=facts, limit=limit)
    records = list(
        generate(
            sources, plan=plan, style=style, open_answers=model.open, accept=new(set()), concurrency=8, outcome=outcome, progress=progress
        )
    )
    return (
        [record for record in records if isinstance(record, Draft)],
        [record for record in records if isinstance(record, Dropped)],
        outcome,
    )


def test_as_many_drafts_as_sections_reach_at_least_99_percent_of_1000_sections():
    model = Model()

    drafts, dropped, outcome = play([marked_source(1000)], model, target=1000)

    assert outcome.coverage.figures()["sections"] >= 0.99
    assert len(drafts) == len({draft.provenance.chunk_id for draft in drafts}) == 1000
    assert (len(model.asked), dropped) == (1000, [])


def test_a_tenth_of_the_sections_is_asked_about_once_each_and_by_the_share_of_each_document():
    sources = [marked_source(800, name="a"), marked_source(200, name="b", first=800)]

    drafts, _, outcome = play(sources, Model(), target=100)

    numbers = sorted(int(MARK.search(draft.output)[1]) for draft in drafts)
    assert len(set(numbers)) == 100
    assert {right - left for left, right in pairwise(numbers)} == {10}
    assert sorted(outcome.coverage.documents.values()) == [20, 80]


def test_a_run_that_is_done_again_asks_the_same_in_the_same_order():
    sources = [marked_source(60)]
    first, second = (
        Model(lambda request: [] if int(MARK.search(request.messages[-1].content)[1]) % 4 == 0 else items_about(request)) for _ in range(2)
    )

    one, two = play(sources, first, target=60), play(sources, second, target=60)

    assert [record.id for record in one[0]] == [record.id for record in two[0]]
    assert Counter(request.key for request in first.asked) == Counter(request.key for request in second.asked)
    assert [record.id for record in one[1]] == [record.id for record in two[1]]


def test_every_ask_ends_in_drafts_or_in_a_reason_and_a_section_is_asked_at_most_twice_in_vain():
    def answer(request):
        number = int(MARK.search(request.messages[-1].content)[1])
        if number % 5 == 0:
            raise RequestFailedError("the endpoint gave up")
        return items_about(request)

    model = Model(answer)
    drafts, dropped, outcome = play([marked_source(50)], model, target=50)

    assert outcome.accepted == 40
    assert len(model.asked) == len(drafts) + len(dropped)
    assert {record.reason for record in dropped} == {Reason.REQUEST_FAILED}
    assert max(Counter(record.id for record in dropped).values()) == 2
    assert [place["heading"] for place in outcome.coverage.uncovered(3)] == ["Item 0", "Item 5", "Item 10"]


def test_a_draft_that_is_not_new_covers_nothing_but_is_not_lost():
    model = Model(lambda request: [{**items_about(request)[0], "wordings": ["What is the rule for borrowing items at Tarnwell?"]}])

    drafts, _, outcome = play([marked_source(10)], model, target=10)

    assert outcome.accepted == 1
    assert len(drafts) == len(model.asked)
    assert outcome.coverage.figures()["sections"] == 0.1


def test_at_the_budget_the_round_ends_in_typed_records_and_no_round_follows():
    model = Model()

    async def capped(request):
        if len(model.asked) >= 30:
            raise BudgetReachedError("budget.max_calls: 30 calls are made")
        return await Model.complete(model, request)

    model.complete = capped
    drafts, dropped, outcome = play([marked_source(80, name="a"), marked_source(20, name="b", first=80)], model, target=100)

    assert len(drafts) == 30
    assert Counter(record.reason for record in dropped) == {Reason.OVER_BUDGET: 70}
    assert outcome.over_budget
    assert sorted(outcome.coverage.documents.values()) == [6, 24]


def test_a_pilot_asks_so_many_times_only_and_all_over_the_plan():
    model = Model()

    drafts, _, outcome = play([marked_source(80, name="a"), marked_source(20, name="b", first=80)], model, target=100, limit=10)

    assert (len(model.asked), outcome.asks) == (10, 10)
    assert sorted(outcome.coverage.documents.values()) == [2, 8]
    numbers = sorted(int(MARK.search(draft.output)[1]) for draft in drafts)
    assert max(right - left for left, right in zip([0, *numbers], [*numbers, 100], strict=True)) <= 20


def test_a_collector_is_asked_for_what_can_be_planned_without_the_answers_and_no_more():
    collector = Collector()
    drafts, dropped, _ = play([marked_source(20)], collector, target=20)
    planned = first_requests([marked_source(20)], plan=Plan(TASKS, 20, items_per_request=1), style=STYLE)

    assert drafts == []
    assert {record.reason for record in dropped} == {Reason.NOT_ASKED}
    assert set(collector.missing) == {request.key for request in planned}
    assert len(collector.missing) == 20


def test_what_concerns_the_whole_run_ends_it():
    def answer(request):
        raise EndpointError("the key was refused")

    with pytest.raises(EndpointError, match="the key was refused"):
        play([marked_source(5)], Model(answer), target=5)


def test_facts_are_listed_first_and_the_questions_spread_over_them():
    model = Model()
    drafts, dropped, outcome = play([marked_source(10)], model, target=10, facts=True)

    listed, asked = [request for request in model.asked if request.slot.startswith("facts/")], model.asked[10:]
    assert len(listed) == 10
    assert all("may be borrowed for" in request.messages[-1].content.rpartition("</passage-")[2] for request in asked)
    assert outcome.coverage.figures()["facts"] == 1.0
    assert (len(drafts), dropped) == (10, [])


def test_a_section_whose_facts_cannot_be_listed_is_asked_about_without_them():
    def answer(request):
        if request.slot.startswith("facts/") and MARK.search(request.messages[-1].content)[1] == "3":
            raise RequestFailedError("the endpoint gave up")
        if request.slot.startswith("facts/"):
            return [*items_about(request), {"statement": "Pigs can fly.", "quote": "pigs are known to be able to fly"}, {"statement": ""}]
        return items_about(request)

    drafts, dropped, outcome = play([marked_source(5)], Model(answer), target=5, facts=True)

    assert len(drafts) == 5
    assert [(record.reason, record.detail.split(":")[0]) for record in dropped] == [(Reason.REQUEST_FAILED, "facts")]
    assert outcome.coverage.figures()["facts_not_in_text"] == 8


def test_a_collector_is_asked_for_the_facts_before_anything_is_planned():
    collector = Collector()
    drafts, dropped, outcome = play([marked_source(7)], collector, target=7, facts=True)

    assert {request.slot.split("/")[0] for request in collector.missing.values()} == {"facts"}
    assert (len(drafts), len(dropped), len(collector.missing), outcome.asks) == (0, 7, 7, 0)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=3), st.integers(1, 30), st.integers(1, 3), st.integers(0, 10**6))
def test_whatever_the_model_does_every_reply_ends_in_records_and_every_section_is_accounted_for(sizes, target, items, luck):
    sources = [marked_source(size, name=f"d{number}", first=100 * number) for number, size in enumerate(sizes)]

    def answer(request):
        chance = int(content_id("luck", luck, request.key)[-4:], 16)
        if chance % 7 == 0:
            raise RequestFailedError("the endpoint gave up")
        (good,) = items_about(request)
        return [good, {"wordings": []}, {**good, "wordings": [f"And how long may I keep number {chance}?"]}][: chance % 4]

    model = Model(answer)
    told = []
    drafts, dropped, outcome = play(
        sources, model, target=target, items=items, progress=lambda done, planned, _: told.append((done, planned))
    )

    records = Counter(record.provenance.request_id for record in drafts) + Counter(record.record["request_id"] for record in dropped)
    assert set(records) == {request.key for request in model.asked}
    assert len(told) == outcome.asks == len(model.asked) <= 8 * (target + len(sizes))
    assert all(done <= planned for done, planned in told)
    uncovered = len(outcome.coverage.uncovered(1000))
    assert uncovered + len(outcome.coverage.sections) == sum(sizes)


def test_a_quote_is_located_exactly_or_nearly_or_not_at_all():
    text = "Before. Annual leave is 25 days a year, and more after ten years. After."

    assert locate("Annual leave is 25 days", text) == (8, 31)
    start, end = locate("Annual leave is 25 days a year and more after 10 years.", text)
    assert abs(start - 8) <= 1
    assert abs(end - 65) <= 3
    assert locate("Dogs are welcome in the office.", text) is None
    assert locate(text * 2, text) is None


def test_progress_and_what_is_known_at_the_end_are_told():
    told = []

    _, _, outcome = play([marked_source(6)], Model(), target=6, progress=lambda *figures: told.append(figures))

    assert [(done, planned) for done, planned, _ in told] == [(number, 6) for number in range(1, 7)]
    assert told[-1][2]["accepted"] == told[-1][2]["target"] == 6
    assert (outcome.notices, outcome.figures) == (["hello"], {"calls": 6})


def ledger():
    source = marked_source(3)
    return Coverage([Passage(source.document, chunk) for chunk in source.chunks]), source


def draft_on(source, place, *spans):
    chunk = source.chunks[place]
    return Draft.of(
        task="qa", instruction=f"q {spans}", output="a", quotes=tuple(source.document.text[start:end] for start, end in spans), spans=spans,
        group="g", form="f", provenance=Provenance(document_id=source.document.id, chunk_id=chunk.id, generator="test"),
    )  # fmt: skip


def test_a_fact_is_covered_when_evidence_overlaps_it():
    coverage, source = ledger()
    start = source.chunks[1].start
    coverage.list_facts(source.chunks[1].id, (Fact("one", start, start + 10), Fact("two", start + 10, start + 20)), lost=1)

    coverage.accepted(draft_on(source, 1, (start + 4, start + 10)), "basic")

    assert coverage.fact_counts(source.chunks[1].id) == (1, 0)
    assert (coverage.figures()["facts"], coverage.figures()["facts_not_in_text"]) == (0.5, 1)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 20)), max_size=20))
def test_covered_characters_are_counted_once_however_the_evidence_overlaps(rows):
    coverage, source = ledger()

    for start, length in rows:
        coverage.accepted(draft_on(source, 0, (start, start + length)), "basic")

    covered = {place for start, length in rows for place in range(start, start + length)}
    assert coverage.figures()["characters_covered"] == len(covered)


def test_the_ledger_is_plain_json_and_adds_up():
    coverage, source = ledger()
    coverage.accepted(draft_on(source, 1, (source.chunks[1].start, source.chunks[1].end)), "detailed")
    coverage.accepted(
        Draft.of(
            task="off_topic",
            instruction="q",
            output="a",
            quotes=(),
            group="x",
            form="f",
            provenance=Provenance(document_id="", chunk_id="ask-1", generator="t"),
            grounding="none",
        ),
        "basic",
    )

    found = json.loads(json.dumps(coverage.as_json()))

    assert found["documents"] == [
        {"path": "handbook.md", "sections": 3, "sections_covered": 1, "drafts": 1, "characters_covered": len(source.chunks[1].text)}
    ]
    assert found["tasks"] == {"qa": 1, "off_topic": 1}
    assert found["difficulties"] == {"detailed": 1, "basic": 1}
    assert found["uncovered"] == [{"path": "handbook.md", "heading": "Item 0"}, {"path": "handbook.md", "heading": "Item 2"}]
