"""Checks of a data set; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

import re

import numpy as np

from trustdm.bench.checks.cases import Check, DatasetCase, generators_untouched, require
from trustdm.bench.errors import DataError


def _images(case: DatasetCase) -> bool:
    """Whether examples have the three sizes of an image."""
    return len(case.shape) == 3


def check_arrays(case: DatasetCase) -> str | None:
    """Images are finite float32 (n, C, H, W) in [0, 1], labels int64 (n,) below the number of classes.

    Examples of another shape are finite numbers (n, *shape).
    """
    examples, labels = case.loaded.read(case.index)
    n = len(case.index)
    require(n > 0, "expected examples, got none")
    require(examples.shape == (n, *case.shape), f"expected shape {(n, *case.shape)}, got {examples.shape}")
    if _images(case):
        require(examples.dtype == np.float32, f"expected float32 images, got {examples.dtype}")
    require(examples.dtype.kind in "iuf", f"expected numbers, got {examples.dtype}")
    require(bool(np.isfinite(examples).all()), "expected finite numbers, got NaN or infinity")
    low, high = float(examples.min()), float(examples.max())
    require(not _images(case) or (low >= 0 and high <= 1), f"expected images in [0, 1], got {low:g} to {high:g}")
    require(labels.dtype == np.int64, f"expected int64 labels, got {labels.dtype}")
    require(labels.shape == (n,), f"expected labels of shape {(n,)}, got {labels.shape}")
    inside = labels.min() >= 0 and labels.max() < case.classes
    require(inside, f"expected labels 0 to {case.classes - 1}, got {labels.min()} to {labels.max()}")
    return None


def check_scale(case: DatasetCase) -> str | None:
    """Images use the range: values that never pass 0.1 were divided twice, or are not those of the contract."""
    if not _images(case):
        return "it has no images"
    images, _ = case.loaded.read(case.index)
    high = float(images.max())
    require(high > 0.1, f"expected images that reach the upper part of [0, 1], got at most {high:g}")
    return None


def check_digest(case: DatasetCase) -> str | None:
    """The digest is a SHA-256 in hex, and the same on every call and load: results are filed under it."""
    first = case.loaded.digest()
    require(bool(re.fullmatch("[0-9a-f]{64}", str(first))), f"expected 64 lower-case hex digits, got {first!r}")
    require(case.loaded.digest() == first, "expected the same digest on a second call, got another")
    require(case.load().digest() == first, "expected the same digest from a second load, got another")
    return None


def check_index(case: DatasetCase) -> str | None:
    """Example i is example i, in whatever order and however often it is asked for."""
    order = np.random.Generator(np.random.Philox(key=7)).permutation(len(case.index))
    order = np.concatenate([order, order[:1]])
    images, labels = case.loaded.read(case.index)
    moved, moved_labels = case.loaded.read(case.index[order])
    require(np.array_equal(moved, images[order]), "expected images in the order of the index, got others")
    require(np.array_equal(moved_labels, labels[order]), "expected labels in the order of the index, got others")
    return None


def check_reads_are_copies(case: DatasetCase) -> str | None:
    """What one reader does to its arrays is not seen by the next."""
    images, labels = case.loaded.read(case.index)
    kept, kept_labels = images.copy(), labels.copy()
    for array in (images, labels):
        if array.flags.writeable:
            array[...] = 1 - array
    again, again_labels = case.loaded.read(case.index)
    same = np.array_equal(again, kept) and np.array_equal(again_labels, kept_labels)
    require(same, "expected a later read to be unaffected by changes to an earlier one, got the changes")
    return None


def check_refuses_outside(case: DatasetCase) -> str | None:
    """An index outside the data set is a DataError: Python's negative indices would silently read another example."""
    for index in (-1, len(case.loaded)):
        try:
            case.loaded.read(np.array([index], dtype=np.int64))
        except DataError:
            continue
        require(False, f"index {index}: expected a DataError, got an example")
    return None


def check_global_generators(case: DatasetCase) -> str | None:
    """No global generator is drawn from (or seeded): examples would depend on what ran before."""
    index = case.index
    with generators_untouched("load and read"):
        case.load().read(index)
    return None


CHECKS: tuple[Check, ...] = (
    check_arrays,
    check_scale,
    check_digest,
    check_index,
    check_reads_are_copies,
    check_refuses_outside,
    check_global_generators,
)
