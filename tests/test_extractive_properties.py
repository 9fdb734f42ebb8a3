"""What always holds: spans resolve, nothing raises, nothing is lost, and the same input gives the same drafts."""

import re
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from generators.extractive.generate import generate, generate_document
from generators.extractive.lexicon import lexicon
from generators.extractive.text import clean, sentences
from generators.interface import Source
from schemas.records import Chunk, Document, Draft

SENTENCES = st.sampled_from(
    [
        "You must report a loss within 24 hours, because insurance depends on it.",
        "If you are ill, tell your manager before 9:30.",
        "Backups are kept for 35 days and then overwritten.",
        "A **badge** is a [card](x.md) that opens doors.",
        "Do not leave `keys` in the lock unless asked.",
        "We offer 12 weeks of leave (paid) to you & yours.",
        "The Service Level Agreement (SLA) covers 3 plans.",
        "- one\n- two\n  - three",
        "Follow these steps:\n\n1. Open it.\n2. Close it.",
        "| Room | Seats |\n|---|---|\n| Burn | 12 |\n| (x) | |",
        "## How do I reset a password?",
        "## Booking a room",
        "# Rules",
        "> Hi, is it broken? Thanks",
        "{% if x %} $[x] <br> &amp; \\* ![a](b.png)",
    ]
)
MARKDOWN = st.lists(st.one_of(SENTENCES, st.text(alphabet=string.printable, max_size=60)), max_size=12).map("\n\n".join)


def source(text: str, path: str = "a.md") -> Source:
    document = Document.of(path=path, title="Rules of the house", format="md", text=text, raw=text.encode())
    middle = len(text) // 2
    chunks = (
        (Chunk.of(document, 0, middle, (), 1), Chunk.of(document, middle, len(text), (), 1))
        if middle
        else (Chunk.of(document, 0, len(text), (), 1),)
    )
    return Source(document, chunks)


def made(*sources: Source, seed: int = 0) -> list:
    return list(generate(sources, company="Acme", wordings=5, seed=seed))


@settings(max_examples=60, deadline=None)
@given(MARKDOWN)
def test_spans_resolve_and_every_chunk_is_accounted_for(text):
    one = source(text)
    results = made(one)
    drafts = [result for result in results if isinstance(result, Draft)]

    assert all(text[start:end] == quote for draft in drafts for (start, end), quote in zip(draft.spans, draft.quotes, strict=True))
    assert all(draft.quotes and draft.instruction and draft.output for draft in drafts)
    dropped = {result.id for result in results if not isinstance(result, Draft)}
    assert dropped | {draft.provenance.chunk_id for draft in drafts} == {chunk.id for chunk in one.chunks}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_without_an_exception(text):
    made(source(text))


@settings(max_examples=20, deadline=None)
@given(MARKDOWN, MARKDOWN)
def test_the_order_of_documents_does_not_matter(first, second):
    one, other = source(first, "a.md"), source(second, "b.md")
    forwards, backwards = made(one, other), made(other, one)

    assert sorted(forwards, key=repr) == sorted(backwards, key=repr)
    assert forwards == made(one, other)


@settings(max_examples=20, deadline=None)
@given(MARKDOWN)
def test_a_document_depends_only_on_its_part_of_the_lexicon(text):
    one = source(text)
    whole = lexicon([one.document, source("Rota is used. In Rota, you see Rota. Acme Works and Acme Works.", "b.md").document])
    part = whole.for_text(text)

    again = part.for_text(text)
    assert again == part
    assert again.key() == part.key()
    with_part = generate_document(one, lexicon=part, company="Acme", wordings=5, seed=0)
    assert with_part == generate_document(one, lexicon=again, company="Acme", wordings=5, seed=0)


@settings(max_examples=60, deadline=None)
@given(MARKDOWN)
def test_clean_characters_know_their_raw_place(text):
    words = clean(text, 0, len(text))

    assert len(words.text) == len(words.starts) == len(words.ends)
    assert list(words.starts) == sorted(words.starts)
    for first, last in sentences(words.text):
        start, end = words.span(first, last)
        assert 0 <= start < end <= len(text)


def test_a_span_is_widened_to_whole_links_and_emphasis():
    text = "Read the [leave **policy**](leave.md) first."
    words = clean(text, 0, len(text))
    start = words.text.index("policy")
    low, high = words.span(start, start + len("policy"))

    assert words.text == "Read the leave policy first."
    assert text[low:high] == "[leave **policy**](leave.md)"


def test_another_seed_words_the_same_facts_differently():
    text = "## Backups\n\nBackups are kept for 35 days.\n\n## Invoices\n\nInvoices are stored for 10 years."
    one, other = made(source(text), seed=0), made(source(text), seed=1)

    assert {draft.group for draft in one} == {draft.group for draft in other}
    assert {draft.instruction for draft in one} != {draft.instruction for draft in other}


@settings(max_examples=40, deadline=None)
@given(MARKDOWN, MARKDOWN, MARKDOWN)
def test_a_document_added_changes_only_its_own_facts_and_those_its_statistics_reach(first, second, added):
    before, after = [source(first, "a.md"), source(second, "b.md")], source(added, "c.md")
    few, many = lexicon(one.document for one in before), lexicon(one.document for one in (*before, after))
    alone, together = made(*before), made(*before, after)

    for one in before:
        if few.for_text(one.document.text) == many.for_text(one.document.text):
            of_document = [[draft for draft in drafts if _document(draft) == one.document.id] for drafts in (alone, together)]
            assert of_document[0] == of_document[1]


@settings(max_examples=60, deadline=None)
@given(MARKDOWN)
def test_no_question_has_two_answers(text):
    answers: dict[tuple[str, str], set[str]] = {}
    for draft in made(source(text)):
        if isinstance(draft, Draft):
            answers.setdefault((draft.instruction.lower(), draft.input), set()).add(draft.output)

    assert all(len(outputs) == 1 for outputs in answers.values())


@settings(max_examples=60, deadline=None)
@given(MARKDOWN)
def test_every_number_of_an_answer_stands_in_its_evidence(text):
    for draft in made(source(text)):
        if isinstance(draft, Draft) and draft.grounding == "quoted":
            shown = re.sub(r"^\d+\. ", "", draft.output, flags=re.MULTILINE)  # of a step
            evidence = " ".join(draft.quotes)
            assert all(number in evidence for number in re.findall(r"\d+", shown))


def _document(record) -> str:
    return record.provenance.document_id if isinstance(record, Draft) else ""
