"""Was it the data: what a rival may hold, what everybody is asked, trainings that go on where they were stopped, and an honest verdict."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.cli.main import group
from builder.pipeline import run
from builder.prove.exam import ALL_FACTS, Exam, exam_of
from builder.prove.markdown import markdown
from builder.prove.selections import Selecting, part, read_selection
from builder.prove.stage import prove
from builder.prove.verdicts import Results, in_words
from builder.recipe_file import load_recipe
from builder.report.prove import selection_name
from builder.split import held_out
from builder.step import PAIRS
from builder.store import read_records, write_records
from schemas.errors import InputError, UsageError
from schemas.proof import Design
from schemas.records import Evidence, Pair, Provenance, content_id
from schemas.training import ProveSection
from trainer.statistics.compare import compare

ROOT = Path(__file__).parent.parent


def pair(fact: int, wording: int, *, chunk: str = "", split: str | None = None, output: str = "", form: str = "") -> Pair:
    """Make a wording of a fact, which stands in a passage of its own unless another is named."""
    texts = (
        f"How is part {fact} of the tower asked for in way {wording}?",
        output or f"Part {fact} weighs {fact + 3} stone and {fact * 7} pounds.",
    )
    return Pair(
        id=content_id("pair", *texts),
        task="qa",
        instruction=texts[0],
        output=texts[1],
        evidence=(Evidence(document_id=f"doc-{fact % 5}", start=fact * 100, end=fact * 100 + 5, quote="stone"),),
        provenance=Provenance(document_id=f"doc-{fact % 5}", chunk_id=chunk or f"chunk-{fact}", generator="test"),
        group=f"fact-{fact}",
        form=form or f"form-{wording}",
        split=split,  # pyright: ignore[reportArgumentType] - one of the four
    )


# Of 40 facts with 5 wordings each: 10 are taught by 3, 5 of these are asked by a fourth; 4 facts are in test, 1 in validation.
TRAIN = [pair(fact, wording, split="train") for fact in range(10) for wording in range(3)]
WITHHELD = [pair(fact, 3, split="paraphrase") for fact in range(5)]
CLOSED = [pair(fact, 0, split="validation" if fact == 14 else "test") for fact in range(10, 15)]
DIVIDED = [*TRAIN, *WITHHELD, *CLOSED]
EVERY = [pair(fact, wording) for fact in range(40) for wording in range(5)]


def exam(count: int = 20) -> Exam:
    return exam_of(held_out(DIVIDED), DIVIDED, EVERY, count=count, seed=0)


def selecting(section: ProveSection, valid: list[Pair] = EVERY, **changes: int) -> Selecting:
    return Selecting(DIVIDED, valid, exam(**changes), section, range(2), 5)


def test_nobody_is_trained_on_what_is_held_out():
    rivals = selecting(ProveSection(against=("random", "random_facts", "longest"), shares=())).all({})

    names = [one.name for one in rivals]
    assert names == ["curated", "random", "random_facts", "longest"]
    for one in rivals:
        assert (one.size, one.leaks) == (len(TRAIN), 0)
        for drawn in one.draws.values():
            assert not {f"fact-{fact}" for fact in range(10, 15)} & {kept.group for kept in drawn}
            assert not {kept.instruction for kept in drawn} & {asked.instruction for asked in exam().questions}
    assert rivals[1].draws[0] != rivals[1].draws[1]
    assert len({kept.group for kept in rivals[2].draws[0]}) < len({kept.group for kept in rivals[1].draws[0]})


@pytest.mark.parametrize(
    ("stranger", "way"),
    [
        (pair(50, 0, chunk="chunk-11"), "passages"),
        (pair(50, 0).model_copy(update={"group": "fact-12"}), "facts"),
        (pair(50, 0).model_copy(update={"evidence": pair(14, 0).evidence}), "evidence"),
        (pair(50, 0).model_copy(update={"instruction": pair(10, 0).instruction.upper()}), "questions"),
        (pair(50, 0).model_copy(update={"instruction": f"{pair(10, 0).instruction[:-1]} then?", "output": pair(10, 0).output}), "near"),
        (pair(50, 0).model_copy(update={"instruction": WITHHELD[0].instruction}), "asked"),
        (pair(50, 0, form="form-3"), "forms"),
        (pair(50, 0), ""),
        (pair(0, 7), ""),  # another wording of a fact that the curated pairs teach too
    ],
)
def test_every_way_to_leak_is_named(stranger, way):
    assert exam(0).leaks([stranger]) == [way]


def test_the_questions_are_drawn_from_all_facts_alike_whoever_teaches_them():
    drawn = exam(20).sets[ALL_FACTS]

    facts = Counter(asked.group for asked in drawn)
    taught = {one.group for one in TRAIN}
    assert max(facts.values()) == 1
    assert sum(fact in taught for fact in facts) == round(len(facts) * 10 / 35)  # as among the facts that are no held-out ones
    assert not {one.instruction for one in TRAIN} & {asked.instruction for asked in drawn}
    assert exam(0).sets.keys() == {"test", "paraphrase_unseen"}


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_smaller_parts_are_inside_larger_ones_and_facts_stay_whole(facts, one, other, seed):
    pairs = [pair(fact, place) for place, fact in enumerate(facts)]

    small, large = (part(pairs, share, seed=seed) for share in sorted((one, other)))

    assert {one.id for one in small} <= {one.id for one in large}
    for kept in (small, large):
        groups = {chosen.group for chosen in kept}
        assert kept == tuple(one for one in pairs if one.group in groups)
        assert kept


def test_a_rival_with_too_little_to_draw_from_is_refused():
    with pytest.raises(InputError, match=r"of the 32 valid pairs may be drawn from, fewer than the 30 curated ones.*nothing to prove"):
        selecting(ProveSection(), EVERY[:32]).all({})


def test_a_selection_of_ones_own_is_cleaned_and_counted(tmp_path):
    rows, names, foreign = tmp_path / "mine.jsonl", tmp_path / "ids.txt", tmp_path / "foreign.json"
    write_records(rows, [*TRAIN[:6], *CLOSED])
    asked = {one.id for one in exam().asked}
    free = [one.id for one in EVERY[-20:] if one.id not in asked and one.form != "form-3"]
    names.write_text("\n".join([*free[:4], *(one.id for one in CLOSED)]))
    foreign.write_text(
        json.dumps(
            [
                {"instruction": CLOSED[0].instruction.replace("asked", "sent"), "output": "No."},
                {"instruction": "Where is the well?", "output": "In the yard."},
            ]
        )
    )

    found = selecting(ProveSection(against=(), shares=())).all({"mine": rows, "listed": names, "foreign": foreign})

    assert [(one.name, one.size, one.left_out, one.leaks) for one in found[1:]] == [
        ("mine", 6, 5, 0),
        ("listed", 4, 5, 0),
        ("foreign", 1, 1, 0),
    ]


def test_a_selection_that_cannot_be_used_is_refused_with_advice(tmp_path):
    (tmp_path / "ids.txt").write_text("pair-0123456789abcdef")
    write_records(tmp_path / "held.jsonl", CLOSED)
    chosen = selecting(ProveSection(against=(), shares=()))

    with pytest.raises(InputError, match="pair-0123456789abcdef is no pair of this run"):
        read_selection(tmp_path / "ids.txt", EVERY)
    with pytest.raises(InputError, match="none of its 5 pairs may be trained on"):
        chosen.all({"held": tmp_path / "held.jsonl"})
    with pytest.raises(InputError, match=r"absent.jsonl: cannot be read"):
        chosen.all({"mine": tmp_path / "absent.jsonl"})
    for name in ("curated", "random", "My Pairs"):
        with pytest.raises(UsageError, match="give it a name of small letters"):
            chosen.all({name: tmp_path / "held.jsonl"})


TOOLS = ("lathe", "drill", "scanner", "welder", "press", "router", "mixer", "crane", "pump", "valve", "loom", "kiln")
RECIPE = """\
documents: {path: pages}
curate: {target: 60, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
split: {held_out_documents: 0}
base: {vocabulary: 400, width: 48, layers: 2, heads: 2, tokens: 2000, block: 64}
train: {tokens: 24000, batch_tokens: 512, precision: float32, template: plain, raw_text: 0, word_drop: 0}
evaluate: {max_new_tokens: 16, resamples: 999}
prove: {seeds: 1, shares: [], questions: 60, against: [random]}
"""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> Path:
    """A project whose run is made up to the tuned model, with its training pairs, answers exchanged, as shuffled.jsonl."""
    root = tmp_path_factory.mktemp("prove")
    (root / "pages").mkdir()
    for number, tool in enumerate(TOOLS):
        told = f"The warranty of the {tool} is {12 + number} months. The {tool} must be cleaned every {3 + number} days."
        more = f"The price of the {tool} is {100 + 10 * number} dollars. You can rent the {tool} for {2 + number} days."
        (root / "pages" / f"{tool}.md").write_text(f"# The {tool}\n\n{told} {more}\n")
    (root / "recipe.yaml").write_text(RECIPE)
    made = run(load_recipe(root / "recipe.yaml"), root, until="train")
    taught = [one for one in read_records(made.workspace / PAIRS, Pair) if one.split == "train"]
    outputs = [one.output for one in taught]
    random.Random(0).shuffle(outputs)
    write_records(root / "shuffled.jsonl", [one.model_copy(update={"output": output}) for one, output in zip(taught, outputs, strict=True)])
    return root


def proved(root: Path) -> dict:
    return prove(load_recipe(root / "recipe.yaml"), root, files={"shuffled": root / "shuffled.jsonl"})


@pytest.mark.slow
def test_a_proof_that_was_killed_goes_on_to_the_same_end_where_shuffled_answers_lose(tuned, tmp_path):
    shutil.copytree(tuned, tmp_path / "killed", symlinks=True)
    command = [sys.executable, "-m", "builder.cli.main", "prove", str(tmp_path / "killed" / "recipe.yaml")]
    command += ["--selection", f"shuffled={tmp_path / 'killed' / 'shuffled.jsonl'}"]
    workspace = tmp_path / "killed" / "workspace"
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not any(workspace.glob("training/prove_random_0/*/pairs-*/manifest.json")):
            time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (workspace / "prove.json").exists()
    assert {path.name.rpartition("-")[0] for path in workspace.glob("stages/prove_*-*")} == {"prove_base_0", "prove_curated_0"}

    found, whole = proved(tmp_path / "killed"), proved(tuned)

    assert {**found, "seconds": 0} == {**whole, "seconds": 0}
    assert found == json.loads((workspace / "prove.json").read_text())
    assert not any(workspace.glob("training/prove_*"))
    assert {one["leaks"] for one in whole["selections"].values()} == {0}
    assert whole["declared"]["family"] == [["random", "curated"], ["shuffled", "curated"]]
    against = {one["first"]: one for one in whole["comparisons"]}
    assert against["shuffled"]["verdict"] == "better"
    assert against["shuffled"]["sentence"][1:] in whole["sentence"]
    assert "By the number of curated pairs" not in whole["sentence"]  # the recipe asks for no parts

    again = CliRunner().invoke(group, [*command[3:], "--selection", f"other={tmp_path / 'absent.jsonl'}"])
    assert "absent.jsonl: cannot be read" in str(again.exception)
    printed = CliRunner().invoke(group, command[3:])
    assert (printed.exit_code, printed.stdout.strip()) == (0, markdown(found).strip())


def test_trainings_of_one_seed_are_said_to_leave_out_chance():
    def told(seeds):
        scores = [[0.2, 0.4, 0.6, 0.3]] * seeds
        return in_words([compare(scores, scores, design=Design(resamples=99), of=("token_f1", "test", "random", "curated"))], [], {})

    assert "raise prove.seeds" in told(1)
    assert "raise prove.seeds" not in told(3)


def test_the_mean_loss_that_is_shown_is_the_one_that_is_compared():
    asked = [pair(fact, 0) for fact in range(2)]

    def scores(short: float):  # one answer of ten tokens, one of a single token
        return {0: {asked[0].id: {"loss": 10.0, "tokens": 10}, asked[1].id: {"loss": short, "tokens": 1}}}

    of = Exam({"test": asked}, (), (), frozenset())
    results = Results(of, {"curated": scores(4.0), "random": scores(6.0)}, "loss", Design(resamples=99))

    (told,) = results.comparisons(["random"], "test")
    assert results.means("curated", 0)["test"]["loss"] == -told.second_mean == 2.5
    assert results.means("random", 0)["test"]["loss"] == -told.first_mean == 3.5


def test_parts_of_the_curated_pairs_have_names_for_people():
    assert [selection_name(name) for name in ("curated_10", "curated_12_5", "random_facts", "mine_2")] == [
        "chosen by kilopair, 10% of them", "chosen by kilopair, 12.5% of them", "whole facts drawn at random", "mine 2",
    ]  # fmt: skip
