"""The Frechet distance between sets of features, and how far it is known: numpy and scipy, no torch, no randomness.

Features are (n, d), one row for each image, of any floating type; all sums are in float64. The distance is that of
Heusel et al. 2017 (Eq. 6) between Gaussians with the sets' means and sample covariances,

    |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2),

in the unit of the features squared, neither scaled nor rooted. Its expectation falls with n, so a number
without its n means nothing; numbers at different n, features or references are never compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.errors import DataError

Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]

ROWS = 2048
"""How many rows of features are held in float64 at a time."""
ROUNDING = 1e-6
"""Up to this share of the traces a negative distance is rounding (covariances may have been float32), and is 0; so is
an eigenvalue up to this share of the largest."""


@dataclass(frozen=True, slots=True)
class Distance:
    """A value, its standard error (NaN where it has none) and the number of generated images behind it."""

    value: float
    se: float
    n: int


@dataclass(frozen=True, slots=True)
class Sets:
    """Distances of disjoint sets of ``n`` images each, in order, their mean, sample sd, least, and the mean's error.

    ``sd`` is NaN for one set; ``se`` is pooled from the sets' own standard errors, so it is there for one set too.
    """

    values: tuple[float, ...]
    n: int
    mean: float
    sd: float
    least: float
    se: float


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean (d,) and sample covariance (d, d), divisor n - 1, of ``n`` feature vectors; None where n is not known.

    Raises:
        DataError: shapes that do not fit each other, NaN or infinity, fewer than two vectors.
    """

    n: int | None
    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        d = self.mean.size
        if self.mean.shape != (d,) or not d or self.covariance.shape != (d, d):
            raise DataError(
                "moments: expected a mean (d,) and a covariance (d, d), "
                f"got {self.mean.shape} and {self.covariance.shape}"
            )
        if self.n is not None and self.n < 2:
            raise DataError(f"moments: expected at least 2 feature vectors, got {self.n}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise DataError("moments: expected finite numbers, got NaN or infinity")

    @property
    def dimension(self) -> int:
        return len(self.mean)

    @property
    def rank(self) -> int:
        """The most that the rank of the covariance can be."""
        return self.dimension if self.n is None else min(self.dimension, self.n - 1)

    @cached_property
    def half(self) -> Floats:
        """A factor F (d, r) of the covariance, F F^T: Cholesky's, or where it is singular that of its eigenvectors."""
        return _half(self.covariance)


def as_features(features: ArrayLike, what: str, *, least: int = 1, dimension: int | None = None) -> Features:
    """``features`` as an array (n, d) of floats that is fit for the metric ``what``.

    Raises:
        DataError: not two axes of numbers, NaN or infinity, fewer than ``least`` rows, or another ``dimension``.
    """
    rows = np.asarray(features)
    if rows.ndim != 2 or rows.dtype.kind not in "fiu" or not rows.shape[1]:
        raise DataError(f"{what}: expected features (n, d), got {rows.dtype} {rows.shape}")
    if len(rows) < least:
        raise DataError(f"{what}: expected at least {least} feature vectors, got {len(rows)}; sample more images")
    if dimension is not None and rows.shape[1] != dimension:
        raise DataError(f"{what}: expected features of dimension {dimension}, got {rows.shape[1]}")
    for start, chunk in enumerate(chunks(rows)):
        if not (good := np.isfinite(chunk).all(axis=1)).all():
            row = start * ROWS + int(np.argmin(good))
            raise DataError(f"{what}: expected finite features, got NaN or infinity in row {row}")
    return rows


def chunks(rows: Features) -> Iterator[Floats]:
    """``rows`` in float64, a few at a time."""
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS].astype(np.float64)


def moments(features: ArrayLike) -> Moments:
    """Mean and sample covariance of ``features`` (n, d), summed in float64 in two passes without a float64 copy.

    Raises:
        DataError: fewer than two rows, NaN or infinity, not (n, d).
    """
    return _moments(as_features(features, "Frechet distance", least=2))


def frechet(a: Moments, b: Moments) -> float:
    """The Frechet distance between two Gaussians (Dowson and Landau 1982, Eq. 4), at least 0.

    The trace of (S1 S2)^(1/2) is the sum of the square roots of the eigenvalues of F^T S1 F, which is symmetric, with
    F F^T = S2; F is cached in ``b``, so put what is used again there. No more eigenvalues than the ranks
    allow are added, so rounding in the null space of a singular covariance does not count.

    Raises:
        DataError: different dimensions, or covariances that are no covariances.
    """
    from scipy.linalg import eigvalsh

    _same_dimension(a.dimension, b)
    scale = _scale(a.covariance)
    inner = _between(a.covariance / scale, b.half)
    squares = eigvalsh(inner, overwrite_a=True, check_finite=False)
    trace = math.sqrt(scale) * float(np.sqrt(_positive(squares, min(a.rank, b.rank))).sum())
    return _assemble(a, b, trace)


def frechet_estimate(features: ArrayLike, reference: Moments, *, strata: ArrayLike | None = None) -> Distance:
    """The Frechet distance of ``features`` (n, d) to the reference, and its standard error given the reference.

    ``strata`` (n,) are the classes that a conditional generator was asked for, where their shares were fixed: chance
    then acts within classes only, and the error is smaller. Without them the images are taken as independent.

    The error is that of the delta method. With F F^T = S2, m = mu1 - mu2 and D = I - F (F^T S1 F)^(-1/2) F^T, the
    derivative of the distance in the direction of one more image x is

        2 m.(x - mu1) + (x - mu1)^T D (x - mu1) - tr(D S1)

    and its standard deviation over the images, divided by sqrt(n), is the error. Value +- 1.96 errors is an interval
    for the expectation of the distance at this n, bias included; not for the distance at infinite n. Where S1 is
    singular the inverse root is taken on its range (the infinitesimal jackknife). The error is too large rather than
    too small where n is a few times d or less, or where the distance is little more than its bias.

    Raises:
        DataError: as ``moments`` and ``frechet``; strata that are not one for each row.
    """
    rows = as_features(features, "Frechet distance", least=2, dimension=reference.dimension)
    own = _moments(rows)
    roots, quadratic = (_roots_wide if len(rows) <= own.dimension else _roots)(rows, own, reference)
    gap = own.mean - reference.mean
    linear = np.concatenate([(chunk - own.mean) @ gap for chunk in chunks(rows)])
    error = error_of_mean(2 * linear + quadratic, strata, "Frechet distance")
    return Distance(_assemble(own, reference, float(roots.sum())), error, len(rows))


def combine(found: list[Distance]) -> Sets:
    """The summary of the distances of disjoint sets of one size.

    Raises:
        DataError: none, or of different sizes.
    """
    sizes = {one.n for one in found}
    if len(sizes) != 1:
        raise DataError(f"Frechet distance of sets: expected sets of one size, got sizes {sorted(sizes) or 'none'}")
    values = np.array([one.value for one in found])
    pooled = math.sqrt(float(np.mean([one.se**2 for one in found])) / len(found))
    sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Sets(tuple(values.tolist()), sizes.pop(), float(values.mean()), sd, float(values.min()), pooled)


def _moments(rows: Features) -> Moments:
    n, d = rows.shape
    mean = sum((chunk.sum(axis=0) for chunk in chunks(rows)), np.zeros(d)) / n
    total = np.zeros((d, d))
    for chunk in chunks(rows):
        chunk -= mean
        total += chunk.T @ chunk
    return Moments(n, mean, total / (n - 1))


def classes_of(strata: ArrayLike, n: int, what: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The index of each image's class (n,), and how many images each class has.

    Raises:
        DataError: strata that are not one for each of ``n`` images, or that hold one alone; ``what`` is measured.
    """
    names, which, counts = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
    if which.shape != (n,):
        raise DataError(f"{what}: expected one class for each of {n} rows, got shape {which.shape}")
    if counts.min() < 2:
        raise DataError(
            f"{what}: expected at least 2 images of each class for an error within classes, "
            f"got 1 of class {names[counts.argmin()]}"
        )
    return which, counts


def error_of_mean(values: Floats, strata: ArrayLike | None, what: str) -> float:
    """The standard error of the mean of ``values`` (n,): of independent ones, or of a sample with fixed strata."""
    n = len(values)
    if strata is None:
        return float(values.std(ddof=1)) / math.sqrt(n)
    which, counts = classes_of(strata, n, what)
    within = values - (np.bincount(which, values) / counts)[which]
    variances = np.bincount(which, within**2) / (counts - 1)
    return math.sqrt(float(counts @ variances)) / n


def _half(covariance: Floats) -> Floats:
    from scipy.linalg import LinAlgError, cholesky, eigh

    scale = _scale(covariance)
    try:
        factor: Floats = cholesky(covariance / scale, lower=True, overwrite_a=True, check_finite=False)
        safe = factor.diagonal().min() > math.sqrt(len(factor) * np.finfo(float).eps)
    except LinAlgError:
        safe = False
    if not safe:
        values, vectors = eigh(covariance / scale, check_finite=False)
        kept = _positive(values, len(values)) > 0
        factor = vectors[:, kept] * np.sqrt(values[kept])
    return factor * math.sqrt(scale)


def _between(covariance: Floats, half: Floats) -> Floats:
    """F^T S F."""
    inner: Floats = half.T @ (covariance @ half)
    return inner


def _positive(values: Floats, rank: int) -> Floats:
    """Ascending eigenvalues of a positive semi-definite matrix, without those that rank and rounding make zero."""
    top = float(values[-1]) if len(values) else 0.0
    noise = len(values) * np.finfo(float).eps * max(top, 0.0)
    if len(values) and values[0] < -ROUNDING * max(top, np.finfo(float).tiny):
        raise DataError(
            "Frechet distance: expected positive semi-definite covariances, "
            f"got an eigenvalue {values[0]:.3g} beside {top:.3g}"
        )
    found = np.where(values > noise, values, 0.0)
    found[: max(0, len(values) - rank)] = 0.0
    return found


def _roots(rows: Features, own: Moments, reference: Moments) -> tuple[Floats, Floats]:
    """Square roots of the eigenvalues of F^T S1 F, and (x - mu1)^T D (x - mu1) for each row; n > d."""
    from scipy.linalg import eigh

    scale = _scale(own.covariance)
    squares, vectors = eigh(_between(own.covariance / scale, reference.half), overwrite_a=True, check_finite=False)
    roots = math.sqrt(scale) * np.sqrt(_positive(squares, own.rank))
    kept = roots > 0
    whiten = (reference.half @ vectors[:, kept]) / np.sqrt(roots[kept])
    return roots, np.concatenate([_quadratic(chunk - own.mean, whiten) for chunk in chunks(rows)])


def _quadratic(y: Floats, whiten: Floats) -> Floats:
    out: Floats = np.square(y).sum(axis=1) - np.square(y @ whiten).sum(axis=1)
    return out


def _roots_wide(rows: Features, own: Moments, reference: Moments) -> tuple[Floats, Floats]:
    """The same where n <= d, from the singular values of the centred rows times F: nothing is squared."""
    from scipy.linalg import svd

    y = rows.astype(np.float64) - own.mean
    left, singular, _ = svd(y @ reference.half, full_matrices=False, check_finite=False, overwrite_a=True)
    singular[own.rank :] = 0.0
    size = math.sqrt(len(rows) - 1)
    return singular / size, np.square(y).sum(axis=1) - size * (np.square(left) @ singular)


def _assemble(a: Moments, b: Moments, trace: float) -> float:
    gap = a.mean - b.mean
    traces = float(np.trace(a.covariance) + np.trace(b.covariance))
    value = float(gap @ gap) + traces - 2 * trace
    if not value >= -ROUNDING * traces:
        raise DataError(f"Frechet distance: expected at least 0, got {value:.6g}; the covariances are no covariances")
    return max(value, 0.0)


def _same_dimension(d: int, reference: Moments) -> None:
    if d != reference.dimension:
        raise DataError(f"Frechet distance: expected features of dimension {reference.dimension}, got {d}")


def _scale(covariance: Floats) -> float:
    """The mean variance, by which a covariance is divided so that products neither overflow nor vanish; 1 for 0."""
    return float(np.trace(covariance)) / len(covariance) or 1.0
