"""A file of anybody's pairs goes in, the best of them come out, and everything that left says why."""

import json
from collections import Counter
from itertools import pairwise

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.cli.curate_file import curate, import_
from builder.curate_file import Source, curate_file, import_file
from builder.curation.chain import Funnel
from builder.curation.out_folder import claimed
from builder.curation.table import table
from builder.recipe_file import load
from builder.store import read_records
from schemas.curation_file import FileRecipe
from schemas.errors import InputError, KilopairError, RecipeError, UsageError
from schemas.recipe import Recipe
from schemas.records import Dropped, Pair, Provenance, Reason

VERBS = ("Describe", "Explain", "Draft", "Sketch", "Review", "Plan", "Summarize", "Compare")
THINGS = ("harbour", "orchard", "kiln", "library", "ferry", "bakery", "observatory", "quarry", "lighthouse", "vineyard", "tannery", "mill")
PLACES = ("winter storms", "school visits", "night shifts", "market days", "spring floods")


def rows(count=200):
    """Make questions of many verbs, things and places, each with a response of its own."""
    asked = [(verb, thing, place) for place in PLACES for thing in THINGS for verb in VERBS][:count]
    return [
        {
            "question": f"{verb} the {thing} during {place}, plan {number}.",
            "answer": f"The {thing} keeps {len(thing) + number} people busy during {place}, as the {verb.lower()} note {number} says.",
        }
        for number, (verb, thing, place) in enumerate(asked)
    ]


def written(folder, made):
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


def curated(folder, made, *overrides, name="out", formats=()):
    source = Source(table(written(folder, made)), {})
    report = curate_file(source, folder / name, recipe=load(FileRecipe, None, ["split.siblings=false", *overrides]), formats=formats)
    return report, list(read_records(folder / name / "curated.jsonl", Pair)), list(read_records(folder / name / "dropped.jsonl", Dropped))


def test_exactly_as_many_as_wanted_are_chosen_and_the_rest_says_why(tmp_path):
    report, pairs, dropped = curated(tmp_path, rows(), "curate.target=60")

    assert len(pairs) == report["chosen"] == 60
    assert len(pairs) + len(dropped) == report["rows"] == 200
    assert all(record.reason and record.detail and record.record for record in dropped)
    assert Counter(str(record.reason) for record in dropped) == Counter(
        {reason: count for stage in report["funnel"] for reason, count in stage["dropped"].items()}
    )
    assert [stage["stage"] for stage in report["funnel"]] == ["import", "screen", "dedup", "select"]


def test_every_stage_gets_what_the_one_before_it_kept(tmp_path):
    made = [
        *rows(80),
        rows(1)[0],
        {"question": "", "answer": "x"},
        {"question": "Tell me more.", "answer": "As an AI language model, I cannot."},
    ]

    report, _, dropped = curated(tmp_path, made, "curate.target=30")

    funnel = report["funnel"]
    assert all(stage["in"] == stage["kept"] + sum(stage["dropped"].values()) for stage in funnel)
    assert all(later["in"] == earlier["kept"] for earlier, later in pairwise(funnel))
    assert {"duplicate", "blank", "refusal"} <= {str(record.reason) for record in dropped}


def test_the_split_has_a_certificate(tmp_path):
    report, pairs, _ = curated(tmp_path, rows(), "curate.target=100")

    assert Counter(pair.split for pair in pairs) == {name: size for name, size in report["splits"].items() if size}
    assert not any(report["certificate"]["leaks"].values())
    assert report["certificate"]["random_split"]["held_out"] == report["splits"]["test"] + report["splits"]["validation"]


def test_a_document_that_a_column_names_stays_in_one_split(tmp_path):
    made = [row | {"source": f"page {number % 10}"} for number, row in enumerate(rows(100))]
    source = Source(table(written(tmp_path, made)), {"document": "source"})
    recipe = load(FileRecipe, None, ["curate.target=100", "split.test=0.2", "split.siblings=false", "split.held_out_documents=0.1"])

    curate_file(source, tmp_path / "out", recipe=recipe)

    splits: dict[str, set[str | None]] = {}
    for pair in read_records(tmp_path / "out" / "curated.jsonl", Pair):
        splits.setdefault(pair.provenance.document_id, set()).add(pair.split)
    assert len(splits) == 10
    assert all(len(names) == 1 for names in splits.values())


def test_the_same_file_and_settings_give_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        curated(tmp_path, rows(120), "curate.target=50", name=name, formats=("alpaca",))

    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "other").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes() for name in names)


def test_the_manifest_says_how_to_make_it_again(tmp_path):
    curated(tmp_path, rows(60), "curate.target=20", "seed=7", formats=("messages",))

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["recipe"]["seed"], manifest["recipe"]["curate"]["target"], manifest["source"]["name"]) == (7, 20, "pairs.jsonl")
    assert {"curated.jsonl", "dropped.jsonl", "report.json", "train.messages.jsonl"} <= manifest["files"].keys()


def test_curating_into_the_same_folder_leaves_nothing_of_the_time_before(tmp_path):
    curated(tmp_path, rows(60), "curate.target=20", formats=("messages",))
    curated(tmp_path, rows(60), "curate.target=20")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["curated.jsonl", "dropped.jsonl", "manifest.json", "report.json"]


def test_fewer_than_wanted_is_explained(tmp_path):
    report, pairs, _ = curated(tmp_path, rows(20))

    assert len(pairs) == 20
    assert "only 20 of 1000" in report["why_fewer"]


def test_the_figures_of_diversity_are_in_the_report(tmp_path):
    report, _, _ = curated(tmp_path, rows(), "curate.target=100")

    figures = report["diversity"]
    assert figures["verbs"]["with_verb"] == 100
    assert {arc["label"] for arc in figures["verbs"]["chart"] if arc["ring"] == 0} <= {verb.lower() for verb in VERBS}
    assert figures["coverage"]["facts"] == {"chosen": 100, "all": 200}
    assert figures["vectors"]["novel_sum"] > 0


def test_curated_pairs_can_be_curated_again(tmp_path):
    _, pairs, _ = curated(tmp_path, rows(60), "curate.target=20")

    curate_file(
        Source(table(tmp_path / "out" / "curated.jsonl"), {}), tmp_path / "again", recipe=load(FileRecipe, None, ["curate.target=10"])
    )

    again = list(read_records(tmp_path / "again" / "curated.jsonl", Pair))
    assert len(again) == 10
    assert {pair.id for pair in again} <= {pair.id for pair in pairs}


def test_of_near_copies_the_best_rated_is_kept_and_the_other_names_its_cluster(tmp_path):
    question, answer = "Who keeps the harbour lamp lit in the long winter nights?", "The keeper of the harbour does that."
    made = [
        {"question": question, "answer": answer, "stars": 2},
        {"question": f"Please, {question}", "answer": answer, "stars": 5},
        *rows(9),
    ]
    source = Source(table(written(tmp_path, made)), {"rating": "stars"})

    curate_file(source, tmp_path / "out", recipe=load(FileRecipe, None))

    pairs = {pair.instruction: pair for pair in read_records(tmp_path / "out" / "curated.jsonl", Pair)}
    (copy,) = (record for record in read_records(tmp_path / "out" / "dropped.jsonl", Dropped) if record.stage == "dedup")
    best = pairs[f"Please, {question}"]
    assert question not in pairs
    assert copy.record["extra"]["cluster"] == best.id
    assert best.scores["copies"] == 1


def test_a_contradiction_is_told(tmp_path):
    made = [{"question": "How many keepers has the lamp?", "answer": f"The lamp has {number} keepers."} for number in (3, 5)]

    report, _, dropped = curated(tmp_path, [*made, *rows(9)])

    assert report["clusters"]["conflicts"] == 1
    assert [str(record.reason) for record in dropped] == ["conflict"]


def test_what_a_benchmark_asks_is_not_chosen(tmp_path):
    made = rows(40)
    benchmark = tmp_path / "benchmark.jsonl"
    benchmark.write_text(json.dumps({"question": made[3]["question"]}))
    source = Source(table(written(tmp_path, made)), {}, (benchmark,))

    curate_file(source, tmp_path / "out", recipe=load(FileRecipe, None, ["split.siblings=false"]))

    dropped = [record for record in read_records(tmp_path / "out" / "dropped.jsonl", Dropped) if record.stage == "decontaminate"]
    assert made[3]["question"] in {record.record["instruction"] for record in dropped}
    assert all("benchmark.jsonl row 1" in record.detail for record in dropped)


def test_baselines_are_as_large_and_ask_nothing_that_is_held_out(tmp_path):
    source = Source(table(written(tmp_path, rows())), {})
    recipe = load(FileRecipe, None, ["curate.target=60", "split.siblings=false"])

    report = curate_file(source, tmp_path / "out", recipe=recipe, baselines=True)

    pairs = list(read_records(tmp_path / "out" / "curated.jsonl", Pair))
    held = {pair.id for pair in pairs if pair.split != "train"}
    for kind in ("random", "longest"):
        rival = list(read_records(tmp_path / "out" / f"{kind}.jsonl", Pair))
        assert len(rival) == report["splits"]["train"] == report["baselines"][kind]["pairs"]
        assert held.isdisjoint(pair.id for pair in rival)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")

    with pytest.raises(UsageError, match="not of kilopair's making"):
        curated(tmp_path, rows(5))


def test_a_file_of_which_nothing_is_left_is_said(tmp_path):
    with pytest.raises(InputError, match=r"none of its 2 rows is left; .*2 blank"):
        curated(tmp_path, [{"question": "a?", "answer": ""}] * 2)

    assert (tmp_path / "out" / "dropped.jsonl").exists()


def test_a_wrong_setting_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"curate.tagret: unknown key; did you mean curate.target"):
        curated(tmp_path, rows(5), "curate.tagret=3")


def test_import_writes_the_pairs_and_those_that_are_none(tmp_path):
    made = [*rows(5), {"question": "a?", "answer": ""}]

    counts = import_file(Source(table(written(tmp_path, made)), {}), tmp_path / "out")

    assert counts == {"stage": "import", "in": 6, "kept": 5, "dropped": {"blank": 1}}
    assert len(list(read_records(tmp_path / "out" / "pairs.jsonl", Pair))) == 5
    assert next(read_records(tmp_path / "out" / "dropped.jsonl", Dropped)).record["row"] == 6


def pairs_of(count):
    return [
        Pair(
            id=f"pair-{number}", task="qa", instruction=f"What is {number}?", output=f"It is {number}.", evidence=(), group=f"g{number}",
            form="f", provenance=Provenance(document_id="", chunk_id="", generator="test"), grounding="none",
        )
        for number in range(count)
    ]  # fmt: skip


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_no_record_is_lost_between_stages(fates, stages):
    left: list[Dropped] = []

    def leaving(at):
        def stage(pairs):
            for pair in pairs:
                away = fates[int(pair.id[5:])] == at
                yield Dropped.of(pair, f"stage {at}", Reason.BLANK) if away else pair

        return stage

    funnel = Funnel(left.append)
    kept = list(funnel.through(pairs_of(len(fates)), {str(at): leaving(at) for at in range(stages)}, first="import"))

    assert [pair.id for pair in kept] == [f"pair-{number}" for number, fate in enumerate(fates) if fate >= stages]
    assert len(kept) + len(left) == len(fates)
    assert [passed.came for passed in funnel.passed] == [len(fates), *(passed.kept for passed in funnel.passed[:-1])]


def test_a_stage_that_loses_a_record_is_found_out():
    with pytest.raises(KilopairError, match="stage: 3 records came in but 0 kept and 0 dropped"):
        list(Funnel(print).through(pairs_of(3), {"stage": lambda pairs: [pair for pair in pairs if not pair]}, first="import"))


def kilopair(command, *arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=True)


def test_the_command_prints_the_funnel_and_where_the_pairs_are(tmp_path):
    path = written(tmp_path, rows(100))

    apart = ("--set", "split.siblings=false")
    result = kilopair(curate, path, "--out", tmp_path / "out", "--target", 40, "--map", "question=instruction,answer=output", *apart)

    assert result.exit_code == 0, result.output
    assert "select    40 of" in result.stderr
    assert "a random split of the same sizes would leak" in result.output
    assert str(tmp_path / "out" / "curated.jsonl") in result.output


def test_the_command_speaks_json(tmp_path):
    result = kilopair(curate, written(tmp_path, rows(30)), "--out", tmp_path / "out", "--json")

    assert json.loads(result.output)["chosen"] == 30


def test_options_of_files_are_refused_for_a_recipe(tmp_path):
    result = kilopair(curate, tmp_path / "recipe.yaml", "--map", "a=output")

    assert isinstance(result.exception, UsageError)
    assert "--map is for a file of pairs" in str(result.exception)


def test_import_prints_what_it_kept(tmp_path):
    result = kilopair(import_, written(tmp_path, rows(3)), "--out", tmp_path / "out")

    assert result.exit_code == 0
    assert "import    3 of 3 (" in result.stderr
    assert result.stdout.startswith("pairs ")


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    source = Source(table(written(tmp_path, rows(5))), {})

    with pytest.raises(UsageError, match=r"cannot be written .*; give another folder with --out"):
        import_file(source, tmp_path / "pairs.jsonl" / "below")


def test_a_wrong_column_leaves_no_folder(tmp_path):
    with pytest.raises(UsageError, match="no column was"):
        import_file(Source(table(written(tmp_path, rows(5))), {"output": "was"}), tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path):
    (tmp_path / "out" / ".making").mkdir(parents=True)
    (tmp_path / "out" / ".making" / "dropped.jsonl").write_text("half a li")
    (tmp_path / "out" / ".vectors.sqlite").write_text("")

    import_file(Source(table(written(tmp_path, rows(5))), {}), tmp_path / "out")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".vectors.sqlite",
        "dropped.jsonl",
        "manifest.json",
        "pairs.jsonl",
    ]


def test_what_another_command_or_another_file_made_is_not_overwritten(tmp_path):
    curated(tmp_path, rows(20))
    (tmp_path / "other.jsonl").write_text(json.dumps(rows(1)[0]) + "\n")

    with pytest.raises(UsageError, match="holds what another command of kilopair made, which would be lost"):
        import_file(Source(table(tmp_path / "pairs.jsonl"), {}), tmp_path / "out")
    with pytest.raises(UsageError, match=r"holds what was made of pairs\.jsonl, which would be lost"):
        curate_file(Source(table(tmp_path / "other.jsonl"), {}), tmp_path / "out", recipe=FileRecipe())

    assert len(list(read_records(tmp_path / "out" / "curated.jsonl", Pair))) == 20


def test_a_file_without_a_single_pair_is_no_success(tmp_path):
    source = Source(table(written(tmp_path, [{"question": "a?", "answer": ""}] * 2)), {})

    with pytest.raises(InputError, match=r"none of its 2 rows is left; .*dropped.jsonl says why \(2 blank\)"):
        import_file(source, tmp_path / "out")

    assert len(list(read_records(tmp_path / "out" / "dropped.jsonl", Dropped))) == 2


def test_the_pairs_themselves_are_no_benchmark(tmp_path):
    path = written(tmp_path, rows(5))

    with pytest.raises(UsageError, match=r"pairs\.jsonl: holds the pairs themselves"):
        curate_file(Source(table(path), {}, (path,)), tmp_path / "out", recipe=FileRecipe())

    assert not (tmp_path / "out").exists()


def test_the_column_of_a_benchmark_can_be_named(tmp_path):
    exam = tmp_path / "exam.jsonl"
    exam.write_text(json.dumps({"asked": rows(1)[0]["question"]}) + "\n")
    source = Source(table(written(tmp_path, rows(20))), {}, (exam,))

    report = curate_file(source, tmp_path / "out", recipe=load(FileRecipe, None, ["decontaminate.columns=[asked]"]))

    assert report["funnel"][2] == {"stage": "decontaminate", "in": 20, "kept": 19, "dropped": {"contaminated": 1}}
    assert list(json.loads((tmp_path / "out" / "manifest.json").read_text())["against"]) == ["exam.jsonl"]


def test_a_language_that_is_no_code_is_said_in_words(tmp_path):
    with pytest.raises(RecipeError, match=r"screen\.language: 'english' is no language; say any, majority, or codes of two letters"):
        curated(tmp_path, rows(5), "screen.language=english")


def test_quotas_of_length_hold_for_anybodys_pairs_too(tmp_path):
    def lengths(*overrides, name):
        long = [
            row | {"answer": row["answer"] + " The list names who came, when they came and what they did about it." * 3}
            for row in rows(100)
        ]
        _, pairs, _ = curated(tmp_path, long[:70] + rows(100)[70:], "curate.target=20", "curate.per_opening=1.0", *overrides, name=name)
        return Counter(len(pair.output.split()) > 25 for pair in pairs)

    assert lengths("choose.per_length=0.5", name="even") == {True: 10, False: 10}
    assert max(lengths(name="free").values()) > 10


def test_splits_far_from_what_was_asked_for_are_told(tmp_path):
    made = [
        {"question": f"{row['question']}", "answer": "It is the same long answer to every question that anybody asks."} for row in rows(30)
    ]
    path = written(tmp_path, made)

    shown = CliRunner().invoke(curate, [str(path), "--out", str(tmp_path / "out")], catch_exceptions=False, standalone_mode=False).stdout

    assert "note: test has 0% of the pairs instead of 10%: what hangs together is never divided" in shown
    assert "leaks         0; nothing is held out" in shown


class Heard:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def started(self, stage):
        self.told.append(("started", stage))

    def advanced(self, stage, done, total, figures):
        self.told.append(("advanced", stage, done, total))

    def finished(self, stage, counts, *, seconds, fresh):
        self.told.append(("finished", stage, counts.get("kept")))


def test_each_stage_is_told_when_it_starts_goes_on_and_ends(tmp_path):
    heard = Heard()
    source = Source(table(written(tmp_path, rows(300))), {})

    curate_file(source, tmp_path / "out", recipe=load(FileRecipe, None, ["curate.target=20"]), watch=heard)

    spans = [told for told in heard.told if told[0] != "advanced"]
    names = ["import", "screen", "dedup", "select", "report"]
    assert [told[1] for told in spans if told[0] == "started"] == names
    assert [told[:2] for told in spans] == [(what, name) for name in names for what in ("started", "finished")]
    assert ("advanced", "import", 256, 0) in heard.told
    assert ("advanced", "dedup", 0, 300) in heard.told
    assert ("advanced", "dedup", 256, 300) in heard.told
    assert ("finished", "select", 20) in heard.told


def test_a_quiet_command_prints_nothing(tmp_path):
    result = kilopair(curate, written(tmp_path, rows(30)), "--out", tmp_path / "out", "--quiet")

    assert (result.exit_code, result.output) == (0, "")


def test_without_a_terminal_each_stage_is_a_line_of_the_log(tmp_path):
    result = kilopair(curate, written(tmp_path, [*rows(30), {"question": "a?", "answer": ""}]), "--out", tmp_path / "out")

    lines = result.stderr.splitlines()
    assert [line.split()[0] for line in lines] == [name for name in ("import", "screen", "dedup", "select", "report") for _ in range(2)]
    assert lines[1].startswith("import    30 of 31; 1 dropped (1 blank) (")


def state(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("fails", ["dropped", "report", "manifest"])
def test_a_call_that_fails_midway_leaves_the_result_of_the_one_before_it(tmp_path, fails):
    curated(tmp_path, rows(60), "curate.target=20")
    before = state(tmp_path / "out")
    exam = tmp_path / "exam.jsonl"
    exam.write_text(json.dumps({"question": "Who was it?"}))

    class Fails(Heard):
        """Breaks the call in the stage that selects, before the report, and before the manifest, which hashes the exam."""

        def started(self, stage):
            if (stage, fails) in {("select", "dropped"), ("report", "report")}:
                raise OSError("the disk is full")
            if (stage, fails) == ("report", "manifest"):
                exam.unlink()

    with pytest.raises((OSError, UsageError)):
        curate_file(
            Source(table(tmp_path / "pairs.jsonl"), {}, (exam,)),
            tmp_path / "out",
            recipe=load(FileRecipe, None, ["curate.target=5"]),
            watch=Fails(),
        )

    assert state(tmp_path / "out") == before


@pytest.mark.parametrize("moved", range(5))
def test_a_call_that_is_killed_while_its_files_are_moved_is_caught_up(tmp_path, moved):
    curated(tmp_path, rows(60), "curate.target=20", formats=("messages",))
    (tmp_path / "new").mkdir()
    curated(tmp_path, rows(60), "curate.target=10", name="new")
    wanted = state(tmp_path / "new")
    made = tmp_path / "out" / ".made"  # what a killed process leaves: nothing is moved yet, or what is outdated has gone and some is
    (tmp_path / "new").rename(made)
    for path in (tmp_path / "out").glob("*.messages.jsonl") if moved else ():
        path.unlink()
    for path in sorted(made.iterdir(), key=lambda path: (path.name == "manifest.json", path.name))[:moved]:
        path.replace(tmp_path / "out" / path.name)

    with claimed(tmp_path / "out", "curated.jsonl", "pairs.jsonl") as folder:
        shown = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}
        (folder / "curated.jsonl").write_text("")

    assert shown == wanted


def test_when_nothing_is_left_an_earlier_result_stays_as_it_was(tmp_path):
    curated(tmp_path, rows(60), "curate.target=20")
    before = state(tmp_path / "out")

    with pytest.raises(
        InputError, match=r"none of its 60 rows is left; .*out stays as it was; see each row with another folder .*too short"
    ):
        curated(tmp_path, rows(60), "screen.min_output_words=100")

    assert state(tmp_path / "out") == before


def test_a_section_of_a_recipe_may_be_used_for_a_file_as_it_is(tmp_path):
    same = ["curate.per_fact=auto", "curate.alpaca=true", "curate.reworded=0.6"]

    _, as_alpaca, _ = curated(tmp_path, rows(60), "curate.target=40", *same)

    assert {name: getattr(FileRecipe().curate, name) for name in ("target", "rouge_l", "reworded", "per_fact", "per_opening")} == {
        name: getattr(Recipe().curate, name) for name in ("target", "rouge_l", "reworded", "per_fact", "per_opening")
    }
    assert as_alpaca


def test_a_weight_that_is_given_to_the_rating_counts(tmp_path):
    made = [row | {"stars": number % 5} for number, row in enumerate(rows(100))]
    source = Source(table(written(tmp_path, made)), {"rating": "stars"})

    def mean(weight, name):
        recipe = load(FileRecipe, None, ["curate.target=20", "choose.spread=false", f"choose.scores={{rating: {weight}}}"])
        curate_file(source, tmp_path / name, recipe=recipe)
        ratings = [pair.scores["rating"] for pair in read_records(tmp_path / name / "curated.jsonl", Pair)]
        return sum(ratings) / len(ratings)

    assert mean(1.0, "good") > 2 > mean(-1.0, "bad")
