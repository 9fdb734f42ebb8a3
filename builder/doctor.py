"""Checks of the machine, the installation, the recipe and the endpoint, before anything is spent."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import KilopairError
from schemas.recipe import Recipe

NEEDED = ("torch", "transformers", "trl", "datasets", "openai", "pydantic", "jsonschema", "pandas", "peft", "accelerate", "lemminflect")
FREE_GIGABYTES = 2.0
MEMORY_GIGABYTES = 3.0


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    what: str
    good: bool
    text: str

    def as_json(self) -> dict[str, object]:
        """Return the finding for JSON."""
        return asdict(self)


def examine(recipe: Callable[[], tuple[Recipe, Path] | None]) -> Iterator[Finding]:
    """Check everything that a run needs; `recipe` opens the recipe, or returns None if there is none."""
    yield Finding("python", sys.version_info >= (3, 11), f"{platform.python_version()} (3.11 or newer is needed)")
    yield _libraries()
    yield _datasets_package()
    yield _memory()
    yield _device()
    try:
        opened = recipe()
    except KilopairError as error:
        yield Finding("recipe", False, str(error))
        return
    if opened is None:
        yield Finding("recipe", True, "none here; write one with kilopair init")
        yield _disk(Path.cwd())
        return
    settings, root = opened
    yield Finding("recipe", True, f"valid; generator {settings.generate.generator}, base {settings.train.base}")
    yield _documents(settings, root)
    yield _disk(root)
    if settings.generate.generator == "openai":
        yield _endpoint(settings)


def _libraries() -> Finding:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("libraries", False, f"missing: {', '.join(missing)}; install kilopair again with its constraints file")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "trl", "datasets", "openai"))
    return Finding("libraries", True, versions)


def _datasets_package() -> Finding:
    """A folder `datasets` with an `__init__.py` on the path would hide the Hugging Face package."""
    spec = importlib.util.find_spec("datasets")
    origin = spec.origin if spec else None
    if origin is None or not (Path(origin).parent / "arrow_dataset.py").exists():
        return Finding(
            "datasets",
            False,
            f"`import datasets` finds {origin or 'a folder without code'}; remove any datasets/__init__.py and install datasets",
        )
    return Finding("datasets", True, "the Hugging Face package is found")


def _memory() -> Finding:
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return Finding(
        "memory",
        gigabytes >= MEMORY_GIGABYTES,
        f"{gigabytes:.1f} GB, {len(os.sched_getaffinity(0))} cores (the demo needs {MEMORY_GIGABYTES:.0f} GB)",
    )


def _device() -> Finding:
    import torch

    name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU only (enough for the embedded model)"
    return Finding("device", True, name)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 1e9
    return Finding("disk", free >= FREE_GIGABYTES, f"{free:.1f} GB free in {folder}")


def _documents(recipe: Recipe, root: Path) -> Finding:
    from builder.discover import discover

    try:
        found = discover(recipe.documents, root, leave_out=root / recipe.workspace)
    except KilopairError as error:
        return Finding("documents", False, str(error))
    return Finding("documents", bool(found), f"{len(found)} files in {recipe.documents.path}")


def _endpoint(recipe: Recipe) -> Finding:
    from generators.llm.endpoint import check_endpoint

    try:
        check_endpoint(recipe.endpoint)
    except KilopairError as error:
        return Finding("endpoint", False, str(error))
    return Finding("endpoint", True, f"{recipe.endpoint.base_url} has the model {recipe.endpoint.model}")
