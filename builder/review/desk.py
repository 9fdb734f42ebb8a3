"""What the pages of one review share: the dataset's index, the log of decisions, the recipe, and the templates."""

import re
import threading
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from builder.judge_recipe import rubric_of
from builder.review.decide import Deciding
from builder.review.filters import UNDECIDED, Filter
from builder.review.index import Index
from builder.review.log import ReviewLog
from builder.review.pace import Pace
from builder.review.repair import Settings
from builder.review.security import csrf_of
from generators.judge.rubrics import Rubric
from schemas.recipe import Recipe
from schemas.review import REASONS

PAGE = Path(__file__).parent / "page"
LEASE_SECONDS = 600  # that somebody is taken to look at an item, unless another one is looked at
_NAME = re.compile(r'src="/static/([\w.-]+\.js)"')
_SCRIPTS = re.compile(r'(?:<script defer src="/static/[\w.-]+\.js"></script>\s*){2,}')
DECIDED = ("accepted", "rejected", "edited", "repaired", "disputed")


class Leases:
    """Who looks at which item, in memory: a hint for others, never a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, float]] = {}  # item -> reviewer, until

    def take(self, item: str, reviewer: str) -> str | None:
        """Note that a reviewer looks at an item and at no other; return who else does, or None."""
        now = time.monotonic()
        with self._lock:
            self._held = {one: held for one, held in self._held.items() if held[1] > now and held[0] != reviewer}
            holder = self._held.get(item)
            if holder is None:
                self._held[item] = reviewer, now + LEASE_SECONDS
        return holder[0] if holder else None


@dataclass
class Desk:
    """Everything that a page of the review may need; used by many threads."""

    workspace: Path
    recipe: Recipe
    root: Path
    index: Index
    log: ReviewLog
    token: str
    leases: Leases = field(default_factory=Leases)
    _retired: Index | None = None  # the index before this one: requests may still be at it

    @property
    def csrf(self) -> str:
        """What a page must send with whatever it changes."""
        return csrf_of(self.token)

    @cached_property
    def rubric(self) -> Rubric:
        """By which pairs are judged."""
        return rubric_of(self.recipe, self.root)

    @property
    def deciding(self) -> Deciding:
        """Takes decisions."""
        return Deciding(self.index, self.log, self._settings)

    @cached_property
    def _settings(self) -> Settings:
        return Settings.of(self.recipe.curate, self.root)

    def replace(self, index: Index) -> None:
        """Answer from another index from now on."""
        before, self._retired, self.index = self._retired, self.index, index
        if before:
            before.close()

    def close(self) -> None:
        """Close the index."""
        for index in filter(None, (self.index, self._retired)):
            index.close()

    @cached_property
    def pace(self) -> Pace:
        """Knows how fast each reviewer is."""
        return Pace(self.log)

    @cached_property
    def base(self) -> Filter:
        """The items that progress is counted over: the chosen pairs, or all valid ones where nothing was chosen yet."""
        return Filter(where="chosen,valid")

    def progress(self, reviewer: str) -> dict[str, Any]:
        """Return how far the review is, and how fast this reviewer."""
        states = self.index.states(self.base)
        pace = self.pace.of(reviewer, states[UNDECIDED] + states["skipped"])
        return {
            "reviewer": reviewer,
            "decided": sum(states[name] for name in DECIDED),
            "total": states.total(),
            "by_state": dict(states),
            "everywhere": dict(self.index.states(Filter())),
            "streak": pace["sitting"],
            "pace": pace,
        }

    def page(self, request: Request, template: str, *, active: str = "", **values: Any) -> HTMLResponse:
        """Return a page made of a template with `values`; `active` is the key of its link in the navigation."""
        known = {"csrf": self.csrf, "reviewer": request.state.reviewer, "active": active, "reasons": REASONS}
        return HTMLResponse(in_one(_environment().get_template(template).render(known | values)))


def in_one(page: str) -> str:
    """Return a page that asks for scripts in a row by one request, as `/static/a.js+b.js`: a browser asks for six files at once."""
    return _SCRIPTS.sub(lambda found: f'<script defer src="/static/{"+".join(_NAME.findall(found.group()))}"></script>\n', page)


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(PAGE)
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    made.filters["count"] = "{:,}".format
    return made
