"""The sample company's handbook in every format, for `make bench`: its Markdown pages are the truth of what is in the files.

The files are whole enough for every library that is compared. A list of all pages, with their sections below them and with
links, is one page more, so that the truth has nested lists and links.
"""

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import xlsxwriter
from make_pdf import HEIGHT, Line, Page, make_pdf, paragraph
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node
from office_files import core, docx_parts, grid, p, pptx_parts, run, shape, slide, xml, zipped

Rows = list[tuple[str, ...]]
Pages = dict[str, str]

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml"
_CORE = "application/vnd.openxmlformats-package.core-properties+xml"
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_LISTS = ("bullet_list", "ordered_list")
_HEADINGS = "".join(
    f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/>'
    f'<w:pPr><w:outlineLvl w:val="{level - 1}"/></w:pPr></w:style>'
    for level in range(1, 7)
)
_BOTTOM = HEIGHT - 90


def markdown_pages(company: Path) -> Pages:
    """Return the Markdown pages of the company by their names, and the list of them."""
    pages = {path.stem: _FRONT_MATTER.sub("", path.read_text(encoding="utf-8")) for path in sorted(company.rglob("*.md"))}
    return {**pages, "index": "\n".join(_index(pages))}


def _index(pages: Pages) -> Iterator[str]:
    yield from ("# All pages", "", "Everything there is, page by page.", "")
    for name, text in pages.items():
        title, *sections = [words(node) for node in tree(text).walk() if node.type == "heading"]
        yield f"- [{title}](https://atlas.tarnwell.example/{name})"
        yield from (f"    - [{section}](https://atlas.tarnwell.example/{name}#{place})" for place, section in enumerate(sections, 1))


def tree(text: str) -> Node:
    """Parse Markdown as CommonMark does, and tables."""
    return Node(MarkdownIt("commonmark").enable("table").parse(text))


def words(node: Node) -> str:
    """Return the words of a node without any markup."""
    texts = (
        " " if inner.type.endswith("break") else inner.content for inner in node.walk() if not inner.children and not inner.nester_tokens
    )
    return " ".join("".join(texts).split())


def write_files(pages: Pages, company: Path, folder: Path) -> None:
    """Write each page as a file of its own, and all pages as one."""
    every = {**pages, "handbook": "\n\n".join(pages.values())}
    titles = [words(tree(text).children[0]) for text in pages.values()]
    for name, text in every.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
        (folder / f"{name}.docx").write_bytes(docx_of(text))
        (folder / f"{name}.html").write_text(html_of(text, titles), encoding="utf-8")
        (folder / f"{name}.pptx").write_bytes(pptx_of(text))
        (folder / f"{name}.pdf").write_bytes(pdf_of(text))
    (folder / "handbook.epub").write_bytes(epub_of(pages))
    for name, rows in _exports(company).items():
        (folder / f"{name}.xlsx").write_bytes(xlsx_of({name: rows}))
    (folder / "sheets.xlsx").write_bytes(xlsx_of({**_tables(pages), **_exports(company)}))


def _tables(pages: Pages) -> dict[str, Rows]:
    found = [rows_of(node) for text in pages.values() for node in tree(text).walk() if node.type == "table"]
    return {f"Table {number}": rows for number, rows in enumerate(found, 1)}


def rows_of(table: Node) -> Rows:
    """Return the words of the cells of a table, row by row."""
    return [tuple(words(cell) for cell in node.children) for node in table.walk() if node.type == "tr"]


def _exports(company: Path) -> dict[str, Rows]:
    """What the company has in rows: its CSV files and its tickets."""
    exports: dict[str, Rows] = {}
    for path in sorted(company.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            exports[path.stem] = [tuple(row) for row in csv.reader(lines)]
    for path in sorted(company.rglob("*.jsonl")):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        exports[path.stem] = [tuple(records[0]), *(tuple(map(str, record.values())) for record in records)]
    return exports


def xlsx_of(sheets: dict[str, Rows]) -> bytes:
    """Return a workbook; numbers are numbers."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_numbers": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return buffer.getvalue()


def docx_of(text: str) -> bytes:
    """Return a Word document with headings, numbered and bulleted paragraphs, tables and links."""
    links: list[tuple[str, str, str]] = []
    body = "".join(_word_blocks(tree(text).children, links))
    parts = docx_parts(body, *links, styles=xml("w:styles", _HEADINGS))
    kinds = {f"/word/{part}.xml": f"{_WORD}.{kind}+xml" for part, kind in (("document", "document.main"), ("styles", "styles"), ("numbering", "numbering"))}  # fmt: skip
    return zipped({**parts, "docProps/core.xml": core("Handbook"), "[Content_Types].xml": _types(kinds)})


def _types(kinds: dict[str, str]) -> str:
    named = {"/docProps/core.xml": _CORE, **kinds}
    nodes = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in named.items())
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'<Types xmlns="{space}">{rels}<Default Extension="xml" ContentType="application/xml"/>{nodes}</Types>'


def _word_blocks(nodes: Iterable[Node], links: list[tuple[str, str, str]], *, depth: int = 0) -> Iterator[str]:
    for node in nodes:
        if node.type in _LISTS:
            for inner in (inner for item in node.children for inner in item.children):
                listed = (1 if node.type == "bullet_list" else 2, depth)
                yield from (
                    _word_blocks([inner], links, depth=depth + 1) if inner.type in _LISTS else [p(_word_runs(inner, links), listed=listed)]
                )
        elif node.type == "table":
            rows = [row for row in node.walk() if row.type == "tr"]
            yield grid(*(tuple(p(_word_runs(cell, links)) for cell in row.children) for row in rows))
        elif node.type == "heading":
            yield p(_word_runs(node, links), f"Heading{node.tag[1:]}")
        else:
            yield p(_word_runs(node, links) or html.escape(words(node)))


def _word_runs(node: Node, links: list[tuple[str, str, str]], marks: str = "") -> str:
    if node.type == "link":
        links.append((f"link{len(links)}", "hyperlink", html.escape(str(node.attrs["href"]))))
        return f'<w:hyperlink r:id="{links[-1][0]}">{"".join(_word_runs(inner, links, marks) for inner in node.children)}</w:hyperlink>'
    if node.children:
        marks += {"strong": "<w:b/>", "em": "<w:i/>"}.get(node.type, "")
        return "".join(_word_runs(inner, links, marks) for inner in node.children)
    return run(html.escape(" " if node.type.endswith("break") else node.content), marks)


def html_of(text: str, titles: list[str]) -> str:
    """Return a page of a web site, with what stands around every page of it."""
    entries = "".join(f'<li><a href="/{place}">{html.escape(title)}</a></li>' for place, title in enumerate(titles))
    head = "<head><title>Handbook</title><style>body{margin:0}</style><script>window.start = 1;</script></head>"
    top = f'<header><a href="/">Tarnwell</a></header><nav><ul>{entries}</ul></nav>'
    bottom = '<div class="cookie-banner">We use cookies. <button>Accept all</button></div><footer>Imprint and privacy</footer>'
    main = MarkdownIt("commonmark").enable("table").render(text)
    return f"<!doctype html><html lang=en>{head}<body>{top}<main>{main}</main>{bottom}</body></html>"


def epub_of(pages: Pages) -> bytes:
    """Return a book with a chapter for each page."""
    space, container = "http://www.idpf.org/2007/opf", "urn:oasis:names:tc:opendocument:xmlns:container"
    items = "".join(f'<item id="c{place}" href="{place}.xhtml" media-type="application/xhtml+xml"/>' for place, _ in enumerate(pages))
    spine = "".join(f'<itemref idref="c{place}"/>' for place, _ in enumerate(pages))
    title = '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Handbook</dc:title></metadata>'
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": f'<container xmlns="{container}" version="1.0"><rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "book.opf": f'<package xmlns="{space}" version="3.0">{title}<manifest>{items}</manifest><spine>{spine}</spine></package>',
    }
    for place, text in enumerate(pages.values()):
        inside = MarkdownIt("commonmark", {"xhtmlOut": True}).enable("table").render(text)
        parts[f"{place}.xhtml"] = (
            f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{place}</title></head><body>{inside}</body></html>'
        )
    return zipped(parts)


def pptx_of(text: str) -> bytes:
    """Return a presentation with a slide for each section."""
    sections: list[list[str]] = []
    for node in tree(text).children:
        if node.type == "heading":
            sections.append([words(node)])
        else:
            sections[-1] += [words(inner) for inner in node.walk() if inner.type == "inline"]
    slides = [slide(_shape(title, kind="title"), _shape(*lines, number="1")) for title, *lines in sections]
    kinds = {f"/ppt/slides/slide{number}.xml": f"{_SLIDES}.slide+xml" for number, _ in enumerate(slides, 1)}
    kinds["/ppt/presentation.xml"] = f"{_SLIDES}.presentation.main+xml"
    return zipped({**pptx_parts(*slides, title="Handbook"), "[Content_Types].xml": _types(kinds)})


def _shape(*lines: str, kind: str = "", number: str = "") -> str:
    made = shape(*map(html.escape, lines), kind=kind, number=number)
    return made.replace("<p:nvSpPr>", '<p:nvSpPr><p:cNvPr id="2" name="Text"/><p:cNvSpPr/>').replace("</p:nvSpPr>", "</p:nvSpPr><p:spPr/>")


def pdf_of(text: str) -> bytes:
    """Return a PDF: bold headings, broken lines, a footer on each page; a table has a line for each row."""
    pages: list[list[Line]] = [[]]
    y = 60
    for line in _pdf_lines(text):
        y += line.y
        if y > _BOTTOM:
            pages.append([])
            y = 60
        pages[-1].append(Line(line.text, line.x, y, line.size, line.font))
    return make_pdf([_footed(page, number) for number, page in enumerate(pages, 1)])


def _footed(page: list[Line], number: int) -> Page:
    return [*page, Line(f"Tarnwell handbook, page {number}", 60, HEIGHT - 40, 8)]


def _pdf_lines(text: str) -> Iterator[Line]:
    """The lines, each with its distance to the one above as `y`."""
    for node in tree(text).children:
        if node.type == "heading":
            yield Line(words(node), 60, 30, 20 - 2 * int(node.tag[1:]), "Bold")
            continue
        is_list = node.type in _LISTS
        rows = (
            ["    ".join(row) for row in rows_of(node)]
            if node.type == "table"
            else [words(inner) for inner in node.walk() if inner.type == "inline"]
        )
        for row in rows or [words(node)]:
            for place, line in enumerate(paragraph(f"\u2022 {row}" if is_list else row, width=90)):
                yield Line(line.text, 60, 14 if place or node.type == "table" else 20)
