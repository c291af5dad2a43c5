"""What a run will take: passes bounded by the protocols, seconds from a few timed passes and shortened attacks."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from trustdm.bench.errors import TrustdmError, UsageError
from trustdm.bench.plan import PlannedCell
from trustdm.bench.rng import Noise
from trustdm.bench.runner.session import Session, exact_arithmetic, one_thread
from trustdm.bench.runner.units import CellEstimate, Unit
from trustdm.bench.targets.classify import Meter, Target, cuda_in_use, seeded
from trustdm.bench.tasks.robustness.protocol import Adversarial
from trustdm.bench.types import Block

SHORT = 4
"""The counts (steps, queries, targets) at which an attack is timed."""


def estimate(session: Session, todo: Sequence[tuple[PlannedCell, Sequence[Block]]]) -> list[CellEstimate]:
    """Estimates for cells and the blocks that are left of each; a cell that cannot be loaded says why."""
    found = []
    for cell, blocks in todo:
        examples = sum(len(b) for b in blocks)
        forwards, gradients = cell.passes.forwards * examples, cell.passes.gradients * examples
        empty = CellEstimate(cell, len(blocks), examples, forwards, gradients, 0.0, 0)
        try:
            seconds = _block_seconds(session, cell, blocks) * len(blocks) if blocks else 0.0
            found.append(replace(empty, seconds=seconds, memory=_peak_memory(session.settings.device)))
        except TrustdmError as error:
            found.append(replace(empty, seconds=None, problem=f"{cell.suite.name} / {cell.spec}: {error}"))
    return found


def _block_seconds(session: Session, cell: PlannedCell, blocks: Sequence[Block]) -> float:
    """Seconds of a block of middle size, scaled from its attacks made short."""
    method, built = session.method(cell), session.protocol(cell)
    middle = sorted(blocks, key=len)[len(blocks) // 2]
    if cell.capability != "classify":
        return _sampling_seconds(session, cell, middle)
    images, labels = session.dataset(cell.suite).read(
        cell.suite.positions(cell.identity.evaluation)[middle.start : middle.stop]
    )
    x, y = (torch.from_numpy(a).to(session.settings.device) for a in (images, labels))
    target = Target(method.call, method.card, Meter(), "estimate")
    with one_thread(), exact_arithmetic(), seeded("estimate"):
        if isinstance(built, Adversarial):
            return sum(_attack_seconds(cell, built, at, target, x, y) for at in range(len(built.attacks)))
        return _seconds(lambda: _forward(target, x)) * cell.passes.forwards


def _sampling_seconds(session: Session, cell: PlannedCell, block: Block) -> float:
    """Seconds of one block of images, scaled from a few of them."""
    few = Block(block.start, min(block.stop, block.start + SHORT))
    began = time.perf_counter()
    result = session.execute(Unit(cell, few))
    if result.error:
        raise UsageError(result.error.strip().splitlines()[-1])
    return (time.perf_counter() - began) * len(block) / len(few)


def _attack_seconds(
    cell: PlannedCell, built: Adversarial, at: int, target: Target, x: torch.Tensor, y: torch.Tensor
) -> float:
    """Seconds of one attack on one block: a shortened one, scaled by the passes that both may take."""
    short, noise, budget = built.shortened(at, SHORT), Noise("estimate", range(len(x))), cell.suite.budget
    if budget is None:
        raise UsageError(f"{cell.suite.name}: expected a suite with a table [adversary], got one without")
    took = _seconds(lambda: short.perturb(target, x.clone(), y, budget, noise))
    classes = cell.card.classes
    return took * built.attacks[at].passes(classes).forwards / max(short.passes(classes).forwards, 1)


def _forward(target: Target, x: torch.Tensor) -> None:
    with torch.no_grad():
        target(x)


def _seconds(action: Callable[[], object]) -> float:
    """Seconds of one call, after one to warm up."""
    action()
    _synchronize()
    start = time.perf_counter()
    action()
    _synchronize()
    return time.perf_counter() - start


def _synchronize() -> None:
    if cuda_in_use():
        torch.cuda.synchronize()


def _peak_memory(device: str) -> int:
    """Peak bytes on the device; on the CPU, of the whole process."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
