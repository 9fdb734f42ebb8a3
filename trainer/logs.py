"""The curve in a tool of the user's choice while training: TensorBoard's files, or trackio's local board."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from schemas.errors import InputError

Tool = Literal["none", "tensorboard", "trackio"]
Write = Callable[[str, int, Mapping[str, float]], None]


def check_log(tool: Tool) -> None:
    """Refuse, before anything is loaded, a tool that is not installed."""
    if tool != "none" and find_spec(tool) is None:
        raise InputError(f"train.log: {tool} needs the package {tool}; pip install 'kilopair[{tool}]', or set train.log to none")


@contextmanager
def opened_log(tool: Tool, folder: Path) -> Iterator[Write]:
    """Yield the function that logs the points of a phase (phase, update, figures): TensorBoard's files go into `folder`."""
    if tool == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder)) as writer:

            def write(phase: str, step: int, point: Mapping[str, float]) -> None:
                for name, value in _plain(point).items():
                    writer.add_scalar(f"{phase}/{name}", value, step)

            yield write
    elif tool == "trackio":
        trackio: Any = import_module(tool)
        # It keeps its board in a folder of the user's cache; an interrupted training goes on in the same run.
        with redirect_stdout(sys.stderr):  # it talks, and standard output is ours
            trackio.init(project="kilopair", name=folder.parent.name, resume="allow", embed=False, auto_log_gpu=False, auto_log_cpu=False)
        yield lambda phase, step, point: trackio.log({f"{phase}/{name}": value for name, value in _plain(point).items()}, step=step)
        with redirect_stdout(sys.stderr):
            trackio.finish()
    else:
        yield lambda *_: None


def _plain(point: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in point.items() if name != "step"}
