"""Whether a text, or a file of any kind that a workspace holds, quotes a document."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generators.alpaca.corpus import words

RUN = 8  # words in a row that no other document has: fewer are said by chance
_WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".npy", ".arrow.lock")  # numbers, no text
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_BREAKS = re.compile(r"\\+[nrtbf\"/]|\\\\")


@dataclass(frozen=True)
class Traces:
    """What gives a document away: ids, and runs of its words."""

    ids: tuple[str, ...]
    runs: frozenset[tuple[str, ...]]
    firsts: frozenset[str]

    @classmethod
    def of(cls, texts: Iterable[str], *, others: Iterable[str] = (), ids: Sequence[str] = ()) -> "Traces":
        """Return the traces of texts; what `others` say as well gives nothing away."""
        runs = {run for text in texts for run in _runs(words(text))}
        if runs:
            firsts = {run[0] for run in runs}
            for text in others:
                runs -= set(_runs_from(words(text), firsts))
        return cls(tuple(ids), frozenset(runs), frozenset(run[0] for run in runs))

    def in_text(self, text: str) -> bool:
        """Tell whether a text quotes the document; it may be JSON or HTML."""
        return any(name in text for name in self.ids) or self.quoted(text)

    def quoted(self, text: str) -> bool:
        """Tell whether a text holds a run of the document's words."""
        if not self.runs:
            return False
        return any(run in self.runs for run in _runs_from(words(_unescaped(text)), self.firsts))


def text_of(path: Path) -> str:
    """Return what a file holds as text: columns of Parquet as lines, everything else as its bytes read; weights hold none."""
    if path.suffix in _WEIGHTS:
        return ""
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_table

        return "\n".join(map(str, read_table(path).to_pylist()))
    return path.read_bytes().decode("utf-8", "replace")


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = _BREAKS.sub(" ", _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text))
    return html.unescape(text) if "&" in text else text


def _runs(said: list[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(said[at : at + RUN]) for at in range(len(said) - RUN + 1))


def _runs_from(said: list[str], firsts: Iterable[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(said[at : at + RUN]) for at in range(len(said) - RUN + 1) if said[at] in firsts)
