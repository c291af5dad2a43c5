"""Intervals, tests and ranks against scipy, statsmodels, naive loops, and simulated coins."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, binomtest, norm, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from trustdm.bench import stats
from trustdm.bench.types import Estimate

GRID = [(k, n) for n in (1, 2, 7, 40, 1000) for k in sorted({0, 1, n // 3, n - 1, n})]
UNLIKELY = 1e-4
"""A simulation that is right fails this often; the seeds are fixed, so it passes or fails for good."""


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_is_that_of_statsmodels(level):
    k, n = np.array(GRID).T
    low, high = stats.wilson(k, n, level)
    theirs = np.array([proportion_confint(a, b, 1 - level, method="wilson") for a, b in GRID])
    np.testing.assert_allclose(low, theirs[:, 0], atol=1e-12)
    np.testing.assert_allclose(high, theirs[:, 1], atol=1e-12)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_clopper_pearson_is_that_of_scipy(level):
    k, n = np.array(GRID).T
    low, high = stats.clopper_pearson(k, n, level)
    theirs = [binomtest(a, b).proportion_ci(level, method="exact") for a, b in GRID]
    np.testing.assert_allclose(low, [t.low for t in theirs], atol=1e-12)
    np.testing.assert_allclose(high, [t.high for t in theirs], atol=1e-12)


@pytest.mark.parametrize("interval", [stats.wilson, stats.clopper_pearson])
def test_intervals_at_their_edges(interval):
    assert tuple(map(float, interval(0, 0))) == (0, 1)
    low, high = interval([0, 5], [5, 5])
    assert low[0] == 0
    assert high[1] == 1
    assert 0 < high[0] < 1
    assert 0 < low[1] < 1
    for k, n in ((-1, 5), (6, 5), (np.nan, 5)):
        with pytest.raises(ValueError, match="expected 0 <= k <= n"):
            interval(k, n)
    with pytest.raises(ValueError, match=r"level between 0 and 1, got 95"):
        interval(1, 2, 95)


def coverage(interval, n, shares):
    """The exact probability that the interval holds each share."""
    k = np.arange(n + 1)
    low, high = interval(k, np.full(n + 1, n))
    return np.array([binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() for p in shares])


def test_coverage_of_the_intervals_is_what_they_promise():
    shares = np.linspace(0.001, 0.999, 999)
    assert coverage(stats.clopper_pearson, 50, shares).min() >= 0.95
    ours = coverage(stats.wilson, 50, shares)
    assert 0.945 < ours.mean() < 0.965
    assert ours.min() > 0.82  # known: Wilson's interval is short near 0 and 1 (Brown, Cai and DasGupta 2001)


@given(st.integers(1, 60), st.data())
def test_one_draw_for_each_example_gives_wilson_exactly(n, data):
    k = data.draw(st.integers(0, n))
    estimate = stats.clustered([1] * k + [0] * (n - k), np.ones(n))
    low, high = stats.wilson(k, n)
    assert estimate == Estimate(k / n, pytest.approx(float(low), abs=1e-12), pytest.approx(float(high), abs=1e-12), n)


def test_draws_that_repeat_each_other_add_nothing():
    verdicts = np.array([1, 1, 1, 0, 0, 1, 0, 1, 1, 1.0])
    assert stats.clustered(verdicts, np.full(10, 50)) == stats.clustered(verdicts, np.ones(10))


def test_draws_that_do_not_depend_on_the_example_count_in_full():
    """40 examples, 10 draws, each example right in half of them: no variance between, so 400 independent coins."""
    estimate = stats.clustered(np.full(40, 0.5), np.full(40, 10))
    shrunk = 400 * (norm.ppf(0.975) / 2.0226909) ** 2  # Student's 97.5% quantile with 39 degrees of freedom
    low, high = stats.wilson(shrunk / 2, shrunk)
    assert estimate == Estimate(0.5, pytest.approx(float(low), abs=1e-6), pytest.approx(float(high), abs=1e-6), 40)


def test_a_clustered_interval_by_hand():
    """Shares 0, 1/4, 1/2, 3/4, 1: mean 1/2, variance 5/32, so 1/4 / (5/32 / 5) = 8 effective coins before Student's."""
    estimate = stats.clustered([0, 0.25, 0.5, 0.75, 1], np.full(5, 4))
    size = max(5.0, 8 * (norm.ppf(0.975) / 2.7764451) ** 2)
    low, high = stats.wilson(size / 2, size)
    assert estimate == Estimate(0.5, pytest.approx(float(low), abs=1e-6), pytest.approx(float(high), abs=1e-6), 5)


def test_unequal_draws_count_by_their_harmonic_mean():
    """Draws 1 and 3: at most n^2 / (1 + 1/3 + ...) independent coins, fewer than the 4 x 10 draws there were."""
    draws = np.tile([1, 3], 1000)
    estimate = stats.clustered(np.full(2000, 1.0) * 0.5, draws)
    low, _ = stats.wilson(1500, 3000)
    assert estimate.low == pytest.approx(float(low), abs=1e-4)


def test_clustered_at_its_edges():
    empty = stats.clustered([], [])
    assert np.isnan(empty.value)
    assert (empty.low, empty.high, empty.n) == (0, 1, 0)
    assert stats.clustered([0.0] * 9, [10] * 9).high == float(stats.wilson(0, 9)[1])
    assert stats.clustered([1.0] * 9, [10] * 9).low == float(stats.wilson(9, 9)[0])
    one = stats.clustered([0.5], [10])
    assert (one.low, one.high) == tuple(map(float, stats.wilson(0.5, 1)))
    for shares, draws in (([0.5], [0]), ([1.5], [1]), ([0.5, 0.5], [1]), ([[0.5]], [[1]])):
        with pytest.raises(ValueError, match="expected n shares"):
            stats.clustered(shares, draws)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(6, 9)), min_size=1, max_size=30))
def test_a_clustered_interval_holds_its_value_and_lies_between_its_two_ends(pairs):
    right, draws = np.array(pairs, dtype=float).T
    estimate = stats.clustered(right / draws, draws)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    n, most = len(pairs), len(pairs) ** 2 / np.sum(1 / draws)
    wide, narrow = stats.wilson(estimate.value * n, n), stats.wilson(estimate.value * most, most)
    assert wide[0] - 1e-12 <= estimate.low <= narrow[0] + 1e-12
    assert narrow[1] - 1e-12 <= estimate.high <= wide[1] + 1e-12


@pytest.mark.parametrize(
    ("name", "mean", "draw"),
    [
        ("every example alike", 0.5, lambda g, n: np.full(n, 0.5)),
        ("examples differ a little", 0.5, lambda g, n: g.beta(5, 5, n)),
        ("examples differ much", 0.5, lambda g, n: g.beta(1, 1, n)),
        ("examples are all or nothing", 0.6, lambda g, n: (g.random(n) < 0.6) * 1.0),
        ("mostly right", 2 / 2.5, lambda g, n: g.beta(2, 0.5, n)),
        ("two kinds", 0.26, lambda g, n: np.where(g.random(n) < 0.2, 0.9, 0.1)),
    ],
)
@pytest.mark.parametrize(("n", "draws"), [(16, 10), (64, 2), (200, 10)])
def test_coverage_of_the_clustered_interval(name, mean, draw, n, draws):
    generator = np.random.default_rng([n, draws])
    runs, missed = 600, 0
    for _ in range(runs):
        estimate = stats.clustered(generator.binomial(draws, draw(generator, n)) / draws, np.full(n, draws))
        missed += not estimate.low - 1e-12 <= mean <= estimate.high + 1e-12
    # Wilson's own coverage moves around 0.95 with n and p; 0.07 is what is meant by "about 0.05".
    assert missed <= binom.isf(UNLIKELY, runs, 0.07), name


def test_pooling_draws_would_cover_far_too_little():
    """Why the example is the unit: with draws that repeat each other Wilson on all draws misses most of the time."""
    generator = np.random.default_rng(0)
    truth = generator.random((400, 50)) < 0.6
    low, high = stats.wilson(10 * truth.sum(1), np.full(400, 500))
    assert np.mean((low <= 0.6) & (high >= 0.6)) < 0.6
    ours = [stats.clustered(row.astype(float), np.full(50, 10)) for row in truth]
    assert np.mean([e.low <= 0.6 <= e.high for e in ours]) > 0.92


def test_mcnemar_is_that_of_statsmodels_and_of_scipy():
    pairs = [*product(range(6), range(6)), (3, 60), (50, 50), (200, 260)]
    b, c = np.array(pairs).T
    ours = stats.mcnemar_exact(b, c)
    theirs = [float(mcnemar([[9, x], [y, 9]], exact=True).pvalue) if x + y else 1.0 for x, y in pairs]
    np.testing.assert_allclose(ours, np.minimum(theirs, 1), rtol=1e-10)
    scipys = [binomtest(x, x + y).pvalue if x + y else 1.0 for x, y in pairs]
    np.testing.assert_allclose(ours, scipys, rtol=1e-10)
    np.testing.assert_array_equal(ours, stats.mcnemar_exact(c, b))
    assert float(stats.mcnemar_exact(0, 5)) == 2 / 32


def test_binary_values_are_compared_by_mcnemar():
    a, b = [1, 1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0, 1]
    assert stats.paired_test(a, b) == (2 / 64, "exact McNemar")
    assert stats.paired_test(a, a) == (1.0, "exact McNemar")
    assert stats.paired_test([1], [0]) == (1.0, "exact McNemar")
    assert stats.paired_test([], []) == (1.0, "exact McNemar")
    assert stats.paired_test([*a, np.nan, 1], [*b, 1, np.nan]) == stats.paired_test(a, b)
    with pytest.raises(ValueError, match="two vectors over the same examples"):
        stats.paired_test([1, 0], [1])


def all_signs(difference):
    """The sign-flip test by going through every choice of signs."""
    signs = np.array(list(product((-1, 1), repeat=len(difference))))
    return float(np.mean(np.abs(signs @ difference) >= abs(difference.sum()) - 1e-9))


@pytest.mark.parametrize("draws", [2, 3, 4, 7, 10])
def test_the_sign_flip_test_is_exact(draws):
    generator = np.random.default_rng(draws)
    for n in (1, 2, 5, 11):
        a, b = generator.integers(0, draws + 1, (2, n)) / draws
        a[0], b[0] = 1 / draws, 0
        p, name = stats.paired_test(a, b)
        assert name == "exact sign-flip"
        assert p == pytest.approx(all_signs(a - b), abs=1e-12)
        assert stats.paired_test(b, a) == (p, name)


def test_the_sign_flip_test_has_mcnemars_as_its_special_case():
    """Halves on both sides that cancel leave differences of -1, 0 and 1."""
    a, b = np.array([1] * 9 + [0] * 2 + [0.5] * 5), np.array([0] * 9 + [1] * 2 + [0.5] * 5)
    p, name = stats.paired_test(a, b)
    assert name == "exact sign-flip"
    assert p == pytest.approx(float(stats.mcnemar_exact(9, 2)), abs=1e-13)


def test_the_sign_flip_test_on_ten_thousand_examples_agrees_with_its_normal_limit():
    generator = np.random.default_rng(3)
    a, b = generator.binomial(10, 0.52, 10_000) / 10, generator.binomial(10, 0.515, 10_000) / 10
    difference = a - b
    z = (abs(difference.sum()) - 0.05) / np.sqrt(np.sum(difference**2))
    assert stats.paired_test(a, b)[0] == pytest.approx(2 * norm.sf(z), rel=1e-2)


def test_a_sign_flip_p_value_is_never_below_the_smallest_possible():
    assert stats.paired_test(np.full(8, 0.5), np.zeros(8))[0] == pytest.approx(2 / 2**8, abs=1e-14)
    assert 2.0**-899 <= stats.paired_test(np.full(900, 0.5), np.zeros(900))[0] < 1e-14
    assert stats.paired_test([0.5, 0.25], [0.5, 0.25]) == (1.0, "exact sign-flip")
    assert stats.paired_test([0.3], [0.1])[0] == 1.0


def test_values_without_a_step_are_compared_by_the_paired_t_test():
    a, b = np.random.default_rng(1).random((2, 30))
    p, name = stats.paired_test(a, b + 0.1)
    assert name == "paired t"
    assert p == pytest.approx(float(ttest_rel(a, b + 0.1).pvalue), rel=1e-10)


@pytest.mark.parametrize("draws", [1, 5])
def test_pairwise_is_the_paired_test_of_every_pair(draws):
    generator = np.random.default_rng(draws)
    table = generator.binomial(draws, 0.5, (4, 25)) / draws
    table[generator.random(table.shape) < 0.1] = np.nan
    p, gap, name = stats.pairwise(table)
    assert name == ("exact McNemar" if draws == 1 else "exact sign-flip")
    np.testing.assert_array_equal(np.diag(p), 1)
    for i, j in combinations(range(4), 2):
        assert p[i, j] == p[j, i] == pytest.approx(stats.paired_test(table[i], table[j])[0], abs=1e-12)
        assert gap[i, j] == pytest.approx(float(np.nanmean(table[i] - table[j])), abs=1e-12)
        assert gap[j, i] == pytest.approx(-gap[i, j], abs=1e-12)


def test_pairwise_names_every_test_it_used():
    table = [[0, 1, 1, 0.5], [1, 1, 0, 1], list(np.sqrt([0.2, 0.3, 0.5, 0.7]))]
    assert stats.pairwise(table)[2] == "exact sign-flip and paired t"
    assert stats.pairwise([[0.5, 0.25]])[2] == "exact McNemar"
    lonely = stats.pairwise([[1, np.nan], [np.nan, 0]])
    assert (lonely[0][0, 1], lonely[1][0, 1]) == (1, 0)


@pytest.mark.parametrize("m", [1, 2, 6, 45])
def test_holm_is_that_of_statsmodels(m):
    p = np.random.default_rng(m).random(m) ** 3
    np.testing.assert_allclose(stats.holm(p), multipletests(p, method="holm")[1], atol=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.01, 0.5))
def test_holm_rejects_step_by_step(p, level):
    """The definition: go up the sorted p-values, stop at the first above level / (how many are left)."""
    rejected = set()
    for done, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[i] * (len(p) - done) > level:
            break
        rejected.add(i)
    assert set(np.flatnonzero(stats.holm(p) <= level)) == rejected


def test_holm_by_hand():
    np.testing.assert_allclose(stats.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(stats.holm([0.5, 0.9]), [1, 1])
    assert stats.holm([]).shape == (0,)


def test_rank_intervals_by_hand():
    """A beats C and D; B beats D: A 1-2, B 1-3, C 2-4, D 3-4."""
    better = np.zeros((4, 4), dtype=bool)
    better[0, 2] = better[0, 3] = better[1, 3] = True
    assert stats.rank_intervals(better) == [(1, 2), (1, 3), (2, 4), (3, 4)]
    assert stats.rank_intervals(np.zeros((3, 3))) == [(1, 3)] * 3
    assert stats.rank_intervals(np.triu(np.ones((3, 3)), 1)) == [(1, 1), (2, 2), (3, 3)]
    assert stats.rank_intervals(np.zeros((1, 1))) == [(1, 1)]


def ranks(values, level=0.05):
    p, gap, _ = stats.pairwise(values)
    return stats.rank_intervals(stats.significantly_better(p, gap, level))


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 30)), elements=st.sampled_from([0.0, 0.5, 1.0])))
def test_rank_intervals_hold_the_empirical_rank(values):
    means = values.sum(1)
    for i, (low, high) in enumerate(ranks(values, level=0.5)):
        assert 1 <= low <= 1 + np.sum(means > means[i])
        assert len(means) - np.sum(means < means[i]) <= high <= len(means)


def test_clear_differences_are_told_apart_and_equal_rows_are_not():
    generator = np.random.default_rng(0)
    luck = generator.random(400)
    values = np.array([luck < 0.9, luck < 0.6, luck < 0.6, luck < 0.2], dtype=float)
    assert ranks(values) == [(1, 1), (2, 3), (2, 3), (4, 4)]


@pytest.mark.parametrize(("draws", "m", "runs"), [(1, 5, 1000), (4, 3, 300)])
def test_equal_methods_are_seldom_told_apart(draws, m, runs):
    """Hard and easy examples, shared by all methods; any separation is false."""
    generator, wrong = np.random.default_rng([draws, m]), 0
    for _ in range(runs):
        ease = generator.beta(2, 1, 80)
        values = generator.binomial(draws, np.broadcast_to(ease, (m, 80))) / draws
        wrong += any(interval != (1, m) for interval in ranks(values))
    assert wrong <= binom.isf(UNLIKELY, runs, 0.05)


def test_without_the_correction_equal_methods_would_be_told_apart():
    """The simulation above can see a failure: at level 0.05 for each of 10 pairs it sees one."""
    generator, wrong, runs = np.random.default_rng(7), 0, 300
    for _ in range(runs):
        values = generator.random((5, 400)) < generator.beta(2, 1, 400)
        p, _, _ = stats.pairwise(values)
        wrong += bool(np.any(p <= 0.05))
    assert wrong > binom.isf(UNLIKELY, runs, 0.05)


def test_rank_intervals_hold_all_true_ranks_at_once():
    """Methods a few points apart: a wrong direction is an error too, and counts here."""
    generator, runs, missed = np.random.default_rng(11), 600, 0
    shares = np.array([0.60, 0.58, 0.56, 0.50])
    for _ in range(runs):
        values = generator.random((4, 150)) < shares[:, None]
        missed += any(not low <= i + 1 <= high for i, (low, high) in enumerate(ranks(values)))
    assert missed <= binom.isf(UNLIKELY, runs, 0.05)
