"""The documentation names what exists, and what it shows is what the program prints."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from builder.cli.main import COMMANDS
from builder.cli.use import FORMATS
from builder.export import FORMATS as WRITTEN_FORMATS
from builder.workspace import KEPT_OUTPUTS
from schemas.errors import EndpointError, InputError, TrainingError, UsageError, WorkspaceError
from schemas.recipe import Recipe


@pytest.fixture
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_every_command_and_every_section_of_the_recipe(readme: str):
    assert [name for name in COMMANDS if f"kilopair {name}" not in readme] == []
    sections = [
        name for name, info in Recipe.model_fields.items() if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
    ]
    assert [name for name in sections if f"`{name}" not in readme] == []


def test_the_readme_names_every_exit_code(readme: str):
    for error in (UsageError, InputError, EndpointError, WorkspaceError, TrainingError):
        assert re.search(rf"^\| {error.exit_code} \|", readme, re.MULTILINE), error


def test_the_command_line_offers_every_export_format():
    assert set(FORMATS) == set(WRITTEN_FORMATS)


def test_every_link_of_the_documentation_leads_somewhere(root: Path):
    for page in root.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (root / target).exists(), f"{page.name}: {target}"


def test_the_readme_says_how_many_outputs_are_kept(readme: str):
    assert f"newest {KEPT_OUTPUTS} outputs of each stage" in readme
