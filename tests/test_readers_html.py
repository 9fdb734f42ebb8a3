"""HTML pages."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content, Refused
from builder.readers.html_page import fragment, read_html
from schemas.records import Reason

TEXT = "Employees take five days of leave each year, and they may carry two of them over into the next one. " * 3


def page(body: str, head: str = "") -> Content:
    content = read_html(f"<html><head>{head}</head><body>{body}</body></html>")
    assert isinstance(content, Content), content
    return content


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h2>Leave <em>types</em></h2><p>One\n two.</p>", "## Leave *types*\n\nOne two."),
        (
            "<ul><li>one<ol start=3><li>deep</li><li>deeper</li></ol></li><li><p>two</p><p>more</p></li></ul>",
            "- one\n  3. deep\n  4. deeper\n- two\n\n  more",
        ),
        (
            "<p>Use <b> bold </b>words, <code>a `tick`</code> and <a href='/x (1)'>a link</a>.</p>",
            "Use **bold** words, `` a `tick` `` and [a link](/x%20%281%29).",
        ),
        (
            "<a href='mailto:a@b.example'>a@b.example</a> <a href='javascript:x()'>run</a> <a href='/x'></a><a href='#h'>¶</a>",
            "a@b.example run",
        ),
        ("<pre><code class='language-sh'>a &lt;b\n\n  c\n</code></pre>", "```sh\na <b\n\n  c\n```"),
        ("<pre>x ``` y</pre>", "````\nx ``` y\n````"),
        ("<blockquote><p>one</p></blockquote>", "> one"),
        (
            "<dl><dt>Site</dt><dd><p>One place.</p></dd><dt>User</dt><dd>A person.</dd></dl>",
            "- **Site**: One place.\n- **User**: A person.",
        ),
        ("<details><summary>How long?</summary>Five days.</details>", "**How long?**\n\nFive days."),
        ("<p>line one<br>line two</p>", "line one\nline two"),
        ("<p># not a heading</p><p>1. not a list</p><p>- nor this</p>", "\\# not a heading\n\n1\\. not a list\n\n\\- nor this"),
        ("<p>the &lt;name&gt; tag, a &lt; b</p>", "the \\<name> tag, a < b"),
        ("<div>loose <span>words</span><div>inner</div>tail</div>", "loose words\n\ninner\n\ntail"),
    ],
)
def test_elements_become_markdown(html, markdown):
    assert fragment(html) == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        (
            "<table><tr><th>Plan</th><th>Price</th></tr><tr><td>Tide | T</td><td><p>17</p><p>EUR</p></td></tr></table>",
            "| Plan | Price |\n|---|---|\n| Tide \\| T | 17 EUR |",
        ),
        (
            "<table><tr><td>May 1</td><td>off</td></tr><tr><td>May 2</td><td>on</td></tr></table>",
            "|  |  |\n|---|---|\n| May 1 | off |\n| May 2 | on |",
        ),
        (
            "<table><tr><td><b>Day</b></td><td><b>Off</b></td></tr><tr><td>1</td><td>2</td></tr></table>",
            "| **Day** | **Off** |\n|---|---|\n| 1 | 2 |",
        ),
        (
            "<table><thead><tr><td>A</td><td>B</td></tr></thead><tr><td rowspan=2>x</td><td>1</td></tr><tr><td>2</td></tr></table>",
            "| A | B |\n|---|---|\n| x | 1 |\n| x | 2 |",
        ),
        (
            "<table><caption>Plans</caption><tr><th colspan=2>A</th><th>B</th></tr><tr><td>1</td><td>2</td><td><ul><li>x</li><li>y</li></ul></td></tr></table>",
            "Plans\n\n| A |  | B |\n|---|---|---|\n| 1 | 2 | x; y |",
        ),
        ("<table><tr><td>only</td></tr><tr><td>one column</td></tr></table>", "- only\n- one column"),
        ("<table><tr><td><h2>Layout</h2><p>Text</p></td></tr></table>", "## Layout\n\nText"),
        ("<table></table>", ""),
    ],
)
def test_tables_keep_their_header_and_every_cell(html, markdown):
    assert fragment(html) == markdown


@pytest.mark.parametrize(
    "frame",
    [
        "<nav>FRAME</nav>",
        "<header><a>FRAME</a></header>",
        "<footer>FRAME</footer>",
        "<aside>FRAME</aside>",
        "<script>FRAME</script>",
        "<div class='cookie-banner'>FRAME</div>",
        "<div id=cookie-notice>FRAME</div>",
        "<div role=dialog>FRAME</div>",
        "<p hidden>FRAME</p>",
        "<p style='display: none'>FRAME</p>",
        "<p aria-hidden=true>FRAME</p>",
        "<p class=breadcrumbs>FRAME</p>",
        "<button>FRAME</button>",
        "<ul class='site-nav'><li>FRAME</li></ul>",
        "<!-- FRAME -->",
        "<template>FRAME</template>",
        "<p><span style='font-size:0'>FRAME</span></p>",
    ],
)
def test_what_a_reader_does_not_come_for_is_left_out(frame):
    assert page(f"{frame}<h1>Leave</h1><p>{TEXT}</p>").text == f"# Leave\n\n{TEXT.strip()}"


@pytest.mark.parametrize(
    "html",
    [
        "<h2 id='how-to-edit-or-share'>KEPT</h2>",
        "<section id='cookies'>KEPT</section>",
        "<div class='content has-sidebar'>KEPT</div>",
        "<h2><button>KEPT</button></h2>",
        "<div role=region hidden>KEPT</div>",
        "<main><aside>KEPT</aside></main>",
        "<p class='share-price'>KEPT</p>",
    ],
)
def test_what_only_looks_like_a_frame_is_kept(html):
    assert "KEPT" in page(f"{html}<p>{TEXT}</p>" if "<main>" not in html else html.replace("<main>", f"<main><p>{TEXT}</p>")).text


def test_what_holds_most_of_the_page_is_no_frame():
    assert page(f"<div class=sidebar><p>{TEXT}</p></div>").text == TEXT.strip()


def test_the_main_part_is_preferred_but_not_when_it_is_empty():
    assert page(f"<p>Intro</p><main><h1>Leave</h1><p>{TEXT}</p></main>").text == f"# Leave\n\n{TEXT.strip()}"
    assert page(f"<main></main><p>{TEXT}</p>").text == TEXT.strip()


def test_the_title_is_the_first_heading_or_the_title_without_the_site():
    assert page(f"<h1>Leave <i>types</i></h1><p>{TEXT}</p>", "<title>Other</title>").title == "Leave types"
    assert page(f"<p>{TEXT}</p>", "<title>Leave | Tarnwell</title>").text.startswith("# Leave\n\n")
    assert page(f"<p>{TEXT}</p>").title == ""


def test_a_page_that_a_script_fills_or_that_asks_to_sign_in_is_refused():
    for body in ("<div></div><script>x()</script>", "<h1>Sign in</h1><label>Password<input></label>", ""):
        refused = read_html(f"<html><body>{body}</body></html>")

        assert isinstance(refused, Refused)
        assert refused.reason == Reason.EMPTY


def test_deep_pages_are_read_without_recursion_and_endless_ones_refused():
    assert page("<div>" * 3000 + "deep words").text == "deep words"
    assert isinstance(read_html("<div>" * 40_000 + "x"), Refused)


def test_deep_lists_do_not_outgrow_their_words():
    text = fragment("<ul><li>x" * 500 + "</li></ul>" * 500)

    assert text.count("x") == 500
    assert len(text) < 500 * 100


ELEMENTS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<ul>",
        "<li>",
        "</li>",
        "</ul>",
        "<table>",
        "<tr>",
        "<td>",
        "<th colspan=3>",
        "<td rowspan=9>",
        "</td>",
        "</tr>",
        "</table>",
        "<caption>",
        "<dl>",
        "<dt>",
        "</dt>",
        "<dd>",
        "</dl>",
        "<b>",
        "</b>",
        "<a href=x>",
        "</a>",
        "<pre>",
        "</pre>",
        "<code>",
        "</code>",
        "<h2>",
        "</h2>",
        "<br>",
        "<blockquote>",
        "</blockquote>",
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
        "<form>",
    ]
)


@given(st.lists(st.one_of(ELEMENTS, st.sampled_from(["one", "two ", " three", "four\n"])), max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_word_of_the_body_is_lost_whatever_the_elements(parts):
    html = "".join(parts)

    words = re.findall(r"one|two|three|four", fragment(html))

    assert set(words) == set(re.findall(r"one|two|three|four", re.sub(r"<[^>]*>", " ", html)))
