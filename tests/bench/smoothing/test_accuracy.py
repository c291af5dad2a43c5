"""Scores over a set of images, against hand calculation and other programs' arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest, t

from trustdm.bench.errors import UsageError
from trustdm.bench.smoothing.accuracy import (
    ENVELOPE,
    abstention,
    average_certified_radius,
    certified_accuracy,
    counted_radius,
    envelope,
    mean_estimate,
    share,
    surely_robust,
)

CORRECT = np.array([1, 1, 0, 1, 0])
RADIUS = np.array([0.5, 0.25, 0.9, 0.0, 0.0])


def test_certified_accuracy_counts_right_labels_with_at_least_the_radius() -> None:
    found = certified_accuracy(CORRECT, RADIUS, (0.0, 0.25, 0.2500001, 0.5, 0.9))
    assert [e.value for e in found] == [0.6, 0.4, 0.2, 0.2, 0.0]
    assert {e.n for e in found} == {5}


def test_intervals_of_shares() -> None:
    for k in (0, 3, 5):
        theirs = binomtest(k, 5).proportion_ci(0.95, method="wilson")
        ours = share(k, 5)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_the_average_counts_wrong_and_withheld_labels_as_nothing() -> None:
    found = average_certified_radius(CORRECT, RADIUS)
    assert found.value == pytest.approx(0.75 / 5)
    values = [0.5, 0.25, 0, 0, 0]
    low, high = t.interval(0.95, 4, np.mean(values), np.std(values, ddof=1) / math.sqrt(5))
    assert low < 0
    assert (found.low, found.high) == pytest.approx((0, high))
    assert counted_radius(CORRECT, RADIUS).tolist() == values


def test_the_interval_of_a_mean_covers_it() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        correct, radius = rng.random(80) < 0.7, rng.random(80)
        found = average_certified_radius(correct, radius)
        inside += found.low <= 0.35 <= found.high
    assert binomtest(inside, 400, 0.95).pvalue > 0.001


def test_of_one_value_nothing_is_known() -> None:
    assert mean_estimate([2.0]).low == -math.inf
    assert mean_estimate([2.0]).high == math.inf
    assert math.isnan(mean_estimate([]).value)


def test_abstention() -> None:
    found = abstention([-1, 3, 0, -1])
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx(tuple(binomtest(2, 4).proportion_ci(0.95, "wilson")))


@pytest.mark.parametrize("images", [1, 50, 500, 10_000])
@pytest.mark.parametrize(("alpha", "rho"), [(0.001, 0.001), (0.01, 0.05), (0.2, 1e-6)])
def test_more_certificates_are_wrong_than_are_allowed_for_with_probability_rho_at_most(images, alpha, rho) -> None:
    allowed = round((1 - surely_robust(1.0, images, alpha, rho)) * images)
    assert binom.sf(allowed, images, alpha) <= rho
    assert allowed == 0 or binom.sf(allowed - 1, images, alpha) > rho


def test_the_envelope_takes_the_best_sigma_and_the_smallest_of_equals() -> None:
    best, sigma = envelope({0.5: [0.6, 0.5, 0.2], 0.25: [0.8, 0.5, 0.0]})
    assert best.tolist() == [0.8, 0.5, 0.2]
    assert sigma.tolist() == [0.25, 0.25, 0.5]
    assert ENVELOPE == "best sigma per radius"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: certified_accuracy([1], [0.1, 0.2], (0,)), "a verdict and a radius for each image"),
        (lambda: certified_accuracy([1], [np.nan], (0,)), "radius: expected finite radii from 0, got nan"),
        (lambda: certified_accuracy([2], [0.1], (0,)), "correct: expected 0 or 1"),
        (lambda: envelope({0.1: [1.0], 0.2: [1.0, 2.0]}), "one grid of radii"),
        (lambda: envelope({}), "one grid of radii"),
    ],
)
def test_what_makes_no_sense_is_named(call, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
