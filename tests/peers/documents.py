"""Our readers, chunker and read step, run by our own environment; and the clock that every side of this benchmark shares.

    python tests/peers/documents.py read|chunk TOKENIZER|step ... FILE...

A side reads the first file once before the clock starts, so that its imports are made; then every file has its own time,
from its path to its text, in CPU seconds of the process with the children that it has waited for. A file that a side fails
on, or gets no text from, has none.
"""

import json
import sys
from functools import partial
from pathlib import Path

from meter import cpu_seconds

BUDGET = 400  # tokens of a chunk


def report(use, paths, prepare=lambda path: path):
    """Print for each path the CPU seconds of `use` on what `prepare` makes of it, or null."""
    timed(use, paths[0], prepare)
    print(json.dumps({path: timed(use, path, prepare) for path in paths}), flush=True)


def timed(use, path, prepare=lambda path: path):
    try:
        given = prepare(path)
        started = cpu_seconds()
        found = use(given)
        return cpu_seconds() - started if found else None
    except Exception as error:  # noqa: BLE001 - a side may fail on a file in any way
        print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def text_of(path):
    """Read a file as the read step does: by its content, with its name as a hint."""
    from builder.formats import formats
    from builder.readers.content import Refused
    from builder.sniff import sniff

    found = sniff(Path(path).read_bytes(), Path(path).name)
    content = found if isinstance(found, Refused) else formats()[found.format].read(found.source)
    return "" if isinstance(content, Refused) else content.text


def document_of(path):
    """Return a document of a Markdown file."""
    from schemas.records import Document

    raw = Path(path).read_bytes()
    return Document.of(path=Path(path).name, title="", format="markdown", text=raw.decode(), raw=raw)


def chunks_of(tokenizer, document):
    """Cut a document by the tokens of a real tokenizer."""
    from builder.chunk import chunk

    def count_many(texts):
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    return chunk(document, tokens=BUDGET, count_many=count_many)


def read_step(recipe):
    """Make the read step of a recipe, which has the folder of its documents beside it."""
    from builder.pipeline import run
    from builder.recipe_file import load_recipe

    return run(load_recipe(Path(recipe)), Path(recipe).parent, until="read")


def main():
    what, *given = sys.argv[1:]
    if what == "read":
        report(text_of, given)
    elif what == "step":
        import builder.pipeline  # noqa: F401 - the command line's own import is not what is measured

        print(json.dumps({given[0]: timed(read_step, given[0])}))
    else:
        from tokenizers import Tokenizer

        report(partial(chunks_of, Tokenizer.from_file(given[0])), given[1:], document_of)


if __name__ == "__main__":
    main()
