"""The review server: pages and their JSON, all answers small and quick, every effect in the log of decisions."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import pydantic
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from builder.review.answering import answering, body_of
from builder.review.decide import ChangedError, InvalidTextsError, UnknownItemError
from builder.review.desk import PAGE, Desk
from builder.review.document_page import document_page
from builder.review.explore import routes as explored
from builder.review.filters import Filter
from builder.review.items import card
from builder.review.renewal import Renewal
from builder.review.repair import Problem
from builder.review.security import Doorkeeper, Guard
from builder.review.sources import Sources
from schemas.checks import explain
from schemas.errors import KilopairError, UsageError, WorkspaceError
from schemas.review import LONGEST_NAME, Standing, Texts

MOST_ROWS, MOST_CHANGES = 500, 500
MOST_BYTES = 8_000_000  # of a request
STATIC = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
Call = Callable[[Desk, Request, Mapping[str, Any]], Any]


def application(desk: Desk, door: Doorkeeper) -> ASGIApp:
    """Return the server as an ASGI application; nothing in it is reached but through the guard."""
    app = Starlette(
        routes=[*_routes(desk, door), *explored(desk)],
        exception_handlers={HTTPException: _http_error, KilopairError: _own_error, Exception: _bug},
        max_body_size=MOST_BYTES,
    )
    return Guard(app, door=door)


def _routes(desk: Desk, door: Doorkeeper) -> list[BaseRoute]:
    def get(path: str, answer: Call) -> Route:
        return Route(path, answering(partial(answer, desk)), methods=["GET"])

    def post(path: str, answer: Call) -> Route:
        return Route(path, answering(partial(answer, desk)), methods=["POST"])

    return [
        Route("/", _page(desk), methods=["GET"]),
        Route("/static/{name}", _static, methods=["GET"]),
        Route("/favicon.ico", lambda _: Response(status_code=204), methods=["GET"]),
        Route("/document/{name}", document_page(desk), methods=["GET"]),
        Route("/api/name", _name(door), methods=["POST"]),
        get("/api/facets", _facets),
        get("/api/items", _items),
        get("/api/item/{item}", _item),
        get("/api/progress", lambda desk, request, _: desk.progress(request.state.reviewer)),
        get("/api/changes", partial(_changes, renewal=Renewal(desk, Sources.of(desk.workspace)))),
        post("/api/decisions", _decisions),
        post("/api/bulk", _bulk),
        post("/api/check", _check),
        post("/api/lease", lambda desk, request, body: {"holder": desk.leases.take(_known(desk, body), request.state.reviewer)}),
    ]


def _facets(desk: Desk, _: Request, __: Mapping[str, Any]) -> dict[str, Any]:
    states = desk.index.states(Filter())
    return {
        **{name: [] for name in ("tasks", "documents", "reasons", "wheres", "splits", "families")},
        **desk.index.facets(),
        "states": [{"name": name, "n": n} for name, n in states.most_common() if n],
        "total": states.total(),
    }


def _items(desk: Desk, request: Request, _: Mapping[str, Any]) -> dict[str, Any]:
    given = request.query_params
    offset, limit = _number(given, "offset", 0, least=0), min(_number(given, "limit", 50, least=1), MOST_ROWS)
    seq = desk.log.last()
    found = desk.index.items(Filter.of(given), sort=given.get("sort") or "doubt", offset=offset, limit=limit)
    return {"total": found.total, "offset": offset, "rows": found.rows, "seq": seq}


def _item(desk: Desk, request: Request, _: Mapping[str, Any]) -> dict[str, Any]:
    item = request.path_params["item"]
    found = card(desk.index, item, rubric=desk.rubric)
    if found is None:
        raise UnknownItemError(f"{item}: no such item")
    standing = desk.deciding.standings([item]).get(item) or Standing(item=item, key="", state="undecided")
    said = {item, desk.index.heirs([item]).get(item, item)}
    events = {event.seq: event for one in said for event in desk.log.events(item=one)}  # an undo may be about both
    return found | {
        "problems": _problems(desk, found) if found["kind"] == "draft" else [],
        "standing": standing.model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for _, event in sorted(events.items())],
    }


def _problems(desk: Desk, found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what is wrong with a draft in the quarantine, by the check that a repair has to pass; else why it left."""
    texts = Texts.model_validate({name: found[name] for name in ("instruction", "input", "output", "history")})
    made = desk.deciding.check(found["id"], texts)
    return _told(made) if isinstance(made, list) else [{"field": "pair", "message": found["detail"] or found["reason"]}]


def _told(problems: list[Problem]) -> list[dict[str, str]]:
    return [{"field": problem.field, "message": problem.message} for problem in problems]


def _decisions(desk: Desk, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("events")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise UsageError("events: a list of events is missing")
    made = desk.deciding.decide(given, request.state.reviewer)
    return {
        "stored": [{"op": event.op, "seq": event.seq} for event in made.stored],
        "standings": _as_json(made.standings),
        "conflicts": made.conflicts,
        "progress": desk.progress(request.state.reviewer),
    }


def _bulk(desk: Desk, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    n = desk.deciding.bulk(body, request.state.reviewer)
    items = desk.index.changed(desk.index.bulk(body["op"])[1] - 1, MOST_CHANGES) if n else []
    told = {"standings": _as_json(desk.deciding.standings(items)), "progress": desk.progress(request.state.reviewer)}
    return {"bulk": body["op"], "n": n, **told}


def _check(desk: Desk, _: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        texts = Texts.model_validate(body.get("texts"))
    except pydantic.ValidationError as error:
        return {"problems": [{"field": "pair", "message": explain(error)}], "pair": None}
    made = desk.deciding.check(str(body.get("item")), texts)
    return {"problems": _told(made), "pair": None} if isinstance(made, list) else {"problems": [], "pair": made.model_dump(mode="json")}


def _changes(desk: Desk, request: Request, _: Mapping[str, Any], *, renewal: Renewal) -> dict[str, Any]:
    """Tell what was decided since; `reload`: too much to tell, or the pairs were made anew, so the page loads its list again."""
    renewal.look()
    after, dataset = _number(request.query_params, "after", 0, least=0), request.query_params.get("dataset")
    seq, key = desk.log.last(), renewal.key
    items = desk.index.changed(after, MOST_CHANGES + 1) if seq > after else []
    if len(items) > MOST_CHANGES or dataset not in (None, key):
        return {"seq": seq, "standings": {}, "reload": True, "dataset": key}
    return {"seq": seq, "standings": _as_json(desk.deciding.standings(items)), "reload": False, "dataset": key}


def _known(desk: Desk, body: Mapping[str, Any]) -> str:
    item = str(body.get("item"))
    if not desk.index.places([item]):
        raise UnknownItemError(f"{item}: no such item")
    return item


def _as_json(standings: Mapping[str, Standing]) -> dict[str, Any]:
    return {item: standing.model_dump(mode="json") for item, standing in standings.items()}


def _number(given: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = given.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) < least:
        raise UsageError(f"{name}: {text!r} is no number from {least} on")
    return int(text)


def _page(desk: Desk) -> Callable[[Request], Response]:
    return lambda request: desk.page(request, "review.html", active="review")


def _static(request: Request) -> Response:
    """Send files by their names, which must be of those that are there: nothing is made of a name but a comparison."""
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in STATIC}
    named = [files.get(name) for name in request.path_params["name"].split("+")]
    found = [path for path in named if path is not None]
    if len(found) < len(named) or len({path.suffix for path in found}) > 1:
        raise HTTPException(404)
    return Response(b"\n".join(path.read_bytes() for path in found), media_type=STATIC[found[0].suffix])


def _name(door: Doorkeeper) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        name = str((await body_of(request)).get("name") or "")
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise UsageError(f"name: give one of 1 to {LONGEST_NAME} letters")
        return door.named(JSONResponse({"reviewer": name}), name)

    return endpoint


def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "there is no such page", 405: "this cannot be done here", 413: "too much at once"}
    return JSONResponse({"error": words.get(status, "the request cannot be answered")}, status)


def _own_error(_: Request, error: Exception) -> Response:
    told: dict[str, Any] = {"error": str(error)}
    if isinstance(error, InvalidTextsError):
        return JSONResponse(told | {"problems": _told(list(error.problems))}, 422)
    statuses = {UnknownItemError: 404, ChangedError: 409, WorkspaceError: 503}
    return JSONResponse(told, statuses.get(type(error), 400))


def _bug(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"a mistake of kilopair ({type(error).__name__}); the terminal says where"}, 500)
