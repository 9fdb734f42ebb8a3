"""What a cut took from the beginning of a chunk: the header of its table, what announces its list, the sentences that it goes on from."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from schemas.markdown import Block, Item, parse_blocks
from schemas.records import Chunk, Document

_LONGEST = 1000  # characters of a header or an announcement
_LONGEST_ITEM = 200
_MOST_ITEMS = 10
_LONGEST_BEFORE = 300  # characters of the neighbour's last sentences
_LEANS = re.compile(  # first words that mean something said before
    r"(?:th(?:is|at|ese|ose|ey|eir|en|erefore)|its?|he|she|such|both|neither|otherwise|however|instead|in (?:this|that|these|such) cases?"
    r"|diese[rsmn]?|dies|sie|es|dabei|dazu|cel(?:a|ui)|cet(?:te)?|ces?|ils?|elles?|est[aeo]s?)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)*_]{0,3}\s+|[。！？]\s*")


def context_of(document: Document, chunk: Chunk) -> str:
    """Return what a cut took from the beginning of the chunk.

    Of a table its header, of a list the items and the sentence above, of a section that goes on the end of the paragraph before.
    """
    blocks = _blocks_of(document.text)
    place = bisect_right(blocks, chunk.start, key=lambda block: block.start) - 1
    if place < 0 or chunk.start >= blocks[place].end:
        return ""
    block = blocks[place]
    if block.start == chunk.start:
        return _end_of_neighbour(document.text, blocks[place - 1], block) if place else ""
    if block.kind == "paragraph":
        return _last_sentences(document.text[block.start : chunk.start])
    if block.kind == "table":
        body = block.rows[1][0].start if len(block.rows) > 1 and block.rows[1] else block.end
        header = document.text[block.start : document.text.rfind("\n", 0, body)]
        return header if chunk.start >= body - len("| ") and len(header) <= _LONGEST else ""
    return _list_context(document.text, blocks[max(0, place - 1)], block, chunk.start) if block.kind == "list" else ""


def _end_of_neighbour(text: str, before: Block, block: Block) -> str:
    """The end of the paragraph before a block below the same heading, where the block leans on it or is announced by it.

    Elsewhere it would only draw questions to what is not in the chunk.
    """
    is_near = before.kind == "paragraph" and block.kind != "heading" and before.heading_path == block.heading_path
    leans = _LEANS.match(text, block.content.start) if block.kind == "paragraph" else text[before.end - 1] in ":："
    return _last_sentences(text[before.start : before.end]) if is_near and leans else ""


def _last_sentences(text: str) -> str:
    """As many of the last sentences as there is room for; of a longer one its last words."""
    end = text.strip()[-_LONGEST_BEFORE:]
    if len(end) == len(text.strip()):
        return end
    first = _SENTENCE_END.search(end, 0, len(end) - 1)
    return end[first.end() :] if first else "…" + end.partition(" ")[2]


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


@lru_cache(maxsize=256)  # asks go through the documents in turns
def _blocks_of(text: str) -> tuple[Block, ...]:
    return tuple(parse_blocks(text))
