from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from generators.alpaca.asks import Fact
from generators.alpaca.corpus import Corpus
from generators.alpaca.coverage import Coverage
from generators.alpaca.planner import ROUNDS, Planner, askable, gives_wordings
from generators.alpaca.spread import Level, fill, interleaved, parts, quotas, spaced
from generators.interface import Source
from schemas.records import Chunk, Document, Draft, Provenance, Reason, content_id

WORDS = "colleagues must give notice to their team lead before they may take the items of this section home"


@dataclass(frozen=True)
class Kind:
    """What the planner looks at in a task."""

    name: str = "qa"
    weight: float = 1.0
    needs: str = "passage"
    schema: dict = field(default_factory=lambda: {"properties": {"items": {"items": {"properties": {"instruction": {}}}}}})
    seeds: tuple = ()


WORDED = {"properties": {"items": {"items": {"properties": {"wordings": {}}}}}}


def source(name, texts, *, title=None, **metadata):
    text = "\n\n".join(texts)
    document = Document.of(path=f"{name}.md", title=title or name, format="markdown", text=text, raw=text.encode(), metadata=metadata)
    chunks, start = [], 0
    for number, part in enumerate(texts):
        chunks.append(Chunk.of(document, start, start + len(part), (f"Section {number}",), len(part) // 4))
        start += len(part) + 2
    return Source(document, tuple(chunks))


def marked_sources(sizes, tag="MARK"):
    return [source(f"d{number}", [f"{tag}-{number}-{place} {WORDS}." for place in range(size)]) for number, size in enumerate(sizes)]


def draft(ask, number, *, wording=0):
    chunk = ask.passages[0].chunk if ask.passages else None
    quote = chunk.text if chunk else ""
    return Draft.of(
        task=ask.task.name,
        instruction=f"question {ask.id} {number} {wording}",
        output=f"answer {ask.id} {number}",
        quotes=(quote,) if quote else (),
        spans=((chunk.start, chunk.end),) if chunk else (),
        group=content_id("group", ask.id, number),
        form="f",
        provenance=Provenance(document_id=chunk.document_id if chunk else "", chunk_id=chunk.id if chunk else ask.id, generator="test"),
    )


def planner(sources, tasks=(Kind(),), *, target, items=4, facts=None, **more):
    coverage = Coverage(askable(sources)[0])
    for chunk_id, listed in (facts or {}).items():
        coverage.list_facts(chunk_id, listed, lost=0)
    return Planner(sources, tasks, target=target, items_per_request=items, coverage=coverage, corpus=Corpus(sources), **more), coverage


def run(planned, answer=lambda ask: [draft(ask, number) for number in range(ask.count)]):
    """Play the whole plan; `answer` gives what is accepted of an ask."""
    rounds = []
    while asks := list(planned.next_round()):
        rounds.append(asks)
        for ask in asks:
            planned.heard(ask, answer(ask))
    return rounds


def places(asks):
    return [ask.passages[0].chunk.id for ask in asks]


def test_as_many_drafts_as_sections_give_every_section_one():
    planned, coverage = planner(marked_sources([700, 250, 50]), target=1000)

    rounds = run(planned)

    assert coverage.figures()["sections"] == 1.0
    assert len(rounds) == 1
    assert [ask.count for ask in rounds[0]] == [1] * 1000


def test_a_tenth_of_the_sections_is_spread_evenly_over_documents_and_within_them():
    planned, _ = planner(marked_sources([700, 250, 50]), target=100)

    (asks,) = run(planned)

    assert len(set(places(asks))) == len(asks) == 100
    assert list(Counter(ask.passages[0].document.path for ask in asks).values()) == [70, 25, 5]
    chosen = sorted(int(ask.passages[0].chunk.heading_path[0].split()[1]) for ask in asks if ask.passages[0].document.path == "d0.md")
    assert {right - left for left, right in pairwise(chosen)} == {10}


def test_a_plan_that_stops_anywhere_is_balanced_over_the_documents():
    planned, _ = planner(marked_sources([60, 30, 10]), target=100)

    asks = list(planned.next_round())

    for stop in (10, 20, 50, 90):
        got = Counter(ask.passages[0].document.path for ask in asks[:stop])
        assert all(abs(got[f"d{number}.md"] - stop * share) <= 1.5 for number, share in enumerate((0.6, 0.3, 0.1)))


def test_the_same_inputs_give_the_same_asks_whatever_the_moment_of_the_answers():
    sources, tasks = marked_sources([40, 20]), (Kind("qa", 2.0), Kind("howto"), Kind("pairs", needs="pairs"), Kind("chat", needs="nothing"))

    def late(planned):
        rounds = []
        while asks := list(planned.next_round()):
            rounds.append(asks)
            for ask in asks:
                planned.heard(ask, [draft(ask, 0)])
        return rounds

    def early(planned):
        rounds = []
        while True:
            asks = []
            for ask in planned.next_round():
                asks.append(ask)
                planned.heard(ask, [draft(ask, 0)])
            if not asks:
                return rounds
            rounds.append(asks)

    both = [
        [[(ask.id, ask.difficulty, ask.count) for ask in asks] for asks in play(planner(sources, tasks, target=300)[0])]
        for play in (late, early)
    ]

    assert both[0] == both[1]
    assert len(both[0]) > 2


def test_after_failures_the_sections_without_a_draft_come_first_and_twice_is_enough():
    sources = marked_sources([20])
    dead = {chunk.id for chunk in sources[0].chunks[:3]}
    unlucky = {chunk.id for chunk in sources[0].chunks[3:6]}
    tries = Counter()

    def answer(ask):
        chunk_id = ask.passages[0].chunk.id
        tries[chunk_id] += 1
        fails = chunk_id in dead or (chunk_id in unlucky and tries[chunk_id] == 1)
        return [] if fails else [draft(ask, number) for number in range(ask.count)]

    planned, coverage = planner(sources, target=20)
    rounds = run(planned, answer)

    assert set(places(rounds[1])) == dead | unlucky
    assert all(tries[chunk_id] == 2 for chunk_id in dead)
    assert coverage.figures()["sections"] == 17 / 20
    assert planned.accepted == 20


def test_a_document_never_gets_more_than_its_share():
    planned, coverage = planner(marked_sources([10, 10]), target=40)

    run(planned, lambda ask: [] if ask.passages[0].document.path == "d0.md" else [draft(ask, number) for number in range(ask.count)])

    assert list(coverage.documents.values()) == [20]


def test_wordings_are_drafts_of_the_target_but_one_item_of_the_section():
    kind = Kind(schema=WORDED)
    planned, coverage = planner(marked_sources([100]), (kind,), target=100, wordings=5)

    (asks,) = run(planned, lambda ask: [draft(ask, number, wording=wording) for number in range(ask.count) for wording in range(5)])

    assert gives_wordings(kind)
    assert sum(ask.count for ask in asks) == 20
    assert planned.accepted == 100
    assert coverage.figures()["sections"] == 0.2


def test_tasks_are_asked_by_their_weights_and_through_all_difficulties():
    tasks = (Kind("a", 3.0), Kind("b", 1.0), Kind("c", 1.0, needs="nothing"))

    (asks,) = run(planner(marked_sources([50, 50]), tasks, target=500)[0])

    items = Counter()
    for ask in asks:
        items[ask.task.name] += ask.count
    assert abs(items["a"] - 300) <= 5
    assert abs(items["b"] - 100) <= 5
    assert abs(items["c"] - 100) <= 5
    assert len(Counter(ask.difficulty for ask in asks)) == 3


def test_the_same_task_comes_back_to_a_section_with_another_difficulty():
    rounds = run(planner(marked_sources([4]), target=36)[0])

    asked = Counter((ask.passages[0].chunk.id, ask.difficulty) for asks in rounds for ask in asks)
    assert set(asked.values()) == {1}
    assert len(asked) == 12


def test_each_task_gets_the_passages_that_it_needs():
    old = source("leave-policy-v2", [f"Annual leave is 20 days a year. {WORDS}"], title="Leave policy v2", status="superseded")
    new = source(
        "leave-policy-v3",
        [
            f"Annual leave is 25 days a year. {WORDS}",
            "Dogs are welcome in every office of ours but the kitchen, as long as nobody nearby objects.",
        ],
        title="Leave policy v3",
    )
    kinds = [Kind(needs, needs=needs) for needs in ("distractors", "two_passages", "superseded", "seed_tasks")]
    seeds = [draft_seed(number) for number in range(9)]

    asks = [ask for kind in kinds for ask in planner([old, new], (kind,), target=2, items=1, seeds=seeds)[0].next_round()]

    found = {ask.task.name: ask for ask in reversed(asks)}
    assert [passage.chunk.text[:25] for passage in found["superseded"].passages] == [
        "Annual leave is 25 days a",
        "Annual leave is 20 days a",
    ]
    assert len(found["two_passages"].passages) == len(found["distractors"].passages) == 2
    assert len({seed.id for seed in found["seed_tasks"].seeds}) == 3
    assert all(ask.passages[0].chunk.id == new.chunks[0].id for ask in asks if ask.task.name == "superseded")


def draft_seed(number):
    return Draft.of(
        task="seed", instruction=f"seed {number}", output="o", quotes=(), group=f"g{number}", form="seed",
        provenance=Provenance(document_id="", chunk_id="seeds", generator="seeds"), grounding="none",
    )  # fmt: skip


def test_tasks_that_start_from_pairs_wait_for_the_second_round():
    planned, _ = planner(marked_sources([10]), (Kind("qa"), Kind("evolve", needs="pairs")), target=20)

    first, second = run(planned)[:2]

    assert {ask.task.name for ask in first} == {"qa"}
    evolved = [ask for ask in second if ask.task.name == "evolve"]
    assert evolved
    assert all(ask.seeds and all(seed.provenance.chunk_id == ask.passages[0].chunk.id for seed in ask.seeds) for ask in evolved)


def test_with_facts_the_drafts_go_to_the_facts_that_have_none():
    (only,) = marked_sources([2])
    first, second = only.chunks
    facts = {
        first.id: tuple(Fact(f"fact {number}", first.start + 5 * number, first.start + 5 * number + 5) for number in range(6)),
        second.id: (Fact("lonely", second.start, second.start + 5),),
    }

    tries = Counter()

    def answer(ask):
        tries.update(fact.statement for fact in ask.facts)
        spans = [(fact.start, fact.end) for fact in ask.facts if fact.statement != "fact 3" or tries["fact 3"] > 1]
        return [draft(ask, number).model_copy(update={"spans": (span,)}) for number, span in enumerate(spans)]

    planned, coverage = planner([only], target=7, items=4, facts=facts)
    rounds = run(planned, answer)

    assert sorted(fact.statement for ask in rounds[0] for fact in ask.facts) == sorted(
        [f"fact {number}" for number in range(6)] + ["lonely"]
    )
    assert [[fact.statement for fact in ask.facts] for ask in rounds[1]] == [["fact 3"]]
    assert coverage.figures()["facts"] == 1.0


def test_short_sections_and_superseded_documents_are_dropped_once_with_their_reason():
    sources = [source("old", [f"Old. {WORDS}"], status="superseded"), source("new", ["Too short.", f"Long enough. {WORDS}"])]

    passages, dropped = askable(sources)

    assert [passage.chunk.text[:11] for passage in passages] == ["Long enough"]
    assert [(record.reason, record.detail) for record in dropped] == [
        (Reason.NOTHING_TO_ASK, "superseded document"),
        (Reason.NOTHING_TO_ASK, "fewer than 12 words"),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(0, 2**32),
)
def test_asks_are_bounded_and_every_section_is_asked_about_dropped_or_listed_as_uncovered(sizes, target, items, luck):
    sources = marked_sources(sizes)
    sources.append(source("short", ["too short"]))
    passages, dropped = askable(sources)
    planned, coverage = planner(sources, target=target, items=items)

    rounds = run(
        planned,
        lambda ask: [draft(ask, number) for number in range(ask.count) if int(content_id("luck", ask.id, luck, number)[-4:], 16) % 3],
    )

    assert len(rounds) <= ROUNDS
    assert sum(ask.count for asks in rounds for ask in asks) <= ROUNDS * (target + len(sizes))
    assert all(1 <= ask.count <= items for asks in rounds for ask in asks)
    assert len(passages) + len(dropped) == sum(sizes) + 1
    covered = sum(1 for count in coverage.sections.values() if count)
    assert covered + len(coverage.uncovered(10_000)) == len(passages)


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 500))
def test_quotas_add_up_and_nobody_gets_a_whole_one_more_than_its_share(weights, total):
    found = quotas(weights, total, have=[0] * len(weights), is_open=[True] * len(weights))

    assert sum(found) == (total if sum(weights) else 0)
    assert all(abs(quota - weight * total / max(1, sum(weights))) < 1 for quota, weight in zip(found, weights, strict=True))


@given(st.integers(0, 200), st.integers(0, 300))
def test_spaced_places_are_distinct_in_order_and_evenly_apart(count, wanted):
    found = spaced(count, wanted)

    assert len(set(found)) == len(found) == min(count, wanted)
    gaps = {right - left for left, right in pairwise(found)}
    assert not gaps or max(gaps) - min(gaps) <= 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=12), st.integers(0, 60))
def test_filling_gives_all_and_leaves_no_section_unasked_while_another_is_asked_twice(rows, total):
    found = fill([Level(place, *row) for place, row in enumerate(rows)], total)

    assert sum(found.values()) == total
    if any(not asked and place not in found for place, (asked, _, _) in enumerate(rows)):
        assert all(count == 1 and not rows[place][0] for place, count in found.items())


@given(st.lists(st.lists(st.integers(), max_size=9), max_size=5), st.integers(1, 30), st.integers(1, 9))
def test_interleaving_and_cutting_lose_nothing(groups, count, most):
    entries = [[(number, value) for value in group] for number, group in enumerate(groups)]

    assert sorted(interleaved(entries)) == sorted(entry for group in entries for entry in group)
    assert sum(parts(count, most)) == count
    assert max(parts(count, most)) <= most
