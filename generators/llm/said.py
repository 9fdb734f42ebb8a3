"""What an error body says, in whichever of the usual shapes, and how long a response asks to wait."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from generators.llm.answers import load

LONGEST = 200  # characters shown of what an endpoint says
# Codes that come without a status, in a body with status 200: those of OpenAI, of Anthropic, and of gRPC as Google spells them.
CODE_STATUS = {
    "insufficient_quota": 429, "rate_limit_exceeded": 429, "rate_limit_error": 429, "resource_exhausted": 429,
    "invalid_api_key": 401, "authentication_error": 401, "unauthenticated": 401, "permission_error": 403, "permission_denied": 403,
    "not_found_error": 404, "model_not_found": 404, "not_found": 404,
    "invalid_request_error": 400, "invalid_argument": 400, "context_length_exceeded": 400, "exceed_context_size_error": 400,
    "content_filter": 400, "content_policy_violation": 400, "unsupported_parameter": 400, "badrequesterror": 400,
    "overloaded_error": 529, "unavailable": 503, "deadline_exceeded": 504, "timeout": 504,
}  # fmt: skip
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|s|m|h|d)")
_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WAIT = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|[smhd]))+\b|\d+(?:\.\d+)?(?= sec))")


def read_error(raw: bytes, redact: Callable[[str], str], *, found: object = None) -> tuple[frozenset[str], str]:
    """Return the codes, types and parameters of an error body in lower case, and its message as one short line without the key."""
    body = load(raw) if found is None else found
    error = _error(body)
    message = _message(error) if body is not None else _page(raw)
    line = " ".join(redact(message).split())
    return frozenset(word.lower() for word in _words(error)), line[:LONGEST]


def _error(body: Any) -> Any:
    """Return the part of a body that describes the error."""
    for _ in range(4):
        if isinstance(body, list):
            if not body or _is_details(body):
                return body
            body = body[0]
        if not isinstance(body, dict):
            return body
        inner = next((body[name] for name in ("error", "errors", "detail") if body.get(name)), None)
        if inner is None or (isinstance(inner, str) and body.get("message")):
            return body
        body = inner
    return body


def _is_details(body: list[Any]) -> bool:
    """Whether a list is that of pydantic's problems, as FastAPI sends it."""
    return all(isinstance(part, dict) and "loc" in part for part in body)


def _words(error: Any) -> Iterator[str]:
    if isinstance(error, list):
        for part in error:
            yield from _words(part) if isinstance(part, dict) else ()
    elif isinstance(error, dict):
        location = error.get("loc")
        places = location if isinstance(location, list) else []
        values = [error.get(name) for name in ("code", "type", "param", "status", "error")]
        yield from (str(value) for value in [*values, *places] if isinstance(value, str | int) and not isinstance(value, bool))
        yield from _words(error.get("innererror")) if isinstance(error.get("innererror"), dict) else ()


def _message(error: Any) -> str:
    if isinstance(error, list):
        return "; ".join(_message(part) for part in error[:5])
    if not isinstance(error, dict):
        return str(error) if isinstance(error, str | int | float) else ""
    location = error.get("loc")
    place = ".".join(map(str, location)) + ": " if isinstance(location, list) else ""
    metadata = error.get("metadata")
    inner = metadata.get("raw") if isinstance(metadata, dict) else ""  # routers put what the provider said there
    said = error.get("message") or error.get("msg") or error.get("detail") or error.get("error") or ""
    return " ".join(str(part) for part in (f"{place}{said}", inner) if part)


def _page(raw: bytes) -> str:
    """Return what a body that is no JSON says: the title of a page, or its text."""
    text = raw[:20_000].decode("utf-8", "replace")
    title = _TITLE.search(text)
    return title[1] if title else _TAGS.sub(" ", text)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a response asks for, or None.

    Read are milliseconds as OpenAI sends them, seconds or a date (RFC 9110), else when the limit that is used up is reset.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return _sensible(float(headers.get(name, "")) * scale)
        except ValueError:
            continue
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
        return _sensible((moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return _reset(headers)


def _sensible(seconds: float) -> float | None:
    return seconds if 0 < seconds < math.inf else None


def _reset(headers: Mapping[str, str]) -> float | None:
    """Return when the limits that are used up are reset; with none known to be, when those are that may be."""
    waits = [
        _duration(headers.get(f"x-ratelimit-reset-{limit}", ""))
        for limit in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{limit}", "0").strip() in {"0", "0.0", ""}
    ]
    return max((seconds for seconds in waits if seconds is not None), default=None)


def _duration(text: str) -> float | None:
    """Return the seconds of a duration such as 6m0s, 20ms or 12.5, or None."""
    text = text.strip().lower()
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return _sensible(sum(float(number) * _UNITS[unit] for number, unit in parts))
    try:
        return _sensible(float(text))
    except ValueError:
        return None


def waiting(said: str) -> float | None:
    """Return the seconds to wait that a message names ("please try again in 6m0s"), or None."""
    found = _WAIT.search(said)
    return _duration(found[1]) if found else None
