"""Scores of shares: the example is the unit, and what does not count is left out."""

from __future__ import annotations

import numpy as np
import pytest

from trustdm.bench import stats
from trustdm.bench.summary.score import shares, single


def test_one_verdict_each_has_wilsons_interval():
    score = single(np.arange(4), np.array([1.0, 0.0, 1.0, 1.0]))
    low, high = stats.wilson(3, 4)
    assert (score.estimate.value, score.estimate.n) == (0.75, 4)
    assert (score.estimate.low, score.estimate.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_several_draws_are_clustered_and_examples_without_any_are_left_out():
    values, draws = np.array([1.0, 0.5, np.nan]), np.array([3, 2, 0])
    score = shares(np.array([7, 8, 9]), values, draws)
    assert score.estimate == stats.clustered([1.0, 0.5], [3, 2]) and score.estimate.n == 2
    assert score.examples.tolist() == [7, 8, 9] and np.isnan(score.values[2])


def test_nothing_that_counts_is_no_score():
    assert shares(np.array([1]), np.array([np.nan]), np.array([0])) is None
