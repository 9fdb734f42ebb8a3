"""A document as it was read, whole, with the evidence of an item marked."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from builder.review.desk import Desk
from builder.review.items import evidence_in, page_of
from schemas.records import Document

Span = tuple[int, int]


class Part(NamedTuple):
    """A run of a document's text; the first one that is evidence is where a reader wants to be."""

    text: str
    is_evidence: bool = False
    is_first: bool = False


class Leaf(NamedTuple):
    """A page of a document in runs, or all of one that has no pages."""

    page: str
    parts: list[Part]


def document_page(desk: Desk) -> Callable[[Request], Response]:
    """Return the endpoint that shows a document; `?item=` names whose evidence is marked."""

    def endpoint(request: Request) -> Response:
        document = desk.index.document(request.path_params["name"])
        if document is None:
            raise HTTPException(404)
        record = desk.index.item(request.query_params.get("item", ""))
        spans = [(span.start, span.end) for span in evidence_in(record, document)] if record else []
        return desk.page(request, "document.html", document=document, leaves=leaves(document, spans))

    return endpoint


def leaves(document: Document, spans: Sequence[Span]) -> list[Leaf]:
    """Return a document by its pages, in runs that are evidence or not; all runs together are its text."""
    cuts = sorted({0, len(document.text), *(page.start for page in document.pages)})
    first = min((start for start, _ in spans), default=-1)
    return [
        Leaf(page_of(document, start, start + 1) or "", list(_parts(document.text, (start, end), spans, first)))
        for start, end in pairwise(cuts)
    ]


def _parts(text: str, within: Span, spans: Sequence[Span], first: int) -> Iterator[Part]:
    start, end = within
    inside = {place for span in spans for place in span if start < place < end}
    for one, other in pairwise(sorted({start, end} | inside)):
        yield Part(text[one:other], any(a <= one and other <= b for a, b in spans), one == first)
