"""What the numbers of a block mean: apart from the contract, for an edit here makes a result another result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Positions:
    """What is run, in this order: ``ids`` (n,) go into ``Records.example``; ``per_example`` neighbours are one example.

    An example may need several positions: chunks of noisy draws, keys, prompts.
    """

    ids: NDArray[np.int64]
    per_example: int = 1

    @staticmethod
    def count(total: int, per_example: int = 1) -> Positions:
        """The positions 0, 1, ... of ``total`` examples."""
        ids = np.arange(total * per_example, dtype=np.int64)
        ids.flags.writeable = False
        return Positions(ids, per_example)
