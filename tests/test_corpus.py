from hypothesis import given, settings
from hypothesis import strategies as st

from generators.alpaca.corpus import Corpus, Versions
from generators.interface import Source
from schemas.records import Chunk, Document


def source(name, texts, *, title=None, **metadata):
    text = "\n".join(texts)
    document = Document.of(path=f"{name}.md", title=title or name, format="markdown", text=text, raw=text.encode(), metadata=metadata)
    chunks, start = [], 0
    for part in texts:
        chunks.append(Chunk.of(document, start, start + len(part), (), len(part) // 4))
        start += len(part) + 1
    return Source(document, tuple(chunks))


def texts(found):
    return [passage.chunk.text for passage, _ in found]


def test_the_best_passage_comes_first_and_the_left_out_one_not_at_all():
    corpus = Corpus([source("a", ["Parental leave lasts 20 weeks.", "Leave the door closed.", "Laptops are locked."])])

    found = corpus.search("How long is parental leave?", limit=5)
    without = corpus.search("How long is parental leave?", limit=5, leave_out=frozenset({found[0][0].chunk.id}))

    assert texts(found) == ["Parental leave lasts 20 weeks.", "Leave the door closed."]
    assert found[0][1] > found[1][1] > 0
    assert texts(without) == ["Leave the door closed."]


def test_equal_passages_keep_the_order_of_the_chunks():
    corpus = Corpus([source(name, ["The same words everywhere."]) for name in "abc"])

    found = corpus.search("same words", limit=2)

    assert [passage.document.path for passage, _ in found] == ["a.md", "b.md"]


def test_one_chunk_no_chunk_and_empty_texts_can_be_searched():
    one = Corpus([source("a", ["only one chunk"])])

    assert texts(one.search("one chunk", limit=3)) == ["only one chunk"]
    assert one.search("", limit=3) == one.search("zebra", limit=3) == one.search("one", limit=0) == []
    assert Corpus([source("a", [""])]).search("x", limit=3) == []
    assert Corpus([]).search("x", limit=3) == []


def test_superseded_documents_are_not_searched():
    corpus = Corpus([source("old", ["Leave is 20 days."], status="superseded"), source("new", ["Leave is 25 days."])])

    assert texts(corpus.search("leave days", limit=5)) == ["Leave is 25 days."]


def test_scripts_without_spaces_are_searched_by_character():
    corpus = Corpus([source("a", ["年次有給休暇は二十五日です。"]), source("b", ["Coffee is free."])])

    assert texts(corpus.search("有給休暇", limit=5)) == ["年次有給休暇は二十五日です。"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(alphabet="ab c\n", max_size=12), min_size=1, max_size=6), st.text(alphabet="ab c", max_size=8), st.integers(0, 4))
def test_a_search_gives_at_most_the_limit_best_first_and_the_same_each_time(parts, query, limit):
    made = [source(str(number), [part]) for number, part in enumerate(parts)]

    found = Corpus(made).search(query, limit=limit)

    assert found == Corpus(made).search(query, limit=limit)
    assert len(found) <= limit
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_the_older_version_is_found_by_title_or_file_name_and_its_passage_by_its_words():
    old = source("leave-policy-v2", ["Annual leave is 20 days a year.", "Ask your lead."], title="Leave policy v2", status="superseded")
    other = source("travel-policy-2019", ["Annual travel is 20 days a year."], title="Travel policy (2019)", status="obsolete")
    new = source("leave-policy-v3", ["Annual leave is 25 days a year.", "Dogs are welcome."], title="Leave policy v3")
    versions, corpus = Versions([old, other, new]), Corpus([old, other, new])

    found = [versions.passage(passage) for passage in corpus.passages]

    assert [passage.chunk.text if passage else None for passage in found] == ["Annual leave is 20 days a year.", None]


def test_a_section_that_did_not_change_has_no_older_version():
    old = source("handbook-1", ["Coffee is free for everybody."], title="Handbook 1", status="superseded")
    new = source("handbook-2", ["Coffee is free for everybody."], title="Handbook 2")

    assert Versions([old, new]).passage(Corpus([new]).passages[0]) is None
