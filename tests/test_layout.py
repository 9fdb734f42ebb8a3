"""The house rules that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ALLOWED = {
    "schemas": {"schemas"},
    "generators": {"schemas", "generators"},
    "trainer": {"schemas", "trainer"},
    "builder": {"schemas", "generators", "trainer", "builder"},
}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str, root: Path):
    wrong = []
    for path in (root / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            wrong += [f"{path.name}: {name}" for name in names if name.split(".")[0] in set(ALLOWED) - ALLOWED[package]]

    assert wrong == []


def test_datasets_is_data_only_and_the_hugging_face_package_is_found(root: Path):
    code = "import datasets; print(datasets.__version__, hasattr(datasets, 'DatasetDict'))"

    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout

    assert found.strip().endswith("True")
    assert list((root / "datasets").rglob("*.py")) == []


def test_the_guard_stops_the_tests_when_code_appears_in_datasets(tmp_path: Path, root: Path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (tmp_path / "tests" / "test_nothing.py").write_text("def test_nothing(): pass\n")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("")

    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert result.returncode == 3
    assert "remove datasets/__init__.py" in result.stdout + result.stderr


def test_the_sample_company_is_large_enough_and_in_every_format(root: Path):
    files = [path for path in (root / "datasets" / "tarnwell").rglob("*") if path.is_file()]

    assert len(files) >= 24
    assert sum(len(path.read_text(encoding="utf-8").split()) for path in files) >= 20_000
    assert {path.suffix for path in files} == {".md", ".txt", ".html", ".csv", ".jsonl"}


def test_importing_a_package_imports_none_of_its_modules(root: Path):
    for package in ALLOWED:
        body = ast.parse((root / package / "__init__.py").read_text()).body
        assert isinstance(body[0], ast.Expr), package
        assert [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names] in ([], ["os"]), package
        assert not any(isinstance(node, ast.ImportFrom) for node in body), package


def test_no_file_names_a_machine_or_a_registry(root: Path):
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
    words = ["/wo" + "rk/", "py" + "pi.org", "registry." + "npmjs", "/tmp" + "/kp", "files.python" + "hosted"]

    for name in tracked:
        path = root / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".html", ".json", ""}:
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert [word for word in words if word in text] == [], name
