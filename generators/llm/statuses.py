"""What an error status of the endpoint means: wait, try again, give this request up, or stop the run."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from generators.llm.endpoint import NO_KEY, Access
from generators.llm.calls import RateLimitedError, RequestFailedError, ServerFaultError
from schemas.errors import EndpointError
from schemas.records import Reason

TRANSIENT = frozenset({408, 409, 425})
# Words in the error's code or type: these 400s are about one passage, not about the run.
TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error"})
REFUSED = frozenset({"content_filter", "content_policy_violation"})
OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


def status_error(status: int, headers: Mapping[str, str], raw: bytes, granted: Access) -> Exception:
    """Return the error for a response with an error status; `raw` is its body without the key."""
    words, said = _error(raw)
    told = f": {said}" if said else ""
    if status == 402 or words & OUT_OF_MONEY:
        return EndpointError(
            f"{granted.name}: the account has no credit left ({status}{told}); top it up and run again: answers so far are kept"
        )
    if status == 429:
        return RateLimitedError(f"{granted.name}: rate limit (429{told})", seconds=retry_after(headers))
    if status >= 500 or status in TRANSIENT:
        return ServerFaultError(f"{granted.name}: status {status}{told}")
    if words & REFUSED:
        return RequestFailedError(f"the endpoint refused the passage ({status}{told})", reason=Reason.REFUSED)
    if words & TOO_LONG or status == 413:
        return RequestFailedError(f"the passage is too long for the model ({status}{told}); lower chunk.tokens or endpoint.max_tokens")
    return EndpointError(f"{granted.name}: {_cause(status, granted)} ({status}{told})")


def _cause(status: int, granted: Access) -> str:
    if status in {401, 403} and granted.key == NO_KEY:
        return f"it wants a key; put it into a variable such as {granted.key_name} and name that with endpoint.api_key_env"
    if status in {401, 403}:
        return f"the key in {granted.key_name} is refused; put a valid key into that variable, or name another with endpoint.api_key_env"
    if status == 404:
        return "no such model or path; correct endpoint.model, or endpoint.base_url (it usually ends in /v1)"
    if 300 <= status < 400:
        return "it redirects elsewhere, which is not followed because it would send documents to another host; correct endpoint.base_url"
    return "it does not take the request; correct the endpoint section of the recipe by what it says"


def _error(raw: bytes) -> tuple[frozenset[str], str]:
    """Return the codes and the message of an error body, in whichever of the usual shapes."""
    try:
        body: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return frozenset(), ""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return frozenset(), _one_line(error)
    words = frozenset(str(error[name]) for name in ("code", "type") if error.get(name))
    return words, _one_line(error.get("message") or error.get("detail") or "")


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:200]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a response asks for (RFC 9110, or milliseconds as OpenAI sends them), if it does."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        return seconds if 0 < seconds < math.inf else None
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
        seconds = (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds > 0 else None
