"""A diagnosis in words, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from schemas.diagnosis import CAUSES, DOUBTS, LEVELS, Diagnosis, Probed, Suspect, Weak
from schemas.records import Pair

WORST, FAILURES, SUSPECTS = 5, 3, 5  # lines of each table


def told(found: Diagnosis, pairs: Mapping[str, Pair]) -> str:
    """Return the diagnosis as lines; texts are looked up in `pairs`."""
    return "\n".join(_lines(found, pairs))


def _lines(found: Diagnosis, pairs: Mapping[str, Pair]) -> Iterator[str]:
    yield f"{found.wrong:,} of {found.n:,} held-out answers of the tuned model are wrong"
    for title, parts in (("document", found.weak.by_document), ("section", found.weak.by_section), ("task", found.weak.by_task)):
        yield from _table(title, parts)
    if found.failures:
        yield "\nwhy"
        yield from (f"  {count:>5,}  {CAUSES[cause]}" for cause, count in found.causes.items())  # pyright: ignore[reportArgumentType]
    for one in found.failures[:FAILURES]:
        yield f"\n  {_short(pairs[one.pair_id].instruction)}\n    {one.pair_id}: {one.reason}"
    if found.probe:
        yield from _known(found, found.probe)
    yield from _suspects(found.suspects, pairs)


def _table(title: str, parts: Sequence[Weak]) -> Iterator[str]:
    wrong = [part for part in parts if part.wrong]
    if not wrong:
        return
    yield f"\nwrong by {title}"
    for part in wrong[:WORST]:
        span = f"{part.low:.0%} to {part.high:.0%}" if part.low is not None and part.high is not None else "few questions"
        yield f"  {part.share:>5.0%}  {f'{part.wrong} of {part.n}':<11} {span:<14} {_short(part.name)}"
    if len(wrong) > WORST:
        yield f"         and {len(wrong) - WORST} more"


def _known(found: Diagnosis, probe: Probed) -> Iterator[str]:
    how = f"each asked in {probe.prompts} ways" + (f", {probe.samples} samples of each" if probe.samples else "")
    yield f"\nwhat is known: {probe.facts} of {probe.of} facts, {how} (rows: base, columns: tuned)"
    yield " " * 16 + "".join(f"{level.replace('_', ' '):>14}" for level in LEVELS)
    for level, counts in zip(LEVELS, found.transitions, strict=True):
        yield f"  {level.replace('_', ' '):<14}" + "".join(f"{count:>14}" for count in counts)
    if probe.verbatim:
        yield f"  {probe.verbatim:.0%} of the tuned model's questions stand in train word for word: facts held, not found by new words"
    yield f"  better known after training: {probe.gained}; less well known: {probe.damaged}"
    if probe.choices:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in probe.first.items())
        yield f"  finds the right answer among {probe.choices}: {shares} (by chance {probe.chance:.0%})"


def _suspects(suspects: Sequence[Suspect], pairs: Mapping[str, Pair]) -> Iterator[str]:
    yield f"\n{len(suspects)} training pairs to look at" + ("" if suspects else ": none stands out")
    for one in suspects[:SUSPECTS]:
        pair = pairs[one.pair_id]
        yield f"  {one.pair_id}  {DOUBTS[one.doubt]}: {one.reason}"
        yield f"    {_short(pair.instruction)} -> {_short(pair.output)}"
        yield f"    from {' › '.join((one.document, *one.section))}"
    if len(suspects) > SUSPECTS:
        yield f"  and {len(suspects) - SUSPECTS} more in diagnosis.json"


def _short(text: str, width: int = 90) -> str:
    words = " ".join(text.split())
    return words if len(words) <= width else words[: width - 1] + "…"
