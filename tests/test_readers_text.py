"""Plain text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content
from builder.readers.plain_text import read_text


def text_of(text: str) -> str:
    content = read_text(text)
    assert isinstance(content, Content), content
    return content.text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("PLAYBOOK\n========\n\nWho\n---\nFive people.", "# PLAYBOOK\n\n## Who\n\nFive people."),
        ("=====\nTitle\n=====\n\nText", "# Title\n\nText"),
        ("LEAVE POLICY\n\nText.\n\nSICK LEAVE\n\nMore.", "# LEAVE POLICY\n\nText.\n\n## SICK LEAVE\n\nMore."),
        (
            "1. Scope\n\nText one.\n\n1.1 Persons\n\nText two.\n\n2. Terms\n\nText.",
            "## 1. Scope\n\nText one.\n\n### 1.1 Persons\n\nText two.\n\n## 2. Terms\n\nText.",
        ),
        ("Intro.\n\n1. Open the door\n\n2. Close the door\n\nThe end.", "Intro.\n\n1. Open the door\n\n2. Close the door\n\nThe end."),
        ("Hard wrapped\nparagraph.\n\nAnother.", "Hard wrapped\nparagraph.\n\nAnother."),
        ("      Indented paragraph\n      of two lines.", "Indented paragraph\nof two lines."),
        ("Important:\n      - one\n        more\n      - two", "Important:\n\n- one\n  more\n- two"),
        ("• one\n• two", "- one\n- two"),
        ("- one\n\n  still one\n\n- two", "- one\n\n  still one\n\n- two"),
        ("THIS IS SHOUTED.\n\nText.", "THIS IS SHOUTED.\n\nText."),
        ("LAST LINE", "LAST LINE"),
        ("page one\n\x0cpage two", "page one\n\npage two"),
        ("Run:\n\n    $ make test\n    total = 1", "Run:\n\n```\n$ make test\ntotal = 1\n```"),
        ("Write to:\n\n    Ada Lovelace\n    12 Long Street", "Write to:\n\nAda Lovelace\n12 Long Street"),
        ("- one\n\n    value = 1", "- one\n\n    value = 1"),
    ],
)
def test_plain_headings_and_lists_are_seen_and_the_rest_is_left(text, result):
    assert text_of(text) == result


def test_the_first_heading_is_the_title():
    assert read_text("INCIDENT PLAYBOOK\n=================\n\nText.") == Content("# INCIDENT PLAYBOOK\n\nText.", "INCIDENT PLAYBOOK")


@given(
    st.lists(st.sampled_from(["WORDS", "=====", "-----", "text.", "  indented", "- item", "2. Step", "", "\t• x", "a) y", "    run(x);"]))
)
@settings(max_examples=200, deadline=None)
def test_no_word_is_lost_or_added(lines):
    text = "\n".join(lines)

    assert re.findall(r"\w+", text_of(text)) == re.findall(r"\w+", text)
