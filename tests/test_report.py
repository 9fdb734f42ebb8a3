"""The report's charts and figures, apart from any run."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from builder.report.charts import Series, bars, histogram, line_chart, marks
from builder.report.gather import funnel
from builder.report.render import sample, telling_answers, verdict

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

    drawn = ET.fromstring(line_chart([Series(name, "tuned", tuple(points))], title="t", x_label=name))

    line = next(child for child in drawn if child.tag == "polyline")
    places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
    assert len(places) == len(points)
    assert all(0 <= x <= 560 and 0 <= y <= 220 for x, y in places)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=200))
def test_a_histogram_counts_every_value_once(values: list[int]):
    drawn = ET.fromstring(histogram([float(value) for value in values], title="t", x_label="x"))

    counts = [int(re.sub(r".*: ", "", child[0].text or "")) for child in drawn if child.tag == "rect"]
    assert sum(counts) == len(values)


def test_names_from_documents_cannot_break_out_of_a_chart():
    drawn = bars({'<script>alert("x")</script>': 3}, title='"><img>')

    assert "<script" not in drawn
    assert "<img" not in drawn
    ET.fromstring(drawn)


def test_nothing_to_draw_draws_nothing():
    assert histogram([], title="t", x_label="x") == ""
    assert bars({}, title="t") == ""
    assert line_chart([Series("a", "tuned", ((1.0, 1.0),))], title="t", x_label="x") == ""


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


def test_the_verdict_says_when_the_tuned_model_is_no_better():
    def table(base: float, tuned: float) -> dict[str, object]:
        return {"sets": {"paraphrase": {"n": 9, "overall": {"base": {"exact_match": base}, "tuned": {"exact_match": tuned}}}}}

    assert verdict(table(0.0, 0.5))["better"]
    assert not verdict(table(0.5, 0.5))["better"]
    assert verdict(table(0.1, 0.5)) == {"set": "paraphrase", "n": 9, "base": 0.1, "tuned": 0.5, "better": True}


def test_the_funnel_goes_from_files_to_chosen_pairs_without_a_gap():
    counts = {
        "read": {"in": 8, "kept": 7, "dropped": {"empty": 1}},
        "chunk": {"chunks": 40},
        "generate": {"kept": 100, "chunks_with_drafts": 30, "dropped": {"nothing_to_ask": 10}},
        "validate": {"kept": 90, "dropped": {"ungrounded": 10}},
        "curate": {"distinct": 70, "kept": 50, "dropped": {"duplicate": 20, "not_selected": 20}},
    }

    rows = funnel(counts)

    pairs = [row for row in rows if row["name"] in {"drafts", "valid pairs", "distinct pairs", "chosen pairs"}]
    assert [row["count"] for row in pairs] == [100, 90, 70, 50]
    assert all(before["count"] - before["left"] == after["count"] for before, after in pairwise(pairs))
