"""What Alpaca's own filter drops: questions that a model which has only text cannot answer, or whose form promises nothing good.

The decisions are those of `post_process_gpt3_response` in stanford_alpaca's generate_instruction.py (Taori et al. 2023), one for one.
Self-Instruct (Wang et al. 2212.10560) has the same filter without the last five words, and looks at a question after it has
joined its spaces and made its first letter a capital one: `tidied` does that.
"""

import re
from string import punctuation

SHORTEST, LONGEST = 4, 150  # words of a question
_MORE_THAN_TEXT = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot", "go to", "video",
    "audio", "music", "flowchart", "diagram",
)  # fmt: skip
_OPENING = "¿¡"  # of a Spanish question
_BLOCKED = re.compile(rf"\b(?:{'|'.join(_MORE_THAN_TEXT)})\b", re.IGNORECASE)


def blocked(instruction: str, *, any_script: bool = False) -> str:
    """Return why Alpaca's filter drops a question, or an empty string; with `any_script` it may begin as those beyond ASCII do."""
    text = instruction.strip()
    length = len(text.split())
    if not SHORTEST <= length <= LONGEST:
        return f"it has {length} words, not {SHORTEST} to {LONGEST}"
    if found := _BLOCKED.search(text):
        return f"{found.group()!r} is nothing for a model that has only text"
    if text.startswith("Write a program"):
        return "no programs"
    is_foreign = not text[0].isascii() and not (any_script and (text[0].isalpha() or text[0] in _OPENING))
    return f"it begins with {text[0]!r}" if text[0] in punctuation or is_foreign else ""


def tidied(instruction: str) -> str:
    """Return a question as Self-Instruct looks at it: one space between words, and only the first letter a capital one."""
    return " ".join(instruction.split()).capitalize()
