"""The reference model: how often a token followed another one, counted once and shared by all evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.assets.spec import AssetSpec
from trustdm.bench.errors import DataError

STEP = "pair-counts"
FILE = "counts.npy"


def pair_counts(vocabulary: int) -> AssetSpec:
    """The counts of pairs in the training split of the suite."""
    return AssetSpec(STEP, {"vocabulary": vocabulary})


def bigram(counts: NDArray[np.int64], smoothing: float = 1.0) -> NDArray[np.float64]:
    """Logarithms (V, V) of the probability of a token (column) after another one (row)."""
    smooth = counts + smoothing
    return np.asarray(np.log(smooth / smooth.sum(1, keepdims=True)))


def read_reference(folder: Path) -> NDArray[np.float64]:
    """The table of ``bigram`` in the folder of an asset.

    Raises:
        DataError: the folder holds something else.
    """
    try:
        return bigram(np.load(folder / FILE, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: expected counts of pairs, got {error}") from error


def logprobs(table: NDArray[np.float64], tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each token (n, L) given the one before it; the first one is uniform."""
    answer = np.full(tokens.shape, -np.log(len(table)))
    answer[:, 1:] = table[tokens[:, :-1], tokens[:, 1:]]
    return answer


def pairs(tokens: NDArray[np.int64], vocabulary: int) -> NDArray[np.int64]:
    """Counts (V, V) of the pairs of neighbours in ``tokens`` (n, L)."""
    flat = (tokens[:, :-1] * vocabulary + tokens[:, 1:]).ravel()
    return np.bincount(flat, minlength=vocabulary**2).reshape(vocabulary, vocabulary)
