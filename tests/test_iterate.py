"""kilopair iterate: weak facts are found and strengthened, no round learns what measures it, and it stops when it should."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curate_stage import UNKEPT
from builder.iterate.asking import wordings
from builder.iterate.begin import design_of
from builder.iterate.facts import NEAR_COPY, facts_of, with_more
from builder.iterate.iterate import ITERATION, iterate, reads_of
from builder.iterate.measure import Measure, leaks
from builder.iterate.plan import FLAG, Plan, Room, control, is_full, is_small, plan, reach_of, room_of
from builder.iterate.rounds import Rounds
from builder.iterate.spare import spare, without_leaks
from builder.iterate.spots import Spots
from builder.iterate.stop import FEWEST, after, before, best_of, check_reach, expected_gain
from builder.iterate.words import sentence, table
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.review.log import ReviewLog
from builder.rouge import rouge_l, words
from builder.stages import STAGES
from builder.step import PAIRS, Step
from builder.store import read_records, write_records
from builder.workspace import Output, Workspace
from schemas.errors import KilopairError, RecipeError
from schemas.iteration import STOPS, Iteration, Round, WeakFact
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.records import Pair
from schemas.review import said_key
from tests.review_events import event
from tests.tiny_models import a_pair
from trainer.statistics.compare import compare

ROOT = Path(__file__).parent.parent
ASKED = (
    "How long is the warranty of the {}?", "Tell me the warranty of the {}.", "For how many months is the {} covered?",
    "hey, how long is the warranty of the {}?", "Is there a warranty on the {}, and for how long?", "Warranty period of the {}, please.",
    "I bought the {}. Until when may I complain?", "When does cover for the {} end?",
)  # fmt: skip
MACHINES = (
    "lathe", "drill", "scanner", "welder", "press", "router", "mixer", "crane", "pump", "valve", "sander", "grinder", "planer", "shear",
    "hoist", "kiln", "furnace", "loom", "roller", "jigsaw", "boiler", "chiller", "dryer", "sifter", "stapler", "trimmer", "winch", "anvil",
    "bellows", "clamp",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "grey", "black", "white", "brown", "pink", "orange", "violet")
RECIPE = """\
documents: {path: pages}
curate: {target: 60, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
split: {test: 0.1, validation: 0.0, paraphrase: 0.1, held_out_documents: 0}
base: {vocabulary: 400, width: 48, layers: 2, heads: 2, tokens: 3000, block: 64}
train: {tokens: 80000, batch_tokens: 512, precision: float32}
diagnose: {probe: none}
iterate: {rounds: 1, pairs: 80, per_fact: 4, change: add}
"""


def wording(tool: str, number: int, *, split: str | None = None) -> Pair:
    pair = a_pair(ASKED[number].format(tool), f"The warranty of the {tool} lasts {10 + len(tool)} months.", group=tool, form=ASKED[number])
    document = {"document_id": tool, "chunk_id": tool, "generator": "extractive"}
    evidence = tuple(one.model_copy(update={"document_id": tool}) for one in pair.evidence)
    return pair.model_copy(update={"split": split, "provenance": pair.provenance.model_copy(update=document), "evidence": evidence})


MOST = 500 if os.environ.get("KILOPAIR_SOAK") else 30
KINDS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=12)


def made_of(kinds: list[tuple[int, int]]) -> tuple[list[Pair], list[Pair]]:
    """Facts of which so many wordings are in train, and of the others so many are spare."""
    train, left = [], []
    for place, (taught, others) in enumerate(kinds):
        tool = f"tool{place:02d}{'x' * place}"
        train += [wording(tool, number, split="train") for number in range(taught)]
        left += [wording(tool, number) for number in range(taught, min(taught + others, len(ASKED)))]
    return train, left


@settings(max_examples=MOST)
@given(KINDS, st.integers(0, 5))
def test_no_round_learns_a_question_that_finds_or_measures_a_fact_nor_a_near_copy_of_it(kinds, seed):
    train, left = made_of(kinds)
    facts = facts_of(train, left, seed=seed)
    held = [pair for fact in facts for pair in fact.held_out]
    room = Room(most=30, free=30, giving=(), per_fact=4, seed=seed)

    first = plan(facts, train, room, number=1)
    second = plan(facts, first.train, room, number=2)
    drawn = control(first, train, [pair for fact in facts for pair in fact.spare], room, number=1)

    for learnt in (first.train, second.train, drawn.train):
        texts = {pair.group: [words(own.instruction) for own in learnt if own.group == pair.group] for pair in held}
        assert all(rouge_l(words(pair.instruction), text) <= NEAR_COPY for pair in held for text in texts[pair.group])
    assert all(fact.find != fact.measure or fact.find is None for fact in facts)
    assert len(drawn.added) <= len(first.added)
    assert {pair.id for pair in first.added}.isdisjoint(pair.id for pair in train)


@settings(max_examples=MOST)
@given(KINDS, st.integers(0, 40), st.integers(0, 40))
def test_a_round_stays_in_its_room_and_takes_no_fact_below_two_wordings(kinds, most, free):
    train, left = made_of(kinds)
    facts = facts_of(train, left, seed=0)
    known = {fact.group for fact in facts if fact.taught and len(fact.group) % 2}
    room = Room(most=most, free=min(free, most), giving=known, per_fact=5, seed=0)

    made = plan([fact for fact in facts if fact.group not in known], train, room, number=1)

    assert len(made.added) <= most
    assert len(made.train) <= len(train) + room.free
    assert len(made.train) == len(train) + len(made.added) - len(made.taken_out)
    assert {pair.group for pair in made.taken_out} <= known
    for pair in made.taken_out:
        assert sum(own.group == pair.group for own in made.train) >= 2
    assert all(f"{FLAG}1" in pair.flags and pair.split == "train" for pair in made.added)
    for fact in made.facts:
        assert 1 <= sum(pair.group == fact.group for pair in made.added) <= 5


def test_a_measured_question_in_train_is_named_before_anything_is_trained():
    train = [wording("lathe", number, split="train") for number in range(3)]
    assert set(leaks(train, [wording("lathe", 5)]).values()) == {0}

    with pytest.raises(KilopairError, match="measured questions in train: 1, measured near copies in train: 1"):
        leaks(train, [wording("lathe", 1)])
    with pytest.raises(KilopairError, match="near copies"):
        leaks([wording("drill press of the north hall", 0, split="train")], [wording("drill press of the north hall", 3)])


def test_a_fact_of_which_one_wording_touches_test_is_not_taught_at_all():
    tested = [wording("lathe", number, split="test") for number in range(2)]
    withheld = wording("drill", 1, split="paraphrase")
    train = [wording("drill", 0, split="train")]

    kept = without_leaks([wording("lathe", 4), wording("drill", 1), wording("drill", 2), wording("pump", 1)], [*tested, withheld, *train])

    # the question that a paraphrase asks, and its form, which train has nowhere, stay out
    assert [(pair.group, pair.form) for pair in kept] == [("drill", ASKED[2])]


def test_a_wording_of_an_endpoint_measures_a_fact_that_had_none_left():
    (fact,) = facts_of([], [wording("lathe", 0)], seed=0)
    assert fact.measure is None

    more = with_more(fact, [wording("lathe", number) for number in (1, 4, 5)], seed=0)

    assert more.measure is not None
    assert more.measure not in more.spare
    assert len(more.spare) == 2


DESIGN = Design(resamples=199)


def compared(before_right: int, after_right: int, n: int, name: str = "weak_facts"):
    first, second = ([float(place < right) for place in range(n)] for right in (before_right, after_right))
    return compare(first, second, clusters=[f"d{place}" for place in range(n)], design=DESIGN, of=("right", name, "round_0", "round_1"))


def a_round(number: int = 1, *, step: tuple[int, int] = (5, 30), known: tuple[int, int, int] | None = (90, 90, 90)) -> Round:
    told = compared(*step, 60)
    return Round(
        round=number, added=10, replaced=0, pairs=50, facts=5, passages=3, expected=0.1, weak_before=told.first_mean,
        weak_after=told.second_mean, comparison=told, since_start=told, control=None,
        known=compared(*known, "known_facts") if known else None,
    )  # fmt: skip


EMPTY = Plan((), (), (), (), room=0)


def test_it_stops_for_each_reason():
    facts = tuple(facts_of([], [wording("lathe", number) for number in range(6)], seed=0))
    full = Plan((), (), (), facts, room=9)
    seen = compared(5, 10, 60)

    assert before(EMPTY, expected=0.5, last=seen) == "no_room"
    assert before(Plan((), (), (), (), room=9), expected=0.5, last=seen) == "nothing_left"
    assert before(full, expected=seen.detectable / 2, last=seen) == "not_visible"
    assert before(full, expected=seen.detectable * 2, last=seen) is None
    assert after(a_round(step=(20, 21)), rounds=3, margin=0.05) == "no_help"
    assert after(a_round(known=(90, 80, 90)), rounds=3, margin=0.05) == "damage"
    assert after(a_round(), rounds=1, margin=0.05) == "last_round"
    assert after(a_round(), rounds=2, margin=0.05) is None
    assert set(STOPS) == {"few_facts", "few_pairs", "nothing_left", "no_room", "not_visible", "no_help", "damage", "last_round"}


def test_one_of_a_few_known_facts_lost_is_no_damage():
    assert after(a_round(known=(3, 2, 3)), rounds=3, margin=0.05) is None


def test_the_best_round_is_better_than_the_start_and_did_no_damage():
    rounds = [a_round(1, step=(5, 30)), a_round(2, step=(5, 40)), a_round(3, step=(5, 55), known=(90, 60, 90))]

    assert best_of(rounds, 0.05) == 2
    assert best_of([a_round(step=(20, 21))], 0.05) == 0
    assert after(a_round(known=(90, 84, 90)), rounds=3, margin=0.05) == "damage"  # so it stops there
    assert best_of([a_round(known=(20, 18, 20))], 0.05) == 1  # but two of twenty are not shown to be lost


def test_the_expected_gain_follows_what_rounds_have_brought():
    fact = {"document": "a.md", "section": (), "question": "q", "reference": "r", "taught": 0, "answers": ("a", "b")}
    facts = [WeakFact(group=str(place), right=(False, place < 2), rounds=(1,), **fact) for place in range(8)]

    assert expected_gain(10, n=20, rounds=[], facts=[]) == 0.25
    assert expected_gain(10, n=20, rounds=[a_round()], facts=facts) == 0.25 * 10 / 20


def test_auto_replaces_only_where_the_budget_is_full():
    train = [wording("lathe", number, split="train") for number in range(5)]
    recipe = Recipe.model_validate({"curate": {"target": 100}, "iterate": {"pairs": 40}})

    assert room_of(recipe, train, chosen=80, giving=("lathe",)).free == 20
    assert room_of(recipe, train, chosen=100, giving=("lathe",)).free == 0
    assert room_of(recipe.model_copy(update={"iterate": recipe.iterate.model_copy(update={"change": "add"})}), train, chosen=100, giving=())


NOTHING, NO_FACTS = Spots((), (), frozenset(), 0, 0, ()), Measure((), (), {})


def test_a_full_budget_that_nothing_makes_way_in_is_told_and_not_that_too_few_facts_are_weak(tmp_path):
    train = [wording(tool, number, split="train") for tool in MACHINES for number in range(3)]
    full = Room(most=40, free=0, giving=(), per_fact=3, seed=0)
    step = Step(Workspace(tmp_path), Recipe(), tmp_path)

    assert is_full(full, train, rounds=3, wanted=FEWEST)
    assert not is_full(replace(full, free=40), train, rounds=3, wanted=FEWEST)
    assert not is_full(replace(full, giving=MACHINES), train, rounds=3, wanted=FEWEST)
    assert not is_full(replace(full, most=4), train, rounds=3, wanted=FEWEST)  # iterate.pairs alone is too small
    assert is_small(replace(full, most=4), train, rounds=3, wanted=FEWEST)
    assert not is_small(full, train, rounds=3, wanted=FEWEST)
    assert Rounds(step, DESIGN, NOTHING, NO_FACTS, [], is_full=True).run() == "no_room"
    assert Rounds(step, DESIGN, NOTHING, NO_FACTS, [], is_small=True).run() == "few_pairs"
    assert Rounds(step, DESIGN, NOTHING, NO_FACTS, []).run() == "few_facts"


def test_a_round_has_no_control_where_fewer_pairs_can_be_drawn_than_it_added(tmp_path):
    train = [wording("lathe", number, split="train") for number in range(3)]
    added = tuple(wording("drill", number, split="train") for number in range(3))
    write_records(tmp_path / PAIRS, train)
    work = Workspace(tmp_path)
    work.outputs["split"] = Output("split", tmp_path, "split", {}, 0.0, fresh=False)
    pool = [wording("pump", number) for number in range(2)]
    rounds = Rounds(Step(work, Recipe(), tmp_path), DESIGN, NOTHING, NO_FACTS, pool)

    assert rounds._control(1, Plan((*train, *added), added, (), (), room=3), train) is None
    assert rounds.notices == ["round 1 added 3 pairs, and only 2 others are there to be drawn at random; it has no control"]


def test_rounds_are_compared_at_the_confidence_of_the_evaluation_by_their_own_margin():
    told = {"seed": 7, "evaluate": {"confidence": 0.8, "resamples": 499, "margin": 0.2, "seed": 3}, "iterate": {"margin": 0.1}}

    design = design_of(Recipe.model_validate(told))
    found = compare([0.0, 1.0] * 9, [1.0, 1.0] * 9, design=design, of=("right", "weak_facts", "round_0", "round_1"))

    assert design == Design(confidence=0.8, margin=0.1, resamples=499, seed=7)
    assert "80 % interval" in found.sentence


@pytest.mark.parametrize(
    ("section", "needed"),
    [({"rounds": 3, "pairs": 13, "per_fact": 5}, 14), ({"rounds": 1, "pairs": 39, "per_fact": 5}, 40), ({"rounds": 20, "pairs": 4}, 5)],
)
def test_so_few_pairs_that_nothing_could_be_measured_are_refused_before_anything_is_made(tmp_path, section, needed):
    with pytest.raises(RecipeError, match=rf"^iterate\.pairs: {section['pairs']} .* set it to {needed} or more"):
        iterate(Recipe.model_validate({"iterate": section}), tmp_path)

    assert not list(tmp_path.iterdir())
    for enough in (needed, "auto"):
        check_reach(Recipe.model_validate({"iterate": section | {"pairs": enough}}).iterate)
    room = Room(most=needed, free=needed, giving=(), per_fact=section.get("per_fact", 5), seed=0)
    assert reach_of(room, [], rounds=section["rounds"]) >= FEWEST


def test_the_record_is_written_anew_when_there_is_something_else_to_tell_though_nothing_was_trained(tmp_path):
    work = Workspace(tmp_path)
    for name in ("split", "pretrain", "train", "diagnose"):
        work.outputs[name] = Output(name, tmp_path, name, {}, 0.0, fresh=False)
    step = Step(work, Recipe(), tmp_path)

    def reads(*notices: str, found: Spots = NOTHING, design: Design = DESIGN):
        return reads_of(step, Rounds(step, design, found, NO_FACTS, [], [*notices]), "few_facts")

    assert reads() == reads()
    assert reads() != reads("the budget is reached")
    assert reads() != reads(found=replace(NOTHING, asked=9, wrong=3))
    assert reads() != reads(design=DESIGN.model_copy(update={"confidence": 0.9}))


def test_tasks_that_cannot_be_asked_are_refused_before_anything_is_made(tmp_path):
    recipe = Recipe.model_validate({"evaluate": {"harness": ["arc_easy"], "harness_tasks": "nowhere"}})

    with pytest.raises(RecipeError, match=r"^evaluate\.harness"):
        iterate(recipe, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    """A recipe over ten made-up tables, of which the choice teaches a part."""
    folder, draw = tmp_path_factory.mktemp("iterate"), random.Random(0)
    (folder / "pages").mkdir()
    for number in range(10):
        rows = [
            f"{name.title()} {10 + place},{draw.choice(COLOURS)},hall {draw.randint(1, 9)},{draw.randint(12, 60)} months"
            for place, name in enumerate(MACHINES[number * 3 : number * 3 + 3], start=3 * number)
        ]
        (folder / "pages" / f"machines-{number}.csv").write_text("\n".join(["product,colour,hall,warranty", *rows, ""]))
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def rounds(company) -> Iteration:
    return iterate(load_recipe(company / "recipe.yaml", []), company).made


@pytest.mark.slow
def test_a_fact_left_out_of_the_choice_is_found_taught_and_known_by_another_wording(company, rounds):
    (done,) = rounds.rounds
    learnt = [fact for fact in rounds.facts if fact.rounds == (1,) and not fact.taught and fact.right == (False, True)]

    assert done.added > 0
    assert done.replaced == 0
    assert done.weak_after > done.weak_before
    assert done.comparison.verdict == "better"
    assert learnt
    assert rounds.best == 1
    assert rounds.stop == "last_round"
    assert rounds.sentence.startswith("Round 1 knows ")
    assert len(list(table(rounds))) == 3
    (folder,) = (company / "workspace" / "stages").glob("round1-*")
    train = [pair for pair in read_records(folder / PAIRS, Pair) if pair.split == "train"]
    asked = {fact.question for fact in rounds.facts}
    assert asked.isdisjoint(pair.instruction for pair in train)
    assert set(rounds.leaks.values()) == {0}
    assert {change.pair_id for change in rounds.history} <= {pair.id for pair in train}


@pytest.mark.slow
def test_killed_in_a_round_it_goes_on_and_comes_to_the_same(company, rounds, tmp_path):
    shutil.copytree(company, tmp_path / "copy", symlinks=True)
    work = tmp_path / "copy" / "workspace"
    first = (work / ITERATION).read_bytes()
    for name in ("round1", "control1", "iterate"):
        for folder in (work / "stages").glob(f"{name}-*"):
            shutil.rmtree(folder)

    command = [sys.executable, "-m", "builder.cli.main", "iterate", str(tmp_path / "copy" / "recipe.yaml"), "-q"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list((work / "training" / "iterate").glob("*/pairs-*/manifest.json")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not list((work / "stages").glob("iterate-*"))
    again = iterate(load_recipe(tmp_path / "copy" / "recipe.yaml", []), tmp_path / "copy")

    assert again.path.read_bytes() == first
    assert not (work / "training" / "iterate").exists()


@pytest.mark.slow
def test_kept_the_best_round_is_the_run_that_later_runs_go_on_with(company, rounds, tmp_path, monkeypatch):
    def killed(step: Step) -> Output:
        raise KeyboardInterrupt

    shutil.copytree(company, tmp_path / "copy", symlinks=True)
    recipe = load_recipe(tmp_path / "copy" / "recipe.yaml", [])
    work = tmp_path / "copy" / "workspace"
    before_pairs = list(read_records(work / PAIRS, Pair))

    with monkeypatch.context() as patch:
        patch.setitem(STAGES, "report", killed)
        with pytest.raises(KeyboardInterrupt):
            iterate(recipe, tmp_path / "copy", keep=True)
    done = iterate(recipe, tmp_path / "copy", keep=True)

    assert done.kept
    assert done.made == rounds  # who is killed while it is kept begins no rounds on what is kept by half
    pairs = list(read_records(work / PAIRS, Pair))
    added = [pair for pair in pairs if f"{FLAG}1" in pair.flags]
    assert len(pairs) == len(before_pairs) + rounds.rounds[0].added
    assert {pair.id for pair in added} == {change.pair_id for change in rounds.history}
    made = next((work / "stages").glob("round1-*/model/model.safetensors"))
    assert (work / "model" / "model.safetensors").read_bytes() == made.read_bytes()
    assert not any(output.fresh for output in run(recipe, tmp_path / "copy").outputs.values())
    manifest = json.loads((work / "manifest.json").read_text())
    assert manifest["stages"]["split"]["counts"]["added"] == len(added)

    refused = next(pair for pair in pairs if pair in before_pairs)
    with ReviewLog(work) as log:
        log.append([event("reject", refused.id, key=said_key(refused))])
    later = run(recipe, tmp_path / "copy", until="split").outputs
    assert later["curate"].counts["review"] == {"done": {"rejected": 1}}
    assert later["split"].counts["notices"] == [UNKEPT]


@contextmanager
def endpoint():
    script = Path(__file__).with_name("fake_endpoint.py")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
        finally:
            server.terminate()


def test_an_endpoint_is_asked_for_wordings_of_weak_facts_only_never_shown_what_measures_them_and_paid_once(company, tmp_path):
    with endpoint() as url:
        overrides = [f"workspace={tmp_path}", f"endpoint.base_url={url}/v1", "endpoint.model=fake-large", "endpoint.api_key_env=KP_NO_KEY"]
        recipe = load_recipe(company / "recipe.yaml", overrides)
        run(recipe, company, until="split")
        asking = recipe.model_copy(update={"generate": recipe.generate.model_copy(update={"generator": "openai"})})
        with Workspace(tmp_path) as work:
            step = Step(work, recipe, company)
            for name in ("read", "check", "chunk", "generate", "validate", "curate", "split"):
                STAGES[name](step)
            pool = list(read_records(spare(step).folder / PAIRS, Pair))
            facts = [fact for fact in facts_of([], pool, seed=0) if fact.measure and fact.spare][:5]
            step = Step(work, asking, company)

            found, _ = wordings(step, facts, [*step.pairs("split"), *pool])
            said = json.loads(urlopen(f"{url}/_log").read())
            shutil.rmtree(work.outputs["wordings"].folder)
            again, _ = wordings(step, facts, [*step.pairs("split"), *pool])

        assert again == found
        assert found.keys() == {fact.group for fact in facts}
        assert all(pair.provenance.model == "fake-large" for pairs in found.values() for pair in pairs)
        assert not [fact for fact in facts if fact.measure and fact.measure.instruction in json.dumps(said)]
        assert json.loads(urlopen(f"{url}/_log").read()) == said


def test_a_sentence_is_honest_when_no_round_helped():
    poor = a_round(step=(20, 21))
    made = Iteration(
        n=60, documents=60, asked=90, wrong=70, known=90, rounds=(poor,), stop="no_help", stopped_because=STOPS["no_help"], best=0,
        noise=None, held_out=(), facts=(), conflicts=(), history=(), leaks={}, sentence="",
    )  # fmt: skip

    assert sentence(made).startswith("No round was shown to help: ")
    assert "can be taught and measured" in sentence(made.model_copy(update={"rounds": (), "stop": "few_facts"}))
