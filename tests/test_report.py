"""The report's charts and figures, apart from any run."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from builder.grades import Grade, standings
from builder.lineage import Lineage
from builder.report.answers import sample, side_by_side, telling_answers, worst
from builder.report.asked import asked
from builder.report.charts.chart import WIDTH, marks
from builder.report.charts.counts import bars, histogram
from builder.report.charts.flow import flow
from builder.report.charts.lines import Series, line_chart
from builder.report.compared import compared
from builder.report.counted import funnel, grounding
from builder.report.forgetting import forgetting
from builder.report.gather import Facts
from builder.report.places import Places
from builder.report.render import render
from builder.report.story import told as told_of
from builder.report.trained import line
from builder.report.verdict import key_figures, verdict
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.records import Document, Evidence, Pair, Provenance, Turn
from trainer.statistics.compare import compare

numbers = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


def answer(number: int, words: int, name: str = "paraphrase_seen") -> dict[str, object]:
    return {"pair_id": f"pair-{number:03}", "set": name, "reference": "word " * words}


@given(numbers, numbers)
def test_axis_marks_cover_the_range_in_round_even_steps(first: float, second: float):
    low, high = sorted((first, second))

    drawn = marks(low, high)

    nothing = 1e-6 * (high - low)  # of the range; no pixel is that fine
    assert drawn[0] <= low + nothing
    assert drawn[-1] >= high - nothing
    assert 2 <= len(drawn) <= 9
    steps = [after - before for before, after in pairwise(drawn)]
    assert max(steps) - min(steps) <= 1e-6 * max(1.0, *map(abs, drawn))


@given(st.lists(st.tuples(st.integers(0, 1000), numbers), min_size=2, max_size=30), st.text(max_size=20))
def test_a_line_chart_is_well_formed_and_inside_its_box(points: list[tuple[float, float]], name: str):
    name = "".join(letter for letter in name if letter.isprintable())

    drawn = ET.fromstring(line_chart([Series(name, "tuned", tuple(points))], title="t", x_label=name).svg)

    line = next(child for child in drawn if child.tag == "polyline")
    places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
    assert len(places) == len(points)
    assert all(0 <= x <= WIDTH and 0 <= y <= 230 for x, y in places)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=200))
def test_a_histogram_counts_every_value_once(values: list[int]):
    drawn = ET.fromstring(histogram([float(value) for value in values], title="t", x_label="x").svg)

    counts = [int(re.sub(r".*: ", "", child[0].text or "")) for child in drawn if child.tag == "rect"]
    assert sum(counts) == len(values)


def test_names_from_documents_cannot_break_out_of_a_chart():
    hostile = '<script>alert("x")</script>'
    steps = [{"name": hostile, "count": 3, "left": 1, "reasons": {hostile: 1}}, {"name": "b", "count": 2, "left": 0, "reasons": {}}]
    for chart in (bars({hostile: 3}, title='"><img>'), flow(steps, {hostile: 2}, title='"><img>')):
        drawn = chart.__html__()

        assert "<script" not in drawn
        assert "<img" not in drawn
        ET.fromstring(f"<div>{drawn}</div>")


def test_nothing_to_draw_draws_nothing():
    assert not histogram([], title="t", x_label="x")
    assert not bars({}, title="t")
    assert not line_chart([Series("a", "tuned", ((1.0, 1.0),))], title="t", x_label="x")
    assert not flow([], {}, title="t")


def test_a_chart_carries_its_numbers_as_a_table():
    drawn = line_chart([Series("loss", "tuned", ((1.0, 3.5), (2.0, 2.25)))], title="t", x_label="update")

    assert drawn.head == ("update", "loss")
    assert drawn.rows == (("1", "3.5"), ("2", "2.25"))
    assert "<td" in drawn.__html__()
    assert 'role="img" aria-label="t"' in drawn.__html__()


def test_the_examples_are_a_fixed_random_choice_not_the_best_ones():
    answers = [answer(number, 5) for number in range(50)]

    chosen = sample(answers, 5)

    assert chosen == sample(list(reversed(answers)), 5)
    assert len({row["pair_id"] for row in chosen}) == 5
    assert chosen != answers[:5]


def test_the_answers_for_a_terminal_are_short_paraphrases_where_there_are_any():
    answers = [answer(1, 200), answer(2, 5), answer(3, 5, "test"), answer(4, 6, "paraphrase_unseen")]

    assert {row["pair_id"] for row in telling_answers(answers, 3)} == {"pair-002", "pair-004"}
    assert {row["pair_id"] for row in telling_answers([answer(1, 200, "test")], 3)} == {"pair-001"}


def test_without_statistics_the_verdict_gives_means_and_says_that_nothing_was_compared():
    overall = {"base": {"exact_match": 0.1}, "tuned": {"exact_match": 0.5}}

    found = verdict({"sets": {"paraphrase": {"n": 9, "overall": overall}}})

    assert (found["verdict"], found["means"], found["n"]) == ("not_compared", ["10.0%", "50.0%"], 9)
    assert "answers 50.0% of 9 held-out paraphrase questions word for word, the base 10.0%" in found["sentence"]
    assert verdict({}) == {}


def test_a_figure_names_the_systems_that_were_compared_and_a_mean_of_some_questions_is_not_shown_as_one_of_all():
    estimates = [
        {"metric": "exact_match", "system": name, "set": "test", "n": 40, "mean": 0.5, "low": 0.4, "high": 0.6}
        for name in ("base", "tuned")
    ]
    one = compare([0.0] * 40, [1.0] * 40, design=Design(resamples=99), of=("exact_match", "test", "few_shot", "tuned"))
    overall = {name: {"exact_match": 0.5, "label_right": 1.0, "perplexity": 3.0} for name in ("base", "tuned")}
    evaluation = {"estimates": estimates, "comparisons": [one.model_dump()], "sets": {"test": {"n": 40, "overall": overall}}}

    shown = {metric["metric"] for metric in compared(evaluation)["metrics"]}
    figure = key_figures({"verdict": verdict(evaluation)})[0]

    assert shown == {"exact_match", "perplexity"}  # only one of 40 questions had a label
    assert figure["note"].endswith("base, few-shot 0.0%")


def test_the_worst_answers_are_wrong_ones_and_the_farthest_from_right_come_first():
    def scored(number: int, exact: float, f1: float, refusal: float | None = None) -> dict[str, object]:
        scores = {"exact_match": exact, "token_f1": f1} | ({} if refusal is None else {"refusal_right": refusal})
        return answer(number, 5) | {"scores": {"tuned": scores, "base": {"token_f1": 0.1}}}

    answers = [scored(1, 1.0, 1.0), scored(2, 0.0, 0.6), scored(3, 0.0, 0.2), scored(4, 0.0, 0.9, 0.0), scored(5, 0.0, 0.1, 1.0)]

    assert [row["pair_id"] for row in worst(answers, 9)] == ["pair-004", "pair-003", "pair-002"]


def test_the_funnel_goes_from_files_to_chosen_pairs_without_a_gap():
    counts = {
        "read": {"in": 8, "kept": 7, "dropped": {"empty": 1}},
        "chunk": {"chunks": 40},
        "generate": {"kept": 100, "chunks_with_drafts": 30, "dropped": {"nothing_to_ask": 10}},
        "validate": {"kept": 90, "dropped": {"ungrounded": 10}},
        "curate": {"sure": 85, "distinct": 70, "kept": 50, "dropped": {"doubtful": 5, "duplicate": 15, "not_selected": 20}},
    }

    rows = funnel(counts)

    pairs = [row for row in rows if row["name"] in {"drafts", "valid pairs", "sound pairs", "distinct pairs", "chosen pairs"}]
    assert [row["count"] for row in pairs] == [100, 90, 85, 70, 50]
    assert all(before["count"] - before["left"] == after["count"] for before, after in pairwise(pairs))


PAGE = Document.of(path="a.md", title="A", format="md", text="You get 30 days.", raw=b"")
TURNS = (Turn(role="user", content="Leave <b>?"), Turn(role="assistant", content="Yes & no."))


def pair(number: int, **changes: object) -> Pair:
    one = Pair(
        id=f"pair-{number}",
        task="qa",
        instruction="How much?",
        output="30 days.",
        evidence=(Evidence.of(PAGE, 8, 15),),
        provenance=Provenance(document_id=PAGE.id, chunk_id="chunk-1", generator="openai"),
        group="g",
        form="qa/plain",
        split="test",
    )
    return one.model_copy(update=changes)


BROUGHT = Provenance(document_id="file-1", chunk_id="", generator="existing", rule="faq.csv row 2")
PAIRS = [
    pair(0),
    pair(1, grounding="absent", evidence=(), history=TURNS, flags=("fuzzy_quote",)),
    pair(2, grounding="none", evidence=(), provenance=BROUGHT, flags=("a<i>",)),
    pair(3),
]


def facts(pairs: list[Pair], **more: object) -> Facts:
    figures = {"exact_match": 0.0, "token_f1": 0.0, "rouge_l": 0.0, "perplexity": 1.0, "stop_rate": 1.0}
    table = {"n": len(pairs), "overall": {"base": figures, "tuned": figures}, "tasks": {}}
    answers = [
        {
            "pair_id": one.id, "set": "test", "task": one.task, "form": one.form, "history": [turn.model_dump() for turn in one.history],
            "question": one.instruction, "input": "", "reference": one.output, "answers": {"base": "", "tuned": "It <b> says"},
            "scores": {"tuned": figures},
        }
        for one in pairs
    ]  # fmt: skip
    return Facts(**{
        "company": "Acme", "generator": "openai", "base": "embedded", "base_read_the_documents": True, "leaks": {"a": 0}, "documents": 1,
        "splits": {"train": 1, "test": 1, "paraphrase": 0}, "grounding": grounding(pairs), "flags": {"fuzzy_quote": 1, "a<i>": 1},
        "evaluation": {"sets": {"test": table}}, "examples": side_by_side(answers, Places.of([PAGE], []), pairs, count=12), **more,
    })  # fmt: skip  # pyright: ignore[reportArgumentType]


def page_of(found: Facts) -> str:
    """Render a page from facts."""
    return render(told_of(found.as_json()))


def test_groundings_are_counted_with_their_share_and_conversations():
    assert grounding(PAIRS) == [
        {"grounding": "quoted", "count": 2, "share": 0.5, "conversations": 0},
        {"grounding": "absent", "count": 1, "share": 0.25, "conversations": 1},
        {"grounding": "none", "count": 1, "share": 0.25, "conversations": 0},
    ]
    assert grounding([]) == []


def test_the_page_shows_turns_groundings_and_flags_escaped():
    page = page_of(facts(PAIRS))

    for part in (
        '<dd class="soft">Leave &lt;b&gt;?</dd>',
        "Yes &amp; no.",
        "It &lt;b&gt; says",
        '<td>absent: searched everywhere, not there, and it says so</td><td class="number">1</td><td class="number">25.0%</td>',
        "<td>flag: fuzzy quote</td>",
        "flag: a&lt;i&gt;",
        "(grounding: absent) (fuzzy quote)",
        "no document (grounding: none) (a&lt;i&gt;)",
        "<mark>30 days</mark></dd>",
    ):
        assert part in page
    assert "<b>?" not in page


def test_exported_files_stand_below_the_tuned_model_and_only_if_there_are_some():
    scores = {"exact_match": 0.5, "token_f1": 0.25, "rouge_l": 0.125, "stop_rate": 1.0}
    file = {"bytes": 2_100_000, "prompts_equal": 1.0, "answers_equal": 0.995, "expected": 0.995, "right": 8, "right_kept": 7, **scores}

    mixed = {**file, "finer": ["a", "b"], "matrices": 25}
    page = page_of(facts(PAIRS, exported={"acme-f16.gguf": file, "acme-q8_0.gguf": mixed}))

    row = re.sub(r"<[^>]+>", " ", page.split("acme-f16.gguf")[1].split("</tr>")[0]).split()
    assert row == ["2.1", "100.0%", "99.5%", "7", "of", "8", "50.0%", "25.0%", "100.0%"]
    assert page.split("acme-q8_0.gguf")[1].startswith("<small> 2 of 25 matrices in a finer form</small></td>")
    assert "The exported files" not in page_of(facts(PAIRS))


def test_the_lineage_shows_turns_grounding_and_flags():
    text = Lineage(PAIRS[1], PAGE, None, (), None, None).as_text()

    assert "user      Leave <b>?\nassistant Yes & no.\nquestion  How much?" in text
    assert "grounding absent, flags fuzzy_quote" in text


def test_the_lineage_of_a_pair_about_no_document_says_where_it_is_from():
    lineage = Lineage(PAIRS[2], None, None, (), None, None)

    assert "made by   existing, rule faq.csv row 2" in lineage.as_text()
    assert "document" not in lineage.as_text()
    assert lineage.as_json()["document"] is None


def test_evidence_in_another_document_is_shown_without_the_text_around_it():
    other = pair(4, evidence=(Evidence.of(PAGE, 8, 15), Evidence(document_id="doc-2", start=3, end=9, quote="15 day")))

    text = Lineage(other, PAGE, None, (), None, None).as_text()

    assert "evidence  characters 8-15: …You get»30 days«.…" in text
    assert "evidence  doc-2, characters 3-9: »15 day«" in text


# What the pairs ask


def ruled(number: int, rule: str, **changes: object) -> Pair:
    made = Provenance(document_id=PAGE.id, chunk_id="chunk-1", generator="extractive", rule=rule)
    return pair(number, provenance=made, group=f"g{number}", **changes)


def graded(family: str, letters: str) -> dict[str, Grade]:
    now = datetime.now(UTC)
    return {f"{family}-{n}": Grade(fact=f"{family}-{n}", family=family, grade=letter, when=now) for n, letter in enumerate(letters)}  # pyright: ignore[reportArgumentType]


RULED = [ruled(0, "duty"), ruled(1, "duty"), ruled(2, "permit_s"), ruled(3, "duty", task="open_book", input="Text."), ruled(4, "who")]
GRADES = graded("duty", "AAAAAAAAAB") | graded("where", "CCCCCCCCCA")
WORDS = re.compile(r"<[^>]*>|\s+")


def told(**changes: object) -> str:
    given = {"valid": RULED, "chosen": RULED[1:], "documents": [PAGE], "standing": standings(Recipe(), GRADES), "left_out": {"where": 1234}}
    page = page_of(facts(PAIRS, asked=asked(**{**given, **changes})))  # pyright: ignore[reportArgumentType]
    return " ".join(WORDS.sub(" ", page).split())


def test_the_groups_are_shown_with_what_there_was_and_what_was_chosen():
    found = asked(RULED, RULED[1:], [PAGE], standings(Recipe(), {}), {})

    rows = {row["group"]: (row["supply"], row["chosen"], row["facts"], row["share"]) for row in found["groups"]}
    assert rows["rules"] == (3, 2, 2, 0.5)
    assert rows["open_book"] == (1, 1, 1, 0.25)
    assert rows["questions"] == (0, 0, 0, 0)
    assert "rules what may, must and must not be done 3 2 2 50.0% 13.0%" in told()


def test_grades_and_what_they_switched_off_are_shown_with_the_reason():
    page = told()

    assert "Switched off: where (where something is done or kept: 1 of 10 graded A, below 60%; 1,234 drafts left out)." in page
    assert "duty what must be done 9 1 0 90.0% 1 yes 9 of 10 graded A, not below 60%" in page
    assert "Nobody has graded" not in page


def test_without_grades_the_report_says_how_to_grade():
    assert "Nobody has graded these families yet: kilopair grade" in told(standing=standings(Recipe(), {}), left_out={})


def test_of_other_languages_the_report_says_that_only_structure_was_asked():
    german = [PAGE.model_copy(update={"metadata": {"language": language}}) for language in ("de", "de-AT", "fi", "en")]

    page = told(documents=german)

    assert "2 documents are in another language than English (de): only structure was asked about there (faq, " in page
    assert "1 document is in another language than English (fi): nothing was asked about it, because there are no question forms" in page
    assert "another language" not in told()


def test_a_report_on_pairs_of_a_language_model_has_no_such_section():
    assert asked(PAIRS, PAIRS, [PAGE], standings(Recipe(), {}), {}) == {}
    assert "What the pairs ask" not in page_of(facts(PAIRS))


def test_the_page_tells_the_weights_after_each_pass_the_rates_tried_and_the_phase_before():
    curve = [{"step": step, "loss": 3 - step / 10, "validation_loss": 3.5 - step / 10} for step in (1, 2, 3)]
    figures = {
        "epochs": [
            {"epoch": 1, "step": 10, "validation_loss": 1.5, "exact_match": 0.25, "token_f1": 0.5},
            {"epoch": 2, "step": 20, "validation_loss": 1.75, "exact_match": 0.5, "token_f1": 0.625},
        ],
        "choice": {"rule": "answers", "by_answers": 2, "by_loss": 1, "kept": 2},
        "sweep": {
            "chosen": 6e-4,
            "trials": [{"learning_rate": 6e-4, "validation_loss": 2.0}, {"learning_rate": 9.0, "failed": "loss <nan>"}],
        },
        "continued_pretraining": {"curve": curve},
        "curve": curve,
    }

    page = page_of(facts(PAIRS, train_figures=figures))

    for part in (
        "By answers: pass 2; by loss: pass 1; kept: pass 2, by its answers.",
        "lowest loss",
        "best answers, kept",
        "62.5%",
        "loss &lt;nan&gt;",
    ):
        assert part in page, part
    assert "Continued pretraining" in page
    assert line(figures) == ""
    assert line({**figures, "choice": {**figures["choice"], "kept": 1}}) == "pass 1 of 2 kept"
    assert "after each pass" not in page_of(facts(PAIRS))


def test_tasks_of_the_harness_are_shown_where_general_text_was_not_asked():
    found = forgetting(None, {"tasks": {"choose_tool": {"n": 4, "metrics": {"acc": {"base": 0.25, "tuned": 0.5}}}}, "sentence": "same"})

    assert ["tasks: choose tool: metrics: acc: tuned", "0.5"] in found["harness"]
    assert forgetting(None) == forgetting({}, None) == {}
