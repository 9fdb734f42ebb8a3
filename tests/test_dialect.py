"""How requests are put, what a refusal changes, and the probe against endpoints that promise more than they keep."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.llm.calls import (
    BudgetReachedError,
    Message,
    OverloadedError,
    RefusedRequestError,
    Request,
    RequestFailedError,
    ServerFaultError,
    canonical,
)
from generators.llm.dialect import CODE, PARAMETERS, RUNGS, TOKEN_FIELDS, Dialect, is_strict, probe, wire_schema
from schemas.errors import EndpointError

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"format": {"type": "string", "minLength": 2, "pattern": "x"}, "kind": {"const": "a"}},
    "required": ["format", "kind"],
    "additionalProperties": False,
}
MESSAGES = (Message("system", "Be brief."), Message("user", "Grüße \ud83d"))


def request(schema=SCHEMA, **parameters):
    return Request("m", MESSAGES, 99, parameters, canonical(schema) if schema else None)


def sent(dialect, asked=None):
    return json.loads(dialect.body(asked or request(temperature=0.7)))


def refusal(said, *words, status=400):
    return RefusedRequestError("refused", status=status, words=frozenset(words), said=said)


def test_each_rung_holds_the_reply_to_its_schema_in_its_own_way():
    bodies = {rung: sent(Dialect(rung)) for rung in RUNGS}

    wire = {
        "type": "object",
        "properties": {"format": {"type": "string"}, "kind": {"enum": ["a"]}},
        "required": ["format", "kind"],
        "additionalProperties": False,
    }
    plain = {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße ?"}],
        "max_tokens": 99,
        "temperature": 0.7,
    }
    named = {"name": "reply", "strict": True, "schema": wire}
    assert bodies["json_schema"] == plain | {"response_format": {"type": "json_schema", "json_schema": named}}
    assert bodies["tools"].pop("tools")[0]["function"]["parameters"] == wire
    assert bodies["tools"] == plain | {"tool_choice": {"type": "function", "function": {"name": "reply"}}}
    assert bodies["json_object"] == plain | {"response_format": {"type": "json_object"}}
    assert bodies["text"] == plain


def test_a_request_without_a_schema_is_held_to_none():
    assert all("response_format" not in sent(Dialect(rung), request(None)) | sent(Dialect("tools"), request(None)) for rung in RUNGS)


def test_strict_is_promised_only_for_schemas_that_keep_its_rules():
    def strict(schema, dialect=Dialect()):  # noqa: B008 frozen
        return sent(dialect, request(schema))["response_format"]["json_schema"].get("strict", False)

    assert strict(SCHEMA)
    assert not strict(SCHEMA, Dialect(strict=False))
    assert not strict(SCHEMA | {"required": ["format"]})
    assert not strict(SCHEMA | {"properties": {"format": {"type": "object"}, "kind": {"type": "string"}}})
    assert not strict(SCHEMA | {"properties": {"format": {}, "kind": {"type": "string"}}})


def test_properties_may_have_the_names_of_keywords():
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "title": "gone"},
            "properties": {"type": "string"},
            "enum": {"type": "string", "enum": ["pattern"]},
        },
        "required": ["title", "properties", "enum"],
        "additionalProperties": False,
    }

    wire = wire_schema(schema)

    assert list(wire["properties"]) == ["title", "properties", "enum"]
    assert wire["properties"]["title"] == {"type": "string"}
    assert wire["properties"]["enum"]["enum"] == ["pattern"]
    assert is_strict(wire)


def test_parameters_never_change_what_the_dialect_decides():
    body = sent(
        Dialect("text", "max_completion_tokens", frozenset({"seed"})), request(max_tokens=5, stream=True, tools=[1], seed=3, top_p=0.5)
    )

    assert body["max_completion_tokens"] == 99
    assert body["top_p"] == 0.5
    assert not body.keys() & {"max_tokens", "stream", "tools", "seed", "response_format"}


@pytest.mark.parametrize(
    ("said", "words", "expected"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", ("max_tokens", "unsupported_parameter"), {"token_field": "max_completion_tokens", "left_out": {"max_tokens"}}),
        ("Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.", ("temperature", "unsupported_value"), {"left_out": {"temperature"}}),
        ("Extra inputs are not permitted", ("body", "seed", "extra_forbidden"), {"left_out": {"seed"}}),
        ("temperature and top_p are not supported by this model", (), {"left_out": {"temperature", "top_p"}}),
        ("Unrecognized request argument supplied: n", ("n",), {"left_out": {"n"}}),
        ("Invalid schema for response_format 'reply': 'required' is required", ("invalid_json_schema",), {"strict": False}),
        ("response_format.type json_schema is not supported", (), {"rung": "tools"}),
        ("Failed to parse grammar", (), {"rung": "tools"}),
        ("the user said stop", (), None),
        ("your account is unknown", (), None),
    ],
)  # fmt: skip
def test_a_refusal_changes_what_it_is_about(said, words, expected):
    changed = Dialect().without(refusal(said, *words))

    assert changed == (
        None
        if expected is None
        else Dialect(**expected | ({"left_out": frozenset(expected["left_out"])} if "left_out" in expected else {}))
    )


@given(
    words=st.frozensets(st.sampled_from([*PARAMETERS, *TOKEN_FIELDS, "unsupported_parameter", "response_format", "tools", "strict"])),
    said=st.sampled_from(["Unsupported", "unknown field", "invalid schema", "the response_format is wrong", "no", "tool use failed"]),
)
def test_refusals_come_to_an_end(words, said):
    dialect, changes = Dialect(), 0
    while (other := dialect.without(refusal(said, *words))) is not None:
        assert other != dialect
        dialect, changes = other, changes + 1

    assert changes <= 8


@given(
    rung=st.sampled_from(RUNGS),
    token_field=st.sampled_from(TOKEN_FIELDS),
    left_out=st.frozensets(st.sampled_from(sorted(PARAMETERS))),
    strict=st.booleans(),
)
def test_a_dialect_can_be_remembered(rung, token_field, left_out, strict):
    dialect = Dialect(rung, token_field, left_out, strict)

    assert Dialect.from_text(dialect.to_text()) == dialect


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rung":"xml","token_field":"max_tokens","left_out":[],"strict":true}'])
def test_what_is_no_dialect_is_not_taken_for_one(text):
    with pytest.raises(ValueError, match=r"\S"):
        Dialect.from_text(text)


def completion(content: Any = "", finish="stop", **message):
    return json.dumps({"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}).encode()


OBEYED = json.dumps({"code": CODE})
CALLED = completion(None, tool_calls=[{"type": "function", "function": {"name": "reply", "arguments": OBEYED}}])
PROSE = completion("I am fine, thank you.")


def probed(answers, *, wanted="auto", is_openai=False, **parameters):
    """The dialect that a probe finds, and the bodies it sent; `answers` is a function from a body to an answer or an error."""
    bodies = []

    async def ask(asked, dialect):
        body = json.loads(dialect.body(asked))
        bodies.append(body)
        answer = answers(body)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asyncio.run(probe(ask, model="m", wanted=wanted, is_openai=is_openai, parameters=parameters)), bodies


def format_of(body):
    return "tools" if "tools" in body else body.get("response_format", {}).get("type", "text")


@pytest.mark.parametrize(
    ("honoured", "answer", "found", "calls"),
    [
        ("json_schema", completion(OBEYED), "json_schema", 1),
        ("tools", CALLED, "tools", 2),
        ("json_object", completion('{"answer": "JavaScript Object Notation"}'), "json_object", 3),
        ("nothing", PROSE, "text", 3),
    ],
)
def test_the_best_rung_that_is_honoured_is_found_though_all_are_accepted(honoured, answer, found, calls):
    dialect, bodies = probed(lambda body: answer if format_of(body) == honoured else PROSE)

    assert dialect == Dialect(found)
    assert len(bodies) == calls
    assert not any(CODE in json.dumps(body["messages"]) for body in bodies)


@pytest.mark.parametrize(
    "trouble",
    [
        refusal("response_format json_schema is not supported"),
        refusal("no"),
        ServerFaultError("500"),
        RequestFailedError("5 attempts failed"),
        completion("", "length"),
        completion('{"code": "another"}'),
        b"<html>",
        b'{"choices": []}',
    ],
)
def test_a_rung_that_brings_trouble_is_left_for_the_next(trouble):
    dialect, _ = probed(lambda body: CALLED if "tools" in body else trouble)

    assert dialect.rung == "tools"


def test_fields_that_are_refused_are_learned_and_the_rung_is_tried_again():
    def picky(body):
        if "max_tokens" in body:
            return refusal("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens")
        if "temperature" in body:
            return refusal("Unsupported value: 'temperature'", "temperature")
        return completion(OBEYED)

    dialect, bodies = probed(picky, temperature=0.7, top_p=0.9)

    assert dialect == Dialect("json_schema", "max_completion_tokens", frozenset({"max_tokens", "temperature"}))
    assert len(bodies) == 3


def test_what_was_learned_on_a_rung_that_failed_is_kept_on_the_next():
    def picky(body):
        if "seed" in body:
            return refusal("Unsupported parameter: 'seed'", "seed")
        return CALLED if "tools" in body else refusal("json_schema is not supported")

    dialect, bodies = probed(picky, seed=1)

    assert dialect == Dialect("tools", left_out=frozenset({"seed"}))
    assert len(bodies) == 3


def test_prose_with_an_object_in_it_is_no_json_mode():
    dialect, _ = probed(lambda body: completion('JSON is a notation, such as {"a": 1}.'))

    assert dialect.rung == "text"


@pytest.mark.parametrize("start", ["", "<think>Well, ", '{   \n\n   "code": "her', "   \n"])
def test_a_reply_that_was_cut_before_it_could_show_anything_is_asked_for_with_more_room(start):
    dialect, bodies = probed(lambda body: completion(OBEYED) if body["max_tokens"] > 1000 else completion(start, "length"))

    assert dialect == Dialect("json_schema")
    assert [body["max_tokens"] for body in bodies] == [64, 2048]


def test_openai_is_told_the_limit_under_its_newer_name():
    dialect, bodies = probed(
        lambda body: completion(OBEYED) if body["max_completion_tokens"] > 1000 else completion("", "length"), is_openai=True
    )

    assert dialect == Dialect("json_schema", "max_completion_tokens")
    assert [body["max_completion_tokens"] for body in bodies] == [64, 2048]


def test_a_rung_that_is_wanted_is_not_probed():
    dialect, bodies = probed(lambda body: PROSE, wanted="json_object")

    assert dialect == Dialect("json_object")
    assert bodies == []


def test_an_endpoint_that_answers_nothing_ends_the_run():
    with pytest.raises(EndpointError, match=r"answers none of the test requests \(503 busy\)"):
        probed(lambda body: OverloadedError("503 busy", seconds=None))


def test_a_plain_question_decides_when_every_other_was_refused():
    dialect, bodies = probed(lambda body: PROSE if format_of(body) == "text" else refusal("no"))

    assert dialect.rung == "text"
    assert len(bodies) == 4


@pytest.mark.parametrize("error", [BudgetReachedError("the budget is used up"), EndpointError("the key is refused")])
def test_what_concerns_the_run_ends_the_probe(error):
    with pytest.raises(type(error)):
        probed(lambda body: error)
