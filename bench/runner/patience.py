"""How long a block may take before it is given up: for ever, unless something is known or was asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass

from trustdm.bench.runner.flight import Past
from trustdm.bench.runner.units import Unit

LEAST, TIMES = 1800.0, 20.0
"""At least so many seconds, and so many times what a finished block of the same cell took for its size."""
LATE_LEAST, LATE_TIMES = 600.0, 3.0
"""The same when the hours of the run are over."""
CHECKS = 600.0
"""So many seconds for the conformance checks of a method, which end in a second for most."""


@dataclass(frozen=True)
class Patience:
    """``block_seconds`` are asked for; ``deadline`` (``time.monotonic``) is when the hours of the run are over."""

    block_seconds: float | None = None
    deadline: float | None = None

    @property
    def late(self) -> bool:
        """Whether the hours of the run are over."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def overdue(self, unit: Unit, seconds: float, last: Past | None, *, begun: bool) -> str:
        """Why a unit is given up after ``seconds`` of its block, or of what comes before (not ``begun``); else empty.

        ``last`` is a finished block of the same cell.
        """
        if self.block_seconds is not None:
            over = seconds > self.block_seconds
            return f"--block-minutes allows {_minutes(self.block_seconds)}" if over else ""
        known = None if last is None else last.seconds * len(unit.block) / max(last.positions, 1)
        if self.late and seconds > max(LATE_LEAST, LATE_TIMES * (known or 0.0)):
            return "--max-hours are over; --block-minutes gives a block longer"
        if unit.checks and seconds > CHECKS:
            return f"they take more than {_minutes(CHECKS)}; --block-minutes gives them longer"
        if begun and known is not None and seconds > max(LEAST, TIMES * known):
            return f"one like it took {_minutes(known)}; --block-minutes gives a block longer"
        return ""


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.2g} minutes"
