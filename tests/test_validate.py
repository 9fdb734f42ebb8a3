"""Every draft becomes a pair whose evidence resolves, or is dropped with the reason."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.validate import locate, refers_to_text, validate
from schemas.records import Chunk, Document, Draft, Dropped, Pair, Provenance, Reason

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
