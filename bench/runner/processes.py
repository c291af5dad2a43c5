"""Computes units in worker processes of this machine, one torch thread each.

A worker that dies (killed for memory, say) loses only its unit, which comes back as a failure of the machine; a new
worker takes its place. Workers stop by themselves when the parent is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from trustdm.bench.runner.units import Settings, Unit, UnitResult


@dataclass
class Worker:
    """A process, our end of its pipe, and the unit it is computing."""

    process: BaseProcess
    pipe: Connection
    unit: Unit | None = None


class ProcessBackend:
    """``jobs`` workers, started when there is work for them."""

    def __init__(self, settings: Settings, jobs: int):
        self._settings = settings
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")

    def run(self, units: Iterable[Unit], stopping: Callable[[], bool]) -> Iterator[UnitResult]:
        """Yields results as workers finish; units in flight are finished before it stops."""
        queue = iter(units)
        workers: list[Worker] = []
        try:
            while True:
                self._feed(workers, queue, stopping)
                busy = [w for w in workers if w.unit is not None]
                if not busy:
                    return
                for worker in self._ready(busy):
                    yield self._collect(worker, workers)
        finally:
            for worker in workers:
                worker.pipe.close()
                if worker.unit is not None:
                    worker.process.terminate()
                worker.process.join()

    def _feed(self, workers: list[Worker], queue: Iterator[Unit], stopping: Callable[[], bool]) -> None:
        """Gives every idle worker a unit, starting workers up to the number of jobs."""
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
            idle.unit = unit
            idle.pipe.send(unit)

    def _start(self) -> Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._settings), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)

    @staticmethod
    def _ready(busy: list[Worker]) -> list[Worker]:
        signalled = wait([w.pipe for w in busy])
        return [w for w in busy if w.pipe in signalled]

    @staticmethod
    def _collect(worker: Worker, workers: list[Worker]) -> UnitResult:
        unit = worker.unit
        if unit is None:
            raise RuntimeError("a worker answered without having been asked")
        try:
            result: UnitResult = worker.pipe.recv()
            worker.unit = None
            return result
        except (EOFError, ConnectionResetError):
            workers.remove(worker)
            worker.pipe.close()
            worker.process.join()
            return UnitResult(unit, "machine", error=f"its worker process died (exit code {worker.process.exitcode})")


def _work(pipe: Connection, settings: Settings) -> None:
    """The loop of a worker; ends when the parent closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    from trustdm.bench.runner.session import Session

    session = Session(settings)
    while True:
        try:
            unit = pipe.recv()
            pipe.send(session.execute(unit))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
