"""What a metric says of one cell: an estimate, and what is needed to compare it with those of other rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustdm.bench import stats
from trustdm.bench.types import Estimate

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Score:
    """An estimate with its 95% interval.

    Rows are compared by paired tests where ``values`` (n,) of ``examples`` (n,) are there (NaN: an example that does
    not count), by z-tests where ``se`` is. ``group`` is what must be equal for two scores to be compared at all, and
    ``label`` a word of it for a heading. With a ``caveat`` the row is shown and not ranked; it says why.
    """

    estimate: Estimate
    examples: Ids | None = None
    values: Floats | None = None
    se: float = float("nan")
    group: tuple[object, ...] = ()
    label: str = ""
    caveat: str = ""

    def __post_init__(self) -> None:
        # What a metric returned is what the cache gives back: the same numbers of the same kind.
        for name, kind in (("examples", np.int64), ("values", np.float64)):
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, np.asarray(array, dtype=kind))


def shares(examples: Ids, means: Floats, draws: NDArray[np.int64]) -> Score | None:
    """The score of one share in [0, 1] for each example, the mean over ``draws`` (n,) of it; None if none counts.

    ``means`` is NaN where an example does not count. The interval takes the example as the unit (``stats.clustered``).
    """
    counts = draws > 0
    if not counts.any():
        return None
    return Score(stats.clustered(means[counts], draws[counts]), examples, means)


def single(examples: Ids, values: Floats) -> Score | None:
    """The same for one verdict each, 0 or 1."""
    return shares(examples, values, np.ones(len(examples), dtype=np.int64))
