"""The shapes of a slide in the order in which they are read, and the list styles that they inherit from layout and master."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from builder.readers.office_figures import DRAWING
from builder.readers.ooxml import Package, Relation, related

SLIDES = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
SHAPE, FRAME, BODY = (SLIDES + name for name in ("sp", "graphicFrame", "txBody"))
TITLES = ("title", "ctrTitle")
FOOTERS = ("dt", "ftr", "hdr", "sldNum", "sldImg")
_GROUP = SLIDES + "grpSp"
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_PROPERTIES, _PLACEHOLDER, _LIST_STYLE = SLIDES + "nvPr", SLIDES + "ph", DRAWING + "lstStyle"


def shapes(root: Element) -> Iterator[Element]:
    """Return the shapes that may have words, in the order that a screen reader follows; groups are opened."""
    tree = root.find(f"{SLIDES}cSld/{SLIDES}spTree")
    stack = [] if tree is None else [iter(tree)]
    while stack:
        shape = next(stack[-1], None)
        if shape is None:
            stack.pop()
        elif shape.tag in (SHAPE, FRAME):
            yield shape
        elif shape.tag == _GROUP:
            stack.append(iter(shape))
        elif shape.tag == _ALTERNATIVES and len(shape):
            stack.append(iter(shape[0]))


def placeholder(shape: Element) -> tuple[str, str]:
    """Return the kind and the number of the placeholder that a shape fills; both are empty for any other shape."""
    for part in shape:
        properties = part.find(_PROPERTIES)
        node = properties.find(_PLACEHOLDER) if properties is not None else None
        if node is not None:
            return node.get("type", "obj"), node.get("idx", "0")
    return "", ""


def is_body(shape: Element) -> bool:
    """Whether the shape is filled with the slide's own text, which is a list unless its layout says otherwise."""
    return placeholder(shape)[0] not in ("", "subTitle", *TITLES)


class Layouts:
    """The list styles of the layouts that slides use."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, tuple[dict[str, Element], Element | None]] = {}

    def styles(self, shape: Element, relations: Mapping[str, Relation]) -> list[Element]:
        """Return the list styles that apply to the shape, nearest first: its own, its layout's, its master's."""
        found = [_list_style(shape)]
        if is_body(shape) and (layout := related(relations, "slideLayout")):
            if layout not in self._known:
                self._known[layout] = self._layout(layout)
            placed, master = self._known[layout]
            kind, place = placeholder(shape)
            found += [placed.get(place, placed.get(kind)), master]
        return [style for style in found if style is not None]

    def _layout(self, name: str) -> tuple[dict[str, Element], Element | None]:
        """The list styles of a layout's placeholders by number and by kind, and the one of the bodies of its master."""
        root = self._package.optional(name)
        placed: dict[str, Element] = {}
        for shape in () if root is None else shapes(root):
            kind, place = placeholder(shape)
            style = _list_style(shape)
            if style is not None and kind:
                placed[place] = placed[kind] = style
        master = self._package.optional(related(self._package.relations(name), "slideMaster"))
        return placed, None if master is None else master.find(f"{SLIDES}txStyles/{SLIDES}bodyStyle")


def _list_style(shape: Element) -> Element | None:
    body = shape.find(BODY)
    return None if body is None else body.find(_LIST_STYLE)
