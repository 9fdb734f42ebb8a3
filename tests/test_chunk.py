"""Chunks: every word once, within the budget, cut at the joints of the document."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.chunk import chunk, estimate_tokens
from schemas.markdown import parse_blocks
from schemas.records import Document

SENTENCE = "The support desk answers every ticket of the Tide plan within one hour on every day of the year, holidays included."
LONG = " ".join([SENTENCE] * 12)
FRAGMENTS = st.sampled_from(
    [
        "# Title",
        "## Leave",
        "## How long is it?",
        "### Deep *one*",
        "Setext\n===",
        "#",
        "A few words.",
        SENTENCE,
        LONG,
        "Lead-in:",
        "- one\n- two\n  - deep",
        "\n".join(f"{number}. {SENTENCE}" for number in range(1, 9)),
        "| a | b |\n|---|---|\n" + "\n".join(f"| {number} | {SENTENCE} |" for number in range(6)),
        "```\nline one\n\n# line two\n```",
        "> quoted\n> words",
        "[ref]: https://example.com/page",
        "<div>\nraw\n</div>",
        "***",
        "    indented code",
        "x" * 700,
        "日本語の文章です。" * 20,
        "-" * 300,
        "```\nnever closed",
        "word\u00a0" * 80,
        "## " + "Heading " * 40,
    ]
)
MARKDOWN = st.lists(st.one_of(FRAGMENTS, st.text(max_size=20)), min_size=1, max_size=10).map("\n\n".join)


def document(text: str) -> Document:
    return Document.of(path="a.md", title="A", format="markdown", text=text, raw=b"")


def texts(text: str, tokens: int = 400) -> list[str]:
    return [piece.text for piece in chunk(document(text), tokens=tokens)]


@given(text=MARKDOWN, tokens=st.sampled_from([32, 60, 400]))
@settings(max_examples=200, deadline=None)
def test_every_word_is_in_exactly_one_chunk_within_the_budget(text, tokens):
    chunks = chunk(document(text), tokens=tokens)
    gaps = [text[first.end : second.start] for first, second in pairwise(chunks)]
    outside = [text[: chunks[0].start], *gaps, text[chunks[-1].end :]] if chunks else [text]

    assert all(text[piece.start : piece.end] == piece.text for piece in chunks)
    assert all(first.end <= second.start for first, second in pairwise(chunks))
    assert not "".join(outside).strip()
    assert all(piece.tokens == estimate_tokens(piece.text) <= tokens for piece in chunks)


@given(text=MARKDOWN)
@settings(max_examples=150, deadline=None)
def test_no_chunk_ends_in_a_heading_unless_the_document_does(text):
    blocks = parse_blocks(text)
    last_text = max((block.start for block in blocks if block.kind != "heading"), default=0)
    headings = {block.end for block in blocks if block.kind == "heading" and block.end < last_text}

    assert not [piece.text for piece in chunk(document(text), tokens=1000) if piece.end in headings]


@given(text=MARKDOWN)
@settings(max_examples=50, deadline=None)
def test_the_same_document_has_the_same_chunks(text):
    assert chunk(document(text), tokens=100) == chunk(document(text), tokens=100)


def test_a_section_is_a_passage_and_its_heading_path_is_words():
    text = f"# The *Handbook*\n\n{SENTENCE}\n\n## [Leave](x)\n\n{SENTENCE}\n{SENTENCE}\n\n### `Sick`\n\n{SENTENCE}\n{SENTENCE}\n"

    chunks = chunk(document(text), tokens=400)

    assert [piece.heading_path for piece in chunks] == [("The Handbook",), ("The Handbook", "Leave"), ("The Handbook", "Leave", "Sick")]


def test_headings_in_a_row_go_with_the_first_text_below_them():
    assert texts(f"# A\n\n## B\n\n{SENTENCE}\n") == [f"# A\n\n## B\n\n{SENTENCE}"]


def test_sections_of_a_few_words_are_put_together_below_the_same_heading_only():
    text = f"# Terms\n\n{SENTENCE} {SENTENCE}\n\n## pH\n\nAcidity.\n\n## DO\n\nOxygen.\n\n# Other\n\nShort.\n"

    assert texts(text)[1:] == ["## pH\n\nAcidity.\n\n## DO\n\nOxygen.", "# Other\n\nShort."]


def test_a_question_is_never_put_together_with_another():
    text = "# FAQ\n\n## How long?\n\nFive days.\n\n## How deep?\n\nTwo metres.\n"

    assert texts(text) == ["# FAQ\n\n## How long?\n\nFive days.", "## How deep?\n\nTwo metres."]


@pytest.mark.parametrize(
    "block",
    [
        "\n".join(f"- {SENTENCE}" for _ in range(12)),
        "\n".join(f"{number}. {SENTENCE}\n   {SENTENCE}" for number in range(1, 7)),
        "| a | b |\n|---|---|\n" + "\n".join(f"| {number} | {SENTENCE} |" for number in range(12)),
    ],
)
def test_a_long_block_is_cut_between_its_items_or_rows(block):
    starts = ("- ", "1", "2", "3", "4", "5", "6", "| ", "# ")

    pieces = texts(f"# A\n\n{block}\n", 100)

    assert len(pieces) > 2
    assert all(piece.startswith(starts) and piece.endswith(("included.", "|")) for piece in pieces)


def test_a_long_paragraph_is_cut_between_its_sentences():
    assert all(piece.endswith("included.") for piece in texts(LONG, 100))


def test_a_lead_in_stays_with_its_list_where_both_fit():
    text = f"# A\n\n{' '.join([SENTENCE] * 2)}\n\nDo this:\n\n- {SENTENCE}\n- {SENTENCE}\n"

    assert texts(text, 80)[-1].startswith("Do this:\n\n- ")


def test_a_block_that_fits_is_not_cut_for_the_sake_of_filling_a_chunk():
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {number} | {SENTENCE} |" for number in range(2))

    assert texts(f"# A\n\n{SENTENCE} {SENTENCE}\n\n{table}\n", 100)[-1] == table


def test_a_heading_path_does_not_repeat_a_whole_page():
    (path,) = {piece.heading_path for piece in chunk(document("# " + "word " * 5000 + "\n\nText.\n"), tokens=400)}

    assert len(path[0]) <= 300


def test_the_estimate_counts_words_digits_signs_and_ideographs():
    assert [estimate_tokens(text) for text in ("", "day", "internationalization", "2026", "日本語", "a, b", "-----------")] == [
        0,
        1,
        5,
        2,
        3,
        3,
        3,
    ]
