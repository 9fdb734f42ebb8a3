"""The judge held against people: kappa by known tables, the threshold that fits, decisions as people write them."""

import csv
import json
import os
import random

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.agreement import auc, cohen, fit
from builder.calibrate import PLAIN_THRESHOLD, Calibration, calibrate, load, save, telling, threshold_of
from builder.cli import judge as commands
from builder.decisions import drawn, from_grades, read_decisions, write_sheet
from builder.grades import read_grades
from builder.review.log import ReviewLog
from schemas.curation_judge import JudgeSection
from schemas.errors import InputError, UsageError, WorkspaceError
from schemas.records import Pair, Provenance
from tests.judge_endpoint import criteria_of, judge_server, shown
from tests.leave_project import kilopair
from tests.review_events import event

CASES = 2_000 if os.environ.get("KILOPAIR_SOAK") else 60


@pytest.mark.parametrize(
    ("table", "kappa", "low", "high"),
    [
        # "Agreement Study", documentation of SAS, PROC FREQ: two dermatologists on 88 patients, 0.3449, ASE 0.0724
        ([[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]], 0.3449, 0.2030, 0.4868),
        ([[20, 5], [10, 15]], 0.4, None, None),  # the usual textbook examples
        ([[45, 15], [25, 15]], 0.1304, None, None),
        ([[25, 35], [5, 35]], 0.2593, None, None),
        ([[0, 10], [10, 0]], -1.0, -1.0, -1.0),
        ([[25, 25], [25, 25]], 0.0, -0.1960, 0.1960),  # independent raters: the error is 1 / sqrt(n)
    ],
)
def test_kappa_and_its_interval_are_those_of_known_tables(table, kappa, low, high):
    found = cohen(table)

    assert found.kappa == pytest.approx(kappa, abs=5e-5)
    assert found.low == pytest.approx(found.low if low is None else low, abs=5e-5)
    assert found.high == pytest.approx(found.high if high is None else high, abs=5e-5)
    assert found.low <= found.kappa <= found.high


def test_perfect_agreement_on_few_pairs_is_not_certain():
    few, many = cohen([[15, 0], [0, 15]]), cohen([[150, 0], [0, 150]])

    assert few.kappa == many.kappa == 1
    assert few.low == pytest.approx(0.7686, abs=1e-4)
    assert few.low < many.low < 1


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[7, 0], [0, 0]]])
def test_kappa_of_one_and_the_same_rating_is_refused(table):
    with pytest.raises(ValueError, match="two different ratings"):
        cohen(table)


@settings(max_examples=CASES, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_does_not_care_which_rater_comes_first_nor_what_ratings_are_called(table):
    counts = np.array(table)
    if (counts.sum(axis=0) > 0).sum() + (counts.sum(axis=1) > 0).sum() < 3:
        return
    found, turned, renamed = cohen(table), cohen(counts.T.tolist()), cohen(counts[::-1, ::-1].tolist())

    assert (turned.kappa, turned.low) == pytest.approx((found.kappa, found.low))
    assert (renamed.kappa, renamed.high) == pytest.approx((found.kappa, found.high))
    assert -1 <= found.low <= found.kappa + 1e-12 <= found.high + 2e-12 <= 1 + 2e-12


def people(count, *, seed=0, noise=0.12):
    """Scores and decisions of people who accept from 0.6 on and see other things than the judge at times."""
    dice = random.Random(seed)
    scores = [dice.random() for _ in range(count)]
    return scores, [score + dice.gauss(0, noise) >= 0.6 for score in scores]


def test_the_threshold_lies_where_people_change_their_minds():
    found = fit(*people(400))

    assert found.threshold == pytest.approx(0.6, abs=0.06)
    assert found.low <= found.threshold <= found.high
    assert found.high - found.low < 0.2
    assert 0 < found.expected <= found.kappa
    assert sum(map(sum, found.table)) == 400
    assert cohen(found.table).kappa == pytest.approx(found.kappa)


def test_the_interval_of_the_threshold_holds_the_truth_about_as_often_as_it_says():
    hits = sum(found.low <= 0.6 <= found.high for found in (fit(*people(60, seed=seed), draws=300) for seed in range(60)))

    assert hits >= 52  # 95 % of 60 are 57


def test_what_is_told_of_other_pairs_is_what_other_pairs_bring():
    told, came, apparent, held = [], [], [], 0
    scores, accepted = people(20_000, seed=99)
    for seed in range(40):
        found = calibrate("j", *(build(part) for build, part in zip((scores_of, decisions_of), people(40, seed=seed), strict=True)))
        kept, good = np.array(scores) >= found.threshold, np.array(accepted)
        table = [[int((kept & good).sum()), int((~kept & good).sum())], [int((kept & ~good).sum()), int((~kept & ~good).sum())]]
        told, came, apparent = [*told, found.kappa_expected], [*came, cohen(table).kappa], [*apparent, found.kappa]
        held += found.kappa_low <= came[-1] <= found.kappa_high

    assert abs(np.mean(told) - np.mean(came)) < abs(np.mean(apparent) - np.mean(came))
    assert np.mean(told) == pytest.approx(np.mean(came), abs=0.05)
    assert held >= 35


@settings(max_examples=CASES, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=40))
def test_no_threshold_agrees_better_than_the_one_that_was_chosen(rated):
    scores, accepted = [score / 8 for score, _ in rated], [good for _, good in rated]
    found = fit(scores, accepted, draws=20)

    for threshold in {0.0, *(score - 1e-9 for score in scores)}:
        kept = [score >= threshold for score in scores]
        table = [[sum(k == a and g == b for k, g in zip(kept, accepted, strict=True)) for a in (True, False)] for b in (True, False)]
        try:
            assert cohen(table).kappa <= found.kappa + 1e-9
        except ValueError:
            continue


def test_how_well_a_score_tells_good_from_bad_is_counted_over_all_pairs_of_them():
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert auc([1, 1, 1], [True, False, True]) == 0.5
    assert auc([3, 1, 2], [False, True, True]) == 0
    assert auc([1, 2], [True, True]) == 0.5


def scores_of(numbers):
    return {f"pair-{place}": {"judge": score, "judge/tone": score, "judge/correctness": 1 - score} for place, score in enumerate(numbers)}


def decisions_of(accepted):
    return {f"pair-{place}": good for place, good in enumerate(accepted)}


def test_a_calibration_tells_in_a_sentence_how_far_the_judge_can_be_trusted(tmp_path):
    scores, accepted = people(60)
    found = calibrate("judge-1", scores_of(scores), decisions_of(accepted))

    save(tmp_path, found)

    assert load(tmp_path) == found
    assert found.is_useful
    assert found.criteria["tone"] > 0.8
    assert found.criteria["correctness"] == pytest.approx(1 - found.criteria["tone"])
    agreed = found.accepted_kept + found.rejected_dropped
    assert found.sentence.startswith(f"the judge agrees with {agreed} of 60 decisions (kappa {found.kappa:.2f}, 95 % interval ")
    assert f"drops pairs below {found.threshold:.2f}" in found.sentence
    assert threshold_of(JudgeSection(), "judge-1", tmp_path) == (found.threshold, "")
    assert threshold_of(JudgeSection(threshold=0.3), "judge-1", tmp_path) == (0.3, "")


def test_auto_falls_back_where_the_judge_is_another_unknown_or_no_better_than_chance(tmp_path):
    unknown = threshold_of(JudgeSection(), "judge-1", tmp_path)
    scores, accepted = people(60)
    save(tmp_path, calibrate("judge-1", scores_of(scores), decisions_of(accepted)))
    other = threshold_of(JudgeSection(), "judge-2", tmp_path)
    dice = random.Random(3)
    chance = calibrate("judge-1", scores_of([round(dice.random(), 1) for _ in range(40)]), decisions_of([n % 2 == 0 for n in range(40)]))
    save(tmp_path, chance)
    useless = threshold_of(JudgeSection(), "judge-1", tmp_path)

    assert [found[0] for found in (unknown, other, useless)] == [PLAIN_THRESHOLD] * 3
    assert "nobody has calibrated" in unknown[1]
    assert "of another judge" in other[1]
    assert "by chance" in useless[1]
    assert "may be chance" in chance.sentence


def test_the_order_of_decisions_changes_nothing():
    scores, accepted = people(50)
    there, back = decisions_of(accepted), dict(reversed(decisions_of(accepted).items()))

    assert calibrate("j", scores_of(scores), there) == calibrate("j", scores_of(scores), back)


@pytest.mark.parametrize(
    ("accepted", "scored", "problem"),
    [
        ([True, False] * 14, 28, "28 decisions on judged pairs, at least 30 are needed"),
        ([True, False] * 20, 20, "20 decisions on judged pairs"),
        ([True] * 33, 33, "all 33 decisions are accept"),
        ([False] * 33, 33, "all 33 decisions are reject"),
    ],
)
def test_too_few_or_equal_decisions_are_refused_with_what_to_do(accepted, scored, problem):
    with pytest.raises(InputError, match=problem):
        calibrate("j", scores_of([0.5] * scored), decisions_of(accepted))


def test_a_damaged_calibration_is_said(tmp_path):
    (tmp_path / "judge_calibration.json").write_text('{"judge": 1}')

    with pytest.raises(WorkspaceError, match="damaged; delete it"):
        load(tmp_path)


def pair(number, *, group="", question="How long?", answer="14 days"):
    origin = Provenance(document_id="", chunk_id=f"row-{number}", generator="people")
    return Pair(
        id=f"pair-{number:016x}", task="q", instruction=question, output=answer, evidence=(), provenance=origin,
        group=group or f"g{number}", form="f", grounding="none",
    )  # fmt: skip


def test_a_sheet_goes_out_is_filled_in_and_comes_back(tmp_path):
    sheet = tmp_path / "sheet.csv"
    count = write_sheet(sheet, [pair(1, question="=cmd()"), pair(2, answer="a\nb; c"), pair(3)])
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    for row, decision in zip(rows, ("accept", " Reject ", ""), strict=True):
        row["decision"] = decision
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)

    assert count == 3
    assert rows[0]["question"] == "'=cmd()"
    assert read_decisions(sheet) == {pair(1).id: True, pair(2).id: False}


def test_decisions_come_as_lines_of_json_too_and_the_last_one_counts(tmp_path):
    path = tmp_path / "decisions.jsonl"
    lines = [{"id": "a", "decision": "accept"}, {"pair_id": "b", "accept": False}, {"id": "a", "decision": "reject"}, {"id": "c"}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")

    assert read_decisions(path) == {"a": False, "b": False}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("question,decision\nq,accept\n", "no column id"),
        ("id,question\na,b\n", "no column decision"),
        ("id,decision\na,perhaps\n", ":2: 'perhaps' is no decision"),
        ('{"id": "a", "decision": "accept"}\n{oops\n', ":2: not valid JSON"),
        ('{"decision": "accept"}\n', ":1: no id of a pair"),
        ("", "no column id"),
    ],
)
def test_a_file_that_holds_no_decisions_is_refused_with_the_line(tmp_path, text, problem):
    path = tmp_path / "decisions.csv"
    path.write_text(text)

    with pytest.raises(UsageError) as refused:
        read_decisions(path)

    assert problem in str(refused.value)


def test_decisions_that_a_spreadsheet_saved_in_its_own_encoding_are_read(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_bytes("decision;question;id\naccept;Où est le café?;pair-1\n".encode("cp1252"))

    assert read_decisions(path) == {"pair-1": True}


def test_lines_end_where_a_spreadsheet_or_json_ends_them(tmp_path):
    sheet, lines = tmp_path / "sheet.csv", tmp_path / "decisions.jsonl"
    sheet.write_bytes(b"id;decision\ra;accept\rb;no\r")
    lines.write_text(json.dumps({"id": "a", "decision": "accept", "answer": "one\u2028two"}, ensure_ascii=False), encoding="utf-8")

    assert read_decisions(sheet) == {"a": True, "b": False}
    assert read_decisions(lines) == {"a": True}


def test_a_cell_that_is_too_long_for_a_sheet_is_said_with_its_line(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_text(f"id,decision,answer\na,accept,{'x' * 50}\n")
    usual = csv.field_size_limit(40)

    try:
        with pytest.raises(UsageError, match=":2: cannot be read as a sheet"):
            read_decisions(path)
    finally:
        csv.field_size_limit(usual)


def test_a_sheet_with_decisions_is_not_overwritten(tmp_path):
    sheet, other = tmp_path / "sheet.csv", tmp_path / "notes.txt"
    write_sheet(sheet, [pair(1)])
    write_sheet(sheet, [pair(1), pair(2)])
    sheet.write_text(sheet.read_text(encoding="utf-8-sig").replace("\n,", "\naccept,", 1))
    other.write_text("mine")

    with pytest.raises(UsageError, match="holds 1 of your decisions, which would be lost"):
        write_sheet(sheet, [pair(3)])
    with pytest.raises(UsageError, match=r"notes\.txt: exists and is no sheet"):
        write_sheet(other, [pair(3)])

    assert read_decisions(sheet) == {pair(1).id: True}


def test_decisions_on_other_pairs_are_told_apart_from_too_few():
    with pytest.raises(InputError, match=r"0 decisions on pairs of this workspace, at least 30 are needed \(40 more name pairs"):
        telling(decisions_of([True, False] * 20), {}, where="pairs of this workspace")


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_decisions(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="cannot be written"):
        write_sheet(tmp_path / "none.csv" / "sheet.csv", []) if (tmp_path / "none.csv").write_text("") == 0 else None


@settings(max_examples=CASES, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=25, unique=True), st.integers(1, 8), st.randoms(use_true_random=False))
def test_the_pairs_of_a_sheet_are_one_of_each_fact_whatever_their_order(numbers, count, dice):
    pairs = [pair(number, group=f"g{number // 3}") for number in numbers]

    chosen = drawn(pairs, count)

    assert chosen == drawn(dice.sample(pairs, len(pairs)), count)
    assert len(chosen) == min(count, len({one.group for one in pairs})) == len({one.group for one in chosen})
    assert drawn(pairs, count + 2)[: len(chosen)] == chosen


LEAVE = "\n\n".join(
    f"## {name}\n\nYou must tell the {name.lower()} team before {number} o'clock. You can borrow {number} {name.lower()} cards for "
    f"{number + 1} days. You must return every {name.lower()} card within {number + 2} weeks."
    for number, name in enumerate(
        ("Travel", "Parking", "Kitchen", "Garden", "Library", "Workshop", "Studio", "Archive", "Canteen", "Gate"), 5
    )
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "leave.md").write_text(f"# House rules\n\n{LEAVE}\n")
    (tmp_path / "recipe.yaml").write_text("company: Tarnwell\ndocuments: {path: pages}\ngenerate: {wordings: 1, families: all}\n")
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(commands.calibrate, list(arguments), catch_exceptions=False, standalone_mode=False)
    return result.stdout


def picky(messages, schema):
    """A judge that likes answers with an odd number in them less than the others."""
    return json.dumps({
        pair["id"]: {**dict.fromkeys(criteria_of(schema), 3 if any(sign in pair["answer"] for sign in "579") else 5), "code": "none"}
        for pair in shown(messages)[1]
    })  # fmt: skip


def test_a_sheet_and_a_judge_become_a_threshold_in_the_workspace(project):
    with judge_server(picky) as (url, asked):
        there = (
            "recipe.yaml",
            "--set",
            f"endpoint.base_url={url}",
            "--set",
            "endpoint.model=judge",
            "--set",
            "endpoint.structured=json_schema",
        )
        told = run(*there, "--write", "sheet.csv", "--pairs", "36")
        rows = list(csv.DictReader((project / "sheet.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
        lines = [{"id": row["id"], "decision": "reject" if any(sign in row["answer"] for sign in "579") else "accept"} for row in rows]
        (project / "said.jsonl").write_text("\n".join(map(json.dumps, [*lines, {"id": "pair-of-old", "decision": "accept"}])))
        sent = len(asked)
        figures = json.loads(run(*there, "--read", "said.jsonl", "--json"))
        shown = run(*there, "--read", "said.jsonl")
        count = len(asked)

    assert sent == 0
    assert "wrote 3" in told
    assert "judge" not in (project / "sheet.csv").read_text()
    assert figures["kappa"] == 1.0
    assert figures["unknown"] == 1
    assert 0.5 < figures["threshold"] <= 1.0
    assert "you reject" in shown
    assert len(asked) == count
    assert isinstance(load(project / "workspace"), Calibration)


def test_a_sheet_needs_nobody_who_judges_and_an_empty_one_is_said(project):
    told = run("recipe.yaml", "--write", "my sheet.csv", "--pairs", "3")

    assert "kilopair calibrate recipe.yaml --read 'my sheet.csv'" in told
    with pytest.raises(UsageError, match=r"my sheet\.csv: holds no decision yet"):
        run("recipe.yaml", "--read", "my sheet.csv")
    with pytest.raises(UsageError, match=r"recipe\.yaml: names nobody who could judge"):
        run("recipe.yaml")


def test_nothing_is_spent_on_decisions_that_no_threshold_can_be_fitted_to(project):
    run("recipe.yaml", "--write", "sheet.csv", "--pairs", "5")
    filled = (project / "sheet.csv").read_text(encoding="utf-8-sig").replace("\n,", "\naccept,")
    (project / "five.csv").write_text(filled, encoding="utf-8")

    with judge_server(picky) as (url, asked):
        there = ("--set", f"endpoint.base_url={url}", "--set", "endpoint.model=judge")
        with pytest.raises(InputError, match=r"5 decisions on pairs of this workspace, at least 30"):
            run("recipe.yaml", *there, "--read", "five.csv")

    assert not asked


def test_grades_that_people_gave_count_as_decisions(project):
    kilopair("grade", "recipe.yaml", "--write", "grades.csv", "--facts", "4", "--quiet")
    rows = list(csv.DictReader((project / "grades.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    for place, row in enumerate(rows):
        row["grade"] = "ABC"[place % 3]
    with (project / "grades.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    kilopair("grade", "recipe.yaml", "--read", "grades.csv", "--quiet")
    kilopair("generate", "recipe.yaml", "--quiet")
    folder = next((project / "workspace" / "stages").glob("validate-*"))
    pairs = [Pair.model_validate_json(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]

    found = from_grades(pairs, read_grades(project / "workspace"))

    assert len(found) == len(rows) > 5
    assert sum(found.values()) == len(rows[::3])
    assert set(found) <= {pair.id for pair in pairs}


def test_decisions_of_the_review_page_become_a_threshold_without_a_sheet(project):
    kilopair("generate", "recipe.yaml", "--quiet")
    folder = next((project / "workspace" / "stages").glob("validate-*"))
    pairs = [Pair.model_validate_json(line) for line in (folder / "pairs.jsonl").read_text().splitlines()][:36]
    bad = [any(sign in one.output for sign in "579") for one in pairs]
    with ReviewLog(project / "workspace") as log:
        log.append([event("edit" if wrong else "accept", one.id) for one, wrong in zip(pairs, bad, strict=True)])

    with judge_server(picky) as (url, _):
        there = ("--set", f"endpoint.base_url={url}", "--set", "endpoint.model=judge", "--set", "endpoint.structured=json_schema")
        figures = json.loads(run("recipe.yaml", *there, "--json"))

    assert (figures["decisions"], figures["unknown"], figures["kappa"]) == (36, 0, 1.0)
    assert (figures["accepted_kept"], figures["rejected_dropped"]) == (bad.count(False), bad.count(True))
