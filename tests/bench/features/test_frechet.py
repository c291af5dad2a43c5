"""The Frechet distance against closed forms, matrix roots and clean-fid; its error against simulation."""

from __future__ import annotations

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from trustdm.bench.errors import DataError
from trustdm.bench.features import frechet as distances
from trustdm.bench.features.frechet import Moments, combine, frechet, frechet_estimate, moments


def skewed(rng, n, d, spread=1.0, shift=0.0):
    """Correlated features with a long tail, as those of networks are."""
    mixing = np.random.default_rng(3).normal(size=(d, d)) / math.sqrt(d)
    return np.maximum(rng.normal(size=(n, d)) @ (np.eye(d) + spread * mixing), -0.3) + shift


def by_matrix_root(a, b):
    root = sqrtm(a.covariance @ b.covariance).real
    gap = a.mean - b.mean
    return float(gap @ gap + np.trace(a.covariance + b.covariance - 2 * root))


@pytest.mark.parametrize("rows", [1, 7, 2048, 2049])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_moments_are_those_of_numpy(monkeypatch, rows, kind):
    monkeypatch.setattr(distances, "ROWS", rows)
    features = (np.random.default_rng(0).normal(size=(300, 5)) * [1, 10, 0.1, 1, 1] + 3).astype(kind)
    found, wide = moments(features), features.astype(np.float64)
    assert found.n == 300
    np.testing.assert_allclose(found.mean, wide.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.covariance, np.cov(wide, rowvar=False), rtol=1e-10, atol=1e-13)


def test_small_features_far_from_zero_keep_their_covariance():
    features = np.random.default_rng(0).normal(size=(500, 3)) + 1e6
    np.testing.assert_allclose(moments(features).covariance, np.cov(features - 1e6, rowvar=False), rtol=1e-6)


def test_covariances_that_commute_have_a_closed_form():
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    first, second = rng.uniform(0.1, 4, 6), rng.uniform(0.1, 4, 6)
    a = Moments(None, rng.normal(size=6), basis @ np.diag(first) @ basis.T)
    b = Moments(None, rng.normal(size=6), basis @ np.diag(second) @ basis.T)
    expected = np.sum((a.mean - b.mean) ** 2) + np.sum((np.sqrt(first) - np.sqrt(second)) ** 2)
    assert frechet(a, b) == pytest.approx(expected, rel=1e-12)


def test_one_dimension_is_the_difference_of_mean_and_deviation():
    a, b = (Moments(None, np.array([m]), np.array([[s**2]])) for m, s in ((1.0, 2.0), (4.0, 0.5)))
    assert frechet(a, b) == pytest.approx(3**2 + 1.5**2, rel=1e-14)


@pytest.mark.parametrize(("n", "d"), [(400, 40), (41, 40), (90, 40)])
def test_it_is_the_matrix_root_and_clean_fid(n, d):
    fid = pytest.importorskip("cleanfid.fid", reason="clean-fid is not installed")
    rng = np.random.default_rng(2)
    a, b = moments(skewed(rng, n, d, 0.8)), moments(skewed(rng, 1000, d, shift=0.1))
    assert frechet(a, b) == pytest.approx(by_matrix_root(a, b), rel=1e-7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = fid.frechet_distance(a.mean, a.covariance, b.mean, b.covariance)
    assert frechet(a, b) == pytest.approx(theirs, rel=1e-7)


@pytest.mark.parametrize("n", [2, 9, 20, 30])
def test_fewer_images_than_dimensions_is_the_nuclear_norm(n):
    """tr (S1 S2)^(1/2) is the sum of the singular values of the centred rows times a factor of S2."""
    rng, d = np.random.default_rng(4), 30
    features, reference = skewed(rng, n, d), moments(skewed(rng, 500, d))
    own = moments(features)
    centred = (features - features.mean(axis=0)) / math.sqrt(n - 1)
    norm = np.linalg.norm(centred @ np.linalg.cholesky(reference.covariance), "nuc")
    gap = own.mean - reference.mean
    expected = gap @ gap + np.trace(own.covariance) + np.trace(reference.covariance) - 2 * norm
    assert frechet_estimate(features, reference).value == pytest.approx(expected, rel=1e-12)
    assert frechet(own, reference) == pytest.approx(expected, rel=1e-6)
    assert frechet(reference, own) == pytest.approx(expected, rel=1e-6)


def test_features_that_never_vary_leave_the_rest_as_it_is():
    rng = np.random.default_rng(5)
    a, b = skewed(rng, 300, 8), skewed(rng, 400, 8, 0.5)
    padded = [np.hstack([x, np.full((len(x), 3), 2.0)]) for x in (a, b)]
    expected = frechet_estimate(a, moments(b))
    found = frechet_estimate(padded[0], moments(padded[1]))
    assert (found.value, found.se) == pytest.approx((expected.value, expected.se), rel=1e-9)
    assert frechet(moments(padded[0]), moments(padded[1])) == pytest.approx(expected.value, rel=1e-9)
    only_made = frechet_estimate(padded[0], moments(np.hstack([b, rng.normal(2, 1, size=(len(b), 3))])))
    assert only_made.value > expected.value + 2
    assert math.isfinite(only_made.se)


def test_images_that_are_all_alike_are_as_far_as_the_reference_spreads():
    rng = np.random.default_rng(6)
    reference, same = moments(skewed(rng, 300, 8)), np.tile(np.arange(8.0), (50, 1))
    found = frechet_estimate(same, reference)
    gap = np.arange(8.0) - reference.mean
    assert found.value == pytest.approx(gap @ gap + np.trace(reference.covariance), rel=1e-12)
    assert found.se == pytest.approx(0, abs=1e-9)
    assert frechet(moments(same), moments(same)) == 0


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(2, 60), st.integers(2, 60))
def test_a_distance_is_symmetric_not_negative_and_zero_from_itself(seed, d, n, m):
    rng = np.random.default_rng(seed)
    a, b = moments(skewed(rng, n, d)), moments(skewed(rng, m, d, 0.5, 0.2))
    scale = np.trace(a.covariance) + np.trace(b.covariance)
    assert frechet(a, b) >= 0
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-7, abs=1e-7 * scale)
    assert frechet(a, a) <= 1e-7 * scale


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(-5, 5), st.floats(1e-3, 1e3))
def test_moving_turning_and_scaling_both_sets_does_what_it_should(seed, shift, scale):
    rng = np.random.default_rng(seed)
    a, b = skewed(rng, 80, 6), skewed(rng, 90, 6, 0.4)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    base = frechet_estimate(a, moments(b))
    moved = frechet_estimate(a @ turn + shift, moments(b @ turn + shift))
    larger = frechet_estimate(a * scale, moments(b * scale))
    assert (moved.value, moved.se) == pytest.approx((base.value, base.se), rel=1e-7)
    assert (larger.value, larger.se) == pytest.approx((base.value * scale**2, base.se * scale**2), rel=1e-9)
    assert frechet_estimate(a + shift, moments(a)).value == pytest.approx(6 * shift**2, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("power", [-70, 70])
def test_no_scale_overflows_or_vanishes(power):
    rng = np.random.default_rng(8)
    a, b = skewed(rng, 80, 6), skewed(rng, 90, 6, 0.4)
    expected = frechet(moments(a), moments(b))
    factor = 10.0**power
    assert frechet(moments(a * factor), moments(b * factor)) / factor**2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [14, 300])
def test_the_error_is_the_derivative_of_the_distance(n):
    """Weights of single images are moved a little, and the distance of the weighted moments follows."""
    rng, d = np.random.default_rng(9), 20
    features, reference = skewed(rng, n, d, 0.6, 0.1), moments(skewed(rng, 2000, d))

    def weighted(weights):
        weights = weights / weights.sum()
        mean = weights @ features
        centred = (features - mean) * np.sqrt(weights)[:, None] * math.sqrt(n / (n - 1))
        roots = np.linalg.svd(centred @ reference.half, compute_uv=False)
        gap = mean - reference.mean
        return gap @ gap + np.sum(centred**2) + np.trace(reference.covariance) - 2 * roots.sum()

    step = 1e-5
    derivative = []
    for i in range(n):
        up, down = np.ones(n), np.ones(n)
        up[i] += step
        down[i] -= step
        derivative.append(n * (weighted(up) - weighted(down)) / (2 * step))
    found = frechet_estimate(features, reference)
    assert weighted(np.ones(n)) == pytest.approx(found.value, rel=1e-9)
    assert found.se == pytest.approx(np.std(derivative, ddof=1) / math.sqrt(n), rel=0.05 if n < d else 0.01)


def far_and_near():
    return [pytest.param(500, 0.5, 0.3, id="far"), pytest.param(500, 1.0, 0.0, id="at the floor")]


@pytest.mark.parametrize(("n", "spread", "shift"), far_and_near())
def test_the_interval_covers_the_expectation_at_this_n(n, spread, shift):
    """Share of 300 intervals that hold the mean of all: 95% nominal, more at the floor; bias is not to be covered."""
    rng, d = np.random.default_rng(10), 12
    reference = moments(skewed(rng, 3000, d))
    found = [frechet_estimate(skewed(rng, n, d, spread, shift), reference) for _ in range(300)]
    values, errors = (np.array([getattr(f, name) for f in found]) for name in ("value", "se"))
    assert np.mean(abs(values - values.mean()) <= 1.96 * errors) >= 0.91
    assert 0.85 <= np.sqrt(np.mean(errors**2)) / values.std() <= 1.6


def test_fixed_shares_of_classes_make_the_error_smaller_and_right():
    rng, d, n = np.random.default_rng(11), 8, 400
    centres = 3 * rng.normal(size=(4, d))
    reference = moments(np.concatenate([skewed(rng, 2000, d) + c for c in centres]))
    classes = np.arange(n) % 4
    found = []
    for _ in range(200):
        features = skewed(rng, n, d, 0.5) + centres[classes]
        found.append((frechet_estimate(features, reference, strata=classes), frechet_estimate(features, reference).se))
    values, within = np.array([f.value for f, _ in found]), np.array([f.se for f, _ in found])
    assert np.mean(abs(values - values.mean()) <= 1.96 * within) >= 0.90
    assert within.mean() < 0.8 * np.mean([se for _, se in found])


def test_the_expectation_of_a_small_set_is_the_known_bias_above_that_of_many():
    """One dimension: E[mean gap^2] adds s^2 / n, and E[sample sd] is c4(n) s."""
    n, rng = 10, np.random.default_rng(12)
    reference = Moments(None, np.zeros(1), np.eye(1))
    values = [frechet_estimate(rng.normal(size=(n, 1)), reference).value for _ in range(4000)]
    c4 = math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2)
    assert np.mean(values) == pytest.approx(1 / n + 2 - 2 * c4, abs=4 * np.std(values) / math.sqrt(len(values)))


def test_the_summary_of_sets_is_that_of_their_distances():
    rng = np.random.default_rng(13)
    features, reference = skewed(rng, 300, 5), moments(skewed(rng, 400, 5))
    classes = np.arange(300) % 3
    each = [frechet_estimate(features[i : i + 100], reference, strata=classes[i : i + 100]) for i in (0, 100, 200)]
    found = combine(each)
    values = [e.value for e in each]
    assert found.values == tuple(values)
    assert (found.n, found.mean, found.sd, found.least) == (
        100,
        pytest.approx(np.mean(values)),
        pytest.approx(np.std(values, ddof=1)),
        min(values),
    )
    assert found.se == pytest.approx(math.sqrt(sum(e.se**2 for e in each)) / 3)
    single = combine(each[:1])
    assert single.se == pytest.approx(each[0].se)
    assert math.isnan(single.sd)


def test_a_longer_sample_comes_nearer():
    rng = np.random.default_rng(14)
    reference, features = moments(skewed(rng, 3000, 10)), skewed(rng, 2000, 10)
    parts = {
        n: [frechet_estimate(features[i : i + n], reference) for i in range(0, 2000, n)] for n in (20, 50, 200, 1000)
    }
    means = [combine(found).mean for found in parts.values()]
    assert all(a > b for a, b in pairwise(means))


REFERENCE = moments(np.random.default_rng(15).normal(size=(50, 4)))
GOOD = np.random.default_rng(16).normal(size=(10, 4))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: moments(GOOD[:1]), r"Frechet distance: expected at least 2 feature vectors, got 1; sample more"),
        (lambda: moments(GOOD[:0]), r"expected at least 2 feature vectors, got 0"),
        (lambda: moments(GOOD[0]), r"expected features \(n, d\), got float64 \(4,\)"),
        (lambda: moments(np.full((3, 2), "a")), r"expected features \(n, d\), got <U1"),
        (lambda: moments(np.where(np.arange(10)[:, None] == 7, np.nan, GOOD)), r"NaN or infinity in row 7$"),
        (lambda: moments(np.where(np.arange(10)[:, None] == 3, np.inf, GOOD)), r"NaN or infinity in row 3$"),
        (lambda: frechet_estimate(GOOD[:, :3], REFERENCE), r"expected features of dimension 4, got 3$"),
        (lambda: frechet_estimate(GOOD[:1], REFERENCE), r"expected at least 2 feature vectors, got 1"),
        (lambda: frechet(moments(GOOD[:, :3]), REFERENCE), r"expected features of dimension 4, got 3$"),
        (lambda: combine([]), r"expected sets of one size, got sizes none"),
        (
            lambda: combine([frechet_estimate(GOOD[:n], REFERENCE) for n in (5, 6)]),
            r"expected sets of one size, got sizes \[5, 6\]",
        ),
        (lambda: frechet_estimate(GOOD, REFERENCE, strata=[0, 1]), r"one class for each of 10 rows, got shape \(2,\)"),
        (
            lambda: frechet_estimate(GOOD, REFERENCE, strata=[0] * 9 + [5]),
            r"at least 2 images of each class .* class 5",
        ),
        (lambda: Moments(1, np.zeros(2), np.eye(2)), r"moments: expected at least 2 feature vectors, got 1"),
        (lambda: Moments(5, np.zeros(2), np.eye(3)), r"got \(2,\) and \(3, 3\)"),
        (lambda: Moments(5, np.full(2, np.nan), np.eye(2)), r"moments: expected finite numbers"),
        (lambda: frechet(Moments(5, np.zeros(2), np.diag([1.0, -1])), moments(GOOD[:, :2])), r"positive semi-definite"),
        (lambda: frechet(moments(GOOD[:, :2]), Moments(5, np.zeros(2), np.diag([1.0, -1]))), r"positive semi-definite"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(act, message):
    with pytest.raises(DataError, match=message) as caught:
        act()
    assert "\n" not in str(caught.value)
