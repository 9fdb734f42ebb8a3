"""Boilerplate: what stands in many documents of one folder or site, such as menus, cookie notices, signatures and legal lines.

It stays in `Document.text` and is left out of chunks.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from builder.locate import Span
from builder.repeats import HEADING, key_of
from schemas.markdown import Block, parse_blocks
from schemas.records import Chunk, Document

FEWEST_DOCUMENTS = 5
SHARE_OF_DOCUMENTS = 0.3
_RUN = 3  # items or rows: fewer of them are no boilerplate inside of a list or table with others
_DEEPEST = 8  # folders
_LINE_END = re.compile(r"\n")


@dataclass(frozen=True)
class _Unit:
    """A block, an item or a row with the hash of its words, 0 if it has none."""

    start: int
    end: int
    key: int
    is_header: bool = False


def boilerplate(documents: Iterable[Document]) -> dict[str, list[Span]]:
    """Return for each document with any the spans, in order, that many documents of one of its folders have."""
    blocks = {(document.id, document.path): _blocks(document.text) for document in documents}
    keys = {source: {unit.key for block in found for unit in block if unit.key} for source, found in blocks.items()}
    spread = Counter(key for mine in keys.values() for key in mine)
    keys = {source: {key for key in mine if spread[key] >= FEWEST_DOCUMENTS} for source, mine in keys.items()}
    sizes = Counter(folder for _, path in keys for folder in _folders(path))
    counts = Counter((folder, key) for (_, path), mine in keys.items() for folder in _folders(path) for key in mine)
    common: dict[str, list[Span]] = {}
    for (name, path), mine in keys.items():
        least = {folder: max(FEWEST_DOCUMENTS, SHARE_OF_DOCUMENTS * sizes[folder]) for folder in _folders(path)}
        many = {key for key in mine if any(counts[folder, key] >= least[folder] for folder in least)}
        if spans := [span for block in blocks[name, path] for span in _runs(block, many)]:
            common[name] = spans
    return common


def without(document: Document, chunks: Iterable[Chunk], spans: Sequence[Span], *, count: Callable[[str], int]) -> Iterator[Chunk]:
    """Cut the spans out of the document's chunks; what is left of a chunk, if it has words besides headings, is a chunk."""
    starts = [start for start, _ in spans]
    for chunk in chunks:
        first = max(0, bisect_left(starts, chunk.start) - 1)
        cuts = [span for span in spans[first : bisect_left(starts, chunk.end)] if span[1] > chunk.start]
        if not cuts:
            yield chunk
            continue
        edges = [chunk.start, *(edge for cut in cuts for edge in cut), chunk.end]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            text = document.text[start:end] if start < end else ""
            begin, stop = start + len(text) - len(text.lstrip("\n")), start + len(text.rstrip())
            if key_of(HEADING.sub("", text)):
                yield Chunk.of(document, begin, stop, chunk.heading_path, count(document.text[begin:stop]))


def _blocks(text: str) -> list[list[_Unit]]:
    """The blocks with words of their own, each as its items, its rows or itself."""
    return [_units(text, block) for block in parse_blocks(text) if block.kind not in ("heading", "rule")]


def _units(text: str, block: Block) -> list[_Unit]:
    cuts = []
    if block.kind == "list":
        cuts = [text.rfind("\n", 0, item.start) + 1 for item in block.items if item.depth == 0]
    elif block.kind == "table":
        cuts = [match.end() for match in _LINE_END.finditer(text, block.start, block.end)][1:]  # the header has its ruler
    edges = sorted({block.start, block.end, *(cut for cut in cuts if block.start < cut < block.end)})
    is_table = block.kind == "table"
    return [_Unit(start, end, key_of(text[start:end]), is_table and start == block.start) for start, end in pairwise(edges)]


def _runs(block: list[_Unit], many: set[int]) -> Iterator[Span]:
    """The whole block, or the runs of its items or rows, that are boilerplate; the header of a table stays with other rows."""
    if all(unit.key in many or not unit.key for unit in block):
        if any(unit.key for unit in block):
            yield block[0].start, block[-1].end
        return
    run: list[_Unit] = []
    for unit in [*block, None]:
        if unit and unit.key in many and not unit.is_header:
            run.append(unit)
            continue
        if len(run) >= _RUN:
            yield run[0].start, run[-1].end
        run = []


def _folders(path: str) -> list[str]:
    """The folders around a document, the whole first."""
    names = path.split("/")[:-1][:_DEEPEST]
    return ["/".join(names[:depth]) for depth in range(len(names) + 1)]
