"""What belongs together: pairs that a leak-free split must not tear apart, as connected components.

A random split of generated pairs leaks: 24% of the test rows of Alpaca-like data have a near copy in train. Here two pairs
are connected if they share a passage, a fact, a question or a quote, if their evidence overlaps, or if their quotes or
(about one input, with one response) their questions are near copies by ROUGE-L. Whole components then go to one split.

A conversation asks several questions, one per turn, each after what was said before it: all of them count. A pair about no
passage (a redirect, a pair that a person brought along) is connected by everything else.
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


def quotes(pair: Pair) -> Iterator[tuple[str, ...]]:
    """Yield the words of every quote that is long enough to tell its passage from others."""
    for evidence in pair.evidence:
        quote = tuple(words(evidence.quote))
        if len(quote) >= QUOTE_WORDS:
            yield quote


def _shared(pairs: Sequence[Pair]) -> Iterator[Edge]:
    keyed: list[tuple[Hashable, int]] = []
    for place, pair in enumerate(pairs):
        keyed.append((("fact", pair.group), place))
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


def _near_questions(pairs: Sequence[Pair], threshold: float) -> Iterator[Edge]:
    responses: dict[tuple[str, str], dict[tuple[str, ...], int]] = {}
    for place, pair in enumerate(pairs):
        asked = responses.setdefault((normalised(pair.output), normalised(pair.input)), {})
        whole = " ".join([*(turn.content for turn in pair.history), pair.instruction])
        first = asked.setdefault(tuple(words(whole)), place)
        yield first, place
    for asked in responses.values():
        yield from _near(asked, threshold)


def _near(holders: dict[tuple[str, ...], int], threshold: float) -> Iterator[Edge]:
    """Connect the holders of near texts."""
    places = list(holders.values())
    if len(places) > 1:
        yield from ((places[left], places[right]) for left, right in near_pairs(list(holders), threshold).tolist())
