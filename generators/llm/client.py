"""The only code that talks to the network: one chat completion per call, through AsyncOpenAI, without its retries.

Every exception of the libraries is turned into one of ours outside of its `except` block: theirs carry the key and the
document in their request, and a traceback would show them.
"""

import asyncio
import difflib
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
from openai import APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient

from generators.llm.endpoint import Access, access
from generators.llm.calls import RateLimitedError, Reply, Request, RequestFailedError, ServerFaultError, UnreachableError
from generators.alpaca.prompts import is_strict
from generators.llm.statuses import status_error
from schemas.errors import EndpointError
from schemas.recipe import EndpointSection

MAX_BODY = 4_000_000  # bytes of one response
CHECK_SECONDS = 30.0
NO_LIST = frozenset({400, 404, 405, 422})  # how endpoints say that they keep no list of models
HEADERS = frozenset({"host", "connection", "accept", "content-type", "content-length", "user-agent"})


class Connection:
    """A connection to one endpoint."""

    def __init__(self, endpoint: EndpointSection) -> None:
        self._access = access(endpoint)
        self._client = _client(self._access, endpoint)

    async def check(self) -> None:
        """Read the endpoint's list of models: is it there, does it take the key, does it have the model?"""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                raw = await self._send("/models", None)
        except (ServerFaultError, RateLimitedError, RequestFailedError, TimeoutError) as error:
            problem = error
        else:
            self._check_model(raw)
            return
        if isinstance(problem, UnreachableError):
            raise EndpointError(f"{problem}; start the endpoint, or correct endpoint.base_url")
        # Anything else says only that this endpoint keeps no list of models.

    def _check_model(self, raw: bytes) -> None:
        names = _model_names(raw)
        model = self._access.model
        if not names or any(model in {name, name.rpartition("/")[2], name.partition(":")[0]} for name in names):
            return
        near = difflib.get_close_matches(model, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise EndpointError(
            f"endpoint {self._access.base_url} has no model {model}; {hint}it has {', '.join(names[:5])}{more}; set endpoint.model"
        )

    async def complete(self, request: Request) -> Reply:
        """Ask once."""
        raw = await self._send("/chat/completions", _body(request, self._access))
        return Reply(key=request.key, raw=raw)

    async def close(self) -> None:
        """Close the sockets."""
        await self._client.close()

    async def _send(self, path: str, body: dict[str, Any] | None) -> bytes:
        try:
            if body is None:
                response = await self._client.get(path, cast_to=httpx2.Response)
            else:
                response = await self._client.post(path, cast_to=httpx2.Response, body=body)
        except Exception as error:  # noqa: BLE001 - the SDK lets many kinds escape; the conversion says which are whose
            if body is None and isinstance(error, APIStatusError) and error.response.status_code in NO_LIST:
                return b""
            trouble = _converted(error, self._access)
        else:
            return self._access.redact_bytes(response.content)
        raise trouble


def _client(granted: Access, endpoint: EndpointSection) -> AsyncOpenAI:
    async def clean(request: httpx2.Request) -> None:
        # The SDK adds what it finds in the environment (organization, project, custom headers): none of it is meant for this host.
        for name in [name for name in request.headers if name not in HEADERS]:
            del request.headers[name]
        request.headers["authorization"] = f"Bearer {granted.key}"
        request.headers["accept-encoding"] = "identity"  # a compressed body has no bound

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise RequestFailedError("the endpoint sent a compressed body, which was not asked for")
        response.stream = _Bounded(response.stream)

    http = DefaultAsyncHttpxClient(
        follow_redirects=False,  # a 308 would send the whole document to another host
        trust_env=not granted.is_local,  # no proxy between us and this machine
        timeout=httpx2.Timeout(endpoint.timeout_seconds, connect=10.0),
        limits=httpx2.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency),
        event_hooks={"request": [clean], "response": [bound]},
    )
    return AsyncOpenAI(base_url=granted.base_url, api_key=granted.key, organization="", project="", max_retries=0, http_client=http)


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends the call when it grows beyond MAX_BODY."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MAX_BODY:
                raise RequestFailedError(f"the response is larger than {MAX_BODY:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def _body(request: Request, granted: Access) -> dict[str, Any]:
    """Return the request as the endpoint wants it."""
    parameters = dict(request.parameters)
    if granted.is_openai:  # its newer models refuse the old name, which is the only one that many servers know
        parameters["max_completion_tokens"] = parameters.pop("max_tokens")
    body: dict[str, Any] = {"model": request.model, "messages": [message.model_dump() for message in request.messages], **parameters}
    if (schema := request.response_schema) is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "strict": is_strict(schema), "schema": schema}}
    return body


def _model_names(raw: bytes) -> list[str]:
    try:
        found = json.loads(raw)["data"]
        return [str(model["id"]) for model in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _converted(error: BaseException, granted: Access) -> Exception:
    """Return our own error for one of the libraries, with nothing of theirs attached."""
    if isinstance(error, APIStatusError):
        return status_error(error.response.status_code, error.response.headers, granted.redact_bytes(error.response.content), granted)
    for cause in _causes(error):
        if isinstance(cause, RequestFailedError):
            return RequestFailedError(str(cause))
        if isinstance(cause, ssl.SSLError):
            problem = f"its certificate is not trusted ({granted.redact(str(cause))})"
            return EndpointError(f"{granted.name}: {problem}; name your company's CA file in SSL_CERT_FILE")
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            return UnreachableError(f"cannot reach the endpoint {granted.base_url} ({_reason(cause)})")
    return ServerFaultError(f"the connection to {granted.base_url} broke ({type(error.__cause__ or error).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(10):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _reason(error: BaseException) -> str:
    """The system's own word for it, which is at the end of the chain."""
    words = [str(cause) for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror]
    return (words or [str(error) or type(error).__name__])[-1].lower()
