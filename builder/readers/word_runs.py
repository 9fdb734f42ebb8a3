"""What a Word paragraph says: its runs of marked words, without what is deleted or hidden, and what hangs on them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from builder.readers.office_markdown import BOLD, CODE, ITALIC, STRIKE, Piece
from builder.readers.ooxml import RELATIONS, Relation
from builder.readers.word_styles import VALUE, WORD, Styles, is_on

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_CHOICES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_LINKED = re.compile(r'\s*HYPERLINK\s+(?:(\\l)\s+)?(?:"([^"]*)"|([^\s\\"]+))')
# never the typeface of prose, as Courier may be
_CODE_FONTS = re.compile(
    r"consolas|menlo|monaco|lucida console|(?:cascadia|fira|source) (?:code|mono)(?: pro)?|(?:dejavu sans|jetbrains|roboto|sf) mono",
    re.IGNORECASE,
)
_SUPERSCRIPT = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_SYMBOLS = {"fc": "✓", "fb": "✗", "a8": "☐", "6f": "☐", "71": "☐", "fe": "☑", "fd": "☒", "e0": "→", "b7": "•", "a7": "•"}
_DROPPED = {WORD + name for name in ("del", "moveFrom", "pPr", "sdtPr", "rPr", "rt", "delText", "instrText")}
_BREAKS = {WORD + "br": "\n", WORD + "cr": "\n", WORD + "tab": "\t", WORD + "ptab": "\t", WORD + "noBreakHyphen": "-"}
_HOLDERS = {WORD + name for name in ("drawing", "pict", "object")}
_RUN, _TEXT, _LINK, _FIELD = WORD + "r", WORD + "t", WORD + "hyperlink", WORD + "fldChar"
_PROPERTIES, _STYLE, _HIDDEN, _ALIGNED, _FONTS = (WORD + name for name in ("rPr", "rStyle", "vanish", "vertAlign", "rFonts"))
_MARKS = {WORD + "b": BOLD, WORD + "i": ITALIC, WORD + "strike": STRIKE, WORD + "dstrike": STRIKE}
_GROUPED = {MATH + "num": "", MATH + "den": "/", MATH + "sup": "^", MATH + "sub": "_", MATH + "deg": "root "}


def choose(node: Element) -> Element | None:
    """Return the alternative that a current program shows; the others say the same in another way."""
    chosen = node.find(_CHOICES + "Choice")
    return chosen if chosen is not None else node.find(_CHOICES + "Fallback")


def descend(node: Element) -> Iterator[Element]:
    """Return the elements inside whose content counts."""
    if node.tag == _CHOICES + "AlternateContent":
        chosen = choose(node)
        return iter(() if chosen is None else (chosen,))
    return iter(node)


@dataclass
class _Field:
    """An open field: its instruction first, which is not shown, then its result."""

    instruction: str = ""
    is_shown: bool = False
    link: str = ""


class Runs:
    """Reads the paragraphs of one part; `boxes`, `figures` and `notes` gather what hangs on the words, until somebody takes them."""

    def __init__(self, styles: Styles, relations: Mapping[str, Relation]) -> None:
        self._styles = styles
        self._relations = relations
        self._links: list[str] = []
        self._fields: list[_Field] = []
        self._pieces: list[Piece] = []
        self.boxes: list[Element] = []
        self.figures: list[Element] = []
        self.notes: list[tuple[str, str]] = []
        self.left_out: Counter[str] = Counter()
        self.note_count = 0

    def read(self, paragraph: Element, marks: int = 0) -> list[Piece]:
        """Return the words of the paragraph, whose style gives them all `marks`."""
        self._pieces, self._fields, self._links = [], [], []
        stack: list[Element | str] = [*reversed(paragraph)]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                self._close(node)
            elif node.tag == _RUN:
                self._run(node, marks)
            elif node.tag in _DROPPED:
                self._count(node)
            else:
                stack += self._inside(node)
        return self._pieces

    def _inside(self, node: Element) -> list[Element | str]:
        """What to read next of an element around runs, last first."""
        inside: list[Element | str] = [*reversed([*descend(node)])]
        if node.tag == _LINK:
            self._links.append(self._target(node))
            return ["link", *inside]
        if node.tag in _GROUPED:
            words = "".join(part.text or "" for part in node.iter(MATH + "t"))
            opening, closing = ("(", ")") if len(words) > 1 and node.tag != MATH + "deg" else ("", "")
            self._add((_GROUPED[node.tag] if words else "") + opening, 0)
            return [closing, *inside]
        if node.tag == MATH + "t":
            self._add(node.text or "", 0)
        return inside

    def _close(self, what: str) -> None:
        if what == "link":
            self._links.pop()
        else:
            self._add(what, 0)

    def _count(self, node: Element) -> None:
        if node.tag in (WORD + "del", WORD + "moveFrom") and node.find(f".//{WORD}delText") is not None:
            self.left_out["deletions"] += 1

    def _run(self, run: Element, marks: int) -> None:
        node = run.find(_PROPERTIES)
        raised = False
        if node is not None and len(node):
            properties = {child.tag: child for child in node}
            style = self._styles.of(properties[_STYLE]) if _STYLE in properties else None
            if is_on(properties.get(_HIDDEN)) or (style is not None and style.hidden):
                self.left_out["hidden"] += any((node.text or "").strip() for node in run.iter(_TEXT))
                return
            if style is not None:
                marks |= (BOLD if style.bold else 0) | (ITALIC if style.italic else 0) | (CODE if style.kind == "inline code" else 0)
            marks = _direct_marks(properties, marks)
            raised = _ALIGNED in properties and properties[_ALIGNED].get(VALUE) == "superscript"
        stack: list[Element] = run[::-1]
        while stack:
            node = stack.pop()
            if node.tag == _TEXT:
                text = node.text or ""
                self._add(text.translate(_SUPERSCRIPT) if raised and not text.strip("0123456789+- ") else text, marks)
            elif node.tag not in _DROPPED:
                stack += reversed([*self._part(node, marks)])
            elif node.tag == WORD + "instrText" and self._fields:
                self._fields[-1].instruction += node.text or ""

    def _part(self, node: Element, marks: int) -> Iterator[Element]:
        """Take in what a run holds besides words; return what to look into."""
        if node.tag in _BREAKS:
            is_page = node.get(WORD + "type") in ("page", "column")
            self._add(" " if is_page else _BREAKS[node.tag], marks)
        elif node.tag == _FIELD:
            self._field(node.get(WORD + "fldCharType"))
        elif node.tag in (WORD + "footnoteReference", WORD + "endnoteReference"):
            self.note_count += 1
            self.notes.append((node.tag.removeprefix(WORD).removesuffix("Reference"), node.get(WORD + "id", "")))
            self._add(f"[^{self.note_count}]", 0)
        elif node.tag == WORD + "sym":
            self._add(_symbol(node.get(WORD + "char", "")), 0)
        elif node.tag in _HOLDERS:
            self._hold(node)
        else:
            return descend(node)
        return iter(())

    def _hold(self, holder: Element) -> None:
        """Gather the text boxes, charts and diagrams of a drawing; count it as a picture when it has none."""
        stack, found = [holder], False
        while stack:
            node = stack.pop()
            if node.tag == WORD + "txbxContent":
                self.boxes.append(node)
                found = True
            elif RELATIONS + "dm" in node.attrib or node.tag.endswith("/chart}chart"):
                self.figures.append(node)
                found = True
            else:
                stack += reversed([*descend(node)])
        self.left_out["pictures"] += not found

    def _field(self, kind: str | None) -> None:
        if kind == "begin":
            self._fields.append(_Field())
        elif kind == "separate" and self._fields:
            field = self._fields[-1]
            field.is_shown = True
            if match := _LINKED.match(field.instruction):
                field.link = ("#" if match[1] else "") + (match[2] or match[3] or "")
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _add(self, text: str, marks: int) -> None:
        if not text or (self._fields and any(not field.is_shown for field in self._fields)):
            return
        link = self._links[-1] if self._links else ""
        if self._fields:
            link = next((field.link for field in reversed(self._fields) if field.link), link)
        self._pieces.append(Piece(text, marks, link))

    def _target(self, node: Element) -> str:
        relation = self._relations.get(node.get(RELATIONS + "id", ""))
        anchor = node.get(WORD + "anchor", "")
        target = relation.target if relation is not None and relation.is_external else ""
        return f"{target}#{anchor}" if anchor and "#" not in target else target


def _direct_marks(properties: Mapping[str, Element], marks: int) -> int:
    for name, mark in _MARKS.items():
        if name in properties:
            marks = marks | mark if is_on(properties[name]) else marks & ~mark
    fonts = properties.get(_FONTS)
    is_code = fonts is not None and _CODE_FONTS.fullmatch(fonts.get(WORD + "ascii", ""))
    return marks | CODE if is_code else marks


def _symbol(code: str) -> str:
    """The character of a symbol font that stands for a tick, a box or an arrow; the others are ornaments."""
    return _SYMBOLS.get(code[-2:].lower(), "") if code[:2].lower() in ("f0", "00") else ""
