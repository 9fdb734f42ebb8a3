"""From the bytes of a response to the items in it, whatever servers and models do to them."""

import contextlib
import json
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generators.alpaca.asks import Material
from generators.alpaca.replies import read_items
from generators.llm.answers import Usage, completion_problem, read_answer, read_json, served_model, usage
from schemas.records import Reason


def completion(content: Any = "Hello.", finish: Any = "stop", **message):
    return json.dumps({"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}).encode()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", r"not JSON \(0 bytes"),
        (b" \n ", "not JSON"),
        (b'{"choices": [{"mess', "not JSON"),
        (b"<html>Please log in</html>", "beginning '<html>Please log in"),
        (b"data: {}\n\n", "not JSON"),
        (b"null", "not JSON"),
        (b"[]", "no chat completion"),
        (b'"Hello"', "no chat completion"),
        (b'{"choices": null}', "no chat completion"),
        (b"{}", "no chat completion"),
        (b'{"error": {"message": "out of\\n memory"}}', "is an error: out of memory$"),
        (b'{"error": "down"}', "is an error: down$"),
        (b'{"choices": [null]}', "no message"),
        (b'{"choices": [{"message": null}]}', "no message"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_completion_is_told_in_words(raw, problem):
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(completion_problem(raw))

    assert read_answer(raw).reason is Reason.BAD_REPLY


@pytest.mark.parametrize(
    ("raw", "text", "reason"),
    [
        (completion(), "Hello.", None),
        (completion(finish=None), "Hello.", None),
        (completion(finish="eos"), "Hello.", None),
        (completion(finish=7), "Hello.", None),
        (completion([{"type": "text", "text": "Hel"}, "l", {"text": None}, {"text": "o."}, 3]), "Hello.", None),
        (completion("Thinking.", tool_calls=[{"function": {"name": "reply", "arguments": "{}"}}]), "{}", None),
        (completion(None, tool_calls=[{"function": {"name": "other", "arguments": {"a": "é"}}}]), '{"a": "é"}', None),
        (completion("Hello.", tool_calls=[{"function": {"name": "other", "arguments": "{}"}}]), "Hello.", None),
        (completion(None, function_call={"name": "reply", "arguments": "{}"}), "{}", None),
        (completion(None, reasoning_content="I wonder"), "", Reason.EMPTY_REPLY),
        (completion(""), "", Reason.EMPTY_REPLY),
        (completion(" \n"), " \n", Reason.EMPTY_REPLY),
        (completion('{"items": [', "length"), '{"items": [', Reason.CUT_REPLY),
        (completion("", "length"), "", Reason.CUT_REPLY),
        (completion("", "content_filter"), "", Reason.CONTENT_FILTER),
        (b'{"choices": [{"finish_reason": "content_filter"}]}', "", Reason.CONTENT_FILTER),
        (completion(None, refusal="I cannot."), "I cannot.", Reason.REFUSED),
        (completion([{"type": "refusal", "refusal": "No."}]), "No.", Reason.REFUSED),
        (completion("x", "refusal"), "x", Reason.REFUSED),
        (b'{"choices": []}', "", Reason.NO_CHOICES),
        (b'{"choices": [{"index": 1}, {"index": 0, "message": {"content": "Hi"}}]}', "Hi", None),
        (b'\xef\xbb\xbf{"choices": [{"message": {"content": "Hi"}}]}\0\0', "Hi", None),
        (b'\n\n {"choices": [{"message": {"content": "Hi \xc3"}}]}', "Hi �", None),
        (completion("\ufeffHi \ud83d\x00\x07!\x00"), "Hi �  !", None),
    ],
)
def test_the_words_of_the_model_are_read_with_the_reason_why_they_cannot_be_used(raw, text, reason):
    answer = read_answer(raw)

    assert (answer.text, answer.reason) == (text, reason)
    assert bool(answer.problem) == (reason is not None)


@pytest.mark.parametrize(
    ("text", "is_degenerate"),
    [
        ('{"items": [' + " \n\t" * 80, True),
        ('{"items": [' + " \n" * 200 + "1", True),
        ('{"items": []}' + "\n" * 400, False),
        ('{"text": "' + "and so on, " * 40, True),
        ('{"text": "' + "1" * 300, True),
        ('{"text": "pi is ' + "3141592653589793238462643" * 20, True),
        ('{"text": "' + "".join(f"item {n} costs {n * 7} euros; " for n in range(90)), False),
        ('{"rows": [' + "[0, 0], " * 90 + "[0, 0]]}", False),
        ("=" * 100, False),
    ],
)
def test_a_model_that_runs_in_circles_is_noticed(text, is_degenerate):
    assert (read_answer(completion(text, "length")).reason is Reason.DEGENERATE) == is_degenerate


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7}, Usage(5, 7, True)),
        ({"prompt_tokens": "5", "completion_tokens": 7.0}, Usage(5, 7, True)),
        ({"prompt_tokens": 5, "total_tokens": 7}, Usage(5, 2, True)),
        ({"prompt_tokens": 5}, Usage(0, 0, False)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(0, 0, False)),
        ({"prompt_tokens": -5, "completion_tokens": 7}, Usage(0, 0, False)),
        ({"prompt_tokens": 5, "completion_tokens": "many"}, Usage(0, 0, False)),
        ({"prompt_tokens": True, "completion_tokens": float("inf")}, Usage(0, 0, False)),
        (None, Usage(0, 0, False)),
        ("lots", Usage(0, 0, False)),
    ],
)
def test_usage_is_known_only_when_it_is_credible(value, expected):
    assert usage(json.dumps({"usage": value}).encode()) == expected
    assert usage(b"{}") == usage(b"oops") == Usage(0, 0, False)


def test_the_model_that_answered_is_named():
    assert served_model(b'{"model": "m-2"}') == "m-2"
    assert served_model(b'{"model": 2}') == served_model(b"[]") == served_model(b"x") == ""


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ('{"a": "b"}', ()),
        ('\ufeff\n{"a": "b"}\0', ()),
        ('```json\n{"a": "b"}\n```', ("unwrapped",)),
        ('Here it is:\n{"a": "b"}\nIs {that} right?', ("unwrapped",)),
        ('<think>maybe {"a": "c"}</think>{"a": "b"}', ("unwrapped",)),
        ('maybe {"a": "c"} or { well</think>\n{"a": "b"}', ("unwrapped",)),
        ('<think>I use {braces} and forget the end {"a": "b"}', ("unwrapped",)),
        ('{"a": "b",}', ("repaired",)),
        ("{'a': 'b'}", ("repaired",)),
        ('{a: "b"}', ("repaired",)),
        ('{"a": "b" // it\'s "b"\n}', ("repaired",)),
        ('{"a": /* {"c" */ "b"}', ("repaired",)),
        ('```\n{"a": "b",}\n```', ("unwrapped", "repaired")),
    ],
)
def test_json_is_found_in_what_models_put_around_it_and_that_is_flagged(text, flags):
    found = read_json(text)

    assert (found.value, found.flags, found.cut) == ({"a": "b"}, flags, False)


def test_quotes_and_line_breaks_that_were_not_escaped_are_mended():
    assert read_json('{"a": "he said "hi" twice"}').value == {"a": 'he said "hi" twice'}
    assert read_json('{"a": "one\ntwo"}').value == {"a": "one\ntwo"}


def test_words_for_the_end_of_thoughts_inside_of_a_text_do_not_hide_it():
    assert read_json('{"a": "close it with </think> please"}').value == {"a": "close it with </think> please"}
    assert read_json('So: {"a": "close it with </think> please",}').value == {"a": "close it with </think> please"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1} {"b": 2}', "two JSON objects"),
        ('{"a": 1,} {"b": 2}', "two JSON objects"),
        ('```json\n{"a": 1}\n```\nor\n```json\n{"b": 2}\n```', "two JSON objects"),
        ('[{"a": 1}]', "list, not an object"),
        ('Sure:\n[{"a": 1}, {"a": 2}]', "list, not an object"),
        ('"{}"', "single value"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity,}', "Infinity is not JSON"),
        ("I cannot do that", "no JSON object"),
        ("", "no JSON object"),
        ("{" * 10_000, "not valid JSON"),
        ('{"a":' * 20_000, "nested too deeply"),
        ('{"a" ' + "x" * 300_000 + "}", "too long to mend"),
    ],
)
def test_what_could_mean_two_things_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_json(text)


def test_half_characters_in_escapes_become_whole_ones():
    assert read_json(r'{"a\u0000": ["\ud83d", "\ud83d\ude00"]}').value == {"a": ["�", "😀"]}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="ab,:{}[]\"'\\/ \n", max_size=12),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(alphabet='ab,:"', max_size=4), part, max_size=3),
    max_leaves=6,
)
ITEMS = st.lists(st.dictionaries(st.sampled_from(["output", "quotes", "wordings"]), VALUES, max_size=3), max_size=4)


@given(items=ITEMS, share=st.floats(0, 1))
@example(items=[{"output": "a"}, {"output": ['}}"::"']}], share=0.768)  # cut behind a backslash
def test_a_reply_that_is_cut_anywhere_keeps_exactly_its_complete_items(items, share):
    text = json.dumps({"items": items})
    end = len('{"items": [') + int(share * (len(text) - len('{"items": [')))

    found = read_json(text[:end])

    whole = [n for n in range(len(items) + 1) if len(json.dumps({"items": items[:n]})) - 2 <= end or n == 0]
    kept = found.value["items"][:-1] if found.cut else found.value["items"]
    assert kept == items[: whole[-1]]


@given(
    value=st.dictionaries(st.text(alphabet="abc", min_size=1), VALUES, max_size=4),
    before=st.text(alphabet="so, \n."),
    after=st.text(alphabet="ok .\n`"),
)
def test_whatever_stands_around_an_object_its_value_is_the_same(value, before, after):
    found = read_json(f"{before}{json.dumps(value)}{after}") if value else read_json("{}")

    assert found.value == value
    assert "repaired" not in found.flags


@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_break_the_reading_of_an_answer(raw):
    for body in (raw, b'{"choices": [{"message": {"content": ' + raw + b"}}]}"):
        answer = read_answer(body)

        assert answer.text.encode().decode() == answer.text
        assert answer.reason is not None or answer.text.strip()


@given(text=st.text(alphabet="{}[]\"':,ab1\\/*-\n ", max_size=60))
def test_any_text_holds_an_object_or_is_refused_with_a_value_error(text):
    with contextlib.suppress(ValueError):
        found = read_json(text)

        assert isinstance(found.value, dict)


@dataclass(frozen=True)
class Positive:
    """A task whose items are positive numbers."""

    def problem(self, item, material):
        return "" if isinstance(item, dict) and item.get("n", 0) > 0 else "n must be positive"


def items_of(text):
    return read_items(text, Positive(), cast("Material", None))


def test_a_bad_item_never_costs_its_siblings():
    items = items_of('{"items": [{"n": 1}, {"n": -2}, "ü", {"n": 4}]}')

    assert items.good == ({"n": 1}, {"n": 4})
    assert [(bad.number, bad.problem, bad.raw) for bad in items.bad] == [
        (2, "n must be positive", '{"n": -2}'),
        (3, "n must be positive", "ü"),
    ]
    assert (items.problem, items.flags) == ("", ())


def test_the_item_in_which_a_reply_was_cut_off_is_bad_and_the_others_are_good():
    items = items_of('{"items": [{"n": 1}, {"n": 2}, {"n": 3')

    assert items.good == ({"n": 1}, {"n": 2})
    assert [(bad.number, bad.problem, bad.raw) for bad in items.bad] == [(3, "the reply was cut off in this item", '{"n": 3')]
    assert items.flags == ("repaired",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("no", "no JSON object"), ("[]", "list, not an object"), ('{"item": []}', 'a list "items"'), ('{"items": {}}', 'a list "items"')],
)
def test_an_answer_without_items_says_why(text, problem):
    items = items_of(text)

    assert problem in items.problem
    assert (items.good, items.bad) == ((), ())
