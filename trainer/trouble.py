"""Out of memory, said in one line that tells what to change."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from schemas.errors import TrainingError
from schemas.training import TrainSection

_SIGNS = ("can't allocate memory", "out of memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")


@contextmanager
def memory_trouble(section: TrainSection) -> Iterator[None]:
    """Turn what torch raises when memory runs out into advice; another error stays what it is."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in str(error) for sign in _SIGNS)):
            raise
        raise TrainingError(f"the memory ran out during training: {_advice(section)}") from error


def _advice(section: TrainSection) -> str:
    steps = [f"lower train.batch_tokens (it is {section.batch_tokens})"]
    if section.method == "full":
        steps.append("take train.method: lora")
    elif torch.cuda.is_available() and section.method != "qlora":
        steps.append("take train.method: qlora")
    return ", ".join([*steps, "shorten the longest pairs, or take a smaller base"])
