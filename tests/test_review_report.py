"""What the report, its Markdown and the cards say of the decisions of people."""

import re
from pathlib import Path

from builder.figures_in_words import generated
from builder.report.markdown import markdown
from builder.report.render import render
from builder.report.review import EDITS, review
from builder.report.story import told
from builder.review.log import ReviewLog
from tests.report_facts import PAIRS, facts, parts
from tests.review_events import event, texts


def reviewed(folder: Path, *events) -> dict:
    with ReviewLog(folder) as log:
        log.append(events)
    return review(folder)


def page(found: dict) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", render(told(facts(parts() | {"review": found}).as_json()))).split())


def test_without_a_review_nothing_is_said_and_no_file_is_made(tmp_path):
    assert review(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    assert "What people decided" not in page({})
    refused = event("reject", "pair-1")
    assert reviewed(tmp_path, refused, event("undo", "pair-1", undoes=refused.op)) == {}


def test_it_says_who_decided_what_why_and_how_far_they_agree(tmp_path):
    found = reviewed(
        tmp_path,
        *(event("accept", f"pair-{number}", name) for number in range(10, 19) for name in ("ann", "bob")),
        event("reject", "pair-3", "ann", reason="style"), event("reject", "pair-3", "bob", reason="style"),
        event("reject", "pair-4", "ann"), event("skip", "pair-5", "bob"),
    )  # fmt: skip
    text = page(found)

    assert found["states"] == {"accepted": 9, "rejected": 2, "skipped": 1}
    assert [(row["name"], row["accept"], row["reject"], row["skip"]) for row in found["reviewers"]] == [("ann", 9, 2, 0), ("bob", 9, 1, 1)]
    assert "People looked at 12 pairs and drafts in kilopair review : 9 accepted, 2 rejected, 1 skipped." in text
    assert "Rejected because: not our voice: too long, too short, tone (1); the answer is wrong (1)." in text
    assert "ann and bob agree on 10 of 10" in text
    assert "alpha over all 10 items that several people decided on: 1.00" in text
    assert (
        "## What people decided\n\n- of 12 reviewed pairs and drafts: 9 accepted, 2 rejected, 1 skipped\n- ann and bob agree"
        in markdown(told(facts(parts() | {"review": found}).as_json()))
    )


def test_edits_are_shown_word_by_word_the_newest_first_and_not_those_that_no_longer_stand(tmp_path):
    long = "The pier is closed in fog. " * 20
    old, new = texts(output=f"{long}There are <b>25</b> days. {long}"), texts(output=f"{long}There are <b>26</b> days. {long}")
    gone = event("edit", "pair-0", before=old, after=texts(output="gone"))
    found = reviewed(
        tmp_path, gone, event("undo", "pair-0", undoes=gone.op),
        *(event("edit", f"pair-{number}", before=old, after=new, note=f"note {number}") for number in range(1, 8)),
    )  # fmt: skip
    html = render(told(facts(parts() | {"review": found}).as_json()))

    assert [edit["note"] for edit in found["edits"]] == [f"note {number}" for number in range(7, 7 - EDITS, -1)]
    assert all(edit["fields"].keys() == {"output"} for edit in found["edits"])
    assert html.count("There are &lt;b&gt;<del>25</del><ins>26</ins>&lt;/b&gt; days.") == EDITS
    assert sum(len(part["text"]) for part in found["edits"][0]["fields"]["output"]) < 300


def test_the_cards_say_how_many_pairs_people_reviewed():
    flags = ((), ("accepted",), ("accepted", "fuzzy_quote"), ("edited",), ("repaired_by_person",))
    pairs = [PAIRS[0].model_copy(update={"flags": flag}) for flag in flags]

    assert generated(pairs).endswith(" People reviewed 4 of them: accepted 2 as they were, edited 1, repaired 1 that had failed a check.")
    assert "People" not in generated(pairs[:1])
