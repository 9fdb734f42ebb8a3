"""What belongs together: pairs that a leak-free split must not tear apart, as connected components.

A random split of generated pairs leaks: 24% of the test rows of Alpaca-like data have a near copy in train. Here two pairs
are connected if they share a passage, a fact, a question or a quote, if their evidence overlaps, if their quotes or
(about one input, with one response) their questions are near copies by ROUGE-L, or if somebody found that they belong
together: a cluster of the deduplication, neighbours by their embeddings. Whole components then go to one split.

The components are those of a union-find forest with path halving (Tarjan and van Leeuwen 1984): O(log n) amortised for each
connection. Texts shared by many pairs connect each of them with the first one, so that there are as many connections as pairs.

A conversation asks several questions, one per turn, each after what was said before it: all of them count. A pair about no
passage (a redirect, a pair that a person brought along) is connected by everything else.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain

from builder.rouge import near_pairs, normalised, words
from schemas.records import Pair

QUOTE_WORDS = 5  # a shorter quote ("30 days") may stand in unrelated passages
NEAR_QUOTE = 0.9
CLUSTER = "cluster"  # in `extra`: the id of the pair whose near copy this one is (`builder.dedup`), or a file's own name for it

Edge = tuple[int, int]
Link = tuple[str, str]


def connected(pairs: Sequence[Pair], *, near: float, siblings: bool = False, links: Iterable[Link] = ()) -> list[list[int]]:
    """Return the places of `pairs` by component, in order.

    Args:
        pairs: all that will be divided.
        near: ROUGE-L F above which questions with one response are near.
        siblings: whether near questions belong together whatever their responses are.
        links: ids of two pairs that belong together for a reason of their own; ids that are not of `pairs` do no harm.
    """
    return components(
        len(pairs),
        chain(
            _shared(pairs), _overlapping(pairs), _near_quotes(pairs), near_questions(pairs, near, siblings=siblings), linked(pairs, links)
        ),
    )


def components(size: int, edges: Iterable[Edge]) -> list[list[int]]:
    """Return the connected components of the places 0 to `size` - 1, each in order, the components by their first place."""
    parents = list(range(size))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]  # path halving
        return place

    for one, other in edges:
        parents[root(one)] = root(other)
    found: dict[int, list[int]] = {}
    for place in range(size):
        found.setdefault(root(place), []).append(place)
    return list(found.values())


def question(pair: Pair) -> tuple[str, ...]:
    """Return what a pair asks, without case, punctuation at the end and kinds of quotes: instruction, input, and what was said before."""
    return normalised(pair.instruction), normalised(pair.input), *(normalised(turn.content) for turn in pair.history)


def questions(pair: Pair) -> list[tuple[str, ...]]:
    """Return what each turn of the user asks, as the pair would that ends there; the last one is `question`."""
    said = [normalised(turn.content) for turn in pair.history]
    return [*((said[place], "", *said[:place]) for place in range(0, len(said), 2)), question(pair)]


def passages(pair: Pair) -> tuple[str, ...]:
    """Return the passage that a pair rests on; none if it is about no document."""
    return (pair.provenance.chunk_id,) if pair.provenance.chunk_id else ()


def documents(pair: Pair) -> set[str]:
    """Return the documents that a pair rests on; none if it is about no document, as a pair of somebody's own file is not."""
    return {span.document_id for span in pair.evidence} | ({pair.provenance.document_id} if pair.provenance.chunk_id else set())


def quotes(pair: Pair) -> Iterator[tuple[str, ...]]:
    """Yield the words of every quote that is long enough to tell its passage from others."""
    for evidence in pair.evidence:
        quote = tuple(words(evidence.quote))
        if len(quote) >= QUOTE_WORDS:
            yield quote


def _shared(pairs: Sequence[Pair]) -> Iterator[Edge]:
    keyed: list[tuple[Hashable, int]] = []
    for place, pair in enumerate(pairs):
        keyed += [(("fact", pair.group), place), (("cluster", str(pair.extra.get(CLUSTER, pair.id))), place)]
        keyed += [(("passage", chunk), place) for chunk in passages(pair)]
        keyed += [(("question", asked), place) for asked in questions(pair)]
        keyed += [(("quote", quote), place) for quote in quotes(pair)]
    return _same(keyed)


def _same(keyed: Iterable[tuple[Hashable, int]]) -> Iterator[Edge]:
    """Connect each place with the first one of the same key."""
    first: dict[Hashable, int] = {}
    return ((first.setdefault(key, place), place) for key, place in keyed)


def _overlapping(pairs: Sequence[Pair]) -> Iterator[Edge]:
    """Sweep each document's evidence: a span that begins before the furthest end so far overlaps the span that ends there."""
    spans = sorted((span.document_id, span.start, span.end, place) for place, pair in enumerate(pairs) for span in pair.evidence)
    document, furthest, holder = "", 0, 0
    for document_id, start, end, place in spans:
        if document_id == document and start < furthest:
            yield holder, place
        if document_id != document or end > furthest:
            document, furthest, holder = document_id, end, place


def _near_quotes(pairs: Sequence[Pair]) -> Iterator[Edge]:
    holders: dict[tuple[str, ...], int] = {}
    for place, pair in enumerate(pairs):
        for quote in quotes(pair):
            holders.setdefault(quote, place)
    return _near(holders, NEAR_QUOTE)


def linked(pairs: Sequence[Pair], links: Iterable[Link]) -> Iterator[Edge]:
    """Yield the places of pairs that `links` name by their ids."""
    places = {pair.id: place for place, pair in enumerate(pairs)}
    return ((places[one], places[other]) for one, other in links if one in places and other in places)


def near_questions(pairs: Sequence[Pair], threshold: float, *, siblings: bool = False) -> Iterator[Edge]:
    """Connect questions about one input, with one response or with any (`siblings`), that are near copies of each other."""
    compared: dict[tuple[str, str], dict[tuple[str, ...], int]] = {}
    for place, pair in enumerate(pairs):
        asked = compared.setdefault(("" if siblings else normalised(pair.output), normalised(pair.input)), {})
        whole = " ".join([*(turn.content for turn in pair.history), pair.instruction])
        first = asked.setdefault(tuple(words(whole)), place)
        yield first, place
    for asked in compared.values():
        yield from _near(asked, threshold)


def _near(holders: dict[tuple[str, ...], int], threshold: float) -> Iterator[Edge]:
    """Connect the holders of near texts."""
    places = list(holders.values())
    if len(places) > 1:
        yield from ((places[left], places[right]) for left, right in near_pairs(list(holders), threshold).tolist())
