"""What a run shows while it works: bars on a terminal, a line for each block elsewhere."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from trustdm.bench.cli import console
from trustdm.bench.cli.listings import duration
from trustdm.bench.plan import PlannedCell
from trustdm.bench.printable import printable, printable_lines
from trustdm.bench.runner.flight import InFlight, Past
from trustdm.bench.runner.run import Progress, Task
from trustdm.bench.runner.units import UnitResult
from trustdm.bench.types import Block


class BarProgress(Progress):
    """One bar for each cell, with the time that is left; only on a terminal."""

    def __init__(self) -> None:
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console.err,
        )
        self._tasks: dict[str, object] = {}

    def start(self, tasks: Sequence[Task]) -> None:
        asked = {t.cell.identity.key: sum(len(b) for b in t.cell.blocks) for t in tasks}
        total = self._bars.add_task("all examples", total=sum(asked.values()))
        self._tasks["all"] = total
        for task in tasks:
            key = task.cell.identity.key
            self._tasks[key] = self._bars.add_task(_name(task.cell), total=asked[key], completed=task.stored)
            self._bars.advance(total, task.stored)
        self._bars.start()

    def finished(self, result: UnitResult) -> None:
        for key in ("all", result.unit.cell.identity.key):
            if result.outcome in ("done", "failed"):
                self._bars.advance(self._tasks[key], len(result.unit.block))  # type: ignore[arg-type]

    def line(self, text: str) -> None:
        self._bars.console.print(printable_lines(text), markup=False)

    def stop(self) -> None:
        self._bars.stop()


class LineProgress(Progress):
    """A line on standard error for each block that comes back, with about how long the others take on ``jobs``."""

    def __init__(self, jobs: int):
        self._jobs = jobs
        self._left: dict[tuple[str, int], PlannedCell] = {}
        self._sizes: dict[tuple[str, int], int] = {}
        self._rates: dict[str, list[float]] = {}
        self._total = 0

    def start(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            for block in task.todo:
                key = task.cell.identity.key, block.start
                self._left[key], self._sizes[key] = task.cell, len(block)
        self._total = sum(len(t.cell.blocks) for t in tasks)
        there = self._total - len(self._left)
        if there and self._left:
            self.line(f"{there} of {self._total} blocks are there already")

    def finished(self, result: UnitResult) -> None:
        cell, block, key = result.unit.cell, result.unit.block, _key(result)
        if result.outcome == "machine":
            self.line(f"{_name(cell)}: {examples(cell, block)} not done: {result.error}")
            return
        self._left.pop(key, None)
        if result.outcome == "done":
            self._rates.setdefault(_kind(cell), []).append(result.cost.wall / len(block))
            said = f"done in {took(result.cost.wall)}"
        elif result.outcome == "failed":
            said = "failed"
        else:
            said = "left out, with all that was to follow it"
            self._leave_out(cell, alone=result.outcome == "bug")
        place = f"[{self._total - len(self._left)}/{self._total}]"
        self.line(f"{place} {_name(cell)}: {examples(cell, block)} {said}{self._remaining()}")

    def line(self, text: str) -> None:
        console.warn(printable(text))

    def _leave_out(self, cell: PlannedCell, *, alone: bool) -> None:
        """Forgets what the run does not try any more: the rest of the cell, or of its method on this suite."""
        gone = {k for k, c in self._left.items() if c is cell or (not alone and _pair(c) == _pair(cell))}
        self._total -= len(gone)
        for key in gone:
            del self._left[key]

    def _remaining(self) -> str:
        """What is left takes as long an example as blocks of its suite and evaluation did; an evaluation of which no
        block is done yet may take any time, and is said to come on top."""
        if not self._left or not self._rates:
            return ""
        means = {kind: statistics.fmean(rates) for kind, rates in self._rates.items()}
        known = {key: cell for key, cell in self._left.items() if _kind(cell) in means}
        untimed = sorted({cell.identity.evaluation for key, cell in self._left.items() if key not in known})
        parts = []
        if known:
            seconds = sum(means[_kind(cell)] * self._sizes[key] for key, cell in known.items())
            seconds /= min(self._jobs, len(known))
            parts.append(f"about {took(seconds)} left" if seconds >= 1 else "less than 1 s left")
        if untimed:
            parts.append(f"{'and then ' if parts else ''}{', '.join(untimed)} (not timed yet)")
        return "".join(f", {part}" for part in parts)


def progress(jobs: int) -> Progress:
    """Bars on a terminal, lines elsewhere."""
    return BarProgress() if console.err.is_terminal else LineProgress(jobs)


def finishing(flights: Iterable[InFlight]) -> list[str]:
    """What a run that was asked to stop still finishes, and how long that takes, in lines."""
    told = [_told(one, time.monotonic() - one.since) for one in flights]
    if not told:
        return ["trustdm: stopping: no block is being computed"]
    blocks = "the block" if len(told) == 1 else f"the {len(told)} blocks"
    lost = "this block is" if len(told) == 1 else "these blocks are"
    return [
        f"trustdm: finishing {blocks} in flight, then stopping:",
        *(f"  {line}" for line in told),
        f"trustdm: Ctrl-C again stops at once; nothing committed is lost, {lost} run again",
    ]


def _told(one: InFlight, running: float) -> str:
    cell, block = one.unit.cell, one.unit.block
    if one.unit.checks:
        return f"{printable(str(cell.spec))}: conformance checks, running for {took(running)}"
    return f"{_name(cell)}: {examples(cell, block)}, running for {took(running)}; {_before(cell, block, one.last)}"


def _before(cell: PlannedCell, block: Block, last: Past | None) -> str:
    if last is None:
        return "no block of this evaluation was finished before"
    said = f"the last block of this evaluation took {took(last.seconds)}"
    if last.positions == len(block):
        return said
    size, each = len(block), _per_example(cell)
    scaled = took(last.seconds * size / max(last.positions, 1))
    return f"{said} for {-(-last.positions // each)} examples, so about {scaled} for these {-(-size // each)}"


def examples(cell: PlannedCell, block: Block) -> str:
    """The examples that a block is about: "examples 8..16" are those from 8 to 15."""
    each = _per_example(cell)
    return f"examples {block.start // each}..{-(-block.stop // each)}"


def took(seconds: float) -> str:
    """3.2 s, 42 s, 4.1 min, 2.0 h."""
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _per_example(cell: PlannedCell) -> int:
    return cell.suite.positions(cell.identity.evaluation).per_example


def _pair(cell: PlannedCell) -> str:
    return f"{cell.suite.name} / {cell.spec}"


def _kind(cell: PlannedCell) -> str:
    return f"{cell.suite.name} / {cell.identity.evaluation}"


def _key(result: UnitResult) -> tuple[str, int]:
    return result.unit.cell.identity.key, result.unit.block.start


def _name(cell: PlannedCell) -> str:
    return printable(str(cell))
