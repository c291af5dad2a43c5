"""Certificates from a fixed number of draws, against exact sums over the binomial and hand calculation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm

from trustdm.bench.errors import UsageError
from trustdm.bench.smoothing.fixed import (
    ABSTAIN,
    certified_radius,
    certify,
    clopper_pearson_lower,
    largest_radius,
    least_alpha,
    least_successes,
)

ALPHA = 0.001


def two_classes(successes: np.ndarray, trials: int) -> np.ndarray:
    return np.stack([successes, trials - successes], axis=1)


@pytest.mark.parametrize(("k", "n"), [(1, 1), (3, 10), (99, 100), (100, 100), (52_000, 100_000), (99_999, 100_000)])
def test_the_lower_bound_is_where_the_upper_tail_is_alpha(k: int, n: int) -> None:
    bound = float(clopper_pearson_lower(k, n, ALPHA))
    assert binom.sf(k - 1, n, bound) == pytest.approx(ALPHA, rel=1e-9)


def test_the_lower_bound_agrees_with_the_two_sided_call_at_twice_alpha() -> None:
    for k, n in ((0, 5), (7, 10), (10, 10), (730, 1000)):
        theirs = binomtest(k, n).proportion_ci(1 - 2 * ALPHA, method="exact").low
        assert float(clopper_pearson_lower(k, n, ALPHA)) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("n", [10, 57, 1000])
def test_the_bound_exceeds_the_truth_with_probability_alpha_at_most(n: int, alpha: float) -> None:
    k = np.arange(n + 1)
    bound = clopper_pearson_lower(k, n, alpha)
    for p in (0.01, 0.3, 0.5, 0.77, 0.99):
        assert binom.pmf(k, n, p)[bound > p].sum() <= alpha


@pytest.mark.parametrize("distance", [0.05, 0.3, 0.62, 1.1])
def test_a_linear_classifiers_radius_is_exceeded_with_probability_alpha_at_most(distance: float) -> None:
    """sign(w x + b) under noise gives the class with probability Phi(distance / sigma): its radius is the distance."""
    sigma, n = 0.5, 1000
    k = np.arange(n + 1)
    fresh = two_classes(k, n)
    found = certify(np.tile([[90, 10]], (n + 1, 1)), fresh, sigma, ALPHA)
    mass = binom.pmf(k, n, norm.cdf(distance / sigma))
    assert mass[(found.label == 0) & (found.radius > distance)].sum() <= ALPHA


def test_a_linear_classifier_under_real_noise() -> None:
    sigma, runs, alpha, n0 = 0.25, 400, 0.05, 20
    rng = np.random.default_rng(11)
    w, x, b = np.array([3.0, -1.0, 2.0]), np.array([0.4, 0.2, 0.1]), -0.5
    truth = abs(w @ x + b) / np.linalg.norm(w)
    mean_radius = []
    for n in (100, 2000):
        noisy = x + sigma * rng.standard_normal((runs, n0 + n, 3))
        label = (noisy @ w + b > 0).astype(int)
        counts = np.stack([label == 0, label == 1], axis=-1)
        found = certify(counts[:, :n0].sum(1), counts[:, n0:].sum(1), sigma, alpha)
        wrong = (found.label == 0) | (found.radius > truth)
        assert binomtest(int(wrong.sum()), runs, alpha, alternative="greater").pvalue > 0.001
        mean_radius.append(found.radius[found.label == 1].mean())
    assert mean_radius[0] < mean_radius[1] < truth
    assert mean_radius[1] > 0.8 * truth


def test_radii_approach_the_truth() -> None:
    truth, sigma = 0.4, 0.5
    n = 10 ** np.arange(2, 8)
    k = np.round(n * norm.cdf(truth / sigma)).astype(int)
    gap = truth - certified_radius(clopper_pearson_lower(k, n, ALPHA), sigma)
    assert np.all(gap > 0)
    assert np.all(gap[1:] < 0.4 * gap[:-1])
    assert gap[-1] < 0.001


def test_the_class_comes_from_the_selection_alone_and_ties_go_to_the_lowest_label() -> None:
    found = certify([[0, 5, 5, 0], [1, 0, 0, 9]], [[0, 90, 10, 0], [100, 0, 0, 0]], 1.0, ALPHA)
    assert found.selected.tolist() == [1, 3]
    assert found.label.tolist() == [1, ABSTAIN]
    assert found.radius[0] == pytest.approx(norm.ppf(binomtest(90, 100).proportion_ci(0.998, "exact").low))
    assert found.radius[1] == 0.0
    assert found.p_lower[1] == 0.0


def test_less_than_ten_draws_certify_nothing_at_one_in_a_thousand() -> None:
    """All agree: .001^(1/9) = .4642 and .001^(1/10) = .5012."""
    for n, label in ((9, ABSTAIN), (10, 0)):
        found = certify([[5, 0]], [[n, 0]], 1.0, 0.001)
        assert found.label.tolist() == [label]
    assert found.radius[0] == pytest.approx(norm.ppf(0.001**0.1))
    for power in range(2, 30):  # half of one half, exactly
        assert certify([[5, 0]], [[power, 0]], 1.0, 2.0**-power).label.tolist() == [0]
        assert certify([[5, 0]], [[power - 1, 0]], 1.0, 2.0**-power).label.tolist() == [ABSTAIN]


def test_it_abstains_exactly_below_one_half() -> None:
    n = 1000
    k = np.arange(n + 1)
    found = certify(np.tile([[9, 1]], (n + 1, 1)), two_classes(k, n), 0.5, ALPHA)
    rejected = np.array([binom.sf(i - 1, n, 0.5) <= ALPHA for i in k])
    assert np.array_equal(found.label == 0, rejected)
    assert np.all(found.radius[rejected] >= 0)
    assert np.all(found.radius[~rejected] == 0)
    assert np.all(np.diff(found.radius) >= 0)


@pytest.mark.parametrize("radius", [0.0, 0.1, 0.25, 0.9])
@pytest.mark.parametrize("n", [10, 100, 1000])
def test_least_successes_is_the_first_that_certify_accepts(n: int, radius: float) -> None:
    k = np.arange(n + 1)
    found = certify(np.tile([[9, 1]], (n + 1, 1)), two_classes(k, n), 0.5, ALPHA)
    accepted = np.flatnonzero((found.label == 0) & (found.radius >= radius))
    assert least_successes(n, radius, 0.5, ALPHA) == (accepted[0] if len(accepted) else n + 1)


def test_the_largest_radius() -> None:
    for sigma, radius in ((0.12, 0.457), (0.25, 0.953), (0.5, 1.906), (1.0, 3.811)):
        assert largest_radius(100_000, sigma, ALPHA) == pytest.approx(radius, abs=6e-4)
    assert largest_radius(9, 0.5, ALPHA) == 0.0


@pytest.mark.parametrize("alpha", [1e-6, 0.001, 0.01, 0.4])
@pytest.mark.parametrize(("n", "sigma"), [(30, 1.0), (1000, 0.25), (100_000, 0.5)])
def test_the_least_alpha_is_the_one_of_the_largest_radius(n: int, sigma: float, alpha: float) -> None:
    assert least_alpha(n, sigma, largest_radius(n, sigma, alpha)) == pytest.approx(alpha, rel=1e-9)
    assert least_alpha(n, sigma, 0.3) == pytest.approx(norm.cdf(0.3 / sigma) ** n, rel=1e-9)
    assert least_alpha(n, sigma, 100 * sigma) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clopper_pearson_lower(3, 2, ALPHA), "expected at most as many successes as trials, got 3 of 2"),
        (lambda: clopper_pearson_lower(1, 2, 0.7), "alpha: expected a probability of error between 0 and 0.5, got 0.7"),
        (lambda: certify([[1, 2]], [[1, 2, 3]], 1.0, ALPHA), r"of one shape, got \(1, 2\) and \(1, 3\)"),
        (lambda: certify([[1, 2]], [[-1, 2]], 1.0, ALPHA), "estimation: expected whole numbers from 0, got -1"),
        (lambda: certify([[1.0, 2.0]], [[1, 2]], 1.0, ALPHA), "selection: expected whole numbers from 0, got float64"),
        (lambda: certify([[1, 2]], [[0, 0]], 1.0, ALPHA), "estimation: expected at least one draw .* for image 0"),
        (lambda: certify([[1, 2]], [[1, 2]], 0.0, ALPHA), "sigma: expected a positive standard deviation"),
        (lambda: certified_radius(1.5, 1.0), r"expected lower bounds in \[0, 1\]"),
    ],
)
def test_what_makes_no_sense_is_named(call, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_no_images_give_no_certificates() -> None:
    none = np.zeros((0, 3), dtype=int)
    assert len(certify(none, none, 1.0, ALPHA).label) == 0
