"""Markdown files."""

import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content
from builder.readers.front_matter import front_matter
from builder.readers.markdown_page import read_markdown

CASES = 10_000 if os.environ.get("KILOPAIR_SOAK") else 300


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
        (
            "+++\ntitle = 'Leave'\nsince = 2024-01-31\ndays = 5\nold = false\n[more]\ntags = ['a']\n+++\nText",
            "Text",
            {"title": "Leave", "since": "2024-01-31", "days": "5", "old": "false", "more": {"tags": ["a"]}},
        ),
        ("+++\ntitle = 'Leave\n+++\nText", "Text", {"title": "Leave"}),
        ("+++\ntitle = 'Leave'\n\n# Text\n", "\n# Text\n", {"title": "Leave"}),
        ("+++\nText\n+++\n", "+++\nText\n+++\n", {}),
    ],
)
def test_broken_front_matter_never_costs_text(text, body, metadata):
    assert front_matter(text)[:2] == (body, metadata)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("---\ntitle: Leave\n---\nText", []),
        ('---\ntitle: "open\ntags: [a\n---\nText', ["front_matter"]),
        ("---\ntitle: Leave\n\nText", ["front_matter"]),
        ("+++\ntitle = 'Leave'\n+++\nText", []),
        ("+++\ntitle = 'Leave\n+++\nText", ["front_matter"]),
        ("+++\ntitle = 'Leave'\n\nText", ["front_matter"]),
        ("Text\n\n```python\ncode\n", ["unclosed_fence"]),
        ("Text\n\n~~~\ncode\n```\n", ["unclosed_fence"]),
        ("Text\n\n```\ncode\n````\n", []),
        ("Text\n\n    indented\n", []),
    ],
)
def test_what_is_invalid_or_never_closed_is_remarked_upon(text, codes):
    assert [remark.code for remark in markdown(text).remarks] == codes
    assert markdown(text).text.split()[-1] in ("Text", "code", "````", "```", "indented")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("import Tabs from '@theme/Tabs';\nimport {A} from \"./a\"\n\nText.", "Text."),
        ("export const meta = {\n  title: 'x',\n}\n\nText.", "Text."),
        ("Text.\n\nexport default Page;\n", "Text."),
        (
            "Before we\nimport the data from 'here'\nexport default settings now",
            "Before we\nimport the data from 'here'\nexport default settings now",
        ),
        ("```js\nimport a from 'b'\n```", "```js\nimport a from 'b'\n```"),
        ('<Tabs>\n<Tab label="Linux">\n\nRun *it*.\n\n</Tab>\n</Tabs>', "**Linux**\n\nRun *it*."),
        ("Five <Badge kind={1 > 0} /> days", "Five  days"),
        ("Dear <Company>, a List<Days> and `<Tabs/>`", "Dear <Company>, a List<Days> and `<Tabs/>`"),
        ("Text {/* hidden */}here.", "Text here."),
    ],
)
def test_of_mdx_only_the_words_stay(text, result):
    assert markdown(text).text == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            "See [the form][F] and [f][] and [f].\n\n[f]: https://example.com/f 'Form'",
            "See [the form](https://example.com/f) and [f][] and [f](https://example.com/f).",
        ),
        ("[![logo][p]][h]\n\n[p]: <a b.png>\n[h]: /home", "[![logo](a%20b.png)](/home)"),
        ("Only [words] here.\n\n[unused]: /x", "Only [words] here.\n\n[unused]: /x"),
        ("A note[^1].\n\n[^1]: words", "A note[^1].\n\n[^1]: words"),
        ("`[f]` and [f]\n\n```\n[f]: /code\n```\n\n[f]: /x", "`[f]` and [f](/x)\n\n```\n[f]: /code\n```"),
    ],
)
def test_reference_links_say_where_they_lead(text, result):
    assert markdown(text).text == result.replace("[f][]", "[f](https://example.com/f)")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{% comment %} hidden {% endcomment %}Text", "Text"),
        ("[a]({{ site.base }}/leave/)", "[a](/leave/)"),
        ("{% alert %}\nBe careful.\n{% endalert %}", "Be careful."),
        ('See [leave]({% page "travel/leave/" %}).', "See [leave](travel/leave/)."),
        ('Ask in {% channel "people" %} now.', "Ask in people now."),
        ("Within {{ days }} days", "Within {{ days }} days"),
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


@pytest.mark.parametrize(
    "text",
    [
        "`" * 300_000,
        "~" * 300_000,
        "{% comment %}" * 20_000,
        "{/*" * 80_000,
        '<A "' * 80_000,
        "<A {" * 80_000,
        "[a]: b\n" * 20_000 + "[a] " * 40_000,
        "export const a = 1\n" * 15_000,
        "import {" * 40_000,
        "![a](b" * 40_000,
        "+++\n" * 60_000,
        "---\n" + "a: b\n" * 15_000,
        "<!--" * 80_000,
    ],
)
def test_no_mix_of_markup_takes_long(text):
    start = time.process_time()

    assert isinstance(read_markdown(text), Content)
    assert time.process_time() - start < 6


def test_mutated_pages_never_raise():
    page = "---\ntitle: x\n---\n\n# A [b][c] {{ d }} {% e %}\n\n<Tabs>\n- f\n</Tabs>\n\n```\ng\n```\n\n<table><tr><td>h</td></tr></table>\n\n[c]: /i\n"
    dice = random.Random(5)

    for _ in range(CASES):
        text = list(page)
        for _ in range(dice.randint(1, 10)):
            place = dice.randrange(len(text))
            text[place : place + dice.randint(0, 3)] = dice.choice(
                ["\n", "`", "<", ">", "[", "]:", "{%", "%}", "---\n", "+++\n", "import ", "<!--", "|"]
            )
        content = read_markdown("".join(text))

        assert isinstance(content, Content)


@given(st.lists(st.sampled_from(["word", "Two words.", "- item", "1. step", "# Heading", "> quote", "    code"]), min_size=1))
@settings(max_examples=60, deadline=None)
def test_markdown_without_tags_stays_as_it_is(paragraphs):
    text = "\n\n".join(paragraphs)

    assert markdown(text).text == text
