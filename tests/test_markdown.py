"""Blocks and plain words of canonical Markdown."""

import gc
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.markdown import Block, parse_blocks, parsed_once, plain
from schemas.memory import Kept

FRAGMENTS = st.sampled_from(
    [
        "# Leave",
        "## How do I book leave?",
        "Setext\n---",
        "#",
        "- one\n- two",
        "1. first\n2. second\n   - nested",
        "- - deep",
        "-\n  *late*",
        "| a | b |\n|---|---|\n| 1 | x \\| y |",
        "| a |\n|---|\n| \\",
        "```\ncode\n\n# no heading\n```",
        "~~~",
        "> quote",
        "<div>\n",
        "<!--",
        "***",
        "[ref]: https://example.com",
        "    indented",
        "Plain words, of *some* kind.",
        "\u00a0",
        "\r",
        "\r\n",
        "\x00",
        "\u2028",
        "é日本",
        "\t-\tx",
    ]
)
MARKDOWN = st.lists(st.one_of(FRAGMENTS, st.text(max_size=30)), max_size=12).flatmap(
    lambda parts: st.sampled_from(["\n", "\n\n"]).map(lambda gap: gap.join(parts))
)


def kinds(text: str) -> list[str]:
    return [block.kind for block in parse_blocks(text)]


def only(text: str) -> Block:
    (block,) = parse_blocks(text)
    return block


@given(MARKDOWN)
@settings(max_examples=150, deadline=None)
def test_blocks_of_any_text_are_in_bounds_in_order_and_disjoint(text):
    blocks = parse_blocks(text)

    assert all(0 <= block.start < block.end <= len(text) for block in blocks)
    assert all(first.end <= second.start for first, second in pairwise(blocks))


@given(MARKDOWN)
@settings(max_examples=150, deadline=None)
def test_items_cells_and_headings_lie_inside_their_block(text):
    for block in parse_blocks(text):
        spans = [block.content, *block.items, *(cell for row in block.rows for cell in row)]

        assert all(block.start <= span.start <= span.end <= block.end for span in spans)


def test_a_heading_has_its_words_its_level_and_the_path_above_it():
    text = "# Leave #\n\nIntro.\n\nSick leave\n---\n\nText.\n"

    title, intro, sick, body = parse_blocks(text)

    assert text[title.content.start : title.content.end] == "Leave"
    assert intro.heading_path == ("Leave",)
    assert (sick.level, sick.heading_path, body.heading_path) == (2, ("Leave", "Sick leave"), ("Leave", "Sick leave"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_keeps_the_offsets_right(end):
    text = end.join(["# One", "", "two", "", "- three"])

    assert [text[block.start : block.end] for block in parse_blocks(text)] == ["# One", "two", "- three"]


def test_items_know_their_words_their_number_and_their_depth():
    text = "3. Open *Beacon*\n   in a browser\n   - sign in\n4. Choose a key\n"

    items = only(text).items

    assert [(text[item.start : item.end], item.depth, item.number) for item in items] == [
        ("Open *Beacon*\n   in a browser", 0, 3),
        ("sign in", 1, None),
        ("Choose a key", 0, 4),
    ]


def test_an_item_that_begins_with_emphasis_or_with_another_list_loses_only_its_markers():
    assert [(item.depth, item.number) for item in only("- 7. deep").items] == [(1, 7)]

    for text, words in (("- *late* news", "*late* news"), ("-\n  *late*", "*late*"), ("- 7. deep", "deep")):
        assert [text[item.start : item.end] for item in only(text).items] == [words]


def test_a_table_has_its_header_row_first_and_keeps_escaped_bars():
    text = "| Plan | Reply |\n|---|---|\n| Tide | 1 \\| 2 hours |\n| Ripple |  |\n"

    rows = [[text[cell.start : cell.end] for cell in row] for row in only(text).rows]

    assert rows == [["Plan", "Reply"], ["Tide", "1 \\| 2 hours"], ["Ripple", ""]]


def test_a_fence_hides_headings_and_runs_to_the_end_when_unclosed():
    assert kinds("# A\n\n```\n# b\n\n# c\n") == ["heading", "code"]


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("**Bold** and *it* and ***both*** and ~~gone~~", "Bold and it and both and gone"),
        ("_it_ but snake_case_name stays", "it but snake_case_name stays"),
        ('see [the *plan*](https://example.com/a_(b) "Title") now', "see the plan now"),
        ("![logo](logo.png) Tarnwell", "Tarnwell"),
        ("[![badge](x.png)](y) Text", "Text"),
        ("run `kilopair **init**` now", "run kilopair **init** now"),
        ("write to <help@example.com>", "write to help@example.com"),
        ("a<br>b <span class=x>c</span>", "a b c"),
        ("R&amp;D \\*not bold\\*", "R&D *not bold*"),
        ("[text][ref] and a note[^1]", "text and a note"),
        ("5 * 3 * 2 [optional] a < b", "5 * 3 * 2 [optional] a < b"),
        ("line\none", "line one"),
    ],
)
def test_plain_leaves_the_words_only(markdown, words):
    assert plain(markdown) == words


@given(st.text(max_size=200))
def test_plain_of_any_text_is_one_line_and_its_own_plain_when_it_has_no_markup(text):
    words = plain(text)

    assert words == " ".join(words.split())


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled):
    (gc.enable if enabled else gc.disable)()
    try:
        parse_blocks("# Leave\n\nText.")

        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_a_large_table_takes_a_few_times_its_own_size():
    text = "| a | b | c | d | e | f |\n|---|---|---|---|---|---|\n" + "| 1 | 2 | 3 | 4 | 5 | 6 |\n" * 2_000
    parse_blocks("| a |\n|---|\n")
    tracemalloc.start()
    try:
        (block,) = parse_blocks(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(block.rows) == 2_001
    assert peak < 100 * len(text)


@given(st.lists(MARKDOWN, max_size=4))
def test_blocks_are_the_same_whether_they_are_kept_or_not(texts):
    alone = [parse_blocks(text) for text in texts]

    with parsed_once():
        assert [parse_blocks(text) for text in texts * 2] == alone * 2


def test_what_is_kept_has_its_bounds_and_its_end():
    made: list[str] = []
    kept = Kept(lambda text: made.append(text) or text.upper(), size=len, most=4)

    with kept.keeping():
        assert [kept.of(text) for text in ("abc", "too long", "a", "abc", "too long", "a")] == ["ABC", "TOO LONG", "A"] * 2
    assert kept.of("abc") == "ABC"
    assert made == ["abc", "too long", "a", "too long", "abc"]
