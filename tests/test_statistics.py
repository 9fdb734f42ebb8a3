"""Intervals, tests and verdicts of comparisons, held against scipy, statsmodels and published tables."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from scipy.special import gamma
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from schemas.proof import Comparison, Design
from trainer.statistics.compare import compare, estimate
from trainer.statistics.family import adjust
from trainer.statistics.flips import sign_flip
from trainer.statistics.power import detectable_share
from trainer.statistics.shares import exact, mcnemar, newcombe, phi, wilson
from trainer.statistics.spread import spread

DESIGN = Design(resamples=999)
NAMES = ("token_f1", "test", "base", "tuned")
EXAMPLES = 2000 if os.environ.get("KILOPAIR_SOAK") else 60
TWO_SIDED_95 = stats.norm.ppf(0.975)


def answers(both, first_only, second_only, neither):
    """0/1 answers of two systems from the four counts of their table."""
    first = np.repeat([1.0, 1.0, 0.0, 0.0], (both, first_only, second_only, neither))
    return first, np.repeat([1.0, 0.0, 1.0, 0.0], (both, first_only, second_only, neither))


def some_scores(n=80, gain=0.1, seed=0):
    generator = np.random.default_rng(seed)
    first = generator.random(n)
    return first, np.clip(first + gain + generator.normal(0, 0.2, n), 0, 1)


def grouped_by(size, n):
    return [f"document {place // size}" for place in range(n)]


# Newcombe, Statistics in Medicine 17 (1998), 857-872, table I.
@pytest.mark.parametrize(
    ("count", "n", "by_wilson", "by_exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_limits_of_one_share_are_those_of_the_published_table(count, n, by_wilson, by_exact):
    assert wilson(count / n, n, TWO_SIDED_95) == pytest.approx(by_wilson, abs=6e-5)
    assert exact(count, n, 0.95) == pytest.approx(by_exact, abs=6e-5)


# Table of both, only the first, only the second, neither; limits of first - second by Newcombe's method 10. The last is Bentur et
# al. 2009, for which Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), 2850-2875, give the limits and exact p = 0.0703.
@pytest.mark.parametrize(
    ("table", "limits"),
    [((36, 12, 2, 0), (0.0569, 0.3404)), ((20, 12, 2, 16), (0.0562, 0.3292)), ((1, 1, 7, 12), (-0.507, -0.026))],
)
def test_limits_of_two_paired_shares_are_those_of_the_published_tables(table, limits):
    first, second = answers(*table)
    found = newcombe(second.mean(), first.mean(), likeness=phi(second, first), n=len(first), quantile=TWO_SIDED_95)

    assert found == pytest.approx(limits, abs=5e-4)


def test_the_exact_test_is_that_of_the_published_table_and_of_scipy():
    assert mcnemar(*answers(1, 1, 7, 12)) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(*answers(30, 4, 15, 2)) == pytest.approx(stats.binomtest(4, 19).pvalue)


@pytest.mark.parametrize("count", [0, 3, 50, 97, 100])
def test_the_estimate_of_a_share_agrees_with_scipy(count):
    found = estimate(np.repeat([1.0, 0.0], (count, 100 - count)), design=DESIGN, of=("exact_match", "base", "test"))
    method = "exact" if count in (0, 100) else "wilson"
    limits = stats.binomtest(count, 100).proportion_ci(method=method)

    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))
    assert found.method == ("Clopper-Pearson" if method == "exact" else "Wilson")


def test_the_interval_of_losses_and_of_paired_scores_is_that_of_scipys_t():
    first, second = some_scores()
    losses = -3 * first
    by_t = stats.ttest_1samp(losses, 0).confidence_interval(0.95)
    paired = stats.ttest_rel(second, first).confidence_interval(0.95)
    alone, both = estimate(losses, design=DESIGN, of=("loss", "base", "test")), compare(first, second, design=DESIGN, of=NAMES)

    assert (alone.low, alone.high) == pytest.approx((by_t.low, by_t.high))
    assert (both.low, both.high) == pytest.approx((paired.low, paired.high))


@pytest.mark.parametrize("n", [8, 60])
def test_the_sign_flip_test_agrees_with_scipys_permutation_test(n):
    first, second = some_scores(n, gain=0.05, seed=n)
    theirs = stats.permutation_test(
        (second, first),
        lambda one, other, axis: np.mean(one - other, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=1,
    ).pvalue
    ours = sign_flip(second - first, resamples=20_000, seed=1)

    assert ours == pytest.approx(theirs, abs=1e-12 if n == 8 else 0.01)


def test_the_spread_by_documents_is_that_of_cluster_robust_least_squares():
    import statsmodels.api as sm

    generator = np.random.default_rng(4)
    labels = np.sort(generator.integers(0, 12, 90))
    values = generator.normal(size=90) + 0.7 * generator.normal(size=12)[labels]
    fit = sm.OLS(values, np.ones(90)).fit()
    # CR2 by hand from their residuals: each document's sum over the root of 1 - its share of the questions
    parts = [fit.resid[labels == label].sum() ** 2 / (1 - (labels == label).mean()) for label in range(12)]
    robust = fit.get_robustcov_results(cov_type="cluster", groups=labels, use_correction=False).cov_params()[0, 0]
    found = spread(values[None], labels)

    assert found.variance == pytest.approx(sum(parts) / 90**2)
    assert robust < found.variance < 1.3 * robust
    assert 5 < found.degrees < 11


@pytest.mark.parametrize("size", [2, 5])
def test_with_documents_of_equal_size_the_spread_is_that_of_their_means(size):
    values = np.random.default_rng(size).normal(size=20 * size)
    found = spread(values[None], np.repeat(np.arange(20), size))

    assert found.variance == pytest.approx(values.reshape(20, size).mean(axis=1).var(ddof=1) / 20)
    assert found.degrees == pytest.approx(19)


def test_seeds_that_differ_beyond_chance_widen_the_interval():
    first, second = some_scores(200)
    noise = np.random.default_rng(0).normal(0, 0.02, (3, 200))
    alike = compare(first, second + noise, design=DESIGN, of=NAMES)
    apart = compare(first, second + noise + np.array([[-0.1], [0.0], [0.1]]), design=DESIGN, of=NAMES)

    assert alike.seeds == apart.seeds == 3
    assert apart.high - apart.low > 4 * (alike.high - alike.low)
    assert (alike.verdict, apart.verdict) == ("better", "not_shown")


def test_seeds_of_both_systems_need_not_be_as_many():
    first, second = some_scores(100)
    seeds = np.random.default_rng(1).normal(0, 0.03, (5, 1))
    found = compare(first + seeds[:2], second + seeds[2:], design=DESIGN, of=NAMES)

    assert found.seeds == 3
    assert found.low < found.difference < found.high


# The asymptotic formula of McNemar's test at 80 % power (Connor 1987) for a share d of discordant answers and a difference D:
# (1.96 sqrt(d) + 0.84 sqrt(d - D^2)) / sqrt(n) = D. Discordance grows with the difference here; the exact test needs a little more.
@pytest.mark.parametrize("n", [100, 200, 400])
@pytest.mark.parametrize("discordant", [0.1, 0.2, 0.3, 0.4])
def test_the_detectable_difference_is_a_little_above_the_asymptotic_formula(n, discordant):
    def lacking(gain):
        grown = max(gain, (discordant**2 + gain**2 / 2) ** 0.5)
        return (TWO_SIDED_95 * grown**0.5 + stats.norm.ppf(0.8) * (grown - gain**2) ** 0.5) / n**0.5 - gain

    formula = brentq(lacking, 0.001, 1)

    assert formula - 0.001 < detectable_share(n, discordant, 0.95) < 1.06 * formula


@pytest.mark.parametrize("documents", [None, 5])
def test_the_detectable_difference_of_scores_is_that_of_a_t_tests_power(documents):
    first, second = some_scores(60)
    gains = (second - first) if documents is None else (second - first).reshape(-1, documents).mean(axis=1)
    degrees = len(gains) - 1
    unbiased = gains.std(ddof=1) / ((2 / degrees) ** 0.5 * gamma(degrees / 2 + 0.5) / gamma(degrees / 2))
    size = TTestPower().solve_power(nobs=len(gains), alpha=0.05, power=0.8) * unbiased
    clusters = None if documents is None else grouped_by(documents, 60)

    assert compare(first, second, clusters=clusters, design=DESIGN, of=NAMES).detectable == pytest.approx(size, rel=1e-3)


def test_holm_is_that_of_statsmodels_and_what_could_be_seen_grows():
    made = [compare(*some_scores(gain=gain, seed=place), design=DESIGN, of=NAMES) for place, gain in enumerate((0.0, 0.05, 0.1, 0.3))]
    adjusted = adjust(made)

    assert [one.p_adjusted for one in adjusted] == pytest.approx(multipletests([one.p_value for one in made], method="holm")[1])
    assert all(after.detectable > before.detectable for before, after in zip(made, adjusted, strict=True))
    assert [one.detectable for one in adjust(adjusted)] == pytest.approx([one.detectable for one in adjusted])
    assert all(one.family == 4 for one in adjusted)
    assert adjust([]) == []


def test_a_difference_shown_alone_may_not_be_shown_as_one_of_many_and_the_sentence_says_so():
    found = compare(*answers(40, 4, 14, 42), design=DESIGN, of=NAMES)
    alone, among = found, adjust([found] + [compare(*answers(50, 5, 5, 40), design=DESIGN, of=NAMES)] * 9)[0]

    assert (alone.verdict, among.verdict) == ("better", "not_shown")
    assert "the test decides, its p of 10 comparisons is 0.31" in among.sentence


def test_the_sentences_are_plain():
    better = compare(*answers(60, 5, 35, 100), clusters=grouped_by(4, 200), design=DESIGN, of=("exact_match", "test", "few_shot", "tuned"))
    losses = compare(-2 - some_scores()[0], -1.5 - some_scores()[0], design=DESIGN, of=("loss", "test", "base", "tuned"))
    unclear = compare(*answers(20, 5, 9, 16), design=DESIGN, of=NAMES)

    assert better.sentence.startswith("tuned is better than few shot in exact match on test: +15.0 points (95 % interval +")
    assert better.sentence.endswith(", n = 200, 50 documents)")
    assert losses.sentence == "tuned is better than base in loss on test: −0.50 (95 % interval −0.50 to −0.50, n = 80)"
    assert unclear.sentence == (
        "no difference shown between tuned and base in token F1 on test: +8.0 points (95 % interval −6.8 to +22.2, n = 50;"
        " a loss larger than 4.5 points is excluded; a gain smaller than 22.7 points could not have been seen)"
    )


def test_of_a_loss_the_sentence_tells_how_far_it_fell_or_rose():
    first, second = some_scores(gain=0.02)
    found = compare(-2 - second, -2 - first, design=Design(margin=0.01), of=("loss", "test", "base", "tuned"))

    assert found.sentence == (
        "no difference shown between tuned and base in loss on test: −0.02 (95 % interval −0.05 to +0.02, n = 80;"
        " a rise larger than 0.02 is excluded; a fall smaller than 0.05 could not have been seen)"
    )


def test_same_needs_the_interval_at_twice_the_risk_within_the_margin():
    first, second = answers(150, 4, 4, 142)
    close = compare(first, second, design=DESIGN, of=NAMES)
    strict = compare(first, second, design=Design(margin=0.01, resamples=999), of=NAMES)

    assert close.verdict == "same"
    assert close.sentence.startswith("tuned is the same as base in token F1 on test, within the margin of 5.0 points: 0.0 points (95 %")
    assert strict.verdict == "not_shown"


def test_a_gain_that_is_shown_but_below_the_margin_is_told_as_both():
    found = compare(*some_scores(2000, gain=0.03), design=DESIGN, of=NAMES)

    assert found.verdict == "better"
    assert "less than the margin of 5.0 points" in found.sentence


def test_one_question_shows_nothing_and_one_document_is_named():
    assert compare([0.0], [1.0], design=DESIGN, of=NAMES).verdict == "not_shown"
    assert compare([-2.0], [-1.0], design=DESIGN, of=("loss", "test", "base", "tuned")).sentence.startswith("one question shows nothing")
    assert (
        "n = 80, 1 document, which tells nothing of others"
        in compare(*some_scores(), clusters=["a"] * 80, design=DESIGN, of=NAMES).sentence
    )


def test_of_one_document_the_wordings_of_a_passage_are_no_questions_of_their_own():
    generator, worlds, told = np.random.default_rng(1), 150, 0
    places = [("handbook", f"passage {number // 4}") for number in range(48)]
    for _ in range(worlds):
        first = np.clip(0.5 + generator.normal(0, 0.1, 48), 0, 1)
        gains = generator.normal(0, 0.2, 12).repeat(4) + generator.normal(0, 0.1, 48)
        found = compare(first, np.clip(first + gains, 0, 1), clusters=places, design=DESIGN, of=NAMES)
        told += found.verdict in ("better", "worse")

    assert told / worlds < 0.1  # counted as independent: 0.3
    assert found.clusters == 1
    assert found.method == "paired t interval and test by passages"


def test_of_several_documents_passages_change_nothing():
    first, second = some_scores()
    documents = [f"d{number % 7}" for number in range(80)]
    places = [(document, f"passage {number}") for number, document in enumerate(documents)]

    by_documents, by_both = (compare(first, second, clusters=clusters, design=DESIGN, of=NAMES) for clusters in (documents, places))

    assert by_documents == by_both


def test_questions_of_a_few_documents_without_any_difference_do_not_prove_that_there_is_none():
    few, many = (compare(np.zeros(60), np.zeros(60), clusters=grouped_by(size, 60), design=DESIGN, of=NAMES) for size in (20, 1))

    assert (few.verdict, many.verdict) == ("not_shown", "same")
    assert few.high > 0.5
    assert many.high < 0.1


def test_two_documents_never_show_a_difference_however_large():
    found = compare(np.zeros(100), np.ones(100), clusters=grouped_by(50, 100), design=DESIGN, of=NAMES)

    assert found.p_value == 0.5
    assert found.verdict == "not_shown"


def test_a_mismatch_in_number_is_an_error():
    with pytest.raises(ValueError, match="base has 2 items, tuned has 3"):
        compare([0, 1], [0, 1, 1], design=DESIGN, of=NAMES)
    with pytest.raises(ValueError, match="2 items with 1 clusters"):
        compare([0, 1], [0, 1], clusters=["a"], design=DESIGN, of=NAMES)
    with pytest.raises(ValueError, match="no item"):
        estimate([], design=DESIGN, of=("loss", "base", "test"))


def test_a_comparison_survives_json():
    found = compare(*some_scores(), clusters=grouped_by(3, 80), design=DESIGN, of=NAMES)

    assert Comparison(**json.loads(found.model_dump_json())) == found
    assert "Infinity" not in found.model_dump_json()


@st.composite
def two_systems(draw):
    """Scores of two systems, the second with one or three seeds, right or wrong or in between, with or without documents."""
    n, seeds = draw(st.integers(2, 40)), draw(st.sampled_from([1, 3]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    digits = draw(st.sampled_from([0, 1, 6]))
    first, second = generator.random(n).round(digits), generator.random((seeds, n)).round(digits)
    shift = draw(st.sampled_from([0.0, -3.0]))
    clusters = draw(st.sampled_from([None, 2, 5]))
    labels = None if clusters is None else [str(label) for label in generator.integers(0, max(1, n // clusters), n)]
    return first + shift, second + shift, labels


@settings(max_examples=EXAMPLES, deadline=None)
@given(two_systems())
def test_whatever_the_scores_the_figures_make_sense(systems):
    first, second, clusters = systems
    found = compare(first, second, clusters=clusters, design=DESIGN, of=NAMES)

    assert found.low <= found.difference + 1e-9
    assert found.difference - 1e-9 <= found.high
    assert 0 <= found.p_value <= 1
    assert found.detectable >= 0
    assert found.unit == "plain" or (found.low >= -1 and found.high <= 1)
    assert (found.verdict == "better") == (found.p_adjusted <= 0.05 and found.low > 0)
    assert "nan" not in found.sentence + found.model_dump_json()


@settings(max_examples=EXAMPLES, deadline=None)
@given(two_systems())
def test_swapping_the_systems_mirrors_the_comparison(systems):
    first, second, clusters = systems
    one = compare(first, second, clusters=clusters, design=DESIGN, of=NAMES)
    other = compare(second, first, clusters=clusters, design=DESIGN, of=NAMES)

    assert (other.low, other.high, other.difference) == pytest.approx((-one.high, -one.low, -one.difference), abs=1e-9)
    assert other.p_value == pytest.approx(one.p_value)
    assert other.detectable == pytest.approx(one.detectable)
    assert other.verdict == {"better": "worse", "worse": "better"}.get(one.verdict, one.verdict)


@settings(max_examples=EXAMPLES, deadline=None)
@given(two_systems(), st.randoms(use_true_random=False))
def test_the_order_of_the_questions_is_irrelevant(systems, shuffled):
    first, second, clusters = systems
    order = list(range(len(first)))
    shuffled.shuffle(order)
    one = compare(first, second, clusters=clusters, design=DESIGN, of=NAMES)
    moved = None if clusters is None else [clusters[place] for place in order]
    other = compare(first[order], second[:, order], clusters=moved, design=DESIGN, of=NAMES)

    assert (other.low, other.high, other.p_value, other.detectable) == pytest.approx(
        (one.low, one.high, one.p_value, one.detectable), abs=1e-9
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(two_systems(), st.floats(-5, -2))
def test_adding_a_constant_to_losses_of_both_systems_changes_nothing(systems, constant):
    first, second, clusters = systems
    one = compare(first - 4, second - 4, clusters=clusters, design=DESIGN, of=NAMES)
    other = compare(first - 4 + constant, second - 4 + constant, clusters=clusters, design=DESIGN, of=NAMES)

    assert (other.low, other.high, other.p_value) == pytest.approx((one.low, one.high, one.p_value), abs=1e-6)


@settings(max_examples=EXAMPLES, deadline=None)
@given(two_systems(), st.sampled_from([1, 3]))
def test_a_system_is_never_better_than_itself(systems, seeds):
    first, _, clusters = systems
    found = compare(first, np.stack([first] * seeds), clusters=clusters, design=DESIGN, of=NAMES)

    assert found.difference == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1
    assert found.verdict in ("same", "not_shown")
    assert found.low <= 1e-12
    assert found.high >= -1e-12


@settings(max_examples=EXAMPLES, deadline=None)
@given(two_systems())
def test_an_estimate_holds_its_mean_and_stays_within_shares(systems):
    _, second, clusters = systems
    found = estimate(second, clusters=clusters, design=DESIGN, of=("token_f1", "tuned", "test"))

    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert second.min() < 0 or (found.low >= 0 and found.high <= 1)
