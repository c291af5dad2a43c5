"""Scores of certificates over a set of images: certified accuracy, average certified radius, their intervals.

``correct`` (m,) says whether the returned label is the true one; an abstention is not. ``radius`` (m,) is the certified
radius, in [0, 1] pixel units. All images are in the denominator, always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.errors import UsageError
from trustdm.bench.stats import wilson
from trustdm.bench.types import Estimate

Floats = NDArray[np.float64]

ENVELOPE: Final = "best sigma per radius"
"""The label of an envelope: it is not the curve of any one model."""


def certified_accuracy(correct: ArrayLike, radius: ArrayLike, grid: Sequence[float]) -> tuple[Estimate, ...]:
    """The share of images with the right label and a radius of at least r, for each r of ``grid``, at 95%.

    The interval is about other images of the same kind; that a certificate may be wrong (with probability alpha) is
    what ``surely_robust`` allows for.
    """
    right, reach = _columns(correct, radius)
    return tuple(share(int(np.sum(right & (reach >= r))), len(right)) for r in grid)


def average_certified_radius(correct: ArrayLike, radius: ArrayLike) -> Estimate:
    """The mean over all images of the radius where the label is right, 0 elsewhere (Zhai et al. 2020), at 95%.

    Student's t interval of that mean, cut at 0: the image is the unit, and few images or a lump of zeros make it
    approximate.
    """
    return mean_estimate(counted_radius(correct, radius), low=0.0)


def counted_radius(correct: ArrayLike, radius: ArrayLike) -> Floats:
    """(m,) the radius of each image as it counts in the average: 0 where the label is wrong or withheld."""
    right, reach = _columns(correct, radius)
    return np.where(right, reach, 0.0)


def abstention(label: ArrayLike) -> Estimate:
    """The share of images without a label (-1), Wilson's 95% interval."""
    labels = np.asarray(label)
    return share(int(np.sum(labels < 0)), len(labels))


def surely_robust(accuracy: float, images: int, alpha: float, rho: float = 0.001) -> float:
    """A lower bound, at probability 1 - rho, of the share of these images that is right and robust; at least 0.

    Subtracts the largest number of wrong certificates that has a probability above rho, by the binomial itself.
    """
    from scipy.special import bdtrc

    _check_shares(accuracy, images, alpha, rho)
    wrong = 0
    while bdtrc(wrong, images, alpha) > rho:
        wrong += 1
    return max(0.0, accuracy - wrong / images)


def envelope(curves: Mapping[float, Sequence[float]]) -> tuple[Floats, Floats]:
    """The best accuracy at each radius over the sigmas (G,), and the sigma that has it (G,), of several the smallest.

    ``curves``: sigma to certified accuracies at one grid of G radii. To be labelled ``ENVELOPE``: choosing after the
    fact flatters, and no single model has this curve.
    """
    sigmas = np.array(sorted(curves), dtype=np.float64)
    if not len(sigmas) or len({len(curves[s]) for s in curves}) != 1:
        raise UsageError(f"expected curves at one grid of radii, got lengths {[len(c) for c in curves.values()]}")
    table = np.array([curves[sigma] for sigma in sorted(curves)], dtype=np.float64)
    return table.max(axis=0), sigmas[table.argmax(axis=0)]


def share(number: int, images: int) -> Estimate:
    """``number`` of ``images`` as a share with Wilson's 95% interval; NaN, (0, 1) without images."""
    low, high = wilson(number, images)
    return Estimate(number / images if images else float("nan"), float(low), float(high), images)


def mean_estimate(values: ArrayLike, low: float = -np.inf) -> Estimate:
    """The mean of (m,) values with Student's 95% interval, which ends at ``low``; of one value it is unbounded."""
    from scipy.special import stdtrit

    given = np.asarray(values, dtype=np.float64)
    n = len(given)
    if n < 2:
        return Estimate(float(given[0]) if n else float("nan"), low, float("inf"), n)
    mean, error = float(given.mean()), float(given.std(ddof=1)) / np.sqrt(n)
    half = float(stdtrit(n - 1, 0.975)) * error
    return Estimate(mean, max(low, mean - half), mean + half, n)


def _check_shares(accuracy: float, images: int, alpha: float, rho: float) -> None:
    for name, value in (("alpha", alpha), ("rho", rho)):
        if not 0 < value < 1:
            raise UsageError(f"{name}: expected a probability between 0 and 1, got {value}")
    if images < 1 or not 0 <= accuracy <= 1:
        raise UsageError(f"expected a share in [0, 1] of at least one image, got {accuracy} of {images}")


def _columns(correct: ArrayLike, radius: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    right, reach = np.asarray(correct), np.asarray(radius, dtype=np.float64)
    if right.shape != reach.shape or right.ndim != 1:
        raise UsageError(f"expected a verdict and a radius for each image, got {right.shape} and {reach.shape}")
    if not np.all(np.isfinite(reach) & (reach >= 0)):
        raise UsageError(f"radius: expected finite radii from 0, got {reach[~(np.isfinite(reach) & (reach >= 0))][0]}")
    if not np.all((right == 0) | (right == 1)):
        raise UsageError("correct: expected 0 or 1 for each image")
    return right.astype(bool), reach
