"""What the command line shows: progress, tables, one-line messages."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.run import Progress
from trustdm.bench.runner.units import CellEstimate, UnitResult
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.comparison import SEPARATED
from trustdm.bench.summary.row import Row

WIDE = 220
"""Columns of a table that goes to a file or a pipe."""
USUAL = {"measured", "current", "unverified"}
out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A line on standard output, as it is."""
    out.print(text, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """A line on standard error, as it is."""
    err.print(text, markup=False, soft_wrap=True, end="" if text.endswith("\n") else "\n")


class BarProgress(Progress):
    """One bar for each cell, with the time that is left; only on a terminal."""

    def __init__(self) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=err,
        )
        self._tasks: dict[str, object] = {}

    def start(self, cells: Sequence[tuple[PlannedCell, int, int]]) -> None:
        total = self._bars.add_task("all examples", total=sum(asked for _, _, asked in cells))
        self._tasks["all"] = total
        for cell, stored, asked in cells:
            self._tasks[cell.identity.key] = self._bars.add_task(str(cell), total=asked, completed=stored)
            self._bars.advance(total, stored)
        self._bars.start()

    def finished(self, result: UnitResult) -> None:
        for key in ("all", result.unit.cell.identity.key):
            if result.outcome in ("done", "failed"):
                self._bars.advance(self._tasks[key], len(result.unit.block))  # type: ignore[arg-type]

    def line(self, text: str) -> None:
        self._bars.console.print(text, markup=False)

    def stop(self) -> None:
        self._bars.stop()


def progress() -> Progress:
    """Bars on a terminal, silence elsewhere."""
    return BarProgress() if err.is_terminal else Progress()


def percent(value: float) -> str:
    """0.5 as "50.0"."""
    return f"{100 * value:.1f}"


def board(suite: Suite, rows: Sequence[Row]) -> Table:
    """The rows of a suite as a table of its headline metrics; preview rows are ranked among themselves.

    What an ensemble's single attacks left is in ``--json`` and on the pages.
    """
    table = Table(title=f"{suite.name} v{suite.version}  (95% interval; shares in %)", title_justify="left")
    shown = [m for m in suite.task.headline(suite) if any(m.name in r.metrics for r in rows)]
    for heading in ("rank", "method"):
        table.add_column(heading, no_wrap=True)
    for heading in (*(m.name.removesuffix("_accuracy") for m in shown), "n", "marks", "flags"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        cells = [_estimate(suite, row, m) for m in shown]
        count = str(row.n) if row.n == row.planned else f"{row.n}/{row.planned}"
        add(table, rank(row), title(row), *cells, count, marks(row), " ".join(row.flags))
    return table


def notes(rows: Sequence[Row]) -> list[str]:
    """Why numbers are missing from rows, or rows are not ranked, one line each."""
    lines = [f"{title(row)}: {error}" for row in rows for error in row.errors]
    return [*lines, *(f"{title(row)}: not ranked: {row.caveat}" for row in rows if row.caveat)]


def tests(suite: Suite, rows: Sequence[Row]) -> list[str]:
    """How the rows of each group were compared, and what n lets one see."""
    lines = []
    for test, group, least in sorted({(r.rank_test, r.rank_group, r.separable) for r in rows if r.rank_test}, key=str):
        metric = suite.task.metric(suite.ranking_metric.statistic)
        share = metric is not None and metric.unit == "share"
        seen = "" if least is None else f"{100 * least:.2g} points" if share else f"{least:.3g}"
        lines.append(
            f"ranks ({group}): {test}" + (f"; differences from about {seen} on can be told apart" if seen else "")
        )
    for row in rows:
        if row.comparison and row.comparison != SEPARATED:
            lines.append(f"{title(row)}: {row.comparison} from the best of its group")
    return lines


def marks(row: Row) -> str:
    """The group a row is ranked in, and whichever of its marks is not the usual one."""
    odd = [str(m) for m in (row.origin, row.currency, row.verification) if str(m) not in USUAL]
    imported = [] if row.own else [f"imported: {row.measured_by}"]
    return " ".join([row.rank_group or row.completeness, *imported, *odd, *(["not ranked"] if row.caveat else [])])


def add(table: Table, *cells: str) -> None:
    """Adds a row of plain text: what strangers wrote is never read as markup."""
    table.add_row(*(Text("".join(c for c in cell if c.isprintable())) for cell in cells))


def title(row: Row) -> str:
    """The method with its parameters, as they are typed."""
    return row.method + (":" + ",".join(f"{k}={v}" for k, v in row.shown) if row.shown else "")


def rank(row: Row) -> str:
    """The rank interval, "1-3"."""
    if row.rank_low is None:
        return ""
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}-{row.rank_high}"


def _estimate(suite: Suite, row: Row, spec: MetricSpec) -> str:
    """An estimate as its unit asks: shares in percent, counts alone, everything else with three digits."""
    metric, e = suite.task.metric(spec.statistic), row.metrics.get(spec.name)
    if metric is None or e is None:
        return ""
    if metric.unit == "share":
        return f"{percent(e.value)} [{percent(e.low)}, {percent(e.high)}]"
    if metric.unit == "count":
        return f"{e.value:,.0f}" if e.value >= 1000 else f"{e.value:.4g}"
    return f"{e.value:.3g} [{e.low:.3g}, {e.high:.3g}]"


def estimates(found: Sequence[CellEstimate], jobs: int) -> Table:
    """What a run would do and at most take."""
    table = Table(title="would run (passes at most)", title_justify="left")
    for heading in ("cell", "blocks", "examples", "forwards", "gradients", "time", "memory"):
        table.add_column(heading, overflow="fold")
    for e in found:
        time = "unknown" if e.seconds is None else duration(e.seconds)
        memory = f"{e.memory / 2**20:.0f} MiB" if e.memory else ""
        add(table, str(e.cell), str(e.blocks), str(e.examples), f"{e.forwards:,}", f"{e.gradients:,}", time, memory)
    total = sum(e.seconds or 0.0 for e in found)
    each = f", about {duration(total / jobs)} on {jobs}" if jobs > 1 else ""
    unknown = sum(e.seconds is None for e in found)
    beside = f", and {unknown} cells whose time is unknown" if unknown else ""
    table.caption = f"about {duration(total)} on one worker{each}{beside}; if nothing stops early; loading not counted"
    return table


def duration(seconds: float) -> str:
    """12 s, 3.5 min, 2.1 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
