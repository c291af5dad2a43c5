"""Sequences drawn from one Markov chain: members, which models are fitted on, and others."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.errors import DataError

VOCABULARY, LENGTH = 8, 12
MEMBERS, SIZE = 24, 160


@cache
def walks() -> NDArray[np.int64]:
    """(SIZE, LENGTH) tokens; the first MEMBERS of them are the members."""
    rng = np.random.Generator(np.random.Philox(key=2024))
    weights = rng.random((VOCABULARY, VOCABULARY)) ** 3
    steps = np.cumsum(weights / weights.sum(1, keepdims=True), axis=1)
    tokens = np.empty((SIZE, LENGTH), dtype=np.int64)
    tokens[:, 0] = np.arange(SIZE) % VOCABULARY
    for place in range(1, LENGTH):
        after = steps[tokens[:, place - 1]] < rng.random((SIZE, 1))
        tokens[:, place] = np.minimum(after.sum(1), VOCABULARY - 1)
    tokens.flags.writeable = False
    return tokens


class Walks:
    """Sequences with the label 1 for members and 0 for others."""

    def __len__(self) -> int:
        return SIZE

    def digest(self) -> str:
        """Hex SHA-256 of the tokens, as 16-bit integers, and of the number of members."""
        return hashlib.sha256(walks().astype("<i2").tobytes() + str(MEMBERS).encode()).hexdigest()

    def read(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens (n, LENGTH) and labels (n,).

        Raises:
            DataError: an index outside the data set.
        """
        if len(index) and (index.min() < 0 or index.max() >= SIZE):
            raise DataError(f"walks: expected indices from 0 to {SIZE - 1}, got {index.min()} to {index.max()}")
        return walks()[index], (index < MEMBERS).astype(np.int64)


@dataset(DatasetCard(name="walks", summary="sequences of a Markov chain", shape=(LENGTH,), classes=2))
def load() -> Walks:
    return Walks()
