"""Jobs as the runner makes them, over images that a test makes up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trustdm.bench.contracts import MethodCard
from trustdm.bench.method import Meter
from trustdm.bench.plugins import load
from trustdm.bench.registry import Registry
from trustdm.bench.runner.job import Job
from trustdm.bench.runner.resources import Loaded
from trustdm.bench.suite.load import Suite
from trustdm.bench.types import Block


class Made:
    """A data set whose example ``ids[i]`` is image i of ``images`` (n, C, H, W)."""

    def __init__(self, ids: Sequence[int], images: Any, labels: Any):
        self.ids, self.images, self.labels = np.asarray(ids), np.asarray(images, dtype=np.float32), np.asarray(labels)

    def __len__(self) -> int:
        return int(self.ids.max()) + 1

    def digest(self) -> str:
        return "0" * 64

    def read(self, index: Any) -> tuple[Any, Any]:
        rows = [int(np.flatnonzero(self.ids == i)[0]) for i in index]
        return self.images[rows], self.labels[rows].astype(np.int64)


def job(
    suite: Suite,
    evaluation: str,
    call: Callable[..., Any],
    card: MethodCard,
    data: Any,
    *,
    registry: Registry | None = None,
    **how: Any,
) -> Job:
    """The job of a block of ``evaluation`` (all of it by default), with ``data`` in the place of the suite's."""
    positions = suite.positions(evaluation)
    block = how.pop("block", Block(0, len(positions.ids)))
    return Job(
        **{
            "method": Loaded(how.pop("thing", call), call, card, "state"),
            "suite": suite,
            "registry": registry or load().registry,
            "key": "key",
            "seed": 0,
            "draws": 1,
            "evaluation": evaluation,
            "positions": positions.ids[block.start : block.stop],
            "per_example": positions.per_example,
            "block": block,
            "device": "cpu",
            "batch_size": len(block),
            "meter": Meter(),
            "keep": {("data", suite.digest): data},
            **how,
        }
    )
