"""The embedded base: a small Llama-type model trained from scratch on the documents' raw text, with nothing downloaded.

It is the honest stand-in for a downloaded base: it has read the company's documents (unsupervised, next token) and knows
no other text, has never seen a question or the chat template, and answers none of them.
"""

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from schemas.errors import InputError, TrainingError
from schemas.training import BaseSection
from trainer.machine import device, prepare
from trainer.optimizer import make_optimizer
from trainer.rows import raw_rows, text_stream
from trainer.templates import choose_template
from trainer.tokenizer import make_tokenizer

Progress = Callable[[int, int, dict[str, float]], None]
CARD = "pretraining.json"  # its presence in a folder says that the model was made here
_ROWS_PER_UPDATE = 8
_WARMUP, _FLOOR = 0.03, 0.05  # share of the updates; share of the peak rate at the end


def make_base(documents: Sequence[str], *, section: BaseSection, seed: int, folder: Path, progress: Progress) -> dict[str, object]:
    """Make the tokenizer and the model from the documents' text, save them in `folder`, and return the figures.

    Raises:
        InputError: there is too little text.
        TrainingError: the loss became unusable.
    """
    prepare()
    texts = [text for text in documents if text.strip()]
    tokenizer = make_tokenizer(texts, vocabulary=section.vocabulary, context=section.context)
    stream = text_stream(texts, choose_template(tokenizer))
    if len(stream) < 2 * section.block:
        raise InputError(f"the documents hold only {len(stream)} tokens of text; the embedded base needs at least {2 * section.block}")
    torch.manual_seed(seed)
    model = make_model(tokenizer, section)
    started = time.perf_counter()
    curve = pretrain(model, stream, section=section, seed=seed, progress=progress)
    seconds = time.perf_counter() - started
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    figures: dict[str, object] = {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "vocabulary": len(tokenizer),
        "document_tokens": len(stream),
        "tokens": curve[-1]["tokens"] if curve else 0,
        "seconds": round(seconds, 2),
        "curve": curve,
    }
    (folder / CARD).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


def make_model(tokenizer: Any, section: BaseSection) -> Any:
    """Make a Llama with random weights and tied embeddings for this tokenizer."""
    if section.width % section.heads or (section.width // section.heads) % 2:
        raise InputError(f"base.width {section.width} must be an even multiple of base.heads {section.heads}")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=section.width,
        intermediate_size=max(16, round(section.width * 8 / 3 / 16) * 16),
        num_hidden_layers=section.layers,
        num_attention_heads=section.heads,
        max_position_embeddings=section.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def pretrain(model: Any, stream: Sequence[int], *, section: BaseSection, seed: int, progress: Progress) -> list[dict[str, float]]:
    """Train on next tokens of the raw text with Muon and AdamW; return the curve (step, tokens, loss, learning rate)."""
    per_update = _ROWS_PER_UPDATE * section.block
    updates = section.tokens // per_update
    rows = raw_rows(stream, count=updates * _ROWS_PER_UPDATE, block=section.block, draw=random.Random(seed))  # noqa: S311 - a shuffle, not a secret
    optimizer = make_optimizer(model.to(device()).train(), lr=section.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, updates))
    curve: list[dict[str, float]] = []
    started = time.perf_counter()
    for update in range(updates):
        batch = rows[update * _ROWS_PER_UPDATE : (update + 1) * _ROWS_PER_UPDATE]
        loss = _update(model, torch.tensor([row.input_ids for row in batch], device=device()))
        optimizer.step()
        tokens = (update + 1) * per_update
        speed = tokens / (time.perf_counter() - started)
        curve.append(
            {
                "step": update + 1,
                "tokens": tokens,
                "loss": loss,
                "learning_rate": float(schedule.get_last_lr()[0]),
                "tokens_per_second": speed,
            }
        )
        schedule.step()
        progress(update + 1, updates, curve[-1])
    model.to("cpu").eval()
    return curve


def _update(model: Any, window: torch.Tensor) -> float:
    model.zero_grad()
    hidden = model.model(input_ids=window, use_cache=False).last_hidden_state[:, :-1]
    loss = functional.cross_entropy(model.lm_head(hidden).flatten(0, 1), window[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if not math.isfinite(figure := loss.item()):
        raise TrainingError("the pretraining loss became not a number; lower base.learning_rate")
    return figure


def rate_at(step: int, updates: int) -> float:
    """Share of the peak rate at a step: a short warm-up, then a cosine down to a twentieth."""
    warmup = max(1, round(updates * _WARMUP))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, updates - warmup)
    return _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def is_embedded(base: str) -> bool:
    """Tell whether the base was made here, from the documents."""
    return (Path(base) / CARD).is_file()
