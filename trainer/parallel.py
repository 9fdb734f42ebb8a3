"""Several processes that train together, started by torchrun or accelerate launch: one does the work of the run, the others follow.

Only process 0 reads the recipe, makes the stages and writes files. The others wait until it reaches a training, are given
the same pairs and settings, compute their share of every update, and write nothing.
"""

import atexit
import functools
import os
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from schemas.errors import KilopairError, TrainingError

_PATIENCE = timedelta(days=7)  # until process 0 has made the pairs; a process that dies is noticed by the launcher
_SECONDS_TO_SPEAK = 5.0  # what all processes find wrong, process 0 says; the launcher ends the others meanwhile
_UNSUITED = (
    "this was started for several processes (accelerate launch --cpu), but on a CPU accelerate starts only one; "
    "use torchrun --nproc_per_node 2 --no-python kilopair train recipe.yaml"
)
DIVIDED = (
    "kilopair train keeps the whole model in every process, so it cannot run under FSDP or DeepSpeed; start it with torchrun "
    "--nproc_per_node 4 --no-python kilopair train recipe.yaml, with train.method: lora or qlora where memory is short, or train the "
    "pairs without it: kilopair export recipe.yaml --format prompt-completion --output data, then accelerate launch --config_file "
    f"{Path(__file__).parent / 'launch' / 'fsdp.yaml'} -m trl.scripts.sft "
    "--model_name_or_path BASE --dataset_name data --output_dir trained"
)
_following = False
_broadcasts = 0
_SET = ("true", "1", "yes", "on")


def processes() -> int:
    """Return how many processes the launcher started; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_follower() -> bool:
    """Tell whether another process does the reading and writing."""
    return processes() > 1 and int(os.environ.get("RANK", "0")) > 0


def check_processes(found: int) -> None:
    """Refuse to train with fewer processes than were asked for: each would train on everything, or one would do it alone (P116, P118).

    Raises:
        TrainingError: they are not as many as the launcher was asked for.
    """
    if "WORLD_SIZE" not in os.environ and "MASTER_PORT" in os.environ and "ACCELERATE_USE_CPU" in os.environ:
        raise TrainingError(_UNSUITED)
    if found != processes():
        raise TrainingError(f"{processes()} processes were started, but {found} would train together; start them with torchrun")


def check_launch() -> None:
    """Refuse a launcher that divides a model over processes, before a model is loaded.

    Raises:
        TrainingError: it is FSDP or DeepSpeed; says how else to train.
    """
    if any(os.environ.get(name, "").lower() in _SET for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")):
        raise TrainingError(DIVIDED)


def hand_out(job: Mapping[str, Any] | None) -> Any:
    """Give a training to all processes, or None when there is nothing more to do; each gets what process 0 gave.

    Alone, and in a process that follows, this returns what it was given.
    """
    if processes() == 1 or _following:
        return job
    return _broadcast(job)


def agree(value: Any) -> Any:
    """Return what process 0 has here, in every process; all of them have to come by."""
    return value if processes() == 1 else _broadcast(value)


def follow(work: Callable[..., object]) -> None:
    """Take part in every training that process 0 hands out, until there are no more; ends the process."""
    global _following  # noqa: PLW0603 - a process follows from its start to its end
    _following = True
    try:
        while (job := _next_job()) is not None:
            work(**job)
    except KilopairError as error:
        time.sleep(_SECONDS_TO_SPEAK)
        sys.exit(f"kilopair: process {os.environ['RANK']}: {error}")
    sys.exit(0)


def _next_job() -> Any:
    try:
        return _broadcast(None)
    except RuntimeError as error:  # gloo has no error of its own
        raise TrainingError("process 0 is gone; it says why") from error


def _broadcast(given: Any) -> Any:
    """Return what process 0 gives here, over the launcher's key-value store.

    Not as tensors: gloo frees a broadcast's tensor in a thread of its own, which aborts the process (exit -6) when
    Python ends at that moment.
    """
    global _broadcasts  # noqa: PLW0603 - the number of this exchange, the same in all processes
    store = _store()
    name = f"kilopair/{_broadcasts}"
    _broadcasts += 1
    if not is_follower():
        store.set(name, pickle.dumps(given))
        return given
    given = pickle.loads(store.get(name))  # noqa: S301 - written by process 0 of this launch
    if store.add(f"{name}/read", 1) == processes() - 1:
        store.delete_key(name)
    return given


@functools.cache
def _store() -> Any:
    """Return the store of this launch; the first call joins the processes for the collectives of a training too."""
    import torch
    from torch import distributed

    store, rank, together = next(distributed.rendezvous("env://", timeout=_PATIENCE))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=together, timeout=_PATIENCE)
    store.set_timeout(_PATIENCE)
    atexit.register(distributed.destroy_process_group)
    return store
