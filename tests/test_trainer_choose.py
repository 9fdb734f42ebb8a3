"""Which weights are kept, which rate is taken, in which phases: what decides the result of a training, and what refuses one."""

import hashlib
import importlib.util
import json
import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError, TrainingError
from schemas.training import BaseSection, TrainSection
from tests.tiny_models import TEXTS, TOOLS, a_pair, chat_tokenizer, ignore, saved
from trainer.base import make_base
from trainer.checkpoints import Checkpoints
from trainer.choose_checkpoint import Candidate, choose, kept_steps
from trainer.health import RECENT, START, course_problem
from trainer.loss import mean_loss
from trainer.model import load
from trainer.monitor import Monitor
from trainer.phases import Phase, Run
from trainer.plan import Amount, Plan, make_plan, text_plan
from trainer.replay import SAMPLE, read_general
from trainer.rows import Row, pair_rows
from trainer.settings import choice_rule, for_length, resolve
from trainer.sft import train
from trainer.sft_trainer import Job
from trainer.sweep import Trial, best, sweep
from trainer.templates import choose_template

PAIRS = [
    a_pair(question.format(tool), "Yes.") for tool in TOOLS for question in ("Is the {} made here?", "Can I buy a {}?", "Is the {} new?")
]
VALIDATION = [a_pair(f"Do you sell the {tool}?", "Yes." if number % 2 else "Yes, we do.") for number, tool in enumerate(TOOLS[:4])]
SECTION = TrainSection(epochs=6, batch_tokens=256, learning_rate=3e-2)


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    section = BaseSection(vocabulary=400, width=32, layers=2, heads=2, tokens=4_000, block=32, context=256)
    make_base(TEXTS * 3, section=section, seed=0, folder=folder / "embedded", progress=ignore)
    saved(folder / "llama", "llama", chat_tokenizer())
    return folder


def _tune(folder, *, base, section=SECTION, validation=VALIDATION, texts=TEXTS, **more):
    return train(PAIRS, validation, texts, base=str(base), section=section, seed=1, folder=folder, progress=ignore, **more)


def _sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# The choice


def test_each_rule_keeps_its_own_and_the_figures_tell_all_three():
    """P73, P87, P88, P89, P90, P91, P92, P94: the epochs of Trainer's own choice depend on settings that have to match; here there is one list."""
    candidates = [
        Candidate(1, 10, 2.0, 0.0, 0.3),
        Candidate(2, 20, 1.5, 0.1, 0.4),
        Candidate(3, 30, 1.9, 0.4, 0.7),
        Candidate(4, 40, 2.1, 0.4, 0.6),
    ]

    assert choose(candidates, "answers").in_words() == {"rule": "answers", "by_answers": 3, "by_loss": 2, "kept": 3}
    assert choose(candidates, "loss").kept.epoch == 2
    assert choose(candidates, "last").kept.epoch == 4
    assert kept_steps(candidates) == {20, 30, 40}


def test_where_all_answer_alike_the_loss_decides_and_without_it_the_last_is_kept():
    wrong = [Candidate(number, 10 * number, loss, 0.0, 0.0) for number, loss in enumerate((3.0, 2.0, 2.5), start=1)]

    assert choose(wrong, "answers").in_words() == {"rule": "loss", "by_loss": 2, "kept": 2}
    assert choose([Candidate(1, 5), Candidate(2, 9)], "answers").in_words() == {"rule": "last", "kept": 2}


SCORES = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=8), st.sampled_from(["answers", "loss", "last"]))
def test_no_earlier_candidate_is_as_good_as_the_chosen_one_and_no_later_one_better(scores, rule):
    candidates = [Candidate(number, 10 * number, loss, f1, f1) for number, (loss, f1) in enumerate(scores, start=1)]

    choice = choose(candidates, rule)

    assert choice.kept in candidates
    assert {choice.kept.step} <= kept_steps(candidates) | {choice.kept.step}
    for one in candidates:
        if choice.answers is not None and one.token_f1 is not None:
            assert (one.token_f1, -one.step) <= (choice.answers.token_f1, -choice.answers.step)
        if choice.loss is not None and one.validation_loss is not None:
            assert (one.validation_loss, one.step) >= (choice.loss.validation_loss, choice.loss.step)


def test_answers_choose_where_there_are_validation_pairs_and_the_embedded_base_keeps_its_last():
    assert choice_rule(TrainSection(), embedded=False, validation=True) == "answers"
    assert choice_rule(TrainSection(), embedded=False, validation=False) == "last"
    assert choice_rule(TrainSection(), embedded=True, validation=True) == "last"
    assert choice_rule(TrainSection(choose="loss"), embedded=True, validation=True) == "loss"


@pytest.mark.slow
def test_the_saved_weights_are_those_of_the_chosen_epoch(tmp_path, bases):
    """P88, P91, P92: not the last ones, silently; P65: the loss is that of the whole set, weighted by tokens."""
    section = SECTION.model_copy(update={"choose": "loss", "learning_rate": 5e-2})

    figures = _tune(tmp_path / "tuned", base=bases / "llama", section=section, runs=tmp_path / "runs")

    epochs, choice = figures["epochs"], figures["choice"]
    best_epoch = min(epochs, key=lambda row: (row["validation_loss"], row["epoch"]))
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4, 5, 6]
    assert {"exact_match", "token_f1"} <= set(epochs[0])
    assert choice["rule"] == "loss"
    assert choice["kept"] == choice["by_loss"] == best_epoch["epoch"] < 6
    (weights,) = tmp_path.glob(f"runs/*/pairs-{best_epoch['step']:06d}/model.safetensors")
    assert _sha(weights) == _sha(tmp_path / "tuned" / "model.safetensors")
    model, tokenizer = load(tmp_path / "tuned", dtype=torch.float32)
    assert mean_loss(model, pair_rows(VALIDATION, choose_template(tokenizer))) == pytest.approx(best_epoch["validation_loss"], rel=1e-5)


@pytest.mark.slow
def test_without_a_folder_for_checkpoints_none_is_left(tmp_path, bases):
    _tune(tmp_path / "tuned", base=bases / "llama")

    assert not list((tmp_path / "tuned").rglob("manifest.json"))
    assert not (tmp_path / "tuned" / ".runs").exists()


# The rate


def test_automatic_rates_follow_method_and_size_and_short_runs_of_adapters_take_more():
    """P71: ten times the full rate with adapters."""
    full, lora = TrainSection(), TrainSection(method="lora")

    assert resolve(full, embedded=False, parameters=2_000_000_000).learning_rate == 2e-5
    for method in ("lora", "dora", "qlora"):
        assert resolve(TrainSection(method=method), embedded=False, parameters=2_000_000_000).learning_rate == 2e-4
    assert (
        resolve(lora, embedded=False, parameters=300_000_000).learning_rate
        == 10 * resolve(full, embedded=False, parameters=300_000_000).learning_rate
    )
    assert resolve(full, embedded=True, parameters=1).optimizer == "muon"
    assert resolve(full, embedded=False, parameters=1).optimizer == "adamw"
    settings = resolve(lora, embedded=False, parameters=2_000_000_000)
    assert for_length(settings, lora, 99).learning_rate == pytest.approx(3e-4)
    assert for_length(settings, lora, 100).learning_rate == 2e-4
    assert for_length(resolve(full, embedded=False, parameters=1), full, 5).learning_rate == 5e-4


def test_the_best_rate_is_chosen_by_answers_then_by_loss_and_a_failed_one_never():
    trials = [Trial(1e-4, 2.0, 0.0, 0.5), Trial(3e-4, 1.5, 0.0, 0.5), Trial(9e-4, 1.0, 0.0, 0.4), Trial(1e-3, failed="diverged")]

    assert best(trials, "answers").learning_rate == 3e-4
    assert best(trials, "loss").learning_rate == 9e-4
    with pytest.raises(TrainingError, match=r"none of the learning rates trains this model \(diverged\)"):
        best(trials[3:], "answers")


@pytest.mark.slow
def test_a_sweep_tries_three_rates_from_the_same_weights_and_trains_at_the_best(tmp_path, bases):
    section = TrainSection(tokens=8_000, batch_tokens=256, learning_rate="sweep", raw_text=0.0)

    figures = _tune(tmp_path / "tuned", base=bases / "embedded", section=section, runs=tmp_path / "runs")

    trials = figures["sweep"]["trials"]
    assert [trial["learning_rate"] for trial in trials] == pytest.approx([0.02 / 3, 0.02, 0.06])
    assert all({"validation_loss", "token_f1"} <= set(trial) for trial in trials)
    assert figures["sweep"]["chosen"] == figures["learning_rate"]
    assert max(point["learning_rate"] for point in figures["curve"]) == pytest.approx(figures["learning_rate"], rel=0.2)
    (noted,) = tmp_path.glob("runs/*/sweep.json")
    first = json.loads(noted.read_text())
    noted.write_text(json.dumps(first[:1]))
    again = _tune(tmp_path / "again", base=bases / "embedded", section=section, runs=tmp_path / "runs")
    assert again["sweep"] == figures["sweep"]


@pytest.mark.slow
def test_memory_that_runs_out_in_a_trial_is_no_fault_of_its_rate(tmp_path, bases):
    model, tokenizer = load(bases / "llama", dtype=torch.float32)
    template = choose_template(tokenizer)
    rows = pair_rows(PAIRS, template)
    plan = make_plan(lambda _: rows, [], Amount(1, None, 0.0, 256), seed=0)
    job = Job(model, template, SECTION, resolve(SECTION, embedded=False, parameters=1), 0, tmp_path)

    def judge(_):
        raise torch.OutOfMemoryError

    checkpoints = Checkpoints(tmp_path / "runs", {})
    with pytest.raises(TrainingError, match=r"^the memory ran out during training: lower train\.batch_tokens"):
        sweep(job, Phase("sweep", plan, judge, "answers"), Run(checkpoints, [], ignore, ignore))

    assert checkpoints.noted("sweep") is None


# The course of a run


def test_a_loss_that_stays_above_its_start_is_a_divergence_with_a_rate_to_try():
    losses = [2.0, 2.1, 1.9, *[9.0] * RECENT]

    assert "training diverged; lower train.learning_rate (it is 0.5; try 0.05)" in course_problem(losses, 50_000, rate=0.5)
    assert course_problem([*losses, 2.0], 50_000, rate=0.5) == ""
    assert course_problem(losses[:-1], 50_000, rate=0.5) == ""


def test_a_loss_that_stays_at_that_of_guessing_is_a_model_that_learns_nothing():
    """P77."""
    guess = math.log(341)

    assert "guessing among 341 tokens" in course_problem([5.5, 5.8, 5.83, *[guess] * RECENT], 341, rate=1e4)
    assert "the loss became nan" in course_problem([5.5, math.nan], 341, rate=1e-3)  # P76


@given(st.integers(0, 10_000), st.floats(0.3, 12), st.floats(0, 0.5), st.integers(START, 150))
def test_a_run_that_learns_is_never_stopped(seed, start, noise, points):
    draw = random.Random(seed)
    losses = [start * math.exp(-3 * place / points) * (1 + noise * draw.uniform(-1, 1)) for place in range(points)]

    assert not any(course_problem(losses[:seen], 10**9, rate=1e-3) for seen in range(1, points + 1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["llama", "embedded"])
def test_an_absurd_rate_ends_with_advice_and_nothing_is_saved(tmp_path, bases, kind):
    """P77."""
    section = TrainSection(epochs=20, tokens=12_000 if kind == "embedded" else None, batch_tokens=256, learning_rate=1e4)

    with pytest.raises(TrainingError, match=r"lower train\.learning_rate|change train\.learning_rate"):
        _tune(tmp_path / "tuned", base=bases / kind, section=section)

    assert not (tmp_path / "tuned" / "model.safetensors").exists()


# The phases


LENGTHS = st.lists(st.integers(2, 60), min_size=1, max_size=40)


@given(LENGTHS, st.sampled_from([0.5, 1, 2, 3.25, 3.5, 12]), st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 0.1]), st.integers(0, 3))
def test_a_pass_ends_after_the_update_that_shows_its_last_pair(lengths, passes, raw, replay, seed):
    rows = [Row([number] * length, [number] * length, f"pair-{number}") for number, length in enumerate(lengths)]

    plan = make_plan(lambda _: rows, list(range(3000)), Amount(passes, None, raw, 256, replay), seed=seed, replay=list(range(3000)))

    assert list(plan.ends) == sorted(set(plan.ends))
    assert plan.ends[-1] == len(plan.batches)
    assert len(plan.ends) == math.ceil(passes - 0.4)
    for number, end in enumerate(plan.ends[:-1], start=1):
        shown = [plan.rows[index].pair_id for batch in plan.batches[:end] for index in batch]
        assert all(shown.count(row.pair_id) == number for row in rows)


def test_replay_is_a_share_of_the_updates_and_comes_from_the_text_given():
    rows = [Row([1] * 30, [1] * 30, f"pair-{number}") for number in range(200)]

    plan = make_plan(lambda _: rows, [7] * 5000, Amount(12, None, 0.2, 256, 0.05), seed=0, replay=[9] * 5000)

    kinds = [plan.rows[batch[0]].input_ids[0] for batch in plan.batches]
    assert kinds.count(9) / len(kinds) == pytest.approx(0.05, abs=0.01)
    assert kinds.count(7) / len(kinds) == pytest.approx(0.2, abs=0.01)
    thirds = [kinds[place * len(kinds) // 3 : (place + 1) * len(kinds) // 3].count(9) for place in range(3)]
    assert min(thirds) > 0


@given(st.integers(20, 3000), st.sampled_from([0.5, 1, 3]), st.sampled_from([16, 128]))
def test_a_plan_of_text_alone_covers_it_once_a_pass(tokens, passes, block):
    plan = text_plan(list(range(tokens)), Amount(passes, None, 0.0, 256), block=min(block, tokens), seed=0)

    assert plan.ends[-1] == len(plan.batches)
    assert [index for batch in plan.batches for index in batch] == list(range(len(plan.rows)))
    assert len(plan.rows) == max(1, round(passes * (tokens // min(block, tokens))))
    assert plan.lengths()["truncated"] == 0


@pytest.mark.slow
def test_a_phase_on_the_documents_comes_first_with_figures_and_a_curve_of_its_own(tmp_path, bases):
    section = SECTION.model_copy(update={"pretrain_epochs": 3, "epochs": 8})
    seen = []

    figures = train(
        PAIRS,
        VALIDATION,
        TEXTS,
        base=str(bases / "llama"),
        section=section,
        seed=1,
        folder=tmp_path,
        progress=lambda *event: seen.append(event),
    )

    phase = figures["continued_pretraining"]
    assert phase["passes"] == 3
    assert phase["curve"][-1]["loss"] < phase["curve"][0]["loss"]
    assert phase["choice"] == {"rule": "last", "by_loss": phase["choice"]["by_loss"], "kept": 3}
    assert [total for _, total, _ in seen] == [phase["updates"]] * len(phase["curve"]) + [figures["updates"]] * len(figures["curve"])
    assert all("seconds_left" in point for *_, point in seen)


def test_the_shipped_general_text_is_plain_prose_of_a_few_thousand_words(tmp_path):
    (text,) = read_general(None)

    assert text == SAMPLE.read_text(encoding="utf-8").strip()
    assert 12_000 < len(text) < 20_000
    assert text.isascii() or "é" in text
    (tmp_path / "a.txt").write_text("One.")
    (tmp_path / "b.md").write_text("Two.")
    (tmp_path / "c.bin").write_bytes(b"\xff")
    assert read_general(tmp_path) == ["One.", "Two."]
    assert read_general(tmp_path / "a.txt") == ["One."]


@pytest.mark.parametrize("name", ["missing.txt", "c.bin", "empty"])
def test_general_text_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "c.bin").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError, match=rf"train\.replay_text: .*{name}"):
        read_general(tmp_path / name)


def test_many_passes_are_judged_a_few_times_and_the_last_among_them():
    plan = Plan([], [[]] * 100, 50.0, tuple(range(2, 101, 2)))

    monitor = Monitor(plan, [], ignore)

    assert len(monitor.ends) == 8
    assert max(monitor.ends) == 100
    assert monitor.ends <= set(plan.ends)


# What is refused before anything is loaded


REFUSED = {
    "a sweep without validation pairs": ({"learning_rate": "sweep"}, "sweep needs validation pairs"),
    "a choice by answers without validation pairs": ({"choose": "answers"}, "answers needs validation pairs"),
    "a phase on documents without text": ({"pretrain_epochs": 1.0}, "no document text"),
    "a log without its package": ({"log": "trackio"}, r"pip install 'kilopair\[trackio\]'"),
    "four bits without a CUDA device": ({"method": "qlora"}, "needs a CUDA device"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_the_base_is_loaded(tmp_path, case):
    """P127: a tracker that is not installed, and what else would fail only later."""
    changes, message = REFUSED[case]
    if ("log" in changes and importlib.util.find_spec("trackio")) or ("method" in changes and torch.cuda.is_available()):
        pytest.skip("this machine can do it")

    with pytest.raises(InputError, match=message):
        _tune(tmp_path, base=tmp_path / "no such base", section=TrainSection(**changes), validation=[], texts=["  "])


@pytest.mark.slow
def test_the_curve_goes_to_tensorboard_by_phase(tmp_path, bases):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    figures = _tune(
        tmp_path / "tuned", base=bases / "llama", section=SECTION.model_copy(update={"log": "tensorboard"}), runs=tmp_path / "runs"
    )

    (folder,) = tmp_path.glob("runs/*/log")
    events = EventAccumulator(str(folder)).Reload()
    assert [event.step for event in events.Scalars("pairs/loss")] == [point["step"] for point in figures["curve"]]
    assert [event.value for event in events.Scalars("pairs/loss")] == pytest.approx([point["loss"] for point in figures["curve"]], rel=1e-5)
