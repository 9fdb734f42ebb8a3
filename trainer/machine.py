"""The machine: how many threads to use, which device, and libraries that keep quiet."""

import contextlib
import ctypes
import logging
import os
import warnings
from pathlib import Path

import torch

# mallopt's M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD, in bytes
_KEEP_BLOCKS = ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 64 << 20))
_KERNELS = "24"  # that oneDNN keeps; with its default of 1,024 every length of a batch adds some, 2 GB in 80 updates, and none is faster
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Return the cores this process may use: its affinity, capped by the container's quota (which torch does not see)."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = _QUOTA.read_text().split()[:2]
        if quota != "max":
            allowed = min(allowed, max(1, int(quota) // int(period)))
    return allowed


def prepare() -> None:
    """Set the number of threads and keep the libraries from reporting, warning and drawing bars of their own."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KERNELS)  # read at its first product
    if (wanted := _threads()) and torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)
    _keep_memory()
    _quiet()


def _threads() -> int | None:
    """Return how many threads this process should use, or None where the user has said it."""
    together = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes of one launch share the cores
    said = os.environ.get("OMP_NUM_THREADS")
    if said is not None and not (together > 1 and said == "1"):  # torchrun says 1, however many cores there are
        return None
    return max(1, cores() // together)


def _keep_memory() -> None:
    """Have glibc keep large blocks for the next update: taken anew, their pages are cleared each time, a tenth of a training."""
    with contextlib.suppress(OSError, AttributeError):  # another system, another allocator
        libc = ctypes.CDLL("libc.so.6")
        for option, value in _KEEP_BLOCKS:
            libc.mallopt(option, value)


def _quiet() -> None:
    import datasets
    import transformers
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True
    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("trl").setLevel(logging.ERROR)
    for library in ("trl", "transformers", "peft"):
        warnings.filterwarnings("ignore", category=FutureWarning, module=library)


def arithmetic() -> str:
    """Say what decides how sums are rounded: the accelerator, or the processor's instructions and the number of threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    count = torch.get_num_threads()
    return f"{count} thread{'s' * (count > 1)} with {torch.backends.cpu.get_cpu_capability()}"


def device() -> torch.device:
    """Return the accelerator of this process if there is one, else the CPU."""
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else torch.device("cpu")
