"""Scanned pages: off unless the recipe names Tesseract's data, and then for the files that it concerns only."""

import io
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from liteparse.parser import LiteParse

from builder.formats import formats
from builder.recipe_file import load_recipe
from builder.stages import read
from builder.step import DOCUMENTS, QUARANTINE, Step
from builder.store import read_records
from builder.workspace import Output, Workspace
from schemas.errors import RecipeError
from schemas.recipe import DocumentsSection, Recipe
from schemas.records import Document, Dropped
from tests.make_pdf import make_pdf, paragraph

READER = """
import os
from builder.formats import Format
from builder.readers.content import Content

def read_scan(raw, *, tessdata=None, language=""):
    with open(os.environ["PYTHON_READ_LOG"], "a") as log:
        log.write(raw.decode() + chr(10))
    return Content(f"{raw.decode()} in {language} by {tessdata.name}" if tessdata else "no words")

SCAN = Format((".scan",), "scan_readers:read_scan", scans=True)
"""
USUAL = (
    Path(os.environ.get("TESSDATA_PREFIX", "/none")),
    *Path("/usr/share").glob("tesseract-ocr/*/tessdata"),
    Path("/usr/share/tessdata"),
)


def section(root: Path, **settings: object) -> DocumentsSection:
    (root / "documents").mkdir(exist_ok=True)
    return DocumentsSection.model_validate(settings)


def run(documents: DocumentsSection, root: Path) -> Output:
    with Workspace(root / "workspace") as work:
        return read(Step(work, Recipe(documents=documents), root))


def texts(output: Output) -> dict[str, str]:
    return {document.path: document.text.strip() for document in read_records(output.folder / DOCUMENTS, Document)}


@pytest.fixture
def read_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package whose reader of .scan files says how it was asked to recognise them; the log of what it read."""
    described = tmp_path / "package" / "scan-1.0.dist-info"
    described.mkdir(parents=True)
    (tmp_path / "package" / "scan_readers.py").write_text(READER)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: scan\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[kilopair.readers]\nscan = scan_readers:SCAN\n")
    monkeypatch.syspath_prepend(tmp_path / "package")
    monkeypatch.setenv("PYTHON_READ_LOG", str(tmp_path / "log"))
    monkeypatch.delitem(sys.modules, "scan_readers", raising=False)
    formats.cache_clear()
    yield tmp_path / "log"
    formats.cache_clear()


def test_the_option_reaches_the_reader_inside_of_other_files_too_and_only_its_files_are_read_again(tmp_path: Path, read_log: Path):
    off = section(tmp_path)
    (tmp_path / "documents" / "a.scan").write_text("invoice")
    (tmp_path / "documents" / "b.md").write_text("# Leave\n\nThirty days.\n")
    with zipfile.ZipFile(tmp_path / "documents" / "c.zip", "w") as archive:
        archive.writestr("in.scan", "letter")
    (tmp_path / "data").mkdir()
    for name in ("deu", "eng"):
        (tmp_path / "data" / f"{name}.traineddata").write_bytes(b"")

    without = run(off, tmp_path)
    remembered = {path: path.stat().st_mtime_ns for path in (tmp_path / "workspace/cache/read").iterdir()}
    on = run(section(tmp_path, tessdata="data", ocr_language="deu+eng"), tmp_path)
    again = run(section(tmp_path, tessdata="data", ocr_language="deu+eng"), tmp_path)

    assert texts(without)["a.scan"] == "no words"
    assert (texts(on)["a.scan"], texts(on)["c.zip!/in.scan"]) == ("invoice in deu+eng by data", "letter in deu+eng by data")
    assert not again.fresh
    assert sorted(read_log.read_text().split()) == ["invoice", "invoice", "letter", "letter"]
    cache = (tmp_path / "workspace/cache/read").iterdir()
    assert len({path.name.split(".")[0] for path in cache if path not in remembered}) == 2  # the scan and the archive, not b.md


@pytest.mark.parametrize("folder", ["nowhere", "documents"])
def test_a_folder_without_the_data_is_an_error_of_the_recipe(tmp_path: Path, folder: str):
    found = section(tmp_path, tessdata=folder, ocr_language="eng+deu")
    (tmp_path / "documents" / "a.md").write_text("# Leave\n\nThirty days.\n")
    (tmp_path / "documents" / "eng.traineddata").write_bytes(b"")

    missing = "deu" if folder == "documents" else "eng"
    with pytest.raises(RecipeError, match=rf"documents\.tessdata: .*{folder} has no {missing}\.traineddata; put Tesseract's data"):
        run(found, tmp_path)


@pytest.mark.parametrize("language", ["", "../eng", "deu,eng", "eng+"])
def test_a_language_is_the_name_of_its_data(tmp_path: Path, language: str):
    (tmp_path / "recipe.yaml").write_text(f"documents: {{ocr_language: '{language}'}}\n")

    with pytest.raises(RecipeError, match=r"recipe\.yaml: documents\.ocr_language: "):
        load_recipe(tmp_path / "recipe.yaml")


def test_a_scan_says_which_field_lets_it_be_read(tmp_path: Path):
    documents = section(tmp_path)
    (tmp_path / "documents" / "a.md").write_text("# Leave\n\nThirty days.\n")
    (tmp_path / "documents" / "scan.pdf").write_bytes(make_pdf([[]], picture="grey"))

    (found,) = read_records(run(documents, tmp_path).folder / QUARANTINE, Dropped)

    assert found.detail == "1 of 1 pages have no text; it is a scan; read it with OCR, see documents.tessdata of the recipe"


def test_a_scan_is_read_with_the_data_of_this_machine(tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    data = next((folder for folder in USUAL if (folder / "eng.traineddata").is_file()), None)
    if data is None:
        pytest.skip("no Tesseract data on this machine; TESSDATA_PREFIX names its folder")
    documents = section(tmp_path, tessdata=data)
    (tmp_path / "print.pdf").write_bytes(make_pdf([paragraph("Annual leave is thirty days a year. Ask your team lead two weeks before.")]))
    (picture,) = LiteParse(ocr_enabled=False, quiet=True).screenshot(tmp_path / "print.pdf")
    image.open(io.BytesIO(picture.image_bytes)).convert("L").save(tmp_path / "documents" / "scan.pdf")

    assert "Annual leave is thirty days a year" in texts(run(documents, tmp_path))["scan.pdf"]
