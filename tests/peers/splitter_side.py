"""semantic-text-splitter's MarkdownSplitter with a Hugging Face tokenizer, run by its own environment.

.venv-peers/splitter/bin/python tests/peers/splitter_side.py chunk TOKENIZER FILE... (see documents.py)
"""

import sys
from pathlib import Path

from documents import BUDGET, report
from semantic_text_splitter import MarkdownSplitter  # pyright: ignore[reportMissingImports] - in its own environment
from tokenizers import Tokenizer

SPLITTER = MarkdownSplitter.from_huggingface_tokenizer(Tokenizer.from_file(sys.argv[2]), BUDGET)


def text(path):
    return Path(path).read_text(encoding="utf-8")


report(SPLITTER.chunk_indices, sys.argv[3:], text)
