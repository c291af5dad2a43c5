"""What a run will take: passes bounded by the protocols, seconds from a few timed passes of each method."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from trustdm.bench.errors import TrustdmError
from trustdm.bench.perturb.target import Meter, Target, cuda_in_use
from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.session import Session, exact_arithmetic, one_thread
from trustdm.bench.runner.units import CellEstimate

TIMED_IMAGES = 32
REPEATS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds for one image forward, and forward with its gradient; bytes of memory at the peak (0 if unknown)."""

    forward: float
    gradient: float
    memory: int


def estimate(session: Session, todo: Sequence[tuple[PlannedCell, int, int]]) -> list[CellEstimate]:
    """Estimates for cells given with the number of blocks and examples that are left."""
    timings: dict[object, Timing | str] = {}
    estimates = []
    for cell, blocks, examples in todo:
        if cell.spec not in timings and examples:
            timings[cell.spec] = _time_or_problem(session, cell)
        timing = timings.get(cell.spec, Timing(0.0, 0.0, 0))
        forwards, gradients = cell.passes.forwards * examples, cell.passes.gradients * examples
        found = CellEstimate(cell, blocks, examples, forwards, gradients, None, 0)
        if isinstance(timing, Timing):
            seconds = (forwards - gradients) * timing.forward + gradients * timing.gradient
            estimates.append(replace(found, seconds=seconds, memory=timing.memory))
        else:
            estimates.append(replace(found, problem=timing))
    return estimates


def _time_or_problem(session: Session, cell: PlannedCell) -> Timing | str:
    try:
        return _timing(session, cell)
    except TrustdmError as error:
        return str(error)


def _timing(session: Session, cell: PlannedCell) -> Timing:
    """Times a few passes over the first images of the suite, one thread, after one pass to warm up."""
    method = session.method(cell)
    images, _ = session.dataset(cell.suite).read(cell.suite.test[:TIMED_IMAGES])
    x = torch.from_numpy(images).to(session.settings.device)
    target = Target(method.classify, method.card, Meter(), "estimate")
    with one_thread(), exact_arithmetic():
        forward = _seconds(lambda: _forward(target, x))
        gradient = _seconds(lambda: _gradient(target, x))
    return Timing(forward / len(x), gradient / len(x), _peak_memory(session.settings.device))


def _forward(target: Target, x: torch.Tensor) -> None:
    with torch.no_grad():
        target(x)


def _gradient(target: Target, x: torch.Tensor) -> None:
    x = x.clone().requires_grad_()
    torch.autograd.grad(target(x).sum(), x)


def _seconds(action: Callable[[], None]) -> float:
    action()
    _synchronize()
    start = time.perf_counter()
    for _ in range(REPEATS):
        action()
    _synchronize()
    return (time.perf_counter() - start) / REPEATS


def _synchronize() -> None:
    if cuda_in_use():
        torch.cuda.synchronize()


def _peak_memory(device: str) -> int:
    """Peak bytes on the device; on the CPU, of the whole process."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
