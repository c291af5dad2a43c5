"""Numbers as cells of tables: the unit of a metric decides the text, the small bar and its axis."""

from __future__ import annotations

from collections.abc import Iterable

from trustdm.bench.tasks.contract import Unit
from trustdm.bench.types import Estimate
from trustdm.leaderboard import text
from trustdm.leaderboard.models import Bar, Cell
from trustdm.leaderboard.scales import Scale, scale

NOTHING = Cell(text.DASH)


def value(unit: Unit, estimate: Estimate | None, axis: Scale | None = None) -> Cell:
    """An estimate as a cell; a dash where there is none."""
    if estimate is None:
        return NOTHING
    if unit == "share":
        return share(estimate)
    return count(estimate) if unit == "count" else measure(estimate, axis)


def share(estimate: Estimate | None) -> Cell:
    """An estimate of a share with its interval, drawn as well; a dash where there is none."""
    if estimate is None:
        return NOTHING
    low, middle, high = (100 * min(1.0, max(0.0, v)) for v in (estimate.low, estimate.value, estimate.high))
    words = text.interval(estimate.low, estimate.high)
    return Cell(text.percent(estimate.value), words, estimate.value, Bar(low, middle, high))


def measure(estimate: Estimate, axis: Scale | None = None) -> Cell:
    """An estimate that is no share: a plain number with its interval, drawn where an ``axis`` is given."""
    number, interval = text.measure(estimate.value, estimate.low, estimate.high)
    bar = Bar(*(100 * axis.place(v) for v in (estimate.low, estimate.value, estimate.high))) if axis else None
    return Cell(number, interval, estimate.value, bar, estimate.detail)


def count(estimate: Estimate) -> Cell:
    """A number of things with its interval, without a bar."""
    number, interval = text.measure(estimate.value, estimate.low, estimate.high)
    return Cell(number, interval, estimate.value, None, estimate.detail)


def without_note(cell: Cell) -> Cell:
    return Cell(cell.text, cell.detail, cell.sort, cell.bar) if cell.note else cell


def axis(unit: Unit, estimates: Iterable[Estimate]) -> Scale | None:
    """The axis that all ``estimates`` fit on; None where the unit has none of its own (shares have 0 to 100%)."""
    if unit in ("share", "count"):
        return None
    ends = [v for e in estimates for v in (e.low, e.value, e.high)]
    # The interval of a distance is cut at 0, which has no place on a logarithmic axis.
    return scale(v for v in ends if v or unit != "distance")


def difference(unit: Unit, amount: float) -> str:
    """A difference of two values in words: "1.2 percentage points", "0.34"."""
    return f"{100 * amount:.2g} percentage points" if unit == "share" else text.number(amount, 2)


def line(estimate: Estimate, unit: Unit) -> str:
    """An estimate in a sentence: "0.061 [0.052, 0.070]"."""
    cell = value(unit, estimate)
    return f"{cell.text} {cell.detail}".strip()
