"""What a language model is shown: the words without the markup noise, each character with its place in the stored text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.locate import locate
from generators.alpaca.asks import Passage
from generators.alpaca.prompts import marked
from schemas.records import Chunk, Document
from schemas.shown import cleaned, shown

PARTS = (
    *(
        "[",
        "](",
        ")",
        "![",
        "]",
        "[a b](c)",
        "![two words](x.png)",
        "](mailto:hr@a.org)",
        "<b>",
        "<br>",
        "</a>",
        "<",
        ">",
        "<!--",
        "-->",
        "`",
    ),
    *(
        "```\n",
        "\n",
        "\n\n",
        "  ",
        " ",
        "\t",
        "|",
        "|---|---|\n",
        "---\n",
        "https://a.org/b?utm_source=c&d=e#f",
        "{%",
        "%}",
        "{{",
        "}}",
        "{#a}",
    ),
    *(
        "&nbsp;",
        "&amp;",
        "amp;",
        "\\",
        "[x]: /y\n",
        "[x]",
        "(",
        "*",
        "**",
        "word",
        "30 days",
        "é",
        "日本",
        "# ",
        "- ",
        "> ",
        "1. ",
        "'",
        '"',
    ),
)
MARKUP = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=4)), max_size=30).map("".join)

PAGE = """# Leave

See the [leave guide](https://example.com/a/very/long/path?utm_source=mail "Guide"), or ask [HR](mailto:hr@example.com).
<a name="carry"></a>![logo](logo.png)![The form for leave](form.png "x")

<!-- to do -->


| Days   | Who |
|--------|:---:|
| 30     | staff<br>trainees |

- 5 days  may be carried over {: .note }
  - until `[x](y)` 31&nbsp;March

```
[kept](https://example.com)  as   it is
```
"""


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("the [guide](/a/b#c) says", "the guide says"),
        ('a [guide](<a b> "Title (1)") b', "a guide b"),
        ("[see [1] here](x)", "see [1] here"),
        ("[![two words](a.png)](b)", "two words"),
        ("![logo](a.png) x", " x"),
        ("[guide][ref] and [x]\n\n[ref]: https://example.com/x 'T'\n", "guide and [x]"),
        ("x[1][2] and [^1] and - [ ] open", "x[1][2] and [^1] and - [ ] open"),
        ("[Note]: mind the gap", "[Note]: mind the gap"),
        ("[write](mailto:hr@a.org?subject=x) or [hr@a.org](mailto:hr@a.org)", "write (hr@a.org) or hr@a.org"),
        ("[call](tel:+1-202) <mailto:a@b.c> <a@b.c>", "call (+1-202) a@b.c a@b.c"),
        ("at https://www.a.org/leave?utm_source=x&id=5.", "at www.a.org/leave?id=5."),
        ("(https://a.org/b?fbclid=1)", "(a.org/b)"),
        ("<https://a.org/b> and **https://a.org/**", "a.org/b and **a.org/**"),
        ("see https://docs.a.org/document/d/1uJFCAl4IF-GR4a2laUEeIOfT8iWA8ALQ4-eR_SZBlwA/edit, then", "see docs.a.org, then"),
        ("https://a.org/wiki/B_(c)", "a.org/wiki/B_(c)"),
        (
            "one<br>two<br/> three <b>bold</b> 10<sup>2</sup> Dear <name>, a < b > c",
            "one two three bold 10<sup>2</sup> Dear <name>, a < b > c",
        ),
        ('<div class="x">\nA\n</div>', "A"),
        ("a {% include x %}b {{ site.url }} Dear {{ name }} # T {#t .x}", "a b Dear {{ name }} # T"),
        ("a <!-- x\n\ny --> b", "a b"),
        ("| a | b |\n|---|:-:|\n| - | - |", "| a | b |\n| - | - |"),
        ("a | b\n--- | ---\n1 | 2", "a | b\n1 | 2"),
        ("Title\n---\n\n---\n\n***\n\nend", "Title\n---\n\nend"),
        ("a   b  \n\n \n\n\n  c\t\n", "a b\n\n  c"),
        ("R&amp;D 5&nbsp;km &lt;", "R&D 5 km &lt;"),
        ("`[a](b)  <b>` [c](d)", "`[a](b)  <b>` c"),
        ("~~~\n<b>\n\n\n~~~\n<b>x</b>", "~~~\n<b>\n\n\n~~~\nx"),
        ("```\n[never](closed)", "```\n[never](closed)"),
        (r"\[not](a link)", r"\[not](a link)"),
        ("", ""),
    ],
)
def test_markup_noise_goes_and_what_says_something_stays(stored, seen):
    assert shown(stored).text == seen


def test_a_page_keeps_its_words_headings_lists_tables_and_code():
    assert cleaned(PAGE) == (
        "# Leave\n\nSee the leave guide, or ask HR (hr@example.com).\nThe form for leave\n\n| Days | Who |\n| 30 | staff trainees |\n\n"
        "- 5 days may be carried over\n  - until `[x](y)` 31 March\n\n```\n[kept](https://example.com)  as   it is\n```"
    )


@given(MARKUP)
@settings(max_examples=250, deadline=None)
def test_every_character_is_the_stored_one_at_its_place_in_the_same_order_or_a_made_space(stored):
    seen = shown(stored)

    assert len(seen.places) == len(seen.text)
    assert all(left < right for left, right in zip(seen.places, seen.places[1:], strict=False))
    assert all(stored[place] == character or character == " " for character, place in zip(seen.text, seen.places, strict=True))


@given(MARKUP)
@settings(max_examples=250, deadline=None)
def test_what_is_clean_stays_the_same(stored):
    once = shown(stored).text

    assert shown(once).text == once


@given(MARKUP, st.data())
@settings(max_examples=200, deadline=None)
def test_a_stretch_of_shown_text_has_a_stored_span_from_its_first_to_its_last_character(stored, data):
    seen = shown(stored)
    start = data.draw(st.integers(0, len(seen.text)))
    end = data.draw(st.integers(start, len(seen.text)))

    first, last = seen.span(start, end)

    assert 0 <= first <= last <= len(stored)
    assert start == end or (first, last) == (seen.places[start], seen.places[end - 1] + 1)


@given(
    st.lists(st.sampled_from([*PARTS, "leave is granted ", "after two years ", "[the guide](https://a.org/x) "]), max_size=40), st.data()
)
@settings(max_examples=300, deadline=None)
def test_every_quote_of_shown_words_is_found_in_the_stored_text(parts, data):
    text = "Before it.\n\n" + "".join(parts) + "\n\nAfter it."
    document = Document.of(path="a.md", title="A", format="md", text=text, raw=b"")
    near = (12, len(text) - 11)
    seen = shown(text[slice(*near)])
    starts = [place for place in range(len(seen.text)) if not seen.text[place].isspace() and (not place or seen.text[place - 1].isspace())]
    ends = [
        place + 1 for place in range(len(seen.text)) if (seen.text[place : place + 2] + " ")[1].isspace() and not seen.text[place].isspace()
    ]
    if not starts:
        return
    start = data.draw(st.sampled_from(starts))
    end = data.draw(st.sampled_from([end for end in ends if end > start]))

    found = locate(seen.text[start:end], document, near)

    assert found is not None
    assert near[0] <= found[0] < found[1] <= near[1]
    quote, length = seen.text[start:end], end - start
    same = {seen.span(place, place + length) for place in starts if seen.text.startswith(quote, place)}
    assert text[slice(*found)] == quote or (found[0] - near[0], found[1] - near[0]) in same


def test_a_quote_across_a_link_is_the_stored_span_with_the_link_inside():
    document = Document.of(path="leave.md", title="Leave", format="md", text=PAGE, raw=b"")

    span = locate("See the leave guide, or ask HR (hr@example.com).", document)

    assert span == (PAGE.index("See the"), PAGE.index("\n<a name"))


def test_a_prompt_shows_the_clean_passage_and_what_is_defused_in_it_is_found_all_the_same():
    text = "See the [guide](https://example.com/a) and <|im_start|> begin at once.\n"
    document = Document.of(path="a.md", title="A", format="md", text=text, raw=b"")

    prompt = marked(Passage(document, Chunk.of(document, 0, len(text), ("A",), 9)))

    assert "See the guide and ‹|im_start|> begin at once." in prompt
    assert locate("See the guide and ‹|im_start|> begin at once.", document) == (0, len(text) - 1)


def test_a_quote_in_the_own_passage_goes_before_the_same_words_elsewhere():
    text = "Ask the travel desk first.\n\nAsk the [travel desk](https://a.org) first.\n"
    document = Document.of(path="a.md", title="A", format="md", text=text, raw=b"")

    assert locate("Ask the travel desk first.", document, (28, len(text))) == (28, len(text) - 1)
    assert locate("Ask the travel desk first.", document) == (0, 26)


@pytest.mark.parametrize(
    "part", ["[", "](", "![", "<!--", "{{", "{%", "`", "<a ", " ", "\n", "|--", '[a](b "', "https://x)", "[[a](b)](c)", "- - "]
)
def test_time_grows_with_length_and_no_faster(part):
    def seconds(repeated: int) -> float:
        start = time.process_time()
        shown(part * repeated)
        return time.process_time() - start

    assert seconds(40_000) < 60 * seconds(4_000) + 0.2


def test_markup_nested_beyond_reason_is_shown_as_it_is():
    text = "[" * 30 + "a" + "](b)" * 30

    assert shown(text).text == text
    assert shown("[[[a](b)](b)](b)").text == "a"
