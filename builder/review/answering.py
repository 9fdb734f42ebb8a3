"""Endpoints that answer JSON with JSON."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.errors import UsageError

Answer = Callable[[Request, Mapping[str, Any]], Any]


def answering(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of an answer, which is made in a thread: the log waits for the disk, and models take their time."""

    async def endpoint(request: Request) -> Response:
        body = await body_of(request) if request.method == "POST" else {}
        return JSONResponse(await run_in_threadpool(answer, request, body))

    return endpoint


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request holds.

    Raises:
        UsageError: it holds none.
    """
    try:
        body = json.loads(await request.body())
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate, which no file can hold, stops here
    except (ValueError, RecursionError):
        raise UsageError("the request holds no JSON") from None
    if not isinstance(body, dict):
        raise UsageError("the request holds no JSON object")
    return body
