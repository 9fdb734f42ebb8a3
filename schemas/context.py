"""What stands around a chunk: its neighbours, and what a cut took from its beginning, such as the header of its table."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from schemas.markdown import Block, Item, parse_blocks
from schemas.records import Chunk, Document

_LONGEST = 1000  # characters of a header or an announcement
_LONGEST_ITEM = 200
_MOST_ITEMS = 10


def neighbours(chunks: Sequence[Chunk], chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
    """Return the chunks before and after `chunk` in its document, of `chunks` in order."""
    place = next(place for place, other in enumerate(chunks) if other.id == chunk.id)
    around = (chunks[place - 1] if place else None, chunks[place + 1] if place + 1 < len(chunks) else None)
    before, after = (other if other and other.document_id == chunk.document_id else None for other in around)
    return before, after


def context_of(document: Document, chunk: Chunk) -> str:
    """Return what a cut took from the beginning of the chunk: the header of its table, the items and the sentence above its list."""
    blocks = _blocks_of(document.text)
    place = bisect_right(blocks, chunk.start, key=lambda block: block.start) - 1
    if place < 0 or not blocks[place].start < chunk.start < blocks[place].end:
        return ""
    block = blocks[place]
    if block.kind == "table":
        body = block.rows[1][0].start if len(block.rows) > 1 and block.rows[1] else block.end
        header = document.text[block.start : document.text.rfind("\n", 0, body)]
        return header if chunk.start >= body - len("| ") and len(header) <= _LONGEST else ""
    return _list_context(document.text, blocks[max(0, place - 1)], block, chunk.start) if block.kind == "list" else ""


def _list_context(text: str, before: Block, block: Block, start: int) -> str:
    """The sentence that announces the list, if one does, and the items above that the one at `start` belongs to."""
    line_end = text.find("\n", start, block.end)
    place = bisect_right(block.items, line_end if line_end > 0 else block.end, key=lambda item: item.start) - 1
    above = _items_above(text, block.items[: place + 1], start)
    announced = before.kind == "paragraph" and before.end - before.start <= _LONGEST and text[before.end - 1] in ":："
    lead = [text[before.start : before.end], ""] if announced else []
    return "\n".join([*lead, *above]).strip("\n")


def _items_above(text: str, items: Sequence[Item], start: int) -> list[str]:
    """The beginnings of the items that hold the last one, from the outermost in; of the last one too if `start` is in its middle."""
    if not items:
        return []
    depth = items[-1].depth + (items[-1].start < start)
    above: list[str] = []
    for item in reversed(items):
        if item.depth < depth and len(above) < _MOST_ITEMS:
            words = text[text.rfind("\n", 0, item.start) + 1 : item.end].split("\n", 1)[0]
            above.insert(0, words if len(words) <= _LONGEST_ITEM else words[:_LONGEST_ITEM] + "…")
            depth = item.depth
        if not depth:
            break
    return above


@lru_cache(maxsize=4)
def _blocks_of(text: str) -> tuple[Block, ...]:
    return tuple(parse_blocks(text))
