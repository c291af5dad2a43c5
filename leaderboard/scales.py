"""Scales from values to the length of an axis, linear or logarithmic: of small bars in tables, and of charts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

WIDE = 10.0
LEAST = 1e-9
STEPS = (1, 2, 5)
BETWEEN = (1, 2, 3, 5, 7)


@dataclass(frozen=True, slots=True)
class Scale:
    """From ``low`` to ``high``; on a logarithmic one both are positive."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where ``value`` lies: 0 at the low end, 1 at the high one, and not beyond these."""
        low, high = self.inner(self.low), self.inner(self.high)
        return min(1.0, max(0.0, (self.inner(value) - low) / (high - low)))

    def inner(self, value: float) -> float:
        """The value itself, or its logarithm; what is too small for one counts as the low end."""
        return math.log10(max(value, self.low if value < self.low else LEAST)) if self.log else value

    def ticks(self, most: int = 6) -> list[float]:
        """Round values inside the scale, about ``most`` of them at most, ascending."""
        return _log_ticks(self.low, self.high, most) if self.log else _linear_ticks(self.low, self.high, most)


def scale(values: Iterable[float], *, wide: float = WIDE, margin: float = 0.0) -> Scale | None:
    """The scale that holds all of ``values``, logarithmic where the positive ones differ more than ``wide`` times.

    ``margin`` is a share of the length that is left free at either end. None where there is no finite value.
    """
    ordered = sorted(v for v in values if math.isfinite(v))
    if not ordered:
        return None
    low, high = ordered[0], ordered[-1]
    if low > 0 and high > wide * low:
        room = margin * math.log10(high / low)
        return Scale(low / 10**room, high * 10**room, log=True)
    room = margin * (high - low) or 0.05 * abs(high) * (high == low)
    return Scale(low - room, high + room) if high > low or room else Scale(low - 0.5, high + 0.5)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * s for s in (*STEPS, 10, 20) if (high - low) / (power * s) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * k, 12) for k in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten, with values between them where there is room for these."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for parts in (BETWEEN, STEPS, (1, 3), (1,)):
        ticks = [p * 10.0**d for d in decades for p in parts if low <= p * 10.0**d * (1 + 1e-9) <= high * (1 + 2e-9)]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]
