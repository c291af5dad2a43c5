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

if TYPE_CHECKING:
    from trustdm.bench.contracts import MethodCard
    from trustdm.bench.suite.load import Suite

UNKNOWN = -1
"""The true label of an example that is not on this machine."""


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
