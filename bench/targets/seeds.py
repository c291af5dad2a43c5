"""The seeds that a generator is asked for, and the classes that go with them; torch-free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.rng import Noise

SEEDS_A_CELL = 10_000_000


def seeds_of(examples: NDArray[np.int64], cell_seed: int) -> tuple[int, ...]:
    """The seeds of the positions ``examples`` (n,): position i of a cell of seed s has i + 10,000,000 s.

    They do not depend on the method: every generator of a suite is asked for the same seeds.
    """
    return tuple(int(i) + SEEDS_A_CELL * cell_seed for i in examples)


def labels_of(seeds: Sequence[int], rule: str, classes: int) -> NDArray[np.int64] | None:
    """The class labels (n,) of ``seeds``: by turns ("balanced"), drawn from the seed ("random"), or None ("none")."""
    if rule == "none":
        return None
    if rule == "balanced":
        return np.array([s % SEEDS_A_CELL % classes for s in seeds], dtype=np.int64)
    drawn = Noise("generation/labels", np.array(seeds)).uniform("label", (1,))[:, 0]
    return np.minimum((drawn * classes).astype(np.int64), classes - 1)
