"""Small Office files made from the XML of their parts, for the tests of the readers."""

import io
import random
import zipfile
from collections.abc import Mapping

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SPACES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "r": OFFICE,
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    "a14": "http://schemas.microsoft.com/office/drawing/2010/main",
}
NAMES = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _SPACES.items())


def xml(name: str, inside: str, attributes: str = "") -> str:
    """The text of a part whose root is `name`."""
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<{name} {NAMES} {attributes}>{inside}</{name}>'


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """The parts as an archive, always the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def references(*targets: tuple[str, str, str]) -> str:
    """The text of a part of references, each an id, a kind and a target; a target with a colon lies outside."""
    nodes = ""
    for key, kind, target in targets:
        outside = ' TargetMode="External"' if ":" in target else ""
        nodes += f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"{outside}/>'
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{nodes}</Relationships>'


def core(title: str) -> str:
    """The text of the core properties."""
    name = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
    return (
        f'<cp:coreProperties xmlns:cp="{name}" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>'
    )


_STYLES = "".join(
    f'<w:style w:type="{kind}" w:styleId="{key}"><w:name w:val="{name}"/>{more}</w:style>'
    for kind, key, name, more in (
        ("paragraph", "berschrift1", "heading 1", '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>'),
        ("paragraph", "Heading2", "Heading 2", ""),
        ("paragraph", "Firma", "Firmenkapitel", '<w:basedOn w:val="Heading2"/>'),
        ("paragraph", "Klausel", "Klausel", '<w:pPr><w:outlineLvl w:val="3"/></w:pPr>'),
        ("paragraph", "Clause", "Clause", '<w:basedOn w:val="berschrift1"/><w:pPr><w:numPr><w:numId w:val="9"/></w:numPr></w:pPr>'),
        ("paragraph", "Title", "Title", ""),
        ("paragraph", "Sub", "Subtitle", '<w:basedOn w:val="Title"/>'),
        ("paragraph", "TOC1", "toc 1", ""),
        ("paragraph", "TOCHeading", "TOC Heading", '<w:basedOn w:val="berschrift1"/>'),
        ("paragraph", "Code", "Source Code", ""),
        ("paragraph", "Quote", "Quote", ""),
        ("paragraph", "Question", "Question", "<w:rPr><w:b/></w:rPr>"),
        ("paragraph", "ListParagraph", "List Paragraph", ""),
        ("paragraph", "ListBullet", "List Bullet", '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'),
        ("paragraph", "LoopA", "Loop A", '<w:basedOn w:val="LoopB"/>'),
        ("paragraph", "LoopB", "Loop B", '<w:basedOn w:val="LoopA"/>'),
        ("character", "Strong", "Strong", "<w:rPr><w:b/></w:rPr>"),
        ("character", "Verbatim", "Verbatim Char", ""),
        ("character", "Ghost", "Ghost", "<w:rPr><w:vanish/></w:rPr>"),
    )
)


def _list(key: int, *levels: tuple[str, str]) -> str:
    inside = "".join(
        f'<w:lvl w:ilvl="{place}"><w:start w:val="1"/><w:numFmt w:val="{shape}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for place, (shape, text) in enumerate(levels)
    )
    return f'<w:abstractNum w:abstractNumId="{key}">{inside}</w:abstractNum>'


# 1 bullets, 2 numbers, 3 numbers that begin anew, 4 blank (words that go on), 9 headings such as "1.a"
_NUMBERING = (
    _list(10, ("bullet", "-"), ("bullet", "o"), ("decimal", "%3."))
    + _list(20, ("decimal", "%1."), ("lowerLetter", "%2)"))
    + _list(40, ("bullet", " "), ("bullet", " "))
    + _list(90, ("decimal", "%1"), ("lowerLetter", "%1.%2"), ("upperRoman", "%3"))
    + '<w:num w:numId="1"><w:abstractNumId w:val="10"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="20"/></w:num>'
    + '<w:num w:numId="3"><w:abstractNumId w:val="20"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>'
    + '<w:num w:numId="4"><w:abstractNumId w:val="40"/></w:num><w:num w:numId="9"><w:abstractNumId w:val="90"/></w:num>'
)


def docx_parts(body: str, *targets: tuple[str, str, str], **parts: str) -> dict[str, str | bytes]:
    """The parts of a Word document; a keyword names a part in the folder word."""
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": references(("rId1", "officeDocument", "word/document.xml"), ("rId2", "core-properties", "docProps/core.xml")),
        "word/_rels/document.xml.rels": references(("s", "styles", "styles.xml"), ("n", "numbering", "numbering.xml"), *targets),
        "word/styles.xml": xml("w:styles", _STYLES),
        "word/numbering.xml": xml("w:numbering", _NUMBERING),
        "word/document.xml": xml("w:document", f"<w:body>{body}<w:sectPr/></w:body>"),
        **{f"word/{name}.xml": text for name, text in parts.items()},
    }


def docx(body: str, *targets: tuple[str, str, str], **parts: str) -> bytes:
    """A Word document of the XML of its body."""
    return zipped(docx_parts(body, *targets, **parts))


def p(text: str = "", style: str = "", *, listed: tuple[int, int] | None = None, more: str = "") -> str:
    """A paragraph; text that is no XML is a run, `listed` its numbering and level."""
    number = f'<w:numPr><w:ilvl w:val="{listed[1]}"/><w:numId w:val="{listed[0]}"/></w:numPr>' if listed else ""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{number}{more}</w:pPr>{text if text.startswith('<') else run(text)}</w:p>"


def run(text: str, marks: str = "") -> str:
    """A run of words, with the XML of its properties."""
    return f'<w:r><w:rPr>{marks}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def grid(*rows: tuple[str, ...], look: str = "") -> str:
    """A table; a cell that begins with an angle bracket is the XML inside of the cell."""
    inside = ""
    for row in rows:
        cells = "".join(f"<w:tc>{cell if cell.startswith('<') else p(cell)}</w:tc>" for cell in row)
        inside += f"<w:tr>{cells}</w:tr>"
    return f"<w:tbl><w:tblPr>{look}</w:tblPr>{inside}</w:tbl>"


def shape(*paragraphs: str, kind: str = "", number: str = "", style: str = "") -> str:
    """A shape of a slide; `kind` and `number` are those of its placeholder."""
    attributes = (f' type="{kind}"' if kind else "") + (f' idx="{number}"' if number else "")
    held = f"<p:ph{attributes}/>" if attributes else ""
    inside = "".join(text if text.startswith("<") else f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in paragraphs)
    return f"<p:sp><p:nvSpPr><p:nvPr>{held}</p:nvPr></p:nvSpPr><p:txBody>{style}{inside}</p:txBody></p:sp>"


def slide(*shapes: str, attributes: str = "", name: str = "p:sld") -> str:
    """The text of a slide's part."""
    return xml(name, f"<p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld>", attributes)


def pptx_parts(*slides: str, parts: Mapping[str, str] | None = None, title: str = "") -> dict[str, str | bytes]:
    """The parts of a presentation; `parts` are named below the folder ppt."""
    keys = [f"rId{number}" for number in range(1, len(slides) + 1)]
    listed = "".join(f'<p:sldId r:id="{key}"/>' for key in keys)
    targets = [(key, "slide", f"slides/slide{number}.xml") for number, key in enumerate(keys, start=1)]
    return {
        "_rels/.rels": references(("rId1", "officeDocument", "ppt/presentation.xml"), ("rId2", "core-properties", "docProps/core.xml")),
        "docProps/core.xml": core(title),
        "ppt/presentation.xml": xml("p:presentation", f"<p:sldIdLst>{listed}</p:sldIdLst>"),
        "ppt/_rels/presentation.xml.rels": references(*targets),
        **{f"ppt/slides/slide{number}.xml": text for number, text in enumerate(slides, start=1)},
        **{f"ppt/{name}": text for name, text in (parts or {}).items()},
    }


def pptx(*slides: str, parts: Mapping[str, str] | None = None, title: str = "") -> bytes:
    """A presentation of its slides."""
    return zipped(pptx_parts(*slides, parts=parts, title=title))


def damaged(raw: bytes, parts: Mapping[str, str | bytes], dice: random.Random) -> bytes:
    """The archive with some of its bytes changed, or one part with some of its characters moved, repeated or taken out."""
    if dice.random() < 0.4:
        broken = bytearray(raw)
        for _ in range(dice.randint(1, 8)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        return bytes(broken[: dice.choice([len(broken), dice.randrange(len(broken))])])
    name = dice.choice(sorted(parts))
    text = str(parts[name])
    for _ in range(dice.randint(1, 4)):
        start, end = sorted((dice.randrange(len(text)), dice.randrange(len(text))))
        value = dice.choice(["-1", "99999999999", "²", "", "0", OFFICE])
        changed = [text[:start] + text[end:], text[:end] + text[start:], text.replace(f'"{dice.randint(0, 9)}"', f'"{value}"')]
        text = dice.choice(changed) or "<"
    return zipped({**parts, name: text})
