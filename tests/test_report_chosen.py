"""How the pairs were chosen, as the report tells it: gates, certificate, diversity, conflicts, signs, judge."""

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from builder.calibrate import calibrate, save
from builder.certificate import certificate
from builder.curate_stage import VECTORS
from builder.curation.diversity import chart, diversity
from builder.curation.embed import Remembered, by_text, unit_rows
from builder.curation.embed_local import LocalModel
from builder.curation.ground_signs import SIGNS
from builder.curation.verbs import verb_and_noun
from builder.figures_in_words import coverage, proved, second_test, variety
from builder.judge_recipe import judge_key
from builder.report.charts.verbs import SIZE, verbs_chart
from builder.report.chosen import CONFLICTS, FALSE_ALARMS, GATES, SURE, chosen, conflicts, gates, scores_by_judge, signs
from builder.report.places import Places
from builder.stages import STAGES
from builder.step import QUARANTINE, Step
from builder.store import read_records
from builder.workspace import Workspace
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Dropped, Evidence, Pair, Provenance, Reason
from tests.judge_endpoint import judge_server
from tests.labelled_answers import EXTRACTIVE, company, figures, labelled
from tests.test_report import facts, page_of

TEXT = "# Rental\n\nBikes may be kept for 14 days."
PAGE = Document.of(path="rental.md", title="Rental", format="md", text=TEXT, raw=b"")
CHUNK = Chunk.of(PAGE, 0, len(TEXT), ("Shop", "Rental"), 10)
PLACES = Places.of([PAGE], [CHUNK])
TAGS = re.compile(r"<[^>]*>|\s+")


def pair(number: int, **changes: object) -> Pair:
    one = Pair(
        id=f"pair-{number}",
        task="qa",
        instruction="How long may I keep a bike?",
        output="14 days.",
        evidence=(Evidence.of(PAGE, 10, 40),),
        provenance=Provenance(document_id=PAGE.id, chunk_id=CHUNK.id, generator="openai"),
        group=f"group-{number}",
        form="qa/plain",
    )
    return one.model_copy(update=changes)


def text_of(page: str) -> str:
    return " ".join(TAGS.sub(" ", page).split())


# Gates

LEFT = st.lists(st.sampled_from([*GATES, "validate", "generate"]), max_size=60)


@given(LEFT, st.integers(0, 100))
def test_what_one_gate_leaves_comes_to_the_next(names: list[str], more: int):
    dropped = [
        Dropped.of(pair(place), name.split("/")[0], Reason.DOUBTFUL if "/" in name else Reason.OVER_CAP) for place, name in enumerate(names)
    ]
    curated = sum(name in GATES for name in names)

    rows = gates(curated + more, dropped)

    assert rows[0]["came"] == curated + more
    assert [row["came"] - row["left"] for row in rows] == [*(row["came"] for row in rows[1:]), more]
    assert all(sum(row["reasons"].values()) == row["left"] for row in rows)


def test_gates_that_nobody_asked_for_are_not_shown():
    assert [row["gate"] for row in gates(3, [])] == ["doubt", "screen", "ground", "dedup", "select"]
    assert "judge" in [row["gate"] for row in gates(3, [Dropped.of(pair(0), "judge", Reason.JUDGED_LOW)])]


# Conflicts


def conflict(number: int, kept: str, **changes: object) -> Dropped:
    other = pair(number, output="40 days.", extra={"cluster": kept}, **changes)
    return Dropped.of(other, "dedup", Reason.CONFLICT, f"same question as {kept}, which responds otherwise")


def test_both_answers_to_one_question_are_shown_with_their_places():
    found = conflicts([conflict(1, "pair-0"), Dropped.of(pair(5), "dedup", Reason.DUPLICATE)], [pair(0), pair(1)], PLACES)

    assert (found["pairs"], found["facts"]) == (1, 1)
    (shown,) = found["shown"]
    assert (shown["kept"]["id"], shown["gone"]["id"]) == ("pair-0", "pair-1")
    assert (shown["kept"]["response"], shown["gone"]["response"]) == ("14 days.", "40 days.")
    assert (shown["gone"]["path"], shown["gone"]["heading"]) == ("rental.md", "Shop › Rental")


def test_a_fact_is_shown_once_by_wordings_that_are_the_same_and_no_more_than_a_few_facts():
    asked = {"group": "fact", "instruction": "For how long?"}
    wordings = [conflict(1, "pair-0", **asked), conflict(2, "pair-0", group="fact"), *(conflict(n, "pair-0") for n in range(3, 40))]

    found = conflicts(wordings, [pair(0)], PLACES)

    assert (found["pairs"], found["facts"], len(found["shown"])) == (39, 38, CONFLICTS)
    assert found["shown"][0]["gone"]["id"] == "pair-2"
    assert conflicts([], [pair(0)], PLACES) == {}


# Signs


def test_signs_are_counted_in_words_and_other_flags_are_not():
    found = signs([pair(0, flags=("far_number", "fuzzy_quote")), pair(1, flags=("far_number", "yes_no"))])

    assert [(row["sign"], row["pairs"]) for row in found] == [(SIGNS["far_number"], 2), (SIGNS["yes_no"], 1)]
    assert (found[0]["of"], found[1]["of"]) == ("a number swapped with one of the section", "")


KINDS = {  # sign -> the labelled answers that it is for
    "ungrounded_number": "wrong number",
    "wrong_unit": "wrong unit",
    "foreign_name": "foreign name",
    "negation": "negated",
    "far_number": "swapped number",
    "far_name": "swapped name",
    "word_order": "swapped roles",
    "thin_support": "invented sentence",
}


def test_signs_are_as_sure_as_the_report_says():
    documents = company(Path(__file__).parents[1] / "datasets" / "tarnwell")
    table = figures(labelled(documents, seed=11, most=100), documents)

    assert set(SURE) == set(KINDS)
    for sign, (_, share) in SURE.items():
        assert share <= table[KINDS[sign]][sign] <= share + 0.2, (sign, table[KINDS[sign]])
    assert max(table[kind]["any"] for kind in EXTRACTIVE) <= FALSE_ALARMS


# Figures in words

VERBS = {("write", "poem"): 3, ("write", "letter"): 1, ("book", "room"): 2}
COUNTS = st.dictionaries(st.tuples(st.text("abc<&", min_size=1), st.text("xyz>", min_size=1)), st.integers(1, 50), max_size=40)


def split_pairs() -> list[Pair]:
    """Twelve pairs of six facts, each fact in one split."""
    parts = ["train", "train", "train", "train", "validation", "test"]
    made = []
    for number in range(12):
        document, part = f"doc-{number // 2}", parts[number // 2]
        said = Provenance(document_id=document, chunk_id=f"chunk-{number // 2}", generator="openai")
        asked = f"{'What' if number % 2 else 'Tell me what'} is number {number // 2} {'abcdefgh'[number // 2] * 9}?"
        flags = ("held_out_document",) if part == "test" else ()
        fields = {"provenance": said, "evidence": (), "group": f"g{number // 2}", "split": part, "instruction": asked, "flags": flags}
        made.append(pair(number, output=f"It is {number // 2}.", **fields))
    return made


def test_the_certificate_is_told_in_a_sentence_with_what_a_random_split_would_leak():
    proof = certificate(split_pairs(), seed=0)

    assert proved(proof).startswith("Counted over the finished splits, 0 pairs leak; of a random split of the same sizes, ")
    assert f"{proof['random_split']['leaking_pairs']:,.0f} of the 4 pairs" in proved(proof)
    assert "0 new questions on documents that train knows, and 2 on one document" in second_test(proof)
    assert second_test({**proof, "pairs_on_held_out_documents": 0}) == ""


def test_every_figure_of_diversity_comes_with_what_it_means():
    pairs = [pair(n, instruction=asked, output="Yes.") for n, asked in enumerate(["Write a poem.", "Book a room.", "Why?"])]
    vectors = unit_rows(np.eye(3))

    rows = {row.figure: row for row in (*coverage(diversity(pairs, supply=[*pairs, pair(9)])), *variety(diversity(pairs, vectors=vectors)))}

    assert rows["facts covered"].value == "3 of 4 (75%)"
    assert rows["verb and noun"].value == "2 (2.0)"
    assert rows["distinct-1"].value.endswith("/ 0.33")
    assert rows["nearest neighbour"].value == "1.00"
    assert all(row.meaning for row in rows.values())
    assert variety(diversity([])) == []
    assert "NovelSum" not in {row.figure for row in variety(diversity(pairs))}


@given(COUNTS)
def test_the_chart_of_verbs_is_well_formed_and_inside_its_box(counts: dict[tuple[str, str], int]):
    arcs = chart(counts)
    drawn = verbs_chart(arcs, title='"><b>')

    if not arcs:
        assert not drawn
        return
    parts = ET.fromstring(drawn.svg)
    paths = [part for part in parts if part.tag == "path"]
    assert len(paths) == len(arcs)
    places = [tuple(map(float, at)) for path in paths for at in re.findall(r"[ML](\S+) (\S+)", path.attrib["d"])]
    assert all(math.hypot(x, y) <= SIZE / 2 for x, y in places)


def test_a_verb_alone_is_a_whole_ring_and_every_arc_tells_its_count():
    drawn = ET.fromstring(verbs_chart(chart({("write", "poem"): 4}), title="t").svg)
    titles = [path[0].text for path in ET.fromstring(verbs_chart(chart(VERBS), title="t").svg) if path.tag == "path"]

    assert all(" 1 1 " in path.attrib["d"] for path in drawn if path.tag == "path")
    assert titles == ["write: 4 (66.7%)", "write poem: 3 (50.0%)", "write letter: 1 (16.7%)", "book: 2 (33.3%)", "book room: 2 (33.3%)"]


def test_the_noun_of_a_verb_is_not_looked_for_in_a_relative_clause():
    assert verb_and_noun("Choose the section this passage comes from.") == ("choose", "section")
    assert verb_and_noun("Give this passage a title.") == ("give", "title")


# The judge, and all parts of a run


def test_means_of_the_judge_are_over_all_judged_and_over_the_chosen():
    good, bad = {"judge": 0.9, "judge/tone": 1.0}, {"judge": 0.1, "judge/tone": 0.5, "judge/brand": 0.5}
    found = scores_by_judge([pair(0, scores=good), pair(1)], [Dropped.of(pair(2, scores=bad), "judge", Reason.JUDGED_LOW)])

    assert [(row["criterion"], row["all"], row["chosen"]) for row in found] == [
        ("whole", 0.5, 0.9), ("tone", 0.75, 1.0), ("brand", 0.5, None),
    ]  # fmt: skip


PAGES = {
    f"{name}.md": f"# {name.title()} leave\n\n## Days\n\nYou get {days} days of {name} leave. You must ask your manager before you book it.\n\n"
    f"## Pay\n\n{name.title()} leave is paid in full. The people team answers within {days + 1} working days.\n"
    for days, name in enumerate(["annual", "sick", "parental", "study", "moving", "wedding"], start=5)
}


def made(folder: Path, **sections: object) -> tuple[Step, list[Pair], list[Dropped]]:
    """Run a small project up to its split."""
    (folder / "pages").mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (folder / "pages" / name).write_text(page)
    recipe = Recipe.model_validate({"documents": {"path": "pages"}, "curate": {"target": 40}, **sections})
    with Workspace(folder / "work") as work:
        step = Step(work, recipe, folder)
        for name, stage in STAGES.items():
            stage(step)
            if name == "split":
                break
    quarantine = [output.folder / QUARANTINE for output in work.outputs.values()]
    return step, step.pairs("split"), [record for path in quarantine if path.exists() for record in read_records(path, Dropped)]


def test_a_run_without_a_judge_tells_its_gates_and_its_certificate(tmp_path: Path):
    step, pairs, dropped = made(tmp_path)
    found = chosen(step, pairs, dropped, Places.of(step.documents(), step.chunks()))
    page = text_of(page_of(facts(pairs[:1], chosen=found)))

    assert found["gates"][-1]["came"] - found["gates"][-1]["left"] == len(pairs)
    assert (found["judge"], found["signs"]) == ({}, [])
    assert found["diversity"]["vectors"]["pairs"] == len(pairs)
    for part in ("How the pairs were chosen", "The split is proved", "0 pairs leak; of a random split", "NovelSum", "documents covered"):
        assert part in page
    for part in ("The judge", "Signs of doubt", "two answers" if not found["conflicts"] else "The judge"):
        assert part not in page


def test_a_run_with_a_judge_tells_its_means_its_threshold_and_how_far_people_agree(tmp_path: Path):
    with judge_server() as (url, _):
        endpoint = {"base_url": url, "model": "judge", "structured": "json_schema"}
        step, pairs, dropped = made(tmp_path, endpoint=endpoint, judge={"pairs": "all"})
    places = Places.of(step.documents(), step.chunks())

    before = chosen(step, pairs, dropped, places)["judge"]
    scores = {str(n): {"judge": n / 40, "judge/tone": n / 40} for n in range(40)}
    save(step.work.folder, calibrate(judge_key(step.recipe, tmp_path), scores, {str(n): n >= 20 for n in range(40)}))
    after = chosen(step, pairs, dropped, places)
    page = text_of(page_of(facts(pairs[:1], chosen=after)))

    assert before["judged"] == before["asked"] > 0
    assert {"whole", "groundedness", "tone"} <= {row["criterion"] for row in before["criteria"]}
    assert "nobody has calibrated the judge" in before["notice"]
    assert after["judge"]["agreement"].startswith("the judge agrees with 40 of 40 decisions")
    assert f"A model judged {before['judged']} of {before['asked']} pairs" in page
    assert "Against people, the judge agrees with 40 of 40 decisions" in page


def test_vectors_of_a_model_are_looked_up_and_never_asked_for(tmp_path: Path):
    step, pairs, dropped = made(tmp_path)
    recipe = Recipe.model_validate({**step.recipe.model_dump(), "embed": {"by": "local", "model": "no-such-model"}})
    other, places = Step(step.work, recipe, tmp_path), Places.of([], [])

    assert chosen(other, pairs, dropped, places)["diversity"]["vectors"] is None

    class Fixed:
        name = LocalModel("no-such-model", root=tmp_path).name

        def __call__(self, texts: list[str]) -> np.ndarray:
            return unit_rows(np.array([[1 + len(text), 7, ord(text[0])] for text in texts], dtype=float))

    cache = step.work.folder / VECTORS
    by_text(Remembered(Fixed(), cache), pairs[1:])  # pyright: ignore[reportArgumentType]
    assert chosen(other, pairs, dropped, places)["diversity"]["vectors"] is None
    by_text(Remembered(Fixed(), cache), pairs)  # pyright: ignore[reportArgumentType]
    assert chosen(other, pairs, dropped, places)["diversity"]["vectors"]["pairs"] == len(pairs)
    none = Step(step.work, recipe.model_copy(update={"embed": recipe.embed.model_copy(update={"by": "none"})}), tmp_path)
    assert chosen(none, pairs, dropped, places)["diversity"]["vectors"] is None


def test_parts_without_content_are_not_on_the_page_and_texts_are_escaped():
    pairs = split_pairs()
    figures = diversity(pairs)
    dropped = [conflict(1, "pair-0", instruction="<i>?")]
    told = {"coverage": [], "variety": []}
    parts = {
        "gates": gates(1, dropped),
        "certificate": None,
        "diversity": figures,
        "in_words": told,
        "curve": [],
        "judge": {},
        "student": {},
    }

    page = page_of(facts(pairs, chosen={**parts, "signs": [], "conflicts": conflicts(dropped, [pair(0)], PLACES)}))

    assert "&lt;i&gt;?" in page
    assert "One question, two answers" in page
    for part in ("The split is proved", "The judge", "Signs of doubt"):
        assert part not in page
    assert "<script" not in page
