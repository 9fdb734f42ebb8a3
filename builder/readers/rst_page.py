"""reStructuredText: docutils parses it, with everything switched off that opens another file, and a walk writes Markdown.

What Sphinx adds to the language is unknown to docutils: the words of its roles and directives are kept, and only what
makes lists of other pages or of code is left out. Nothing is printed, and no text is lost to an error in the markup.
"""

import re
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

from pydantic import JsonValue

from builder.readers.content import Content, Refused, clean, heading
from builder.readers.plain_text import read_text
from builder.readers.rst_writer import Writer
from schemas.markdown import parse_blocks, plain
from schemas.records import Remark

if TYPE_CHECKING:
    from docutils import nodes

_DATE = re.compile(r"^(\.\.[ \t]+\|([^|\n]{1,200})\|[ \t]+)date::[^\n]*$", re.MULTILINE)  # would be another text tomorrow
_DIRECTIVE = re.compile(r"\.\. (?P<name>[\w:+.-]+)::[ \t]*(?P<arguments>[^\n]*)\n?(?P<rest>.*)", re.DOTALL)
_OPTIONS = re.compile(r"(?:[ \t]*:[\w-]+:[^\n]*\n)*")
_LISTS = re.compile(
    r"(?:toctree|literalinclude|index|currentmodule|module|py:module|tabularcolumns|highlight|auto\w+|bibliography|only|ifconfig|meta)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?:code[\w-]*|sourcecode|parsed-literal|doctest|testcode|testoutput|prompt|productionlist|graphviz|mermaid|uml)", re.IGNORECASE
)
_VERSIONS = {"versionadded": "Added in version ", "versionchanged": "Changed in version ", "deprecated": "Deprecated since version "}
_TITLE = re.compile(
    r"^(?P<over>([!-/:-@\[-`{-~])\2+\n)?[ \t]*(?P<words>\S[^\n]*)\n(?P<sign>[!-/:-@\[-`{-~])(?P=sign){2,}[ \t]*$", re.MULTILINE
)
_BLOCKED = re.compile(r"directive disabled|access deactivated|file insertion disabled", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_MARKS = re.compile(r"[*`]+")
_MOST_MARKS = 2_000  # in a paragraph; docutils looks for the end of each one in all that follows
_NESTED = 8  # unknown directives inside one another that are looked into
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 1,
    "halt_level": 5,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "sectsubtitle_xform": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "pep_references": False,
    "rfc_references": False,
    "line_length_limit": 1 << 30,
}


def read_rst(text: str) -> Content | Refused:
    """Return the page as Markdown; a page that docutils cannot take is read as plain text."""
    text = clean(text).expandtabs(8)
    if any(len(_MARKS.findall(paragraph)) > _MOST_MARKS for paragraph in _PARAGRAPH.split(text)):
        return _as_text(text, f"a paragraph has more than {_MOST_MARKS:,} marks")
    page = _Page()
    try:
        markdown = "\n\n".join(page.blocks(text))
    except Exception as error:  # noqa: BLE001 - docutils raises whatever a directive of the page stumbles over
        return _as_text(text, "it is nested too deep" if isinstance(error, RecursionError) else "docutils failed on its markup")
    first = next((block for block in parse_blocks(markdown) if block.kind == "heading"), None)
    title = plain(markdown[first.content.start : first.content.end]) if first else ""
    return Content(markdown, title, page.metadata, remarks=tuple(page.remarks()))


def _as_text(text: str, problem: str) -> Content | Refused:
    content = read_text(text)
    remark = Remark(code="read_as_text", message=f"read as plain text, for {problem}")
    return content if isinstance(content, Refused) else Content(content.text, content.title, remarks=(remark,))


class _Page:
    """What was found on one page, directives that are pages of their own included."""

    def __init__(self) -> None:
        self.metadata: dict[str, JsonValue] = {}
        self._blocked = 0
        self._problems = 0
        self._depth = 0
        self._styles: list[str] = []

    def blocks(self, text: str) -> list[str]:
        """The Markdown of a text, block by block."""
        document = _parsed(_DATE.sub(r"\1replace:: \2", text))
        if not self._depth:
            self.metadata = _fields(document)
            self._styles = list(dict.fromkeys(_style(title) for title in _TITLE.finditer(text)))
        return Writer(self._message).document(document)

    def remarks(self) -> Iterator[Remark]:
        """What somebody should know."""
        if self._blocked:
            message = f"{self._blocked} include or raw directives were left out; kilopair opens no file that a page names"
            yield Remark(code="include_blocked", message=message)
        if self._problems:
            yield Remark(code="broken_markup", message=f"{self._problems} pieces of broken markup are kept as they stand in the file")

    def _message(self, message: "nodes.system_message") -> list[str]:
        """The words that a directive of Sphinx or broken markup would lose."""
        from docutils import nodes

        said = message[0].astext() if len(message) else ""
        if _BLOCKED.search(said):
            self._blocked += 1
            return []
        sources = [child.astext() for child in message.children if isinstance(child, nodes.literal_block)]
        if message["level"] < 3 or not sources:  # a hint; the text itself is elsewhere
            return []
        directive = _DIRECTIVE.match(sources[0])
        if directive and self._depth < _NESTED:
            return self._unknown(directive)
        if title := _TITLE.fullmatch(sources[0]):  # of a level that docutils does not expect here
            level = self._styles.index(style) + 1 if (style := _style(title)) in self._styles else 2
            return [heading(min(6, level), title["words"])]
        self._problems += 1
        return [Writer.fenced(sources[0], "")]

    def _unknown(self, directive: re.Match[str]) -> list[str]:
        name, rest = directive["name"], directive["rest"]
        self._blocked += name == "literalinclude"
        if _LISTS.fullmatch(name):
            return []
        inside = _dedented(rest)
        inside = inside[found.end() :] if (found := _OPTIONS.match(inside)) else inside
        if _CODE.fullmatch(name):
            return [Writer.fenced(inside.strip("\n"), directive["arguments"].strip())] if inside.strip() else []
        arguments = _VERSIONS.get(name, "") + directive["arguments"].strip()
        self._depth += 1
        try:
            return self.blocks("\n\n".join(filter(None, (arguments, inside.strip("\n")))))
        finally:
            self._depth -= 1


def _parsed(text: str) -> "nodes.document":
    """The tree of the page; roles that it defines are forgotten again, so that no page changes how another one is read."""
    from docutils.core import publish_doctree
    from docutils.parsers.rst import roles

    known: dict[str, object] = vars(roles)["_roles"]
    before = dict(known)
    try:
        return publish_doctree(text, settings_overrides={**_SETTINGS, "warning_stream": StringIO()})
    finally:
        known.clear()
        known.update(before)


def _style(title: re.Match[str]) -> str:
    return ("over" if title["over"] else "") + title["sign"]


def _fields(document: "nodes.document") -> dict[str, JsonValue]:
    """The fields at the top of a page: its author, its date."""
    from docutils import nodes

    top: list[nodes.Node] = list(document.children[:3])
    if sections := [node for node in top if isinstance(node, nodes.section)]:
        top += sections[0].children[:2]
    lists = [node for node in top if isinstance(node, nodes.field_list)]
    fields = [field for found in lists[:1] for field in found.findall(nodes.field)]
    return {field[0].astext().lower(): " ".join(field[1].astext().split()) for field in fields}


def _dedented(text: str) -> str:
    lines = text.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:] for line in lines)
