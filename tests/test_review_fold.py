"""What all words about an item come to, and how far the reviewers agree."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.agreement import cohen
from builder.report.review import review
from builder.review import agreed
from builder.review.agreed import agreement, krippendorff
from builder.review.fold import standings
from builder.review.log import ReviewLog
from builder.review.status import status
from schemas.review import Event
from tests.review_events import START, event, logs, stored, texts


def state(*events, item="pair-1"):
    return standings(stored(*events))[item].state


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["accept"], "accepted"),
        (["reject"], "rejected"),
        (["edit"], "edited"),
        (["repair"], "repaired"),
        (["skip"], "skipped"),
        (["note"], "undecided"),
        (["accept", "accept"], "accepted"),
        (["reject", "reject"], "rejected"),
        (["accept", "skip"], "accepted"),
        (["skip", "reject"], "rejected"),
        (["skip", "skip"], "skipped"),
        (["accept", "note"], "accepted"),
        (["accept", "edit"], "edited"),
        (["edit", "accept"], "edited"),
        (["repair", "accept"], "repaired"),
        (["edit", "edit"], "edited"),
        (["accept", "reject"], "disputed"),
        (["edit", "reject"], "disputed"),
        (["accept", "accept", "reject"], "disputed"),
    ],
)
def test_the_words_of_different_reviewers_make_one_state(words, expected):
    assert state(*(event(action, reviewer=name) for action, name in zip(words, ("ann", "bob", "cy"), strict=False))) == expected


def test_the_newest_word_of_a_reviewer_counts():
    found = standings(stored(event("reject"), event("accept"), event("reject", reason="style", note="too long")))["pair-1"]

    assert found.state == "rejected"
    assert found.reason == "style"
    assert [(one.action, one.note) for one in found.decisions] == [("reject", "too long")]


def test_a_skip_takes_the_own_word_back_as_come_back_later():
    assert state(event("reject"), event("skip")) == "skipped"


def test_edits_with_different_texts_are_disputed_and_with_equal_ones_they_stand_in():
    mine, other = event("edit", after=texts(output="26")), event("edit", reviewer="bob", after=texts(output="27"))
    same = event("edit", reviewer="bob", after=texts(output="26"))

    assert state(mine, other) == "disputed"
    assert standings(stored(mine, same))["pair-1"].texts == texts(output="26")
    assert standings(stored(mine, other))["pair-1"].texts is None


def test_a_final_word_settles_until_it_is_undone_or_said_anew():
    words = [event("accept"), event("reject", reviewer="bob"), event("accept", reviewer="cy", final=True)]
    later = event("reject", reviewer="bob", reason="style")
    back = event("undo", reviewer="cy", undoes=words[2].op)

    assert state(*words) == state(*words, later) == "accepted"
    assert state(*words, back) == "disputed"
    assert state(*words, event("reject", reviewer="cy")) == "disputed"
    assert state(*words, event("reject", reviewer="ann", final=True)) == "rejected"


def test_an_undo_brings_back_the_word_before_and_can_be_undone_itself():
    first, second = event("accept"), event("reject")
    undo = event("undo", undoes=second.op)
    redo = event("undo", undoes=undo.op)

    assert state(first, second, undo) == "accepted"
    assert state(first, second, undo, redo) == "rejected"
    assert state(first, event("undo", undoes=first.op)) == "undecided"


def test_undoing_a_bulk_takes_back_all_of_it_and_nothing_that_came_later():
    before = event("accept", "pair-2")
    bulk = [event("reject", f"pair-{number}", bulk="bulk-0001") for number in (1, 2)]
    undo = event("undo", "", undoes="bulk-0001")
    late = event("reject", "pair-3", bulk="bulk-0001")

    found = standings(stored(before, *bulk, undo, late))

    assert {item: one.state for item, one in found.items()} == {"pair-1": "undecided", "pair-2": "accepted", "pair-3": "rejected"}
    assert {item: one.seq for item, one in found.items()} == {"pair-1": 4, "pair-2": 4, "pair-3": 5}


def test_a_word_that_was_said_earlier_and_came_later_does_not_replace_what_it_did_not_know():
    monday, tuesday = START, START + timedelta(days=1)
    newer = event("reject", at=tuesday)

    assert state(newer, event("accept", at=monday)) == "rejected"
    assert state(newer, event("accept", at=monday, base=1)) == "accepted"  # a clock that is late, and a word that knows the other
    assert state(newer, event("accept", reviewer="bob", at=monday)) == "disputed"


def test_times_without_a_zone_are_utc_so_that_all_can_be_compared():
    naive = event("accept", at=START.replace(tzinfo=None) + timedelta(hours=1))

    assert naive.at.tzinfo is not None
    assert state(event("reject", at=START), naive) == "accepted"


def test_an_edit_whose_texts_were_erased_stays_an_edit_without_texts():
    erased = event("edit", note="as the boss says").erased()
    found = standings(stored(erased))["pair-1"]

    assert Event.model_validate_json(erased.model_dump_json()) == erased
    assert (found.state, found.texts, found.decisions[0].note) == ("edited", None, "")


@given(logs(), st.randoms())
def test_the_order_in_which_events_are_handed_over_does_not_matter(events, dice):
    events = stored(*events)
    found = standings(events)

    assert standings(dice.sample(events, len(events))) == found
    assert standings(event for event in events) == found


@given(logs(), logs(), st.data())
def test_undo_restores_how_all_items_stood_before(events, more, data):
    events = stored(*events)
    before = standings(events)
    bulk = [one.model_copy(update={"op": f"late-{one.op}", "bulk": "bulk-late"}) for one in more if one.action != "undo"]
    undo = event("undo", data.draw(st.sampled_from(["", "pair-1"])), "cy", undoes="bulk-late", op="undo-late")

    after = standings(stored(*events, *bulk, undo))

    assert {item: one.model_copy(update={"seq": 0}) for item, one in after.items() if item in before} == {
        item: one.model_copy(update={"seq": 0}) for item, one in before.items()
    }
    assert {one.state for item, one in after.items() if item not in before} <= {"undecided"}
    assert {one.seq for item, one in after.items() if item in {late.item for late in bulk}} <= {len(events) + len(bulk) + 1}


def units(*raters):
    """Turn one row of ratings for each rater, with dots for missing ones, into units."""
    columns = zip(*(row.split() for row in raters), strict=True)
    return [{str(rater): rating for rater, rating in enumerate(column) if rating != "."} for column in columns]


@pytest.mark.parametrize(
    ("rows", "alpha"),
    [  # Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", sections A to C
        (["0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"], 0.095),
        (["a a b b d c c c e d d a", "b a b b b c c c e d d d"], 0.692),
        (
            [
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ],
            0.743,
        ),
    ],
)
def test_alpha_is_that_of_known_tables(rows, alpha):
    assert krippendorff(units(*rows)) == pytest.approx(alpha, abs=5e-4)


@pytest.mark.parametrize("rows", [["a a a", "a a a"], ["a b .", ". . c"], []])
def test_alpha_of_nothing_to_compare_is_none(rows):
    assert krippendorff(units(*rows)) is None


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["accept", "reject", "edit"]), max_size=4), max_size=12))
def test_alpha_is_at_most_one_and_does_not_care_who_rated_first(rated):
    found = krippendorff(rated)

    assert found is None or found <= 1 + 1e-12
    assert krippendorff([dict(reversed(unit.items())) for unit in reversed(rated)]) == pytest.approx(found)


def test_agreement_is_told_for_each_two_reviewers_and_over_all():
    both = [("accept", "accept"), ("accept", "accept"), ("reject", "reject"), ("edit", "repair"), ("accept", "reject"), ("accept", "skip")]
    events = [
        event(action, f"pair-{place}", name) for place, words in enumerate(both) for action, name in zip(words, ("bob", "ann"), strict=True)
    ]
    found = agreement(stored(*events, event("accept", "pair-9", "cy")))
    (two,) = found.pairs

    assert (two.first, two.second, two.n, two.equal) == ("ann", "bob", 5, 4)
    assert two.kappa == pytest.approx(cohen([[2, 0, 0], [1, 1, 0], [0, 0, 1]]).kappa)
    assert found.rated == {"ann": 5, "bob": 6, "cy": 1}
    assert found.shared == 5
    assert found.disputed == ("pair-4",)
    assert found.as_json()["pairs"][0]["kappa"] == two.kappa
    assert two.sentence.startswith("ann and bob agree on 4 of 5; kappa 0.6")


def test_agreement_takes_how_items_stand_from_whoever_knows_it(tmp_path, monkeypatch):
    events = stored(event("accept"), event("reject", reviewer="bob"), event("accept", "pair-2"))
    wanted = agreement(events)
    with ReviewLog(tmp_path) as log:
        log.append(events)

    def folded_again(_: object) -> None:
        pytest.fail("the log was folded again")

    monkeypatch.setattr(agreed, "standings", folded_again)

    assert agreement(events, standings(events)) == wanted == status(tmp_path).agreed
    assert review(tmp_path)["shared"] == 1


def test_a_final_word_settles_a_dispute_and_does_not_make_reviewers_agree():
    events = [event("accept"), event("reject", reviewer="bob")]
    before = agreement(stored(*events))
    after = agreement(stored(*events, event("reject", reviewer="ann", final=True)))

    assert before.disputed == ("pair-1",)
    assert after.disputed == ()
    assert after.pairs == before.pairs
    assert after.alpha == before.alpha


def test_reviewers_who_only_ever_accept_have_no_kappa():
    found = agreement(stored(event(), event(reviewer="bob")))

    assert found.pairs[0].kappa is None
    assert found.alpha is None
    assert "no kappa" in found.pairs[0].sentence


def test_nobody_has_said_anything():
    assert agreement([]).as_json() == {"rated": {}, "shared": 0, "pairs": [], "alpha": None, "disputed": []}
