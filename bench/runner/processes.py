"""Computes units in worker processes of this machine, one torch thread each.

A worker that dies (killed for memory, say) loses only its unit, which comes back as a failure of the machine; a new
worker takes its place. Workers end by themselves, and at once, when the parent is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.units import Settings, Unit, UnitResult
from trustdm.bench.types import Block

OURS = (signal.SIGINT, signal.SIGTERM)
"""Signals that the parent answers; a terminal sends them to its workers, too."""
PATIENCE = 5.0
"""Seconds a worker is given to end before it is killed."""
Message = tuple[PlannedCell | None, str, Block, int]


@dataclass
class Worker:
    """A process, our end of its pipe, the unit it is computing, and the cells it has been told of."""

    process: BaseProcess
    pipe: Connection
    unit: Unit | None = None
    told: set[str] = field(default_factory=set)

    def give(self, unit: Unit) -> None:
        """Sends a unit; its cell, which is large, only the first time."""
        key = unit.cell.identity.key
        self.unit = unit
        self.pipe.send((None if key in self.told else unit.cell, key, unit.block, unit.attempt))
        self.told.add(key)

    def end(self) -> int | None:
        """Lets the process end, or ends it; its exit code."""
        self.pipe.close()
        if self.unit is not None:
            self.process.kill()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(PATIENCE)
        return self.process.exitcode


class ProcessBackend:
    """``jobs`` workers, started when there is work for them."""

    def __init__(self, settings: Settings, jobs: int):
        self._settings = settings
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[Worker] = []
        self._abandoned = threading.Event()

    def run(self, units: Iterable[Unit], stopping: Callable[[], bool]) -> Iterator[UnitResult]:
        """Yields results as workers finish; units in flight are finished before it stops."""
        queue = iter(units)
        workers: list[Worker] = []
        self._workers = workers
        try:
            while True:
                yield from self._feed(workers, queue, stopping)
                busy = [w for w in workers if w.unit is not None]
                if self._abandoned.is_set() or not busy:
                    return
                signalled = wait([w.pipe for w in busy])
                for worker in [w for w in busy if w.pipe in signalled]:
                    if self._abandoned.is_set():
                        return
                    yield self._collect(worker, workers)
        finally:
            for worker in workers:
                worker.end()

    def abandon(self) -> None:
        """Kills the workers, which makes ``run`` return."""
        self._abandoned.set()
        for worker in list(self._workers):
            worker.process.kill()

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
        process = self._context.Process(target=_work, args=(theirs, self._settings), daemon=True)
        with _held_back(OURS):
            process.start()
        theirs.close()
        return Worker(process, ours)

    def _collect(self, worker: Worker, workers: list[Worker]) -> UnitResult:
        try:
            result: UnitResult = worker.pipe.recv()
        except (EOFError, OSError):
            return self._dead(worker, workers)
        worker.unit = None
        return result

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


def _end_with_parent() -> None:
    """Ends this process when the parent does, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(pipe: Connection, settings: Settings) -> None:
    """The loop of a worker; ends when the parent closes the pipe or is gone. Signals are the parent's to answer."""
    for number in OURS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"
    from trustdm.bench.runner.session import Session

    session, cells = Session(settings), dict[str, PlannedCell]()
    with suppress(EOFError, OSError):
        while True:
            message: Message = pipe.recv()
            cell, key, block, attempt = message
            if cell is not None:
                cells[key] = cell
            pipe.send(session.execute(Unit(cells[key], block, attempt)))
    os._exit(0)  # a thread that a plugin left behind must not keep the process
