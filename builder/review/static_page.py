"""The review page as one HTML file: the scripts and styles of the served page in it, the records beside them, and no server."""

import base64
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from builder.review.inline import embedded, own_code, policy
from schemas.review import REASONS

FOLDER = Path(__file__).parent / "page"
STYLES = ("kilopair.css", "review.css", "static.css")
SERVED, EMBEDDED = "source_server.js", ("fold.js", "embedded.js", "source_embedded.js")
OWN = ("whole.js", "save.js")


def page(records: Mapping[str, Any], *, title: str, space: str) -> str:
    """Return the page of these records (see `static_records`); `space` names what a browser keeps of it."""
    scripts, styles = [_code(name) for name in script_names()], [_code(name) for name in STYLES]
    template = _environment().get_template("static.html")
    return template.render(
        policy=policy(scripts, styles),
        styles=styles,
        scripts=scripts,
        embedded=embedded(records),
        space=space,
        reviewer=records["reviewer"],
        reasons=REASONS,
        title=title,
        count=len(records["items"]),
        icon=f"data:image/svg+xml;base64,{base64.b64encode((FOLDER / 'icon.svg').read_bytes()).decode()}",
    )


def script_names() -> Sequence[str]:
    """Return the scripts in the order of the served page, with what asks no server in the place of what does."""
    served = re.findall(r'src="/static/([\w.]+)"', (FOLDER / "review.html").read_text(encoding="utf-8"))
    *others, last = [name for one in served for name in (EMBEDDED if one == SERVED else (one,))]
    return ("theme.js", *others, *OWN, last)


def _code(name: str) -> str:
    return own_code((FOLDER / name).read_text(encoding="utf-8"), name)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=jinja2.FileSystemLoader(FOLDER))
