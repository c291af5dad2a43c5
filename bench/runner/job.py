"""One block of one cell, ready to be measured: the method, the suite, and what a protocol may ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.rng import Noise
from trustdm.bench.runner.resources import Resources
from trustdm.bench.types import Block


@dataclass(kw_only=True)
class Job(Resources):
    """One block of one cell, of whatever task; ``key`` is the cell's.

    ``positions`` (B,) are those of the block among the evaluation's (``Suite.positions``), of which ``per_example``
    neighbours are one example. ``draws`` is 1 for a deterministic method.
    """

    evaluation: str
    draws: int
    positions: NDArray[np.int64]
    per_example: int
    block: Block

    def noise(self, use: str, draw: int = 0) -> Noise:
        """Noise whose row i belongs to (cell, ``use``, positions[i], ``draw``): also the keys of a watermark."""
        return Noise(f"{self.key}/{use}", self.positions, draw)
