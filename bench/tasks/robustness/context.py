"""One block of images to be classified, ready to run: how the attacks and the judge see a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.runner.job import Job
from trustdm.bench.targets.classify import Target
from trustdm.bench.tasks.protocol import batches
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Block, Budget


@dataclass(frozen=True)
class Context:
    """One block of images to be classified, ready to run.

    ``x`` (B, C, H, W) float32 in [0, 1] and ``y`` (B,) int64 are on the device; ``examples`` (B,) are indices in the
    data set. ``key`` is the cell's key: all randomness derives from it. ``draws`` is 1 for a deterministic method.
    """

    target: Target
    x: Tensor
    y: Tensor
    examples: NDArray[np.int64]
    verified: NDArray[np.bool_]
    block: Block
    key: str
    budget: Budget
    draws: int
    batch_size: int

    def batches(self, rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.int64]]:
        """Row numbers of the block (or of ``rows``), at most ``batch_size`` at a time."""
        yield from batches(np.arange(len(self.examples)) if rows is None else rows, self.batch_size)


def context_of(job: Job) -> Context:
    """The images of a block: position i is the i-th of the suite's test list.

    Raises:
        SetupError: the data are missing, or are not the suite's.
    """
    examples, data = job.positions, job.data()
    images, labels = job.read(examples)
    verified = getattr(data, "verified", lambda index: np.ones(len(index), dtype=bool))(examples)
    device = torch.device(job.device)
    return Context(
        target=Target(job.method.call, job.card, job.meter, job.key),
        x=torch.from_numpy(images).to(device),
        y=torch.from_numpy(labels).to(device),
        examples=examples,
        verified=verified,
        block=job.block,
        key=job.key,
        budget=budget_of(job.suite),
        draws=job.draws,
        batch_size=job.batch_size,
    )
