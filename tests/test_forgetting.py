"""The forgetting probe: what general text costs before and after, which prompts are answered, and what that is worth."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from builder.probes import check_probes, probe_reads, ready
from schemas.errors import InputError, RecipeError
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.training import EvaluateSection
from tests.tiny_models import chat_tokenizer, saved, thinking_tokenizer, tiny_model
from trainer.evaluation.declared import design
from trainer.forgetting import NEVER_KNEW, bits_per_byte, forgetting
from trainer.general import MOST, SAMPLE, Prompt, passages, prompts, shared_runs
from trainer.harness import check_harness, compared, harness, load_tasks
from trainer.loss import row_losses
from trainer.replay import SAMPLE as REPLAYED
from trainer.rows import IGNORED, Row
from trainer.templates import choose_template

DESIGN = Design(resamples=499)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    tokenizer = chat_tokenizer()
    return {
        "base": saved(folder / "base", "llama", tokenizer),
        "tuned": saved(folder / "tuned", "llama", tokenizer, initializer_range=0.3),
    }


@pytest.fixture(scope="module")
def probed(models) -> dict:
    return forgetting(models, passages(), design=DESIGN)


def test_the_sample_is_english_of_many_registers_that_no_training_reads():
    sample, replayed = passages(), [REPLAYED.read_text(encoding="utf-8")]
    texts = [passage.text for passage in sample]
    registers = [passage.register for passage in sample]

    assert 10_000 <= sum(len(text.encode()) for text in texts) <= 30_000
    assert len(set(registers)) >= 8
    assert min(registers.count(register) for register in set(registers)) >= 4
    assert all(150 < len(text) < 500 for text in texts)
    assert shared_runs(texts, replayed) == 0
    assert shared_runs(replayed, replayed) > 2_000
    assert shared_runs(texts, [f"As was said: {texts[4]} And so on."]) >= len(texts[4].split()) - 12
    assert "==" not in "".join(texts[:8])
    assert SAMPLE.read_text(encoding="utf-8").count("\n== ") == len(set(registers)) - 1


def test_the_prompts_have_answers_that_are_right_and_others_that_are_not():
    found = prompts()

    assert 20 <= len(found) <= 40
    assert {prompt.kind for prompt in found} == {"knowledge", "arithmetic", "copying", "instructions"}
    for prompt in found:
        for right in prompt.answers:
            assert prompt.is_right(right)
            assert prompt.is_right(f" {right}.\nIs there anything else?")
        assert not prompt.is_right("")
        assert not prompt.is_right("I cannot help with that.")
        assert not prompt.is_right(prompt.prompt)  # repeating the question is no answer


def test_an_answer_may_stand_in_a_sentence_unless_the_question_holds_it_too():
    capital = Prompt("knowledge", "What is the capital of France?", ("Paris",))
    word = Prompt("copying", "Repeat this word: lantern", ("lantern",))
    loud = Prompt("instructions", "Write cat in capital letters.", ("CAT",))

    assert capital.is_right("The capital of France is Paris, on the Seine.")
    assert not capital.is_right("Comparison\nParis")
    assert word.is_right('"Lantern"')
    assert not word.is_right("The word is lantern")
    assert loud.is_right("CAT")
    assert not loud.is_right("cat")


def test_bits_per_byte_is_the_cost_of_every_token_whatever_the_window():
    tokenizer = chat_tokenizer()
    model, template = tiny_model("llama", tokenizer), choose_template(tokenizer)
    short, long = "Rain fell on the harbour.", "The ferry was late again, and nobody minded. " * 30
    (ids,) = template.encode([short])

    costs = bits_per_byte(model, template, [short, long])

    row = Row([tokenizer.eos_token_id, *ids], [IGNORED, *ids])
    assert costs[0] == pytest.approx(row_losses(model, [row])[0] / torch.log(torch.tensor(2.0)).item() / len(short.encode()), rel=1e-3)
    assert len(template.encode([long])[0]) > 256  # more than the model reads at once
    assert 0 < costs[1] < 20


def test_a_model_that_moved_costs_more_on_every_register_and_is_said_to(models, probed):
    text, told = probed["text"], probed["sentence"]

    assert text["tuned"] > text["base"] + 0.5
    assert text["comparison"]["verdict"] == "worse"
    assert text["comparison"]["n"] == text["passages"] == len(passages())
    assert all(figures["tuned"] > figures["base"] for figures in text["registers"].values())
    assert sum(figures["passages"] for figures in text["registers"].values()) == text["passages"]
    assert told.startswith(f"general text costs {text['tuned'] - text['base']:.2f} bits a byte more than before (")
    assert "neither answers any of 32 general prompts right" in told
    assert {row["kind"] for row in probed["prompts"]["rows"]} == set(probed["prompts"]["kinds"])
    assert all(set(row["answers"]) == set(row["right"]) == {"base", "tuned"} for row in probed["prompts"]["rows"])
    assert json.loads(json.dumps(probed)) == probed


def test_a_model_against_itself_has_forgotten_nothing(models):
    found = forgetting({"base": models["base"], "tuned": models["base"]}, passages()[:12], design=DESIGN)

    assert found["text"]["base"] == found["text"]["tuned"]
    assert found["text"]["comparison"]["verdict"] == "same"
    assert "costs the same as before within 0.05 bits a byte" in found["sentence"]
    assert (found["prompts"]["lost"], found["prompts"]["gained"]) == (0, 0)


def test_what_an_embedded_base_never_knew_is_not_called_forgotten_and_text_that_was_read_is_named(models):
    sample = passages()[:8]

    found = forgetting(models, sample, design=DESIGN, knew=False, read=[sample[2].text])

    assert found["sentence"].startswith(NEVER_KNEW)
    assert found["shared_runs"] > 20
    assert "were in train.replay_text as well" in found["sentence"]


def test_a_template_with_thinking_and_a_short_context_are_no_obstacle(tmp_path):
    tokenizer = thinking_tokenizer()
    narrow = {name: saved(tmp_path / name, "qwen3", tokenizer, max_position_embeddings=64) for name in ("base", "tuned")}

    found = forgetting(narrow, passages()[:4], design=DESIGN)

    assert found["prompts"]["n"] == 32  # questions too long for it count as wrong for both
    assert found["text"]["base"] > 0


@given(st.lists(st.text("ab. \n", min_size=1, max_size=40), min_size=2, max_size=6))
def test_every_paragraph_of_a_text_of_ones_own_is_a_passage(tmp_path_factory, paragraphs):
    path = tmp_path_factory.mktemp("own") / "ours.txt"
    kept = [part.strip() for part in paragraphs if part.strip() and "\n" not in part.strip()]
    path.write_text("\n\n".join(kept))

    if len(kept) < 2:
        with pytest.raises(InputError, match="fewer than two passages"):
            passages(path)
    else:
        assert [(passage.register, passage.text) for passage in passages(path)] == [("ours", text) for text in kept]


def test_a_folder_is_read_by_file_and_a_long_text_evenly(tmp_path):
    (tmp_path / "law.md").write_text("\n\n".join(f"Article {number}." for number in range(3 * MOST)))
    (tmp_path / "mail.txt").write_text("Hello\n=====\n\nto you.\n\n== replies ==\n\nHello back.")

    found = passages(tmp_path)

    assert len(found) == MOST
    assert [passage.register for passage in passages(tmp_path / "mail.txt")] == ["mail", "mail", "replies"]
    for wrong in (tmp_path / "none.txt", tmp_path / "empty.txt"):
        (tmp_path / "empty.txt").write_text("One passage.")
        with pytest.raises(InputError, match=r"evaluate.general_text: .*(cannot be read|fewer than two)"):
            passages(wrong)


class _Step:
    def __init__(self, root: Path, **evaluate):
        self.recipe, self.root = Recipe.model_validate({"evaluate": evaluate}), root


def test_the_evaluate_step_probes_with_the_text_of_the_recipe_and_reads_its_content(tmp_path, models):
    (tmp_path / "ours.txt").write_text("We met at noon.\n\nIt was cold.\n\nNobody came.")
    step = _Step(tmp_path, general_text="ours.txt")
    reads = probe_reads(step.recipe, tmp_path)

    found = ready(step)(models)["forgetting"]

    assert found["text"]["passages"] == 3
    assert not found["knew_general_text"]
    (tmp_path / "ours.txt").write_text("We met at one.\n\nIt was cold.")
    assert probe_reads(step.recipe, tmp_path) != reads
    assert ready(_Step(tmp_path, forgetting=False))(models) == {}
    assert design(EvaluateSection()) == Design()


def test_tasks_that_cannot_be_asked_are_refused_before_the_run(tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"evaluate.harness_tasks: no such folder|evaluate.harness: needs the package lm_eval"):
        check_probes(Recipe.model_validate({"evaluate": {"harness": ["arc_easy"], "harness_tasks": "nowhere"}}), tmp_path)
    check_probes(Recipe(), tmp_path)
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(RecipeError, match=r"pip install 'kilopair\[harness\]'"):
        check_harness(None)


@pytest.fixture
def tasks(tmp_path) -> Path:
    """Two small tasks with their data, as a user would put them beside the recipe."""
    pytest.importorskip("lm_eval", reason="lm_eval (the extra harness) is not installed")
    rows = [
        {"question": f"Which tool is number {place}?", "choices": [tool, "none"], "answer": 0}
        for place, tool in enumerate(("saw", "axe", "rake", "hoe"))
    ]
    (tmp_path / "tools.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shared = "dataset_path: json\ndataset_kwargs: {data_files: {test: tools.jsonl}}\ntest_split: test\ndoc_to_text: '{{question}}'\n"
    choice = "output_type: multiple_choice\ndoc_to_choice: '{{choices}}'\ndoc_to_target: '{{answer}}'\nmetric_list: [{metric: acc}]\n"
    said = "output_type: generate_until\ndoc_to_target: '{{choices[answer]}}'\ngeneration_kwargs: {until: ['.'], max_gen_toks: 4}\n"
    (tmp_path / "choose.yaml").write_text(f"task: choose_tool\n{shared}{choice}")
    (tmp_path / "say.yaml").write_text(f"task: say_tool\n{shared}{said}metric_list: [{{metric: exact_match}}]\n")
    return tmp_path


def test_tasks_of_lm_evaluation_harness_are_asked_of_both_models_from_local_files(tasks, models):
    step = _Step(tasks, harness=("choose_tool", "say_tool"), harness_tasks=".", forgetting=False)

    found = ready(step)(models)["harness"]

    assert set(found["tasks"]) == {"choose_tool", "say_tool"}
    assert found["tasks"]["choose_tool"]["n"] == 4
    assert set(found["tasks"]["choose_tool"]["metrics"]["acc"]) == {"base", "tuned"}
    (compared,) = found["tasks"]["say_tool"]["comparisons"]
    assert (compared["metric"], compared["n"], compared["verdict"]) == ("exact_match", 4, compared["verdict"])
    assert found["package"].startswith("lm_eval ")


@pytest.mark.slow
def test_both_models_are_asked_with_the_same_examples_before_a_question(tasks, models):
    shown = (tasks / "choose.yaml").read_text().replace("choose_tool", "shown_tool")
    (tasks / "shown.yaml").write_text(f"{shown}fewshot_split: test\nnum_fewshot: 2\n")
    loaded = load_tasks(["shown_tool"], tasks)

    asked = []
    for name, folder in models.items():
        harness({name: folder}, loaded, design=DESIGN)
        asked.append([instance.args for instance in loaded["tasks"]["shown_tool"].instances])

    assert asked[0] == asked[1]
    assert asked[0][0][0].count("Which tool") == 3


@pytest.mark.slow
def test_a_task_that_nobody_knows_is_named(tasks):
    with pytest.raises(RecipeError, match=r"no task is called nope; evaluate\.harness_tasks has choose_tool, say_tool"):
        load_tasks(["nope"], tasks)


def test_a_task_that_would_have_to_be_downloaded_says_what_to_do(tasks):
    (tasks / "far.yaml").write_text("task: far\ndataset_path: some/where\ntest_split: test\ndoc_to_text: x\ndoc_to_target: y\n")

    with pytest.raises(RecipeError, match=r"far: cannot be loaded without a download .*dataset_path: json"):
        load_tasks(["far"], tasks)


def test_of_what_lm_eval_gives_all_comparisons_are_one_family_and_an_error_rate_that_grew_is_not_called_better():
    def given(right, wrong):
        rows = [{"doc_id": number, "metrics": ["acc", "wer"], "acc": right, "wer": wrong} for number in range(20)]
        return {
            "results": {task: {"acc,none": right, "wer,none": wrong} for task in ("one", "two")},
            "higher_is_better": {task: {"acc": True, "wer": False} for task in ("one", "two")},
            "samples": {"one": rows, "two": rows},
        }

    found = compared({"base": given(0.0, 0.2), "tuned": given(1.0, 0.9)}, Design(resamples=99))

    assert [(one["metric"], one["family"]) for task in found["tasks"].values() for one in task["comparisons"]] == [("acc", 2)] * 2
    assert found["tasks"]["one"]["metrics"]["wer"] == {"base": 0.2, "tuned": 0.9}
    assert found["tasks"]["two"]["n"] == 20


def test_an_answer_that_is_read_in_two_ways_is_compared_in_both():
    def given(strict, lenient):
        scores = {"strict-match": strict, "flexible-extract": lenient}
        return {
            "results": {"sums": {f"exact_match,{name}": score for name, score in scores.items()}},
            "higher_is_better": {"sums": {"exact_match": True}},
            "samples": {
                "sums": [
                    {"doc_id": number, "filter": name, "metrics": ["exact_match"], "exact_match": score}
                    for name, score in scores.items()
                    for number in range(20)
                ]
            },
        }

    found = compared({"base": given(0.0, 1.0), "tuned": given(1.0, 1.0)}, Design(resamples=99))["tasks"]["sums"]

    assert {one["metric"]: one["difference"] for one in found["comparisons"]} == {
        "exact_match,strict-match": 1.0,
        "exact_match,flexible-extract": 0.0,
    }
    assert {*found["metrics"]} == {one["metric"] for one in found["comparisons"]}
    assert found["n"] == 20
