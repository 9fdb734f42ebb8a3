"""Metrics of answers, ROUGE-L against the reference implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from trainer.metrics import exact_match, length_ratio, normalize, rouge_l, token_f1

words = st.lists(st.sampled_from(["the", "Leave", "24", "days", "per-year", "£1,200", "of", "a_b", "."]), max_size=25).map(" ".join)


@given(words, words)
def test_rouge_l_equals_the_reference_implementation(answer, reference):
    expected = RougeScorer(["rougeL"]).score(reference, answer)["rougeL"].fmeasure

    assert rouge_l(answer, reference) == pytest.approx(expected)


@given(words, words)
def test_every_metric_is_symmetric_bounded_and_full_for_equal_texts(answer, reference):
    for metric in (exact_match, token_f1, rouge_l):
        assert 0 <= metric(answer, reference) <= 1
        assert metric(answer, reference) == pytest.approx(metric(reference, answer))
    assert exact_match(answer, answer) == token_f1(answer, answer) == 1


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        ("The leave is 25 days.", "leave is 25 days", True),
        ("A list:\n- one\n- two", "list: one two", True),
        ("£1,200", "£1200", True),
        ("3.5 days", "35 days", False),
        ("25 days", "26 days", False),
        ("3,5 Stunden", "35 Stunden", False),
        ("1,000,000 units", "1000000 units", True),
        ("„Ja, sofort.“", "ja sofort", True),
        ("请病假。", "请病假", True),
    ],
)
def test_exact_match_forgives_form_but_not_numbers(answer, reference, same):
    assert exact_match(answer, reference) == same


@pytest.mark.parametrize(
    ("answer", "wrong", "reference"),
    [
        ("Отпуск длится тридцать дней", "Обед стоит пять евро", "Отпуск длится тридцать дней."),
        ("Größe und Höhe", "Gruß und Huhn", "Größe und Höhe"),
        ("员工的年假为三十天", "咖啡在厨房里", "年假为三十天。"),
    ],
)
def test_in_other_scripts_words_count_too_and_without_spaces_characters_do(answer, wrong, reference):
    for metric in (token_f1, rouge_l):
        assert metric(answer, reference) > 0.7
        assert metric(wrong, reference) < 0.4
    assert length_ratio(answer, answer) == 1
    assert length_ratio("年假为三十天", "三十天") == 2


def test_token_f1_counts_shared_words_in_any_order():
    assert token_f1("days 25 of leave", "25 days") == pytest.approx(2 * 2 / (4 + 2))


def test_an_empty_answer_scores_nothing_against_a_reference():
    assert exact_match("", "25 days") == token_f1("", "25 days") == rouge_l("", "25 days") == 0


def test_normalization_is_idempotent_on_real_sentences():
    text = normalize("The Head of Finance approves a claim over £1,000.50 (within 5 days).")

    assert normalize(text) == text
