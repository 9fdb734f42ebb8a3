"""Pairs that stand inside documents: found where they are, with exact spans, and made drafts."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder.chunk import chunk
from builder.pairs_inside import drafts_inside, pairs_of, readable
from builder.readers.content import Content
from builder.readers.csv_rows import read_csv
from builder.readers.json_tree import read_json
from builder.readers.jsonl_rows import read_jsonl
from builder.validate import validate
from generators.interface import is_doubtful
from schemas.records import Chunk, Document, Draft, Dropped, Pair, Reason

PIECES = (
    "# What is new here?", "## Who may go?", "### Rules", "**May I stay at home?**", "**May I go there?** Yes, on Monday.", "Words.",
    "Q: How long is it?", "A: Five days.", "Q: How long?\nA: Five days.", "- **Who pays for it?** The company.\n- item", "---", "> Quoted words.",
    "| Question | Answer |\n|---|---|\n| Who pays? | Ann pays. |\n| When? | |", "<details>\n<summary>Can I fold it?</summary>\n\nYes, often.\n\n</details>",
    "```\n# Is this code?\n```", "<details><summary>Can I go now?</summary>\nYes.\n</details>", "", "## Record 1", "## Conversation 2", "```input\nx\n```",
)  # fmt: skip
HOLDS = st.sampled_from([None, "rows", "ticket", "chat", "faq_table", 3])


def page(text: str, **metadata: Any) -> Document:
    return Document.of(path="a.md", title="A", format="markdown", text=text + "\n", raw=text.encode(), metadata=metadata)


def found(text: str, **metadata: Any) -> list[tuple[str, str, str]]:
    return [(pair.kind, pair.question, pair.answer) for pair in pairs_of(page(text, **metadata))]


def as_read(content: object) -> Document:
    assert isinstance(content, Content), content
    return page(f"# Title\n\n{content.text}", **content.metadata)


def drafted(document: Document) -> list[Draft | Dropped]:
    return list(drafts_inside([document], chunk(document, tokens=400)))


def whole(document: Document) -> list[Draft]:
    return [draft for draft in drafted(document) if isinstance(draft, Draft)]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("## Who may travel?\n\nAll staff.\n\n- by train\n\n## Rules\n\nWords.", [("question_heading", "Who may travel?", "All staff.\n\n- by train")]),
        ("## Who may travel? {#who}\n\nAll staff.", [("question_heading", "Who may travel?", "All staff.")]),
        ("## Questions?\n\nMail us.", []),
        ("## Who may travel?\n\n### By train\n\nAll.", []),
        ("## Who may travel?\n\nWho knows that?", []),
        ("**Who may travel?**\n\nAll staff.\n\n**Who pays for it?**\n\nWe do.", [
            ("bold_question", "Who may travel?", "All staff."), ("bold_question", "Who pays for it?", "We do."),
        ]),
        ("**Who may travel?** All staff.\n\nMore.", [("bold_question", "Who may travel?", "All staff.\n\nMore.")]),
        ("**Who may travel?**\nAll staff.", [("bold_question", "Who may travel?", "All staff.")]),
        ("Is it **really so** or not? Yes.", []),
        ("- **Who may travel?** All staff.\n  - even you\n- **Rules:** none.\n- **Who pays it?**: We do.", [
            ("bold_question", "Who may travel?", "All staff.\n  - even you"), ("bold_question", "Who pays it?", ": We do."),
        ]),
        ("Q: Who may travel?\nA: All staff.\n\nQ2. Who pays?\n\nA: We do.\n\nMore.", [
            ("labelled", "Who may travel?", "All staff."), ("labelled", "Who pays?", "We do.\n\nMore."),
        ]),
        ("## Who may travel?\n\nA: All staff.", [("question_heading", "Who may travel?", "All staff.")]),
        ("**Q:** Who may travel\n\n**A:** All staff.", [("labelled", "Who may travel", "All staff.")]),
        ("Q: Who may travel?\n\nNobody says.", []),
        ("<details>\n<summary>Who may travel?</summary>\n\nAll staff.\n\n</details>\n\nAfter.", [("details", "Who may travel?", "All staff.")]),
        ("<details><summary>Who may travel?</summary>\nAll staff.\n</details>", [("details", "Who may travel?", "All staff.")]),
        ("| Frage | Antwort |\n|---|---|\n| Wer reist? | Alle. |\n| Wann? | |", [("faq_table", "Wer reist?", "Alle.")]),
        ("| Topic | Text |\n|---|---|\n| Who may travel? | All of the staff may. |\n| Who pays? | The company pays it all. |", [
            ("faq_table", "Who may travel?", "All of the staff may."), ("faq_table", "Who pays?", "The company pays it all."),
        ]),
        ("| Part | Price |\n|---|---|\n| Probe | 64 |", []),
        ("```\n## Who may travel?\n\nAll.\n```", []),
    ],
)  # fmt: skip
def test_questions_in_running_text_are_found_with_what_answers_them(text, pairs):
    assert found(text) == [(kind, question, answer.removeprefix(": ")) for kind, question, answer in pairs]


def test_bold_questions_below_a_heading_that_asks_end_its_answer():
    text = "## How do I travel?\n\nBy train.\n\n**Who pays for it?**\n\nWe do."

    assert found(text) == [("question_heading", "How do I travel?", "By train."), ("bold_question", "Who pays for it?", "We do.")]


@pytest.mark.parametrize("items", ["-\n-\n", "- # Aloud\n- # Again\n", "1. ```\n   code\n   ```\n"])
def test_a_list_whose_items_have_no_words_of_their_own_asks_nothing(items):
    text = f"# Leave\n\n{items}\n## Can leave be carried over?\n\nYes, up to 5 days can be carried over.\n"

    assert found(text) == [("question_heading", "Can leave be carried over?", "Yes, up to 5 days can be carried over.")]


def test_rows_of_a_table_are_pairs_even_if_they_do_not_ask():
    document = as_read(read_csv("category,question,answer\nLeave,Reset a password,Press the button.\nLeave,Book a car,Call Ann.\n"))

    assert [(pair.question, pair.answer, pair.kind) for pair in pairs_of(document)] == [
        ("Reset a password", "Press the button.", "faq_table"),
        ("Book a car", "Call Ann.", "faq_table"),
    ]


def test_a_solved_ticket_asks_by_its_subject_or_else_by_the_words_of_the_customer():
    rows = [
        {
            "subject": "Can I book?",
            "status": "solved",
            "comments": [{"role": "end-user", "body": "Hi, can I?"}, {"role": "agent", "body": "You can."}],
        },
        {"subject": "Login", "description": "I cannot log in.\nWhy?", "resolution": "Reset it."},
        {"subject": "E17", "resolution": "Calibrate it."},
        {"subject": "Open one", "description": "No?", "status": "open"},
    ]
    document = as_read(read_jsonl("\n".join(map(json.dumps, rows))))

    assert [(draft.instruction, draft.output) for draft in whole(document)] == [
        ("Can I book?", "You can."), ("I cannot log in.\nWhy?", "Reset it."), ("E17", "Calibrate it."),
    ]  # fmt: skip


def test_a_reply_of_somebody_else_answers_a_question_in_a_chat():
    texts = [
        ("A", "1", "Can I book a car?"), ("A", "1", "For Monday."), ("B", "1", "Yes, with Ann."), ("A", "1", "Thanks!"),
        ("A", "5", "Who is there?"), ("B", "5", "Why do you ask me?"), ("C", "7", "The office is closed."), ("B", "7", "Good to know that."),
        ("A", "9", "Is it open?"), ("B", "9", "Yes"),
    ]  # fmt: skip
    messages = [
        {"type": "message", "user": who, "text": text, "ts": f"{n}.0", "thread_ts": ts} for n, (who, ts, text) in enumerate(texts, 1)
    ]
    document = as_read(read_json(json.dumps(messages)))

    assert [(draft.instruction, draft.output) for draft in whole(document)] == [("Can I book a car?\n\nFor Monday.", "Yes, with Ann.")]


def test_rows_of_other_datasets_keep_their_input_and_their_earlier_turns():
    turns = ["How do I book?", "Call Ann.", "And if she is out?", "Call Ben."]
    rows = [
        {"instruction": "Translate", "input": "Guten Tag", "output": "Good day"},
        {"instruction": "long " * 80, "output": "Short."},
        {"messages": [{"role": ("user", "assistant")[place % 2], "content": words} for place, words in enumerate(turns)]},
        {"instruction": "Write code", "output": "```\nx = 1\n```"},
    ]

    drafts = whole(as_read(read_json(json.dumps(rows))))

    assert [(draft.input, draft.output) for draft in drafts] == [
        ("Guten Tag", "Good day"), ("", "Short."), ("", "Call Ann."), ("", "Call Ben."), ("", "```\nx = 1\n```"),
    ]  # fmt: skip
    assert drafts[1].instruction == ("long " * 80).strip()
    assert [[turn.content for turn in draft.history] for draft in drafts] == [[], [], [], turns[:2], []]


def test_a_draft_proves_itself_and_says_where_it_comes_from():
    document = page(
        "# Travel\n\n## 1. Who may travel?\n\nAll [staff](https://x.y/z) **may**,\nalways.\n\n- one ![i](p.png)\n  - two\n\n| a | b |\n|---|---|"
    )
    chunks = list(chunk(document, tokens=400))

    (draft,) = drafts_inside([document], chunks)

    assert isinstance(draft, Draft)
    assert (draft.task, draft.form, draft.grounding) == ("existing", "existing/question_heading", "quoted")
    assert (draft.provenance.generator, draft.provenance.rule, draft.provenance.chunk_id) == ("inside", "question_heading", chunks[0].id)
    assert draft.instruction == "Who may travel?"
    assert draft.output == "All staff may, always.\n\n- one\n  - two\n\n| a | b |\n|---|---|"
    assert draft.quotes == (document.text[draft.spans[0][0] : draft.spans[0][1]],)
    (pair,) = validate([draft], documents={document.id: document}, max_words=100)
    assert isinstance(pair, Pair)
    assert pair.evidence[0].quote == draft.quotes[0]


def test_what_makes_no_draft_says_why():
    old = page("---\n", status="superseded").model_copy(update={"text": "# A\n\n## Who may travel?\n\nAll.\n"})
    rows = "| Question | Answer |\n|---|---|\n| Who may travel? | All. |\n| Who may travel? | All. |"
    text = f"{rows}\n\n## Why is that?\n\nSo.\n\n## Who may see the plan?\n\n![a picture](a.png)\n"

    dropped = [(record.reason, record.id) for document in (old, page(text)) for record in drafted(document) if isinstance(record, Dropped)]

    assert [reason for reason, _ in dropped] == [Reason.NOTHING_TO_ASK, Reason.DUPLICATE, Reason.REFERS_TO_TEXT, Reason.BLANK]
    assert all(identity.startswith("pair-") for _, identity in dropped)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Go to [the page](http://a.b/c).\nThen  \nstop.", "Go to the page. Then\nstop."),
        ("```\n[x](y)\n```", "```\n[x](y)\n```"),
        ("1. **one**\n2. `two`\n   more", "1. one\n2. two\n   more"),
        ("> Quoted [x](y)", "> Quoted x"),
        ("a\n\n---\n\nb", "a\n\nb"),
    ],
)
def test_an_answer_loses_links_and_emphasis_but_not_its_form(text, words):
    assert readable(text) == words


@given(st.lists(st.sampled_from(PIECES), max_size=8), HOLDS)
@example(["# What is new here?", "---", "## Who may go?", "**May I stay at home?**"], "rows")
@settings(max_examples=400, deadline=None)
def test_every_span_is_exact_and_no_pair_is_lost(pieces, held):
    document = page("\n\n".join(pieces), **({"holds": {"": held}} if held else {}))

    pairs = pairs_of(document)

    for pair in pairs:
        assert document.text[pair.question_span.start : pair.question_span.end] == pair.question
        assert document.text[pair.answer_span.start : pair.answer_span.end] == pair.answer
        assert pair.question.strip() == pair.question != ""
        assert any(map(str.isalnum, pair.answer)) or held
        assert pair.question_span.end <= pair.answer_span.start or pair.answer_span.end <= pair.question_span.start
    assert len(drafted(document)) == len(pairs)


def test_a_question_that_only_its_place_explains_is_asked_behind_a_name():
    manual = "# Brook 200 Manual\n\nThe Brook 200 floats. The Brook 200 is blue.\n\n## How long does it run?\n\nA year.\n\n## Is the Brook 200 heavy?\n\nNo, it is not."
    faq = as_read(read_csv("product,question,answer\nBrook 200,How big is the box?,It is 2 m.\nOther,Who pays for it?,The company.\n"))
    twice = [
        page(f"# {title}\n\n## Who may take part?\n\nAll {title} staff.").model_copy(update={"title": title})
        for title in ("Leave", "Sport")
    ]
    documents = [page(manual).model_copy(update={"title": "Brook 200 Manual"}), faq, *twice]

    drafts = [draft for draft in drafts_inside(documents, []) if isinstance(draft, Draft)]

    assert [draft.instruction for draft in drafts] == [
        "I have a question about the Brook 200. How long does it run?", "Is the Brook 200 heavy?",
        "I have a question about the Brook 200. How big is the box?", "Who pays for it?",
        "Leave: Who may take part?", "Sport: Who may take part?",
    ]  # fmt: skip


def test_a_question_to_the_reader_and_a_bad_example_are_none():
    text = "**Finished with your boat?** Then tie it to the pier.\n\n**Who pays for paint?** Wrong answer: the crew does."

    dropped = [record for record in drafted(page(text)) if isinstance(record, Dropped)]

    assert [record.reason for record in dropped] == [Reason.NOTHING_TO_ASK] * 2


def test_an_answer_ends_before_what_only_leads_elsewhere():
    (draft,) = drafted(page("**Who may take a boat* out?** Every member of the crew.\n\nFor more information, see the harbour rules."))

    assert isinstance(draft, Draft)
    assert (draft.instruction, draft.output) == ("Who may take a boat out?", "Every member of the crew.")


def test_kinds_that_are_doubted_have_the_sign():
    text = "## Who may travel abroad?\n\nAll staff may travel abroad.\n\n**Who pays for the trip?** The company pays for it."
    document = Document.of(path="a.md", title="Travel", format="markdown", text=text, raw=text.encode())
    whole = [Chunk.of(document, 0, len(text), (), 10)]

    def doubtful(**settings) -> dict[str | None, bool]:
        found = drafts_inside([document], whole, **settings)
        return {record.provenance.rule: is_doubtful(record.flags) for record in found if isinstance(record, Draft)}

    assert doubtful() == {"question_heading": False, "bold_question": False}
    assert doubtful(doubted=frozenset({"question_heading"})) == {"question_heading": True, "bold_question": False}


def test_a_heading_that_only_quotes_a_question_is_none():
    text = '**There is no rule for "How warm may the kiln be?"** It depends on the clay.'
    document = Document.of(path="a.md", title="Kilns", format="markdown", text=text, raw=text.encode())
    (record,) = drafts_inside([document], [Chunk.of(document, 0, len(text), (), 10)])
    assert isinstance(record, Dropped)
    assert record.detail == "it only quotes a question"
