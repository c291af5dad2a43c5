"""Images that were made elsewhere: whether the adversary of a suite could have made each. Nothing is mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.arrayfiles import Unreadable, read_npz
from trustdm.bench.errors import UsageError
from trustdm.bench.tasks.robustness.task import budget_of

if TYPE_CHECKING:
    from trustdm.bench.contracts import Dataset
    from trustdm.bench.suite.load import Suite

TOLERANCE = 1e-6
"""By which share a perturbation may exceed eps: the difference of two images is rounded to float32."""
AT_ONCE = 256
Ids = NDArray[np.int64]
Images = NDArray[np.float32]


def read(path: Path) -> tuple[Images, Ids]:
    """``x_adv`` (n, C, H, W) float32 and ``examples`` (n,) of a file.

    Raises:
        UsageError: no npz file, or without these arrays in these forms.
    """
    try:
        arrays = read_npz(path, ("x_adv", "examples"))
    except Unreadable as error:
        raise UsageError(f"{path}: expected an npz file with x_adv and examples, got {error}") from error
    for name in ("x_adv", "examples"):
        if name not in arrays:
            raise UsageError(f"{path}: expected an array {name}, got {', '.join(sorted(arrays)) or 'none'}")
    images, examples = arrays["x_adv"], arrays["examples"]
    if images.dtype != np.float32:
        raise UsageError(f"{path}: x_adv: expected float32 in [0, 1], got {images.dtype}")
    if examples.ndim != 1 or examples.dtype.kind not in "iu" or not len(examples):
        raise UsageError(
            f"{path}: examples: expected at least one index, whole numbers in a list, got {_form(examples)}"
        )
    return images, examples.astype(np.int64)


def require(path: Path, suite: Suite, data: Dataset, images: Images, examples: Ids) -> None:
    """Refuses images that are not of the suite's test examples, each once, within its budget and the box [0, 1].

    Raises:
        UsageError: one line with what is wrong, how often, and the worst of it.
        DataError: the clean images are not on this machine.
    """
    for words in _faults(suite, data, images, examples):
        raise UsageError(f"{path}: {words}")


def _faults(suite: Suite, data: Dataset, images: Images, examples: Ids) -> Iterator[str]:
    expected = (len(examples), *suite.data.shape)
    if images.shape != expected:
        yield f"x_adv: expected the shape {expected}, one image for each example, got {images.shape}"
    unknown = examples[~np.isin(examples, suite.test)]
    if len(unknown):
        yield f"examples: expected examples that {suite.name} tests, got {len(unknown)} others, such as {unknown[0]}"
    once, times = np.unique(examples, return_counts=True)
    if len(once) < len(examples):
        yield f"examples: expected each one once, got {once[times > 1][0]} {times.max()} times"
    lost = int((~np.isfinite(images).reshape(len(images), -1).all(1)).sum())
    if lost:
        yield f"x_adv: expected finite numbers, got NaN or infinity in {lost} of {len(images)} images"
    outside = np.maximum(-images, images - 1).reshape(len(images), -1).max(1)
    if (beyond := outside > 0).any():
        yield (
            f"x_adv: expected values in [0, 1], got {int(beyond.sum())} of {len(images)} images outside of it, by up "
            f"to {float(outside.max()):.3g}"
        )
    yield from _too_far(suite, data, images, examples)


def _too_far(suite: Suite, data: Dataset, images: Images, examples: Ids) -> Iterator[str]:
    budget = budget_of(suite)
    norms = np.concatenate(
        [
            _norms(images[at : at + AT_ONCE], data.read(examples[at : at + AT_ONCE])[0], budget.norm)
            for at in range(0, len(images), AT_ONCE)
        ]
    )
    beyond = norms > budget.radius * (1 + TOLERANCE)
    if beyond.any():
        worst = int(norms.argmax())
        yield (
            f"x_adv: expected images within {budget.norm} {budget.eps} of the clean ones, got "
            f"{int(beyond.sum())} of {len(images)} beyond it, example {examples[worst]} by {norms[worst]:.6g} the "
            "most; nothing is projected here"
        )


def _norms(images: Images, clean: NDArray[Any], norm: str) -> NDArray[np.float64]:
    delta = np.abs(images.astype(np.float64) - clean.astype(np.float64)).reshape(len(images), -1)
    return np.asarray(delta.max(1) if norm == "linf" else np.sqrt((delta**2).sum(1)))


def _form(array: NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"


def reach(suite: Suite, examples: Ids) -> int:
    """How many examples from the first of the test list on hold all that are given."""
    return int(np.flatnonzero(np.isin(suite.test, examples)).max()) + 1
