"""What a set of generated images is worth: distances to the suite's reference, from features that are stored.

A distance belongs to its number of images, its extractor and its reference: ``Score.group`` holds these, and rows
are compared only where it is equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import DataError
from trustdm.bench.features import frechet as distances
from trustdm.bench.features import kernel, neighbours
from trustdm.bench.features.frechet import Distance, Sets, combine
from trustdm.bench.features.reference import Reference, floor, read_reference
from trustdm.bench.hashing import sha256_file
from trustdm.bench.records import CellResult
from trustdm.bench.summary.score import Score
from trustdm.bench.tasks.generation.task import generation, reference_file
from trustdm.bench.types import Estimate, Status

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.cell import CellView

FEATURES = "features"
NEIGHBOURS = 3
MOST_PAIRS = 256
Z95 = 1.959963984540054
Features = NDArray[np.floating[Any]]


def frechet(cell: CellView, spec: MetricSpec) -> Score | None:
    """The Fréchet distance to the reference: the mean over the sets."""
    return _distance(cell, "frechet")


def kid(cell: CellView, spec: MetricSpec) -> Score | None:
    """The kernel distance to the reference: the mean over the sets."""
    return _distance(cell, "kid")


def precision(cell: CellView, spec: MetricSpec) -> Score | None:
    """The share of images that lie where real ones do: the mean over the sets."""
    return _distance(cell, "precision")


def recall(cell: CellView, spec: MetricSpec) -> Score | None:
    """The share of real images that lie where generated ones do: the mean over the sets."""
    return _distance(cell, "recall")


def evaluations(cell: CellView, spec: MetricSpec) -> Score | None:
    """Network evaluations of an image: the mean, and the least and the most that one took."""
    if not _usable(cell):
        return None
    value = cell.records.value
    estimate = Estimate(float(value.mean()), float(value.min()), float(value.max()), len(value))
    return Score(estimate, se=0.0, group=("evaluations",))


def _usable(cell: CellView) -> bool:
    """Not where a block failed, nothing is stored, or the suite was another one: its set, labels and reference were
    others."""
    sampled = cell.records.status == Status.MADE
    return bool(sampled.all() and sampled.any() and cell.current)


def _distance(cell: CellView, statistic: str) -> Score | None:
    """None as in ``_usable``, and where the reference is not here."""
    if not _usable(cell):
        return None
    suite, result = cell.suite, cell.result
    reference, features = reference_of(suite, result), cell.arrays(FEATURES)
    if reference is None or features is None:
        return None
    if features.ndim != 2 or len(features) != len(cell.records):
        raise DataError(f"cell {result.id}: expected features for {len(cell.records)} images, got {features.shape}")
    size, whole = _sets(suite, len(features))
    if statistic != "frechet" and reference.features is None:
        return None
    labels = _strata(cell)
    one = _ONE_SET[statistic]
    sets = combine([one(features[p], reference, None if labels is None else labels[p]) for p in whole])
    group = (statistic, size, len(whole), result.identity.data_digest)
    pinned = generation(suite).reference_sha256 is not None
    label = "" if pinned else f"reference={result.identity.data_digest[:8]}"
    return Score(_estimate(statistic, sets), se=sets.se, group=group, label=label)


def floor_of(suite: Suite, n: int) -> Estimate | None:
    """The Frechet distance of ``n`` held-out real images to the reference: what no generator can be expected to beat.

    None where the suite has no such images, too few, or no pinned reference.
    """
    if generation(suite).reference_sha256 is None:
        return None  # rows may have been compared with another file than the one that lies here now
    try:
        reference = _reference(suite, generation(suite).reference_sha256)
    except DataError:
        return None  # rows say what is wrong with it
    found = None if reference is None else floor(reference, n)
    return None if found is None else _estimate("frechet", distances.combine([found]))


def reference_of(suite: Suite, result: CellResult) -> Reference | None:
    """The reference that a cell was measured against; None where the file that is here is another one, or none."""
    return _reference(suite, result.identity.data_digest)


def _reference(suite: Suite, sha256: str | None) -> Reference | None:
    try:
        path = reference_file(suite)
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
    size = min(generation(suite).set, n)
    return size, [slice(start, start + size) for start in range(0, n - size + 1, size)]


def _strata(cell: CellView) -> NDArray[np.int64] | None:
    """The classes of the images where the suite fixed how many there are of each; None where chance decided."""
    labels = cell.records.sorted().label
    return None if generation(cell.suite).labels != "balanced" or (labels < 0).any() else labels


def _usable_strata(labels: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    """None where a class has one image alone: nothing can be said within it."""
    return labels if labels is not None and np.unique(labels, return_counts=True)[1].min() > 1 else None


def _frechet(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    return distances.frechet_estimate(features, reference.moments, strata=_usable_strata(labels))


def _kid(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    return kernel.kid(features, _kept(reference), strata=_usable_strata(labels), known=_known(reference)[0])


def _precision(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    return _share(_both(features, reference).precision, len(features))


def _recall(features: Features, reference: Reference, labels: NDArray[np.int64] | None) -> Distance:
    return _share(_both(features, reference).recall, len(features))


def _both(features: Features, reference: Reference) -> neighbours.PrecisionRecall:
    """Precision and recall, which are columns of their own but one computation."""
    key = hashlib.sha256(features.tobytes()).hexdigest() + hashlib.sha256(_kept(reference).tobytes()).hexdigest()
    if key not in _PAIRS:
        while len(_PAIRS) >= MOST_PAIRS:
            _PAIRS.pop(next(iter(_PAIRS)))
        _PAIRS[key] = neighbours.precision_recall(features, _kept(reference), NEIGHBOURS, _known(reference)[1])
    return _PAIRS[key]


_PAIRS: dict[str, neighbours.PrecisionRecall] = {}


@lru_cache(maxsize=4)
def _known(reference: Reference) -> tuple[float, NDArray[np.float64]]:
    """What KID, precision and recall need of the reference alone."""
    real = _kept(reference)
    return kernel.self_similarity(real), neighbours.radii(real, NEIGHBOURS)


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


def _estimate(statistic: str, found: Sets) -> Estimate:
    """The mean over the sets with its interval; what they were, where there are several."""
    low, high = found.mean - Z95 * found.se, found.mean + Z95 * found.se
    if statistic != "kid":
        low = max(low, 0.0)
    count = len(found.values)
    detail = f"{count} sets of {found.n:,}: sd {found.sd:.3g}, least {found.least:.4g}" if count > 1 else ""
    return Estimate(found.mean, low, min(high, _HIGHEST.get(statistic, high)), count * found.n, detail)
