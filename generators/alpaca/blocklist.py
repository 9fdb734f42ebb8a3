"""What Alpaca's own filter drops: questions that a model which has only text cannot answer, or whose form promises nothing good.

`post_process_gpt3_response` of stanford_alpaca's generate_instruction.py (Taori et al. 2023), after Self-Instruct (Wang et al. 2212.10560).
Only the language is freed: Alpaca wants an ASCII letter at the beginning, here any letter or digit will do.
"""

import re

SHORTEST, LONGEST = 3, 150  # words, between which a question may have as many as it likes
_MORE_THAN_TEXT = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot", "go to", "video",
    "audio", "music", "flowchart", "diagram",
)  # fmt: skip
_BLOCKED = re.compile(rf"\b(?:{'|'.join(_MORE_THAN_TEXT)})\b", re.IGNORECASE)


def blocked(instruction: str) -> str:
    """Return why Alpaca's filter drops a question, or an empty string."""
    text = instruction.strip()
    length = len(text.split())
    if not SHORTEST < length <= LONGEST:
        return f"it has {length} words, not {SHORTEST + 1} to {LONGEST}"
    if found := _BLOCKED.search(text):
        return f"{found.group()!r} is nothing for a model that has only text"
    if text.startswith("Write a program"):
        return "no programs"
    return "" if text[0].isalnum() else f"it begins with {text[0]!r}"
