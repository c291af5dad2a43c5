"""Runs a plan against a store: skips what is there, commits each block as it is finished, reports, exits honestly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from trustdm.bench.assets.folder import Asset
from trustdm.bench.errors import CodeChanged
from trustdm.bench.plan import PlannedCell
from trustdm.bench.provenance import now
from trustdm.bench.records import Records, failed
from trustdm.bench.runner.checks import Checks, failure, unfinished
from trustdm.bench.runner.fingerprint import differs
from trustdm.bench.runner.flight import Flight, InFlight
from trustdm.bench.runner.patience import Patience
from trustdm.bench.runner.units import Backend, Unit, UnitResult
from trustdm.bench.scrub import kept
from trustdm.bench.store.rows import AssetRow, BlockRow, CellRow
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, RunInfo

ATTEMPTS = 3
"""How often a block is tried when the machine fails."""


class Exit(IntEnum):
    """Exit codes of ``trustdm run``; documented in docs/command-line.md."""

    DONE = 0
    ERROR = 1
    SOME_FAILED = 2
    STOPPED = 3


class Progress:
    """What a run tells while it works; this one is silent."""

    def start(self, tasks: Sequence[Task]) -> None:
        """What is asked for, of which ``todo`` is left."""

    def finished(self, result: UnitResult) -> None:
        """A unit came back."""

    def line(self, text: str) -> None:
        """Something the user should read."""

    def stop(self) -> None:
        """The run is over."""


@dataclass
class Report:
    """How a run ended: counts of blocks, and one line for each thing that went wrong.

    ``failed_checks`` has a line for each method that failed conformance checks, which is no fault of the run.
    """

    run_id: str
    done: int = 0
    skipped: int = 0
    failed: int = 0
    lines: list[str] = field(default_factory=list)
    stopped: bool = False
    broken: int = 0
    failed_checks: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> Exit:
        if self.broken and not (self.done or self.skipped or self.failed):
            return Exit.ERROR
        if self.stopped:
            return Exit.STOPPED
        return Exit.SOME_FAILED if self.failed or self.broken else Exit.DONE


@dataclass(frozen=True)
class Options:
    """``fresh`` starts cells anew, superseding what is stored; ``retry_failed`` runs failed blocks again.

    ``max_seconds`` after which no block is begun; ``block_seconds`` after which one is given up, in worker processes.
    """

    fresh: bool = False
    retry_failed: bool = False
    max_seconds: float | None = None
    block_seconds: float | None = None


@dataclass(frozen=True)
class Task:
    """A planned cell and the blocks of it still to do; ``row`` is None until a fresh cell has its first block.

    ``stored`` counts the positions of its blocks that are there already.
    """

    cell: PlannedCell
    row: CellRow | None
    todo: tuple[Block, ...]
    stored: int


class Runner:
    """One invocation: plan in, committed blocks out."""

    def __init__(self, store: Store, backend: Backend, info: RunInfo, options: Options, progress: Progress):
        self._store = store
        self._backend = backend
        self._info = info
        self._options = options
        self._progress = progress
        self._report = Report(info.id)
        self._rows: dict[str, CellRow] = {}
        self._states: dict[str, str | None] = {}
        self._unusable: set[str] = set()
        self._retry: list[Unit] = []
        self._errors: Counter[tuple[str, str]] = Counter()
        self._flight = Flight()
        self._checks = Checks(store, fresh=options.fresh)
        self._interrupted = False
        self._abandoned = False
        self._gave_up = False

    def interrupt(self) -> None:
        """Asks the run to stop after the blocks in flight."""
        self._interrupted = True

    def abandon(self) -> None:
        """Asks the run to stop at once: blocks in flight are lost, to be computed by the next one. From any thread."""
        self._interrupted = self._abandoned = True
        self._backend.abandon()

    def give_way(self) -> None:
        """Called by a signal handler in the thread of the run; see ``Backend.give_way``."""
        self._backend.give_way()

    def in_flight(self) -> list[InFlight]:
        """The blocks that are being computed. From any thread."""
        return self._flight.now()

    def close(self) -> None:
        """Ends the run in the store, as stopped, where ``run`` cannot do it itself. From any thread.

        Raises:
            StoreError: nothing can be saved, or somebody else is saving.
        """
        self._store.finish_run(self._info.id, int(Exit.STOPPED))

    def run(self, cells: Sequence[PlannedCell], problems: Sequence[str] = ()) -> Report:
        """Computes what ``cells`` lack; returns when everything is done, failed or stopped.

        ``problems`` are plugins that could not be loaded: they count as broken, whatever else goes well.

        Raises:
            StoreError: nothing more can be saved; what was committed before is safe.
        """
        self._store.begin_run(self._info)
        code = Exit.ERROR
        try:
            self._report.broken += len(problems)
            tasks = [task for cell in cells if (task := self._open(cell)) is not None]
            self._progress.start(tasks)
            self._loop(tasks)
            self._describe_failures()
            code = self._report.exit_code
        finally:
            self._progress.stop()
            self._store.finish_run(self._info.id, int(code))
        return self._report

    def _open(self, cell: PlannedCell) -> Task | None:
        """The cell's row and what is left of it; None (and a line) when other code began it."""
        if self._options.fresh:
            return Task(cell, None, cell.blocks, 0)
        row = self._store.cell(cell.identity, **_facts(cell))
        blocks = self._store.blocks(row.id)
        if not blocks and row.code_digest != cell.code:
            return Task(cell, None, cell.blocks, 0)
        kept = {s: b for s, b in blocks.items() if not (self._options.retry_failed and b.status == "failed")}
        todo = tuple(b for b in cell.blocks if b.start not in kept)
        changed = _changed(row.code_digest, cell.code, unfinished=bool(todo))
        if blocks and changed:
            self._refuse(cell, row, changed)
            return None
        self._rows[cell.identity.key], self._states[cell.identity.key] = row, row.state_digest
        mine = [kept[b.start] for b in cell.blocks if b.start in kept]
        if done := [b for b in mine if b.status == "done"]:
            self._flight.past(cell.identity.key, done[-1].block, done[-1].cost.wall)
        self._count_stored(cell, sum(b.status == "failed" for b in mine), len(mine))
        return Task(cell, row, todo, sum(len(b.block) for b in mine))

    def _refuse(self, cell: PlannedCell, row: CellRow, changed: str) -> None:
        """Says, once for a method and suite, that what is stored was measured by other code."""
        key = f"{_pair(cell)} {changed}"
        if key not in self._unusable:
            self._broken(
                key,
                f"{_pair(cell)}: what is stored was measured by other code of {changed} (expected digest "
                f"{row.code_digest}, got {cell.code}); raise its version, restore the code, or start anew with --fresh",
            )

    def _count_stored(self, cell: PlannedCell, failed_before: int, stored: int) -> None:
        self._report.skipped += stored - failed_before
        self._report.failed += failed_before
        if failed_before:
            self._errors[_pair(cell), "in an earlier run; --retry-failed runs them again"] += failed_before

    def _loop(self, tasks: Sequence[Task]) -> None:
        hours = self._options.max_seconds
        patience = Patience(self._options.block_seconds, None if hours is None else time.monotonic() + hours)

        def stopping() -> bool:
            return self._interrupted or patience.late

        def overdue(unit: Unit, seconds: float, begun: bool) -> str:
            return patience.overdue(unit, seconds, self._flight.last(unit.cell.identity.key), begun=begun)

        units = self._units(tasks)
        while True:
            for result in self._backend.run(self._flight.given(units), stopping, overdue):
                self._take(result)
            lost = self._abandoned and bool(self._flight.now())
            if lost or next(units, None) is not None or (self._retry and stopping()):
                self._report.stopped = True
            if self._report.stopped or not self._retry:
                break
            again = [u for u in self._retry if u.cell.identity.key not in self._unusable]
            units, self._retry = iter(again), []
        self._report.stopped |= self._gave_up

    def _units(self, tasks: Sequence[Task]) -> Iterator[Unit]:
        """Blocks in order, cell after cell, leaving out cells that turned out to be unusable and blocks of others.

        The conformance checks of a method come before the first of its blocks.
        """
        for task in tasks:
            if _pair(task.cell) not in self._unusable and self._unchecked(task) and self._checks.due(task.cell):
                yield Unit(task.cell, task.cell.blocks[0], checks=True)
            if task.row is not None and task.stored:
                self._checks.belongs(task.cell, task.row.id)
            for block in task.todo:
                if {task.cell.identity.key, _pair(task.cell)} & self._unusable:
                    break
                if self._finished_elsewhere(task, block):
                    self._report.skipped += 1
                    continue
                yield Unit(task.cell, block)

    @staticmethod
    def _unchecked(task: Task) -> bool:
        """Whether a task needs the outcome of checks: there is something to measure, or nothing is known of it."""
        return bool(task.todo) or task.row is None or task.row.conformance is None

    def _finished_elsewhere(self, task: Task, block: Block) -> bool:
        """Whether another run on this database finished the block meanwhile."""
        there = None if task.row is None else self._store.blocks(task.row.id).get(block.start)
        return there is not None and there.status == "done"

    def _take(self, result: UnitResult) -> None:
        self._flight.back(result)
        if result.unit.checks:
            self._take_checks(result)
            return
        handlers: dict[str, Callable[[UnitResult], None]] = {
            "done": self._commit,
            "failed": self._commit,
            "machine": self._again,
            "setup": self._unusable_cell,
            "bug": self._unusable_cell,
            "overdue": self._give_up,
        }
        handlers[result.outcome](result)
        self._progress.finished(result)

    def _take_checks(self, result: UnitResult) -> None:
        """What became of the checks of a method; those that came to no end leave its blocks to be measured."""
        cell = result.unit.cell
        if result.outcome == "done":
            found = self._checks.take(result)
            if found is not None and found.failed:
                self._report.failed_checks.append(failure(cell, found))
                self._progress.line(f"{cell.spec}: failed conformance checks: {', '.join(found.failed)}")
        elif result.outcome == "setup":
            self._unusable_cell(result)
        elif result.outcome == "bug":
            self._broken("", result.error, unusable=False)
        elif result.outcome == "machine" and result.unit.attempt < ATTEMPTS:
            self._again(result)
        else:
            self._gave_up |= result.outcome == "overdue"
            self._report.lines.append(unfinished(result))

    def _commit(self, result: UnitResult) -> None:
        unit, outcome = result.unit, result.result
        row = self._row(unit.cell)
        if not self._same_method(row, result):
            text = "its weights, or its answers to fixed images, are not those that this cell was started with"
            self._unusable_cell(replace(result, outcome="setup", error=f"{text}; raise its version, or use --fresh"))
            return
        try:
            self._store.link_assets(row.id, {name: _asset_row(asset) for name, asset in result.assets.items()})
        except CodeChanged as error:
            self._unusable_cell(replace(result, outcome="setup", error=str(error)))
            return
        records = Records.empty() if outcome is None else outcome.records
        if result.outcome == "failed":
            positions = unit.cell.suite.positions(unit.cell.identity.evaluation).ids
            records = failed(positions[unit.block.start : unit.block.stop])
        block = BlockRow(
            block=unit.block,
            status="done" if result.outcome == "done" else "failed",
            run_id=self._info.id,
            finished=now(),
            batch_size=result.batch_size,
            device=result.device,
            attempts=unit.attempt,
            cost=result.cost,
            error=kept(result.error),
        )
        diagnostics = {} if outcome is None else outcome.diagnostics
        artefacts = {} if outcome is None else outcome.artefacts
        self._checks.belongs(unit.cell, row.id)
        self._count(result, self._store.commit(row.id, block, records, diagnostics, artefacts))

    def _row(self, cell: PlannedCell) -> CellRow:
        """The cell's row; a fresh one is made when its first block is there, so that nothing is superseded before."""
        key = cell.identity.key
        if key not in self._rows:
            self._rows[key] = self._store.fresh_cell(cell.identity, **_facts(cell))
        return self._rows[key]

    def _same_method(self, row: CellRow, result: UnitResult) -> bool:
        """Whether the method that computed a block is the one that computed the cell's first."""
        key = result.unit.cell.identity.key
        if result.state and self._states.get(key) is None:
            with suppress(CodeChanged):
                self._store.set_state_digest(row.id, result.state)
            self._states[key] = self._store.get_cell(row.id).state_digest
        stored = self._states.get(key)
        return not result.state or stored is None or not differs(stored, result.state)

    def _count(self, result: UnitResult, fresh: bool) -> None:
        if result.outcome == "failed":
            self._report.failed += 1
            self._errors[_pair(result.unit.cell), f"with: {result.error}"] += 1
        elif fresh:
            self._report.done += 1
        else:
            self._report.skipped += 1

    def _again(self, result: UnitResult) -> None:
        unit = result.unit
        if unit.attempt < ATTEMPTS:
            self._retry.append(replace(unit, attempt=unit.attempt + 1))
        else:
            self._broken(
                unit.cell.identity.key,
                f"{unit.cell}: block {unit.block.start}-{unit.block.stop - 1}: {result.error}, {ATTEMPTS} times; "
                "not recorded, the same command tries again",
                unusable=False,
            )

    def _give_up(self, result: UnitResult) -> None:
        """Leaves out what is left of the cell, for this run: its next block would take as long."""
        unit = result.unit
        self._gave_up = True
        self._unusable.add(unit.cell.identity.key)
        self._report.lines.append(
            f"{unit.cell}: block {unit.block.start}-{unit.block.stop - 1} was given up: {result.error}; not recorded, "
            "and what is left of this evaluation was left out"
        )

    def _unusable_cell(self, result: UnitResult) -> None:
        """Leaves out what is left of the cell; what cannot be loaded is left out with all its cells, and named once."""
        cell = result.unit.cell
        key = cell.identity.key if result.outcome == "bug" else _pair(cell)
        if key not in self._unusable:
            self._broken(key, result.error if result.outcome == "bug" else f"{key}: {result.error}")

    def _broken(self, key: str, line: str, *, unusable: bool = True) -> None:
        if unusable:
            self._unusable.add(key)
        self._report.broken += 1
        self._report.lines.append(line)

    def _describe_failures(self) -> None:
        for (cell, error), count in self._errors.items():
            self._report.lines.append(f"{cell}: {count} block{'s' * (count > 1)} failed {error}")


def _asset_row(asset: Asset) -> AssetRow:
    return AssetRow(asset.key, asset.content, asset.identity, asset.code, asset.bytes, asset.cost)


def _pair(cell: PlannedCell) -> str:
    return f"{cell.suite.name} / {cell.spec}"


def _facts(cell: PlannedCell) -> dict[str, Any]:
    """What a cell's row is created with beside its identity."""
    return {
        "planned": cell.planned,
        "code_digest": cell.code,
        "card": cell.card.model_dump(mode="json"),
        "suite_content": cell.suite.content,
    }


def _changed(before: str, after: str, *, unfinished: bool) -> str:
    """Which code differs: the method's, always; the harness's only where blocks would be mixed. Empty if none."""
    method_before, _, harness_before = before.partition("/")
    method_after, _, harness_after = after.partition("/")
    if method_before != method_after:
        return "this method"
    return "the harness" if unfinished and harness_before != harness_after else ""
