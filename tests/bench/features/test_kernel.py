"""The kernel distance against loops over pairs, clean-fid, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trustdm.bench.errors import DataError
from trustdm.bench.features import neighbours
from trustdm.bench.features.kernel import kid, self_similarity


def draw(seed, n, d=6, shift=0.0):
    return np.maximum(np.random.default_rng(seed).normal(size=(n, d)), -0.5) + shift


def kernel(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def pairs(x):
    return [(i, j, kernel(a, b)) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]


def by_loops(x, y):
    own, other = (np.mean([k for _, _, k in pairs(points)]) for points in (x, y))
    return own + other - 2 * np.mean([kernel(a, b) for a in x for b in y])


@pytest.mark.parametrize("rows", [1, 7, 1024])
@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_it_is_the_loop_over_all_pairs(monkeypatch, rows, kind):
    monkeypatch.setattr(neighbours, "ROWS", rows)
    x, y = draw(0, 23).astype(kind), draw(1, 31, shift=0.2).astype(kind)
    found = kid(x, y)
    assert found.value == pytest.approx(by_loops(x.astype(float), y.astype(float)), rel=1e-9)
    assert found.n == 23
    assert kid(x, y, known=self_similarity(y)) == found
    assert kid(x, y, strata=np.full(23, 4)).value == pytest.approx(found.value, rel=1e-12)


@pytest.mark.parametrize("rows", [1, 7, 1024])
def test_with_fixed_classes_it_is_the_mixture_of_the_means_over_pairs_of_two_classes(monkeypatch, rows):
    """The mean kernel of two independent images is the sum over classes of p_a p_b times that of these two classes."""
    monkeypatch.setattr(neighbours, "ROWS", rows)
    x, y, classes = draw(0, 24), draw(1, 31, shift=0.2), np.repeat([7, 2, 5], [12, 8, 4])[::-1]
    own = 0.0
    for a in (7, 2, 5):
        for b in (7, 2, 5):
            both = [k for i, j, k in pairs(x) if classes[i] == a and classes[j] == b]
            own += (classes == a).mean() * (classes == b).mean() * np.mean(both)
    expected = own + self_similarity(y) - 2 * np.mean([kernel(a, b) for a in x for b in y])
    assert kid(x, y, strata=classes).value == pytest.approx(expected, rel=1e-9)


def test_it_is_clean_fids_where_its_subsets_are_the_whole_sets():
    fid = pytest.importorskip("cleanfid.fid", reason="clean-fid is not installed")
    x, y = draw(2, 60, 16), draw(3, 60, 16, shift=0.1)
    assert kid(x, y).value == pytest.approx(fid.kernel_distance(y, x, num_subsets=2), rel=1e-9)


def test_of_a_set_with_itself_it_counts_the_pairs_of_equal_images_across():
    x = draw(4, 40)
    expected = by_loops(x, x)
    assert kid(x, x).value == pytest.approx(expected, rel=1e-9)
    assert expected < 0


def test_it_is_unbiased_and_its_error_is_that_of_repetition():
    real = draw(5, 300)
    same = [kid(draw(100 + i, 100), real) for i in range(100)]
    values, errors = (np.array([getattr(s, name) for s in same]) for name in ("value", "se"))
    everything = kid(draw(6, 5000), real).value
    assert values.mean() == pytest.approx(everything, abs=4 * values.std() / math.sqrt(len(values)))
    assert 0.9 <= np.sqrt(np.mean(errors**2)) / values.std() <= 1.7
    off = [kid(draw(100 + i, 100, shift=0.2), real) for i in range(100)]
    values, errors = (np.array([getattr(s, name) for s in off]) for name in ("value", "se"))
    assert np.mean(abs(values - values.mean()) <= 1.96 * errors) >= 0.90
    assert 0.85 <= errors.mean() / values.std() <= 1.3


CENTRES = 4 * np.random.default_rng(9).normal(size=(5, 6))


def of_classes(seed, classes):
    """Images of classes that lie far apart."""
    return draw(seed, len(classes)) + CENTRES[classes]


@pytest.mark.parametrize("n", [20, 50])
def test_fixed_shares_of_classes_leave_it_unbiased_and_their_neglect_does_not(n):
    """As many of each class: without the classes sets of one distribution come out far below 0."""
    rng, classes = np.random.default_rng(10), np.arange(n) % 5
    real = of_classes(11, rng.integers(5, size=1000))
    known = self_similarity(real)
    sets = [of_classes(1000 + i, classes) for i in range(150)]
    found = [kid(x, real, strata=classes, known=known) for x in sets]
    values, errors = (np.array([getattr(f, name) for f in found]) for name in ("value", "se"))
    # A reference with exactly the shares of the classes would have a distance of 0.
    everything = kid(of_classes(12, np.arange(2500) % 5), real, strata=np.arange(2500) % 5, known=known)
    allowed = 4 * math.hypot(values.std() / math.sqrt(len(values)), everything.se)
    assert values.mean() == pytest.approx(everything.value, abs=allowed)
    assert 0.85 <= np.sqrt(np.mean(errors**2)) / values.std() <= 1.6
    naive = np.array([kid(x, real, known=known).value for x in sets])
    assert naive.mean() < everything.value - 3 * allowed


def test_the_error_is_that_of_leaving_each_image_out():
    """The jackknife by hand; within classes their shares stay what they were."""
    x, y = draw(15, 17), draw(16, 25, shift=0.3)
    without = np.array([kid(np.delete(x, i, axis=0), y).value for i in range(17)])
    assert kid(x, y).se == pytest.approx(math.sqrt(16 / 17 * ((without - without.mean()) ** 2).sum()), rel=1e-9)
    classes = np.array([0, 1] * 8 + [0])
    variance = 0.0
    for c in (0, 1):
        rest = x[classes != c]
        left = [np.delete(x[classes == c], i, axis=0) for i in range((classes == c).sum())]
        without = np.array([mixture(part, rest, (classes == c).mean(), y) for part in left])
        variance += (len(left) - 1) / len(left) * ((without - without.mean()) ** 2).sum()
    assert kid(x, y, strata=classes).se == pytest.approx(math.sqrt(variance), rel=1e-9)


def mixture(first, second, share, real):
    """The distance of a mixture of two classes, of which the first has this share."""
    sets, shares = (first, second), (share, 1 - share)
    means = [[np.mean([kernel(a, b) for a in x for b in y]) for y in sets] for x in sets]
    for i, x in enumerate(sets):
        means[i][i] = np.mean([k for _, _, k in pairs(x)])
    own = sum(p * q * means[i][j] for i, p in enumerate(shares) for j, q in enumerate(shares))
    return own - 2 * sum(
        p * np.mean([kernel(a, b) for a in x for b in real]) for p, x in zip(shares, sets, strict=True)
    )


def test_the_error_is_smaller_within_classes():
    classes = np.arange(200) % 5
    x, y = of_classes(13, classes), of_classes(14, classes)
    assert kid(x, y, strata=classes).se < 0.7 * kid(x, y).se


GOOD = draw(19, 12, 4)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: kid(GOOD[:2], GOOD), r"KID: expected at least 3 feature vectors, got 2; sample more images"),
        (lambda: kid(GOOD, GOOD[:1]), r"KID: reference: expected at least 2 feature vectors, got 1"),
        (lambda: kid(GOOD[:, :2], GOOD), r"KID: expected features of dimension 4, got 2"),
        (lambda: kid(GOOD * np.nan, GOOD), r"KID: expected finite features, got NaN or infinity in row 0"),
        (lambda: kid(GOOD, GOOD, strata=[0, 1]), r"KID: expected one class for each of 12 rows, got shape \(2,\)"),
        (lambda: kid(GOOD, GOOD, strata=[0] * 11 + [3]), r"KID: expected at least 2 images of each class .* class 3"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(act, message):
    with pytest.raises(DataError, match=message) as caught:
        act()
    assert "\n" not in str(caught.value)
