"""The JSON Schema files are those of the models, and every problem is one plain line."""

import json
import time

import jsonschema
import pydantic
import pytest

from schemas.checks import FOLDER, MODELS, check, check_extra, explain, json_schema, user_schema, write_schemas
from schemas.errors import RecipeError
from schemas.records import Document, Draft, Dropped, Evidence, Pair, Provenance, Reason

PAIR = Pair(
    id="pair-1",
    task="question_answering",
    instruction="What is it?",
    output="It is so.",
    evidence=(Evidence(document_id="doc", start=0, end=2, quote="it"),),
    provenance=Provenance(document_id="doc", chunk_id="chunk", generator="test"),
    group="g",
    form="plain",
)


def record(**changes):
    return PAIR.model_dump(mode="json") | changes


@pytest.mark.parametrize("name", MODELS)
def test_the_checked_in_schema_is_current(name, tmp_path):
    write_schemas(tmp_path)

    current = (tmp_path / f"{name.lower()}.schema.json").read_text(encoding="utf-8")

    assert (FOLDER / f"{name.lower()}.schema.json").read_text(encoding="utf-8") == current, "run python -m schemas.checks"


@pytest.mark.parametrize("name", MODELS)
def test_every_schema_is_a_valid_one_of_2020_12(name):
    jsonschema.Draft202012Validator.check_schema(json_schema(MODELS[name]))


def test_no_file_is_left_of_a_model_that_is_gone():
    assert {path.name for path in FOLDER.iterdir()} == {f"{name.lower()}.schema.json" for name in MODELS}


def test_what_the_models_write_passes():
    document = Document.of(path="a.md", title="A", format="md", text="it is", raw=b"it is", metadata={"tags": ["x", 1, None]})
    draft = Draft.of(task="t", instruction="i", output="o", quotes=("it",), group="g", form="f", provenance=PAIR.provenance)
    dropped = Dropped.of(draft, "validate", Reason.BLANK)

    assert check(PAIR.model_dump(mode="json"), "Pair") is None
    assert check(document.model_dump(mode="json"), "Document") is None
    assert check(draft.model_dump(mode="json"), "Draft") is None
    assert check(dropped.model_dump(mode="json"), "Dropped") is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"instruction": ""}, "instruction: must not be empty"),
        ({"instruction": 7}, "instruction: must be text, not a whole number"),
        ({"colour": "red"}, "the record: colour is not a known field"),
        ({"status": "fine"}, 'status: must be "valid" or "selected", is "fine"'),
        ({"evidence": []}, "evidence: must not be empty"),
        ({"evidence": [], "grounding": "quoted"}, "evidence: must not be empty"),
        ({"evidence": [], "grounding": "absent"}, None),
        ({"evidence": [{"document_id": "d", "start": -1, "end": 1, "quote": "a"}]}, "evidence.0.start: must be at least 0, is -1"),
        ({"provenance": {"document_id": "d"}}, "provenance: chunk_id, generator is missing"),
        ({"scores": {"sibling": "many"}}, "scores.sibling: must be a number, not text"),
    ],
)
def test_a_problem_is_one_plain_line_that_names_the_field(changes, problem):
    assert check(record(**changes), "Pair") == problem


def test_a_missing_field_is_named():
    incomplete = {name: value for name, value in record().items() if name != "output"}

    assert check(incomplete, "Pair") == "the record: output is missing"


def test_a_pydantic_error_becomes_one_line():
    with pytest.raises(pydantic.ValidationError) as caught:
        Pair.model_validate(record(colour="red", evidence=[{"document_id": "d", "start": 0, "end": 5, "quote": "a"}]))

    assert explain(caught.value) == "evidence.0: the span and the quote differ in length (and 1 more)"


def test_a_json_schema_error_becomes_one_line():
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate({"tone": "x" * 500}, {"properties": {"tone": {"maxLength": 3}}})

    assert explain(caught.value) == "tone: must have at most 3 characters, has 500"


def write(path, schema):
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    return path


def test_a_users_schema_is_applied_to_extra(tmp_path):
    levels = {"enum": ["easy", "hard"]}
    properties = {"level": {"$ref": "#/$defs/level"}, "since": {"type": "string", "format": "date"}}
    schema = user_schema(write(tmp_path / "s.json", {"properties": properties, "required": ["level"], "$defs": {"level": levels}}))

    assert check_extra({"level": "easy", "since": "2026-01-31"}, schema) is None
    assert check_extra({"level": "odd"}, schema) == 'extra.level: must be "easy" or "hard", is "odd"'
    assert check_extra({"level": "easy", "since": "soon"}, schema) == 'extra.since: must be written as date, is "soon"'
    assert check_extra({}, schema) == "extra: level is missing"


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "objekt"}, "not a valid JSON Schema: type"),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, "refers to #/$defs/missing"),
        ({"properties": {"a": {"$ref": "https://example.com/other.json"}}}, "refers to https://example.com/other.json"),
        ("[1]", "a JSON Schema is an object in braces, not a list"),
        ('{"type": }', ":1: not valid JSON"),
    ],
)
def test_an_unusable_schema_is_refused_before_anything_is_generated(tmp_path, schema, problem):
    with pytest.raises(RecipeError) as caught:
        user_schema(write(tmp_path / "s.json", schema))

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_schema_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"gone\.json: no such file"):
        user_schema(tmp_path / "gone.json")


def test_a_reference_inside_a_part_with_its_own_id_is_followed(tmp_path):
    inner = {"$id": "https://example.com/inner", "$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}
    schema = user_schema(write(tmp_path / "s.json", {"properties": {"a": {"$ref": "https://example.com/inner"}, "b": inner}}))

    assert check_extra({"a": 1, "b": 2}, schema) is None
    assert check_extra({"b": "x"}, schema) == "extra.b: must be a whole number, not text"


def test_a_thousand_records_are_checked_in_a_second():
    dumped = record()
    check(dumped, "Pair")
    start = time.process_time()

    problems = [check(dumped, "Pair") for _ in range(1000)]

    assert time.process_time() - start < 1.0
    assert not any(problems)
