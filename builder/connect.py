"""What belongs together: pairs that a leak-free split must not tear apart, as connected components.

A random split of generated pairs leaks: 24% of the test rows of Alpaca-like data have a near copy in train. Here two pairs
are connected if they share a passage, a fact, a question or a quote, if their evidence overlaps, or if their quotes or
(about one input, with one response) their questions are near copies by ROUGE-L. Whole components then go to one split.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence

from builder.rouge import near_pairs, normalised, words
from schemas.records import Pair

QUOTE_WORDS = 5  # a shorter quote ("30 days") may stand in unrelated passages
NEAR_QUOTE = 0.9

Edge = tuple[int, int]


def connected(pairs: Sequence[Pair], *, near: float) -> list[list[int]]:
    """Return the places of `pairs` by component; `near` is the ROUGE-L F above which questions with one response are near."""
    parents = list(range(len(pairs)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]  # path halving
        return place

    for edges in (_shared(pairs), _overlapping(pairs), _near_quotes(pairs), _near_questions(pairs, near)):
        for one, other in edges:
            parents[root(one)] = root(other)
    components: dict[int, list[int]] = {}
    for place in range(len(pairs)):
        components.setdefault(root(place), []).append(place)
    return list(components.values())


def question(pair: Pair) -> tuple[str, str]:
    """Return what a pair asks, without case, punctuation at the end and kinds of quotes: its instruction and its input."""
    return normalised(pair.instruction), normalised(pair.input)


def quotes(pair: Pair) -> Iterator[tuple[str, ...]]:
    """Yield the words of every quote that is long enough to tell its passage from others."""
    for evidence in pair.evidence:
        quote = tuple(words(evidence.quote))
        if len(quote) >= QUOTE_WORDS:
            yield quote


def _shared(pairs: Sequence[Pair]) -> Iterator[Edge]:
    keyed: list[tuple[Hashable, int]] = []
    for place, pair in enumerate(pairs):
        keys = (("passage", pair.provenance.chunk_id), ("fact", pair.group), ("question", question(pair)))
        keyed += [(key, place) for key in keys]
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


def _near_questions(pairs: Sequence[Pair], threshold: float) -> Iterator[Edge]:
    responses: dict[tuple[str, str], dict[tuple[str, ...], int]] = {}
    for place, pair in enumerate(pairs):
        asked = responses.setdefault((normalised(pair.output), normalised(pair.input)), {})
        first = asked.setdefault(tuple(words(pair.instruction)), place)
        yield first, place
    for asked in responses.values():
        yield from _near(asked, threshold)


def _near(holders: dict[tuple[str, ...], int], threshold: float) -> Iterator[Edge]:
    """Connect the holders of near texts."""
    places = list(holders.values())
    if len(places) > 1:
        yield from ((places[left], places[right]) for left, right in near_pairs(list(holders), threshold).tolist())
