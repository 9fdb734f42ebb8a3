"""Base, base with help, and tuned on held-out questions: who is asked what, what is declared, and what a broken run is called."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from builder.declared import DECLARED, declare, notice
from builder.held_out_material import material_of, values
from builder.split import prove, split
from schemas.errors import InputError, KilopairError
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.records import Document, Pair
from schemas.training import EvaluateSection, TrainSection
from tests.tiny_models import TEXTS, UNSEEN_WORDING, WORDINGS, a_pair, chat_tokenizer, facts, ignore, plain_tokenizer, saved, tiny_model
from trainer.evaluate import evaluate
from trainer.evaluation.declared import declared, family
from trainer.evaluation.groups import words_of
from trainer.evaluation.material import Material, Passage
from trainer.evaluation.proof import verdict
from trainer.generate import generate
from trainer.kept_states import Beginning
from trainer.loss import row_losses
from trainer.recall import recall
from trainer.rows import Row
from trainer.statistics.compare import compare
from trainer.templates import choose_template

SECTION = EvaluateSection(resamples=199, shots=2)


def surrounded(pairs: list[Pair]) -> Material:
    """Examples of another kind, and for every pair the passage that its response stands in."""
    train = [a_pair(f"Where is hall {number}?", f"In yard {number}.", group=f"hall {number}") for number in range(9)]
    train = [pair.model_copy(update={"provenance": pair.provenance.model_copy(update={"chunk_id": pair.group})}) for pair in train]
    return Material(train=train, values=values, passages={pair.id: Passage(f"Listen. {pair.output} That is all.") for pair in pairs})


@pytest.fixture(scope="module")
def knows(tmp_path_factory):
    """A model that knows the facts, as a base that another training may spoil."""
    from trainer.base import make_base
    from trainer.sft import train

    folder = tmp_path_factory.mktemp("knows")
    from schemas.training import BaseSection

    make_base(
        TEXTS,
        section=BaseSection(vocabulary=400, width=64, layers=2, heads=2, context=256, tokens=4000, block=64),
        seed=0,
        folder=folder / "base",
        progress=ignore,
    )
    train(
        facts(),
        [],
        TEXTS,
        base=str(folder / "base"),
        section=TrainSection(tokens=60_000, batch_tokens=512),
        seed=0,
        folder=folder / "model",
        progress=ignore,
    )
    return folder / "model"


@pytest.mark.slow
def test_a_training_on_shuffled_answers_is_called_worse(knows, tmp_path):
    from trainer.sft import train

    right, outputs = facts(), [pair.output for pair in facts()]
    wrong = [pair.model_copy(update={"output": outputs[(place + 12) % len(outputs)]}) for place, pair in enumerate(right)]
    train(
        wrong,
        [],
        TEXTS,
        base=str(knows),
        section=TrainSection(tokens=15_000, batch_tokens=512),
        seed=0,
        folder=tmp_path / "broken",
        progress=ignore,
    )
    held = [*facts(), *facts((UNSEEN_WORDING,))]

    found, rows = evaluate(
        {"test": held},
        models={"base": knows, "tuned": tmp_path / "broken"},
        section=SECTION.model_copy(update={"metric": "figures_right", "systems": ()}),
        progress=ignore,
        material=surrounded(held),
    )

    assert found["verdict"]["verdict"] == "worse"
    assert "tuned is worse than base" in found["verdict"]["sentence"]
    assert [one["verdict"] for one in found["comparisons"]] == ["worse", "worse"]  # by figures and by loss
    assert len(rows) == len(held)


@pytest.mark.slow
def test_help_in_the_prompt_makes_further_systems_on_the_same_questions(knows):
    held, told = facts(WORDINGS[:1])[:6], []

    found, rows = evaluate(
        {"paraphrase_seen": held[:3], "test": held[3:]},
        models={"base": knows, "tuned": knows},
        section=SECTION,
        progress=lambda done, total, _: told.append((done, total)),
        unions={"paraphrase": ("paraphrase_seen",)},
        material=replace(surrounded(held), words=words_of(" ".join(pair.instruction for pair in held[:2]))),
    )

    assert {name: view["n"] for name, view in found["groups"].items()} == {"new_words": 1}  # the third tool's name
    assert list(found["systems"]) == list(rows[0]["answers"]) == ["base", "few_shot", "with_passage", "tuned"]
    assert found["systems"]["few_shot"]["shots"] == 2
    assert found["systems"]["with_passage"]["passages"] == 6
    assert told[-1] == (24, 24)
    assert all(row["answers"]["base"] == row["answers"]["tuned"] for row in rows)
    assert {one["system"] for one in found["estimates"]} == set(found["systems"])
    assert {(one["set"], one["first"]) for one in found["comparisons"]} >= {("paraphrase", "few_shot"), ("test", "with_passage")}
    same = [one for one in found["comparisons"] if one["first"] == "base"]
    assert {one["difference"] for one in same} == {0.0}
    assert not {one["verdict"] for one in same} & {"better", "worse"}
    assert found["noise_floor"]["changed"] == 0
    assert found["declared"]["family"][0] == "tuned against base on paraphrase in token_f1"


def test_the_words_that_training_read_are_those_of_its_pairs_and_of_the_documents(tmp_path):
    document = Document.of(path="a.md", title="", format="markdown", text="# Sea\nSalt.", raw=b"")
    step: Any = SimpleNamespace(
        recipe=Recipe(), root=tmp_path, chunks=list, documents=lambda: [document], work=SimpleNamespace(folder=tmp_path)
    )
    asked = [a_pair("Who dives?", "Ann.", input="Divers").model_copy(update={"split": split}) for split in ("train", "paraphrase")]
    asked[1] = asked[1].model_copy(update={"instruction": "Who snorkels?"})

    assert material_of(step, asked).words == {"sea", "salt", "who", "dives", "ann", "divers"}


def test_help_that_does_not_fit_is_left_out_and_said(tmp_path):
    base = saved(tmp_path, "llama", chat_tokenizer(), max_position_embeddings=36)
    held = facts()[:4]
    long = Material(train=surrounded(held).train)

    found, rows = evaluate(
        {"test": held},
        models={"base": base, "tuned": base},
        section=SECTION.model_copy(update={"max_new_tokens": 4, "family": ("tuned against few_shot on test",)}),
        progress=ignore,
        material=long,
    )

    assert list(rows[0]["answers"]) == ["base", "tuned"]
    told = " ".join(found["notices"])
    assert "few_shot is left out" in told
    assert "with_passage is left out" in told
    assert "evaluate.family: tuned against few_shot on test in token_f1: left out" in told
    assert found["comparisons"] == []


def test_a_question_longer_than_the_context_is_left_out_and_named_and_the_others_are_asked(tmp_path):
    base = saved(tmp_path, "llama", chat_tokenizer(), max_position_embeddings=128)
    held = [pair.model_copy(update={"input": "Listen to this. " * 80}) if not number else pair for number, pair in enumerate(facts()[:5])]

    found, rows = evaluate({"test": held}, models={"base": base, "tuned": base}, section=SECTION, progress=ignore, material=Material())

    assert [row["pair_id"] for row in rows] == [pair.id for pair in held[1:]]
    assert found["sets"]["test"]["n"] == 4
    assert "1 of 5 held-out questions are not asked" in found["notices"][-1] + found["notices"][0]
    assert held[0].id in " ".join(found["notices"])
    assert [one.right for one in recall(base, held[:1])] == [False]
    with pytest.raises(InputError, match="there is nothing to evaluate: 1 of 1"):
        evaluate({"test": held[:1]}, models={"base": base}, section=SECTION, progress=ignore)


def test_a_base_that_is_asked_in_a_strange_template_is_told(tmp_path):
    base = saved(tmp_path / "base", "llama", chat_tokenizer())
    tuned = saved(tmp_path / "tuned", "llama", choose_template(chat_tokenizer(), "plain").tokenizer)
    section = SECTION.model_copy(update={"max_new_tokens": 4, "systems": ()})

    strange, own = (
        evaluate({"test": facts()[:2]}, models={"base": base, "tuned": last}, section=section, progress=ignore, material=Material())[0]
        for last in (tuned, base)
    )

    assert "the base has a chat template of its own, but is asked by the one of the training (plain)" in " ".join(strange["notices"])
    assert "template" not in " ".join(own["notices"])


def test_a_single_model_is_scored_by_every_metric_and_nothing_is_compared(tmp_path):
    base = saved(tmp_path, "llama", chat_tokenizer())

    found, rows = evaluate(
        {"asked": facts()[:3]}, models={"tuned": base}, section=SECTION, progress=ignore, material=Material(values=values)
    )

    assert all("figures_right" in row["scores"]["tuned"] for row in rows)  # what kilopair prove may judge by
    assert "comparisons" not in found


def test_the_verdict_is_about_tuned_against_base_or_there_is_none():
    def compared(first, second):
        return compare([0.0] * 20, [1.0] * 20, design=Design(resamples=99), of=("token_f1", "test", first, second))

    assert verdict([compared("base", "few_shot"), compared("few_shot", "tuned")], "token_f1") == {}
    assert "tuned is better than base" in verdict([compared("few_shot", "tuned"), compared("base", "tuned")], "token_f1")["sentence"]


def test_a_pair_in_two_sets_is_refused(tmp_path):
    held = facts()[:2]
    base = saved(tmp_path, "llama", chat_tokenizer())

    with pytest.raises(InputError, match=f"2 held-out pairs are in two sets .{held[0].id}"):
        evaluate({"test": held, "paraphrase_seen": held}, models={"base": base}, section=SECTION, progress=ignore)


def test_the_family_is_that_of_the_recipe_or_the_tuned_model_against_all_others():
    own = SECTION.model_copy(update={"family": ("few_shot against base on test in exact_match", "tuned against base on test")})
    systems, sets = ["base", "few_shot", "tuned"], ["paraphrase_seen", "test", "paraphrase"]

    assert list(map(str, family(own, systems, sets))) == [
        "few_shot against base on test in exact_match", "tuned against base on test in token_f1",
    ]  # fmt: skip
    assert len(family(SECTION, systems, sets)) == 2 * 2 + 2
    for wrong in ("tuned > base", "tuned against bose on test", "tuned against base on test in length_ratio"):
        with pytest.raises(ValueError, match="tuned against base on test"):
            EvaluateSection(family=(wrong,))  # pyright: ignore[reportArgumentType]


def test_what_is_declared_is_noted_before_the_first_look_and_a_change_is_told(tmp_path: Path):
    first = declared(SECTION, family(SECTION, ["base", "tuned"], ["test"]))
    later = declared(SECTION.model_copy(update={"metric": "exact_match"}), [])

    seen, again, changed = declare(tmp_path, first), declare(tmp_path, first), declare(tmp_path, later)

    assert seen["changed_after_first_look"] == again["changed_after_first_look"] == []
    assert notice(again) == []
    assert changed["changed_after_first_look"] == ["family", "metric"]
    assert "family, metric changed after the held-out questions were first answered" in notice(changed)[0]
    assert seen["hash"] != changed["hash"]
    noted = json.loads((tmp_path / DECLARED).read_text())
    assert (noted["looks"], noted["first_look"], noted["declared"]["hash"]) == (3, seen["first_look"], first["hash"])


def test_a_leak_that_was_planted_in_a_split_is_caught_and_named():
    pairs = [
        a_pair(f"{word} of the {tool}?", f"{tool} {number}", group=f"{tool}{number}").model_copy(
            update={
                "evidence": (),
                "grounding": "none",
                "provenance": pairs_of.model_copy(update={"chunk_id": f"{tool}{number}", "document_id": tool}),
            }
        )
        for pairs_of in [facts()[0].provenance]
        for number, word in enumerate(("Age", "Cost", "Weight", "Height"))
        for tool in ("lathe", "drill", "welder", "press")
    ]
    divided = list(split(pairs, test=0.3, validation=0.1, paraphrase=0, unseen_forms=0, seed=1))
    prove(divided)
    held = next(pair for pair in divided if pair.split == "test")
    planted = held.model_copy(update={"id": "pair-copied", "split": "train"})

    with pytest.raises(KilopairError, match=f"test questions elsewhere: 1 .{held.id}.") as caught:
        prove([*divided, planted])
    assert "test facts elsewhere" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["llama", "gpt_neox", "gemma2"])
def test_what_all_prompts_begin_with_is_read_once_and_changes_no_answer(kind: str):
    model = tiny_model(kind, plain_tokenizer(), initializer_range=0.5)
    shared = [7 + number % 90 for number in range(140)]
    prompts = [[*shared, 5 + number, *range(20, 20 + 3 * number)] for number in range(5)]
    rows = [Row([*prompt, 9, 11], [-100] * len(prompt) + [9, 11]) for prompt in prompts]

    together = generate(model, prompts, ends=frozenset({3}), max_new_tokens=8)  # pyright: ignore[reportArgumentType]
    alone = [generate(model, [prompt], ends=frozenset({3}), max_new_tokens=8)[0] for prompt in prompts]  # pyright: ignore[reportArgumentType]

    assert together == alone
    assert row_losses(model, rows) == pytest.approx([row_losses(model, [row])[0] for row in rows], rel=1e-4)
    with torch.inference_mode():
        tokens = Beginning(model, prompts, least=100).tokens
    assert tokens == ([] if kind == "gemma2" else shared)  # its layers look at a window
