"""Footnotes and endnotes of a Word document: parts of their own, with references of their own."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from builder.readers.office_markdown import inline
from builder.readers.ooxml import Package, Relation, related
from builder.readers.word_blocks import PARAGRAPH
from builder.readers.word_runs import Runs
from builder.readers.word_styles import WORD, Styles


class Notes:
    """The notes by kind and id; a part is opened when the first note of its kind is asked for."""

    def __init__(self, package: Package, relations: Mapping[str, Relation], styles: Styles) -> None:
        self._package = package
        self._relations = relations
        self._styles = styles
        self._parts: dict[str, tuple[dict[str, Element], Runs]] = {}

    def text(self, kind: str, key: str) -> str:
        """Return the words of a note, nothing when there is none; `kind` is footnote or endnote."""
        if kind not in self._parts:
            self._parts[kind] = self._part(kind)
        nodes, runs = self._parts[kind]
        paragraphs = nodes[key].iter(PARAGRAPH) if key in nodes else ()
        return " ".join(filter(None, (inline(runs.read(paragraph)) for paragraph in paragraphs)))

    def _part(self, kind: str) -> tuple[dict[str, Element], Runs]:
        name = related(self._relations, f"{kind}s")
        root = self._package.optional(name)
        nodes = {} if root is None else {node.get(WORD + "id", ""): node for node in root.findall(WORD + kind)}
        return nodes, Runs(self._styles, self._package.relations(name) if nodes else {})
