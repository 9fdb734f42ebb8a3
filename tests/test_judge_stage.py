"""The judge as a stage: who is judged, with which passages, what becomes of them, what it costs; and its commands."""

import json
import os
from collections import Counter
from fnmatch import fnmatchcase
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.answers import JOURNAL
from builder.calibrate import load
from builder.cli import judge as commands
from builder.curation.ground_signs import SIGNS
from builder.judge_recipe import estimated, is_configured, judge_key, judged, judging, reads, scored
from builder.judge_stage import UNJUDGED, Sources, is_doubtful, is_wanted, judge
from builder.validate import FUZZY
from generators.alpaca.drafts import SUSPICIOUS
from generators.extractive.doubts import IN_PLACE, WORDY
from generators.judge.judge import Outcome
from generators.judge.rubrics import shipped_rubric
from generators.judge.verdicts import Verdict
from generators.llm.journal import Journal
from schemas.curation_judge import JudgeSection
from schemas.errors import RecipeError, UsageError
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Dropped, Evidence, Pair, Provenance, Reason
from tests.judge_endpoint import CRITERIA, by_rule, judge_server
from tests.leave_project import answer_everything, kilopair, leave_project

CASES = 1_000 if os.environ.get("KILOPAIR_SOAK") else 80
TEXT = "# Rental\n\nBikes may be kept for 14 days.\n\n# Prices\n\nHelmets cost 3 euros a day.\n\n# Footer\n\nOpen daily."
DOCUMENT = Document.of(path="rental.md", title="Rental", format="md", text=TEXT, raw=b"")
CUTS = [0, TEXT.index("# Prices"), TEXT.index("# Footer")]
CHUNKS = [Chunk.of(DOCUMENT, start, end, ("Rental",), 10) for start, end in pairwise(CUTS)]
GOOD = "Bikes may be kept for 14 days."
SECTION = JudgeSection()


def pair(number=1, answer=GOOD, *, quote=GOOD, **changes):
    start = TEXT.find(quote)
    evidence = (Evidence.of(DOCUMENT, start, start + len(quote)),) if quote else ()
    origin = Provenance(document_id=DOCUMENT.id, chunk_id=CHUNKS[0].id, generator="openai")
    fields = {
        "id": f"pair-{number:016x}", "task": "q", "instruction": f"How long may bikes be kept ({number})?", "output": answer,
        "evidence": evidence, "provenance": origin, "group": f"g{number}", "form": "f", "grounding": "quoted" if quote else "none",
    }  # fmt: skip
    return Pair(**(fields | changes))


def gives(points, cases):
    """A judge that is a function of the answer: verdicts for those that it has points for."""
    for case in cases:
        if case.pair.output in points:
            given = points[case.pair.output]
            yield case.pair.id, Verdict(dict.fromkeys(CRITERIA, float(given)), ("invented",) if given < 3 else ())


def through(pairs, points, *, threshold=0.5, wanted=lambda _: True):
    sources = Sources.of([DOCUMENT], CHUNKS)
    verdicts = partial(gives, points)
    return list(judge(pairs, verdicts=verdicts, wanted=wanted, sources=sources, rubric=shipped_rubric(), threshold=threshold))


def test_a_judged_pair_carries_its_scores_and_a_bad_one_is_dropped_with_the_codes():
    good, bad, unjudged = through([pair(1), pair(2, "For 40 days."), pair(3, "Who knows?")], {GOOD: 4, "For 40 days.": 2})

    assert good.scores["judge"] == 0.75
    assert {name: score for name, score in good.scores.items() if name != "judge"} == {f"judge/{name}": 0.75 for name in CRITERIA}
    assert isinstance(bad, Dropped)
    assert (bad.reason, bad.id) == (Reason.JUDGED_LOW, pair(2).id)
    assert bad.detail == "judged 0.00, below 0.50: groundedness 2 of 5, correctness 2 of 5; invented"
    assert bad.record["flags"] == ["judge/invented"]
    assert unjudged.flags == (UNJUDGED,)
    assert not unjudged.scores


def test_a_new_verdict_takes_the_place_of_an_old_one():
    before = pair(scores={"judge": 0.1, "judge/brand": 0.2, "support": 0.9}, flags=("judge/wordy", "repaired"))

    (after,) = through([before], {GOOD: 5})

    assert after.scores == {"support": 0.9, "judge": 1.0, **{f"judge/{name}": 1.0 for name in CRITERIA}}
    assert after.flags == ("repaired",)


@settings(max_examples=CASES, deadline=None)
@given(st.lists(st.sampled_from(["", "1", "3", "5", "not wanted"]), max_size=12), st.floats(0, 1), st.randoms(use_true_random=False))
def test_no_pair_is_lost_and_the_order_of_the_pairs_decides_only_the_order(answers, threshold, dice):
    pairs = [pair(number, answer or "unknown") for number, answer in enumerate(answers)]
    points = {"1": 1, "3": 3, "5": 5}
    run = partial(through, points=points, threshold=threshold, wanted=lambda one: one.output != "not wanted")

    records, shuffled = run(pairs), dice.sample(pairs, len(pairs))

    assert [record.id for record in records] == [pair.id for pair in pairs]
    assert {record.id: record for record in run(shuffled)} == {record.id: record for record in records}
    assert all(record == before for record, before in zip(records, pairs, strict=True) if before.output == "not wanted")


def test_every_sign_of_the_checks_makes_a_pair_doubtful_and_no_default_pattern_waits_for_a_flag_that_nothing_sets():
    found = {*SIGNS, IN_PLACE, WORDY, FUZZY, SUSPICIOUS}

    assert [flag for flag in sorted(found) if not is_doubtful(pair(flags=(flag,)), SECTION)] == []
    assert [pattern for pattern in SECTION.doubtful_flags if not any(fnmatchcase(flag, pattern) for flag in found)] == []


@pytest.mark.parametrize(
    ("changes", "doubtful"),
    [
        ({}, False),
        ({"scores": {"support": 0.9}}, False),
        ({"flags": ("repaired",)}, False),
        ({"flags": ("foreign_name",)}, True),
        ({"flags": ("doubt_goes_on",)}, True),
        ({"scores": {"support": 0.4}}, True),
        ({"quote": ""}, True),
    ],
)
def test_doubtful_is_what_has_no_evidence_thin_support_or_a_flag_that_says_so(changes, doubtful):
    assert is_doubtful(pair(**changes), SECTION) is doubtful
    assert is_wanted(pair(**changes), SECTION) is doubtful
    assert is_wanted(pair(**changes), JudgeSection(pairs="all"))
    assert not is_wanted(pair(**changes), JudgeSection(pairs="none"))


def test_a_pair_is_shown_with_its_own_section_and_those_that_its_evidence_stands_in():
    sources = Sources.of([DOCUMENT], CHUNKS)
    other = Evidence.of(DOCUMENT, TEXT.index("Helmets"), TEXT.index(" a day"))
    outside = Evidence.of(DOCUMENT, TEXT.index("Open"), len(TEXT))
    unknown = Provenance(document_id="doc-gone", chunk_id="chunk-gone", generator="people")

    assert [passage.chunk for passage in sources.case(pair()).passages] == CHUNKS[:1]
    assert [passage.chunk for passage in sources.case(pair(evidence=(other,))).passages] == CHUNKS
    assert [passage.chunk.text for passage in sources.case(pair(evidence=(outside,), provenance=unknown)).passages] == ["Open daily."]
    assert sources.case(pair(quote="", provenance=unknown)).passages == ()
    assert Sources.of().case(pair()).passages == ()


def step_of(folder, url="http://127.0.0.1:9/v1", *, section=SECTION, **changes):
    """What the stages are given, as far as the judge looks at it."""
    endpoint = {"base_url": url, "model": "judge", "structured": "json_schema"}
    recipe = Recipe.model_validate({"company": "Tarnwell", "endpoint": endpoint, "judge": section} | changes)
    work = SimpleNamespace(folder=folder, progress=lambda _: lambda *_: None)
    return SimpleNamespace(recipe=recipe, root=folder, work=work, documents=lambda: [DOCUMENT], chunks=lambda: CHUNKS)


MIXED = [pair(1), pair(2, "For 40 days."), pair(3, flags=("foreign_name",)), pair(4, "For 9 days.", flags=("thin_support",))]


def test_only_doubtful_pairs_are_asked_about_and_a_second_run_costs_nothing(tmp_path):
    with judge_server() as (url, asked):
        first = list(judged(step_of(tmp_path, url), MIXED, Outcome()))
        count, outcome = len(asked), Outcome()
        again = list(judged(step_of(tmp_path, url), MIXED[::-1], outcome))[::-1]

        assert count == len(asked) == 1
    assert first == again
    assert [type(record) for record in first] == [Pair, Pair, Pair, Dropped]
    assert ["judge" in getattr(record, "scores", {}) for record in first] == [False, False, True, False]
    assert (outcome.judged, outcome.figures["from_journal"]) == (2, 1)
    assert "nobody has calibrated the judge" in outcome.notices[-1]
    assert list(judged(step_of(tmp_path, "http://127.0.0.1:9/v1"), MIXED, Outcome())) == first


def test_where_no_endpoint_is_named_every_pair_goes_on_as_it_is(tmp_path):
    step = step_of(tmp_path)
    step.recipe = Recipe()

    assert list(judged(step, MIXED, Outcome())) == MIXED
    assert reads(step.recipe, tmp_path, tmp_path) == {"judge": None}
    assert not is_configured(Recipe())
    assert is_configured(Recipe.model_validate({"generate": {"generator": "openai"}}))
    assert not list(tmp_path.iterdir())


def test_a_budget_that_is_reached_leaves_pairs_unjudged_and_is_told(tmp_path):
    with judge_server() as (url, asked):
        step = step_of(tmp_path, url, section=JudgeSection(pairs="all", per_request=1), budget={"max_calls": 2})
        outcome = Outcome()
        records = list(judged(step, MIXED, outcome))

        assert len(asked) == 2
    assert outcome.unjudged == {"over_budget": 2}
    assert outcome.over_budget
    assert Counter(UNJUDGED in getattr(record, "flags", ()) for record in records)[True] == 2


def test_what_judging_takes_is_estimated_before_and_measured_by_a_pilot(tmp_path):
    prices = {"usd_per_million_input": 1.0, "usd_per_million_output": 2.0}
    with judge_server() as (url, asked):
        step = step_of(tmp_path, url, section=JudgeSection(pairs="all", per_request=1), budget=prices)
        with Journal(tmp_path / JOURNAL) as journal:
            requests, assumed = estimated(step, MIXED, journal)
        assert not asked
        list(judged(step, MIXED[:1], Outcome()))
        with Journal(tmp_path / JOURNAL) as journal:
            left, measured = estimated(step, MIXED, journal)

    assert (requests, left) == (4, 3)
    assert (assumed.measured, measured.measured) == (0, 1)
    assert assumed.usd.p50 > 0
    assert measured.completion_tokens.p50 == 3 * 40


def test_another_model_may_judge_than_wrote_the_pairs(tmp_path):
    with judge_server(models=("judge", "wise")) as (url, asked):
        step = step_of(tmp_path, url, section=JudgeSection(pairs="all", model="wise"))
        scores = scored(step, MIXED, Outcome())

    assert {body["model"] for body in asked} == {"wise"}
    assert len(scores) == 4
    assert judge_key(step.recipe, tmp_path) != judge_key(step_of(tmp_path, url).recipe, tmp_path)
    local = step_of(tmp_path, url, section=JudgeSection(model="wise"), generate={"generator": "local"})
    with pytest.raises(RecipeError, match=r"judge.model: the local generator serves"):
        judging(local.recipe)


def test_a_rubric_of_ones_own_decides_criteria_and_scores(tmp_path):
    (tmp_path / "ours.yaml").write_text("brand: {asks: 'Is it ours?', scale: {0: no, 1: yes}, codes: {alien: not ours}}\n")
    section = JudgeSection(pairs="all", rubric="ours.yaml", threshold=0.0)
    with judge_server(lambda messages, schema: by_rule(messages, schema).replace('"brand": 5', '"brand": 1')) as (url, _):
        records = list(judged(step_of(tmp_path, url, section=section), MIXED, Outcome()))

    assert [record.scores for record in records] == [{"judge": 1.0, "judge/brand": 1.0}] * 4


def test_what_the_stage_depends_on_changes_with_judge_and_settings_but_not_with_the_address(tmp_path):
    plain = reads(step_of(tmp_path, "http://127.0.0.1:1/v1").recipe, tmp_path, tmp_path)

    assert reads(step_of(tmp_path, "http://127.0.0.1:2/v1").recipe, tmp_path, tmp_path) == plain
    for section in (JudgeSection(pairs="all"), JudgeSection(model="wise"), JudgeSection(threshold=0.9), JudgeSection(both_orders=True)):
        assert reads(step_of(tmp_path, "http://127.0.0.1:1/v1", section=section).recipe, tmp_path, tmp_path) != plain


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return answer_everything(leave_project(tmp_path))


def run(command, *arguments):
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False, standalone_mode=False)
    return result.stdout


def test_the_command_judges_says_what_came_of_it_and_foresees_what_it_takes(project):
    kilopair("generate", "recipe.yaml", "--quiet")
    with judge_server(models=("large",)) as (url, asked):
        there = ("recipe.yaml", "--set", f"endpoint.base_url={url}", "--set", "endpoint.structured=json_schema", "--set", "judge.pairs=all")
        foreseen = json.loads(run(commands.judge, *there, "--dry-run", "--json"))
        sent = len(asked)
        shown = run(commands.judge, *there, "--pilot", "1")
        told = run(commands.judge, *there)
        figures = json.loads(run(commands.judge, *there, "--json"))

    assert (foreseen["pairs"], sent) == (3, 0)
    assert foreseen["requests"] >= 1
    assert "measured on 1 requests" in shown
    assert "judged 3 of 3 pairs: " in told
    assert (figures["judged"], figures["unjudged"]) == (3, {})
    assert len(asked) == foreseen["requests"]


def test_the_command_says_what_cannot_be_done(project):
    with pytest.raises(UsageError, match="use one of them"):
        run(commands.judge, "recipe.yaml", "--dry-run", "--pilot", "3")
    plain = ("generate.generator=extractive", "endpoint.base_url=http://127.0.0.1:8000/v1", "endpoint.model=default")
    with pytest.raises(UsageError, match="names nobody who could judge"):
        run(commands.judge, "recipe.yaml", *(part for one in plain for part in ("--set", one)))
    assert load(project / "workspace") is None
