"""Files to documents: which files there are, what format each one is in, and its text as canonical Markdown.

A new format is one module in `builder.readers` and one line in `FORMATS`. No file raises for what it holds: it becomes a
`Document`, or a `Dropped` that says what is wrong with it.
"""

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import JsonValue

from builder.readers.content import Content, Reader, Refused, TextReader, clean
from builder.readers.csv_rows import read_csv
from builder.readers.decode import decode
from builder.readers.html_page import read_html
from builder.readers.jsonl_rows import read_jsonl
from builder.readers.markdown_page import read_markdown
from builder.readers.plain_text import read_text
from schemas.errors import InputError
from schemas.recipe import DocumentsSection
from schemas.records import Document, Dropped, Reason


def of_text(read: TextReader) -> Reader:
    """Make a reader of bytes from a reader of text; a page of HTML under any other name is still read as one."""

    def decode_and_read(raw: bytes) -> Content | Refused:
        decoded = decode(raw)
        if isinstance(decoded, Refused):
            return decoded
        text, encoding = decoded
        if not any(map(str.isalnum, text)):
            return Refused(Reason.EMPTY, "no words in it")
        content = (read_html if _IS_HTML.match(text) else read)(text)
        if isinstance(content, Refused) or encoding in ("utf-8", "utf-8-sig"):
            return content
        return Content(content.text, content.title, {**content.metadata, "encoding": encoding})

    return decode_and_read


@dataclass(frozen=True)
class Format:
    """How files with these name endings are read."""

    endings: tuple[str, ...]
    read: Reader


FORMATS: dict[str, Format] = {
    "markdown": Format((".md", ".markdown", ".mdown", ".mdx"), of_text(read_markdown)),
    "text": Format((".txt", ".text"), of_text(read_text)),
    "html": Format((".html", ".htm", ".xhtml"), of_text(read_html)),
    "csv": Format((".csv", ".tsv"), of_text(read_csv)),
    "jsonl": Format((".jsonl", ".ndjson"), of_text(read_jsonl)),
}
