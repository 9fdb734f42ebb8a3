"""Which of the candidates to take, in one sentence with its reason."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from schemas.records import Pair
from trainer.candidate_scores import bytes_of_answers
from trainer.candidates import OWN, Candidate

_SURE = 2.0  # standard errors of a paired difference


def recommend(candidates: Sequence[Candidate], questions: Sequence[Pair]) -> tuple[str | None, str]:
    """Return the base to take and why, or None and why none.

    Of those that load, hold every pair and fit into memory, the one with the fewest bits per byte of the expected answers; a smaller
    one instead if the difference is within two standard errors, question by question.
    """
    usable = [found for found in candidates if not _obstacle(found)]
    if not usable:
        reasons = "; ".join(f"{found.base}: {_obstacle(found)}" for found in candidates)
        return None, f"none of them can be trained on this dataset as it is ({reasons})"
    best = min(usable, key=_bits)
    chosen = min((found for found in usable if _is_as_good(found, best, questions)), key=lambda found: found.parameters or 0)
    return chosen.base, _reason(chosen, best, usable)


def _bits(found: Candidate) -> float:
    return found.bits_per_byte if found.bits_per_byte is not None else math.inf


def _obstacle(found: Candidate) -> str:
    """Say why a candidate cannot be taken, or nothing."""
    if found.problem:
        return found.problem
    if found.lengths and found.lengths.over:
        return f"{found.lengths.over} pairs are longer than its context of {found.lengths.context:,} tokens"
    if found.fits is False:
        return "training it does not fit into memory; try train.method: lora or a smaller train.batch_tokens"
    return ""


def _is_as_good(found: Candidate, best: Candidate, questions: Sequence[Pair]) -> bool:
    """Tell whether a candidate is the best, or smaller and not surely worse."""
    if found is best:
        return True
    if (found.parameters or 0) >= (best.parameters or 0):
        return False
    if len(found.bits) != len(questions) or len(best.bits) != len(questions) or len(questions) < 2:
        return False
    sizes = bytes_of_answers(questions)
    worse = [(ours - theirs) / size for ours, theirs, size in zip(found.bits, best.bits, sizes, strict=True)]
    return fmean(worse) <= _SURE * stdev(worse) / math.sqrt(len(worse))


def _reason(chosen: Candidate, best: Candidate, usable: Sequence[Candidate]) -> str:
    if len(usable) == 1:
        said = f"take {chosen.base}: it is the only one that loads, holds every pair and fits into memory"
    elif chosen is best:
        second = min((found for found in usable if found is not chosen), key=_bits)
        said = f"take {chosen.base}: it needs the fewest bits per byte of your answers ({_bits(chosen):.2f}, next {_bits(second):.2f})"
    else:
        said = (
            f"take {chosen.base}: {_bits(chosen):.2f} bits per byte of your answers are within the error of the best "
            f"({best.base}, {_bits(best):.2f}), and it is smaller"
        )
    return said + _reservations(chosen, usable)


def _reservations(chosen: Candidate, usable: Sequence[Candidate]) -> str:
    said = ""
    shown = [found for found in usable if found.few_shot is not None]
    answering = max(shown, key=lambda found: found.few_shot.token_f1 if found.few_shot else 0.0, default=chosen)
    if answering is not chosen and answering.few_shot and chosen.few_shot and answering.few_shot.token_f1 > chosen.few_shot.token_f1:
        said += f"; {answering.base} answers better after examples (F1 {answering.few_shot.token_f1:.2f})"
    if chosen.licence == OWN and len(usable) > 1:
        said += "; it has read your documents and nothing else, so it will know no other words"
    elif chosen.licence == "unknown":
        said += "; its licence is not known, so find out before you pass the tuned model on"
    if chosen.gguf:
        said += f"; it cannot be written as GGUF here ({chosen.gguf})"
    return said
