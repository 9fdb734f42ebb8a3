"""Train, validation, test and paraphrase, free of leaks by construction and proved to be.

**test** and **validation** are whole components (see `connect`): no passage, fact, question or evidence of theirs occurs
anywhere else. Test holds two sets that are measured apart: new questions on documents that train knows from other passages,
and pairs on documents of which nothing is in train, which have the flag `held_out_document` (see `hold_out`).

**paraphrase** holds other wordings of facts that stay in train: it asks whether the model knows the fact
or only the sentence. Part of it uses question forms that train has with other facts, part of it forms that train has
nowhere, which is harder; the two are measured apart.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress
from typing import Literal

from builder.connect import Link, connected, documents, passages, question, questions, quotes
from builder.hold_out import HELD_OUT, hold_out, on_held_out
from builder.wordings import TAUGHT, Wordings, seeded
from schemas.errors import KilopairError
from schemas.records import Evidence, Pair, Split

NAMED = 3  # pairs that leak, in the message


def split(  # noqa: PLR0913 one keyword for each share of the recipe
    pairs: Iterable[Pair],
    *,
    test: float,
    validation: float,
    paraphrase: float,
    unseen_forms: float,
    seed: int,
    near: float = 0.7,
    held_out_documents: float = 0.0,
    siblings: bool = False,
    links: Iterable[Link] = (),
) -> Iterator[Pair]:
    """Yield every pair in order with its split.

    Args:
        pairs: the chosen ones.
        test: share of the pairs, reached as nearly as whole components allow.
        validation: likewise.
        paraphrase: largest share of the pairs; less if the facts in train have too few wordings.
        unseen_forms: share of paraphrase whose form is withheld from train altogether.
        seed: decides which; the order of the pairs does not.
        near: ROUGE-L F above which two questions with the same response belong together.
        held_out_documents: share of the documents of which nothing is in train, and whose pairs are in test beside `test`.
        siblings: whether near questions belong together whatever their responses are.
        links: ids of two pairs that belong together, such as those of one cluster.
    """
    listed = list(pairs)
    free = sorted(
        connected(listed, near=near, siblings=siblings, links=links),
        key=lambda places: min(seeded(seed, listed[place].id) for place in places),
    )
    held = hold_out(listed, free, held_out_documents, seed=seed)
    unknown = [place for index in held for place in free[index]]
    free = [places for index, places in enumerate(free) if index not in held]
    splits = _whole_components(listed, free, {"test": test, "validation": validation})
    for place in unknown:
        splits[place] = "test"
    flagged = on_held_out(listed, unknown)
    withheld = Wordings(listed, splits, seed).withhold(round(paraphrase * len(listed)), unseen_forms)
    for place, pair in enumerate(listed):
        flags = (*(flag for flag in pair.flags if flag != HELD_OUT), *((HELD_OUT,) if place in flagged else ()))
        yield pair.model_copy(update={"split": "paraphrase" if place in withheld else splits[place], "flags": flags})


def paraphrase_kind(pair: Pair, train_forms: AbstractSet[str]) -> Literal["seen", "unseen"]:
    """Return whether the form of a withheld wording occurs in train with other facts."""
    return "seen" if pair.form in train_forms else "unseen"


def held_out(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Return the held-out sets, disjoint: test, test_documents (on held-out documents), paraphrase_seen and paraphrase_unseen."""
    forms = {pair.form for pair in pairs if pair.split == "train"}
    sets: dict[str, list[Pair]] = {"test": [], "test_documents": [], "paraphrase_seen": [], "paraphrase_unseen": []}
    for pair in pairs:
        if pair.split == "test":
            sets["test_documents" if HELD_OUT in pair.flags else "test"].append(pair)
        elif pair.split == "paraphrase":
            sets[f"paraphrase_{paraphrase_kind(pair, forms)}"].append(pair)
    return sets


def prove(pairs: Sequence[Pair]) -> dict[str, int]:
    """Count every way in which held-out pairs could have leaked; all counts are 0.

    Raises:
        KilopairError: one is not (names the held-out pairs that leak), or a pair has no split.
    """
    names: tuple[Split, ...] = ("train", "validation", "test", "paraphrase")
    parts = {name: [pair for pair in pairs if pair.split == name] for name in names}
    if sum(map(len, parts.values())) != len(pairs):
        raise KilopairError("there are pairs without a split; split them first")
    taught = Counter(pair.group for pair in parts["train"])
    asked = {what for name in ("train", "validation") for pair in parts[name] for what in questions(pair)}
    found: dict[str, list[Pair]] = {}
    for name in ("test", "validation"):
        others = [pair for pair in pairs if pair.split != name]
        ways = shared(parts[name], others)
        found |= {f"{name}_{what}_elsewhere": [*compress(parts[name], leaking)] for what, leaking in ways.items()}
    held = {document for pair in parts["test"] if HELD_OUT in pair.flags for document in documents(pair)}
    found["held_out_documents_elsewhere"] = [pair for pair in pairs if pair.split != "test" and not held.isdisjoint(documents(pair))]
    withheld = parts["paraphrase"]
    answers = {(pair.group, pair.output) for pair in parts["train"]}
    found["paraphrase_questions_in_train"] = [pair for pair in withheld if question(pair) in asked]
    found["paraphrase_answers_not_taught"] = [pair for pair in withheld if (pair.group, pair.output) not in answers]
    found["paraphrase_facts_not_taught"] = [pair for pair in withheld if taught[pair.group] < TAUGHT]
    if leaks := {what: leaking for what, leaking in found.items() if leaking}:
        told = ", ".join(f"{what.replace('_', ' ')}: {named(leaking)}" for what, leaking in leaks.items())
        raise KilopairError(f"the split leaks ({told}); make it again with kilopair's split")
    return dict.fromkeys(found, 0)


def named(pairs: Sequence[Pair]) -> str:
    """Return how many pairs there are, and the ids of the first few."""
    ids = " ".join(pair.id for pair in pairs[:NAMED])
    return f"{len(pairs)} ({ids}{' ...' if len(pairs) > NAMED else ''})"


def shared(held: Sequence[Pair], others: Sequence[Pair]) -> dict[str, list[bool]]:
    """Return for each way to leak whether each held-out pair shares something with others: O(pairs + spans × log spans)."""
    used = {passage for pair in others for passage in passages(pair)}
    facts = {pair.group for pair in others}
    asked = {what for pair in others for what in questions(pair)}
    quoted = {quote for pair in others for quote in quotes(pair)}
    spans = _merged(span for pair in others for span in pair.evidence)
    return {
        "passages": [not used.isdisjoint(passages(pair)) for pair in held],
        "facts": [pair.group in facts for pair in held],
        "questions": [not asked.isdisjoint(questions(pair)) for pair in held],
        "quotes": [not quoted.isdisjoint(quotes(pair)) for pair in held],
        "evidence": [any(_overlaps(span, spans) for span in pair.evidence) for pair in held],
    }


def _merged(spans: Iterable[Evidence]) -> dict[str, list[tuple[int, int]]]:
    """Return by document what the spans cover, as disjoint spans in order."""
    merged: dict[str, list[tuple[int, int]]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        covered = merged.setdefault(span.document_id, [])
        if covered and span.start < covered[-1][1]:
            covered[-1] = (covered[-1][0], max(covered[-1][1], span.end))
        else:
            covered.append((span.start, span.end))
    return merged


def _overlaps(span: Evidence, merged: dict[str, list[tuple[int, int]]]) -> bool:
    covered = merged.get(span.document_id, [])
    before = bisect_left(covered, (span.end, 0))  # so many begin before this one ends
    return before > 0 and covered[before - 1][1] > span.start


def _whole_components(pairs: Sequence[Pair], free: Sequence[Sequence[int]], shares: dict[Split, float]) -> list[Split]:
    """Give whole components to test and validation until their shares are full, first where the task mix gains; the rest is train."""
    splits: list[Split] = ["train"] * len(pairs)
    tasks = Counter(pair.task for pair in pairs)
    for name, share in shares.items():
        wanted = {task: share * count for task, count in tasks.items()}
        chosen = _fill([Counter(pairs[place].task for place in places) for places in free], round(share * len(pairs)), wanted)
        if share and not chosen and len(free) > len(shares):
            chosen = {min(range(len(free)), key=lambda index: len(free[index]))}  # too large, but better than none
        for index in chosen:
            for place in free[index]:
                splits[place] = name
        free = [places for index, places in enumerate(free) if index not in chosen]
    return splits


def _fill(components: Sequence[Counter[str]], budget: int, missing: dict[str, float]) -> set[int]:
    """Choose components (their task counts) within the budget: first those that mostly bring tasks still missing, then any."""
    chosen: set[int] = set()
    for picky in (True, False):
        for index, brings in enumerate(components):
            useful = sum(min(count, max(missing[task], 0)) for task, count in brings.items())
            if index not in chosen and brings.total() <= budget and (useful >= brings.total() / 2 or not picky):
                chosen.add(index)
                budget -= brings.total()
                missing |= {task: missing[task] - count for task, count in brings.items()}
    return chosen
