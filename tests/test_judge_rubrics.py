"""Rubrics: the shipped one, a user's own, and what is said of one that cannot be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.judge.rubrics import load_rubric, shipped_rubric
from schemas.errors import RecipeError

PLAIN = "asks: Is it ours?\n  scale: {0: no, 1: partly, 2: yes}\n"


def written(tmp_path, text):
    path = tmp_path / "rubric.yaml"
    path.write_text(text)
    return path


def test_the_shipped_rubric_has_the_six_criteria_with_described_scales_and_codes():
    criteria = shipped_rubric().criteria

    assert list(criteria) == ["groundedness", "correctness", "completeness", "standalone", "helpfulness", "tone"]
    assert all(criterion.points == (1, 2, 3, 4, 5) and criterion.codes for criterion in criteria.values())
    assert [name for name, criterion in criteria.items() if criterion.needs_source] == ["groundedness"]


def test_a_rubric_of_ones_own_may_name_shipped_criteria_and_add_others(tmp_path):
    rubric = load_rubric(written(tmp_path, f"groundedness:\nbrand:\n  {PLAIN}  weight: 2\n  codes: {{off_brand: not how we speak}}\n"))

    assert list(rubric.criteria) == ["groundedness", "brand"]
    assert rubric.criteria["groundedness"] == shipped_rubric().criteria["groundedness"]
    assert rubric.score({"groundedness": 5, "brand": 0}) == pytest.approx(3 / 5)
    assert rubric.hash != shipped_rubric().hash


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it must be criteria by name"),
        ("- brand", "it must be criteria by name"),
        ("brand: [1", "not valid YAML"),
        ("brand:", "brand has nothing behind it and is not shipped; shipped are groundedness"),
        ("brand: {scale: {1: a, 2: b}}", "brand.asks: is missing"),
        (f"brand:\n  {PLAIN}  wieght: 2\n", "brand.wieght: is not a known field"),
        (f"brand:\n  {PLAIN}  weight: 0\n", "brand.weight: input should be greater than 0"),
        ("brand: {asks: a, scale: {1: a}}", "brand: scale must be two or more whole numbers in a row, each with what it means, not [1]"),
        ("brand: {asks: a, scale: {1: a, 3: b}}", "not [1, 3]"),
        ("brand: {asks: a, scale: {good: a, bad: b}}", "brand.scale.good"),
        (f"brand:\n  {PLAIN}  least: 7\n", "brand: least must be a number of the scale (0 to 2), not 7"),
        (f"Our Brand:\n  {PLAIN}", "'Our Brand' cannot be a name"),
        (f"code:\n  {PLAIN}", "'code' cannot be a name"),
        (f"brand:\n  {PLAIN}  codes: {{none: x}}\n", "'none' cannot be a name"),
        (f"brand:\n  {PLAIN}  codes: {{not a code: x}}\n", "'not a code' cannot be a name"),
        (f"groundedness:\nbrand:\n  {PLAIN}  codes: {{invented: x}}\n", "the code invented stands in two criteria"),
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused_in_one_line_that_says_where(tmp_path, text, problem):
    with pytest.raises(RecipeError) as refused:
        load_rubric(written(tmp_path, text))

    assert str(refused.value).startswith("judge.rubric: rubric.yaml: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecipeError, match=r"judge.rubric: none.yaml: cannot be read"):
        load_rubric(tmp_path / "none.yaml")


def test_fewer_points_than_the_least_of_a_criterion_make_a_pair_worth_nothing():
    points = dict.fromkeys(shipped_rubric().criteria, 5.0)

    assert shipped_rubric().score(points) == 1.0
    assert shipped_rubric().score(points | {"groundedness": 2.5}) == 0.0
    assert shipped_rubric().score(points | {"tone": 1.0}) == pytest.approx(11 / 11.5)


@given(st.dictionaries(st.sampled_from(list(shipped_rubric().criteria)), st.integers(1, 5), min_size=1))
def test_a_score_is_between_nothing_and_one_and_never_falls_with_more_points(points):
    rubric = shipped_rubric()
    better = {name: min(5, given + 1) for name, given in points.items()}

    assert 0 <= rubric.score(points) <= rubric.score(better) <= 1
