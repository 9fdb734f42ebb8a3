"""How long questions and responses are: in words, characters, and tokens of the student's own tokenizer."""

from collections.abc import Callable, Sequence
from pathlib import Path

from builder.export import user_message
from schemas.records import Pair

Count = Callable[[str], int]


def sizes(pairs: Sequence[Pair], model: Path) -> dict[str, dict[str, list[int]]]:
    """Return the lengths by unit and text; in tokens where the folder of the model has a tokenizer.json."""
    counts: dict[str, Count] = {"words": lambda text: len(text.split()), "characters": len}
    if (counted := _tokens(model)) is not None:
        counts["tokens"] = counted
    asked, said = [user_message(pair) for pair in pairs], [pair.output for pair in pairs]
    return {unit: {"question": [*map(count, asked)], "response": [*map(count, said)]} for unit, count in counts.items()}


def _tokens(model: Path) -> Count | None:
    path = model / "tokenizer.json"
    if not path.is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
