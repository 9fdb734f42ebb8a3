"""Does the exported file answer like the model that was trained? llama.cpp loads it, reads the held-out questions, and answers them.

Three things are compared with the model as it was saved and evaluated: the tokens of every prompt (all must be equal), probe texts in
many scripts (likewise), and the greedy answers. Equal answers are a share: float16 and eight bits round where float32 does not.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from schemas.errors import InputError
from trainer.metrics import SCORES, exact_match, token_f1
from trainer.templates import Template

Ask = Callable[[str, Mapping[str, Any]], Any]  # a path of llama.cpp's server and what is sent there -> what it answers
Progress = Callable[[int], None]
EQUAL = {"f16": 0.995, "q8_0": 0.98}  # shares of equal answers that an export should reach
WORKERS = 4  # questions asked at once
_BROKEN = 0.8  # mean token F1 of both models' answers: below, the file is another model and no rounding
PROBES = (
    "Hello, world! It's 9 o'clock, isn't it? We'll see; they've said I'd know.",
    "In 2024 1,234,567.89 items, 007, 3.14159, +49 (0)30 901820, 50% of €20.",
    "  leading, trailing and   inner   spaces  \n\n\ttabs\tand\r\nbreaks \n \n end",
    "def f(x: int) -> str:\n    return f'{x:>10}' if x != 0 else \"--\"  # what?\n",
    "Müller fährt über die Straße; l'été déjà à Noël; ¿Qué pasó, señor? Łódź, Žižkov, Ærø.",
    "Он сказал: «Привет!» Καλημέρα κόσμε. שלום עולם. مرحبا بالعالم ١٢٣. नमस्ते दुनिया।",
    "你好，世界！今天是2024年。こんにちは、カタカナとひらがな。안녕하세요 세계. สวัสดีชาวโลก",
    "emoji 👍🏽 👩‍👩‍👧 🇩🇪 ™ ² ½ ﬁ … – — “quotes” ‘single’ \u00a0nbsp",
    "snake_case camelCase UPPER MixedCASE's THEY'LL x² a/b\\c https://example.com/a?b=c&d=1#e",
    "", " ", "\n", "a", "'s", "12", "…",
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """A held-out question: the messages of its prompt, their tokens as trained, the saved model's answer, the right one."""

    messages: list[dict[str, str]]
    prompt: list[int]
    answer: str
    reference: str


def prove(ask: Ask, items: Sequence[Item], template: Template, *, most: int, progress: Progress) -> dict[str, Any]:
    """Return what was compared, the scores of the file's answers, and the answers themselves.

    Args:
        ask: the server that has loaded the file.
        items: what to ask.
        template: the tokenizer and template of the saved model.
        most: tokens of the longest answer, as in the evaluation.
        progress: told after each answer how many there are.

    Raises:
        InputError: a text is read as other tokens, or the answers are those of another model.
    """
    _check_texts(ask, template)
    for item in items:
        _check_prompt(ask, item)
    given: list[dict[str, Any]] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for answered in pool.map(lambda item: _answer(ask, item, most), items):
            given.append(answered)
            progress(len(given))
    return _figures(items, given)


def below(name: str, figures: Mapping[str, Any]) -> str:
    """Say that a file answers less alike than expected, or nothing."""
    if figures["answers_equal"] >= figures["expected"]:
        return ""
    return (
        f"{name} gives the saved model's very answer to {figures['answers_equal']:.1%} of the questions, {figures['expected']:.1%} were "
        f"expected; of {figures['right']:,} right answers it gives {figures['right_kept']:,}"
    )


def tokens_of(ask: Ask, text: str, *, special: bool) -> list[int]:
    """Return how the file reads a text; `special`: with its begin token, if it has one."""
    return ask("/tokenize", {"content": text, "add_special": special, "parse_special": True})["tokens"]


def _check_texts(ask: Ask, template: Template) -> None:
    begun = template.tokenizer("a")["input_ids"]
    if tokens_of(ask, "a", special=True) != begun:
        raise InputError("no GGUF: the file and the tokenizer do not put the same tokens before a text; give llama.cpp's converter")
    for text, ours in zip(PROBES, template.encode(PROBES), strict=True):
        if (theirs := tokens_of(ask, text, special=False)) != ours:
            raise InputError(f"no GGUF: llama.cpp reads {text[:40]!r} as {_differ(theirs, ours)}; give its converter as package.converter")


def _check_prompt(ask: Ask, item: Item) -> None:
    text = ask("/apply-template", {"messages": item.messages})["prompt"]
    if (theirs := tokens_of(ask, text, special=True)) != item.prompt:
        question = item.messages[-1]["content"][:60]
        raise InputError(f"no GGUF: the prompt of {question!r} is read as {_differ(theirs, item.prompt)}; the chat template is at fault")


def _differ(theirs: Sequence[int], ours: Sequence[int]) -> str:
    """Say where two readings part."""
    at = next((at for at, (one, other) in enumerate(zip(theirs, ours, strict=False)) if one != other), min(len(theirs), len(ours)))
    return f"{len(theirs)} tokens instead of {len(ours)}, other ones from number {at + 1} on"


def _answer(ask: Ask, item: Item, most: int) -> dict[str, Any]:
    sent = {"messages": item.messages, "temperature": 0, "max_tokens": most, "cache_prompt": False}
    reply = ask("/v1/chat/completions", sent)
    if reply["usage"]["prompt_tokens"] != len(item.prompt):
        raise InputError(f"no GGUF: a chat's prompt has {reply['usage']['prompt_tokens']} tokens instead of {len(item.prompt)}")
    choice = reply["choices"][0]
    return {"answer": (choice["message"].get("content") or "").strip(), "stopped": choice["finish_reason"] == "stop"}


def _figures(items: Sequence[Item], given: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    answers = [(str(one["answer"]), item) for one, item in zip(given, items, strict=True)]
    likeness = fmean(_alike(answer, item.answer) for answer, item in answers)
    if likeness < _BROKEN:
        raise InputError(
            f"no GGUF: the file's answers have a token F1 of {likeness:.2f} with the saved model's, so it is another model; "
            "give llama.cpp's converter as package.converter"
        )
    return {
        "n": len(items),
        "prompts_equal": 1.0,
        "answers_equal": fmean(answer == item.answer for answer, item in answers),
        "likeness": likeness,
        "right": sum(map(_is_right, items)),
        "right_kept": sum(_is_right(item) and answer == item.answer for answer, item in answers),
        **{name: fmean(score(answer, item.reference) for answer, item in answers) for name, score in SCORES.items()},
        "stop_rate": fmean(bool(one["stopped"]) for one in given),
        "answers": [dict(one) for one in given],
    }


def _is_right(item: Item) -> bool:
    """Whether the saved model's answer is the right one."""
    return exact_match(item.answer, item.reference) == 1


def _alike(answer: str, other: str) -> float:
    return 1.0 if answer == other else token_f1(answer, other)
