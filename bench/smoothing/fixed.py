"""Certificates from a fixed number of noisy draws (Cohen, Rosenfeld and Kolter 2019): counts in, radii out.

A smoothed classifier returns the class that the base classifier gives most often to x + N(0, sigma^2 I). ``sigma`` and
all radii (L2) are in the units of the image, [0, 1] pixels. Counts are integers, one row for each image and one column
for each class. Torch-free, no randomness; scipy is imported where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.errors import UsageError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ABSTAIN: Final = -1
"""The label of an image for which nothing is said."""


@dataclass(frozen=True, eq=False)
class Certificates:
    """What ``certify`` found for m images.

    ``label`` (m,) the class, ``ABSTAIN`` where none; ``radius`` (m,) the L2 radius within which that label cannot
    change, 0 where it abstains; ``selected`` (m,) the class that was tested, whether or not it was certified;
    ``p_lower`` (m,) the lower bound of its probability.
    """

    label: Integers
    radius: Floats
    selected: Integers
    p_lower: Floats


def clopper_pearson_lower(successes: ArrayLike, trials: ArrayLike, alpha: float) -> Floats:
    """The exact lower bound of a probability, at one-sided confidence 1 - alpha; 0 where there is no success.

    The lower end of the two-sided interval at level 1 - 2 alpha. Clopper and Pearson 1934.
    """
    from scipy.special import betaincinv

    check_alpha(alpha)
    k, n = np.broadcast_arrays(counts_of(successes, "successes"), counts_of(trials, "trials"))
    if np.any(k > n):
        raise UsageError(f"expected at most as many successes as trials, got {k[k > n][0]} of {n[k > n][0]}")
    # With k = n the bound is alpha^(1/n); the general formula agrees, but rounds differently at powers of two.
    least = np.power(alpha, 1 / np.maximum(n, 1))
    bound = np.where(k == n, least, betaincinv(np.maximum(k, 1), n - np.minimum(k, n) + 1, alpha))
    return np.asarray(np.where(k == 0, 0.0, bound), dtype=np.float64)


def certified_radius(p_lower: ArrayLike, sigma: float) -> Floats:
    """sigma * Phi^-1(p_lower), the radius that goes with a lower bound of the top class's probability (Eq. 3 with
    p_B = 1 - p_A); 0 where the bound is below one half, which is an abstention."""
    from scipy.special import ndtri

    check_sigma(sigma)
    bound = np.asarray(p_lower, dtype=np.float64)
    if not np.all((bound >= 0) & (bound <= 1)):
        raise UsageError(f"expected lower bounds in [0, 1], got {bound.min()} to {bound.max()}")
    return np.asarray(np.where(bound >= 0.5, sigma * ndtri(np.maximum(bound, 0.5)), 0.0))


def certify(selection: ArrayLike, estimation: ArrayLike, sigma: float, alpha: float) -> Certificates:
    """Certificates of m images, each wrong with probability at most alpha (Cohen et al., Certify).

    Args:
        selection: (m, K) class counts of the n0 draws that choose the class: the most frequent, of several the one
            with the lowest label.
        estimation: (m, K) class counts of n fresh draws, which bound the probability of that class. Never the same
            draws: the bound would not hold.
        sigma: standard deviation of the noise.
        alpha: probability of error allowed for each image.

    Raises:
        UsageError: counts of different shapes, negative or not whole; an image without draws.
    """
    first, fresh = _table(selection, "selection"), _table(estimation, "estimation")
    if first.shape != fresh.shape:
        raise UsageError(f"expected selection and estimation counts of one shape, got {first.shape} and {fresh.shape}")
    selected = first.argmax(axis=1)
    successes = np.take_along_axis(fresh, selected[:, None], axis=1)[:, 0]
    p_lower = clopper_pearson_lower(successes, fresh.sum(axis=1), alpha)
    label = np.where(p_lower >= 0.5, selected, ABSTAIN)
    return Certificates(label, certified_radius(p_lower, sigma), selected, p_lower)


def least_successes(trials: int, radius: ArrayLike, sigma: float, alpha: float) -> Integers:
    """The least numbers of successes in ``trials`` draws that ``certify`` turns into at least each ``radius``.

    trials + 1 where none does. By bisection on the same numbers as ``certify``, so that rounding cannot tell the two
    apart.
    """
    wanted = np.asarray(radius, dtype=np.float64)
    low, high = np.zeros(wanted.shape, dtype=np.int64), np.full(wanted.shape, trials + 1)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        bound = clopper_pearson_lower(middle, trials, alpha)
        enough = (bound >= 0.5) & (certified_radius(bound, sigma) >= wanted)
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return np.asarray(high, dtype=np.int64)


def largest_radius(trials: int, sigma: float, alpha: float) -> float:
    """The radius that ``trials`` draws certify when all agree: sigma * Phi^-1(alpha^(1/trials)); 0 if they cannot."""
    return float(certified_radius(clopper_pearson_lower(trials, trials, alpha), sigma))


def least_alpha(trials: int, sigma: float, radius: float) -> float:
    """The least alpha with which ``trials`` draws can certify ``radius``: Phi(radius / sigma)^trials, all agreeing.

    The inverse of ``largest_radius``. From 1/2 on no alpha can: the noise, the draws or the unit are others.
    """
    from scipy.special import log_ndtr

    check_sigma(sigma)
    return float(np.exp(trials * log_ndtr(radius / sigma)))


def check_alpha(alpha: float) -> None:
    """Raises UsageError unless ``alpha`` is a probability of error below one half."""
    if not 0 < alpha < 0.5:
        raise UsageError(f"alpha: expected a probability of error between 0 and 0.5, got {alpha}")


def check_sigma(sigma: float) -> None:
    """Raises UsageError unless ``sigma`` is a standard deviation."""
    if not (np.isfinite(sigma) and sigma > 0):
        raise UsageError(f"sigma: expected a positive standard deviation in [0, 1] pixel units, got {sigma}")


def counts_of(values: ArrayLike, name: str) -> Integers:
    """``values`` as int64; raises UsageError where they are not whole numbers from 0."""
    given = np.asarray(values)
    if given.size == 0 and given.dtype.kind == "f":
        given = given.astype(np.int64)
    if given.dtype.kind not in "iu" or np.any(given < 0):
        got = f"{given.dtype} values" if given.dtype.kind not in "iu" else str(given.min())
        raise UsageError(f"{name}: expected whole numbers from 0, got {got}")
    return np.asarray(given, dtype=np.int64)


def _table(counts: ArrayLike, name: str) -> Integers:
    table = counts_of(counts, name)
    if table.ndim != 2 or table.shape[1] < 2:
        raise UsageError(f"{name}: expected counts (images, classes) with at least 2 classes, got shape {table.shape}")
    empty = np.flatnonzero(table.sum(axis=1) == 0)
    if len(empty):
        raise UsageError(f"{name}: expected at least one draw for each image, got none for image {empty[0]}")
    return table
