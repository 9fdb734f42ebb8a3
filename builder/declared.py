"""What was declared to be compared, and when held-out questions were first answered in this workspace.

A metric that is chosen after the answers were seen proves nothing. So the declaration is written down before the first
question is asked, and stays; one that differs later is told as changed after the first look.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builder.store import read_json, write_json

DECLARED = "declared.json"


def declare(workspace: Path, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Note a declaration before the questions are asked; return it with the time of the first look and what has changed since.

    Args:
        workspace: the folder of the run.
        stated: the declaration, with its `hash`.
    """
    path = workspace / DECLARED
    now = datetime.now(UTC).isoformat(timespec="seconds")
    noted = read_json(path) if path.exists() else {"first_look": now, "looks": 0, "declared": dict(stated)}
    first = noted["declared"]
    changed = sorted(name for name in {*first, *stated} - {"hash"} if first.get(name) != stated.get(name))
    write_json(path, {**noted, "looks": noted["looks"] + 1, "last_look": now, "changed": changed})
    return {**stated, "first_look": noted["first_look"], "looks": noted["looks"] + 1, "changed_after_first_look": changed}


def notice(declared: Mapping[str, Any]) -> list[str]:
    """Say that what is compared was changed after held-out answers had been seen."""
    if not (changed := declared.get("changed_after_first_look")):
        return []
    told = f"evaluate: {', '.join(changed)} changed after the held-out questions were first answered ({declared['first_look']})"
    return [f"{told}, so the comparisons were not declared beforehand; say so where you show them"]
