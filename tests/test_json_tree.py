"""JSON: rows, conversations, chats, and whatever people nest."""

import json
import os
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content, Refused
from builder.readers.json_tree import read_json
from schemas.markdown import parse_blocks
from schemas.records import Reason

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.sampled_from(["word", "two words", "a\n\nb", "# no heading", "| a |", "", "`", "é"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "name", "text", "question", "#"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def content(value: Any) -> Content:
    found = read_json(value if isinstance(value, str) else json.dumps(value))
    assert isinstance(found, Content), found
    return found


def codes(found: Content) -> list[str]:
    return [remark.code for remark in found.remarks]


def slack(user: str, text: str, ts: str, thread: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": ts, **({"thread_ts": thread} if thread else {}), **more}


def teams(person: str, words: str, number: int, reply_to: str | None = None, **more: Any) -> dict[str, Any]:
    sender = {"user": {"displayName": person, "id": person}} if person else None
    return {
        "id": str(number), "replyToId": reply_to, "createdDateTime": f"2024-05-01T10:{number:02}:00Z", "messageType": "message",
        "from": sender, "body": {"contentType": "html", "content": words}, **more,
    }  # fmt: skip


def test_a_list_of_objects_is_read_like_json_lines():
    assert content([{"question": "How long?", "answer": "5 days"}]).text == "## How long?\n\n5 days"


def test_nesting_becomes_headings_lists_and_tables():
    value = {
        "name": "Shop",
        "open": True,
        "tags": ["a", "b"],
        "policy": {"leave": "30 days", "notes": "First.\n\nSecond."},
        "parts": [{"part": "Probe", "price": 64}, {"part": "Cap", "price": 12}],
        "grid": [["x", 1], ["y", 2]],
        "rules": [{"name": "Travel", "text": "By train.", "more": {"limit": 3}}, {"name": "Hotel", "text": "Cheap."}],
    }

    found = content(value)

    assert found.title == "Shop"
    assert found.text == (
        "- name: Shop\n- open: true\n- tags: a, b\n\n## policy\n\n- leave: 30 days\n\n### notes\n\nFirst.\n\nSecond.\n\n"
        "## parts\n\n| part | price |\n|---|---|\n| Probe | 64 |\n| Cap | 12 |\n\n## grid\n\n| x | 1 |\n|---|---|\n| y | 2 |\n\n"
        "## rules\n\n### Travel\n\n- name: Travel\n- text: By train.\n\n#### more\n\n- limit: 3\n\n### Hotel\n\n- name: Hotel\n- text: Cheap."
    )


def test_questions_inside_a_nested_list_are_noted_under_their_heading():
    found = content({"version": 2, "faq": [{"question": "How long?", "answer": "5 days"}]})

    assert found.text == "- version: 2\n\n## faq\n\n### How long?\n\n5 days"
    assert found.metadata == {"holds": {"faq": "faq_table"}}


def test_what_lies_deep_is_written_as_paths():
    value: Any = "bottom"
    for _ in range(300):
        value = {"k": value}

    text = content(value).text

    assert text.count("#") == sum(range(2, 6))
    assert text.endswith(".k: bottom")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000 + "]" * 100_000, Reason.BAD_ROWS),
        ("[[[[]]]]", Reason.NO_CONTENT),
        ("{}", Reason.NO_CONTENT),
        ("null", Reason.NO_CONTENT),
        ('{"a": ', Reason.CORRUPT),
        ("words", Reason.CORRUPT),
        ('[{"type": "message", "subtype": "channel_join", "user": "A", "ts": "1.0", "text": "joined"}]', Reason.NO_CONTENT),
    ],
)
def test_json_of_no_use_says_why(text, reason):
    found = read_json(text)

    assert isinstance(found, Refused)
    assert found.reason == reason
    assert ";" in found.detail or "(" in found.detail or "only brackets" in found.detail


def test_strict_json_comes_of_what_is_not():
    found = content('{"a": NaN, "b": 1e999, "a": 2, "text": "bad \\ud83d end"}')

    assert found.text == "- a: 2\n- text: bad end"
    assert codes(found) == ["not_a_number", "duplicate_keys", "lone_surrogate"]


def test_json_lines_under_the_name_of_json_are_read_as_such():
    found = content('{"question": "a?", "answer": "b"}\n{oops\n{"question": "c?", "answer": "d"}\n')

    assert found.text == "## a?\n\nb\n\n## c?\n\nd"
    assert codes(found) == ["bad_rows", "json_lines"]


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]},
        [{"role": "user", "content": [{"type": "text", "text": "How?"}]}, {"role": "assistant", "content": "So."}],
        [{"conversations": [{"from": "human", "value": "How?"}, {"from": "gpt", "value": "So."}]}],
    ],
)
def test_conversations_are_recognised_however_they_are_spelled(value):
    found = content(value)

    assert found.text == "## How?\n\nSo."
    assert found.metadata["holds"] == {"": "rows"}


def test_a_thread_of_slack_is_a_section_whatever_stands_between_its_messages():
    found = content(
        [
            slack("A", "Can I book a <https://x.y/z|hotel> &amp; a car?", "1.0", "1.0"),
            slack("A", "joined", "2.0", subtype="channel_join"),
            slack("B", "When is lunch?", "3.0", "3.0"),
            slack("C", "At twelve, <@A>.", "4.0", "3.0"),
            slack("C", "Yes, you can.", "5.0", "1.0"),
            slack("A", "Thanks!", "6.0", "1.0"),
            slack("D", "Ask first.", "7.0", "1.0"),
            {"type": "message", "subtype": "bot_message", "bot_id": "X", "text": "build ok", "ts": "8.0"},
        ]
    )

    assert found.text == (
        "## Can I book a [hotel](https://x.y/z) & a car?\n\nYes, you can.\n\n> Thanks!\n\nAsk first.\n\n## When is lunch?\n\nAt twelve, @A."
    )
    assert found.metadata == {"messages": 6, "conversations": 2, "holds": {"": "chat"}}
    assert codes(found) == ["messages_left_out"]


def test_messages_outside_of_threads_are_cut_where_a_new_question_follows_a_reply():
    texts = [
        ("A", "Where is the key?"),
        ("B", "In the box."),
        ("C", "On the hook, since May."),
        ("A", "Who has the car?"),
        ("B", "Ann has it."),
    ]

    text = content([slack(user, words, f"{number}.5") for number, (user, words) in enumerate(texts)]).text

    assert text == "## Where is the key?\n\nIn the box.\n\n---\n\nOn the hook, since May.\n\n## Who has the car?\n\nAnn has it."


def test_replies_in_teams_belong_to_their_message():
    messages = [
        teams("Ann", "<p>Who signs the <b>form</b>?</p>", 1),
        teams("", "<systemEventMessage/>", 2, messageType="systemEventMessage"),
        teams("Cy", "<p>News: the office is closed.</p>", 3),
        teams("Ben", "<p>Your manager signs.</p>", 4, reply_to="1"),
    ]

    found = content({"value": messages})

    assert found.text == "## Who signs the **form**?\n\nYour manager signs.\n\n## Conversation 2\n\nNews: the office is closed."
    assert codes(found) == ["messages_left_out"]


def test_a_message_about_signing_in_is_no_page_that_asks_to():
    messages = [
        teams("Ann", "<p>Why does the tunnel close?</p>", 1),
        teams("Ben", "<p>Please log in with the new client.</p>", 2, reply_to="1"),
    ]

    assert content({"value": messages}).text == "## Why does the tunnel close?\n\nPlease log in with the new client."


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_no_word_of_any_value_is_lost_and_nothing_raises(value):
    found = read_json(json.dumps(value))

    if isinstance(found, Content):
        words = re.findall(r"\w+", json.dumps(value, ensure_ascii=False).replace("\\n", " "))
        assert {*words} - {"null", "false", "true"} <= {*re.findall(r"\w+", found.text)} | {"question", "text", "a", "b", "name"}
        assert parse_blocks(found.text)
    else:
        assert found.reason in (Reason.NO_CONTENT, Reason.EMPTY)


def test_no_damage_to_an_export_raises():
    whole = json.dumps([slack("A", "Can I go?", "1.0", "1.0"), slack("B", "Yes, you can.", "2.0", "1.0"), teams("Ann", "<p>Hi?</p>", 1)])
    draw = random.Random(5)
    for _ in range(10_000 if os.environ.get("KILOPAIR_SOAK") else 500):
        text = list(whole)
        for _ in range(draw.randint(1, 8)):
            text[draw.randrange(len(text))] = draw.choice(['"', "[", "]", "{", "}", ",", ":", "0", "\\", "\n", "<", "", "null"])

        found = read_json("".join(text))

        assert isinstance(found, Content | Refused)
