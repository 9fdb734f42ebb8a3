"""What decides the choice is part of the name of its output: a changed module makes the choice anew, and none is forgotten."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from builder.curate_stage import SPLIT_CODE
from builder.curation.choosing import CODE

OURS = ("builder", "generators", "schemas", "trainer")
CHOICE = ("builder.curation", "builder.dedup", "builder.select", "builder.caps", "builder.turns", "builder.balance")
SPLIT = tuple(name for name in SPLIT_CODE if name.startswith("builder.") and name != "builder.curation")
DECIDES_NOTHING = (
    "schemas", "builder.store", "builder.watch", "builder.step",  # shapes, files, progress; settings are hashed by their values
    "builder.pairs_inside",  # the name of a generator
    "generators.llm.vector_account", "builder.answers",  # what vectors cost, and where answers are remembered
)  # fmt: skip


@pytest.mark.parametrize(("decides", "code"), [(CHOICE, CODE), (SPLIT, SPLIT_CODE)])
def test_whatever_the_modules_of_a_stage_use_is_named_in_its_code(decides, code):
    known = (*code, *DECIDES_NOTHING)
    forgotten = {
        f"{used}, imported by {module}"
        for package in decides
        for module in modules(package)
        for used in imported(module)
        if not any(used == name or used.startswith(f"{name}.") for name in known)
    }

    assert set(decides) <= set(code)
    assert not forgotten


@cache
def modules(name):
    """Return a module, or all those of a package."""
    spec = find_spec(name)
    if not spec.submodule_search_locations:
        return (name,)
    folder = Path(spec.origin).parent
    return tuple(
        ".".join((name, *path.relative_to(folder).with_suffix("").parts)) for path in folder.rglob("*.py") if path.stem != "__init__"
    )


@cache
def imported(module):
    """Return which of our modules a module imports when it runs."""
    tree = ast.parse(Path(find_spec(module).origin).read_text(encoding="utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and id(node) not in typing and node.module]
    return {node.module for node in froms if node.module.split(".")[0] in OURS}
