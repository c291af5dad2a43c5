"""Precision and recall against loops over pairs and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trustdm.bench.errors import DataError
from trustdm.bench.features import neighbours
from trustdm.bench.features.neighbours import covered, precision_recall
from trustdm.bench.stats import wilson


def draw(seed, n, d=6, shift=0.0, scale=1.0):
    return np.maximum(np.random.default_rng(seed).normal(size=(n, d)) * scale, -0.5) + shift


def shares_by_loops(made, real, k):
    def radius(points, i):
        return sorted(math.dist(points[i], p) for j, p in enumerate(points) if j != i)[k - 1]

    def share(points, others):
        radii = [radius(others, j) for j in range(len(others))]
        return np.mean([any(math.dist(p, o) <= r for o, r in zip(others, radii, strict=True)) for p in points])

    return share(made, real), share(real, made)


@pytest.mark.parametrize("rows", [1, 7, 1024])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_the_loop_over_all_pairs(monkeypatch, rows, k):
    monkeypatch.setattr(neighbours, "ROWS", rows)
    made, real = draw(12, 37, 3, shift=0.4, scale=0.7), draw(13, 45, 3)
    found = precision_recall(made, real, k)
    assert (found.precision.value, found.recall.value) == pytest.approx(shares_by_loops(made, real, k))
    assert 0 < found.recall.value < found.precision.value <= 1


def test_the_intervals_are_wilsons_over_the_images_that_are_judged():
    made, real = draw(14, 40, 3, shift=0.3), draw(15, 60, 3)
    found = precision_recall(made, real)
    verdicts = covered(made, real, 3)
    low, high = wilson(verdicts.sum(), 40)
    assert (found.precision.low, found.precision.high, found.precision.n) == (float(low), float(high), 40)
    assert found.recall.n == 60
    assert found.recall.low < found.recall.value < found.recall.high


def test_real_images_are_precise_and_one_of_them_repeated_has_no_recall():
    real = draw(16, 50, 4)
    assert precision_recall(real[:20], real).precision.value == 1
    repeated = precision_recall(np.tile(real[:1], (20, 1)), real)
    assert repeated.precision.value == 1
    assert repeated.recall.value <= 1 / 50
    assert precision_recall(real + 100, real).precision.value == 0


def test_far_from_the_origin_distances_keep_their_digits():
    made, real = draw(17, 40, 3, shift=0.4), draw(18, 50, 3)
    near, far = precision_recall(made, real), precision_recall(made + 1e6, real + 1e6)
    assert near == far


GOOD = draw(19, 12, 4)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: precision_recall(GOOD[:3], GOOD), r"precision and recall: expected at least 4 feature vectors, got 3"),
        (lambda: precision_recall(GOOD, GOOD[:3]), r"recall: reference: expected at least 4 feature vectors, got 3"),
        (lambda: precision_recall(GOOD, GOOD, 0), r"precision and recall: expected k at least 1, got 0"),
        (lambda: precision_recall(GOOD, GOOD[:, 1:]), r"precision and recall: expected features of dimension 3, got 4"),
        (lambda: precision_recall(GOOD, GOOD + np.inf), r"reference: expected finite features"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(act, message):
    with pytest.raises(DataError, match=message):
        act()
