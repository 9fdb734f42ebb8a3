"""The row of `make bench` for the extractive generator: CPU seconds of a whole process for 36,000 words of the sample company."""

import sys
import tempfile
from pathlib import Path

WORDS = 36_000
PAIRS = 1_000


def extractive_rows() -> list:
    """A process of its own that imports the generator, takes the sample company's chunks, and makes all drafts, against 5 CPU s."""
    from bench import BIN, ROOT, cost, row

    with tempfile.TemporaryDirectory() as held:
        recipe = Path(held) / "recipe.yaml"
        recipe.write_text(f"company: Tarnwell\nworkspace: work\ndocuments:\n  path: {ROOT / 'datasets' / 'tarnwell'}\n", encoding="utf-8")
        cost([str(BIN / "kilopair"), "read", str(recipe)])
        command = [str(BIN / "python"), str(Path(__file__)), str(recipe.parent / "work")]
        runs = min(cost(command).cpu_seconds for _ in range(3))
        words, pairs = (int(number) for number in (recipe.parent / "work" / "made.txt").read_text(encoding="utf-8").split())
    if pairs < PAIRS * words / WORDS:
        sys.exit(f"bench: the extractive generator made only {pairs} drafts of {words} words")
    how = f"best of 3 processes; {pairs} drafts of {words} words, scaled to {WORDS} words; the peer is the goal"
    return [row("extractive generator, CPU s for 36,000 words", runs * WORDS / words, 5.0, most=1.0, how=how)]


def make(work: Path) -> None:
    """Make all drafts of the workspace's documents once, and write how many words gave how many."""
    from builder.generate_stage import sources
    from builder.store import read_records
    from generators.extractive.generate import generate
    from schemas.records import Chunk, Document, Draft

    documents = list(read_records(next(work.glob("stages/read-*/documents.jsonl")), Document))
    chunks = list(read_records(next(work.glob("stages/chunk-*/chunks.jsonl")), Chunk))
    made = generate(sources(documents, chunks), company="Tarnwell", wordings=5, seed=0)
    pairs = sum(isinstance(draft, Draft) for draft in made)
    words = sum(len(document.text.split()) for document in documents)
    (work / "made.txt").write_text(f"{words} {pairs}", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
