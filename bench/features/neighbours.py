"""Precision and recall: shares of images that lie where those of the other set do, by nearest neighbours.

Features are (n, d) of any floating type; sums are in float64, over pieces of the n by m table of pairs, which is
never held whole. Time grows with n (n + m) d.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.errors import DataError
from trustdm.bench.features.frechet import Features, Floats, as_features
from trustdm.bench.stats import wilson
from trustdm.bench.types import Estimate

ROWS = 1024


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Shares in [0, 1] with Wilson's 95% intervals.

    That of ``precision`` is over generated images, with the reference and so the real manifold given. That of
    ``recall`` is over real images, with the generated images and so their manifold given: it does not say how recall
    varies from one generated set to the next.
    """

    precision: Estimate
    recall: Estimate


def precision_recall(
    features: ArrayLike, reference_features: ArrayLike, k: int = 3, reach: Floats | None = None
) -> PrecisionRecall:
    """The shares of generated images near real ones, and of real images near generated ones.

    Near: not further from some image of the other set than that one's ``k``-th nearest neighbour in its own set is.
    Kynkaanniemi et al. 2019, Eq. 1 and 2. Both depend on both numbers of images. ``reach`` is ``radii`` of the
    reference, where it was computed before.

    Raises:
        DataError: not more than ``k`` images on a side; NaN, infinity, different dimensions.
    """
    real = as_features(reference_features, "precision and recall: reference", least=k + 1)
    made = as_features(features, "precision and recall", least=k + 1, dimension=real.shape[1])
    if k < 1:
        raise DataError(f"precision and recall: expected k at least 1, got {k}")
    return PrecisionRecall(_share(covered(made, real, k, reach)), _share(covered(real, made, k)))


def covered(points: Features, others: Features, k: int, reach: Floats | None = None) -> NDArray[np.bool_]:
    """Whether each of ``points`` (n, d) lies within the manifold of ``others`` (m, d), of these ``radii``: (n,)."""
    reach = radii(others, k) if reach is None else reach
    found = np.zeros(len(points), dtype=bool)
    for rows, cols, squares in _squared_distances(points, others):
        found[rows] |= (squares <= reach[cols]).any(axis=1)
    return found


def radii(points: Features, k: int) -> Floats:
    """The squared distance of each point to its k-th nearest other one."""
    nearest = np.full((len(points), k), np.inf)
    for rows, cols, squares in _squared_distances(points, points):
        fill_diagonal(squares, rows, cols, np.inf)
        nearest[rows] = np.partition(np.concatenate([nearest[rows], squares], axis=1), k - 1)[:, :k]
    return np.asarray(nearest.max(axis=1))


def _share(verdicts: NDArray[np.bool_]) -> Estimate:
    low, high = wilson(verdicts.sum(), len(verdicts))
    return Estimate(float(verdicts.mean()), float(low), float(high), len(verdicts))


def _squared_distances(a: Features, b: Features) -> Iterator[tuple[slice, slice, Floats]]:
    centre = b.mean(axis=0, dtype=np.float64)  # nearer to the origin less is lost by the difference of squares
    for rows, cols, x, y in pieces(a, b):
        x, y = x - centre, y - centre
        squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * (x @ y.T)
        yield rows, cols, np.maximum(squares, 0.0)


def pieces(a: Features, b: Features) -> Iterator[tuple[slice, slice, Floats, Floats]]:
    """The rows of ``a`` and of ``b`` in float64, some of each at a time, every pair once; and which they are."""
    for i in range(0, len(a), ROWS):
        x = a[i : i + ROWS].astype(np.float64)
        for j in range(0, len(b), ROWS):
            y = b[j : j + ROWS].astype(np.float64)
            yield slice(i, i + len(x)), slice(j, j + len(y)), x, y


def fill_diagonal(piece: Floats, rows: slice, cols: slice, value: float) -> None:
    """Overwrites the pairs of a row with itself; ``pieces`` are aligned, so they lie on a diagonal or nowhere."""
    if rows.start == cols.start:
        np.fill_diagonal(piece, value)
