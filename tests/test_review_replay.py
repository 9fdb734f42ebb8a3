"""Decisions of people, done again to whatever a generation made: as pure functions, at the gates, and in a real run."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.cli import look as cli
from builder.curation.ground import ground
from builder.curation.screen import screen
from builder.dedup import dedup, reviewed_first
from builder.judge_stage import is_wanted
from builder.lineage import explain
from builder.pipeline import Run, check_funnel, run, status
from builder.recipe_file import load_recipe
from builder.review.accepted import ACCEPTED, EDITED, REPAIRED, is_accepted
from builder.review.fold import standings
from builder.review.log import ReviewLog
from builder.review.repair import Problem, draft_in, id_after
from builder.review.replay import Outcome, must_not_be_learnt, reads, replayed
from builder.select import select, without_doubtful
from builder.store import read_records
from schemas.curation_filters import GroundSection, ScreenSection
from schemas.curation_judge import JudgeSection
from schemas.records import Document, Draft, Dropped, Evidence, Pair, Provenance, Reason
from schemas.review import Texts, said_key
from tests.review_events import event, logs, stored

TEXT = "A boat may be lent for 3 days. The deposit is 40 euros."
PAGE = Document.of(path="boats.md", title="Boats", format="md", text=TEXT, raw=b"")


def pair(number: int = 0, **changes) -> Pair:
    made = Provenance(document_id=PAGE.id, chunk_id=changes.pop("chunk_id", f"chunk-{number}"), generator="test")
    given = {"instruction": f"How long may boat {number} be lent?", "output": f"For {number} days.", **changes}
    draft = Draft.of(task="qa", group=f"group-{number}", form="plain", quotes=(), provenance=made, grounding="none",
                     instruction=given["instruction"], output=given["output"])  # fmt: skip
    return Pair(**draft.model_dump(exclude={"quotes", "spans"}) | {"evidence": ()} | changes)


def draft(number: int, **changes) -> Draft:
    one = pair(number, **changes)
    return Draft(quotes=(), **{name: getattr(one, name) for name in Draft.model_fields if name not in ("quotes", "spans")})


def repair(item: Pair | Draft, texts: Texts) -> Pair | list[Problem]:
    """Make a pair of any text that is not blank."""
    if not texts.output.strip():
        return [Problem(field="output", message="output is blank", reason=Reason.BLANK)]
    flag = EDITED if isinstance(item, Pair) else REPAIRED
    same = {name: getattr(item, name) for name in Draft.model_fields if name not in ("quotes", "spans")}
    new = {"id": id_after(item, texts), "instruction": texts.instruction, "output": texts.output, "flags": (*item.flags, flag)}
    return Pair(**same | new, evidence=())


def said(item: Pair | Draft, action: str, who: str = "ann", **more):
    return event(action, item.id, who, key=said_key(item), **more)


def replay(pairs, drafts, *events) -> tuple[list[Pair | Dropped], Outcome]:
    outcome = Outcome()
    records = list(replayed(pairs, drafts, standings=standings(stored(*events)), repair=repair, outcome=outcome))
    return records, outcome


def answer(text: str, item: Pair | Draft) -> Texts:
    return Texts.of(item).model_copy(update={"output": text})


# What becomes of an item


def test_without_decisions_every_pair_goes_on_as_it_is_and_no_failed_draft_is_read():
    def unread() -> Iterator[Draft]:
        raise AssertionError("read")
        yield

    pairs = [pair(1), pair(2)]

    assert replay(pairs, unread()) == (pairs, Outcome())


def test_what_was_rejected_leaves_with_the_reason_and_who_said_so():
    records, outcome = replay([pair(1), pair(2)], [], said(pair(1), "reject", "bob"), said(pair(1), "reject", "ann"))

    assert isinstance(records[0], Dropped)
    assert (records[0].stage, records[0].reason) == ("review", Reason.REJECTED)
    assert records[0].detail == "The answer is wrong; rejected by ann, bob"
    assert records[1:] == [pair(2)]
    assert outcome.as_json() == {"done": {"rejected": 1}}


def test_an_accepted_pair_carries_a_flag_and_an_edited_one_its_new_texts():
    new = answer("For a week.", pair(2))

    records, outcome = replay([pair(1), pair(2)], [], said(pair(1), "accept"), said(pair(2), "edit", after=new))

    assert [record.flags for record in records if isinstance(record, Pair)] == [(ACCEPTED,), (EDITED,)]
    assert (records[1].id, records[1].output) == (id_after(pair(2), new), "For a week.")
    assert outcome.done == {"accepted": 1, "edited": 1}


def test_what_an_edit_made_may_be_decided_on_in_its_turn():
    new = answer("For a week.", pair(1))
    made = repair(pair(1), new)
    assert isinstance(made, Pair)

    (record,), _ = replay([pair(1)], [], said(pair(1), "edit", after=new), said(made, "reject"))

    assert isinstance(record, Dropped)
    assert record.record["output"] == "For a week."


def test_what_a_repair_made_may_be_decided_on_in_its_turn():
    new = answer("For a week.", draft(1))
    made = repair(draft(1), new)
    assert isinstance(made, Pair)

    (_, refused), outcome = replay([pair(9)], [draft(1)], said(draft(1), "repair", after=new), said(made, "reject"))
    (_, edited), _ = replay(
        [pair(9)], [draft(1)], said(draft(1), "repair", after=new), said(made, "edit", after=answer("For two weeks.", made))
    )

    assert isinstance(refused, Dropped)
    assert (refused.stage, refused.record["output"]) == ("review", "For a week.")
    assert (outcome.added, outcome.gone) == (1, 0)
    assert isinstance(edited, Pair)
    assert edited.output == "For two weeks."


def test_a_repair_that_changes_the_quotes_alone_is_done_once():
    quoted = Texts.of(draft(1)).model_copy(update={"quotes": ("For 3 days.",)})

    (_, record), outcome = replay([pair(9)], [draft(1)], said(draft(1), "repair", after=quoted))

    assert (record.id, record.flags) == (draft(1).id, (REPAIRED,))
    assert outcome.done == {"repaired": 1}


def test_two_edits_that_undo_each_other_come_to_an_end():
    new = answer("For a week.", pair(1))
    made = repair(pair(1), new)
    assert isinstance(made, Pair)

    records, _ = replay([pair(1)], [], said(pair(1), "edit", after=new), said(made, "edit", after=Texts.of(pair(1))))

    assert [record.id for record in records] == [pair(1).id]


def test_a_failed_draft_comes_in_when_a_person_repairs_or_accepts_it_and_stays_out_when_rejected():
    failed = [draft(1), draft(2), draft(3), draft(4)]

    records, outcome = replay(
        [pair(9)], failed,
        said(failed[0], "repair", after=answer("For a week.", failed[0])), said(failed[1], "accept"), said(failed[2], "reject"),
    )  # fmt: skip

    assert [(record.output, record.flags) for record in records[1:] if isinstance(record, Pair)] == [
        ("For a week.", (REPAIRED,)),
        ("For 2 days.", (ACCEPTED,)),
    ]
    assert (outcome.added, outcome.gone) == (2, 0)


def test_changed_texts_that_make_no_valid_pair_are_dropped_with_the_reason_of_the_validator():
    records, outcome = replay(
        [pair(1)], [draft(2)], said(pair(1), "edit", after=answer(" ", pair(1))), said(draft(2), "repair", after=answer("", draft(2)))
    )

    assert all(isinstance(record, Dropped) and record.reason is Reason.BLANK for record in records)
    assert records[0].detail == "as ann left it: output is blank"
    assert (outcome.invalid, outcome.added) == (2, 1)


def test_a_decision_finds_what_says_the_same_under_another_id_and_only_if_its_own_item_is_gone():
    old, new = pair(1), pair(1, chunk_id="chunk-of-the-new-edition")

    moved, outcome = replay([new], [], said(old, "reject"))
    both, _ = replay([old, new], [], said(old, "reject"))

    assert [type(record) for record in moved] == [Dropped]
    assert (outcome.moved, outcome.gone) == (1, 0)
    assert [type(record) for record in both] == [Dropped, Pair]


def test_decisions_on_what_is_gone_and_open_ones_do_nothing_and_are_told():
    records, outcome = replay(
        [pair(1), pair(2)], [],
        said(pair(7), "accept"), said(pair(1), "accept"), said(pair(1), "reject", "bob"), said(pair(2), "skip"),
    )  # fmt: skip

    assert records == [pair(1), pair(2)]
    assert outcome.notices == [
        "review: undecided as yet (kilopair review shows them): 1 disputed, 1 skipped",
        "review: decisions on what is no longer there, kept without effect: 1",
    ]


def test_an_edit_whose_texts_were_forgotten_changes_nothing():
    forgotten = said(pair(1), "edit", after=answer("For a week.", pair(1))).erased()

    assert replay([pair(1)], [], forgotten)[0] == [pair(1)]


def test_what_one_reviewer_calls_confidential_is_told_from_other_rejections():
    secret = [said(pair(1), "reject", reason="confidential"), said(pair(1), "reject", "bob", reason="style")]

    records, _ = replay([pair(1), pair(2)], [], *secret, said(pair(2), "reject"))

    assert [must_not_be_learnt(record) for record in records if isinstance(record, Dropped)] == [True, False]


def test_copies_that_share_an_id_share_the_decision():
    records, _ = replay([pair(1), pair(1)], [], said(pair(1), "reject"))

    assert [record.reason for record in records if isinstance(record, Dropped)] == [Reason.REJECTED] * 2


@given(logs(), st.permutations([1, 2]), st.randoms())
@settings(max_examples=40, deadline=None)
def test_no_record_is_lost_and_the_order_of_what_is_known_decides_nothing(events, order, random):
    pairs = [pair(number, id=f"pair-{number}") for number in order]
    drafts = [draft(3, id="draft-3")]
    known = standings(stored(*events))
    shuffled = dict(random.sample(sorted(known.items()), len(known)))

    outcome, other = Outcome(), Outcome()
    records = list(replayed(pairs, drafts, standings=known, repair=repair, outcome=outcome))
    again = list(replayed(pairs, drafts, standings=shuffled, repair=repair, outcome=other))

    assert (again, other) == (records, outcome)
    assert len(records) == len(pairs) + outcome.added
    assert [record.provenance.chunk_id if isinstance(record, Pair) else record.record["provenance"]["chunk_id"] for record in records] == [
        one.provenance.chunk_id for one in [*pairs, *drafts][: len(records)]
    ]
    assert reads(known) == reads(shuffled)


def test_only_what_changes_the_result_is_part_of_its_name():
    first = said(pair(1), "accept")
    nothing = [said(pair(2), "skip"), said(pair(3), "note"), said(pair(1), "accept", "bob")]

    assert reads(standings(stored(*nothing[:2]))) == []
    assert reads(standings(stored(first))) == reads(standings(stored(first, *nothing)))
    assert reads(standings(stored(first))) != reads(standings(stored(said(pair(1), "reject"))))


# The gates


def accepted(one: Pair, flag: str = ACCEPTED) -> Pair:
    return one.model_copy(update={"flags": (*one.flags, flag)})


@pytest.mark.parametrize("flag", [ACCEPTED, EDITED, REPAIRED])
def test_no_rule_drops_what_a_person_accepted_but_the_rules_on_secrets_do(flag):
    odd = pair(1, instruction="What does the passage say on boats?", flags=("doubt_leans",))
    secret = pair(2, output="Use the key AKIAIOSFODNN7EXAMQLE with secret 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 for it.")
    number = pair(3, output="A boat may be lent for 5 days.", grounding="quoted", evidence=(Evidence.of(PAGE, 0, 30),))
    documents, all_judged = {PAGE.id: PAGE}, JudgeSection(pairs="all")

    def left(one: Pair) -> list[str]:
        gates = (
            without_doubtful([one]),
            screen([one], settings=ScreenSection()),
            ground([one], documents=documents, settings=GroundSection()),
        )
        return [str(record.reason) for gate in gates for record in gate if isinstance(record, Dropped)]

    assert (left(odd), left(number)) == (["doubtful", "refers_to_text"], ["ungrounded_number"])
    assert (left(accepted(odd, flag)), left(accepted(number, flag))) == ([], [])
    assert left(accepted(secret, flag)) == left(secret) == ["secret"]
    assert is_wanted(odd, all_judged)
    assert not is_wanted(accepted(odd, flag), all_judged)


def test_of_copies_the_accepted_one_stays_however_good_the_others_are():
    same = {"instruction": "How long may a boat be lent?", "output": "For 3 days."}
    first, better, mine = pair(1, **same), pair(2, **same, scores={"rating": 9.0}), accepted(pair(3, **same))

    def by(pairs, **given):
        return dedup(pairs, threshold=0.7, quality=lambda one: one.scores.get("rating", 0.0), **given)

    records = list(reviewed_first([first, better, mine], related=[(0, 2, 0.99)], dedup_by=by))

    assert [isinstance(record, Pair) for record in records] == [False, False, True]
    assert all(mine.id in record.detail for record in records if isinstance(record, Dropped))


def test_of_two_accepted_copies_one_stays():
    same = {"instruction": "How long may a boat be lent?", "output": "For 3 days."}
    mine = [accepted(pair(1, **same)), accepted(pair(2, **same))]

    records = list(reviewed_first(mine, related=(), dedup_by=lambda pairs, **given: dedup(pairs, threshold=0.7, **given)))

    assert [type(record) for record in records] == [Pair, Dropped]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_accepted_pairs_are_chosen_before_all_others_whatever_the_limits_up_to_the_target(rows, target, seed):
    pairs = [pair(n, group=f"fact-{fact}", flags=(ACCEPTED,) if mine else ()) for n, (fact, mine) in enumerate(rows)]

    records = list(select(pairs, target=target, per_fact=2, per_document=0.3, per_task=0.3, per_opening=0.3, seed=seed))

    chosen = [record for record in records if isinstance(record, Pair)]
    mine = sum(map(is_accepted, pairs))
    assert [record.id for record in records] == [one.id for one in pairs]
    assert sum(map(is_accepted, chosen)) == min(mine, target)
    assert len(chosen) <= target
    assert sorted(one.scores["pick"] for one in chosen) == list(range(1, len(chosen) + 1))
    theirs = [one.scores["pick"] for one in chosen if is_accepted(one)]
    assert max(theirs, default=0) == len(theirs)


# A run


PAGES = {
    "ferry.md": "# Ferry\n\n## Boarding\n\nBoarding opens 35 minutes before departure and closes 5 minutes before departure. Foot passengers "
    "board over the forward ramp.\n\n## Rafts\n\nEvery life raft is inspected every 12 months. The inspection is recorded in the raft log "
    "within 24 hours.\n",
    "tariff.md": "# Tariff\n\n## Passengers\n\nAn adult pays 9 euros for a crossing. A book of ten crossings costs 78 euros and is valid "
    "for 18 months.\n",
}
WRITTEN = [
    {"instruction": "According to the passage above, when does the last ferry leave?", "output": "The last ferry leaves at 22:10."},
    {"instruction": "Who may cancel a crossing?", "output": "The master may cancel a crossing."},
]


class Project:
    """A folder with a recipe, run up to the choice as often as one likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "pages").exists():
            self._write(folder)
        self.done = self.run()

    def _write(self, folder: Path) -> None:
        (folder / "pages").mkdir(parents=True)
        for name, text in PAGES.items():
            (folder / "pages" / name).write_text(text, encoding="utf-8")
        (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in WRITTEN), encoding="utf-8")
        (folder / "recipe.yaml").write_text(
            "documents: {path: pages}\ngenerate: {existing: [{path: own.jsonl}]}\n"
            "curate: {target: 12, per_document: 1.0, per_task: 1.0, per_opening: 1.0}\n"
        )

    def run(self) -> Run:
        self.done = run(load_recipe(self.folder / "recipe.yaml"), self.folder, until="split")
        check_funnel(self.done.outputs)
        return self.done

    def pairs(self, stage: str) -> list[Pair]:
        return list(read_records(self.done.outputs[stage].folder / "pairs.jsonl", Pair))

    def quarantine(self, stage: str) -> list[Dropped]:
        return list(read_records(self.done.outputs[stage].folder / "quarantine.jsonl", Dropped))

    def say(self, *events) -> None:
        with ReviewLog(self.done.workspace) as log:
            log.append(events)

    @property
    def counts(self) -> dict:
        return self.done.outputs["curate"].counts


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Project(tmp_path_factory.mktemp("ferries") / "project").folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Project:
    shutil.copytree(finished, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


def test_a_run_does_what_people_decided_adds_up_and_does_it_once(project):
    chosen, before = project.pairs("curate"), project.done.outputs["curate"].folder
    left = [one for one in project.pairs("validate") if one.id not in {pair.id for pair in chosen}][:2]
    unseen = next(draft for dropped in project.quarantine("validate") if (draft := draft_in(dropped)))
    fixed = Texts.of(unseen).model_copy(update={"instruction": "When does the last ferry leave?"})
    project.say(said(chosen[0], "skip"), said(chosen[0], "note", note="hm"))

    assert project.run().outputs["curate"].folder == before

    reworded = answer(f"{chosen[2].output} Always.", chosen[2])
    project.say(
        said(chosen[1], "reject", reason="outdated"), said(chosen[2], "edit", after=reworded), said(unseen, "repair", after=fixed),
        *(said(one, "accept") for one in left),
    )  # fmt: skip
    project.run()

    now = {one.id: one for one in project.pairs("curate")}
    assert chosen[1].id not in now
    assert chosen[2].id not in now
    assert EDITED in now[id_after(chosen[2], reworded)].flags
    assert now[id_after(chosen[2], reworded)].evidence == chosen[2].evidence
    assert now[id_after(unseen, fixed)].flags == (REPAIRED,)
    assert {one.id for one in left} <= now.keys()
    assert len(now) <= 12
    assert project.counts["added"] == 1
    assert project.counts["dropped"]["rejected"] == 1
    assert project.counts["review"] == {
        "done": {"accepted": 2, "edited": 1, "rejected": 1, "repaired": 1}, "added": 1, "open": {"skipped": 1},
    }  # fmt: skip
    assert "review: undecided as yet (kilopair review shows them): 1 skipped" in project.counts["notices"]
    made = project.done.outputs["curate"]
    again = project.run().outputs["curate"]
    assert (again.folder, again.fresh) == (made.folder, False)


def test_what_people_accepted_and_is_not_chosen_all_the_same_is_told(project):
    valid = project.pairs("validate")
    project.say(*(said(one, "accept") for one in valid))

    project.run()

    gone = [dropped for dropped in project.quarantine("curate") if dropped.stage == "select"]
    assert len(project.pairs("curate")) == 12
    assert all(map(is_accepted, project.pairs("curate")))
    assert {dropped.reason for dropped in gone} <= {Reason.NOT_SELECTED, Reason.OVER_CAP}
    assert "review: accepted pairs that left all the same" in " ".join(project.counts["notices"])


def test_status_says_that_decisions_wait_for_the_next_run_and_curate_what_it_did(project):
    def status_of() -> str:
        done = CliRunner().invoke(cli.status, [str(project.folder / "recipe.yaml")])
        assert done.exit_code == 0, done.output
        return done.output

    assert "decisions" not in status_of()
    project.say(said(project.pairs("curate")[0], "reject"), said(project.pairs("curate")[1], "accept"))
    assert "note: decisions of kilopair review that curate does when it runs: 2" in status_of()
    project.run()

    assert "distinct pairs, by people: 1 accepted, 1 rejected; " in status_of()


def test_taking_all_decisions_back_brings_the_former_output_back(project):
    before = project.done.outputs["split"]
    refused = said(project.pairs("curate")[0], "reject")
    project.say(refused)
    assert status(load_recipe(project.folder / "recipe.yaml"), project.folder)["curate"] is None
    assert project.run().outputs["split"].content != before.content

    project.say(event("undo", refused.item, undoes=refused.op))

    assert project.run().outputs["split"].folder == before.folder
    assert not project.done.outputs["split"].fresh


def test_decisions_outlive_a_new_edition_of_their_document(project):
    old = [one for one in project.pairs("validate") if "raft" in one.output.lower()]
    project.say(*(said(one, "reject") for one in old))
    page = project.folder / "pages" / "ferry.md"
    page.write_text("# Ferry\n\n## Fog\n\nThe ferry sails at most 8 knots in fog.\n" + page.read_text().removeprefix("# Ferry\n"))

    project.run()

    new, refused = project.pairs("validate"), {said_key(one) for one in old}
    gone = [Pair.model_validate(dropped.record).id for dropped in project.quarantine("curate") if dropped.stage == "review"]
    assert not {one.id for one in old} & {one.id for one in new}
    assert gone == [one.id for one in new if said_key(one) in refused]
    assert len(gone) > len(old) / 2
    assert project.counts["review"]["moved"] == len(gone)
    assert project.counts["review"].get("gone", 0) == len(old) - len(gone)


def test_explain_tells_what_people_said_of_a_pair_and_of_what_they_made_of_it(project):
    first, second = project.pairs("curate")[:2]
    new = answer(f"{second.output} Always.", second)
    project.say(said(first, "reject", "bob", reason="style", note="too\nlong"), said(second, "edit", after=new))
    project.run()

    def told(name: str) -> str:
        return explain(project.done.workspace, name).as_text()

    assert "dropped at review: rejected (Not our voice: too long, too short, tone; rejected by bob)" in told(first.id)
    assert "bob: reject, Not our voice: too long, too short, tone; too long" in told(first.id)
    assert f"changed by a person, to {id_after(second, new)}" in told(second.id)
    assert "ann: edit" in told(id_after(second, new))
    assert explain(project.done.workspace, first.id).as_json()["review"][0]["reviewer"] == "bob"
