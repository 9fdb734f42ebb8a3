"""Documents as a model is shown them: data between markers that the data cannot contain."""

import hashlib

from generators.alpaca.asks import Ask, Passage
from generators.alpaca.rules import PASSAGE
from generators.alpaca.screen import neutral
from generators.llm.calls import canonical
from schemas.context import context_of
from schemas.shown import cleaned

_SHOWN = 140  # characters of the answer of a fact: enough to see what is asked


def marked(passage: Passage) -> str:
    """Return the passage as a model is shown it, with its place in the document, between markers that its text cannot contain."""
    title, headings = passage.document.title, " > ".join(passage.chunk.heading_path)
    text = neutral(cleaned(passage.chunk.text))
    above = _line(cleaned(context_of(passage.document, passage.chunk)))
    marker = f"passage-{_digest(passage.chunk.id, text + above)}"
    told = f"\nAbove it, not to be quoted or asked about: {above}" if above else ""  # what a cut took: a header, items, sentences
    return PASSAGE.format(marker=marker, title=_line(title), section=_line(headings or title), above=told, text=text)


def marked_facts(ask: Ask) -> str:
    """Return the facts of the rules that an ask is about, a line each, below the headings that they stand under."""
    lines, above = [f"Document: {_line(ask.passages[0].document.title)}"], ""
    for number, fact in enumerate(ask.seeds, start=1):
        passage = ask.passage_of(fact)
        heading = " > ".join(heading for heading in passage.chunk.heading_path if heading != passage.document.title)
        if heading != above:
            lines.append(f"# {_line(heading)}")
        above = heading
        answer = fact.output if len(fact.output) <= _SHOWN else f"{fact.output[:_SHOWN].rpartition(' ')[0]} [...]"
        lines.append(neutral(canonical([number, fact.instruction, answer])))
    return between("facts", ask.id, "\n".join(lines))


def between(kind: str, seed: str, text: str) -> str:
    """Return text between markers of a kind, made from a seed."""
    marker = f"{kind}-{_digest(seed, text)}"
    return f"<{marker}>\n{text}\n</{marker}>"


def _line(text: str) -> str:
    return " ".join(neutral(text).split())


def _digest(seed: str, text: str) -> str:
    """Derived from an id that covers the whole document: no text can contain its own marker but by accident."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    while digest[:12] in text:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:12]
