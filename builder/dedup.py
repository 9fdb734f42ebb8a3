"""Near copies out, siblings kept: what is asked twice costs room among about 1,000 pairs and teaches nothing.

Alpaca and Self-Instruct drop an instruction whose ROUGE-L F with any kept one is above 0.7, and look at nothing else
(`alpaca=True` does exactly that). On company documents that rule throws facts away: "What is the price of the Brook
200?" and "What is the price of the Reef 400?" are 0.75 alike. It also misses what is put in another order: "For trips to
Bern, what is the limit?" So by default a cascade decides, each level with its reason:

1. **duplicate**: the same question, but for case, spacing and punctuation, with the same response;
2. **near_duplicate**: ROUGE-L of the questions above `threshold`;
3. **reworded**: Dice of all words of instruction and response above `near`, and half of the questions' words the same;
4. **same_meaning**: pairs that are `related`, such as those of near embeddings (see `curation/semantic.py`).

At each of them four rules stand on top:

- **Wordings** of one fact (same group) are wanted and never near copies of each other; only exact copies go.
- **Siblings** are kept: near-identical questions about two things. `curation/relation.py` decides that by the words that only
  one of them holds and by what they are answered: names and numbers tell them apart, other words do if the answers differ beside
  them, if they are rare, or if exchanging them has changed the answers of other questions ("kettle", "toaster"). Questions about
  another `input`, or after other turns of a conversation, are not compared. The score `sibling` of a pair counts its kept
  siblings that came before it.
- **Facts** leave as a whole: if any wording repeats a fact that was kept (same question, or a near copy that is no
  sibling and has the same response), all of its wordings go, so that no fact is left with a stray wording.
- **Conflicts** are named: one question with contradicting responses. The better one stays, the other one goes and its
  `detail` names the twin, for a person to look at; the score `conflicts` of the pair that stays counts them.

**Clusters** are stars around the pair that is kept, so nothing goes because of a chain of likenesses. A cluster is called by
the id of that pair: it is `extra["cluster"]` of the record in every `Dropped`, and the score `copies` of the kept pair counts
them. With `quality` the best pair of a cluster is kept, and the order of the pairs decides nothing; else the first one is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from builder.curation.cascade import Cascade
from builder.curation.greedy import copies
from builder.curation.levels import Verdict, Verdicts
from builder.review.accepted import is_accepted
from builder.rouge import alpaca_words
from schemas.records import Dropped, Pair, Reason

STAGE = "dedup"
CODE = ("builder.dedup", "builder.rouge")  # beside builder.curation
NEAR = 0.7

Quality = Callable[[Pair], float]
Related = Iterable[tuple[int, int, float]]


def dedup(  # noqa: PLR0913 settings, keyword-only
    pairs: Iterable[Pair],
    *,
    threshold: float,
    near: float = NEAR,
    quality: Quality | None = None,
    related: Related = (),
    accepted: Sequence[Pair] = (),
    alpaca: bool = False,
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, kept or dropped as a copy of a better one.

    Args:
        pairs: of any order if there is a quality, else better ones first.
        threshold: a question whose ROUGE-L F with a kept one is above this is a near copy.
        near: a pair whose words of instruction and response have a Dice above this is reworded; 1 switches this level off.
        quality: which of two copies is better; of equal ones that with the smaller id.
        related: near pairs by other means: their places in `accepted` and `pairs` together, and a score from 0 to 1.
        accepted: pairs that are kept already and not yielded; they are better than all others.
        alpaca: decide as Alpaca does, bit for bit: instructions only, ASCII words, no siblings, no groups.
    """
    listed = [*accepted, *pairs]
    order = _order(listed, len(accepted), quality)
    verdicts = _alpaca(listed, order, threshold) if alpaca else Cascade(listed, order, threshold, near, related).verdicts()
    yield from islice(_decided(listed, verdicts), len(accepted), None)


def reviewed_first(
    pairs: Iterable[Pair], *, related: Related, dedup_by: Callable[..., Iterator[Pair | Dropped]]
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, kept or dropped: what people accepted is compared with itself first, and is then better than the rest.

    Args:
        pairs: of any order, as `dedup` has them.
        related: near pairs, by their places in `pairs`.
        dedup_by: `dedup` with its settings, all but `related` and `accepted`.
    """
    listed, near = list(pairs), list(related)
    first = [place for place, pair in enumerate(listed) if is_accepted(pair)]
    records: dict[int, Pair | Dropped] = {}
    if first:
        records.update(zip(first, dedup_by([listed[place] for place in first], related=_among(first, near)), strict=True))
    kept = {place: record for place, record in records.items() if isinstance(record, Pair)}
    rest = [place for place in range(len(listed)) if place not in records]
    others = dedup_by([listed[place] for place in rest], related=_among([*kept, *rest], near), accepted=list(kept.values()))
    records.update(zip(rest, others, strict=True))
    yield from (records[place] for place in range(len(listed)))


def _among(places: Sequence[int], related: Related) -> list[tuple[int, int, float]]:
    """Return the near pairs of some places, by where they stand among these."""
    at = {place: number for number, place in enumerate(places)}
    return [(at[one], at[other], score) for one, other, score in related if one in at and other in at]


def _order(pairs: Sequence[Pair], accepted: int, quality: Quality | None) -> list[int]:
    """Return the places of the pairs, those first that are kept rather than others."""
    rest = range(accepted, len(pairs))
    ranked = sorted(rest, key=lambda place: (-quality(pairs[place]), pairs[place].id)) if quality else rest
    return [*range(accepted), *ranked]


def _decided(listed: Sequence[Pair], verdicts: Verdicts) -> Iterator[Pair | Dropped]:
    """Yield the pairs with what was decided about them."""
    gone = [verdict for verdict in verdicts.values() if isinstance(verdict, Verdict)]
    copied = Counter(verdict.twin for verdict in gone)
    conflicts = Counter(verdict.twin for verdict in gone if verdict.reason == Reason.CONFLICT)
    for place, pair in enumerate(listed):
        verdict = verdicts.get(place, 0)
        if isinstance(verdict, Verdict):
            named = pair.model_copy(update={"extra": pair.extra | {"cluster": listed[verdict.twin].id}})
            yield Dropped.of(named, STAGE, verdict.reason, verdict.detail)
        else:
            scores = {"sibling": verdict, "copies": copied[place], "conflicts": conflicts[place]}
            found = {name: float(count) for name, count in scores.items() if count}
            yield pair.model_copy(update={"scores": pair.scores | found}) if found else pair


def _alpaca(pairs: Sequence[Pair], order: Sequence[int], threshold: float) -> Verdicts:
    """Decide as Alpaca does."""
    verdicts: Verdicts = {}
    texts = (alpaca_words(pairs[place].instruction) for place in order)
    for place, (twin, score) in copies(texts, threshold).items():
        detail = f"ROUGE-L {score:.2f} with {pairs[order[twin]].id}"
        verdicts[order[place]] = Verdict(Reason.NEAR_DUPLICATE, detail, order[twin])
    return verdicts
