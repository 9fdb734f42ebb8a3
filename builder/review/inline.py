"""Code, styles and records inside of one HTML file that may run nothing else: a content policy by hashes, JSON that ends no element."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

# What an HTML parser or an old JavaScript parser would take for something else than text, and halves of characters.
_SPELLED = {code: f"\\u{code:04x}" for code in (*map(ord, "<>&\u2028\u2029"), *range(0xD800, 0xE000))}
_ENDS = re.compile(r"</(script|style)|<!--|<script", re.IGNORECASE)


def embedded(value: Any) -> str:
    """Return `value` as JSON that is safe between `<script type="application/json">` and its end, whatever its texts hold."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_SPELLED)


def own_code(text: str, name: str) -> str:
    """Return a script or style of ours, which stands unescaped in the page.

    Raises:
        ValueError: it holds what would end its element.
    """
    if found := _ENDS.search(text):
        raise ValueError(f"{name}: {found.group()} would end the element that holds it")
    return text


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return the content policy that lets exactly these scripts and styles work, and nothing be fetched from anywhere or sent there."""
    allowed = {name: " ".join(_source(text) for text in texts) or "'none'" for name, texts in (("script", scripts), ("style", styles))}
    return (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    """Return the hash that names an inline script or style (CSP Level 3, hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
