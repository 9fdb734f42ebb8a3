"""The documents' rows of `make bench`: CPU of the readers and the chunker against their peers, and what is kept of the structure.

The files are made from the sample company's Markdown (see bench_files.py), which is also the truth of what must be in the
text. KILOPAIR_CORPUS may name a folder with more files; what lies in a folder "bad" of it is left out, and of the others
those count that both sides read. Its folder "truth" may hold the Markdown that files of the same name were made from.

Every side is a script in tests/peers that is run in a process and in an environment of its own. Rounds are interleaved and
the best of a side counts for each file, so that a noisy machine harms none of them.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench import ENVIRONMENT, ROOT, Row, row
from bench_engine import HERE, PEERS, NotMeasuredError, Side
from bench_files import markdown_pages, rows_of, tree, words, write_files

from builder.chunk import chunk
from builder.source import documents_in
from schemas.records import Document

Figures = dict[str, float]  # CPU seconds by file

CORPUS = os.environ.get("KILOPAIR_CORPUS", "")
COMPANY = ROOT / "datasets" / "tarnwell"
ROUNDS, SECONDS, MOST_BYTES = 3, 900, 20_000_000
OURS = Side("kilopair", (sys.executable, str(HERE / "peers" / "documents.py"), "read"))


def peer(environment: str, script: str, *given: str) -> tuple[str, ...]:
    """Return the command of a peer that has an environment of its own."""
    return str(PEERS / environment / "bin" / "python"), str(HERE / "peers" / script), *given


SDK = Side("synthetic-data-kit", peer("synthetic", "sdk_documents_side.py", "parse"), how="its parser for the format")
MARKITDOWN = Side("markitdown", peer("markitdown", "markitdown_side.py", "markitdown"), how="MarkItDown.convert_local, no plug-ins")
OPENPYXL = Side("openpyxl", peer("markitdown", "markitdown_side.py", "openpyxl"), 1 / 5, "all cells, read-only")
SPLITTER = Side("semantic-text-splitter", peer("splitter", "splitter_side.py", "chunk"), 1 / 1.8, "MarkdownSplitter, same tokenizer")
READERS = {
    "pdf": (replace(SDK, most=1 / 8), replace(MARKITDOWN, most=1 / 20)),
    "docx": (replace(SDK, most=1 / 1.5), replace(MARKITDOWN, most=1 / 12)),
    "html": (replace(SDK, most=1 / 2.5), replace(MARKITDOWN, most=1 / 8)),
    "pptx": (replace(SDK, most=1 / 2),),
    "xlsx": (OPENPYXL,),
}


def document_rows() -> Iterator[Row]:
    """Everything about documents, in a folder that is made for it."""
    pages = markdown_pages(COMPANY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "files"
        folder.mkdir()
        write_files(pages, COMPANY, folder)
        yield from _cpu_rows(folder, Path(name) / "tokenizer.json", pages)
        for kind in ("docx", "html", "epub"):
            truths = {"handbook": "\n\n".join(pages.values())} if kind == "epub" else pages
            yield _structure_row(kind, [(text, folder / f"{title}.{kind}") for title, text in truths.items()])
        yield from _real_structure_rows()
        yield _whole_row([*_files(folder), *_real_files()])
        yield _second_run_row(folder)


def _cpu_rows(folder: Path, tokenizer: Path, pages: dict[str, str]) -> Iterator[Row]:
    _train_tokenizer(tokenizer, pages)
    ours = replace(OURS, command=(*OURS.command[:-1], "chunk", str(tokenizer)))
    theirs = replace(SPLITTER, command=(*SPLITTER.command, str(tokenizer)))
    for label, files in (("", _files(folder)), (", real files", _real_files())):
        for kind, peers in READERS.items():
            yield from _rows(f"{kind}{label}", OURS, peers, [path for path in files if path.suffix == f".{kind}"])
        yield from _rows(f"chunker{label}", ours, (theirs,), [path for path in files if path.suffix == ".md"])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "bad" not in path.relative_to(folder).parts)


def _real_files() -> list[Path]:
    return _files(Path(CORPUS).resolve()) if CORPUS else []


def _train_tokenizer(path: Path, pages: dict[str, str]) -> None:
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(pages.values(), vocab_size=8_000, show_progress=False)
    tokenizer.save(str(path))


def _rows(name: str, ours: Side, peers: Sequence[Side], files: list[Path]) -> Iterator[Row]:
    """One row for each peer, all measured in the same rounds; none without files."""
    sides = (ours, *peers) if files else ()
    rounds = [{side.name: _figures(side, files) for side in sides} for _ in range(ROUNDS)]
    best = {side.name: _best([figures[side.name] for figures in rounds]) for side in sides}
    for side in peers if files else ():
        yield _cpu_row(f"{name} against {side.name}, CPU ms", side, best[ours.name], best[side.name], total=len(files))


def _figures(side: Side, files: list[Path]) -> Figures | str:
    """Return the CPU seconds of each file that a side got something from, or why there are none."""
    try:
        return {path: seconds for path, seconds in _run(side, *map(str, files)).items() if seconds is not None}
    except NotMeasuredError as error:
        return str(error)


def _run(side: Side, *given: str) -> dict[str, float | None]:
    """Run one side in a folder of its own and return what it prints.

    Raises:
        NotMeasuredError: it is not installed, failed, or took too long.
    """
    if not Path(side.command[0]).exists():
        raise NotMeasuredError(f"{side.name} could not be installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [*side.command, *given]
        try:
            done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotMeasuredError(f"{side.name}: {type(error).__name__}") from error
    if done.returncode:
        raise NotMeasuredError(f"{side.name} failed: {(done.stderr.strip().splitlines() or ['no words'])[-1][:200]}")
    return json.loads(done.stdout.splitlines()[-1])


def _best(rounds: list[Figures | str]) -> Figures | str:
    failed = next((figures for figures in rounds if isinstance(figures, str)), None)
    measured = [figures for figures in rounds if not isinstance(figures, str)]
    return failed or {path: min(figures.get(path, seconds) for figures in measured) for path, seconds in measured[0].items()}


def _cpu_row(name: str, side: Side, ours: Figures | str, theirs: Figures | str, *, total: int) -> Row:
    """Compare over the files that both read; a peer that was not measured is no goal met."""
    if isinstance(ours, str):
        sys.exit(f"bench: documents were not measured: {ours}")
    both = [] if isinstance(theirs, str) else [path for path in ours if path in theirs]
    if isinstance(theirs, str) or not both:
        problem = theirs if isinstance(theirs, str) else f"{side.name} read no file that we read"
        return _not_measured(name, side.most, sum(ours.values()), problem)
    how = f"best of {ROUNDS} rounds, {len(both)} of {total} files (we read {len(ours)}, the peer {len(theirs)}); the peer is {side.how}"
    return row(name, *(1000 * sum(figures[path] for path in both) for figures in (ours, theirs)), most=side.most, how=how)


def _not_measured(name: str, most: float, seconds: float, problem: str) -> Row:
    return Row(name, round(1000 * seconds, 3), 0.0, 0.0, f"<= {most:g}", met=False, how=f"not measured: {problem}")


def _structure_row(kind: str, made: list[tuple[str, Path]]) -> Row:
    """The share of headings, items, rows and links that is in the text as in the truth; the worst of the four counts."""
    truth, found = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for text, path in made:
        truth.update(_structure(text))
        found.update(part for document in _documents(path) for part in _structure(document.text))
    shares = {name: _share(truth, found, name) for name in ("heading", "item", "row", "link") if any(part[0] == name for part in truth)}
    told = ", ".join(f"{name}s {share:.3f}" for name, share in shares.items())
    return row(
        f"structure kept, {kind}", min(shares.values()), 1.0, least=0.98, how=f"{len(made)} files against what they were made from: {told}"
    )


def _real_structure_rows() -> Iterator[Row]:
    truths = {path.stem: path.read_text(encoding="utf-8") for path in _real_files() if path.parent.name == "truth"}
    for kind in ("docx", "html", "epub"):
        made = [(truths[path.stem], path) for path in _real_files() if path.suffix == f".{kind}" and path.stem in truths]
        if made:
            yield _structure_row(f"{kind}, real files", made)


def _share(truth: Counter[tuple[str, ...]], found: Counter[tuple[str, ...]], kind: str) -> float:
    """What both have, of what the richer one has: what is lost counts, and so does what is made up."""
    one, other = (Counter({part: count for part, count in parts.items() if part[0] == kind}) for parts in (truth, found))
    return (one & other).total() / max(one.total(), other.total())


def _structure(text: str) -> Iterator[tuple[str, ...]]:
    """Headings with their levels, list items with their kinds and depths, table rows, and links with their targets."""
    for node in tree(text).walk():
        if node.type == "heading":
            yield "heading", node.tag, words(node)
        elif node.type == "list_item":
            own = next((inner for inner in node.children if inner.type == "paragraph"), None)
            depth = sum(inner.type == "list_item" for inner in _above(node))
            yield "item", node.parent.type if node.parent else "", str(depth), words(own) if own else ""
        elif node.type == "table":
            yield from (("row", *cells) for cells in rows_of(node))
        elif node.type == "link" and words(node) != str(node.attrs["href"]).removeprefix("mailto:"):  # an address is a link without one
            yield "link", str(node.attrs["href"]), words(node)


def _above(node):
    while node.parent:
        node = node.parent
        yield node


def _documents(path: Path) -> list[Document]:
    records = documents_in(path.read_bytes(), path.name, max_bytes=MOST_BYTES)
    return [record for record in records if isinstance(record, Document)]


def _whole_row(files: list[Path]) -> Row:
    """Characters that are in two chunks or, unless they are spaces, in none."""
    wrong = total = 0
    for document in (document for path in files for document in _documents(path)):
        times = bytearray(len(document.text))
        for piece in chunk(document, tokens=400):
            for place in range(piece.start, piece.end):
                times[place] += 1
        wrong += sum(count != 1 and not (count == 0 and letter.isspace()) for count, letter in zip(times, document.text, strict=True))
        total += len(times)
    return row(
        "chunking, characters twice or lost", wrong, total, most=0.0, how=f"all files in chunks of 400 tokens; the peer is all {total:,}"
    )


def _second_run_row(folder: Path) -> Row:
    """CPU of the read step with nothing changed against that of the first one, each in a process of its own."""
    recipe, step = folder.parent / "recipe.yaml", replace(OURS, command=(*OURS.command[:-1], "step"))
    recipe.write_text(f"company: Tarnwell\nworkspace: workspace\ndocuments: {{path: {folder.name}}}\n", encoding="utf-8")
    documents, name = folder.parent / "workspace" / "documents.jsonl", "read step again, CPU ms"
    (first, before), (second, after) = ((_run(step, str(recipe))[str(recipe)], documents.read_bytes()) for _ in range(2))
    if first is None or second is None or before != after:
        return _not_measured(name, 1 / 20, 0.0, "the read step failed, or wrote other documents the second time")
    how = f"nothing changed in {len(_files(folder))} files, the same bytes come out; the peer is the first run"
    return row(name, 1000 * second, 1000 * first, most=1 / 20, how=how)
