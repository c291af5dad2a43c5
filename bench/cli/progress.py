"""What a run shows while it works."""

from __future__ import annotations

from collections.abc import Sequence

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from trustdm.bench.cli import console
from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.run import Progress
from trustdm.bench.runner.units import UnitResult


class BarProgress(Progress):
    """One bar for each cell, with the time that is left; only on a terminal."""

    def __init__(self) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console.err,
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
    return BarProgress() if console.err.is_terminal else Progress()
