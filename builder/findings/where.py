"""Where findings stand: places in many documents, with their lines."""

from collections.abc import Sequence
from itertools import groupby

from schemas.findings import Place, places, shortened
from schemas.records import Document


def pointed(spans: Sequence[tuple[Document, int, int]]) -> list[Place]:
    """Point at each span; the lines of a document are counted once, however many of its spans there are."""
    found: dict[int, Place] = {}
    order = sorted(range(len(spans)), key=lambda index: (id(spans[index][0]), spans[index][1]))
    for _, group in groupby(order, key=lambda index: id(spans[index][0])):
        indexes = list(group)
        document = spans[indexes[0]][0]
        found.update(zip(indexes, places(document, (spans[index][1:] for index in indexes), quote=shortened), strict=True))
    return [found[index] for index in range(len(spans))]
