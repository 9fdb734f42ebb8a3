"""What a person changed of a pair, or of a draft that failed, made into a pair by the checks that every draft passes.

There is one validator, `builder.validate`: this file makes a draft of the new texts and asks it. A pair that is edited keeps its
evidence, fact and form, and loses what was found out about its old text: scores, signs of doubt, a judge's flags.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from builder.curation.ground import unresolved
from builder.curation.ground_signs import SIGNS
from builder.review.accepted import EDITED, FLAGS, REPAIRED
from builder.validate import DraftError, Rules, pair_of, problems
from generators.interface import is_doubtful
from schemas.checks import user_schema
from schemas.recipe import CurateSection
from schemas.records import Chunk, Document, Draft, Dropped, Evidence, Pair, Reason, Record
from schemas.review import Texts

Field = Literal["instruction", "input", "output", "history", "quotes", "extra", "pair"]
STAGES = ("generate", "validate")  # that leave drafts in the quarantine
_CLUSTER, _JUDGE = "cluster", "judge/"


class Problem(Record):
    """Why new texts make no pair: where, in words, and the reason that a run would drop them for."""

    field: Field
    message: str
    reason: Reason = Reason.SCHEMA


@dataclass(frozen=True)
class Settings:
    """What the recipe says of valid pairs: most words of a response, and the user's own schema of `extra`."""

    max_words: int
    extra_schema: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, section: CurateSection, root: Path) -> Self:
        """Read them from the section `curate`; its schema is relative to `root`.

        Raises:
            RecipeError: the schema cannot be read or is none.
        """
        return cls(section.max_words, user_schema(root / section.pair_schema) if section.pair_schema else None)


def repaired(
    item: Draft | Pair, texts: Texts, *, documents: Mapping[str, Document], chunks: Mapping[str, Chunk], settings: Settings
) -> Pair | list[Problem]:
    """Return the pair that new texts make of an item, or all that keeps them from being one, the first reason first.

    Args:
        item: a valid pair, or a draft that failed.
        texts: what it says now; without quotes the evidence is what it was.
        documents: the sources by id, of the items at least.
        chunks: the chunks by id, for quotes that occur more than once.
        settings: what the recipe says of valid pairs.
    """
    rules = Rules(documents, chunks, settings.max_words, settings.extra_schema)
    kept = _kept(item, texts) if isinstance(item, Pair) else ()
    draft = _draft(item, texts, kept)
    if wrong := [*map(_problem, problems(draft, rules)), *_lost(kept, item, documents)]:
        return wrong
    pair = pair_of(draft, rules)
    flags = (*(flag for flag in pair.flags if _outlives(flag)), EDITED if isinstance(item, Pair) else REPAIRED)
    extra = {name: value for name, value in pair.extra.items() if name != _CLUSTER}
    evidence = tuple(dict.fromkeys((*kept, *pair.evidence)))
    return pair.model_copy(update={"evidence": evidence, "grounding": item.grounding, "flags": tuple(dict.fromkeys(flags)), "extra": extra})


def id_after(item: Draft | Pair, texts: Texts) -> str:
    """Return the id that an item has once a person has given it these texts."""
    return _draft(item, texts, ()).id


def draft_in(dropped: Dropped) -> Draft | None:
    """Return the draft that waits in the quarantine, if it is a whole one that a person could repair."""
    if dropped.stage not in STAGES or "quotes" not in dropped.record:
        return None
    try:
        return Draft.model_validate(dropped.record)
    except ValueError:
        return None


def _kept(pair: Pair, texts: Texts) -> tuple[Evidence, ...]:
    """Return the evidence of a pair that stays its evidence."""
    return tuple(evidence for evidence in pair.evidence if texts.quotes is None or evidence.quote in texts.quotes)


def _draft(item: Draft | Pair, texts: Texts, kept: Iterable[Evidence]) -> Draft:
    """Return the draft of the new texts; it quotes only what is not evidence already."""
    known = {evidence.quote for evidence in kept}
    if isinstance(item, Draft):
        quotes = item.quotes if texts.quotes is None else texts.quotes
        spans = item.spans if quotes == item.quotes else ()
    else:
        quotes, spans = tuple(quote for quote in texts.quotes or () if quote not in known), ()
    return Draft.of(
        task=item.task,
        instruction=texts.instruction,
        input=texts.input,
        output=texts.output,
        quotes=quotes,
        spans=spans,
        group=item.group,
        form=item.form,
        provenance=item.provenance,
        history=texts.history,
        grounding="none" if known and not quotes else item.grounding,
        flags=item.flags,
        extra=dict(item.extra),
    )


def _lost(kept: tuple[Evidence, ...], item: Draft | Pair, documents: Mapping[str, Document]) -> list[Problem]:
    """Return what to say of evidence that no longer stands where it stood."""
    found = unresolved(item.model_copy(update={"evidence": kept}), documents) if isinstance(item, Pair) and kept else ""
    return [Problem(field="quotes", message=found, reason=Reason.UNGROUNDED)] if found else []


def _problem(error: DraftError) -> Problem:
    named = error.field if error.field != "pair" else str(error).partition(":")[0].partition(".")[0]
    field = cast("Field", named) if named in get_args(Field) else "pair"
    return Problem(field=field, message=str(error), reason=error.reason)


def _outlives(flag: str) -> bool:
    """Whether what a flag says does not depend on the texts that were changed."""
    return not (is_doubtful((flag,)) or flag in SIGNS or flag.startswith(_JUDGE) or flag in FLAGS)
