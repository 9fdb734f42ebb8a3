from pathlib import Path
from typing import Any

import pytest

from builder.ask import accepting, plan_of, reads, style_of, target
from schemas.errors import RecipeError
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Draft, Grounding, Provenance

TEXT = "Annual leave is 25 days a year. Unused days expire in March."
DOCUMENT = Document.of(path="a.md", title="a", format="markdown", text=TEXT, raw=TEXT.encode())
CHUNK = Chunk.of(DOCUMENT, 0, len(TEXT), (), 10)


def recipe(**sections):
    generate = {"generator": "openai", "tasks": ["question_answering"], **sections.pop("generate", {})}
    return Recipe.model_validate({"generate": generate, **sections})


def draft(instruction, *, task="question_answering", quote="Annual leave is 25 days a year.", grounding: Grounding = "quoted"):
    return Draft.of(
        task=task, instruction=instruction, output="25 days a year.", quotes=(quote,) if quote else (), group="g", form="f", grounding=grounding,
        provenance=Provenance(document_id=DOCUMENT.id, chunk_id=CHUNK.id, generator="openai"),
    )  # fmt: skip


def accept(**sections):
    return accepting(recipe(**sections), Path(), documents=[DOCUMENT], chunks=[CHUNK])


def test_a_draft_is_accepted_once_if_it_makes_a_pair():
    accepted = accept()

    assert accepted(draft("How many days of annual leave do I get?"))
    assert not accepted(draft("how many days of annual leave do I get"))
    assert not accepted(draft("How long is parental leave?", quote="Parental leave is 20 weeks."))
    assert not accepted(draft("How many days does the passage above give me?"))
    assert accepted(draft("When do unused days of leave expire?"))


def test_a_draft_that_was_refused_does_not_stand_in_the_way_of_a_good_one():
    accepted = accept()

    assert not accepted(draft("When do unused days expire?", quote="They expire in May."))
    assert accepted(draft("When do unused days expire?", quote="Unused days expire in March."))


def test_self_instruct_takes_only_questions_unlike_all_accepted_ones():
    accepted = accept(generate={"tasks": ["self_instruct", "question_answering"]})
    free = {"task": "self_instruct", "quote": "", "grounding": "none"}
    free: dict[str, Any] = {"task": "self_instruct", "quote": "", "grounding": "none"}
    assert accepted(draft("Write a short poem about the sea and its storms"))
    assert not accepted(draft("Write a short poem about the sea and its waves", **free))
    assert accepted(draft("Sort these five numbers from small to large", **free))
    assert not accepted(draft("Sort these five numbers from large to small", **free))


def test_what_cannot_change_the_drafts_does_not_make_the_stage_again(tmp_path):
    plain = reads(recipe(), tmp_path)
    elsewhere = {
        "base_url": "http://127.0.0.1:9/v1",
        "concurrency": 3,
        "requests_per_minute": 5,
        "api_key_env": "OTHER",
        "structured": "text",
        "attempts": 9,
    }

    assert reads(recipe(endpoint=elsewhere), tmp_path) == plain


@pytest.mark.parametrize(
    "sections",
    [
        {"endpoint": {"model": "other"}},
        {"endpoint": {"temperature": 0.1}},
        {"endpoint": {"parameters": {"top_p": 0.5}}},
        {"budget": {"max_calls": 5}},
        {"generate": {"items_per_request": 2}},
        {"generate": {"tasks": {"question_answering": 3.0}}},
        {"curate": {"target": 10}},
        {"curate": {"max_words": 10}},
    ],
)
def test_what_decides_the_drafts_makes_the_stage_again(sections, tmp_path):
    assert reads(recipe(**sections), tmp_path) != reads(recipe(), tmp_path)


def test_the_content_of_files_decides_and_a_missing_one_is_named(tmp_path):
    seeds = tmp_path / "seeds.jsonl"
    with_seeds = recipe(generate={"seeds": "seeds.jsonl"})

    with pytest.raises(RecipeError, match=r"generate\.seeds: .*seeds\.jsonl: no such file"):
        reads(with_seeds, tmp_path)
    seeds.write_text('{"instruction": "a", "output": "b"}\n')
    one = reads(with_seeds, tmp_path)
    seeds.write_text('{"instruction": "a", "output": "c"}\n')
    assert one != reads(with_seeds, tmp_path)
    assert [seed.output for seed in plan_of(with_seeds, tmp_path).seeds] == ["c"]


def test_four_drafts_are_wanted_for_each_pair_unless_the_recipe_says_otherwise():
    assert target(recipe(curate={"target": 50})) == 200
    assert target(recipe(generate={"target": 7})) == 7


def test_the_local_generator_is_asked_by_the_name_that_its_server_has(tmp_path):
    local = recipe(generate={"generator": "local"}, endpoint={"model_file": "models/small.gguf"})

    assert style_of(local, tmp_path).model == "small"
    assert style_of(recipe(endpoint={"model": "big"}), tmp_path).model == "big"
