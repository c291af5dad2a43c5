"""A cell that this process did not measure, as its task judges it: what was handed in, and what is known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.types import Block, CellIdentity

if TYPE_CHECKING:  # names of types only: suites know nothing of claims when the program runs (tests/test_layers.py)
    from trustdm.bench.contracts import MethodCard
    from trustdm.bench.suite.load import Suite

UNKNOWN = -1
"""The true label of an example that is not on this machine."""
ROWS = "rows"
"""The size of an array that has a row for each position of its block."""


@dataclass(frozen=True)
class ArrayForm:
    """What an array of a block must be for its task to read it.

    ``kinds`` are those of its dtype in numpy's letters ("f", "iu": of whole numbers that may have a sign no uint64, as
    numpy makes floats of one block's uint64 beside another's int64). ``shape`` has its sizes: a number; ``ROWS``;
    another text for a number from 1 to ``ROWS`` that all arrays of the block with that text share; None for any.
    Values are from ``least`` to ``most``; where neither is said they may be anything, NaN included.
    """

    kinds: str
    shape: tuple[int | str | None, ...]
    least: float | None = None
    most: float | None = None

    def fault(self, array: NDArray[Any], sizes: dict[str, int]) -> str:
        """Expected and got, where an array is something else; empty if it is not. ``sizes`` has ``ROWS``, and takes
        the others as they are met."""
        if array.dtype.kind not in self.kinds or not self._fits(array.shape, sizes):
            kinds, shape = " or ".join(dict.fromkeys(KINDS[kind] for kind in self.kinds)), self._words(sizes)
            return f"expected {kinds} {shape}, got {array.dtype} {array.shape}"
        if "i" in self.kinds and "f" not in self.kinds and not np.can_cast(array.dtype, np.int64):
            return f"expected whole numbers that 64 bits with a sign hold, got {array.dtype} {array.shape}"
        low, high = self.least, self.most
        within = (low is None or float(array.min()) >= low) and (high is None or float(array.max()) <= high)
        return "" if within else f"expected values {_range(low, high)}, got others"

    def _fits(self, shape: tuple[int, ...], sizes: dict[str, int]) -> bool:
        if len(shape) != len(self.shape):
            return False
        for expected, got in zip(self.shape, shape, strict=True):
            if isinstance(expected, str):
                if expected not in sizes and 0 < got <= sizes[ROWS]:
                    sizes[expected] = got
                expected = sizes.get(expected, -1)
            if (got < 1) if expected is None else (got != expected):
                return False
        return True

    def _words(self, sizes: Mapping[str, int]) -> str:
        said = [sizes.get(size, size) if isinstance(size, str) else size for size in self.shape]
        return f"({', '.join('any' if size is None else str(size) for size in said)}{',' if len(said) == 1 else ''})"


KINDS = {"f": "floats", "i": "whole numbers", "u": "whole numbers"}


def _range(low: float | None, high: float | None) -> str:
    return " ".join(f"{word} {bound:g}" for word, bound in (("from", low), ("to", high)) if bound is not None)


class Contradiction(NamedTuple):
    """Something that cannot be: in which block (None: in the cell), in which part of it, expected and got in words."""

    block: Block | None
    part: str
    words: str


@dataclass(frozen=True, eq=False)
class ClaimedBlock:
    """A block that is said to be done. ``positions`` (B,) are those of the suite, in its order, which is also that of
    the rows of ``array(name)``; None where there is no such array. ``diagnostics`` are its counts.
    """

    block: Block
    positions: NDArray[np.int64]
    records: Records
    diagnostics: Mapping[str, float]
    array: Callable[[str], NDArray[Any] | None]

    def rows(self, probe: str, draw: int = 0) -> Records:
        """The records of one probe and draw, by example."""
        return self.records.where((self.records.probe == probe) & (self.records.draw == draw)).sorted()

    @property
    def by_example(self) -> NDArray[np.int64]:
        """Which row (B,) of an array belongs to each of ``rows``."""
        return np.argsort(self.positions)

    def wrong(self, part: str, words: str) -> Contradiction:
        """A contradiction in this block."""
        return Contradiction(self.block, part, words)


@dataclass(frozen=True, eq=False)
class Claim:
    """A cell of ``suite``, which is the one that is stored with it. What any task has in common was looked at before:
    positions, probes, draws and the cut into blocks are as the suite asks.

    ``draws`` is how many a method of that card is given; ``reported`` says that the records were published by somebody
    else and not measured by the harness. ``truth(examples)`` are the labels (n,) that the suite's data set has,
    ``UNKNOWN`` where that is not on this machine.
    """

    suite: Suite
    identity: CellIdentity
    card: MethodCard
    draws: int
    reported: bool
    blocks: tuple[ClaimedBlock, ...]
    truth: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    registry: Registry
