"""docs/pitfalls.md is complete and true: every number once, every test there, naming the number it is for."""

import ast
import re
from pathlib import Path

import pytest

NUMBERS = range(1, 132)
ROW = re.compile(r"^\| P(\d+) \| [SLWC] \| [^|]+ \| [^|]+ \|(?P<tests> `test_[^|]+` \|)?$")
TEST = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


@pytest.fixture(scope="module")
def rows():
    """The number of each row, with the file and the name of each of its tests."""
    lines = (Path(__file__).parent.parent / "docs" / "pitfalls.md").read_text(encoding="utf-8").splitlines()
    found = [(line, ROW.match(line)) for line in lines if line.startswith("| P")]
    assert [line for line, match in found if not match] == []
    return [(int(match[1]), TEST.findall(match["tests"] or "")) for _, match in found if match]


def test_every_pitfall_is_in_the_table_once(rows):
    assert sorted(number for number, _ in rows) == list(NUMBERS)


def test_every_test_of_the_table_exists_and_names_its_number(rows):
    named = [(number, file, name) for number, tests in rows for file, name in tests]
    said = {file: _said(Path(__file__).parent / file) for file in {file for _, file, _ in named}}

    assert len(named) > len(NUMBERS)
    assert [row for row in named if not re.search(rf"\b[Pp]{row[0]}\b", said[row[1]].get(row[2], ""))] == []


def _said(path):
    """Return the name and the docstring of every test of a file, by its name."""
    functions = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef))
    return {node.name: f"{node.name.replace('_', ' ')} {ast.get_docstring(node) or ''}" for node in functions}
