"""The review server over loopback: lists, cards, decisions, bulk actions, checks, and what other tabs are told."""

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.review.indexing import made_index
from builder.review.log import ReviewLog
from builder.review.sources import Sources
from schemas.recipe import Recipe
from schemas.records import Pair
from schemas.review import said_key
from tests.review_browser import open_chromium
from tests.review_side import Made, Reviewer, event, made, served


@pytest.fixture(scope="module")
def dataset() -> Made:
    return made()


@pytest.fixture(scope="module")
def written(dataset: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recipe]:
    folder = tmp_path_factory.mktemp("review")
    recipe = dataset.write(folder)
    made_index(Sources.of(folder))
    return folder, recipe


@pytest.fixture
def workspace(tmp_path: Path, written: tuple[Path, Recipe]) -> tuple[Path, Recipe]:
    """A workspace of the test's own."""
    shutil.copytree(written[0], tmp_path, dirs_exist_ok=True, symlinks=True)
    return tmp_path, written[1].model_copy(update={"workspace": str(tmp_path)})


@pytest.fixture
def ann(workspace: tuple[Path, Recipe]) -> Iterator[Reviewer]:
    with served(*workspace) as url:
        yield Reviewer(url)


def log_of(workspace: tuple[Path, Recipe]) -> list[tuple[str, str, str]]:
    with ReviewLog(workspace[0]) as log:
        return [(event.reviewer, event.action, event.item) for event in log.events()]


def texts(pair: Pair, **changed: str) -> dict[str, str]:
    return {"instruction": pair.instruction, "input": pair.input, "output": pair.output, **changed}


def test_the_page_and_what_it_loads_are_there(ann: Reviewer):
    page = ann.http.get("/").text

    for name in [part.split('"')[0] for part in page.split('"/static/')[1:]]:
        assert ann.http.get(f"/static/{name}").status_code == 200, name


def test_facets_count_every_item_by_what_it_is(ann: Reviewer, dataset: Made):
    facets = ann.get("/api/facets")

    assert facets["total"] == len(dataset.chosen) + len(dataset.left_out) + len(dataset.failed)
    assert {one["name"]: one["n"] for one in facets["wheres"]} == {"chosen": 31, "left_out": 5, "quarantined": 2}
    assert [one["name"] for one in facets["documents"]] == [document.path for document in dataset.documents]
    assert facets["states"] == [{"name": "undecided", "n": facets["total"]}]


def test_a_list_is_filtered_sorted_and_paged(ann: Reviewer, dataset: Made):
    path = dataset.documents[1].path
    first = ann.get("/api/items", where="chosen", document=path, sort="order", limit=4)
    rest = ann.get("/api/items", where="chosen", document=path, sort="order", limit=100, offset=4)

    wanted = [pair.id for pair in dataset.chosen if pair.provenance.document_id == dataset.documents[1].id]
    assert [row["id"] for row in [*first["rows"], *rest["rows"]]] == wanted
    assert first["total"] == rest["total"] == len(wanted)


@pytest.mark.parametrize("query", [{"sort": "nicest"}, {"state": "great"}, {"limit": "0"}, {"offset": "-1"}, {"min_score": "much"}])
def test_a_question_that_means_nothing_is_answered_with_a_sentence(ann: Reviewer, query: dict[str, str]):
    reply = ann.http.get("/api/items", params=query)

    assert reply.status_code == 400
    assert next(iter(query)) in reply.json()["error"]


def test_a_card_holds_the_passage_with_its_evidence_and_its_page(ann: Reviewer, dataset: Made):
    pair = dataset.chosen[0]
    card = ann.get(f"/api/item/{pair.id}")

    source = card["source"]
    assert [source["text"][span["start"] : span["end"]] for span in source["evidence"]] == [pair.evidence[0].quote]
    assert source["headings"] == ["Manual 0", "Part 0"]
    assert source["page"] == "page 2"
    assert card["where"] == "chosen"
    assert card["split"] == "train"
    assert card["standing"]["state"] == "undecided"
    assert {one.id for one in dataset.chosen[1:4]} < {other["id"] for other in card["same_passage"]}


def test_a_card_of_a_failed_draft_says_at_which_field_it_failed(ann: Reviewer):
    item = ann.get("/api/items", where="quarantined")["rows"][0]["id"]
    card = ann.get(f"/api/item/{item}")

    assert card["kind"] == "draft"
    assert [problem["field"] for problem in card["problems"]] == ["output"]


def test_a_failed_draft_is_checked_repaired_and_stored(ann: Reviewer, dataset: Made):
    item = ann.get("/api/items", where="quarantined")["rows"][0]["id"]
    good = {"instruction": "Where is it kept?", "output": dataset.chosen[0].evidence[0].quote}

    assert ann.post("/api/check", {"item": item, "texts": good | {"output": ""}})["problems"][0]["field"] == "output"
    checked = ann.post("/api/check", {"item": item, "texts": good})
    assert (checked["problems"], checked["pair"]["output"]) == ([], good["output"])
    assert ann.decide(event("repair", item, after=good))["standings"][item]["state"] == "repaired"


def test_a_decision_is_stored_with_who_when_and_what_it_is_about(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    pair = dataset.chosen[0]
    told = ann.decide(event("reject", pair.id, reason="wrong"))

    with ReviewLog(workspace[0]) as log:
        stored = next(log.events())
    assert (stored.reviewer, stored.key, stored.document) == ("ann", said_key(pair), pair.provenance.document_id)
    assert told["standings"][pair.id]["state"] == "rejected"
    assert told["progress"]["decided"] == 1
    assert [row["id"] for row in ann.get("/api/items", state="rejected")["rows"]] == [pair.id]


def test_the_same_decision_sent_again_is_stored_once(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    one = event("accept", dataset.chosen[0].id)

    assert ann.decide(one)["stored"] == ann.decide(one)["stored"]
    assert len(log_of(workspace)) == 1


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        ({"item": "pair-0000000000000000"}, 404),
        ({"action": "reject"}, 400),
        ({"action": "marry"}, 400),
        ({"action": "undo", "undoes": "op-never-was"}, 400),
        ({"action": "edit", "after": {"instruction": " ", "output": "x"}}, 422),
    ],
)
def test_a_batch_with_one_bad_event_writes_nothing(
    ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made, bad: dict[str, object], status: int
):
    good = [event("accept", pair.id) for pair in dataset.chosen[:3]]
    reply = ann.http.post("/api/decisions", json={"events": [*good, event("accept", dataset.chosen[4].id) | bad]})

    assert reply.status_code == status
    assert "\n" not in reply.json()["error"]
    assert log_of(workspace) == []


def test_nobody_decides_in_the_name_of_another(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    ann.decide(event("accept", dataset.chosen[0].id, reviewer="bob", key="said-by-me", seq=99))

    with ReviewLog(workspace[0]) as log:
        stored = next(log.events())
    assert (stored.reviewer, stored.key, stored.seq) == ("ann", said_key(dataset.chosen[0]), 1)


def test_an_edit_keeps_what_was_there_before(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    pair = dataset.chosen[0]
    ann.decide(event("edit", pair.id, after=texts(pair, instruction="Where would I find it?")))

    with ReviewLog(workspace[0]) as log:
        stored = next(log.events())
    assert stored.before is not None
    assert (stored.before.instruction, stored.before.output) == (pair.instruction, pair.output)


def test_whoever_decides_without_having_seen_another_word_is_told(ann: Reviewer, dataset: Made):
    bob = Reviewer(str(ann.http.base_url) + "/?token=" + next(iter(ann.http.cookies.jar)).value, "bob")
    pair = dataset.chosen[0]
    seen = ann.decide(event("accept", pair.id))["stored"][0]["seq"]

    assert bob.decide(event("reject", pair.id, reason="wrong"))["conflicts"] == [
        {"item": pair.id, "by": "ann", "action": "accept", "seq": seen}
    ]
    assert bob.decide(event("accept", pair.id, base=seen))["conflicts"] == []


def test_another_tab_is_told_what_changed(ann: Reviewer, dataset: Made):
    before = ann.get("/api/changes", after=0)
    ann.decide(*(event("accept", pair.id) for pair in dataset.chosen[:2]))
    after = ann.get("/api/changes", after=before["seq"])

    assert before == {"seq": 0, "standings": {}, "reload": False, "dataset": before["dataset"]}
    assert after["standings"].keys() == {pair.id for pair in dataset.chosen[:2]}
    assert ann.get("/api/changes", after=after["seq"])["standings"] == {}


def test_a_bulk_action_is_about_what_its_reviewer_saw_and_is_undone_as_one(ann: Reviewer, dataset: Made):
    asked = {"where": "chosen", "document": dataset.documents[0].path, "state": "undecided"}
    total = ann.get("/api/items", **asked)["total"]
    request = {"filter": asked, "expect": total, "action": "reject", "reason": "outdated", "op": "bulk-one-1"}

    assert ann.http.post("/api/bulk", json=request | {"expect": total + 1}).status_code == 409
    assert ann.post("/api/bulk", request)["n"] == total
    assert ann.post("/api/bulk", request)["n"] == total  # sent again, as the answer was lost
    assert ann.get("/api/items", state="rejected")["total"] == total
    undone = ann.decide(event("undo", dataset.chosen[0].id, undoes="bulk-one-1"))
    assert {standing["state"] for standing in undone["standings"].values()} == {"undecided"}
    assert len(undone["standings"]) == total
    assert ann.get("/api/items", state="rejected")["total"] == 0


@pytest.mark.parametrize("wrong", [{"action": "edit"}, {"action": "reject"}, {"op": "x"}, {"op": "x" * 60}, {"filter": {"state": "nice"}}])
def test_a_bulk_action_that_means_nothing_is_refused(ann: Reviewer, workspace: tuple[Path, Recipe], wrong: dict[str, object]):
    request = {"filter": {}, "expect": 38, "action": "accept", "op": "bulk-one-1"} | wrong

    assert ann.http.post("/api/bulk", json=request).status_code == 400
    assert log_of(workspace) == []


def test_progress_tells_how_far_and_how_fast(ann: Reviewer, dataset: Made):
    for minute in range(6):
        ann.decide(event("accept", dataset.chosen[minute].id, at=f"2026-01-01T10:0{minute}:00Z"))
    progress = ann.get("/api/progress")

    assert (progress["reviewer"], progress["decided"], progress["total"]) == ("ann", 6, len(dataset.chosen))
    assert progress["by_state"] == {"accepted": 6, "undecided": len(dataset.chosen) - 6}
    assert progress["pace"]["per_hour"] == 60
    assert progress["pace"]["left_minutes"] == len(dataset.chosen) - 6


def test_two_people_before_one_pair_know_of_each_other(ann: Reviewer, dataset: Made):
    bob = Reviewer(str(ann.http.base_url) + "/?token=" + next(iter(ann.http.cookies.jar)).value, "bob")
    one, other = dataset.chosen[0].id, dataset.chosen[1].id

    assert ann.post("/api/lease", {"item": one}) == {"holder": None}
    assert bob.post("/api/lease", {"item": one}) == {"holder": "ann"}
    assert ann.post("/api/lease", {"item": other}) == {"holder": None}  # ann went on
    assert bob.post("/api/lease", {"item": one}) == {"holder": None}


def test_the_document_is_shown_whole_escaped_and_with_its_evidence_marked(tmp_path: Path):
    dataset = made(documents=1)
    pair = dataset.chosen[0]
    with served(tmp_path, dataset.write(tmp_path)) as url:
        page = Reviewer(url).http.get(f"/document/{dataset.documents[0].id}", params={"item": pair.id}).text

    assert f'<mark id="e">{pair.evidence[0].quote}</mark>' in page
    assert "Part 2" in page


def test_what_is_not_there_is_said_in_json(ann: Reviewer):
    for path in ("/api/item/pair-none", "/document/doc-none", "/static/none.js", "/nowhere"):
        reply = ann.http.get(path)
        assert reply.status_code == 404, path
        assert reply.json()["error"]


@pytest.mark.parametrize("path", ["/api/decisions", "/api/playground/ask"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"events": 3}', b'{"events": [3]}', b"[" * 100_000, b'{"events": [{"op": "\\ud800"}]}']
)
def test_a_damaged_request_is_answered_with_a_sentence(ann: Reviewer, path: str, body: bytes):
    reply = ann.http.post(path, content=body)

    assert reply.status_code == 400
    assert reply.json()["error"]


def test_a_request_that_is_too_large_is_refused(ann: Reviewer):
    assert ann.http.post("/api/decisions", content=b" " * 9_000_000).status_code == 413


def test_decisions_of_another_process_are_seen_at_once(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    with ReviewLog(workspace[0]) as log, served(*workspace, name="bob") as url:
        Reviewer(url).decide(event("accept", dataset.chosen[0].id))
        assert log.last() == 1

    assert ann.get(f"/api/item/{dataset.chosen[0].id}")["standing"]["state"] == "accepted"
    assert ann.get("/api/items", state="accepted")["total"] == 1


def test_pages_are_json_that_any_client_can_read(ann: Reviewer, dataset: Made):
    reply = ann.http.get(f"/api/item/{dataset.chosen[0].id}")

    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.text)["id"] == dataset.chosen[0].id


def test_pairs_that_a_run_makes_anew_come_in_while_the_page_is_open(workspace: tuple[Path, Recipe]):
    folder = workspace[0]
    with served(*workspace) as url:
        ann = Reviewer(url)
        seen = ann.get("/api/changes", after=0)["dataset"]
        after = made(documents=1)
        after.write(folder)
        while (told := ann.get("/api/changes", after=0, dataset=seen))["dataset"] == seen:
            time.sleep(0.02)

        assert told["reload"]
        assert ann.get("/api/items", where="chosen")["total"] == len(after.chosen)
        assert not ann.get("/api/changes", after=0, dataset=told["dataset"])["reload"]
        assert ann.decide(event("accept", after.chosen[0].id))["progress"]["total"] == len(after.chosen)


def test_decisions_come_back_with_the_pairs_of_the_next_run(ferries: Path, tmp_path: Path):
    project = shutil.copytree(ferries, tmp_path / "ferries", symlinks=True)
    recipe = load_recipe(project / "recipe.yaml")
    with served(project / "workspace", recipe) as url:
        ann = Reviewer(url)
        chosen, left = (ann.get("/api/items", where=where, task="question_answering")["rows"] for where in ("chosen", "left_out"))
        edited, rejected, accepted = chosen[0]["id"], chosen[1]["id"], next(row["id"] for row in left if row["reason"] == "doubtful")
        before = ann.get(f"/api/item/{edited}")
        after = {"instruction": before["instruction"], "output": f"{before['output']} Always."}
        ann.decide(event("edit", edited, after=after), event("reject", rejected, reason="wrong"), event("accept", accepted))
        seen = ann.get("/api/changes", after=0)["dataset"]
        run(recipe, project, until="curate")
        while ann.get("/api/changes", after=0, dataset=seen)["dataset"] == seen:
            time.sleep(0.02)

        stood = {state: ann.get("/api/items", state=state)["rows"] for state in ("edited", "rejected", "accepted")}
        assert [(row["where"], row["answer"]) for row in stood["edited"]] == [("chosen", after["output"])]
        assert [(row["id"], row["where"], row["reason"]) for row in stood["rejected"]] == [(rejected, "left_out", "rejected")]
        assert [(row["id"], row["where"]) for row in stood["accepted"]] == [(accepted, "chosen")]
        card = ann.get(f"/api/item/{stood['edited'][0]['id']}")
        assert (card["standing"]["item"], card["standing"]["state"], len(card["events"])) == (card["id"], "edited", 1)


def test_the_card_of_what_an_edit_made_tells_what_was_said_before_and_since(workspace: tuple[Path, Recipe], dataset: Made):
    old = dataset.chosen[0]
    after = {"instruction": old.instruction, "input": "", "output": f"{old.output} Always."}
    new = {"id": "pair-00000000000000ed", "output": after["output"], "flags": ("edited",)}
    with served(*workspace) as url:
        ann = Reviewer(url)
        ann.decide(event("edit", old.id, after=after))
        seen = ann.get("/api/changes", after=0)["dataset"]
        replace(dataset, chosen=[old.model_copy(update=new), *dataset.chosen[1:]]).write(workspace[0])
        while ann.get("/api/changes", after=0, dataset=seen)["dataset"] == seen:
            time.sleep(0.02)

        told = ann.decide(event("note", new["id"], note="as agreed"))["standings"][new["id"]]
        card = ann.get(f"/api/item/{new['id']}")
        assert [(one["action"], one["item"]) for one in card["events"]] == [("edit", old.id), ("note", new["id"])]
        assert (told["state"], told["seq"]) == (card["standing"]["state"], card["standing"]["seq"]) == ("edited", 2)


@pytest.mark.parametrize("until", ["read", "validate"])
def test_a_run_that_has_chosen_nothing_yet_leaves_the_pairs_on_the_page(workspace: tuple[Path, Recipe], dataset: Made, until: str):
    with served(*workspace) as url:
        ann = Reviewer(url)
        seen = ann.get("/api/changes", after=0)["dataset"]
        made(documents=1).write(workspace[0], until=until)
        told = [ann.get("/api/changes", after=0, dataset=seen) for _ in range(10)]

        assert {one["dataset"] for one in told} == {seen}
        assert ann.get("/api/items", where="chosen")["total"] == len(dataset.chosen)


def test_scripts_in_a_row_come_in_one_request_in_their_order(ann: Reviewer):
    page = ann.http.get("/").text
    name = page.split('<script defer src="/static/')[1].split('"')[0]
    together = ann.http.get(f"/static/{name}")

    assert page.count("<script defer") == 1
    assert together.headers["content-type"].startswith("text/javascript")
    assert together.text == "\n".join(ann.http.get(f"/static/{one}").text for one in name.split("+"))
    for wrong in ("text.js+none.js", "text.js+kilopair.css", "text.js+", "+"):
        assert ann.http.get(f"/static/{wrong}").status_code == 404


def test_a_log_that_somebody_deletes_is_begun_anew(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    ann.decide(*(event("accept", pair.id) for pair in dataset.chosen[:3]))
    for path in workspace[0].glob("review.sqlite*"):
        path.unlink()

    assert ann.get("/api/items", state="accepted")["total"] == 0
    assert ann.get("/api/progress")["decided"] == 0
    assert ann.decide(event("reject", dataset.chosen[1].id, reason="style"))["progress"]["decided"] == 1
    assert ann.get("/api/items", state="rejected")["total"] == 1


def test_reviewers_who_decide_at_once_lose_nothing_and_store_nothing_twice(ann: Reviewer, workspace: tuple[Path, Recipe], dataset: Made):
    link = str(ann.http.base_url) + "/?token=" + next(iter(ann.http.cookies.jar)).value
    people = [Reviewer(link, name) for name in ("ann", "bob", "eve")]

    def decide(person: Reviewer) -> None:
        for pair in dataset.chosen[:8]:
            one = event("accept", pair.id)
            person.decide(one)
            person.decide(one)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(decide, people))

    stored = log_of(workspace)
    assert sorted(stored) == sorted((name, "accept", pair.id) for name in ("ann", "bob", "eve") for pair in dataset.chosen[:8])
    assert ann.get("/api/progress")["by_state"]["accepted"] == 8


@pytest.mark.slow
def test_the_document_is_drawn_as_its_markdown_with_the_evidence_in_view(tmp_path: Path):
    dataset = made(documents=1, chunks=30, facts=10)
    pair = dataset.chosen[250]
    with served(tmp_path, dataset.write(tmp_path)) as url, open_chromium() as chromium:
        page = chromium.new_context().new_page()
        page.goto(url)
        page.goto(f"{url.partition('/?')[0]}/document/{dataset.documents[0].id}?item={pair.id}#e")

        expect(page.locator(".leaf .passage .h2").first).to_have_text("Part 0")
        expect(page.locator("mark#e")).to_have_text(pair.evidence[0].quote)
        expect(page.locator("mark#e")).to_be_in_viewport()
        expect(page.locator("mark")).to_have_count(1)
