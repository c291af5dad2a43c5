"""Computes units in worker processes of this machine, one torch thread each.

A worker that dies (killed for memory, say) loses only its unit, which comes back as a failure of the machine; a new
worker takes its place. One whose unit takes longer than the runner allows is killed, and the unit is given up. Workers
end by themselves, and at once, when the parent is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from trustdm.bench.runner.units import Overdue, Settings, Unit, UnitResult, never
from trustdm.bench.runner.worker import BEGUN, OURS, work

PATIENCE = 5.0
"""Seconds a worker is given to end before it is killed."""
START = 120.0
"""Seconds that the start of a worker, its imports, may take before they count."""
LOOK = 0.5
"""Seconds between two looks at workers that say nothing: whether they live, and whether they may go on."""


@dataclass
class Worker:
    """A process, our end of its pipe, the unit it is computing, and the cells it has been told of.

    ``since`` (``time.monotonic``) it starts, prepares the unit (``ready``), or computes the block itself (``begun``).
    """

    process: BaseProcess
    pipe: Connection
    unit: Unit | None = None
    since: float = 0.0
    ready: bool = False
    begun: bool = False
    told: set[str] = field(default_factory=set)

    def give(self, unit: Unit) -> None:
        """Sends a unit; its cell, which is large, only the first time."""
        key = unit.cell.identity.key
        self.unit, self.since, self.begun = unit, time.monotonic(), False
        self.pipe.send((None if key in self.told else unit.cell, key, unit.block, unit.attempt, unit.checks))
        self.told.add(key)

    def end(self) -> int | None:
        """Lets the process end, or ends it; its exit code."""
        self.pipe.close()
        if self.unit is not None:
            self.kill()
        self.process.join(PATIENCE)
        self.kill()
        self.process.join(PATIENCE)
        return self.process.exitcode

    def kill(self) -> None:
        """Kills the process, and whatever a plugin started from it."""
        pid = self.process.pid
        if pid is not None:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        self.process.kill()


class ProcessBackend:
    """``jobs`` workers, started when there is work for them."""

    def __init__(self, settings: Settings, jobs: int):
        self._settings = settings
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[Worker] = []
        self._abandoned = threading.Event()

    def run(
        self, units: Iterable[Unit], stopping: Callable[[], bool], overdue: Overdue = never
    ) -> Iterator[UnitResult]:
        """Yields results as workers finish; units in flight are finished, or given up, before it stops."""
        queue = iter(units)
        workers: list[Worker] = []
        self._workers = workers
        try:
            while True:
                yield from self._feed(workers, queue, stopping)
                busy = [w for w in workers if w.unit is not None]
                if self._abandoned.is_set() or not busy:
                    return
                signalled = wait([w.pipe for w in busy], LOOK)
                for worker in busy:
                    heard = worker.pipe in signalled
                    result = self._collect(worker, workers) if heard else self._look(worker, workers, overdue)
                    if self._abandoned.is_set():
                        return
                    if result is not None:
                        yield result
        finally:
            for worker in workers:
                worker.end()

    def abandon(self) -> None:
        """Kills the workers, which makes ``run`` return."""
        self._abandoned.set()
        for worker in list(self._workers):
            worker.kill()

    def give_way(self) -> None:
        """Nothing: this process computes nothing."""

    def _feed(self, workers: list[Worker], queue: Iterator[Unit], stopping: Callable[[], bool]) -> Iterator[UnitResult]:
        """Gives every idle worker a unit, starting workers up to the number of jobs; yields what could not be given."""
        while not stopping():
            idle = next((w for w in workers if w.unit is None), None)
            if idle is None and len(workers) == self._jobs:
                return
            unit = next(queue, None)
            if unit is None:
                return
            if idle is None:
                idle = self._start()
                workers.append(idle)
            try:
                idle.give(unit)
            except OSError:
                yield self._dead(idle, workers)

    def _start(self) -> Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._settings), daemon=True)
        with _held_back(OURS):
            process.start()
        theirs.close()
        return Worker(process, ours)

    def _collect(self, worker: Worker, workers: list[Worker]) -> UnitResult | None:
        """What a worker says: a result, or, as None, that the block itself begins."""
        try:
            result: UnitResult | str = worker.pipe.recv()
        except Exception:  # torn off, or not from our code
            return self._dead(worker, workers)
        if isinstance(result, str):
            worker.begun, worker.ready, worker.since = result == BEGUN, True, time.monotonic()
            return None
        worker.unit = None
        return result

    def _look(self, worker: Worker, workers: list[Worker], overdue: Overdue) -> UnitResult | None:
        """What became of a worker that says nothing: it died (a child may hold its pipe open), or is overdue."""
        unit = worker.unit
        if unit is None:
            return None
        if not worker.process.is_alive() and not worker.pipe.poll():
            return self._dead(worker, workers)
        start = 0.0 if worker.ready else START
        why = overdue(unit, max(time.monotonic() - worker.since - start, 0.0), worker.begun)
        if not why:
            return None
        workers.remove(worker)
        worker.end()
        return UnitResult(unit, "overdue", error=why)

    @staticmethod
    def _dead(worker: Worker, workers: list[Worker]) -> UnitResult:
        unit = worker.unit
        if unit is None:
            raise RuntimeError("a worker without a unit was asked for its result")
        workers.remove(worker)
        return UnitResult(unit, "machine", error=f"its worker process died (exit code {worker.end()})")


@contextmanager
def _held_back(numbers: Iterable[int]) -> Iterator[None]:
    """Signals wait meanwhile; a process that is started meanwhile begins with them held back, and sees none."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
