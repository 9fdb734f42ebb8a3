"""reStructuredText."""

import os
import random
import re
import time

import pytest

from builder.readers.content import Content
from builder.readers.rst_page import read_rst
from schemas.markdown import parse_blocks

CASES = 10_000 if os.environ.get("KILOPAIR_SOAK") else 60
PAGE = """
==========
Leave page
==========

:Author: Ada

Words with *emphasis*, ``code`` and a `link <https://example.com/a>`_ [1]_.

Sick leave
----------

#. Call your lead.

   - before nine
   - by phone

#. Rest.

+------+-------+
| Plan | Reply |
+======+=======+
| Tide | 1 day |
+------+-------+

.. note:: Ask first.

.. code-block:: python

   days = 5

Deeper
~~~~~~

term
    Its meaning.

.. [1] The note.
"""


def content(text: str) -> Content:
    found = read_rst(text)
    assert isinstance(found, Content), found
    return found


def remarks(text: str) -> list[str]:
    return [remark.code for remark in content(text).remarks]


def test_a_page_keeps_its_title_levels_lists_tables_code_notes_and_links():
    found = content(PAGE)

    assert found.text == (
        "# Leave page\n\n- **Author**: Ada\n\nWords with *emphasis*, `code` and a [link](https://example.com/a) [^1].\n\n"
        "## Sick leave\n\n1. Call your lead.\n\n   - before nine\n   - by phone\n\n2. Rest.\n\n"
        "| Plan | Reply |\n|---|---|\n| Tide | 1 day |\n\n> **Note**: Ask first.\n\n```python\ndays = 5\n```\n\n"
        "### Deeper\n\n- **term**: Its meaning.\n\n[^1]: The note."
    )
    assert (found.title, found.metadata, found.remarks) == ("Leave page", {"author": "Ada"}, ())


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a ``b`c`` d", "a ``b`c`` d"),
        ("See https://example.com/x now", "See https://example.com/x now"),
        ("Two `ways`_\n\n.. _ways: https://example.com", "Two [ways](https://example.com)"),
        ("1 < 2 <b>&amp;", "1 < 2 \\<b>\\&amp;"),
        ("one\n- two", "one - two"),
        ("\\- one", "\\- one"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("a. one\nb. two", "1. one\n2. two"),
        ("-o FILE  writes\n--all    takes all", "- `-o FILE`: writes\n- `--all`: takes all"),
        (":Days: 5\n:Who:\n  - all\n  - you", "- **Days**: 5\n\n- **Who**:\n\n  - all\n  - you"),
        ("term : kind\n    One.\n\n    Two.", "- **term** (kind): One.\n\n  Two."),
        ("Said::\n\n    a ``` b", "Said:\n\n````\na ``` b\n````"),
        ("    Quoted words.\n\n    -- Ada", "> Quoted words.\n>\n> — Ada"),
        ("| one\n| two", "one\ntwo"),
        (".. image:: x.png\n   :alt: A map", "![A map](x.png)"),
        (".. figure:: x.png\n\n   The caption.", "The caption."),
        (".. warning:: Hot.\n\n   - one", "> **Warning**: Hot.\n>\n> - one"),
        (".. admonition:: Mind\n\n   Words.", "> **Mind**: Words."),
        (".. topic:: Mind\n\n   Words.", "> **Mind**: Words."),
        (".. rubric:: Mind", "**Mind**"),
        (".. a comment\n\nWords.", "Words."),
        (".. contents::\n\nWords.", "Words."),
        ("One.\n\n----\n\nTwo.", "One.\n\n***\n\nTwo."),
        (">>> 1 + 1\n2", "```\n>>> 1 + 1\n2\n```"),
        ("|x| days\n\n.. |x| replace:: five", "five days"),
        ("|x|\n\n.. |x| date::", "x"),
        (":math:`a^2` and :sup:`2`", "`a^2` and 2"),
    ],
)
def test_what_each_construct_becomes(text, markdown):
    assert content(text).text == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Press :kbd:`Ctrl`, see :ref:`the plan <plan>` and :py:func:`~a.b`.", "Press Ctrl, see the plan and a.b."),
        (".. versionadded:: 1.2\n   New words.", "Added in version 1.2\n\nNew words."),
        (".. toctree::\n   :maxdepth: 2\n\n   a\n   b\n\nWords.", "Words."),
        (".. tabs::\n\n   .. tab:: Linux\n\n      Words.", "Linux\n\nWords."),
        (".. code-block:: sh\n   :linenos:\n\n   make test", "```sh\nmake test\n```"),
        (".. py:function:: run(x)\n\n   Does *it*.", "run(x)\n\nDoes *it*."),
    ],
)
def test_the_words_of_sphinx_are_kept(text, markdown):
    found = content(text)

    assert (found.text, found.remarks) == (markdown, ())


def test_cells_over_several_columns_and_rows_stand_once():
    rule, part = "+---+---+---+", "|   +---+---+"
    text = "\n".join([rule, "| a | b | c |", rule.replace("-", "="), "| two   | 3 |", rule, "| x | y | z |", part, "|   | 4 | 5 |", rule])

    assert content(text).text.split("\n") == ["| a | b | c |", "|---|---|---|", "| two |  | 3 |", "| x | y | z |", "|  | 4 | 5 |"]


def test_a_title_of_an_unexpected_level_is_still_a_heading():
    text = "One\n===\n\nTwo\n---\n\nThree\n~~~~~\n\nWords.\n\nUp\n===\n\nDeep at once\n~~~~~~~~~~~~\n\nWords.\n"

    assert re.findall(r"^#+ .*", content(text).text, re.MULTILINE) == ["# One", "## Two", "### Three", "# Up", "### Deep at once"]


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {path}",
        ".. raw:: html\n   :file: {path}",
        ".. raw:: html\n\n   <b>secret</b>",
        ".. csv-table::\n   :file: {path}",
        ".. literalinclude:: {path}",
        ".. code-block:: text\n   :number-lines:\n\n.. include:: {path}\n   :literal:",
    ],
)
def test_no_other_file_is_opened_and_a_remark_says_so(tmp_path, directive, capfd):
    (tmp_path / "secret.txt").write_text("secret words")

    found = content("Before.\n\n" + directive.format(path=tmp_path / "secret.txt") + "\n\nAfter.\n")

    assert "secret" not in found.text.replace(str(tmp_path), "")
    assert found.text.startswith("Before.")
    assert found.text.endswith("After.")
    assert "include_blocked" in [remark.code for remark in found.remarks]
    assert capfd.readouterr() == ("", "")


def test_broken_markup_is_kept_and_nothing_is_printed(capfd):
    found = content("Title\n==\n\nAn *open word and |nothing| and `gone`_.\n\n+---+\n| a |\n+--\n\nEnd.\n")

    assert all(words in found.text for words in ("An *open word", "|nothing|", "gone", "| a |", "End."))
    assert remarks("+---+\n| a |\n+--\n") == ["broken_markup"]
    assert capfd.readouterr() == ("", "")


def test_a_role_that_one_page_defines_means_nothing_on_the_next():
    page = ":shout:`words`"
    alone = content(page)

    content(".. role:: shout(literal)\n\n" + page)

    assert content(page) == alone


def test_a_page_nested_too_deep_is_read_as_text():
    text = "".join(" " * depth + f"word{depth}\n\n" for depth in range(400))

    found = content(text)

    assert [remark.code for remark in found.remarks] in ([], ["read_as_text"])
    assert all(f"word{depth}" in found.text for depth in (0, 200, 399))


@pytest.mark.parametrize("text", ["*a " * 20_000, ":a:`b` " * 10_000, "``" * 20_000, "+---+\n| a |\n" * 2_000])
def test_no_heap_of_markup_takes_long_or_loses_words(text):
    start = time.process_time()

    found = content(text + "\n\nEnd.")

    assert time.process_time() - start < 5
    assert found.text.endswith("End.")


def test_mutated_pages_never_raise_and_lose_no_time():
    dice = random.Random(5)
    start = time.process_time()

    for _ in range(CASES):
        text = list(PAGE)
        for _ in range(dice.randint(1, 15)):
            place = dice.randrange(len(text))
            text[place : place + dice.randint(0, 3)] = dice.choice(
                ["\n", " ", "`", "*", "|", "..", "::", "=", "+-", "_", "\t", "x", "[", ":a:`"]
            )
        found = content("".join(text))

        assert parse_blocks(found.text)

    assert time.process_time() - start < 8 + CASES / 20


def test_a_role_of_sphinx_in_a_table_is_its_words_and_no_message_of_the_parser():
    table = "==== ======================\nkey  what for\n==== ======================\nF5   opens :guilabel:`Kilns`\n==== ======================\n"

    text = read_rst(f"Keys\n====\n\n{table}\n.. list-table::\n\n   * - F6\n     - Press :kbd:`Shift` too.\n").text

    assert "| F5 | opens Kilns |" in text
    assert "Press Shift too." in text
    assert "role" not in text
