"""The kernel distance (KID) between sets of features, and how far it is known.

Features are (n, d) of any floating type; sums are in float64, over pieces of the n by m table of pairs, which is
never held whole. Time grows with n (n + m) d.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from trustdm.bench.features.frechet import Distance, Features, Floats, as_features, classes_of, error_of_mean
from trustdm.bench.features.neighbours import fill_diagonal, pieces


def kid(
    features: ArrayLike,
    reference_features: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    known: float | None = None,
) -> Distance:
    """The unbiased squared MMD with the kernel (x.y / d + 1)^3 over all pairs; not times 1000; it may be negative.

    Binkowski et al. 2018, Eq. 4 with the kernel of section 4; not the mean over random subsets, which adds noise.
    ``known`` is ``self_similarity`` of the reference, where it was computed before.

    ``strata`` (n,) are the classes that a generator was asked for, where their shares were fixed. Pairs of one class
    are then rarer than among independent images, and are weighted by m / (m - 1) where a class has m images; without
    that the value is too low by about 1 / n of how much larger the kernel is within classes. The reference is taken as
    independent images: where its shares were fixed too, all values are too low by the same small amount.

    The standard error is given the reference, by the jackknife: how much the value moves without each of the images,
    within its class where there are strata. It is up to 1.4 times too large where the distance is little more than 0.

    Raises:
        DataError: fewer than three images, or than two of a class; NaN, infinity, different dimensions.
    """
    real = as_features(reference_features, "KID: reference", least=2)
    made = as_features(features, "KID", least=3, dimension=real.shape[1])
    n = len(made)
    which, counts = classes_of(np.zeros(n) if strata is None else strata, n, "KID")
    size = counts[which]  # (n,) how many images the class of each has
    alike, others, across = np.zeros(n), np.zeros(n), np.zeros(n)
    for rows, cols, kernel in _kernels(made):
        same = which[rows][:, None] == which[cols]
        alike[rows] += np.where(same, kernel, 0.0).sum(axis=1)
        others[rows] += np.where(same, 0.0, kernel).sum(axis=1)
    for rows, _, kernel in _kernels(made, real):
        across[rows] += kernel.sum(axis=1) / len(real)
    own = (others + alike * size / (size - 1)) / n
    value = float(np.mean(own - 2 * across)) + (self_similarity(real) if known is None else known)
    added = (others + alike * size / np.maximum(size - 2, 1)) / n - across
    return Distance(value, error_of_mean(2 * added, strata, "KID"), n)


def self_similarity(reference_features: ArrayLike) -> float:
    """The mean of the kernel over all pairs of different images of the reference: the same for every set of images."""
    real = as_features(reference_features, "KID: reference", least=2)
    total = sum(float(kernel.sum()) for _, _, kernel in _kernels(real))
    return total / (len(real) * (len(real) - 1))


def _kernels(a: Features, b: Features | None = None) -> Iterator[tuple[slice, slice, Floats]]:
    """Pieces of the kernel's table of ``a`` and ``b``; or of ``a`` alone, with 0 for each image with itself."""
    for rows, cols, x, y in pieces(a, a if b is None else b):
        kernel = (x @ y.T / a.shape[1] + 1) ** 3
        if b is None:
            fill_diagonal(kernel, rows, cols, 0.0)
        yield rows, cols, kernel
