"""Images of one block to be certified, ready to run: how the counting of votes sees a job."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.runner.job import Job
from trustdm.bench.targets.noisy import NoisyTarget
from trustdm.bench.tasks.certification.task import certification


@dataclass(frozen=True)
class NoisyContext:
    """Images of one block to be certified, ready to run.

    Row i is ``position[i]`` of the evaluation: image ``image[i]`` of ``x`` (m, C, H, W) with label ``y`` (m,), and
    its ``chunk[i]``-th chunk of draws, ``chunk_size`` at most. ``source`` answers noisy images; ``key`` is the cell's.
    """

    source: NoisyTarget
    x: Tensor
    y: NDArray[np.int64]
    position: NDArray[np.int64]
    image: NDArray[np.int64]
    chunk: NDArray[np.int64]
    selection: int
    estimation: int
    chunk_size: int
    key: str
    batch_size: int


def context_of(job: Job) -> NoisyContext:
    """The images of a block: position i is chunk i % chunks of image i // chunks of the suite's test list.

    Raises:
        SetupError: the data are missing, or are not the suite's.
    """
    table = certification(job.suite)
    place, chunk = np.divmod(job.positions, job.per_example)
    rows, image = np.unique(place, return_inverse=True)
    images, labels = job.read(job.suite.test[rows])
    return NoisyContext(
        source=NoisyTarget(job.method.call, job.card, job.meter, job.key),
        x=torch.from_numpy(images).to(job.device),
        y=labels,
        position=job.positions,
        image=image,
        chunk=chunk,
        selection=table.selection,
        estimation=table.estimation,
        chunk_size=table.chunk,
        key=job.key,
        batch_size=job.batch_size,
    )
