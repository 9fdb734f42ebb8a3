"""Supervised fine-tuning of a base on the pairs with TRL's SFTTrainer, guarded from the rows to the saved folder."""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from schemas.errors import InputError, TrainingError
from schemas.records import Pair
from schemas.training import TrainSection
from trainer.base import Progress, is_embedded
from trainer.generate import Answer, context_of, generate
from trainer.guards import check_answers, check_labels, check_model, relative_change, sample_weights
from trainer.machine import prepare
from trainer.model import end_tokens, load, saved_dtype
from trainer.monitor import Monitor
from trainer.plan import Amount, Plan, make_plan
from trainer.rows import Row, check_apart, check_lengths, check_pairs, drop_words, pair_rows, text_stream
from trainer.settings import resolve
from trainer.sft_trainer import Job, build, finish
from trainer.templates import Template, choose_template

CARD = "training.json"
_PROBES = 12


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
) -> dict[str, Any]:
    """Fine-tune `base` on the pairs, save model and tokenizer in `folder`, and return the figures with the loss curve.

    Raises:
        InputError: the base cannot be loaded or used, or there are no pairs.
        TrainingError: a row would teach the wrong thing, training failed, or the saved model is not the trained one.
    """
    prepare()
    folder.mkdir(parents=True, exist_ok=True)
    if not pairs_train:
        raise InputError("there are no pairs to train on")
    model, tokenizer = load(base, dtype=torch.float32)
    template = choose_template(tokenizer, section.template)
    check_model(model, template)
    rows, validation = _rows(pairs_train, pairs_validation, template, limit=_limit(section, model))
    settings = resolve(section, embedded=is_embedded(base), parameters=model.num_parameters())
    job = Job(model, template, section, settings, seed, folder)
    plan = _plan(job, pairs_train, rows, raw_texts)
    tuned, figures = _fit(job, plan, Monitor(plan, validation, progress))
    figures = {
        "base": "embedded" if is_embedded(base) else base,
        "pairs": len(pairs_train),
        **figures,
        **_save(tuned.to(saved_dtype(base)), job, pairs_train, len(plan.batches)),
    }
    (folder / CARD).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


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


def _plan(job: Job, pairs: Sequence[Pair], rows: list[Row], raw_texts: Sequence[str]) -> Plan:
    settings, section = job.settings, job.section

    def one_pass(number: int) -> list[Row]:
        if not settings.word_drop:
            return rows
        draw = random.Random(f"{job.seed}/{number}")  # noqa: S311 - an augmentation, not a secret
        instructions = [drop_words(pair.instruction, settings.word_drop, draw) for pair in pairs]
        return pair_rows(pairs, job.template, instructions=instructions)

    stream = text_stream(raw_texts, job.template) if settings.raw_text else []
    amount = Amount(section.epochs, settings.tokens, settings.raw_text, section.batch_tokens)
    return make_plan(one_pass, stream, amount, seed=job.seed)


def _fit(job: Job, plan: Plan, monitor: Monitor) -> tuple[Any, dict[str, Any]]:
    before = sample_weights(job.model)
    trainer = build(job, plan, [monitor])
    check_labels(trainer, plan.rows, job.template)
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    updates = trainer.state.global_step
    if updates < trainer.state.max_steps:  # P129
        raise TrainingError(f"training ended after {updates} of {trainer.state.max_steps} updates; run it again")
    tuned = finish(trainer)
    return tuned, {
        "template": job.template.name,
        "method": job.section.method,
        **asdict(job.settings),
        "parameters": tuned.num_parameters(),
        "updates": updates,
        "passes": round(plan.passes, 2),
        "tokens": (tokens := sum(map(plan.tokens, plan.batches))),
        "seconds": round(seconds, 2),
        "tokens_per_second": round(tokens / seconds, 1),
        "lengths": plan.lengths(),
        "relative_change": relative_change(before, tuned),
        "curve": monitor.curve,
    }


def _save(tuned: Any, job: Job, pairs: Sequence[Pair], updates: int) -> dict[str, float]:
    """Save the model, load it again from disk, and prove on training questions that it is the same and that it stops."""
    job.template.tokenizer.save_pretrained(job.folder)
    tuned.save_pretrained(job.folder)
    probes = pairs[:: max(1, len(pairs) // _PROBES)][:_PROBES]
    here = _probe(tuned, probes, job.template)
    model, tokenizer = load(job.folder)
    there = _probe(model, probes, choose_template(tokenizer))
    stop_rate = sum(answer.stopped for answer in there) / len(there)
    check_answers([answer.tokens for answer in here], [answer.tokens for answer in there], stop_rate, updates)
    return {"probes": len(probes), "stop_rate": stop_rate}


def _probe(model: Any, pairs: Sequence[Pair], template: Template) -> list[Answer]:
    prompts = template.pair_prompts(pairs)
    longest = max(map(len, template.completions([pair.output for pair in pairs])))
    return generate(model, prompts, ends=end_tokens(model, template), max_new_tokens=longest + longest // 4 + 8)
