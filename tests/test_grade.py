"""Families of questions before a person's eyes: grades that stay, families that go and come back."""

import csv
import io
import json
import os
import pty
import select
import signal
import sys
import termios
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.cli.main import group
from builder.grade import Shown, record
from builder.grade_sheet import read_sheet, write_sheet
from builder.grades import GRADES, read_grades
from generators.extractive.catalogue import SCOPE, families, groups
from schemas.errors import RecipeError, UsageError, WorkspaceError

PAGE = """\
# Leave handbook

## Carrying over annual leave

You can carry over up to 5 days of annual leave into the next year.

You must ask for it in Rota before the year ends.

You can also give 2 days of annual leave to a colleague.

You must not sell your annual leave.

## Sick leave

You must tell your manager before 9:30 if you are ill.

If you are ill for more than 3 days, send a medical certificate to the people team.

You can work from home if you have a cold.

You should not come to the office with a fever.

## Equipment

You can take your monitor home for a year.

You must return your laptop on your last day.

You can buy your laptop after 4 years.

You must lock your screen when you leave the desk.

You should clean the keyboard every week.

You can borrow a projector for 3 days.

You must report a lost key within 1 hour.

You can order a headset in Rota.

You must not install games on the laptop.
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "leave.md").write_text(PAGE)
    (tmp_path / "recipe.yaml").write_text("company: Tarnwell\ndocuments: {path: pages}\n")
    return tmp_path


def kilopair(*arguments: str, keys: str = "") -> str:
    result = CliRunner().invoke(group, list(arguments), input=keys, catch_exceptions=False, standalone_mode=False)
    return result.stdout


def standing(*arguments: str) -> dict[str, dict]:
    return {one["name"]: one for one in json.loads(kilopair("grade", "--json", *arguments))["families"]}


def lines(project: Path) -> list[dict]:
    return [json.loads(line) for line in (project / "workspace" / GRADES).read_text().splitlines()]


def grade_all(project: Path, letter: str) -> None:
    kilopair("grade", "--write", "sheet.csv")
    fill(project / "sheet.csv", lambda row: letter)
    kilopair("grade", "--read", "sheet.csv", "--quiet")


def fill(path: Path, grade_of) -> None:
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "grade": grade_of(row)} for row in rows)


def rules_asked(project: Path) -> Counter[str]:
    rows = map(json.loads, (project / "workspace" / "drafts.jsonl").read_text().splitlines())
    return Counter(row["provenance"]["rule"].removesuffix("_s") for row in rows if not row["input"])


# The catalogue


def test_every_rule_that_has_question_forms_is_of_one_family_and_every_rule_of_a_family_has_forms(root: Path):
    files = (root / "generators" / "extractive" / "forms").glob("*/*.yaml")
    worded = {rule for file in files for rule in yaml.safe_load(file.read_text(encoding="utf-8"))} - {SCOPE}
    held = Counter(rule for family in families().values() for rule in family.rules)

    assert worded - held.keys() == set(), "rules of forms/ that no family of catalogue.yaml holds: add them there"
    assert held.keys() - worded == set(), "rules of catalogue.yaml without question forms: take them out"
    assert {rule for rule, count in held.items() if count > 1} == set()


def test_every_family_is_of_a_group_and_the_groups_share_the_whole_set():
    assert {family.group for family in families().values()} == set(groups())
    assert sum(group.share for group in groups().values()) == pytest.approx(1)
    assert all(family.about for family in families().values())


def test_every_rule_that_the_generator_uses_has_a_family(root: Path):
    sources = (root / "generators" / "extractive").rglob("*.py")
    named = {part.split('"')[1] for file in sources for part in file.read_text(encoding="utf-8").split("Fact.of(")[1:] if part[:1] == '"'}

    assert named - {rule for family in families().values() for rule in family.rules} == set()


# Grading


def test_grades_are_recorded_with_who_and_when_and_a_sitting_goes_on_where_the_last_one_stopped(project: Path):
    first = kilopair("grade", "--name", "Ada", keys="a\nb\nq\n")
    second = kilopair("grade", keys="c")

    assert [(line["grade"], line["name"]) for line in lines(project)] == [("A", "Ada"), ("B", "Ada"), ("C", "")]
    assert len({line["fact"] for line in lines(project)}) == 3
    assert all(line["when"].endswith("Z") for line in lines(project))
    assert "2 graded now" in first
    assert "1 graded now" in second


def test_a_fact_is_shown_with_its_answer_evidence_and_place(project: Path):
    shown = kilopair("grade", "--family", "duty", keys="q")

    assert "pages" not in shown.partition("evidence in")[0]
    assert "leave.md › Leave handbook ›" in shown
    assert "You must" in shown
    assert "duty 1 of" in shown


def test_undo_takes_the_last_grade_back_and_shows_the_fact_once_more(project: Path):
    kilopair("grade", "--family", "duty", keys="cuaq")

    assert [line["grade"] for line in lines(project)] == ["C", "undone", "A"]
    assert len({line["fact"] for line in lines(project)}) == 1
    assert [grade.grade for grade in read_grades(project / "workspace").values()] == ["A"]


def test_undo_with_nothing_to_undo_says_so(project: Path):
    assert "nothing to undo" in kilopair("grade", keys="uq")


def test_a_skipped_fact_is_not_shown_again_and_does_not_count(project: Path):
    kilopair("grade", "--family", "duty", keys="sq")
    kilopair("grade", "--family", "duty", keys="aq")

    assert len({line["fact"] for line in lines(project)}) == 2
    assert standing()["duty"]["graded"] == 1


def test_families_take_turns_so_that_each_gets_its_first_ten(project: Path):
    kilopair("grade", keys="a" * 200)

    order = [line["family"] for line in lines(project)]
    first_round = [family for number, family in enumerate(order) if order[:number].count(family) < 10]
    assert order[: len(first_round)] == first_round


def test_the_order_of_the_facts_stays_when_others_come(project: Path):
    kilopair("grade", "--write", "before.csv")
    (project / "pages" / "new.md").write_text("# Parking\n\nYou must park behind the building. You can leave your car for 3 days.\n")
    kilopair("grade", "--write", "after.csv")

    before, after = (
        [row["fact"] for row in csv.DictReader((project / name).read_text("utf-8-sig").splitlines(keepends=True))]
        for name in ("before.csv", "after.csv")
    )
    assert [fact for fact in after if fact in set(before)] == before


def test_a_control_sequence_of_a_document_does_not_reach_the_terminal(project: Path):
    (project / "pages" / "leave.md").write_text(PAGE.replace("a cold", "a \x1b[31mcold"))

    assert "\x1b[31m" not in kilopair("grade", keys="s" * 200)


@pytest.mark.slow
def test_single_keys_work_in_a_real_terminal(project: Path):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "builder.cli.main", "grade", "--family", "duty"])
    shown, keys, sent, waits = b"", list("abq"), 0, True
    while waits := bool(select.select([terminal], [], [], 60)[0]):
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if keys and shown.count(b"go on later > ") > sent:
            listens_by = time.monotonic() + 60
            while termios.tcgetattr(terminal)[3] & termios.ICANON and time.monotonic() < listens_by:
                time.sleep(0.01)  # what is typed before the terminal is listening is lost, as anywhere
            os.write(terminal, keys.pop(0).encode())
            sent += 1
    if not waits:  # a key was lost: it would wait for it for ever
        os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert [line["grade"] for line in lines(project)] == ["A", "B"]


# What follows


PLACES = (
    "laptop",
    "desk",
    "window",
    "cupboard",
    "printer",
    "workshop",
    "laboratory",
    "kitchen",
    "garage",
    "server room",
    "terrace",
    "archive",
)
DUTIES = "# Rooms\n\n## Leaving a room\n\n" + " ".join(
    f"You must {verb} the {place} every Friday.\n\n" for verb in ("lock", "clean") for place in PLACES
)


def test_a_family_below_the_threshold_is_left_out_and_named_and_can_be_graded_back(project: Path):
    (project / "pages" / "desks.md").write_text(DUTIES)
    kilopair("generate", "--quiet")
    before = rules_asked(project)["duty"]
    kilopair("grade", "--family", "duty", keys="c" * 10 + "q")
    told = CliRunner().invoke(group, ["generate"], catch_exceptions=False).stderr
    off, left = standing()["duty"], rules_asked(project)["duty"]
    (project / "pages" / "more.md").write_text(DUTIES.replace("every Friday", "before a holiday"))
    kilopair("grade", "--family", "duty", "--set", "generate.grade_threshold=0.3", keys="a" * 20)
    kilopair("generate", "--quiet", "--set", "generate.grade_threshold=0.3")

    assert before
    assert (off["on"], off["why"], left) == (False, "0 of 10 graded A, below 60%", 0)
    assert "switched off: duty (" in told
    assert standing("--set", "generate.grade_threshold=0.3")["duty"]["on"]
    assert rules_asked(project)["duty"] > before


def test_what_was_left_out_waits_in_quarantine_and_the_funnel_adds_up(project: Path):
    kilopair("curate", "--quiet", "--set", "generate.families=[duty]")

    quarantine = map(json.loads, (project / "workspace" / "quarantine.jsonl").read_text().splitlines())
    reasons = Counter(row["reason"] for row in quarantine if row["stage"] == "generate")
    counts = json.loads((project / "workspace" / "manifest.json").read_text())["stages"]["generate"]["counts"]
    assert set(rules_asked(project)) == {"duty"}
    assert reasons["switched_off"] == sum(counts["left_out"].values()) > 0


def test_a_grade_outlives_a_new_generation_and_a_new_seed(project: Path):
    kilopair("grade", "--family", "duty", keys="aq")
    (project / "pages" / "leave.md").write_text(f"{PAGE}\n## Parking\n\nYou must park behind the building.\n")
    kilopair("generate", "--quiet", "--set", "seed=5", "--set", "generate.wordings=3")
    kilopair("grade", "--family", "duty", "--set", "seed=5", "--facts", "100", keys="a" * 100)

    assert max(Counter(line["fact"] for line in lines(project)).values()) == 1


def test_too_few_grades_switch_nothing_off(project: Path):
    kilopair("grade", "--family", "duty", "--facts", "9", keys="c" * 9)

    assert standing()["duty"]["on"]


def test_a_list_in_the_recipe_decides_whatever_the_grades_say(project: Path):
    grade_all(project, "C")

    named = standing("--set", "generate.families=[duty]")

    assert [name for name, one in named.items() if one["on"]] == ["duty"]


def test_a_single_name_is_a_list_of_one_and_what_is_none_is_refused_in_one_line(project: Path):
    assert [name for name, one in standing("--set", "generate.families=duty").items() if one["on"]] == ["duty"]
    with pytest.raises(
        RecipeError, match=r"^recipe\.yaml: generate\.families: input should be 'auto' or 'all' or input should be a valid tuple$"
    ):
        kilopair("grade", "--set", "generate.families=3")


def test_a_family_that_does_not_exist_is_refused_with_the_nearest_one(project: Path):
    with pytest.raises(RecipeError, match=r"generate\.families: dutty: no such family; did you mean duty\?"):
        kilopair("generate", "--set", "generate.families=[dutty]")
    with pytest.raises(UsageError, match=r"--family dutty: no such family; did you mean duty\?"):
        kilopair("grade", "--family", "dutty")


@pytest.mark.parametrize("wrong", [("--family", "dutty"), ("--read", "none.csv")])
def test_a_wrong_name_and_a_missing_sheet_are_said_before_a_document_is_read(project: Path, wrong: tuple[str, str]):
    with pytest.raises(UsageError, match=rf"{wrong[1]}: "):
        kilopair("grade", *wrong)
    assert not (project / "workspace").exists()


def test_a_generator_without_families_has_nothing_to_grade(project: Path):
    with pytest.raises(UsageError, match=r"generate\.generator is openai"):
        kilopair("grade", "--set", "generate.generator=openai")


def test_grades_hold_no_text_of_a_document(project: Path):
    grade_all(project, "A")

    told = (project / "workspace" / GRADES).read_text()
    assert "leave" not in told
    assert "laptop" not in told


def test_a_half_written_last_grade_is_none_and_the_next_one_stands_on_a_line_of_its_own(project: Path):
    kilopair("grade", keys="aq")
    path = project / "workspace" / GRADES
    path.write_text(path.read_text() + '{"fact": "gra')
    kilopair("grade", keys="bq")

    assert [line["grade"] for line in lines(project)] == ["A", "B"]


def test_a_damaged_grade_is_named_by_its_line(project: Path):
    (project / "workspace").mkdir()
    (project / "workspace" / GRADES).write_text("{}\n")

    with pytest.raises(WorkspaceError, match=r"grades\.jsonl:1: damaged grade"):
        kilopair("grade", "--json")


# Sheets

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)
FACTS = st.lists(st.builds(Shown, st.integers(0, 999).map("graded-{:016x}".format), st.sampled_from(sorted(families())), TEXT, TEXT, TEXT, TEXT),
                 min_size=1, max_size=6, unique_by=lambda shown: shown.fact)  # fmt: skip


@settings(deadline=None)
@given(FACTS, st.sampled_from([".csv", ".md"]), st.sampled_from(["a", "B ", "skip", ""]))
def test_what_is_filled_in_comes_back_whatever_the_texts_hold(tmp_path_factory: pytest.TempPathFactory, facts, ending, grade):
    path = tmp_path_factory.mktemp("sheet") / f"sheet{ending}"
    write_sheet(path, facts)
    if ending == ".csv":
        text = path.read_text("utf-8-sig")
        path.write_text("".join([text.partition("\n")[0] + "\n", *(f"{grade}{row}" for row in rows_of(text))]))
    else:
        path.write_text(path.read_text().replace("\n**Grade:** \n", f"\n**Grade:** {grade}\n"))

    expected = {"a": "A", "B ": "B", "skip": "skip"}.get(grade)
    assert read_sheet(path) == ([(one.fact, one.family, expected) for one in facts] if expected else [])


def rows_of(text: str) -> list[str]:
    """The records of a CSV text without its header, as they are written."""

    written = []
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        cell = io.StringIO()
        csv.writer(cell, lineterminator="\n").writerow(row)
        written.append(cell.getvalue())
    return written


def test_a_sheet_that_a_spreadsheet_saved_with_semicolons_is_read(tmp_path: Path):
    path = tmp_path / "sheet.csv"
    path.write_bytes("grade;question;family;fact\r\nA;Für wen?;duty;graded-00000000000000aa\r\n".encode("cp1252"))

    assert read_sheet(path) == [("graded-00000000000000aa", "duty", "A")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grade,family,fact\nD,duty,graded-00000000000000aa\n", r"sheet\.csv:2: D: no such grade; use A, B, C or skip"),
        ('grade,family,fact\n"A or\x1b[1m\nB",duty,graded-00000000000000aa\n', r"sheet\.csv:3: A or \[1m B: no such grade"),
        ("grade,family,fact\nA,dutty,graded-00000000000000aa\n", r"sheet\.csv:2: dutty: no such family"),
        ("question,family,fact\n", "no column grade"),
        ("", "no column grade"),
        ("grade,family,fact\n", "no sheet of facts"),
    ],
)
def test_a_sheet_that_is_none_is_refused_and_nothing_of_it_recorded(tmp_path: Path, text: str, message: str):
    path = tmp_path / "sheet.csv"
    path.write_text(text)

    with pytest.raises(UsageError, match=message):
        record(tmp_path, read_sheet(path))
    assert not (tmp_path / GRADES).exists()


def test_a_missing_sheet_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"none\.csv: cannot be read"):
        read_sheet(tmp_path / "none.csv")


def test_a_sheet_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "taken").write_text("")

    with pytest.raises(UsageError, match=r"x\.md: cannot be written"):
        write_sheet(tmp_path / "taken" / "x.md", [])


def test_a_cell_that_a_spreadsheet_would_run_is_made_text(tmp_path: Path):
    write_sheet(tmp_path / "sheet.csv", [Shown("graded-00000000000000aa", "duty", "=cmd()", "", "- item", "@place")])

    row = next(csv.DictReader((tmp_path / "sheet.csv").read_text("utf-8-sig").splitlines()))
    assert (row["question"], row["answer"], row["place"]) == ("'=cmd()", "'- item", "'@place")


def test_reading_a_sheet_twice_records_it_once_and_a_changed_grade_again(project: Path):
    grade_all(project, "B")
    told = kilopair("grade", "--read", "sheet.csv")
    count = len(lines(project))
    fill(project / "sheet.csv", lambda row: "A" if row["family"] == "duty" else row["grade"])
    kilopair("grade", "--read", "sheet.csv", "--quiet")

    assert "sheet.csv: 0 grades are new or changed" in told
    assert len(lines(project)) > count
    assert standing()["duty"]["A"] == standing()["duty"]["graded"] > 0
