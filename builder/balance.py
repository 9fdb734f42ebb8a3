"""What a set made by rules is balanced by: the families' groups with their shares, and the sections that pairs come from."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from builder.existing import GENERATOR as BROUGHT
from builder.pairs_inside import GENERATOR as INSIDE
from generators.extractive.catalogue import family_of, groups
from schemas.markdown import parse_blocks
from schemas.records import Document, Pair

CODE = ("builder.balance", "generators.extractive.catalogue")
RULES = "extractive"
ASKED = "questions"  # the group of questions that people wrote


def group_of(pair: Pair) -> str:
    """Return the group of the family that a pair is of, or an empty string."""
    if pair.provenance.generator in {INSIDE, BROUGHT}:
        return ASKED
    family = family_of(pair.provenance.rule, pair.task)
    return family.group if family else ""


@dataclass(frozen=True)
class Balance:
    """How `select` spreads pairs over groups and sections.

    Args:
        shares: the largest share of each group in the target.
        first: groups that take what a dry group leaves, up to twice their share; the others follow.
        never: groups that take nothing of it.
        group_of: the group of a pair; a group without a share has no cap.
        section_of: the section that a pair's answer stands in.
        wordings: of a fact before another fact of its group is better, for groups where that is fewer than elsewhere.
    """

    shares: Mapping[str, float]
    first: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    group_of: Callable[[Pair], str] = group_of
    section_of: Callable[[Pair], str] = lambda pair: pair.provenance.chunk_id
    wordings: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[Document]) -> "Balance":
        """Return the balance of the families, over the sections of the documents."""
        every = groups().values()
        return cls(
            shares={group.name: group.share for group in every},
            first=frozenset(group.name for group in every if group.spill == "first"),
            never=frozenset(group.name for group in every if group.spill == "never"),
            section_of=sections_of(documents),
            wordings={group.name: group.wordings for group in every},
        )


def by_rules(pairs: Iterable[Pair]) -> bool:
    """Whether rules made some of the pairs, so that there are families to balance."""
    return any(family_of(pair.provenance.rule, pair.task) for pair in pairs if pair.provenance.generator == RULES)


def sections_of(documents: Iterable[Document]) -> Callable[[Pair], str]:
    """Return what tells the section of a pair: the last heading before its first evidence, else its passage."""
    starts = {document.id: [block.start for block in parse_blocks(document.text) if block.kind == "heading"] for document in documents}

    def section(pair: Pair) -> str:
        first = pair.evidence[0] if pair.evidence else None
        if first is None or first.document_id not in starts:
            return pair.provenance.chunk_id or pair.group
        return f"{first.document_id}/{bisect_right(starts[first.document_id], first.start)}"

    return section
