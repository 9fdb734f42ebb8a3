"""The index of a review: every item once, found by whatever a reviewer asks for, the most doubtful first, joined with the decisions."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.forget import forget
from builder.review.accepted import EDITED
from builder.review.decide import Deciding
from builder.review.doubt import of_length, signs, together, usual
from builder.review.filters import SORTS, Filter
from builder.review.heirs import heirs
from builder.review.index import Index
from builder.review.indexing import made_index
from builder.review.items import card
from builder.review.log import FILE, ReviewLog
from builder.review.opened import opened_review
from builder.review.repair import Settings
from builder.review.sources import Sources
from builder.review.static_records import records_of
from schemas.errors import UsageError, WorkspaceError
from schemas.records import Draft, Dropped, Pair, Reason
from schemas.review import Event, Texts, said_key
from tests.review_side import Made, diagnosed, made


@pytest.fixture(scope="module")
def dataset() -> Made:
    found = made()
    twin, other = found.chosen[0], found.chosen[1]
    conflict = _reworded(found.chosen[2], instruction=other.instruction)
    found.left_out += [
        Dropped.of(twin, "dedup", Reason.DUPLICATE, f"same question and response as {twin.id}"),
        Dropped.of(conflict, "dedup", Reason.CONFLICT, f"same question as {other.id}, which responds otherwise"),
        Dropped.of(_reworded(twin, instruction="東京の倉庫はどこですか"), "dedup", Reason.NEAR_DUPLICATE, f"ROUGE-L 0.73 with {twin.id}"),
    ]
    found.chosen[3] = found.chosen[3].model_copy(
        update={"scores": {"judge": 0.3, "judge/groundedness": 0.25, "judge/of_my_own": 1.0}, "flags": ("judge/invented", "judge/vague")}
    )
    found.chosen[4] = found.chosen[4].model_copy(update={"scores": {"support": 0.5}, "flags": ("foreign_name", "doubt_leans")})
    return found


@pytest.fixture(scope="module")
def workspace(dataset: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    dataset.write(folder)
    diagnosed(folder, [{"pair_id": dataset.chosen[5].id, "reason": "badly predicted after training"}])
    return folder


@pytest.fixture(scope="module")
def index(workspace: Path) -> Iterator[Index]:
    found = Index(made_index(Sources.of(workspace)), workspace)
    yield found
    found.close()


def _reworded(pair: Pair, **changed: str) -> Pair:
    texts = {"task": pair.task, "instruction": pair.instruction, "input": pair.input, "output": pair.output} | changed
    draft = Draft.of(**texts, quotes=("x",), group=pair.group, form=pair.form, provenance=pair.provenance)
    return pair.model_copy(update={"id": draft.id, **changed})


def _event(item: str, action: str, *, reviewer: str = "ann", key: str = "", **more: object) -> Event:
    fields = {
        "op": f"op-{reviewer}-{item}-{action}",
        "item": item,
        "key": key,
        "reviewer": reviewer,
        "action": action,
        "at": datetime.now(UTC),
    }
    return Event.model_validate(fields | ({"reason": "wrong"} if action == "reject" else {}) | more)


def ids(index: Index, **asked: object) -> list[str]:
    return [row["id"] for row in index.items(Filter.of(asked), sort="order", limit=1000).rows]


def test_every_pair_and_every_failed_draft_is_an_item_once(index: Index, dataset: Made):
    left = {one.id for one in dataset.left_out} - {dataset.chosen[0].id}  # a copy word for word shares the id of the chosen one

    assert set(ids(index, where="chosen")) == {pair.id for pair in dataset.chosen}
    assert set(ids(index, where="left_out")) == left
    assert set(ids(index, where="quarantined")) == {one.id for one in dataset.failed}
    assert index.count(Filter()) == len(dataset.chosen) + len(left) + len(dataset.failed)


def test_an_item_is_read_whole_from_where_it_stands(index: Index, dataset: Made):
    assert index.item(dataset.chosen[3].id) == dataset.chosen[3].model_copy(update={"split": "train", "status": "selected"})
    assert isinstance(index.item(dataset.failed[0].id), Draft)
    assert index.item("pair-none") is None
    assert index.document(dataset.documents[2].id) == dataset.documents[2]
    assert index.chunk(dataset.chunks[4].id) == dataset.chunks[4]


def test_the_key_of_an_item_is_what_it_says(index: Index):
    for item in ids(index):
        record = index.item(item)
        assert record is not None
        assert index.places([item])[item].key == said_key(record)


def test_the_doubt_of_a_list_is_explained_by_the_card(index: Index):
    for row in index.items(Filter(), limit=1000).rows:
        shown = card(index, row["id"])
        assert shown is not None
        assert shown["doubt"] == pytest.approx(row["doubt"], abs=2e-4)
        assert bool(shown["why_doubtful"]) == (row["doubt"] > 0)


def test_the_most_doubtful_chosen_pairs_come_first(index: Index, dataset: Made):
    rows = index.items(Filter(where="chosen"), sort="doubt").rows

    assert {row["id"] for row in rows[:4]} == {dataset.chosen[place].id for place in (1, 3, 4, 5)}
    assert [row["doubt"] for row in rows] == sorted((row["doubt"] for row in rows), reverse=True)


def test_what_the_judge_gave_is_told_in_the_words_of_its_rubric(index: Index, dataset: Made):
    shown = card(index, dataset.chosen[3].id)

    assert shown is not None
    assert shown["judge"]["score"] == 0.3
    assert shown["judge"]["criteria"][0] == {
        "name": "groundedness",
        "points": 0.25,
        "reason": "a detail that somebody would act on (number, date, name, condition) is not in the source",
    }
    assert shown["judge"]["criteria"][1] == {"name": "of_my_own", "points": 1.0, "reason": ""}
    assert shown["judge"]["reason"] == "states something that the source does not say; vague"


def test_a_conflict_is_told_on_both_sides(index: Index, dataset: Made):
    shown = card(index, dataset.chosen[1].id)

    assert shown is not None
    assert "another item answers the same question otherwise" in shown["why_doubtful"]
    assert shown["twins"][0]["relation"] == "conflict"


def test_copies_are_of_one_cluster_that_is_named_by_the_chosen_one(index: Index, dataset: Made):
    row = next(row for row in index.items(Filter(), limit=1000).rows if row["id"] == dataset.chosen[0].id)

    assert row["cluster_size"] == 2
    assert set(ids(index, cluster=dataset.chosen[0].id)) == {dataset.chosen[0].id, dataset.left_out[-1].id}


@pytest.mark.parametrize(
    ("text", "places"),
    [("K0-0-0", [0]), ("kettle k0-0-0", [0]), ('"is kept in the" K0-0-0', [0]), ("lam K0-0-1", [1]), ("K0-0-0 nowhere", []), ("…", None)],
)
def test_words_and_their_beginnings_and_quoted_phrases_are_found(index: Index, dataset: Made, text: str, places: list[int] | None):
    found = ids(index, text=text, where="chosen")

    assert found == ([pair.id for pair in dataset.chosen] if places is None else [dataset.chosen[place].id for place in places])


def test_scripts_without_spaces_are_searched_by_any_part(index: Index, dataset: Made):
    assert ids(index, text="倉庫") == ids(index, text="京の倉") == [dataset.left_out[-1].id]
    assert ids(index, text="庫倉") == []


def test_an_item_is_found_by_the_beginning_of_its_id(index: Index, dataset: Made):
    assert ids(index, text=dataset.chosen[6].id[:12]) == [dataset.chosen[6].id]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30) | st.text('"*^:-+(){}ANDORNEAR \0', max_size=15))
def test_no_search_is_an_error(index: Index, text: str):
    asked = Filter.of({"text": text})

    assert index.items(asked).total == len(ids(index, text=text))


def test_wrong_filters_are_told(index: Index):
    for given_ in ({"state": "good"}, {"min_score": "x"}):
        with pytest.raises(UsageError, match=next(iter(given_))):
            Filter.of(given_)
    with pytest.raises(UsageError, match="sort: best is none"):
        index.items(Filter(), sort="best")


@pytest.mark.parametrize("sort", SORTS)
def test_pages_of_any_order_hold_every_item_once(index: Index, sort: str):
    pages = [index.items(Filter(), sort=sort, offset=offset, limit=7).rows for offset in range(0, 70, 7)]
    found = [row["id"] for page in pages for row in page]

    assert len(found) == len(set(found)) == index.count(Filter())


@pytest.fixture
def copied(tmp_path: Path, workspace: Path, index: Index) -> Iterator[Index]:
    """An index with decisions of its own: 0 accepted, 1 rejected, 2 edited, 3 disputed, 4 skipped, 5 undone, in the order of the documents."""
    shutil.copytree(workspace, tmp_path, dirs_exist_ok=True, symlinks=True)
    names = ids(index, where="chosen")
    after = Texts(instruction="And where?", output="There.")
    with ReviewLog(tmp_path) as log:
        log.append([
            _event(names[0], "accept"), _event(names[1], "reject"), _event(names[2], "edit", after=after), _event(names[3], "accept"),
            _event(names[3], "reject", reviewer="bob"), _event(names[4], "skip"), _event(names[5], "accept"),
            _event(names[5], "undo", undoes=f"op-ann-{names[5]}-accept"),
        ])  # fmt: skip
    found = Index(made_index(Sources.of(tmp_path)), tmp_path)
    yield found
    found.close()


def test_items_are_filtered_and_counted_by_how_they_stand(copied: Index):
    names = ids(copied, where="chosen")
    states = ["accepted", "rejected", "edited", "disputed", "skipped"]

    assert [ids(copied, where="chosen", state=state) for state in states] == [[name] for name in names[:5]]
    assert ids(copied, where="chosen", state="undecided") == names[5:]
    assert copied.states(Filter(where="chosen")) == Counter({**dict.fromkeys(states, 1), "undecided": len(names) - 5})
    assert ids(copied, reviewer="bob") == [names[3]]
    assert [row["id"] for row in copied.items(Filter(), sort="newest").rows[:2]] == [names[5], names[4]]


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "where": st.sampled_from(["chosen", "left_out", "chosen,quarantined"]),
            "state": st.sampled_from(["undecided", "accepted", "rejected,edited", "skipped,undecided", "disputed"]),
            "task": st.sampled_from(["how_to", "summarization"]),
            "document": st.sampled_from(["manuals/harbour-0.md", "manuals/orchard-1.md"]),
            "reason": st.sampled_from(["doubtful", "conflict"]),
            "reviewer": st.sampled_from(["ann", "bob", "eve"]),
            "text": st.sampled_from(["kettle", "kept"]),
            "flag": st.sampled_from(["foreign_name", "name"]),
            "min_score": st.sampled_from(["0.4", "0.5"]),
        },
    )
)
def test_the_count_of_a_list_is_how_long_it_is(lasting: Index, asked: dict[str, str]):
    found = ids(lasting, **asked)

    assert lasting.count(Filter.of(asked)) == len(found) == len(lasting.ids(Filter.of(asked)))
    assert lasting.states(Filter.of(asked)).total() == len(
        ids(lasting, **{name: asked[name] for name in asked if name not in ("state", "reviewer")})
    )


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, workspace: Path, index: Index) -> Iterator[Index]:
    """An index with a dozen decisions, for tests that add none."""
    folder = tmp_path_factory.mktemp("lasting")
    shutil.copytree(workspace, folder, dirs_exist_ok=True, symlinks=True)
    actions = ("accept", "reject", "skip")
    with ReviewLog(folder) as log:
        log.append([_event(name, actions[place % 3], reviewer=("ann", "bob")[place % 2]) for place, name in enumerate(ids(index)[:12])])
    found = Index(made_index(Sources.of(folder)), folder)
    yield found
    found.close()


@pytest.mark.parametrize(("until", "where"), [("validate", "valid"), ("curate", "chosen"), ("split", "chosen")])
def test_a_review_works_on_whatever_there_is(tmp_path: Path, until: str, where: str):
    dataset = made(documents=1)
    dataset.write(tmp_path, until=until)
    index = Index(made_index(Sources.of(tmp_path)), tmp_path)

    assert index.count(Filter(where="quarantined")) == len(dataset.failed)
    assert index.count(Filter(where=where)) == len(dataset.chosen) + (len(dataset.left_out) if where == "valid" else 0)
    index.close()


def test_without_valid_pairs_there_is_nothing_to_review(tmp_path: Path):
    made(documents=1).write(tmp_path, until="generate")

    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(WorkspaceError, match="run kilopair curate first"):
            Sources.of(folder)


def test_an_index_is_made_once_and_made_anew_when_the_pairs_have_changed(tmp_path: Path):
    dataset = made(documents=1)
    dataset.write(tmp_path, until="curate")
    first = made_index(Sources.of(tmp_path))
    stamp = first.stat().st_mtime_ns
    assert made_index(Sources.of(tmp_path)).stat().st_mtime_ns == stamp
    opened = Index(first, tmp_path)
    dataset.write(tmp_path, until="split")
    second = made_index(Sources.of(tmp_path))

    assert [path.name for path in first.parent.iterdir()] == [second.name]
    shutil.rmtree(tmp_path / "stages")
    assert opened.item(dataset.chosen[0].id) == dataset.chosen[0]  # who has the old one open goes on with it
    opened.close()


def test_what_an_edit_made_and_what_says_the_same_elsewhere_stand_as_their_forerunners(tmp_path: Path):
    before = made(documents=1)
    edited, moved = before.chosen[0], before.chosen[1]
    texts = Texts(instruction="Where do I find it?", output=edited.output)
    after = made(documents=1)
    after.chosen[0] = _reworded(edited, instruction=texts.instruction).model_copy(update={"flags": (EDITED,)})
    after.chosen[1] = moved.model_copy(update={"id": "pair-0123456789abcdef"})
    after.write(tmp_path)
    with ReviewLog(tmp_path) as log:
        log.append([_event(edited.id, "edit", after=texts, key=said_key(edited)), _event(moved.id, "reject", key=said_key(moved))])
        index = Index(made_index(Sources.of(tmp_path)), tmp_path)
        index.inherit(heirs(index, log))

        assert ids(index, state="edited") == [after.chosen[0].id]
        assert ids(index, state="rejected") == [after.chosen[1].id]
        assert index.states(Filter(where="chosen"))["undecided"] == len(after.chosen) - 2
        assert index.heirs([after.chosen[1].id, after.chosen[2].id]) == {after.chosen[1].id: moved.id}
        log.append([_event(after.chosen[1].id, "accept")])
        assert index.heirs([after.chosen[1].id]) == {}
        assert ids(index, state="rejected") == []
        assert ids(index, state="accepted") == [after.chosen[1].id]
    index.close()


def test_a_note_or_a_word_taken_back_leaves_what_an_edit_made_as_edited(tmp_path: Path):
    dataset = made(documents=1)
    old = dataset.chosen[0]
    texts = Texts(instruction="Where do I find it?", output=old.output)
    new = _reworded(old, instruction=texts.instruction).model_copy(update={"flags": (EDITED,)})
    dataset.chosen[0] = new
    dataset.write(tmp_path)

    def stands(index: Index) -> list[object]:
        """How the index has it in lists, in counts, in progress, and in decisions."""
        state = index.items(Filter(), sort="order", limit=1).rows[0]["state"]
        rows = [name for name in index.states(Filter()) if ids(index, state=name) == [new.id] and index.count(Filter(state=name)) == 1]
        given = Deciding(index, log, Settings(max_words=100)).standings([new.id])[new.id]
        assert index.states(Filter()).total() == index.count(Filter()) == len(ids(index))
        assert state == given.state
        return [*rows, dict(index.states(Filter(where="chosen")))[rows[0]], given.texts, given.seq]

    with ReviewLog(tmp_path) as log:
        log.append([_event(old.id, "edit", after=texts, key=said_key(old))])
        with opened_review(tmp_path) as (index, _):
            assert stands(index) == ["edited", 1, texts, 1]
            log.append([_event(new.id, "note", note="nice", key=said_key(new))])
            assert stands(index) == ["edited", 1, texts, 2]
            log.append([_event(new.id, "reject", key=said_key(new))])
            assert stands(index) == ["rejected", 1, None, 3]
            with opened_review(tmp_path) as (opened_later, _):
                log.append([_event(new.id, "undo", undoes=f"op-ann-{new.id}-reject")])
                assert stands(index) == stands(opened_later) == ["edited", 1, texts, 4]
            assert index.changed(3, 10) == [new.id]
            assert index.changed(0, 10) == [new.id]
            events = records_of(index, log, [new.id], reviewer="ann")["events"]
            assert [(event["item"], event["action"]) for event in events] == [(new.id, name) for name in ("edit", "note", "reject", "undo")]
        with opened_review(tmp_path) as (index, _):
            assert stands(index) == ["edited", 1, texts, 4]


def test_a_folder_may_have_a_name_that_means_something_in_an_address(tmp_path: Path):
    dataset, folder = made(documents=1), tmp_path / "mine #1, 100%25? really"
    dataset.write(folder)
    with ReviewLog(folder) as log:
        log.append([_event(dataset.chosen[0].id, "accept")])
    index = Index(made_index(Sources.of(folder)), folder)

    assert ids(index, state="accepted") == [dataset.chosen[0].id]
    index.close()


def test_a_log_that_is_none_is_told_in_one_line(tmp_path: Path):
    made(documents=1).write(tmp_path)
    (tmp_path / FILE).write_bytes(b"my notes " * 200)
    index = Index(made_index(Sources.of(tmp_path)), tmp_path)

    with pytest.raises(WorkspaceError, match=r"review\.sqlite: decisions cannot be read"):
        index.count(Filter())
    index.close()


@given(st.lists(st.floats(0, 1), max_size=6))
def test_doubts_together_are_no_less_than_the_greatest_and_no_more_than_certain(weights: list[float]):
    doubt = together((weight, "") for weight in weights)

    assert max([0.0, *weights]) - 1e-4 <= doubt <= 1


def test_an_answer_of_unusual_length_is_doubted_where_enough_is_known():
    limits = usual([10, 11, 12, 9, 10, 13, 8, 10, 11, 12] * 3)

    assert limits is not None
    assert [words for words in (1, 9, 14, 60) if of_length(words, limits)] == [1, 60]
    assert usual([10, 1000]) is None
    assert usual([7] * 50) is None


def test_what_a_person_accepted_leaves_no_doubt():
    assert signs({"scores": {"judge": 0.1}, "flags": ["doubt_leans", "accepted"]}) == []
    assert signs({"scores": {"judge": 0.1}, "flags": ["doubt_leans"]}) != []


def test_an_index_goes_with_a_document_that_must_be_forgotten(tmp_path: Path):
    dataset = made(documents=2)
    dataset.write(tmp_path)
    path = made_index(Sources.of(tmp_path))
    told = forget(tmp_path, dataset.documents[0].path)

    assert not path.exists()
    assert told.still == ()


def test_an_index_that_cannot_be_written_is_told_in_one_line(tmp_path: Path):
    made(documents=1).write(tmp_path)
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / "review").write_text("in the way")

    with pytest.raises(WorkspaceError, match="the index of the review cannot be made"):
        made_index(Sources.of(tmp_path))


def test_an_index_whose_making_was_interrupted_leaves_nothing_behind(tmp_path: Path):
    made(documents=1).write(tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_index(Sources.of(tmp_path), interrupted)
    assert list((tmp_path / "cache" / "review").iterdir()) == []
    assert made_index(Sources.of(tmp_path)).exists()
