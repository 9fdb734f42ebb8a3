"""The only code that sends anything to the endpoint: one call at a time, through AsyncOpenAI, without its retries.

Every exception of the libraries is turned into one of ours outside of its `except` block: theirs carry the key and the
document in their request, and a traceback would show them.
"""

import asyncio
import difflib
import json
import os
import socket
import ssl
from collections.abc import Iterator

import httpx2

from generators.llm.calls import (
    ClosedError,
    RateLimitedError,
    RefusedRequestError,
    RequestFailedError,
    ServerFaultError,
    UnreachableError,
)
from generators.llm.endpoint import Access, access
from generators.llm.statuses import body_error, status_error
from generators.llm.transport import open_client
from schemas.errors import EndpointError
from schemas.recipe import EndpointSection

CHECK_SECONDS = 30.0
NO_LIST = frozenset({400, 404, 405, 422})  # how endpoints say that they keep no list of models
OURS = (RequestFailedError, RefusedRequestError, ServerFaultError, RateLimitedError, EndpointError)


class Connection:
    """A connection to one endpoint."""

    def __init__(self, endpoint: EndpointSection) -> None:
        self.access = access(endpoint)
        self._client = open_client(self.access, endpoint)

    async def check(self) -> None:
        """Read the endpoint's list of models: is it there, does it take the key, does it have the model?

        Raises:
            EndpointError: one of these is not so.
            UnreachableError: nothing answers at its address.
        """
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                raw = await self._send("/models", None)
        except UnreachableError:
            raise
        except (ServerFaultError, RateLimitedError, RequestFailedError, RefusedRequestError, TimeoutError):
            return  # says only that this endpoint keeps no list of models
        self._check_model(raw)

    def _check_model(self, raw: bytes) -> None:
        names = _model_names(raw)
        model = self.access.model
        if not names or any(model in {name, name.rpartition("/")[2], name.partition(":")[0]} for name in names):
            return
        near = difflib.get_close_matches(model, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise EndpointError(
            f"endpoint {self.access.base_url} has no model {model}; {hint}it has {', '.join(names[:5])}{more}; set endpoint.model"
        )

    async def answers(self) -> None:
        """Return when the endpoint says anything at all.

        Raises:
            UnreachableError: no connection comes about.
        """
        try:
            await self._send("/models", None)
        except UnreachableError:
            raise
        except OURS:
            return  # an answer too; what is wrong will be told where it matters

    async def send(self, path: str, body: bytes) -> bytes:
        """Post a JSON body and return the body of the answer, without the key.

        Raises:
            RequestFailedError, RefusedRequestError, ServerFaultError, RateLimitedError: see `generators.llm.calls`.
            EndpointError: no request would fare better.
        """
        return await self._send(path, body)

    async def close(self) -> None:
        """Close the sockets."""
        await self._client.close()

    async def _send(self, path: str, body: bytes | None) -> bytes:
        url = f"{self.access.base_url}{path}"
        try:
            answered = await (self._client.read(url) if body is None else self._client.send_json(url, body))
        except Exception as error:  # noqa: BLE001 - the libraries let many kinds escape; the conversion says which are whose
            trouble = _converted(error, self.access)
        else:
            raw = self.access.redact_bytes(answered.body)
            if not answered.is_success:
                if body is None and answered.status in NO_LIST:
                    return b""
                trouble = status_error(answered.status, answered.headers, raw, self.access)
            elif body is None or (trouble := body_error(raw, answered.headers, self.access)) is None:
                return raw
        raise trouble


def _model_names(raw: bytes) -> list[str]:
    try:
        found = json.loads(raw)["data"]
        return [str(model["id"]) for model in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _converted(error: BaseException, granted: Access) -> Exception:
    """Return our own error for one of the libraries, with nothing of theirs attached."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, OURS):
            return type(cause)(*cause.args) if type(cause) is RequestFailedError else cause
        if isinstance(cause, ssl.SSLError) or "Certificate" in type(cause).__name__:
            problem = f"its certificate is not trusted ({granted.redact(str(cause))})"
            return EndpointError(f"{granted.name}: {problem}; name your company's CA file in SSL_CERT_FILE")
    if any(_means_unreachable(cause) for cause in causes):
        return UnreachableError(f"cannot reach the endpoint {granted.base_url} ({_reason(causes)})")
    problem = f"the connection to {granted.base_url} broke ({type(causes[-1]).__name__})"
    if any(_means_closed(cause) for cause in causes):
        return ClosedError(problem)
    return ServerFaultError(problem)


def _means_unreachable(cause: BaseException) -> bool:
    """Whether no connection came about; aiohttp's transport calls a broken one a failed one too, so its own class decides there."""
    if isinstance(cause, ConnectionRefusedError | socket.gaierror):
        return True
    if type(cause).__module__.startswith("aiohttp"):
        return "Connector" in type(cause).__name__ or type(cause).__name__ == "ConnectionTimeoutError"
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout) and not any(
        type(deeper).__module__.startswith("aiohttp") for deeper in _causes(cause)
    )


def _means_closed(cause: BaseException) -> bool:
    """Whether the server closed the connection without a word, as aiohttp and httpx2 say it."""
    is_said = isinstance(cause, httpx2.RemoteProtocolError) and "disconnected" in str(cause)
    return is_said or type(cause).__name__ == "ServerDisconnectedError"


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(10):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _reason(causes: list[BaseException]) -> str:
    """The system's own word for it, which is at the end of the chain."""
    words = [_word(cause) for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return (words or [str(causes[0]) or type(causes[0]).__name__])[-1].lower()


def _word(cause: OSError) -> str:
    """Its plain meaning, without the addresses that some libraries put into it; names that do not resolve have numbers of their own."""
    return os.strerror(cause.errno) if cause.errno and cause.errno > 0 else str(cause.strerror)
