"""The playground's page and what it asks the server for: a held-out question, the nearest one, an answer, an end."""

from collections.abc import Mapping
from typing import Any

import pydantic
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from builder.review.answering import answering
from builder.review.desk import Desk
from builder.review.playground import Asked, Playground, StoppedError, places
from builder.review.playground_questions import draw, marks, nearest, shown, sizes, told
from schemas.checks import explain
from schemas.errors import UsageError


def playground_routes(desk: Desk, playground: Playground) -> list[BaseRoute]:
    """Return the page and its JSON; the models are loaded by `playground`, in a process of its own."""
    there = _There(desk, playground)
    return [
        Route("/explore/playground", there.page, methods=["GET"]),
        Route("/api/playground/draw", answering(there.drawn), methods=["GET"]),
        Route("/api/playground/nearest", answering(there.near), methods=["POST"]),
        Route("/api/playground/ask", answering(there.ask), methods=["POST"]),
        Route("/api/playground/stop", answering(there.stop), methods=["POST"]),
    ]


class _There:
    """What the playground answers."""

    def __init__(self, desk: Desk, playground: Playground) -> None:
        self._desk = desk
        self._playground = playground

    def page(self, request: Request) -> Response:
        """Show the form; `?id=` asks the question of a pair."""
        asked = told(self._desk.index, request.query_params.get("id", ""))
        models = places(self._desk.workspace)
        values = {"models": models, "asked": asked, "held_out": sizes(self._desk.index)}
        return self._desk.page(request, "playground.html", active="playground", **values)

    def drawn(self, request: Request, _: Mapping[str, Any]) -> dict[str, Any]:
        """Return a held-out question drawn by chance."""
        return {"question": draw(self._desk.index, request.query_params.get("split", ""))}

    def near(self, _: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nearest held-out question with its answer and source."""
        found = nearest(self._desk.index, str(body.get("question") or ""), str(body.get("input") or ""))
        return {"nearest": shown(self._desk.index, found) if found else None}

    def ask(self, _: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a model; of a held-out question also how it compares with the expected one."""
        try:
            asked = Asked.model_validate(body)
        except pydantic.ValidationError as error:
            raise UsageError(explain(error)) from None
        try:
            said = self._playground.ask(asked)
        except StoppedError:
            return {"stopped_by_hand": True}
        return {**said, "marks": marks(said["text"], nearest(self._desk.index, asked.question, asked.input))}

    def stop(self, _: Request, __: Mapping[str, Any]) -> dict[str, bool]:
        """End the process of the models."""
        return {"ended": self._playground.stop()}
