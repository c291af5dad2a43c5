"""What a set of generated images is worth: distances to the suite's reference, from features that are stored.

A distance belongs to its number of images, its extractor and its reference: ``SetScore.group`` holds these, and rows
are compared only where it is equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import DataError
from trustdm.bench.features import frechet as distances
from trustdm.bench.features import neighbours as manifold
from trustdm.bench.features.frechet import Distance, Sets
from trustdm.bench.features.reference import Reference, floor, read_reference
from trustdm.bench.hashing import sha256_file
from trustdm.bench.records import CellResult
from trustdm.bench.summary.marks import on_suite
from trustdm.bench.types import Estimate, Status

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

FEATURES = "features"
KID_BLOCK = 50
NEIGHBOURS = 3
MOST_PAIRS = 256
Z95 = 1.959963984540054
Features = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class SetScore:
    """A statistic of a set of images with its 95% interval; ``se`` is its standard error where it can be compared."""

    estimate: Estimate
    se: float
    group: tuple[object, ...]


def score(suite: Suite, statistic: str, result: CellResult) -> SetScore | None:
    """The statistic of one cell.

    None where a block failed, nothing is stored, the reference is not here, or the suite was another one: its set,
    labels and reference were others.
    """
    made = result.records.status == Status.MADE
    if not made.all() or not made.any() or not on_suite(suite, result):
        return None
    if statistic == "evaluations":
        return _evaluations(result)
    reference, features = reference_of(suite, result), result.arrays(FEATURES)
    if reference is None or features is None:
        return None
    if features.ndim != 2 or len(features) != len(result.records):
        raise DataError(f"cell {result.id}: expected features for {len(result.records)} images, got {features.shape}")
    size, whole = _sets(suite, len(features))
    if statistic != "frechet" and reference.features is None:
        return None
    labels = _strata(suite, result)
    one = _ONE_SET[statistic]
    each = [one(features[p], reference, None if labels is None else labels[p]) for p in whole]
    found = distances.combine(each)
    group = (statistic, size, len(whole), result.identity.data_digest)
    return SetScore(_estimate(statistic, found), found.se, group)


def pairwise(scores: Sequence[SetScore], direction: int) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """As ``stats.pairwise``, from each score's own standard error: z-tests of independent sets.

    Generators are given the same seeds, so their errors may be positively correlated, which makes the test cautious.
    """
    from scipy.special import ndtr

    value, se = np.array([s.estimate.value for s in scores]), np.array([s.se for s in scores])
    gap = direction * (value[:, None] - value[None, :])
    error = np.sqrt(se[:, None] ** 2 + se[None, :] ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(gap == 0, 0.0, np.abs(gap) / error)
    return 2 * ndtr(-z), gap, "z-test of distances"


def floor_of(suite: Suite, n: int) -> Estimate | None:
    """The Frechet distance of ``n`` held-out real images to the reference: what no generator can be expected to beat.

    None where the suite has no such images, too few, or no pinned reference.
    """
    if suite.generation is None or suite.generation.reference_sha256 is None:
        return None  # rows may have been compared with another file than the one that lies here now
    try:
        reference = _reference(suite, suite.generation.reference_sha256)
    except DataError:
        return None  # rows say what is wrong with it
    found = None if reference is None else floor(reference, n)
    return None if found is None else _estimate("frechet", distances.combine([found]))


def reference_of(suite: Suite, result: CellResult) -> Reference | None:
    """The reference that a cell was measured against; None where the file that is here is another one, or none."""
    return _reference(suite, result.identity.data_digest)


def _reference(suite: Suite, sha256: str | None) -> Reference | None:
    try:
        path = suite.reference_file()
    except DataError:
        return None
    stamp = path.stat()
    return _read(path, sha256, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, sha256: str | None, modified: int, size: int) -> Reference | None:
    if sha256 is not None and sha256_file(path) != sha256:
        return None
    return read_reference(path)


def _sets(suite: Suite, n: int) -> tuple[int, list[slice]]:
    """The images of a set, and the whole sets among the first ``n``: one of all images where there are fewer."""
    size = min(suite.generation.set, n) if suite.generation else n
    return size, [slice(start, start + size) for start in range(0, n - size + 1, size)]


def _strata(suite: Suite, result: CellResult) -> NDArray[np.int64] | None:
    """The classes of the images where the suite fixed how many there are of each; None where chance decided."""
    records = result.records.sorted()
    if suite.generation is None or suite.generation.labels != "balanced" or (records.label < 0).any():
        return None
    return records.label


def _frechet(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    strata = labels if labels is not None and np.unique(labels, return_counts=True)[1].min() > 1 else None
    return distances.frechet_estimate(features, reference.moments, strata=strata)


def _kid(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    block = max(2, min(KID_BLOCK, len(features) // 2))
    return manifold.kid(features, _kept(reference), block=block, known=_known(reference)[0])


def _precision(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    return _share(_both(features, reference).precision, len(features))


def _recall(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    return _share(_both(features, reference).recall, len(features))


def _both(features: Features, reference: Reference) -> manifold.PrecisionRecall:
    """Precision and recall, which are columns of their own but one computation."""
    key = hashlib.sha256(features.tobytes()).hexdigest() + hashlib.sha256(_kept(reference).tobytes()).hexdigest()
    if key not in _PAIRS:
        while len(_PAIRS) >= MOST_PAIRS:
            _PAIRS.pop(next(iter(_PAIRS)))
        _PAIRS[key] = manifold.precision_recall(features, _kept(reference), NEIGHBOURS, _known(reference)[1])
    return _PAIRS[key]


_PAIRS: dict[str, manifold.PrecisionRecall] = {}


@lru_cache(maxsize=4)
def _known(reference: Reference) -> tuple[float, NDArray[np.float64]]:
    """What KID, precision and recall need of the reference alone."""
    real = _kept(reference)
    return manifold.self_similarity(real), manifold.radii(real, NEIGHBOURS)


def _share(found: Estimate, n: int) -> Distance:
    return Distance(found.value, (found.high - found.low) / (2 * Z95), n)


def _kept(reference: Reference) -> Features:
    if reference.features is None:
        raise DataError("reference: expected the features of the real images, got their moments only")
    return reference.features


_ONE_SET: dict[str, Callable[[Features, Reference, NDArray[np.int64] | None], Distance]] = {
    "frechet": _frechet,
    "kid": _kid,
    "precision": _precision,
    "recall": _recall,
}
_HIGHEST = {"precision": 1.0, "recall": 1.0}


def _evaluations(result: CellResult) -> SetScore:
    """Network evaluations of an image: the mean, and the least and the most that one took."""
    value = result.records.value
    estimate = Estimate(float(value.mean()), float(value.min()), float(value.max()), len(value))
    return SetScore(estimate, 0.0, ("evaluations",))


def _estimate(statistic: str, found: Sets) -> Estimate:
    """The mean over the sets with its interval; what they were, where there are several."""
    low, high = found.mean - Z95 * found.se, found.mean + Z95 * found.se
    if statistic != "kid":
        low = max(low, 0.0)
    count = len(found.values)
    detail = f"{count} sets of {found.n:,}: sd {found.sd:.3g}, least {found.least:.4g}" if count > 1 else ""
    return Estimate(found.mean, low, min(high, _HIGHEST.get(statistic, high)), count * found.n, detail)
