"""Every draft becomes a pair whose evidence resolves, or is dropped with the reason."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.locate import locate, locate_nearly
from builder.unseen_text import refers_to_text
from builder.validate import validate
from schemas.records import Chunk, Document, Draft, Dropped, Pair, Provenance, Reason, Turn

TEXT = "# Leave\n\nEveryone gets **30 days** of leave; part-time staff get “15 days”.\n\nCarry over:\n\n- up to 5 days, until 31 March\n- 130 days never\n"
DOCUMENT = Document.of(path="leave.md", title="Leave", format="md", text=TEXT, raw=TEXT.encode())
DOCUMENTS = {DOCUMENT.id: DOCUMENT}


def draft(instruction="How much leave is there?", output="30 days.", *, quotes=("30 days",), document=DOCUMENT, **fields):
    provenance = Provenance(document_id=document.id, chunk_id=fields.pop("chunk_id", "chunk-1"), generator="test")
    settings = {"task": "question_answering", "group": "leave", "form": "plain", **fields}
    return Draft.of(instruction=instruction, output=output, quotes=quotes, provenance=provenance, **settings)


def outcome(*drafts, documents=DOCUMENTS, max_words=50, **settings) -> Any:
    return list(validate(drafts, documents=documents, max_words=max_words, **settings))


def reason(one, **settings):
    (record,) = outcome(one, **settings)
    return record.reason if isinstance(record, Dropped) else None


def test_a_good_draft_becomes_a_pair_with_everything_it_had():
    one = draft(extra={"level": 1}, form="howto/plain")

    (pair,) = outcome(one)

    assert isinstance(pair, Pair)
    assert (pair.id, pair.form, pair.extra, pair.provenance, pair.status) == (one.id, "howto/plain", {"level": 1}, one.provenance, "valid")
    assert [(span.quote, TEXT[span.start : span.end]) for span in pair.evidence] == [("30 days", "30 days")]


def test_what_was_dropped_before_passes_through():
    dropped = Dropped.of(draft(), "generate", Reason.CUT_REPLY)

    assert outcome(dropped) == [dropped]


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12), st.sampled_from(["30 days", "31 days", ""]))))
@settings(max_examples=60, deadline=None)
def test_no_draft_is_lost_and_every_evidence_resolves(rows):
    drafts = [draft(instruction, output, quotes=(quote,)) for instruction, output, quote in rows]

    records = outcome(*drafts)

    assert [record.id for record in records] == [one.id for one in drafts]
    assert all(TEXT[span.start : span.end] == span.quote for record in records if isinstance(record, Pair) for span in record.evidence)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (draft(instruction=" \n"), Reason.BLANK),
        (draft(output="\u3000"), Reason.BLANK),
        (draft(form=""), Reason.BLANK),
        (draft(quotes=()), Reason.UNGROUNDED),
        (draft(quotes=("  ",)), Reason.UNGROUNDED),
        (draft(quotes=("45 days",)), Reason.UNGROUNDED),
        (draft(quotes=("30 days", "45 days")), Reason.UNGROUNDED),
        (draft(output="day " * 51), Reason.TOO_LONG),
        (draft(output="日" * 51), Reason.TOO_LONG),
        (draft(instruction="According to the passage, how much leave is there?"), Reason.REFERS_TO_TEXT),
        (draft(instruction="a lone \ud800 surrogate"), Reason.SCHEMA),
        (draft(extra={"note": "\udfff"}), Reason.SCHEMA),
        (draft(extra={"\udfff": 1}), Reason.SCHEMA),
    ],
)
def test_a_bad_draft_is_dropped_with_its_reason(one, expected):
    assert reason(one) == expected


def test_a_dropped_surrogate_can_be_written_and_read():
    (dropped,) = outcome(draft(instruction="a \ud800 b", extra={"note": ["\ud801"]}))

    again = Dropped.model_validate_json(dropped.model_dump_json())

    assert again.record["instruction"] == "a \\ud800 b"
    assert again.record["extra"] == {"note": ["\\ud801"]}


def test_given_spans_must_hold_the_quote():
    start = TEXT.index("30 days")
    right, wrong = ((start, start + 7),), ((start + 1, start + 8),)

    assert reason(draft(spans=right)) is None
    assert reason(draft(spans=wrong)) == Reason.UNGROUNDED
    assert reason(draft(spans=((start - 1000, start + 7),))) == Reason.UNGROUNDED
    assert reason(draft(spans=(*right, *right))) == Reason.UNGROUNDED


def test_a_document_that_was_not_read_grounds_nothing():
    other = Document.of(path="b.md", title="B", format="md", text="30 days", raw=b"")

    assert reason(draft(document=other)) == Reason.UNGROUNDED


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("Everyone gets **30 days**", "Everyone gets **30 days**"),
        ("everyone gets 30 days of leave", "Everyone gets **30 days** of leave"),
        ('part–time staff get "15 days"', "part-time staff get “15 days”"),
        ("Carry over:  - up to 5 days", "Carry over:\n\n- up to 5 days"),
        ("  5 days, until\n31 march ", "5 days, until 31 March"),
        ("30\u200b days", "30 days"),
        ("30 day", None),
        ("0 days never", None),
        ("", None),
    ],
)
def test_a_quote_is_found_as_language_models_copy_it(quote, found):
    span = locate(quote, DOCUMENT)

    assert (TEXT[slice(*span)] if span else None) == found


def test_numbers_are_never_found_inside_longer_ones():
    assert locate("30 days", DOCUMENT) == (TEXT.index("30 days"), TEXT.index("30 days") + 7)
    assert locate("3", DOCUMENT) is None


def test_a_quote_that_occurs_twice_is_found_in_its_own_chunk():
    text = "The limit is 5.\n\nThe limit is 5.\n"
    document = Document.of(path="a.md", title="A", format="md", text=text, raw=b"")
    chunk = Chunk.of(document, 17, 33, (), 4)
    one = draft(quotes=("the limit is 5",), document=document, chunk_id=chunk.id)

    (pair,) = outcome(one, documents={document.id: document}, chunks={chunk.id: chunk})

    assert pair.evidence[0].start == 17


@given(st.text(alphabet="aé “”’-\n*ßﬁ.5", max_size=30), st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_found_is_text_of_the_document_that_reads_like_the_quote(text, data):
    document = Document.of(path="a.md", title="A", format="md", text=text, raw=b"")
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))]

    span = locate(quote.upper(), document)

    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)
        assert locate(text[slice(*span)], document) is not None


@pytest.mark.parametrize(
    "question",
    [
        "According to the passage, who approves leave?",
        "According to the text above, who approves leave?",
        "What does the passage say about leave?",
        "Who is named in the excerpt?",
        "Based on the information provided above, what is the limit?",
        "What is mentioned in this document?",
        "Who signs this document?",
        "What are the steps described above?",
        "What are the rules below?",
        "What is the main idea of the given text?",
        "Which limit is stated in the above?",
        "What follows from the provided context?",
        "Summarise the following text.",
        "What does this section cover, as stated in the section?",
        "Which fees are listed in the table below?",
    ],
)
def test_a_question_that_points_to_an_unseen_text_is_found(question):
    assert refers_to_text(question)


@pytest.mark.parametrize(
    "question",
    [
        "What does the handbook say about leave?",
        "What happens on 3 April according to the leave calendar?",
        "How do I write a section heading?",
        "Do I get a text message when my order ships?",
        "How do I change the size in the text box?",
        "Which document do I need for a new laptop?",
        "Which of these documents do I sign?",
        "What happens at temperatures above 40 degrees?",
        "What are the rules above 50 EUR?",
        "What is the document retention policy?",
        "Is the above-average bonus taxed?",
        "What is the following distance for forklifts?",
        'Rewrite the following text: "The office is closed on Monday."',
        "Summarise this text:\nThe office is closed on Monday and on Tuesday.",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question):
    assert refers_to_text(question) is None


def test_a_question_may_point_to_its_own_input():
    assert reason(draft(instruction="What does the passage say about leave?", input="Everyone gets 30 days.")) is None


def test_the_users_own_schema_decides_on_extra():
    schema = {"properties": {"level": {"enum": ["easy", "hard"]}}, "required": ["level"]}

    good, bad, missing = outcome(draft(extra={"level": "easy"}), draft(extra={"level": "odd"}), draft(), extra_schema=schema)

    assert isinstance(good, Pair)
    assert (bad.reason, bad.detail) == (Reason.SCHEMA, 'extra.level: must be "easy" or "hard", is "odd"')
    assert missing.detail == "extra: level is missing"


PAGE = "Staff who travel by train book second class, at least 14 days ahead.\n\nManagers may not book first class for trips under 300 km.\n"
TRAVEL = Document.of(path="travel.md", title="Travel", format="md", text=PAGE, raw=b"")


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("Staff that travel by train book second class", "Staff who travel by train book second class"),
        ("staff who travel by train book a second class, at least 14 days ahead", "Staff who travel by train book second class, at least 14 days ahead"),
        ("Managers may not book first class for trips below 300 km", "Managers may not book first class for trips under 300 km"),
        ("Staff who travel by train book second class, at least 15 days ahead", None),
        ("Staff who travel by train book second class, at least 4 days ahead", None),
        ("Managers may book first class for trips under 300 km", None),
        ("Managers may not book first class for trips under 30 km", None),
        ("by traim", None),
        ("The canteen serves lunch from noon until two.", None),
    ],
)  # fmt: skip
def test_a_quote_that_is_almost_right_is_found_unless_a_number_or_a_negation_differs(quote, found):
    span = locate_nearly(quote, TRAVEL)

    assert (PAGE[slice(*span)] if span else None) == found


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_nearly_found_has_the_numbers_of_the_quote_in_order(data):
    start = data.draw(st.integers(0, len(PAGE) - 25))
    quote = list(PAGE[start : data.draw(st.integers(start + 22, len(PAGE)))])
    for _ in range(data.draw(st.integers(0, 2))):
        quote[data.draw(st.integers(0, len(quote) - 1))] = data.draw(st.sampled_from("x7 0,é"))

    span = locate_nearly("".join(quote), TRAVEL)

    if span is not None:
        rest = iter(re.findall(r"\d+", PAGE[slice(*span)]))
        assert 0 <= span[0] < span[1] <= len(PAGE)
        assert all(number in rest for number in re.findall(r"\d+", "".join(quote)))


def test_a_pair_says_that_its_evidence_is_not_what_was_quoted():
    quotes = ("Managers may not book first class for trips below 300 km",)
    one = draft("Who books what?", "Nobody first class.", quotes=quotes, document=TRAVEL, flags=("repaired",))

    (pair,) = outcome(one, documents={TRAVEL.id: TRAVEL})

    assert pair.flags == ("repaired", "fuzzy_quote")
    assert PAGE[pair.evidence[0].start : pair.evidence[0].end] == pair.evidence[0].quote


def test_almost_the_same_text_in_the_own_chunk_goes_before_the_one_elsewhere():
    text = "Visitors must sign the blue book at the desk.\n\nVisitors must sign the grey book at the desk.\n"
    document = Document.of(path="a.md", title="A", format="md", text=text, raw=b"")
    chunk = Chunk.of(document, 47, len(text), (), 9)
    one = draft(quotes=("Visitors must sign the brown book at the desk",), document=document, chunk_id=chunk.id)

    (pair,) = outcome(one, documents={document.id: document}, chunks={chunk.id: chunk})

    assert pair.evidence[0].quote == "Visitors must sign the grey book at the desk"


def test_a_quote_that_changes_a_number_is_ungrounded():
    quote = "Staff who travel by train book second class, at least 41 days ahead"

    assert reason(draft(quotes=(quote,), document=TRAVEL), documents={TRAVEL.id: TRAVEL}) == Reason.UNGROUNDED


@pytest.mark.parametrize("grounding", ["absent", "none"])
def test_what_rests_on_no_quote_keeps_those_that_are_found_and_leaves_out_the_rest(grounding):
    quotes, nowhere = ("30 days", "45 days"), Document.of(path="b.md", title="B", format="md", text="x", raw=b"")

    some, none, unread = outcome(
        draft(quotes=quotes, grounding=grounding), draft(quotes=(), grounding=grounding), draft(document=nowhere, grounding=grounding)
    )

    assert [span.quote for span in some.evidence] == ["30 days"]
    assert none.evidence == unread.evidence == ()
    assert {some.grounding, none.grounding, unread.grounding} == {grounding}


def turns(*contents):
    return tuple(Turn(role=("user", "assistant")[place % 2], content=content) for place, content in enumerate(contents))


def test_a_conversation_keeps_its_turns():
    one = draft(history=turns("Do I get leave?", "Yes."), instruction="How much, as said above?")

    (pair,) = outcome(one)

    assert pair.history == one.history


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (turns("Do I get leave?", " \n"), Reason.BLANK),
        (turns("Do I get leave?"), Reason.SCHEMA),
        (turns("Do I get leave?", "Yes.", "And?"), Reason.SCHEMA),
        ((Turn(role="assistant", content="Hi."), Turn(role="user", content="Leave?")), Reason.SCHEMA),
        ((Turn(role="user", content="Hi."), Turn(role="user", content="Leave?")), Reason.SCHEMA),
        (turns("What does the passage say?", "30 days."), Reason.REFERS_TO_TEXT),
    ],
)
def test_a_conversation_that_makes_no_sense_is_dropped(history, expected):
    assert reason(draft(history=history)) == expected


def compared(other_quotes, chunk):
    return draft(extra={"other_chunk_id": chunk.id, "other_quotes": other_quotes, "level": 1})


def test_a_comparison_has_evidence_in_both_documents_and_only_the_users_own_fields():
    chunk = Chunk.of(TRAVEL, 0, 70, (), 12)
    settings = {"documents": {**DOCUMENTS, TRAVEL.id: TRAVEL}, "chunks": {chunk.id: chunk}}

    (pair,) = outcome(compared(["at least 14 days ahead"], chunk), **settings)

    assert [(span.document_id, span.quote) for span in pair.evidence] == [(DOCUMENT.id, "30 days"), (TRAVEL.id, "at least 14 days ahead")]
    assert pair.extra == {"level": 1}
    assert reason(compared(["at least 15 days ahead"], chunk), **settings) == Reason.UNGROUNDED
    assert reason(compared([], chunk), **settings) == Reason.UNGROUNDED
    assert reason(compared(["at least 14 days ahead"], chunk)) == Reason.UNGROUNDED
