"""The pages that explore a run: what they show adds up, leads to the pairs, and is text whatever documents say."""

import re
import shutil
import uuid
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builder.lineage import split_pairs
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.report.coverage import coverage
from builder.review.changed import MOST, changed, likeness
from builder.review.explore_funnel import funnel_figures
from builder.review.explore_run import Run
from builder.store import read_json, read_records
from schemas.records import Chunk, Document
from tests.hostile_texts import MARKUP
from tests.review_pages import Client, reviewing, unsafe

PAGES = ("funnel", "documents", "clusters", "dataset", "disputes", "playground")


@pytest.fixture(scope="module")
def project(ferries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the ferry company that these tests may decide on."""
    return shutil.copytree(ferries, tmp_path_factory.mktemp("explore") / "ferries", symlinks=True)


@pytest.fixture(scope="module")
def ann(project: Path) -> Iterator[Client]:
    with reviewing(project) as client:
        yield client


def shown(page: str) -> str:
    """What a page says, without its elements."""
    text = re.sub(r"<(script|style)[^>]*>.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(text).split())


def matched(pattern: str, page: str) -> str:
    """The first group of what a pattern finds, which must be there."""
    found = re.search(pattern, page)
    assert found is not None, pattern
    return found.group(1)


def ids(page: str) -> list[str]:
    return re.findall(r"/\?id=(pair-[0-9a-f]{16})", page)


def event(item: str, action: str, **more: object) -> dict[str, object]:
    return {"op": uuid.uuid4().hex, "item": item, "action": action, **more}


def through(client: Client, path: str) -> Iterator[str]:
    """The pages that follow each other from a first one."""
    while path:
        page = client.page(path)
        yield page
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path = path.partition("?")[0] + unescape(following.group(1)) if following else ""


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_a_title_its_place_in_the_navigation_and_nothing_that_runs(ann: Client, name: str):
    page = ann.page(f"/explore/{name}")

    assert re.search(r"<h1>[^<]+</h1>", page)
    assert re.findall(r'aria-current="page">([^<]+)</a>\n', page)[0].lower() == name
    assert '<meta name="csrf" content="' in page


def test_hostile_documents_and_pairs_are_text_on_every_page_that_names_them(ann: Client):
    pages = [page for path in ("documents", "clusters", "dataset") for page in through(ann, f"/explore/{path}")]
    pages += [ann.page(f"/explore/documents/{name}") for name in set(re.findall(r"/explore/documents/(doc-[0-9a-f]+)\"", pages[0]))]
    pages.append(ann.page("/explore/funnel"))

    everything = "\n".join(map(shown, pages))
    seen = [name for name, text in MARKUP.items() if " ".join(text.split())[:40] in everything]
    assert len(seen) > len(MARKUP) / 2
    assert "<img src=x onerror=window.__xss=1> & 'co'.md" in everything


def test_the_check_for_what_runs_finds_what_runs():
    assert unsafe('<p onclick="x()">a</p>') != []
    assert unsafe('<a href="javascript:x">a</a><a href="//outside.example">b</a>') != []
    assert unsafe("<script>x</script>") != []
    assert unsafe('<a href="/?id=1">a</a><script defer src="/static/a.js"></script>') == []


def test_the_funnel_shows_how_many_came_to_each_step_and_leads_to_those_that_left(ann: Client, project: Path):
    page = ann.page("/explore/funnel")

    stages = read_json(project / "workspace" / "manifest.json")["stages"]
    for count, name in ((6, "documents"), (stages["validate"]["counts"]["kept"], "valid pairs"), (60, "chosen pairs")):
        assert f"<b>{count:,}</b><span>{name}</span>" in page
    for reason, count in stages["curate"]["counts"]["dropped"].items():
        link = re.search(rf'href="(/\?where=left_out&amp;reason={reason})".*?<td class="number"[^>]*>([\d,]+)<', page)
        assert link, reason
        assert int(link.group(2).replace(",", "")) == count
        assert ann.get("/api/items" + unescape(link.group(1))[1:]).json()["total"] in (count, count - 1)  # one copy has its twin's id
    assert "nothing to ask" in page
    assert "reason=nothing_to_ask" not in page  # chunks: there is no pair to look at


def test_the_way_adds_up_when_a_round_of_iterate_was_kept(tmp_path: Path):
    stages = {
        "validate": {"content": "1", "counts": {"kept": 45, "dropped": {}}},
        "curate": {"content": "2", "counts": {"kept": 45, "dropped": {}}},
        "split": {"content": "3", "counts": {"kept": 47, "added": 5, "dropped": {"not_selected": 3}, "train": 40, "test": 7}},
    }
    found = funnel_figures(Run(tmp_path, stages), {})

    assert [(step["name"], step["count"], step["left"]) for step in found["flow"]] == [
        ("chosen pairs", 45, 3), ("pairs, 5 added by kilopair iterate", 47, 0),
    ]  # fmt: skip
    assert sum(found["splits"].values()) == found["flow"][-1]["count"]


def test_what_left_is_read_once_for_all_documents(ann: Client, project: Path):
    names = list(dict.fromkeys(re.findall(r"/explore/documents/(doc-[0-9a-f]+)\"", ann.page("/explore/documents"))))
    first = [ann.page(f"/explore/documents/{name}") for name in names]
    quarantine = project / "workspace" / "quarantine.jsonl"
    hidden = quarantine.rename(quarantine.with_suffix(".hidden"))
    try:
        again = [ann.page(f"/explore/documents/{name}") for name in names]
    finally:
        hidden.rename(quarantine)

    assert len(names) > 1
    assert "nothing was asked about it" in shown("".join(first))
    assert again == first


def test_the_heat_map_counts_as_the_report_does(ann: Client, project: Path):
    workspace = project / "workspace"
    documents = list(read_records(workspace / "documents.jsonl", Document))
    expected = coverage(documents, list(read_records(workspace / "chunks.jsonl", Chunk)), split_pairs(workspace))

    page = ann.page("/explore/documents")

    for row in expected:
        name = unescape(str(row["path"]))
        cells = next(part for part in page.split("<tr>") if name in unescape(part))
        assert int(matched(r'data-label="pairs">([\d,]+)<', cells)) == row["pairs"]
        numbers = [int(number) for number in re.findall(r'aria-label="[^"]*: (\d+)"></a>', cells)]
        assert sum(numbers) == row["pairs"]
        assert sum(number > 0 for number in numbers) >= row["covered"]  # the report shortens headings, so two may be one there


def test_the_heat_map_is_searched_ordered_and_counts_other_pairs(ann: Client):
    found = ann.page("/explore/documents?text=TARIFF&counted=valid&order=bare")

    assert "tariffs.html" in found
    assert "deck-handbook.md" not in found
    assert "No document has this in its path" in ann.page("/explore/documents?text=%25")
    assert shown(ann.page("/explore/documents?counted=nothing&order=%3Cb%3E&page=-1")) == shown(ann.page("/explore/documents"))


def test_a_document_is_shown_section_by_section_with_links_to_its_pairs(ann: Client):
    name = matched(r'/explore/documents/(doc-[0-9a-f]+)">deck-handbook\.md', ann.page("/explore/documents"))

    page = ann.page(f"/explore/documents/{name}")

    assert "Deck handbook › Fog" in shown(page)
    links = re.findall(r'href="(/\?document=deck-handbook\.md&amp;section=[^"]+)">(\d+) (?:chosen|left out)', page)
    assert len(links) > 3
    assert all(ann.get("/api/items" + unescape(link)[1:]).json()["total"] == int(number) for link, number in links)
    assert "nothing was asked about it no rule found a question that can be asked about it" in shown(page)
    assert all(ann.get(f"/api/item/{item}").status_code == 200 for item in ids(page))
    assert ann.get("/explore/documents/doc-0000000000000000").status_code == 404


def test_a_cluster_shows_what_stayed_first_and_what_differs_in_each_copy(ann: Client):
    dog = ann.page("/explore/clusters?text=bring+dog").split('<div class="pair-row">')[1:]
    near = ann.page("/explore/clusters?relation=near_duplicate").split('<article class="card cluster">')[1:]

    assert len(dog) == 2
    assert "chip warn" not in dog[0]
    assert 'chip warn">duplicate' in dog[1]
    assert "with the same answer" in dog[1]
    assert len(near) == 3
    assert all("<ins>" in cluster.split('<div class="pair-row">')[2] for cluster in near)
    assert "No cluster has this" in ann.page("/explore/clusters?relation=conflict")


def test_the_pages_of_the_dataset_hold_every_pair_of_a_split_once(ann: Client, project: Path):
    pairs = split_pairs(project / "workspace")

    for split in ("", "train", "test"):
        found = [item for page in through(ann, f"/explore/dataset?split={split}") for item in ids(page)]
        assert sorted(found) == sorted(pair.id for pair in pairs if split in ("", pair.split))


def test_the_dataset_is_searched_and_ordered(ann: Client):
    answers = [
        re.findall(r'<p class="said clamp">(.*?)</p>', ann.page(f"/explore/dataset?order={order}"), re.DOTALL)
        for order in ("shortest", "longest")
    ]
    found = ann.page("/explore/dataset?text=%22camper+van%22")

    assert len(answers[0][0].split()) < len(answers[1][0].split())
    assert ids(found)
    assert all("camper van" in shown(row).lower() for row in found.split('<article class="pair-row">')[1:])
    assert "No pair has this" in ann.page("/explore/dataset?text=nothingofthekind")
    assert "<mark>" in found


def test_a_dispute_is_shown_side_by_side_and_settled_by_a_last_word_that_can_be_taken_back(ann: Client, project: Path):
    pair = split_pairs(project / "workspace")[0]
    texts = {"instruction": pair.instruction, "input": pair.input, "output": f"{pair.output} Indeed <b>so</b>."}
    bob, carla = ann.named("bob <i>"), ann.named("carla")
    assert "No disputes" in ann.page("/explore/disputes")
    ann.decide(event(pair.id, "edit", after=texts))
    bob.decide(event(pair.id, "reject", reason="incomplete", note="<script>half</script>"))

    page = carla.page("/explore/disputes")

    assert ids(page) == [pair.id]
    text = shown(page)
    assert all(words in text for words in ("ann edit", "bob <i> reject", "The answer is not whole", "<script>half</script>"))
    assert "<ins> Indeed &lt;b&gt;so&lt;/b&gt;" in page
    assert "0 (0%)" in page  # agreement of the two
    base = int(matched(r'data-base="(\d+)"', page))
    last = event(pair.id, "accept", final=True, base=base)
    assert carla.decide(last).json()["standings"][pair.id]["state"] == "accepted"
    assert ids(carla.page("/explore/disputes")) == []
    carla.decide(event(pair.id, "undo", undoes=last["op"]))
    assert ids(carla.page("/explore/disputes")) == [pair.id]
    assert f'<a href="/?state=disputed"><span class="chip disputed">disputed</span></a></td><td class="number">{1}<' in ann.page(
        "/explore/funnel"
    )


def test_before_pairs_are_chosen_the_pages_say_what_to_run(ferries: Path, tmp_path: Path):
    project = shutil.copytree(ferries, tmp_path / "ferries", symlinks=True)
    shutil.rmtree(project / "workspace")
    run(load_recipe(project / "recipe.yaml"), project, until="validate")

    with reviewing(project) as client:
        pages = {name: client.page(f"/explore/{name}") for name in PAGES}

    assert "run kilopair curate" in pages["funnel"]
    assert "run kilopair split" in pages["dataset"]
    assert "run kilopair train" in pages["playground"]
    assert "No pair left as a copy" in pages["clusters"]


words = st.text(alphabet="ab \n.,é", max_size=30)


@given(words, words)
@example("", "")
@example("a b", "b a")
def test_the_parts_of_a_change_make_up_both_texts(before: str, after: str):
    parts = changed(before, after)

    assert "".join(text for kind, text in parts if kind != "ins") == before
    assert "".join(text for kind, text in parts if kind != "del") == after
    assert all(text for _, text in parts)
    assert (likeness(parts) == 1.0) == (before == after)


def test_texts_that_are_too_long_to_compare_are_shown_as_changed_as_a_whole():
    long = "word " * MOST

    assert [kind for kind, _ in changed(long, long + "more")] == ["del", "ins"]
    assert [kind for kind, _ in changed(long, long)] == ["same"]
