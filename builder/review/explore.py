"""The pages that explore a run: funnel, documents, clusters, dataset, disputes, and the playground of its models.

All are made on the server from the index, the log and the figures of the run; whatever comes from documents is escaped by the templates.
"""

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from builder.report.charts.flow import flow
from builder.review import explore_dataset
from builder.review.desk import Desk
from builder.review.explore_clusters import RELATIONS, clusters
from builder.review.explore_coverage import COUNTED, ORDERS, covered, heat_map, one_document, silent_chunks
from builder.review.explore_disputes import Agreement, disputes
from builder.review.explore_funnel import funnel_figures
from builder.review.explore_playground import playground_routes
from builder.review.explore_run import Run
from builder.review.filters import UNDECIDED, Filter
from builder.review.index import Index
from builder.review.playground import Playground
from schemas.records import SPLITS
from schemas.review import REASONS


def routes(desk: Desk) -> list[BaseRoute]:
    """Return the pages below /explore and what the playground asks for below /api/playground."""
    pages = _Pages(desk)
    shown = {
        "funnel": pages.funnel,
        "documents": pages.documents,
        "clusters": pages.clusters,
        "dataset": pages.dataset,
        "disputes": pages.disputes,
    }
    return [
        Route("/explore", lambda _: RedirectResponse("/explore/funnel"), methods=["GET"]),
        *(Route(f"/explore/{name}", endpoint, methods=["GET"]) for name, endpoint in shown.items()),
        Route("/explore/documents/{name}", pages.document, methods=["GET"]),
        *playground_routes(desk, Playground(desk.workspace)),
    ]


class _Pages:
    """The pages of one review; what is expensive to count is kept until it changes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._agreement = Agreement(desk)
        self._kept: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {}

    def funnel(self, request: Request) -> Response:
        """Show the way from files to the splits."""
        figures, index = self._counted("funnel", _funnel), self._desk.index
        chart = flow(figures["flow"], figures["splits"], title="From drafts to the splits")
        states = {name: number for name, number in index.states(Filter()).items() if number and name != UNDECIDED}
        return self._page(request, "funnel", funnel=figures, chart=chart, states=states)

    def documents(self, request: Request) -> Response:
        """Show the heat map of documents and their sections."""
        given = {
            "counted": _one_of(request, "counted", COUNTED, "chosen"),
            "order": _one_of(request, "order", ORDERS, "read"),
            "text": request.query_params.get("text", "").strip(),
        }
        all_documents = covered(self._desk.index, counted=given["counted"])
        found = heat_map(all_documents, order=given["order"], text=given["text"], page=_number(request))
        return self._page(request, "documents", given=given, found=found, counted=COUNTED, orders=ORDERS)

    def document(self, request: Request) -> Response:
        """Show one document section by section."""
        silent = self._counted("silent", lambda run, index: silent_chunks(index, run.dropped()))
        found = one_document(self._desk.index, request.path_params["name"], silent)
        if found is None:
            raise HTTPException(404)
        return self._page(request, "documents", template="sections.html", document=found)

    def clusters(self, request: Request) -> Response:
        """Show the clusters of copies."""
        given = {"relation": _one_of(request, "relation", RELATIONS, ""), "text": request.query_params.get("text", "").strip()}
        found = clusters(self._desk.index, **given, page=_number(request))
        return self._page(request, "clusters", given=given, found=found)

    def dataset(self, request: Request) -> Response:
        """Show the chosen pairs of a split."""
        index, order = self._desk.index, _one_of(request, "order", explore_dataset.ORDERS, "order")
        split, task = _one_of(request, "split", SPLITS, ""), request.query_params.get("task", "")
        given = {"split": split, "task": task, "text": request.query_params.get("text", "").strip(), "order": order}
        asked = Filter(where="chosen", split=split, task=task, text=given["text"])
        return self._page(
            request,
            "dataset",
            given=given,
            found=explore_dataset.pairs(index, asked, order=order, page=_number(request)),
            splits=explore_dataset.splits(index),
            tasks=explore_dataset.tasks(index),
            chart=explore_dataset.lengths(index, split),
            orders={name: words for name, (words, _) in explore_dataset.ORDERS.items()},
        )

    def disputes(self, request: Request) -> Response:
        """Show what reviewers disagree about, and how far they agree."""
        found = disputes(self._desk, page=_number(request))
        return self._page(request, "disputes", found=found, agreed=self._agreement.now(), reasons=REASONS)

    def _counted(self, name: str, count: Callable[[Run, Index], dict[str, Any]]) -> dict[str, Any]:
        """Return what is counted over a run and the index: once, until either changes."""
        run, index = Run.of(self._desk.workspace), self._desk.index
        made_of = *run.stamp, str(index.path)
        if name not in self._kept or self._kept[name][0] != made_of:
            self._kept[name] = made_of, count(run, index)
        return self._kept[name][1]

    def _page(self, request: Request, active: str, *, template: str = "", **values: Any) -> Response:
        return self._desk.page(request, template or f"{active}.html", active=active, page=_number(request), **values)


def _funnel(run: Run, index: Index) -> dict[str, Any]:
    left = index.select("SELECT DISTINCT stage, reason, place FROM items WHERE reason != ''")
    return funnel_figures(run, {(row["stage"], row["reason"]): row["place"] for row in left})


def _one_of(request: Request, name: str, known: Any, default: str) -> str:
    """Return a value of the query if it is one that we know, else the default: an address may be old, or typed."""
    value = request.query_params.get(name, default)
    return value if value in known else default


def _number(request: Request) -> int:
    """Return the number of the page, counted from 0; in the address from 1."""
    text = request.query_params.get("page", "1")[:9]
    return max(0, int(text) - 1) if text.isascii() and text.isdigit() else 0
