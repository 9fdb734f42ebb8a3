"""synthetic-data-kit's parsers, run by their own environment.

.venv-peers/synthetic/bin/python tests/peers/sdk_documents_side.py parse FILE... (see documents.py)
"""

import sys
from pathlib import Path

from documents import report
from synthetic_data_kit.parsers import DOCXParser, HTMLParser, PDFParser, PPTParser  # pyright: ignore[reportMissingImports]

PARSERS = {".pdf": PDFParser(), ".docx": DOCXParser(), ".html": HTMLParser(), ".pptx": PPTParser()}


def text(path):
    return PARSERS[Path(path).suffix].parse(path).strip()


report(text, sys.argv[2:])
