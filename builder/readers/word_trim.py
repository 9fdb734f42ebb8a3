"""What Word writes into the parts of a document and nobody reads, taken out before they are parsed: that is half of all the work.

An angle bracket in a text is always escaped (no Office program writes CDATA), so what these look for is markup. What is written
in another way, with other prefixes for one, is only parsed in full.
"""

import re

_MARK = rb"(?: w(?:14)?:(?:rsid[A-Za-z]{0,12}|paraId|textId)=\"[0-9A-F]{8}\")+"  # in which session of editing it was made
_PARAGRAPH, _RUN = re.compile(rb"<w:p" + _MARK), re.compile(rb"<w:r" + _MARK)
_LOOK = re.compile(rb"<w:(?!(?:name|basedOn|outlineLvl|numId|ilvl|b|i|vanish|styles?)[\s/])[^<>]*/>")  # all but what Styles asks for


def without_marks(xml: bytes) -> bytes:
    """Return the XML of a document without the marks of editing sessions on its paragraphs and runs."""
    return _RUN.sub(b"<w:r", _PARAGRAPH.sub(b"<w:p", xml))


def without_looks(xml: bytes) -> bytes:
    """Return the XML of styles without what says how words look, and without the names of styles that are not in use."""
    return _LOOK.sub(b"", xml)
