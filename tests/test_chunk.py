"""Chunks: every word once, within the budget, cut at the joints of the document."""

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from builder.chunk import chunk, estimate_tokens
from builder.pieces import counter, pieces
from schemas.context import context_of
from schemas.errors import RecipeError
from schemas.markdown import parse_blocks
from schemas.records import Chunk, Document, Page

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
@settings(max_examples=100, deadline=None)
def test_every_word_is_in_exactly_one_chunk_within_the_budget(text, tokens):
    chunks = chunk(document(text), tokens=tokens)
    gaps = [text[first.end : second.start] for first, second in pairwise(chunks)]
    outside = [text[: chunks[0].start], *gaps, text[chunks[-1].end :]] if chunks else [text]

    assert all(text[piece.start : piece.end] == piece.text for piece in chunks)
    assert all(first.end <= second.start for first, second in pairwise(chunks))
    assert not "".join(outside).strip()
    assert all(piece.tokens == estimate_tokens(piece.text) <= tokens for piece in chunks)


@given(text=MARKDOWN)
@settings(max_examples=100, deadline=None)
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


def letters(text: str) -> int:
    return len(text)


def octets(text: str) -> int:
    return (len(text.encode()) + 1) // 2


def restless(text: str) -> int:
    """More for the whole than for its parts, as a tokenizer counts that joins nothing across a cut."""
    return estimate_tokens(text) + text.count("\n") + (len(text) > 50)


@given(text=MARKDOWN, count=st.sampled_from([letters, octets, restless]), tokens=st.sampled_from([20, 150]))
@settings(max_examples=80, deadline=None)
def test_the_budget_holds_for_any_tokenizer(text, count, tokens):
    chunks = chunk(document(text), tokens=tokens, count=count)

    assert all(piece.tokens == count(piece.text) <= tokens for piece in chunks)
    assert "".join("".join(piece.text.split()) for piece in chunks) == "".join(text.split())


@given(text=MARKDOWN)
@settings(max_examples=100, deadline=None)
def test_rows_and_items_within_the_budget_are_whole(text):
    joints = {}
    for block in parse_blocks(text):
        parts = [row[0].start for row in block.rows if row] if block.kind == "table" else [item.start for item in block.items]
        if parts:
            joints[block.start, block.end] = {text.rfind("\n", 0, start) + 1 for start in parts}

    for piece in chunk(document(text), tokens=200):
        for (start, end), lines in joints.items():
            if start < piece.start < end:
                assert text.rfind("\n", 0, piece.start) + 1 in lines


def test_texts_are_counted_in_a_few_batches_and_by_windows():
    batches: list[list[str]] = []

    def count_many(texts):
        batches.append(list(texts))
        return [len(text) // 3 + 1 for text in texts]

    text = f"# A\n\n{LONG}\n\n" * 50 + "x" * 50_000
    chunks = chunk(document(text), tokens=300, count_many=count_many)

    assert all(piece.tokens <= 300 for piece in chunks)
    assert len(batches) < 60
    assert max(len(text) for batch in batches for text in batch) <= 4000


@pytest.mark.parametrize(
    "text",
    [
        "word and more " * 30_000,
        "".join(chr(97 + place * place % 23) for place in range(300_000)),
        "".join(chr(0x4E00 + place * place % 20_000) for place in range(100_000)),
        "> " * 5_000 + "deep",
        "\n".join("  " * depth + f"- level {depth}" for depth in range(400)),
        "| a | b |\n|---|---|\n" + "| one thing | two things |\n" * 4_000,
        "- an item of the list\n" * 8_000,
        "# heading\n" * 15_000,
        "a\n\n" * 20_000,
        "`" * 300_000,
        "|" * 200_000,
    ],
)
def test_no_shape_of_a_document_is_over_the_budget_or_takes_long(text):
    start = time.process_time()

    chunks = chunk(document(text), tokens=400)

    assert time.process_time() - start < 5
    assert all(piece.tokens <= 400 for piece in chunks)
    assert "".join("".join(piece.text.split()) for piece in chunks) == "".join(text.split())


def test_a_chunk_knows_the_pages_it_is_from():
    text = f"# A\n\n{SENTENCE} {SENTENCE}\n\n# B\n\n{SENTENCE} {SENTENCE}\n"
    half = text.index("# B")
    pages = (Page(number=3, start=0, end=half - 4), Page(number=4, start=half - 4, end=len(text)))

    chunks = chunk(document(text).model_copy(update={"pages": pages}), tokens=400)

    assert [piece.pages for piece in chunks] == [(3, 4), (4, 4)]


def test_a_cut_table_has_its_header_as_context():
    header = "| Plan | Rule |\n|---|---|"
    found = document(f"# A\n\nBefore.\n\n{header}\n" + "\n".join(f"| {number} | {SENTENCE} |" for number in range(12)) + "\n\nAfter.\n")

    chunks = chunk(found, tokens=100)

    assert [context_of(found, piece) for piece in chunks] == [
        "",
        *[header] * (len(chunks) - 2),
        header if chunks[-1].text[0] == "|" else "",
    ]
    assert len(chunks) > 3


def test_a_cut_list_has_its_announcement_and_the_items_above_as_context():
    deep = "\n".join(f"  - {SENTENCE}" for _ in range(8))
    found = document(f"# A\n\nDo this:\n\n- First\n- Then\n{deep}\n- {LONG} {LONG}\n")

    contexts = [context_of(found, piece) for piece in chunk(found, tokens=100)]

    assert contexts[0] == ""
    assert contexts[2] == "Do this:\n\n- Then"
    assert contexts[-1].startswith("Do this:\n\n- The support desk")
    assert len(contexts[-1]) < 250


def test_a_chunk_within_a_section_has_the_end_of_its_neighbour_as_context():
    rule = "Bikes are lent for a week (two in July). Return them to the desk."
    found = document(f"# Bikes\n\n{LONG} {rule}\n\nThis is free of charge. {LONG}\n\n# Cars\n\n{SENTENCE}\n")

    pieces_of = {piece.text[:9]: context_of(found, piece) for piece in chunk(found, tokens=200)}

    assert pieces_of["# Bikes\n\n"] == pieces_of["# Cars\n\nT"] == ""
    assert pieces_of["This is f"].endswith(rule)
    assert len(pieces_of["This is f"]) <= 300
    assert pieces_of["This is f"].startswith(SENTENCE[:20])


def test_a_chunk_that_stands_for_itself_has_no_context():
    found = document(f"# Bikes\n\n{LONG}\n\n{LONG}\n\nType this:\n\n```\nlend\n```\n")
    code = Chunk.of(found, found.text.index("```"), len(found.text) - 1, ("Bikes",), 5)

    contexts = [context_of(found, piece) for piece in chunk(found, tokens=400)]

    assert len(contexts) > 1
    assert not any(contexts)
    assert context_of(found, code) == "Type this:"


def test_a_chunk_within_a_paragraph_has_the_sentences_before_as_context():
    found = document(f"# A\n\n{LONG} {LONG} {LONG}\n")

    first, *others = chunk(found, tokens=100)

    assert context_of(found, first) == ""
    for piece in others:
        before = context_of(found, piece)
        assert 0 < len(before) <= 300
        assert found.text[: piece.start].rstrip().endswith(before)


def test_a_neighbour_of_one_long_sentence_gives_its_last_words():
    found = document("# A\n\n" + "word " * 400 + "\n")

    contexts = [context_of(found, piece) for piece in chunk(found, tokens=100)][1:]

    assert contexts
    assert all(context.startswith("…word word") and context.endswith(" word") and len(context) <= 301 for context in contexts)


def test_the_budget_is_counted_by_the_tokenizer_of_the_recipe(tmp_path: Path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").save_pretrained(tmp_path)
    text = "# Rule\n\n" + " ".join(f"Word{number} stands alone here." for number in range(200)) + "\n"
    document = Document.of(path="a.md", title="Rule", format="markdown", text=text, raw=text.encode())

    count_many = counter(tmp_path)
    chunks = [piece for piece in pieces([document], tokens=64, count_many=count_many) if isinstance(piece, Chunk)]

    assert max(count_many([piece.text for piece in chunks])) <= 64
    assert [piece.tokens for piece in chunks] == count_many([piece.text for piece in chunks])
    assert len(chunks) >= 200 * 5 / 64


def test_a_folder_without_a_tokenizer_is_said(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"chunk\.tokenizer"):
        counter(tmp_path / "nowhere")


def test_no_document_is_parsed_twice_on_its_way_to_chunks(monkeypatch):
    documents = [document(f"# Page {number}\n\n{LONG}\n") for number in range(3)]
    parsed, parse = [], MarkdownIt.parse
    monkeypatch.setattr(MarkdownIt, "parse", lambda parser, text: parsed.append(text) or parse(parser, text))

    list(pieces(documents, tokens=100))
    list(pieces(documents[:1], tokens=100))

    assert parsed == [one.text for one in (*documents, documents[0])]
