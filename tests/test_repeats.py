"""What several documents say: boilerplate is left out of chunks, repeated passages are linked and asked about once."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.boilerplate import boilerplate, without
from builder.chunk import chunk, estimate_tokens
from builder.repeats import repeated, seen
from schemas.records import Document

NOTICE = "We use cookies to improve this site; by staying you accept them."
LONG = (
    "Employees who have worked here for more than two years may carry over up to five days of unused leave until the end of March, "
    "provided that their manager has agreed in writing before Christmas."
)
OTHER = (
    "Travel is booked through the travel desk, which orders second class tickets for trains and economy class for flights of less than "
    "six hours; hotels may cost no more than the rates of the city."
)


def document(text, path="a.md"):
    return Document.of(path=path, title="A", format="md", text=text + f"\n\n[{path}]\n", raw=b"")


def pages(count, text=NOTICE, folder="site", first=0):
    return [
        document(f"# Page {number}\n\nRule {number} of {folder}.\n\n{text}", f"{folder}/{number}.md")
        for number in range(first, first + count)
    ]


def texts(documents, found):
    return {text for one in documents for start, end in found.get(one.id, []) for text in [one.text[start:end]]}


def chunks_of(*documents):
    return [piece for one in documents for piece in chunk(one, tokens=300)]


def test_a_paragraph_of_many_documents_is_boilerplate_in_each_of_them():
    site = pages(5)

    found = boilerplate(site)

    assert set(found) == {one.id for one in site}
    assert texts(site, found) == {NOTICE}


@pytest.mark.parametrize(("with_notice", "others", "common"), [(4, 0, False), (5, 0, True), (5, 11, True), (5, 12, False), (6, 14, True)])
def test_it_takes_five_documents_and_thirty_percent_of_the_folder(with_notice, others, common):
    found = boilerplate([*pages(with_notice), *pages(others, "", first=50)])

    assert (NOTICE in texts(pages(with_notice), found)) == common


def test_a_small_site_in_a_large_folder_has_boilerplate_of_its_own():
    site, rest = pages(5, folder="all/site"), [document(f"Page {number}.", f"all/{number}.md") for number in range(200)]

    assert set(boilerplate([*rest, *site])) == {one.id for one in site}


@pytest.mark.parametrize(
    "copy",
    [
        "we use **cookies**  to improve this site; by\nstaying you accept them",
        "[We use cookies](/b) to improve this <b>site</b>; by staying you accept them.",
    ],
)
def test_case_emphasis_spacing_and_links_make_no_difference_but_words_numbers_and_signs_do(copy):
    assert len(boilerplate([*pages(4), document(copy, "site/x.md")])) == 5
    assert len(boilerplate([*pages(4), document(NOTICE + " 5 %", "site/x.md")])) == 0


def test_headings_are_no_boilerplate():
    assert boilerplate([document(f"# Overview\n\nRule {number}.", f"{number}.md") for number in range(9)]) == {}


def test_a_table_or_list_is_boilerplate_whole_or_in_runs_of_three_and_the_header_stays_with_the_other_rows():
    rows = "| Key | Value |\n|---|---|\n| Mail | hr@a.org |\n| Phone | 1234 |\n| Hours | 9 to 5 |\n"
    items = "- Home\n- Products\n  - Bikes\n- About us"
    site = [document(f"Text {number}.\n\n{rows}| Page | {number} |\n\n{items}\n- Here: {number}", f"{number}.md") for number in range(6)]

    alone = [document(rows, f"alone/{number}.md") for number in range(5)]

    found = texts(site, boilerplate(site))

    assert texts(alone, boilerplate(alone)) == {rows.strip()}
    assert found == {"| Mail | hr@a.org |\n| Phone | 1234 |\n| Hours | 9 to 5 |\n", items + "\n"}


def test_chunks_are_cut_around_boilerplate_and_nothing_else_is_lost():
    site = [
        document(
            f"# Page {number}\n\nRule {number} holds for all.\n\n{NOTICE}\n\nRule {number}b holds too.\n\n## Legal\n\n{NOTICE}",
            f"{number}.md",
        )
        for number in range(5)
    ]
    found = boilerplate(site)

    for one in site:
        left = list(without(one, chunk(one, tokens=300), found[one.id], count=estimate_tokens))

        assert all(one.text[piece.start : piece.end] == piece.text and piece.tokens == estimate_tokens(piece.text) for piece in left)
        assert NOTICE not in "".join(piece.text for piece in left)
        assert [" ".join(piece.text.split()) for piece in left][1] == f"Rule {one.path[0]}b holds too."
        assert "holds for all." in left[0].text
        assert all(piece.text.strip() != "## Legal" for piece in left)


def test_a_chunk_without_boilerplate_stays_the_same():
    one = document(LONG)
    pieces = chunk(one, tokens=300)

    assert list(without(one, pieces, [], count=estimate_tokens)) == pieces


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=6))
@settings(max_examples=80, deadline=None)
def test_what_is_left_of_the_chunks_has_every_word_outside_the_spans_and_headings(cuts):
    one = document("\n\n".join(f"Word{number} says{number}." for number in range(30)))
    spans, last = [], 0
    for start, length in sorted(cuts):
        if last <= start < start + length <= len(one.text):
            spans.append((start, start + length))
            last = start + length

    left = list(without(one, chunk(one, tokens=60), spans, count=estimate_tokens))

    kept = {place for piece in left for place in range(piece.start, piece.end)}
    cut = {place for start, end in spans for place in range(start, end)}
    assert not kept & cut
    assert all(not one.text[place].isalnum() for place in set(range(len(one.text))) - kept - cut)


def test_the_same_passage_in_several_places_is_found_once_and_linked():
    first, second, third = (
        document(f"# A\n\n{LONG}", "a.md"),
        document(f"{OTHER}\n\n{LONG.upper()}", "b.md"),
        document(f"> {LONG}\n\n{LONG}", "c.md"),
    )

    (repeat,) = repeated([first, second, third])

    assert [place.document_id for place in repeat.places] == [first.id, second.id, third.id, third.id]
    assert [place.has for place in repeat.places] == ["all"] * 4
    assert first.text[repeat.places[0].start : repeat.places[0].end] == LONG


@pytest.mark.parametrize(
    ("old", "new", "has"),
    [
        ("more than ", "", "less"),
        ("five days", "six days", "other"),
        ("may carry", "may not carry", "other"),
        ("before Christmas", "after Christmas", "other"),
        ("worked here", "been here", "other"),
    ],
)
def test_a_near_copy_is_linked_and_has_other_words_unless_it_only_leaves_some_out(old, new, has):
    (repeat,) = repeated([document(LONG, "a.md"), document(LONG.replace(old, new), "b.md")])

    assert [place.has for place in repeat.places] == ["all", has]


def test_a_copy_that_leaves_out_a_negation_says_something_else():
    text = LONG.replace("may carry", "may not carry")

    (repeat,) = repeated([document(text, "a.md"), document(LONG, "b.md")])

    assert repeat.places[1].has == "other"


@pytest.mark.parametrize(
    "documents",
    [[], [document("")], [document("Short.", "a.md"), document("Short.", "b.md")], [document(LONG, "a.md"), document(OTHER, "b.md")]],
)
def test_short_and_different_passages_are_no_repeats(documents):
    assert repeated(documents) == []


def test_a_chunk_that_says_nothing_new_below_the_same_heading_is_seen():
    first, second = document(f"# Leave\n\n{LONG}", "a.md"), document(f"# Leave\n\n{LONG}\n\nIn short.", "b.md")
    third = document(f"# Leave\n\n{LONG}\n\n{OTHER}", "c.md")
    fourth, fifth = document(f"# Leave of trainees\n\n{LONG}", "d.md"), document(f"# Leave\n\n{LONG.replace('five', 'six')}", "e.md")
    everything = [first, second, third, fourth, fifth]

    marked = seen(chunks_of(*everything), repeated(everything))

    assert {piece.document_id: marked[piece.id] for piece in chunks_of(*everything) if piece.id in marked} == {second.id: first.id}


def test_what_stands_only_in_chunks_that_are_not_asked_about_is_not_seen():
    first, second, third = (
        document(f"# A\n\n{LONG}", "a.md"),
        document(f"# A\n\n{LONG} {OTHER}", "b.md"),
        document(f"# A\n\n{LONG}", "c.md"),
    )
    everything = [first, second, third]
    kept = chunks_of(second, third)

    assert seen(kept, repeated(everything)) == {}
    assert len(seen(chunks_of(*everything), repeated(everything))) == 1


def test_a_long_passage_cut_in_two_is_asked_about_whole_in_the_first_document_only():
    text = f"# Leave\n\n{LONG} {OTHER}"
    first, second = document(text, "a.md"), document(text, "b.md")
    pieces = [piece for one in (first, second) for piece in chunk(one, tokens=50)]

    marked = seen(pieces, repeated([first, second]))

    whole = [piece for piece in pieces if ".md]" not in piece.text]  # each document ends with its path
    assert [piece.document_id == second.id for piece in whole] == [piece.id in marked for piece in whole]
    assert len(whole) == 4


def test_who_leaves_words_out_does_not_stand_for_the_whole():
    first, less = document(f"# A\n\n{LONG}", "a.md"), document(f"# B\n\n{LONG.replace('more than ', '')}", "b.md")
    again = document(f"# B\n\n{LONG}", "c.md")

    assert seen(chunks_of(first, less, again), repeated([first, less, again])) == {}


def many(count, *, change=0.1):
    draws = random.Random(count)
    words = ["".join(draws.choices("abcdefghiklmnoprstu", k=draws.randint(2, 9))) for _ in range(3000)]
    passages = []
    for number in range(count):
        if number % 5 == 4:
            copied = draws.choice(passages).split()
            copied[draws.randrange(len(copied))] = draws.choice(words) if draws.random() < change * 5 else copied[0]
            passages.append(" ".join(copied))
        else:
            passages.append(" ".join(draws.choices(words, k=draws.randint(25, 60))))
    return [document("\n\n".join(passages[start : start + 20]), f"{start}.md") for start in range(0, count, 20)]


def test_nearly_all_near_copies_are_found_and_every_time_the_same_ones():
    documents = many(1000)

    repeats = repeated(documents)

    assert sum(len(repeat.places) - 1 for repeat in repeats) >= 195
    assert repeats == repeated(documents)


def test_time_grows_with_the_number_of_passages_even_where_they_are_alike():
    def seconds(documents):
        start = time.process_time()
        repeated(documents)
        boilerplate(documents)
        return time.process_time() - start

    template = [
        document(f"Dear {number * 7919} {number * 104729}, {number} {number + 1} {number + 2} {number + 3}: {LONG}", f"{number}.md")
        for number in range(1200)
    ]

    assert seconds(template) < 30 * seconds(template[:120]) + 1
    assert seconds(many(1500)) < 30 * seconds(many(150)) + 1
