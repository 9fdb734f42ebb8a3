"""markitdown without plug-ins, and openpyxl, which it reads workbooks with, run by an environment of their own.

    .venv-peers/markitdown/bin/python tests/peers/markitdown_side.py markitdown|openpyxl FILE... (see documents.py)

openpyxl reads as its documentation advises for speed: read-only, values and no formulas; what it gives is joined with tabs.
"""

import sys

from documents import report


def markdown(path):
    return CONVERTER.convert_local(path).text_content.strip()


def cells(path):
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    rows = (row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True))
    return "\n".join("\t".join("" if cell is None else str(cell) for cell in row) for row in rows).strip()


if sys.argv[1] == "openpyxl":
    import openpyxl  # pyright: ignore[reportMissingImports, reportMissingModuleSource] - in its own environment

    report(cells, sys.argv[2:])
else:
    from markitdown import MarkItDown  # pyright: ignore[reportMissingImports]

    CONVERTER = MarkItDown(enable_plugins=False)
    report(markdown, sys.argv[2:])
