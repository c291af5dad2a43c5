"""Statistics that need the features of the real images themselves: kernel distance, precision and recall.

Features are (n, d) of any floating type; sums are in float64, over pieces of the n by m table of pairs, which is
never held whole. Time grows with n (n + m) d.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.errors import DataError
from trustdm.bench.features.frechet import Distance, Features, Floats, as_features
from trustdm.bench.rng import derive
from trustdm.bench.stats import wilson
from trustdm.bench.types import Estimate

REPLICATES = 1000
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


def kid(features: ArrayLike, reference_features: ArrayLike, *, block: int, known: float | None = None) -> Distance:
    """The unbiased squared MMD with the kernel (x.y / d + 1)^3 over all pairs; not times 1000; it may be negative.

    Binkowski et al. 2018, Eq. 4 with the kernel of section 4; not the mean over random subsets, which adds noise. The
    standard error is given the reference, by a block bootstrap: the generated images are cut into stretches of at
    least ``block``, as many as there are of these are drawn with replacement (1000 times; the generator depends on
    the sizes alone), and the pairs of an image with itself are left out. Where the classes take turns and a block
    holds each equally often, every replicate is as balanced as the whole. ``known`` is ``self_similarity`` of the
    reference, where it was computed before. Unbiased holds for independent images: in
    a set with a fixed number of each class, pairs of one class are rarer by a share of about 1 / n, and sets of
    one distribution come out a little below 0.

    Raises:
        DataError: fewer than two blocks of two images; NaN, infinity, different dimensions.
    """
    real = as_features(reference_features, "KID: reference", least=2)
    made = as_features(features, "KID", dimension=real.shape[1])
    count = len(made) // max(block, 1)
    if block < 2 or count < 2:
        raise DataError(f"KID: expected at least two blocks of {block} (at least 2) images, got {len(made)} images")
    member = np.arange(count) == (np.arange(len(made)) * count // len(made))[:, None]
    pairs, across = np.zeros((count, count)), np.zeros(count)
    for rows, cols, kernel in _kernels(made):
        pairs += member[rows].T @ kernel @ member[cols]
    for rows, _, kernel in _kernels(made, real):
        across += member[rows].T @ kernel.sum(axis=1) / len(real)
    table = (pairs, across, member.sum(axis=0).astype(np.float64))
    value = float(_squared_mmd(np.ones((1, count)), *table)[0]) + (self_similarity(real) if known is None else known)
    generator = np.random.Generator(np.random.Philox(key=derive("kid", len(made), len(real), block)))
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=REPLICATES).astype(np.float64)
    return Distance(value, float(_squared_mmd(drawn, *table).std(ddof=1)), len(made))


def self_similarity(reference_features: ArrayLike) -> float:
    """The mean of the kernel over all pairs of different images of the reference: the same for every set of images."""
    real = as_features(reference_features, "KID: reference", least=2)
    total = sum(float(kernel.sum()) for _, _, kernel in _kernels(real))
    return total / (len(real) * (len(real) - 1))


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
        _diagonal(squares, rows, cols, np.inf)
        nearest[rows] = np.partition(np.concatenate([nearest[rows], squares], axis=1), k - 1)[:, :k]
    return np.asarray(nearest.max(axis=1))


def _share(verdicts: NDArray[np.bool_]) -> Estimate:
    low, high = wilson(verdicts.sum(), len(verdicts))
    return Estimate(float(verdicts.mean()), float(low), float(high), len(verdicts))


def _squared_mmd(weights: Floats, pairs: Floats, across: Floats, sizes: Floats) -> Floats:
    """The parts of the statistic that depend on the generated images, for blocks taken ``weights`` (r, blocks) times.

    ``pairs`` sums the kernel over pairs of different images of two blocks; ``across`` over a block, its mean over
    real images. Copies of one image make no pair.
    """
    total = weights @ sizes
    counted = total**2 - weights**2 @ sizes
    found: Floats = np.einsum("rb,bc,rc->r", weights, pairs, weights, optimize=True) / counted
    return found - 2 * (weights @ across) / total


def _kernels(a: Features, b: Features | None = None) -> Iterator[tuple[slice, slice, Floats]]:
    """Pieces of the kernel's table of ``a`` and ``b``; or of ``a`` alone, with 0 for each image with itself."""
    for rows, cols, x, y in _pieces(a, a if b is None else b):
        kernel = (x @ y.T / a.shape[1] + 1) ** 3
        if b is None:
            _diagonal(kernel, rows, cols, 0.0)
        yield rows, cols, kernel


def _squared_distances(a: Features, b: Features) -> Iterator[tuple[slice, slice, Floats]]:
    centre = b.mean(axis=0, dtype=np.float64)  # nearer to the origin less is lost by the difference of squares
    for rows, cols, x, y in _pieces(a, b):
        x, y = x - centre, y - centre
        squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * (x @ y.T)
        yield rows, cols, np.maximum(squares, 0.0)


def _pieces(a: Features, b: Features) -> Iterator[tuple[slice, slice, Floats, Floats]]:
    for i in range(0, len(a), ROWS):
        x = a[i : i + ROWS].astype(np.float64)
        for j in range(0, len(b), ROWS):
            y = b[j : j + ROWS].astype(np.float64)
            yield slice(i, i + len(x)), slice(j, j + len(y)), x, y


def _diagonal(piece: Floats, rows: slice, cols: slice, value: float) -> None:
    """Overwrites the pairs of a row with itself; pieces are aligned, so they lie on a diagonal or nowhere."""
    if rows.start == cols.start:
        np.fill_diagonal(piece, value)
