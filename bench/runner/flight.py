"""Which blocks are being computed, since when, and how long the last ones like them took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trustdm.bench.runner.units import Unit, UnitResult
from trustdm.bench.types import Block


@dataclass(frozen=True)
class Past:
    """A block that was finished: its positions, and the seconds that it took, loading left out."""

    positions: int
    seconds: float


@dataclass(frozen=True)
class InFlight:
    """A block that is being computed, since ``since`` (``time.monotonic``); ``last`` is the last one of its cell."""

    unit: Unit
    since: float
    last: Past | None


class Flight:
    """Notes what is given to a backend and what comes back. Another thread may ask what is in flight."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, int, bool], tuple[Unit, float]] = {}
        self._last: dict[str, Past] = {}

    def given(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """``units``, each noted when it is taken."""
        for unit in units:
            self._given[_key(unit)] = (unit, time.monotonic())
            yield unit

    def back(self, result: UnitResult) -> None:
        """Notes that a unit came back, and what it took if it was finished."""
        self._given.pop(_key(result.unit), None)
        if result.outcome == "done" and not result.unit.checks:
            self.past(result.unit.cell.identity.key, result.unit.block, result.cost.wall)

    def past(self, cell: str, block: Block, seconds: float) -> None:
        """Notes that a block of the cell of that key took so long."""
        self._last[cell] = Past(len(block), seconds)

    def last(self, cell: str) -> Past | None:
        """The last finished block of the cell of that key."""
        return self._last.get(cell)

    def now(self) -> list[InFlight]:
        """What is in flight, longest first."""
        given = sorted(list(self._given.values()), key=lambda noted: noted[1])
        return [InFlight(unit, since, self._last.get(unit.cell.identity.key)) for unit, since in given]


def _key(unit: Unit) -> tuple[str, int, bool]:
    return unit.cell.identity.key, unit.block.start, unit.checks
