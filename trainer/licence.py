"""The licence of a base, where its folder or its card names one."""

from pathlib import Path
from typing import Any

UNKNOWN = "unknown"
_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "USE_POLICY.md")


def licence_of(base: str) -> str:
    """Return what the card's metadata names (as the Hub spells it), else the file that says so, else unknown; never raises."""
    folder = Path(base)
    named = _named(_card(base))
    if named != UNKNOWN or not folder.is_dir():
        return named
    found = next((name for name in _FILES if (folder / name).is_file()), None)
    return f"see {found}" if found else UNKNOWN


def _card(base: str) -> dict[str, Any]:
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    folder = Path(base)
    if folder.is_dir() and not (folder / "README.md").is_file():
        return {}
    try:
        return ModelCard.load(folder / "README.md" if folder.is_dir() else base, ignore_metadata_errors=True).data.to_dict()
    except (OSError, ValueError, YAMLError):  # no such card, no network, or metadata that is none
        return {}


def _named(card: dict[str, Any]) -> str:
    licence = card.get("license")
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    if not licence:
        return UNKNOWN
    details = card.get("license_name") or card.get("license_link")
    return f"{licence} ({details})" if licence == "other" and details else str(licence)
