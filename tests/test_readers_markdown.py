"""Markdown files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content
from builder.readers.markdown_page import front_matter, read_markdown


def markdown(text: str) -> Content:
    content = read_markdown(text)
    assert isinstance(content, Content), content
    return content


def test_front_matter_is_metadata_and_its_title_a_heading_where_there_is_none():
    content = markdown("---\ntitle: Leave types\ntags: [a, b]\norder: 3\n---\n\nText.\n")

    assert content == Content("# Leave types\n\nText.", "Leave types", {"title": "Leave types", "tags": ["a", "b"], "order": "3"})


def test_the_first_heading_is_the_title_before_the_one_of_the_front_matter():
    content = markdown("---\ntitle: Old\n---\n\n# The *new* one\n\nText.\n")

    assert (content.title, content.text) == ("The *new* one".replace("*", ""), "# The *new* one\n\nText.")


@pytest.mark.parametrize(
    ("text", "body", "metadata"),
    [
        ('---\ntitle: "open\ntags: [a, b\n---\n\nText.\n', "\nText.\n", {"title": "open", "tags": "[a, b"}),
        ("---\ntitle: x\n\n# Heading\n", "\n# Heading\n", {"title": "x"}),
        ("---\nA rule and then prose: all kept.\n", "---\nA rule and then prose: all kept.\n", {}),
        ("---\na: &x [1]\nb: *x\n---\nText", "Text", {"a": "&x [1]", "b": "*x"}),
        ("---\n\n---\nText", "Text", {}),
        ("---\n", "---\n", {}),
        ("No front matter", "No front matter", {}),
    ],
)
def test_broken_front_matter_never_costs_text(text, body, metadata):
    assert front_matter(text) == (body, metadata)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{% alert %}\nBe careful.\n{% endalert %}", "Be careful."),
        ('See [leave]({% page "travel/leave/" %}).', "See [leave](travel/leave/)."),
        ('Ask in {% channel "people" %} now.', "Ask in people now."),
        ("Within {{ days }} days", "Within  days"),
        ("One <!-- hidden\n\nwords --> two", "One  two"),
        ("One <!-- never closed", "One  never closed"),
        ('<a href="https://example.com">our site</a>', "[our site](https://example.com)"),
        ("`{% raw %}` and `<!-- x -->` stay", "`{% raw %}` and `<!-- x -->` stay"),
        ("```jinja\n{% if x %}\n<!-- y -->\n\n\n\n# z\n```", "```jinja\n{% if x %}\n<!-- y -->\n\n\n\n# z\n```"),
        ("One.\n\n\n\n   \nTwo.", "One.\n\nTwo."),
    ],
)
def test_tags_and_comments_go_but_not_from_code(text, result):
    assert markdown(text).text == result


def test_an_html_table_becomes_a_markdown_table():
    text = "Before.\n\n<table>\n<tr><th>Day</th><th>Off</th></tr>\n<tr><td>May 1</td><td>yes</td></tr>\n</table>\n\nAfter."

    assert markdown(text).text == "Before.\n\n| Day | Off |\n|---|---|\n| May 1 | yes |\n\nAfter."


def test_an_html_list_becomes_a_markdown_list_and_an_unclosed_one_stays():
    assert markdown("<ul>\n<li>one<ul><li>deep</li></ul></li>\n<li>two</li>\n</ul>").text == "- one\n  - deep\n- two"
    assert markdown("<ul>\n<li>one").text == "<ul>\n<li>one"


@given(
    st.lists(
        st.sampled_from(
            ["---\n", "a: b\n", "{% x", "%}", "{{ y }}", "<!--", "-->", "<ul>\n", "</ul>", "<table>", "```\n", "`", "\n", "word "]
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_no_mix_of_markup_is_too_much(parts):
    assert isinstance(read_markdown("".join(parts)), Content)


@given(st.lists(st.sampled_from(["word", "Two words.", "- item", "1. step", "# Heading", "> quote", "    code"]), min_size=1))
@settings(max_examples=60, deadline=None)
def test_markdown_without_tags_stays_as_it_is(paragraphs):
    text = "\n\n".join(paragraphs)

    assert markdown(text).text == text
