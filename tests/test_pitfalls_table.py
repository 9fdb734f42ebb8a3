"""docs/pitfalls.md is complete and true: every number once, every test there, naming the number it is for."""

import ast
import re
from pathlib import Path

import pytest

NUMBERS = range(1, 132)
ROW = re.compile(r"^\| P(\d+) \| [SLWC] \| .+ \| .+ \|(?: `(test_\w+\.py)::(test_\w+)` \|)?$")


@pytest.fixture(scope="module")
def rows():
    """The number of each row, with the file and the name of its test where it has one."""
    lines = (Path(__file__).parent.parent / "docs" / "pitfalls.md").read_text(encoding="utf-8").splitlines()
    found = [(line, ROW.match(line)) for line in lines if line.startswith("| P")]
    assert [line for line, match in found if not match] == []
    return [(int(match[1]), match[2], match[3]) for _, match in found if match]


def test_every_pitfall_is_in_the_table_once(rows):
    assert sorted(number for number, _, _ in rows) == list(NUMBERS)


def test_every_test_of_the_table_exists_and_names_its_number(rows):
    said = {file: _said(Path(__file__).parent / file) for file in {file for _, file, _ in rows if file}}

    wrong = [(number, name) for number, file, name in rows if name and not re.search(rf"\b[Pp]{number}\b", said[file].get(name, ""))]

    assert wrong == []


def _said(path):
    """Return the name and the docstring of every test of a file, by its name."""
    functions = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef))
    return {node.name: f"{node.name.replace('_', ' ')} {ast.get_docstring(node) or ''}" for node in functions}
