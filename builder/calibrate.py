"""The judge held against people: how far they agree, and from which score on a pair is to be kept.

Kept in the workspace as `judge_calibration.json`, which holds no text; it speaks of one judge (model, rubric) and of no other.
"""

from collections.abc import Container, Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from builder.agreement import auc, cohen, fit
from builder.store import read_json, write_json
from schemas.curation_judge import JudgeSection
from schemas.errors import InputError, WorkspaceError
from schemas.records import Record

FILE = "judge_calibration.json"
FEWEST = 30  # decisions: with fewer, the interval of kappa is wider than what it is to tell apart
PLAIN_THRESHOLD = 0.6  # where nobody has calibrated: between "useful but with a fault" and "good" on the shipped scales


class Calibration(Record):
    """What decisions say about a judge. Shares and scores are in [0, 1], intervals hold 95 %."""

    judge: str = Field(description="which judge: hash of its model and rubric")
    decisions: int
    kappa: float = Field(description="Cohen's kappa between the decisions and the threshold")
    kappa_low: float
    kappa_high: float
    kappa_expected: float = Field(description="what is to be expected of pairs that the threshold was not fitted to")
    threshold: float
    threshold_low: float
    threshold_high: float
    accepted_kept: int
    accepted_dropped: int
    rejected_kept: int
    rejected_dropped: int
    criteria: dict[str, float] = Field(description="how often an accepted pair has more points than a rejected one; 0.5 is chance")

    @property
    def is_useful(self) -> bool:
        """Whether the agreement is beyond chance."""
        return self.kappa_low > 0

    @property
    def sentence(self) -> str:
        """What it comes to, in words."""
        agreed = self.accepted_kept + self.rejected_dropped
        figures = f"kappa {self.kappa:.2f}, 95 % interval {self.kappa_low:.2f} to {self.kappa_high:.2f}"
        said = (
            f"the judge agrees with {agreed} of {self.decisions} decisions ({figures}; {self.kappa_expected:.2f} expected of other pairs)"
        )
        if not self.is_useful:
            return f"{said}, which may be chance: decide on more pairs, or try another judge.model or judge.rubric; auto does not use it"
        where = f"{self.threshold:.2f} ({self.threshold_low:.2f} to {self.threshold_high:.2f})"
        return f"{said}; judge.threshold: auto now drops pairs below {where}"


def calibrate(judge: str, scores: Mapping[str, Mapping[str, float]], decisions: Mapping[str, bool], *, seed: int = 0) -> Calibration:
    """Return what decisions say about a judge.

    The interval of kappa is that of Fleiss, Cohen and Everitt with its lower end moved down by what the threshold loses on
    decisions that did not choose it: simulated judges' kappa on 20,000 other pairs lay in it 92 to 99 times in 100 (30 to 100
    decisions), in the plain one 70 to 88 times.

    Args:
        judge: which judge it is.
        scores: of each judged pair, `judge` and `judge/...` for each criterion that it has points for.
        decisions: by pair id, whether a person accepts the pair; those without scores are left out.
        seed: of the bootstrap.

    Raises:
        InputError: there are too few decisions, or all of them are the same.
    """
    known = telling(decisions, scores, where="judged pairs")
    accepted = [decisions[pair_id] for pair_id in known]
    found = fit([scores[pair_id]["judge"] for pair_id in known], accepted, seed=seed)
    agreement = cohen(found.table)
    (accepted_kept, accepted_dropped), (rejected_kept, rejected_dropped) = found.table
    return Calibration(
        judge=judge,
        decisions=len(known),
        kappa=agreement.kappa,
        kappa_low=max(-1.0, agreement.low - (found.kappa - found.expected)),
        kappa_high=agreement.high,
        kappa_expected=found.expected,
        threshold=found.threshold,
        threshold_low=found.low,
        threshold_high=found.high,
        accepted_kept=accepted_kept,
        accepted_dropped=accepted_dropped,
        rejected_kept=rejected_kept,
        rejected_dropped=rejected_dropped,
        criteria=_by_criterion(scores, known, decisions),
    )


def telling(decisions: Mapping[str, bool], there: Container[str], *, where: str) -> list[str]:
    """Return the ids of the pairs that somebody decided on and that are there, sorted, if a threshold can be fitted to them.

    Args:
        decisions: by pair id.
        there: ids of the pairs that there are.
        where: what those are, for errors.

    Raises:
        InputError: there are too few of them, or all decisions are the same.
    """
    known = sorted(pair_id for pair_id in decisions if pair_id in there)
    if len(known) < FEWEST:
        lost = len(decisions) - len(known)
        others = f" ({lost} more name pairs that are not among them)" if lost else ""
        raise InputError(
            f"{len(known)} decisions on {where}, at least {FEWEST} are needed{others}; "
            "decide in kilopair review, or write a sheet with kilopair calibrate --write"
        )
    if len({decisions[pair_id] for pair_id in known}) == 1:
        same = "accept" if decisions[known[0]] else "reject"
        raise InputError(f"all {len(known)} decisions are {same}, which tells nothing about a threshold; decide on more pairs")
    return known


def save(folder: Path, calibration: Calibration) -> None:
    """Keep a calibration in a workspace, atomically; the one before it goes."""
    write_json(folder / FILE, calibration.model_dump(mode="json"))


def load(folder: Path) -> Calibration | None:
    """Return the calibration of a workspace, or None.

    Raises:
        WorkspaceError: it is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Calibration.model_validate(read_json(path))
    except ValidationError:
        raise WorkspaceError(f"{path}: damaged; delete it and run kilopair calibrate again") from None


def threshold_of(section: JudgeSection, judge: str, folder: Path) -> tuple[float, str]:
    """Return the threshold of a judge in a workspace, and what the user should be told about it, if anything."""
    if section.threshold != "auto":
        return section.threshold, ""
    found = load(folder)
    if found is not None and found.judge == judge and found.is_useful:
        return found.threshold, ""
    if found is None:
        why = "nobody has calibrated the judge"
    else:
        why = "the judge agrees with people no better than by chance" if found.judge == judge else "the calibration is of another judge"
    return PLAIN_THRESHOLD, f"judge.threshold is {PLAIN_THRESHOLD} because {why}; kilopair calibrate fits it to your decisions"


def _by_criterion(scores: Mapping[str, Mapping[str, float]], known: list[str], decisions: Mapping[str, bool]) -> dict[str, float]:
    names = dict.fromkeys(name for pair_id in known for name in scores[pair_id] if name.startswith("judge/"))
    found = {}
    for name in names:
        having = [pair_id for pair_id in known if name in scores[pair_id]]
        found[name.removeprefix("judge/")] = auc([scores[one][name] for one in having], [decisions[one] for one in having])
    return found
