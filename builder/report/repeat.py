"""What it takes to make this run again and to check that it is the same: the command, versions, and the hash of every output."""

from typing import Any

from builder.step import Step


def repeat(step: Step) -> dict[str, Any]:
    """Return the section's figures, as in manifest.json."""
    from builder.pipeline import manifest  # it imports the stages, of which the report is one

    found = manifest(step.work, step.recipe)
    return {
        "command": "kilopair run recipe.yaml",
        "workspace": step.work.folder.name,
        **{name: found[name] for name in ("kilopair", "python", "platform", "libraries", "seed")},
        "stages": {name: {"content": one["content"], "seconds": one["seconds"]} for name, one in found["stages"].items()},
    }
