"""What an error of the endpoint means: wait, try again, put it otherwise, give this request up, or stop the run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from generators.llm.answers import load
from generators.llm.calls import OverloadedError, RateLimitedError, RefusedRequestError, RequestFailedError, ServerFaultError
from generators.llm.dialect import SETTINGS, is_about_form, refused_fields
from generators.llm.endpoint import NO_KEY, Access
from generators.llm.said import CODE_STATUS, read_error, retry_after, waiting
from schemas.errors import EndpointError
from schemas.records import Reason

TRANSIENT = frozenset({408, 409, 425})
OVERLOADED = frozenset({503, 529})
ABOUT_ONE = frozenset({400, 413, 422, 451})  # what is left of these concerns one request; of the other 4xx, every request
FORM = frozenset({400, 422, 501})
# Codes and types of errors, and the words of those that have none.
TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length", "request_too_large"})
FILTERED = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked"})
OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"})
UNUSABLE = frozenset({"json_validate_failed", "tool_use_failed"})  # the model failed, not the request
NO_MODEL = frozenset({"model_not_found", "invalid_model", "unknown_model"})
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|maximum context|(?:prompt|input|request|messages?) (?:is|are|was)? ?too (?:long|large)"
    r"|too many (?:input )?tokens|reduce the length|tokens? is too large|exceeds? the (?:maximum|model).{0,30}(?:tokens|length)"
)
_TOO_LARGE = re.compile(r"request too large")
_MONEY = re.compile(r"insufficient (?:credit|fund|balance|quota)|credit balance|payment required|out of credit|exceeded your current quota")
_FILTERED = re.compile(r"content[ _](?:management )?polic|content[ _-]filter|was flagged|requires moderation|responsible ai")
_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class _Fault:
    """An error response, read."""

    status: int
    words: frozenset[str]
    said: str
    headers: Mapping[str, str]
    granted: Access
    in_body: bool = False

    @property
    def told(self) -> str:
        """The status and what the endpoint says, for messages."""
        place = ", in a body with status 200" if self.in_body else ""
        return f"{self.status}{place}: {self.said}" if self.said else f"{self.status}{place}"

    @property
    def plain(self) -> str:
        """What the endpoint says in lower case without URLs, whose words mean nothing."""
        return _URL.sub("", self.said.lower())


def status_error(status: int, headers: Mapping[str, str], raw: bytes, granted: Access) -> Exception:
    """Return the error for a response with an error status."""
    words, said = read_error(raw, granted.redact)
    return _meaning(_Fault(status, words, said, headers, granted))


def body_error(raw: bytes, headers: Mapping[str, str], granted: Access) -> Exception | None:
    """Return the error that a body with a good status holds in place of a completion, as if its code were the status."""
    if b'"error"' not in raw:
        return None
    body = load(raw)
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    holder = first if isinstance(first, dict) and not first.get("message") else body if not choices else None
    if not isinstance(holder, dict) or not (holder.get("error") or holder.get("object") == "error"):
        return None
    words, said = read_error(raw, granted.redact, found=holder)
    return _meaning(_Fault(_status_of(words), words, said, headers, granted, in_body=True))


def _status_of(words: frozenset[str]) -> int:
    """Return the status that the codes of an error stand for; the next try may go better when they say nothing."""
    numbers = [int(word) for word in words if re.fullmatch(r"[45]\d\d", word)]
    return max(numbers or [CODE_STATUS[word] for word in words if word in CODE_STATUS], default=500)


def _meaning(fault: _Fault) -> Exception:
    for meaning in (_about_run, _about_passage, _about_time, _about_form):
        if (error := meaning(fault)) is not None:
            return error
    if fault.status in ABOUT_ONE and not fault.words & SETTINGS:
        return RequestFailedError(f"the endpoint does not take this request ({fault.told})")
    cause = "it does not take the request; correct the endpoint section of the recipe by what it says"
    return EndpointError(f"{fault.granted.name}: {cause} ({fault.told})")


def _about_run(fault: _Fault) -> Exception | None:
    """What no other request would fare better with: money, key, address, model."""
    status, granted = fault.status, fault.granted
    if _is_out_of_money(fault):
        return EndpointError(
            f"{granted.name}: the account has no credit left ({fault.told}); top it up and run again: answers so far are kept"
        )
    if 300 <= status < 400:
        cause = (
            "it redirects elsewhere, and the redirect is refused because it would send documents to another host; correct endpoint.base_url"
        )
    elif status == 401 or (status == 403 and not _is_filtered(fault)):
        cause = _key_cause(granted)
    elif fault.words & NO_MODEL or (status in {404, 405, 410} and not _is_refused_form(fault)):
        cause = (
            f"no such model or path; correct endpoint.model ({granted.model}), or endpoint.base_url "
            f"({granted.base_url}/chat/completions was asked; the base_url usually ends in /v1)"
        )
    else:
        return None
    return EndpointError(f"{granted.name}: {cause} ({fault.told})")


def _is_out_of_money(fault: _Fault) -> bool:
    if fault.status == 402 or fault.words & OUT_OF_MONEY:
        return True
    # A limit per minute is sometimes told with a hint at the plan: what names a time to wait is a limit.
    in_words = fault.status in {400, 403, 429} and (_MONEY.search(fault.plain) or (fault.status != 400 and "billing" in fault.plain))
    is_limit = "rate_limit_exceeded" in fault.words or "rate limit" in fault.plain or waiting(fault.plain) is not None
    return bool(in_words) and not is_limit and retry_after(fault.headers) is None


def _key_cause(granted: Access) -> str:
    if granted.key == NO_KEY:
        return f"it wants a key; put it into a variable such as {granted.key_name} and name that with endpoint.api_key_env"
    return f"the key in {granted.key_name} is refused; put a valid key into that variable, or name another with endpoint.api_key_env"


def _is_filtered(fault: _Fault) -> bool:
    return bool(fault.words & FILTERED) or (fault.status in {400, 403, 422, 451} and _FILTERED.search(fault.plain) is not None)


def _is_refused_form(fault: _Fault) -> bool:
    """Whether a 404 means that nobody serves what the request asks for, as routers say it."""
    return fault.status == 404 and "support" in fault.plain and is_about_form(frozenset(), fault.said)


def _about_passage(fault: _Fault) -> Exception | None:
    """What this request's own text is the cause of."""
    if _is_filtered(fault):
        is_filter = any("filter" in word for word in (*fault.words, fault.plain))
        reason = Reason.CONTENT_FILTER if is_filter else Reason.REFUSED
        return RequestFailedError(f"the endpoint refused the passage ({fault.told})", reason=reason)
    too_long = fault.words & TOO_LONG or (fault.status in {400, 413, 422, 500, 501} and _TOO_LONG.search(fault.plain))
    if too_long or fault.status == 413 or (fault.status == 429 and _TOO_LARGE.search(fault.plain)):
        return RequestFailedError(f"the request is too long for the model ({fault.told}); lower chunk.tokens or endpoint.max_tokens")
    return None


def _about_time(fault: _Fault) -> Exception | None:
    """What may be gone at the next try."""
    status, problem = fault.status, f"{fault.granted.name}: status {fault.told}"
    if status == 429:
        return RateLimitedError(f"{fault.granted.name}: rate limit ({fault.told})", seconds=_seconds(fault))
    if fault.words & UNUSABLE:
        return ServerFaultError(problem, reason=Reason.BAD_REPLY, status=status)
    if status not in TRANSIENT and (status < 500 or status == 501):
        return None
    if fault.headers.get("x-should-retry", "").strip().lower() == "false":
        return RequestFailedError(f"{problem}; the endpoint says that another try would not help")
    if status in OVERLOADED:
        return OverloadedError(problem, seconds=_seconds(fault), status=status)
    return ServerFaultError(problem, status=status)


def _seconds(fault: _Fault) -> float | None:
    seconds = retry_after(fault.headers)
    return waiting(fault.plain) if seconds is None else seconds


def _about_form(fault: _Fault) -> Exception | None:
    """What another dialect may cure."""
    if not _is_refused_form(fault) and not (fault.status in FORM and is_about_form(fault.words, fault.said)):
        return None
    names = ", ".join(sorted(refused_fields(fault.words, fault.said))) or "the way replies are held to a schema"
    problem = f"{fault.granted.name}: it refuses {names} ({fault.told})"
    return RefusedRequestError(problem, status=fault.status, words=fault.words, said=fault.said)
