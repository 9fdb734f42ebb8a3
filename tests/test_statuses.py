"""What every error of an endpoint means for the run."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.llm.calls import OverloadedError, RateLimitedError, RefusedRequestError, RequestFailedError, ServerFaultError
from generators.llm.endpoint import Access
from generators.llm.statuses import body_error, retry_after, status_error
from schemas.errors import EndpointError
from schemas.records import Reason

KEY = "sk-very-secret"
GRANTED = Access("https://models.example/v1", "big-one", "COMPANY_KEY", KEY, is_local=False, is_openai=False)


def error(status, body=None, headers=None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status_error(status, headers or {}, raw, GRANTED)


def openai(message="", **fields):
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (402, openai("pay"), EndpointError),
        (429, openai("You exceeded your current quota, please check your plan and billing details.", code="insufficient_quota"), EndpointError),
        (429, openai("You exceeded your current quota, please check your plan and billing details."), EndpointError),
        (403, openai("billing is not enabled"), EndpointError),
        (400, openai("Your credit balance is too low to access the API"), EndpointError),
        (429, openai("Rate limit reached; add a payment method at https://models.example/billing", code="rate_limit_exceeded"), RateLimitedError),
        (429, [openai("You exceeded your current quota. Please retry in 30.9s.", code=429, status="RESOURCE_EXHAUSTED")], RateLimitedError),
        (429, b"<html>", RateLimitedError),
        (429, openai("Request too large for gpt on tokens per min: limit 3, requested 9", code="rate_limit_exceeded"), RequestFailedError),
        (500, b"", ServerFaultError),
        (502, b"<html><title>502 Bad Gateway</title></html>", ServerFaultError),
        (504, b"", ServerFaultError),
        (520, b"", ServerFaultError),
        (408, b"", ServerFaultError),
        (409, b"", ServerFaultError),
        (425, b"", ServerFaultError),
        (503, b"", OverloadedError),
        (529, openai("Overloaded", type="overloaded_error"), OverloadedError),
        (400, openai("long", code="context_length_exceeded"), RequestFailedError),
        (400, openai("long", type="exceed_context_size_error"), RequestFailedError),
        (500, {"error": {"message": "Requested tokens (9000) exceed context window of 2048"}}, RequestFailedError),
        (400, openai("max_tokens is too large: 99999. This model supports at most 16384 completion tokens", param="max_tokens"), RequestFailedError),
        (413, b"<html>413 Request Entity Too Large</html>", RequestFailedError),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "value is not valid"}]}, RequestFailedError),
        (400, {"error": "something else"}, RequestFailedError),
        (400, openai("Failed to generate JSON", code="json_validate_failed"), ServerFaultError),
        (401, b"", EndpointError),
        (403, b"", EndpointError),
        (404, openai("The model `big-one` does not exist", code="model_not_found"), EndpointError),
        (400, openai("no", code="model_not_found"), EndpointError),
        (404, openai("No endpoints found that support tool use."), RefusedRequestError),
        (405, b"", EndpointError),
        (308, b"", EndpointError),
        (418, b"", EndpointError),
        (400, openai("Invalid 'temperature': expected a value <= 2", param="temperature"), EndpointError),
        (400, openai("Unsupported parameter: 'max_tokens'", param="max_tokens", code="unsupported_parameter"), RefusedRequestError),
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, RefusedRequestError),
        (400, {"object": "error", "message": "guided decoding is off", "code": 400}, RefusedRequestError),
        (501, openai("response_format is not implemented"), RefusedRequestError),
    ],
)  # fmt: skip
def test_a_status_means_what_its_row_says(status, body, kind):
    assert type(error(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, openai("bad key"), r"the key in COMPANY_KEY is refused; .*\(401: bad key\)"),
        (404, openai("what?"), r"no such model or path; .*big-one.*https://models.example/v1/chat/completions"),
        (307, b"", "the redirect is refused"),
        (402, openai("pay"), "no credit left.*run again"),
        (400, openai("x", code="context_length_exceeded"), "lower chunk.tokens"),
        (502, b"<html><title>Bad\n Gateway</title><p>x</html>", r"status 502: Bad Gateway$"),
        (500, b"Internal <b>oops</b>\n", "status 500: Internal oops$"),
        (400, {"detail": [{"loc": ["body", "x"], "msg": "wrong"}]}, r"\(400: body.x: wrong\)"),
        (400, openai("Provider returned error", metadata={"raw": "too odd"}), "Provider returned error too odd"),
    ],
)  # fmt: skip
def test_the_message_says_what_the_endpoint_said_and_what_to_do(status, body, words):
    with pytest.raises(type(error(status, body)), match=words):
        raise error(status, body)


def test_a_content_filter_or_policy_concerns_one_passage_and_has_its_own_reason():
    bodies = [openai("x", code="content_filter"), openai("x", code="content_policy_violation"), openai("Your input was flagged", code=403)]

    failures = [error(status, body) for status, body in zip((400, 400, 403), bodies, strict=True)]

    assert [failure.reason for failure in failures] == [Reason.CONTENT_FILTER, Reason.REFUSED, Reason.REFUSED]


def test_a_refusal_of_the_form_tells_what_is_refused():
    refusal = error(400, openai("Unsupported parameter: 'temperature'", param="temperature", code="unsupported_parameter"))

    assert (refusal.status, refusal.said) == (400, "Unsupported parameter: 'temperature'")
    assert refusal.words >= {"temperature", "unsupported_parameter"}
    assert "it refuses temperature (400" in str(refusal)


def test_an_endpoint_that_says_not_to_try_again_is_believed():
    headers = {"x-should-retry": "false"}

    assert type(error(500, b"", headers)) is RequestFailedError
    assert type(error(503, b"", headers)) is RequestFailedError
    assert type(error(429, b"", headers)) is RateLimitedError


def test_a_server_fault_keeps_its_status_and_an_overload_its_time():
    assert error(502).status == 502
    assert error(503, b"", {"retry-after": "7"}).seconds == 7.0
    assert error(503).seconds is None


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please retry in 30.9s.", 30.9),
        ("Please try again in 6m0s. Visit us.", 360.0),
        ("try again in 20ms", 0.02),
        ("retry after 12 seconds", 12.0),
        ("try again in 3 weeks", None),
    ],
)
def test_the_time_to_wait_is_read_from_the_message_when_no_header_has_it(message, seconds):
    assert error(429, openai(message)).seconds == (pytest.approx(seconds) if seconds else None)
    assert error(429, openai(message), {"retry-after": "2"}).seconds == 2.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-tokens": "9m", "x-ratelimit-remaining-tokens": "55"}, 1.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "5"}, None),
        ({"x-ratelimit-reset-requests": "12.5"}, 12.5),
        ({"x-ratelimit-reset-requests": "later"}, None),
        ({"retry-after": "2", "x-ratelimit-reset-requests": "6m0s"}, 2.0),
    ],
)  # fmt: skip
def test_the_time_to_wait_is_read_in_every_form_and_garbage_is_ignored(headers, seconds):
    assert retry_after(headers) == seconds


def test_the_time_to_wait_can_be_a_date():
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert 55 < (retry_after({"retry-after": moment}) or 0) < 61


@given(value=st.text(max_size=30))
def test_a_time_to_wait_is_positive_and_finite_whatever_the_header_says(value):
    seconds = retry_after(dict.fromkeys(("retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"), value))

    assert seconds is None or 0 < seconds < float("inf")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (openai("slow down", code="429"), RateLimitedError),
        (openai("slow down", code="rate_limit_exceeded"), RateLimitedError),
        (openai("pay", code="insufficient_quota"), EndpointError),
        (openai("bad key", type="invalid_request_error", code="invalid_api_key"), EndpointError),
        (openai("long", code="context_length_exceeded"), RequestFailedError),
        (openai("busy", code=503), OverloadedError),
        (openai("Overloaded", type="overloaded_error"), OverloadedError),
        (openai("who knows"), ServerFaultError),
        ({"error": "model crashed"}, ServerFaultError),
        ({"object": "error", "message": "no", "code": 400}, RequestFailedError),
        ({"choices": None, **openai("busy", code=502)}, ServerFaultError),
        ({"choices": [{"error": {"message": "upstream", "code": 429}, "finish_reason": "error"}]}, RateLimitedError),
        ({"choices": [{"message": {"content": 'an "error"'}}], "error": None}, None),
        ({"choices": [{"message": {"content": "hello"}}]}, None),
        (["error"], None),
    ],
)  # fmt: skip
def test_an_error_in_a_good_body_counts_as_if_it_were_the_status(body, kind):
    found = body_error(json.dumps(body).encode(), {}, GRANTED)

    assert found is None if kind is None else type(found) is kind


@given(
    status=st.integers(300, 599),
    said=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(f"the key {KEY} is wrong " * 20),
        lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "detail", "code", "loc", "msg", "param", "metadata", "errors"]), part, max_size=4),
        max_leaves=12,
    ),
)  # fmt: skip
def test_every_error_is_one_of_ours_short_and_without_the_key(status, said):
    raw = json.dumps(said).encode()

    for found in (status_error(status, {}, raw, GRANTED), body_error(b'{"error":' + raw + b"}", {}, GRANTED)):
        assert found is None or isinstance(
            found, EndpointError | RequestFailedError | ServerFaultError | RateLimitedError | RefusedRequestError
        )
        assert KEY not in str(found)
        assert len(str(found)) < 600
