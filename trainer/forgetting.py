"""The forgetting probe: what general text costs the base and the tuned model in bits a byte, and which general prompts each answers.

Bits a byte and not perplexity: they compare models whatever their tokenizers. Passages and prompts are paired, so a small change
shows; what a change means for a base that never knew general text is said with it.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from schemas.proof import Comparison, Design
from trainer.general import Passage, Prompt, prompts, shared_runs
from trainer.generate import context_of, generate
from trainer.loss import row_losses
from trainer.machine import prepare
from trainer.model import end_tokens, load, load_tokenizer
from trainer.rows import IGNORED, Row
from trainer.statistics.compare import compare
from trainer.student import first_token
from trainer.templates import Template, choose_template

_LOGITS = 1 << 26  # scores of the vocabulary that are held at once: a quarter of a gigabyte
_ROOM = 24  # tokens that an answer may have at least
_DIGITS = 6  # a sum of floats differs in the last ones with what stands beside it in a batch
NEVER_KNEW = (
    "the embedded base has read nothing but these documents and never knew general text, so there was nothing to forget: "
    "the figures say how far training moved it, not what it lost"
)


@dataclass(frozen=True)
class _Heard:
    """What one model made of the probe: bits a byte by passage, answers by prompt."""

    bits: list[float]
    answers: list[str]


def forgetting(
    models: Mapping[str, Path | str],
    sample: Sequence[Passage],
    *,
    design: Design,
    knew: bool = True,
    read: Sequence[str] = (),
) -> dict[str, Any]:
    """Return bits a byte by register and right answers by kind, of both models, with what the differences are worth.

    Args:
        models: the base and the tuned one, in this order; the tuned one's template puts the prompts for both.
        sample: general text.
        design: how the models are compared; its margin is in bits a byte for the text.
        knew: whether the base was ever trained on general text.
        read: general text that the training read; what it shares with the sample is counted.

    Raises:
        InputError: a model cannot be loaded.
    """
    prepare()
    (base, tuned), asked = models, prompts()
    names = (base, tuned)
    template = choose_template(load_tokenizer(models[tuned]))
    heard = [_hear(folder, template, sample, asked) for folder in models.values()]
    text = _text(sample, [one.bits for one in heard], names, design)
    answered = _prompts(asked, [one.answers for one in heard], names, design)
    shared = shared_runs((passage.text for passage in sample), read)
    told = [*([] if knew else [NEVER_KNEW]), _cost(Comparison(**text["comparison"])), _answered(answered, len(asked))]
    if shared:
        told.append(f"{shared:,} runs of 13 words of this text were in train.replay_text as well, so it flatters")
    found = {"text": text, "prompts": answered, "knew_general_text": knew, "shared_runs": shared}
    return {**found, "sentence": "; ".join(told)}


def bits_per_byte(model: Any, template: Template, texts: Sequence[str]) -> list[float]:
    """Return for each text the bits that the model needs for a UTF-8 byte of it, in windows of its context."""
    given: Any = template.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    start, size = first_token(template), (context_of(model) or 1024) - 1
    rows = [(place, window) for place, ids in enumerate(given) for window in _windows(ids, size, start)]
    bits = [0.0] * len(texts)
    for batch in _batches(rows, max(1, _LOGITS // model.get_input_embeddings().num_embeddings)):
        for (place, _), loss in zip(batch, row_losses(model, [row for _, row in batch]), strict=True):
            bits[place] += loss / math.log(2)
    return [round(cost / len(text.encode()), _DIGITS) for cost, text in zip(bits, texts, strict=True)]


def _windows(ids: list[int], size: int, start: int) -> Iterator[Row]:
    for first in range(0, len(ids), size):
        window = ids[first : first + size]
        yield Row([start, *window], [IGNORED, *window])


def _batches(rows: list[tuple[int, Row]], most: int) -> Iterator[list[tuple[int, Row]]]:
    """Yield rows of like length together, at most so many padded tokens at once."""
    batch: list[tuple[int, Row]] = []
    for one in sorted(rows, key=lambda one: len(one[1])):
        if batch and len(one[1]) * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _hear(folder: Path | str, template: Template, sample: Sequence[Passage], asked: Sequence[Prompt]) -> _Heard:
    model, tokenizer = load(folder)
    own = Template(tokenizer, template.name)  # the base's tokenizer may know fewer tokens than the tuned one's
    bits = bits_per_byte(model, own, [passage.text for passage in sample])
    most = max(_ROOM, 2 * max(map(len, template.completions([right for prompt in asked for right in prompt.answers]))))
    questions = template.prompts([(prompt.prompt, "") for prompt in asked])
    context = context_of(model)
    fit = [place for place, ids in enumerate(questions) if context is None or len(ids) + most <= context]
    given = generate(model, [questions[place] for place in fit], ends=end_tokens(model, template), max_new_tokens=most)
    answers = dict(zip(fit, (template.decode(answer.tokens) for answer in given), strict=True))
    return _Heard(bits, [answers.get(place, "") for place in range(len(asked))])


def _text(sample: Sequence[Passage], bits: Sequence[list[float]], names: tuple[str, str], design: Design) -> dict[str, Any]:
    """Return the mean bits a byte, by register and over all; passages count alike, whatever their length."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, passage in enumerate(sample):
        places[passage.register].append(place)
    registers = {
        register: {"passages": len(own), **{name: fmean(given[place] for place in own) for name, given in zip(names, bits, strict=True)}}
        for register, own in places.items()
    }
    first, second = ([-bit for bit in given] for given in bits)
    found = compare(first, second, design=design, of=("bits_per_byte", "general text", *names))
    return {
        "passages": len(sample),
        "bytes": sum(len(passage.text.encode()) for passage in sample),
        **{name: fmean(given) for name, given in zip(names, bits, strict=True)},
        "registers": registers,
        "comparison": found.model_dump(mode="json"),
    }


def _prompts(asked: Sequence[Prompt], answers: Sequence[list[str]], names: tuple[str, str], design: Design) -> dict[str, Any]:
    """Return how many each model answers right, by kind and one by one."""
    right = [[prompt.is_right(said) for prompt, said in zip(asked, given, strict=True)] for given in answers]
    both = list(zip(*right, strict=True))
    found = compare(*([float(mark) for mark in marks] for marks in right), design=design, of=("right", "general prompts", *names))
    return {
        "n": len(asked),
        **_totals(both, names),
        "lost": sum(before and not after for before, after in both),
        "gained": sum(after and not before for before, after in both),
        "kinds": _kinds(asked, both, names),
        "comparison": found.model_dump(mode="json"),
        "rows": [
            {"kind": prompt.kind, "prompt": prompt.prompt, "expected": list(prompt.answers)}
            | {"answers": dict(zip(names, said, strict=True)), "right": dict(zip(names, marks, strict=True))}
            for prompt, said, marks in zip(asked, zip(*answers, strict=True), both, strict=True)
        ],
    }


def _kinds(asked: Sequence[Prompt], both: Sequence[tuple[bool, ...]], names: tuple[str, str]) -> dict[str, dict[str, int]]:
    kinds: dict[str, list[tuple[bool, ...]]] = defaultdict(list)
    for prompt, marks in zip(asked, both, strict=True):
        kinds[prompt.kind].append(marks)
    return {kind: {"n": len(own), **_totals(own, names)} for kind, own in kinds.items()}


def _totals(both: Sequence[tuple[bool, ...]], names: tuple[str, str]) -> dict[str, int]:
    return {name: sum(marks[place] for marks in both) for place, name in enumerate(names)}


def _cost(found: Comparison) -> str:
    """Say what general text costs now; the comparison is of negated bits, so its differences turn round."""
    change, before, after = -found.difference, -found.first_mean, -found.second_mean
    small = f", less than the margin of {found.margin:g}" if found.same else ""
    limits = f"{100 * found.confidence:g} % interval of the change {_signed(-found.high)} to {_signed(-found.low)}"
    figures = f"({before:.2f} before, {after:.2f} after; {limits}, {found.n} passages)"
    if found.verdict in {"better", "worse"}:
        return f"general text costs {abs(change):.2f} bits a byte {'more' if change > 0 else 'less'} than before{small} {figures}"
    if found.verdict == "same":
        return f"general text costs the same as before within {found.margin:g} bits a byte {figures}"
    excluded = f"more than {found.excluded_loss:.2f} is excluded"
    return f"no change shown in what general text costs: {_signed(change)} bits a byte {figures}; {excluded}"


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\u2212")


def _answered(found: Mapping[str, Any], count: int) -> str:
    judged = Comparison(**found["comparison"])
    before, after = found[judged.first], found[judged.second]
    word = {"better": "better", "worse": "worse", "same": "the same", "not_shown": "no difference shown"}[judged.verdict]
    if not before and not after:
        return f"neither answers any of {count} general prompts right"
    lost, gained = found["lost"], found["gained"]
    return f"of {count} general prompts it answers {after} right, before {before} ({lost} lost, {gained} gained): {word}"
