"""The model card: metadata as the Hub reads it, then what people want to know before they use the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXACT, SETS = "exact_match", ("paraphrase", "paraphrase_seen", "paraphrase_unseen", "test", "test_documents")
_METRICS = {EXACT: "exact match", "token_f1": "token F1", "rouge_l": "ROUGE-L", "stop_rate": "ends by itself"}

_PROVED = {"prompts_equal": "prompts read as the same tokens", "answers_equal": "same answer", EXACT: "exact match"}


@dataclass(frozen=True)
class CardFacts:
    """What a card says; `data` are lines on the pairs, `gguf` the figures of each exported file by its name.

    `results` (head and rows of a table with intervals), `proof` and `limits` (sentences) are what the report says, where there is one.
    """

    name: str
    company: str
    license: str
    languages: Sequence[str]
    base: str
    figures: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    set_names: Mapping[str, str]
    data: Sequence[str]
    gguf: Mapping[str, Mapping[str, Any]]
    generated: bool
    is_adapter: bool = False
    results: tuple[Sequence[str], Iterable[Sequence[object]]] | None = None
    proof: Sequence[str] = ()
    limits: Sequence[str] = ()


def model_card(facts: CardFacts) -> str:
    """Return the card."""
    sections = [
        f"---\n{_metadata(facts)}---",
        f"# {facts.name}",
        _summary(facts),
        "## Use",
        _use(facts),
        "## Training data",
        "\n".join(f"- {line}" for line in facts.data),
        "## Training",
        _table(("figure", "value"), _training(facts)),
        "`repeat/` holds what it takes to train it again with `trl sft`, without kilopair: the pairs too, so it is not pushed to the Hub.",
        "## Results on questions that were not trained on",
        "\n".join(f"- {line}" for line in facts.proof),
        _table(*facts.results) if facts.results else "",
        _results(facts),
        _files(facts),
        "## Limits",
        _limits(facts),
        "## Licence",
        _licence(facts),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _is_embedded(facts: CardFacts) -> bool:
    return facts.base == "embedded"


def _is_named(facts: CardFacts) -> bool:
    """Whether the base is one that can be found at the Hub."""
    return not _is_embedded(facts) and not Path(facts.base).is_absolute() and facts.base.count("/") <= 1


def _metadata(facts: CardFacts) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type="private",
            dataset_config=name,  # or the Hub takes all sets for one
            dataset_name=facts.set_names.get(name, name),
            metric_type=EXACT,
            metric_name="exact match of the greedy answer",
            metric_value=round(facts.evaluation["sets"][name]["overall"]["tuned"][EXACT], 4),
        )
        for name in SETS
        if name in facts.evaluation["sets"]
    ]
    base = facts.base if _is_named(facts) else None
    card = ModelCardData(
        model_name=facts.name,
        language=list(facts.languages) or None,
        license=facts.license,
        library_name="peft" if facts.is_adapter else "transformers",
        pipeline_tag="text-generation",
        tags=["kilopair", "sft", *(["synthetic"] if facts.generated else []), *(["gguf"] if facts.gguf else [])],
        eval_results=results,
        base_model=base,
    )
    if base:
        card["base_model_relation"] = "adapter" if facts.is_adapter else "finetune"  # no field of the library's
    return card.to_yaml() + "\n"


def _summary(facts: CardFacts) -> str:
    base = "a model made from the raw text of the documents alone" if _is_embedded(facts) else f"`{_shown_base(facts)}`"
    return (
        f"Answers questions about the documents of {facts.company}. Made by kilopair: {facts.figures['pairs']:,} pairs of question and"
        f" answer from those documents, on {base} ({facts.figures['parameters']:,} parameters)."
    )


def _shown_base(facts: CardFacts) -> str:
    return facts.base if _is_named(facts) else Path(facts.base).name


def _use(facts: CardFacts) -> str:
    lines = [
        "```python",
        "from transformers import pipeline",
        "",
        'answer = pipeline("text-generation", model=".")  # this folder',
        'asked = [{"role": "user", "content": "..."}]',
        'print(answer(asked, do_sample=False, return_full_text=False, max_new_tokens=256)[0]["generated_text"])',
        "```",
    ]
    if facts.gguf:
        best = max(facts.gguf, key=lambda name: facts.gguf[name]["answers_equal"])
        lines += ["", "With llama.cpp or Ollama:", "", "```sh", f"llama-server -m gguf/{best}"]
        lines += [f"ollama create {facts.name.lower()} -f gguf/Modelfile && ollama run {facts.name.lower()}", "```"]
    return "\n".join(lines)


def _training(facts: CardFacts) -> Iterable[tuple[str, object]]:
    figures = facts.figures
    yield "base", "embedded (made from the documents)" if _is_embedded(facts) else _shown_base(facts)
    yield "method", figures["method"]
    yield "optimizer, peak learning rate", f"{figures['optimizer']}, {figures['learning_rate']:g}"
    share = figures["input_share"]
    yield "passes over the pairs", f"{figures['passes']:g}" + (f"; those with an input in {share:.0%} after the first" if share < 1 else "")
    yield "updates", f"{figures['updates']:,}"
    yield "tokens", f"{figures['tokens']:,}"
    yield "longest row in tokens, rows cut", f"{figures['lengths']['longest']:,}, {figures['lengths']['truncated']}"
    yield "seconds", figures["seconds"]
    yield "relative change of the weights", f"{figures['relative_change']:.3g}"


def _results(facts: CardFacts) -> str:
    rows: list[tuple[object, ...]] = []
    for name in SETS:
        if name in facts.evaluation["sets"]:
            figures = facts.evaluation["sets"][name]
            for model in ("base", "tuned"):
                scores = figures["overall"][model]
                rows.append((facts.set_names.get(name, name), figures["n"], model, *(f"{scores[metric]:.1%}" for metric in _METRICS)))
    return _table(("held-out set", "questions", "model", *_METRICS.values()), rows)


def _files(facts: CardFacts) -> str:
    rows = [
        (
            _named(name, one),
            f"{one['bytes'] / 1e6:,.1f}",
            *(f"{one[part]:.1%}" for part in _PROVED),
            f"{one['right_kept']:,} of {one['right']:,}",
        )
        for name, one in facts.gguf.items()
    ]
    if not rows:
        return ""
    asked = next(iter(facts.gguf.values()))["n"]
    told = f"The GGUF files were loaded in llama.cpp and asked the same {asked:,} questions:"
    return f"{told}\n\n{_table(('file', 'MB', *_PROVED.values(), 'right answers kept'), rows)}"


def _named(name: str, figures: Mapping[str, Any]) -> str:
    return f"`{name}`" + (f" ({len(figures['finer'])} of {figures['matrices']} matrices in a finer form)" if "finer" in figures else "")


def _limits(facts: CardFacts) -> str:
    sets = facts.evaluation["sets"]
    lines = [
        "- It answers from memory and cites nothing. What the documents got wrong, it gets wrong; what changed since, it does not know."
    ]
    if "test" in sets:
        exact = sets["test"]["overall"]["tuned"][EXACT]
        lines.append(
            f"- Of questions on passages that no training pair uses, it answers {exact:.0%} word for word. "
            "It does not say so when it does not know, unless a pair taught it to."
        )
    lines += [f"- {line}" for line in facts.limits]
    lines.append("- It is meant for people who can look the answer up in the document; nothing should be decided by its answer alone.")
    if _is_embedded(facts):
        lines.append("- It has read nothing but these documents: it has no general knowledge and no other language.")
    return "\n".join(lines)


def _licence(facts: CardFacts) -> str:
    said = "is unknown: ask who trained it before you pass it on" if facts.license == "unknown" else f"is {facts.license}"
    base = "" if _is_embedded(facts) else f" The terms of `{_shown_base(facts)}` apply to it."
    return (
        f"The licence of this model {said}.{base} The terms of the source documents apply, and of the models that worded pairs;"
        " kilopair adds none."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
