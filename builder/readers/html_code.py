"""The language of a block of code, which HTML has no attribute for: each program that colours code puts it into a class."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

_LANGUAGE = re.compile(r"(?:^|\s)(?:(?:language|lang|highlight(?:-source|-text)?|brush)[-:]\s?|sourceCode\s+)([\w+#-]{1,20})")
_NO_LANGUAGE = ("default", "none", "text", "plain", "plaintext", "notranslate")


def language_of(node: LexborNode) -> str:
    """Return the language of a `pre` by its class, or by that of what is inside or around it; empty if none names it."""
    return next((found for names in _class_names(node) if (found := _language(names))), "")


def _class_names(node: LexborNode) -> Iterator[str]:
    around = node.parent
    for place in (node, *(child for child in node.iter() if child.tag == "code"), around, around.parent if around is not None else None):
        if place is not None:
            yield place.attributes.get("class") or ""


def _language(names: str) -> str:
    found = _LANGUAGE.search(names)
    return "" if found is None or found[1].lower() in _NO_LANGUAGE else found[1]
