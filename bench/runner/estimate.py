"""What a run will take: passes bounded by the protocols, seconds as they say, or from a few positions that are run."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from dataclasses import replace

import torch

from trustdm.bench.errors import TrustdmError, UsageError
from trustdm.bench.method import seeded
from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.session import Session, exact_arithmetic, one_thread
from trustdm.bench.runner.units import CellEstimate, Unit
from trustdm.bench.types import Block

SHORT = 4
"""How many positions are run to time a block."""


def estimate(session: Session, todo: Sequence[tuple[PlannedCell, Sequence[Block]]]) -> list[CellEstimate]:
    """Estimates for cells and the blocks that are left of each; a cell that cannot be loaded says why."""
    found = []
    for cell, blocks in todo:
        examples = sum(len(b) for b in blocks)
        forwards, gradients = cell.passes.forwards * examples, cell.passes.gradients * examples
        empty = CellEstimate(cell, len(blocks), examples, forwards, gradients, 0.0, 0)
        try:
            each = _block_seconds(session, cell, blocks) if blocks else 0.0
            seconds = None if each is None else each * len(blocks)
            found.append(replace(empty, seconds=seconds, memory=_peak_memory(session.settings.device)))
        except TrustdmError as error:
            found.append(replace(empty, seconds=None, problem=f"{cell.suite.name} / {cell.spec}: {error}"))
    return found


def _block_seconds(session: Session, cell: PlannedCell, blocks: Sequence[Block]) -> float | None:
    """Seconds of a block of middle size: as its protocol says, or scaled from a few of its positions."""
    middle = sorted(blocks, key=len)[len(blocks) // 2]
    assets = {name: session.assets.get(asset) for name, asset in cell.assets.items()}
    ready = {name: asset for name, asset in assets.items() if asset is not None}
    if len(ready) < len(assets):
        return None  # what must be prepared first is not made for an estimate
    job = session.job(Unit(cell, middle), ready)
    with one_thread(), exact_arithmetic(), seeded("estimate"):
        seconds = session.protocol(cell).seconds(job)
    if seconds is not None:
        return seconds
    few = Block(middle.start, min(middle.stop, middle.start + SHORT))
    result = session.execute(Unit(cell, few))
    if result.error:
        raise UsageError(result.error.strip().splitlines()[-1])
    return result.cost.wall * len(middle) / len(few)


def _peak_memory(device: str) -> int:
    """Peak bytes on the device; on the CPU, of the whole process."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
