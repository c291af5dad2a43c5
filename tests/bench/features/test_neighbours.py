"""Kernel distance, precision and recall against loops over pairs, clean-fid, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trustdm.bench.errors import DataError
from trustdm.bench.features import neighbours as manifold
from trustdm.bench.features.neighbours import covered, kid, precision_recall
from trustdm.bench.stats import wilson


def draw(seed, n, d=6, shift=0.0, scale=1.0):
    return np.maximum(np.random.default_rng(seed).normal(size=(n, d)) * scale, -0.5) + shift


def kernel(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def kid_by_loops(x, y):
    own = [kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    other = [kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    return np.mean(own) + np.mean(other) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def shares_by_loops(made, real, k):
    def radius(points, i):
        return sorted(math.dist(points[i], p) for j, p in enumerate(points) if j != i)[k - 1]

    def share(points, others):
        radii = [radius(others, j) for j in range(len(others))]
        return np.mean([any(math.dist(p, o) <= r for o, r in zip(others, radii, strict=True)) for p in points])

    return share(made, real), share(real, made)


@pytest.mark.parametrize("rows", [1, 7, 1024])
@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_kid_is_the_loop_over_all_pairs(monkeypatch, rows, kind):
    monkeypatch.setattr(manifold, "ROWS", rows)
    x, y = draw(0, 23).astype(kind), draw(1, 31, shift=0.2).astype(kind)
    found = kid(x, y, block=4)
    assert found.value == pytest.approx(kid_by_loops(x.astype(float), y.astype(float)), rel=1e-9)
    assert found.n == 23


def test_kid_is_clean_fids_where_its_subsets_are_the_whole_sets():
    fid = pytest.importorskip("cleanfid.fid", reason="clean-fid is not installed")
    x, y = draw(2, 60, 16), draw(3, 60, 16, shift=0.1)
    assert kid(x, y, block=10).value == pytest.approx(fid.kernel_distance(y, x, num_subsets=2), rel=1e-9)


def test_kid_of_a_set_with_itself_counts_the_pairs_of_equal_images_across():
    x = draw(4, 40)
    expected = kid_by_loops(x, x)
    assert kid(x, x, block=5).value == pytest.approx(expected, rel=1e-9)
    assert expected < 0


def test_kid_is_unbiased_and_its_error_is_that_of_repetition():
    real = draw(5, 300)
    same = [kid(draw(100 + i, 100), real, block=10) for i in range(100)]
    values, errors = (np.array([getattr(s, name) for s in same]) for name in ("value", "se"))
    everything = kid(draw(6, 5000), real, block=100).value
    assert values.mean() == pytest.approx(everything, abs=4 * values.std() / math.sqrt(len(values)))
    off = [kid(draw(100 + i, 100, shift=0.2), real, block=10) for i in range(100)]
    values, errors = (np.array([getattr(s, name) for s in off]) for name in ("value", "se"))
    assert np.mean(abs(values - values.mean()) <= 1.96 * errors) >= 0.90
    assert 0.85 <= errors.mean() / values.std() <= 1.3


def test_the_bootstrap_draws_the_same_again_and_reads_no_global_generator():
    x, y = draw(7, 50), draw(8, 40)
    np.random.seed(0)  # noqa: NPY002
    first = kid(x, y, block=5)
    np.random.seed(1)  # noqa: NPY002
    assert kid(x, y, block=5) == first


def test_blocks_that_hold_every_class_keep_the_balance():
    rng = np.random.default_rng(9)
    centres = 4 * rng.normal(size=(5, 6))
    x = draw(10, 200) + centres[np.arange(200) % 5]
    y = draw(11, 200) + centres[np.arange(200) % 5]
    shuffled = x[rng.permutation(200)]
    assert kid(shuffled, y, block=10).value == pytest.approx(kid(x, y, block=10).value, rel=1e-9)
    assert kid(x, y, block=10).se < 0.7 * kid(shuffled, y, block=10).se


@pytest.mark.parametrize("rows", [1, 7, 1024])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_the_loop_over_all_pairs(monkeypatch, rows, k):
    monkeypatch.setattr(manifold, "ROWS", rows)
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
        (lambda: kid(GOOD, GOOD, block=7), r"KID: expected at least two blocks of 7 .* images, got 12 images"),
        (lambda: kid(GOOD, GOOD, block=1), r"KID: expected at least two blocks of 1 \(at least 2\)"),
        (lambda: kid(GOOD, GOOD, block=0), r"KID: expected at least two blocks of 0"),
        (lambda: kid(GOOD, GOOD[:1], block=2), r"KID: reference: expected at least 2 feature vectors, got 1"),
        (lambda: kid(GOOD[:, :2], GOOD, block=2), r"KID: expected features of dimension 4, got 2"),
        (lambda: kid(GOOD * np.nan, GOOD, block=2), r"KID: expected finite features, got NaN or infinity in row 0"),
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
