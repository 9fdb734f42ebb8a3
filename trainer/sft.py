"""Supervised fine-tuning of a base on the pairs with TRL's SFTTrainer, guarded from the rows to the saved folder.

A training has up to two phases, each with checkpoints that an interrupted one goes on from: the documents' raw text alone
(`train.pretrain_epochs`), then the pairs, mixed with raw text (`train.raw_text`) and general text (`train.replay`) as wanted.
"""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import TrainSection
from trainer.adapters import adapt, check_method, four_bits, merge_into
from trainer.after import Before, Course, look_before, probes, prove, sample_weights
from trainer.base import Progress, is_embedded
from trainer.checkpoints import Checkpoints
from trainer.choose_checkpoint import GLANCE, SLICE, judge_of
from trainer.export.saved import save_adapter
from trainer.fingerprint import NO_PART, fingerprint
from trainer.generate import context_of
from trainer.guards import check_model
from trainer.logs import check_log, opened_log
from trainer.machine import prepare
from trainer.model import cast, load, saved_dtype
from trainer.parallel import agree, check_launch, hand_out, is_follower
from trainer.phases import Phase, Run, keep_only, run_phase
from trainer.plan import Amount, Plan, make_plan, taking_part, text_plan
from trainer.replay import read_general
from trainer.rows import Row, check_apart, check_lengths, check_pairs, pair_rows, text_stream
from trainer.settings import choice_rule, for_length, resolve
from trainer.sft_trainer import Job, PlannedTrainer, finish
from trainer.sweep import sweep
from trainer.templates import Template, choose_template
from trainer.word_drop import drop_words, told

CARD, ADAPTER = "training.json", "adapter"
DOCUMENTS, PAIRS, SWEEP = "documents", "pairs", "sweep"
_RUNS = ".runs"
_BLOCK = 512  # tokens of a window of raw text in the phase of its own


def train(  # noqa: PLR0913 - one keyword for each thing that only the caller knows
    pairs_train: Sequence[Pair],
    pairs_validation: Sequence[Pair],
    raw_texts: Sequence[str],
    *,
    base: str,
    section: TrainSection,
    seed: int,
    folder: Path,
    progress: Progress,
    runs: Path | None = None,
) -> dict[str, Any]:
    """Fine-tune `base` on the pairs, save model and tokenizer in `folder`, and return the figures with the loss curve.

    Called again with the same after any interruption, it goes on from the last checkpoint and gives the same weights.

    Args:
        pairs_train: what is learnt.
        pairs_validation: what the weights after each pass are judged by.
        raw_texts: the documents.
        base: a folder or a name.
        section: the recipe's.
        seed: decides every order and every random number.
        folder: where the tuned model goes.
        progress: told after every few updates.
        runs: folder of the checkpoints of this training and the one before it; inside of `folder`, until the end, if not given.

    Raises:
        InputError: the base cannot be loaded or used, or there are no pairs.
        TrainingError: a row would teach the wrong thing, training failed, or the saved model is not the trained one.
    """
    prepare()
    _check(section, pairs_train, pairs_validation, raw_texts)
    given = {"pairs_train": pairs_train, "pairs_validation": pairs_validation, "raw_texts": raw_texts, "base": base, "section": section}
    hand_out({**given, "seed": seed, "folder": folder, "runs": runs})
    folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer = load(base, dtype=torch.float32, quantization=four_bits(section))
    template = choose_template(tokenizer, section.template, system=section.system)
    check_model(model, template)
    rows, validation = _rows(pairs_train, pairs_validation, template, limit=_limit(section, model))
    settings = resolve(section, embedded=is_embedded(base), parameters=model.num_parameters())
    job = Job(model, template, section, settings, seed, folder)
    phases = _phases(job, base, pairs_train, rows, pairs_validation, raw_texts)
    before = _look_before(job, base, pairs_train, pairs_validation)
    settings = for_length(settings, section, len(phases[PAIRS].plan.batches))
    job = replace(job, model=adapt(model, section, seed=seed), settings=settings)
    place = runs or folder / _RUNS
    checkpoints = Checkpoints(place, _fingerprint(job, phases))
    with opened_log("none" if is_follower() else section.log, checkpoints.folder / "log") as write:
        run = Run(checkpoints, validation, progress, write)
        tuned, figures = _fit(job, phases, run, base)
    agree(None)  # until all have read what process 0 may delete now
    if is_follower():
        return figures
    course = _course(job, base, figures)
    figures = {
        "base": "embedded" if is_embedded(base) else base,
        "pairs": len(pairs_train),
        **figures,
        **_save(cast(tuned, saved_dtype(base)), job, before, course),
    }
    figures["notices"] = [*checkpoints.remarks, *figures.get("notices", ())]
    (folder / CARD).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    keep_only(run, {PAIRS: figures, **({DOCUMENTS: figures["continued_pretraining"]} if DOCUMENTS in phases else {})})
    if runs is None:
        shutil.rmtree(place)
    return figures


def _check(section: TrainSection, train: Sequence[Pair], validation: Sequence[Pair], raw_texts: Sequence[str]) -> None:
    """Refuse what cannot work before anything is loaded."""
    check_launch()
    if not train:
        raise InputError("there are no pairs to train on")
    if section.learning_rate == "sweep" and not validation:
        raise InputError("train.learning_rate: sweep needs validation pairs to choose by; raise split.validation, or give a rate")
    if section.choose in ("answers", "loss") and not validation:
        raise InputError(f"train.choose: {section.choose} needs validation pairs; raise split.validation, or choose last")
    if section.pretrain_epochs and not any(text.strip() for text in raw_texts):
        raise InputError("train.pretrain_epochs: there is no document text to pretrain on; set it to 0")
    check_method(section)
    check_log(section.log)


def _limit(section: TrainSection, model: Any) -> int | None:
    """Return the most tokens of a row: the recipe's, and never more than the model's context."""
    limits = [section.max_length, context_of(model)]
    return min((limit for limit in limits if isinstance(limit, int)), default=None)


def _rows(train: Sequence[Pair], validation: Sequence[Pair], template: Template, *, limit: int | None) -> tuple[list[Row], list[Row]]:
    check_pairs([*train, *validation], template)
    check_apart(train, validation)
    rows = pair_rows(train, template), pair_rows(validation, template)
    check_lengths([*rows[0], *rows[1]], limit)
    return rows


def _phases(  # noqa: PLR0913, PLR0917 - everything that is trained on
    job: Job, base: str, pairs: Sequence[Pair], rows: list[Row], validation: Sequence[Pair], raw_texts: Sequence[str]
) -> dict[str, Phase]:
    """Lay out every phase before the first update; a sweep's trials are a phase of one pass."""
    section, settings = job.section, job.settings
    rule = choice_rule(section, embedded=is_embedded(base), validation=bool(validation))
    judge = judge_of(validation, job.template, most=GLANCE if rule == "last" and section.learning_rate != "sweep" else SLICE)
    amount = Amount(section.epochs, settings.tokens, settings.raw_text, section.batch_tokens, section.replay)
    phases: dict[str, Phase] = {}
    if section.pretrain_epochs:
        stream = text_stream(raw_texts, job.template)
        block = min(_BLOCK, context_of(job.model) or _BLOCK, len(stream))
        phases[DOCUMENTS] = Phase(DOCUMENTS, text_plan(stream, replace(amount, passes=section.pretrain_epochs), block=block, seed=job.seed))
    if section.learning_rate == "sweep":
        one = replace(amount, passes=1.0, tokens=None)
        phases[SWEEP] = Phase(SWEEP, _plan(job, pairs, rows, raw_texts, one), judge, "answers" if rule == "last" else rule)
    phases[PAIRS] = Phase(PAIRS, _plan(job, pairs, rows, raw_texts, amount), judge, rule)
    return phases


def _plan(job: Job, pairs: Sequence[Pair], rows: list[Row], raw_texts: Sequence[str], amount: Amount) -> Plan:
    settings = job.settings
    tells = told(pairs) if settings.word_drop else {}

    inputs = [bool(pair.input) for pair in pairs]

    def one_pass(number: int) -> list[Row]:
        places = taking_part(inputs, settings.input_share, number)
        if not settings.word_drop:
            return [rows[place] for place in places]
        draw = random.Random(f"{job.seed}/{number}")  # noqa: S311 - an augmentation, not a secret
        worded = {place: drop_words(pairs[place].instruction, settings.word_drop, draw, tells) for place in places}
        others = {place: words for place, words in worded.items() if words != pairs[place].instruction}
        reworded = pair_rows([pairs[place] for place in others], job.template, instructions=list(others.values()))
        fresh = dict(zip(others, reworded, strict=True))
        return [fresh.get(place, rows[place]) for place in places]

    stream = text_stream(raw_texts, job.template) if settings.raw_text else []
    general = text_stream(read_general(job.section.replay_text), job.template) if job.section.replay else []
    return make_plan(one_pass, stream, amount, seed=job.seed, replay=general)


def _look_before(job: Job, base: str, train: Sequence[Pair], validation: Sequence[Pair]) -> Before:
    before = look_before(job.model, job.template, probes(train, validation), base=base)
    if job.section.method != "qlora":
        return before
    return replace(before, weights=sample_weights(load(base, dtype=torch.float32)[0]))  # what is saved is not in 4 bits


def _fingerprint(job: Job, phases: dict[str, Phase]) -> dict[str, str]:
    section = job.section.model_dump(mode="json", exclude={*NO_PART})
    plans = [phase.plan for phase in phases.values()]
    return fingerprint(job.model, plans, settings={**section, **asdict(job.settings)}, seed=job.seed)


def _fit(job: Job, phases: dict[str, Phase], run: Run, base: str) -> tuple[Any, dict[str, Any]]:
    """Run the phases one after the other; return the tuned model and the figures of the last, those of the others inside."""
    others: dict[str, Any] = {}
    if DOCUMENTS in phases:
        model, others["continued_pretraining"] = run_phase(job, phases[DOCUMENTS], run, end=_unwrapped)
        job = replace(job, model=model)
    if SWEEP in phases:
        rate, others["sweep"] = sweep(job, phases[SWEEP], run)
        job = replace(job, settings=replace(job.settings, learning_rate=rate))
    tuned, figures = run_phase(job, phases[PAIRS], run, end=_end(job, base))
    settings = {"template": job.template.name, "method": job.section.method, **asdict(job.settings)}
    return tuned, {**settings, "parameters": tuned.num_parameters(), **figures, **others}


def _unwrapped(trainer: PlannedTrainer) -> Any:
    return trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


def _end(job: Job, base: str) -> Callable[[PlannedTrainer], Any]:
    """Return what makes one model of the trained one: adapters are saved if that is asked for, and merged."""
    section = job.section

    def end(trainer: PlannedTrainer) -> Any:
        if section.method != "full" and section.save != "merged" and not is_follower():
            folder = job.folder / ADAPTER if section.save == "both" else job.folder
            save_adapter(_unwrapped(trainer), folder, base=base, template=job.template)
        return merge_into(base, _unwrapped(trainer)) if section.method == "qlora" else finish(trainer)

    return end


def _save(tuned: Any, job: Job, before: Before, course: Course) -> dict[str, Any]:
    """Save the model with its tokenizer, and prove that what the folder holds is trained, answers the same and stops."""
    job.template.tokenizer.save_pretrained(job.folder)
    if job.section.method == "full" or job.section.save != "adapter":
        tuned.save_pretrained(job.folder)
    return prove(tuned, before, folder=job.folder, template=job.template, course=course)


def _course(job: Job, base: str, figures: dict[str, Any]) -> Course:
    automatic = job.section.model_copy(update={"learning_rate": "auto"})
    usual = resolve(automatic, embedded=is_embedded(base), parameters=job.model.num_parameters())
    return Course(figures["learning_rate"], usual.learning_rate, figures["updates"])
