"""The index and the log of a review for those who need no page: both closed at the end."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from builder.review.heirs import heirs
from builder.review.index import Index
from builder.review.indexing import made_index
from builder.review.log import ReviewLog
from builder.review.sources import Sources


@contextmanager
def opened_review(workspace: Path) -> Iterator[tuple[Index, ReviewLog]]:
    """Open the index, which is made if need be, and the log of a workspace.

    Raises:
        WorkspaceError: there is nothing to review yet.
    """
    with closing(Index(made_index(Sources.of(workspace)), workspace)) as index, ReviewLog(workspace) as log:
        index.inherit(heirs(index, log))
        yield index, log
