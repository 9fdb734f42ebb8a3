"""What this machine has free, and what two real updates on the widest batch take: measured in a process of its own.

An estimate says what a training should hold; only a trial knows what the libraries around it hold as well. It runs in a child,
so that its peak is its own, and so that a child killed for memory leaves a message instead of a dead parent.
"""

import contextlib
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schemas.errors import InputError, TrainingError
from schemas.records import Pair
from schemas.training import TrainSection

UPDATES = 2  # the optimizer makes its states in the first, the second runs with all of them there
_GROUPS = Path("/sys/fs/cgroup")
_BOOT = """
import json, sys
given = json.load(sys.stdin)
sys.path[:] = given.pop("path")
from trainer.trial import run
print(json.dumps(run(**given)))
"""
_KILLED = (-9, 137)
_OUR_ERROR = re.compile(r"^schemas\.errors\.\w+: ")
ADVICE = "lower train.batch_tokens, take train.method: lora, a smaller base, or shorter pairs"


@dataclass(frozen=True)
class Trial:
    """The measured peak in bytes beyond what Python and the libraries held before, what those held, and the seconds of an update."""

    peak: int
    libraries: int
    seconds: float


def free_bytes(device: str = "cpu") -> int:
    """Return the memory that a new training could take: of the accelerator, or of the machine within the limits of its container."""
    import psutil
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return min([int(psutil.virtual_memory().available), *left_in_groups(_GROUPS)])


def left_in_groups(root: Path) -> list[int]:
    """Return what the limits of this process' control groups leave (version 2, then 1); files kept in memory do not count as taken."""
    with contextlib.suppress(OSError):
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
        names = {line.split(":", 2)[2].strip("/") for line in own if line.count(":") >= 2} | {""}
        folders = {root / name for name in names} | {root / "memory" / name for name in names}
        folders |= {parent for folder in folders for parent in folder.parents if parent.is_relative_to(root)}
        return [left for folder in folders if (left := _left(folder)) is not None]
    return []


def _left(group: Path) -> int | None:
    for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        with contextlib.suppress(OSError, ValueError):
            most, taken = int((group / limit).read_text()), int((group / used).read_text())
            return max(0, most - taken + _reclaimable(group))
    return None


def _reclaimable(group: Path) -> int:
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(dict(lines)["inactive_file"])
    return 0


def trial(pairs: Sequence[Pair], *, base: str, section: TrainSection, most_seconds: float = 600.0) -> Trial:
    """Train two updates on the widest batch of these pairs in a child, save nothing, and return its peak.

    Raises:
        TrainingError: the child was killed, most likely for memory, or took too long.
        InputError: the base or the pairs cannot be trained at all; the reason is the child's.
    """
    given = [pair.model_dump(mode="json") for pair in pairs]
    asked = {"path": sys.path, "base": base, "section": section.model_dump(mode="json"), "pairs": given}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _BOOT], input=json.dumps(asked), capture_output=True, text=True, timeout=most_seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(f"two updates of {base} took more than {most_seconds:.0f} s on this machine; take a smaller base") from error
    if done.returncode in _KILLED:
        raise TrainingError(f"two updates of {base} were killed, most likely for memory; {ADVICE}")
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"two updates of {base} failed: {_OUR_ERROR.sub('', said)}")
    return Trial(**json.loads(done.stdout.splitlines()[-1]))


def run(base: str, section: dict[str, Any], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Run the two updates in this process and return the figures; called in the child only."""
    import tempfile

    from trainer.model import load_tokenizer

    load_tokenizer(base)  # a base that is not there is told before the slow imports
    from trainer import sft_trainer  # noqa: F401 - imported before the memory is looked at

    before = _held()
    with tempfile.TemporaryDirectory() as folder:
        seconds = _updates(base, TrainSection.model_validate(section), [Pair.model_validate(pair) for pair in pairs], Path(folder))
    return asdict(Trial(peak=_peak() - before, libraries=before, seconds=round(seconds / UPDATES, 3)))


def _updates(base: str, section: TrainSection, pairs: list[Pair], folder: Path) -> float:
    import torch

    from trainer.adapters import four_bits
    from trainer.base import is_embedded
    from trainer.machine import prepare
    from trainer.model import load
    from trainer.plan import Plan, widest
    from trainer.rows import pair_rows
    from trainer.settings import resolve
    from trainer.sft_trainer import Job, build
    from trainer.templates import choose_template

    prepare()
    model, tokenizer = load(base, dtype=torch.float32, quantization=four_bits(section))
    template = choose_template(tokenizer, section.template, system=section.system)
    rows = pair_rows(pairs, template)
    batch = widest(rows, section.batch_tokens)
    settings = resolve(section, embedded=is_embedded(base), parameters=model.num_parameters())
    job = Job(model, template, section, settings, 0, folder)
    trainer = build(job, Plan(batch, [list(range(len(batch)))] * UPDATES, 1.0, (UPDATES,)), [])
    started = time.perf_counter()
    trainer.train()
    return time.perf_counter() - started


def _held() -> int:
    """Return the memory that this process holds now, and have its peak counted from here where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    return _most()


def _peak() -> int:
    import torch

    if torch.cuda.is_available():
        return _held() + int(torch.cuda.max_memory_reserved())
    with contextlib.suppress(OSError):
        return _status("VmHWM")
    return _most()


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def _most() -> int:
    """Return the most that this process ever held; macOS counts in bytes, Linux in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
