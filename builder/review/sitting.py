"""How somebody wants to review: where the page is served, and who decides."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sitting:
    """One start of the review page: the address (port 0: any free one), the reviewer's name, and how to tell of it."""

    host: str = "127.0.0.1"
    port: int = 8765
    name: str = "reviewer"
    opens_browser: bool = True
    quiet: bool = False
    as_json: bool = False
