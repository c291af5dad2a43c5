"""How the harness looks at a smoothed classifier: noise on the device, class counts, nothing kept between draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.rng import derive
from trustdm.bench.tasks.certification.context import NoisyContext

SLAB = 100
"""Draws that are made by one call: the noise then does not depend on the batch size."""
ROWS = 128
"""Noisy images in a batch for each position that is asked for at once."""
MOST_ROWS = {"cpu": 400, "cuda": 4096}
"""On a CPU more rows than these leave the cache, and are slower."""
DRAWS_A_POSITION = 1 << 32
CHECKED = 16


@dataclass
class Stream:
    """The noise of one position, made on the device, the same whatever else is in the batch."""

    generator: torch.Generator
    shape: tuple[int, ...]
    use: str
    drawn: int = 0

    @staticmethod
    def of(context: NoisyContext, row: int, use: str) -> Stream:
        """That of row ``row`` of the block; ``use`` tells selection from estimation."""
        generator = torch.Generator(context.x.device)
        generator.manual_seed(derive(context.key, "noise", use, int(context.position[row])) % 2**63)
        return Stream(generator, tuple(context.x.shape[1:]), use)

    def take(self, count: int) -> Tensor:
        """The next ``count`` draws, standard normal (count, C, H, W)."""
        self.drawn += count
        return torch.randn((count, *self.shape), generator=self.generator, device=self.generator.device)


def class_counts(
    context: NoisyContext, sigma: float, streams: dict[int, Stream], draws: dict[int, int]
) -> NDArray[np.int64]:
    """Class counts (rows, K) of the next ``draws[row]`` draws of the rows in ``draws``; 0 for the others.

    Batches span images; rows are counted at once, not label by label.
    """
    classes = context.source.classes
    counts = torch.zeros(len(context.position) * classes, dtype=torch.int64, device=context.x.device)
    for rows, ids, noise, use in _batches(context, streams, draws):
        x = context.x[torch.as_tensor(context.image[rows], device=context.x.device)] + sigma * noise
        labels = context.source.labels(x, sigma, ids, use)
        slots = torch.as_tensor(rows, device=context.x.device) * classes + labels
        counts += torch.bincount(slots, minlength=len(counts))
    return counts.view(-1, classes).cpu().numpy()


def check(context: NoisyContext, sigma: float) -> None:
    """Makes the source prove itself on a few draws of the first image, which are not used for anything else."""
    stream = Stream.of(context, 0, "check")
    x = context.x[:1] + sigma * stream.take(CHECKED)
    context.source.check(x, sigma, np.arange(CHECKED))


def _batches(
    context: NoisyContext, streams: dict[int, Stream], draws: dict[int, int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Tensor, str]]:
    """(row of each draw, name of each draw, noise, use) in batches made of whole slabs of one use."""
    most = max(SLAB, min(context.batch_size * ROWS, MOST_ROWS[context.x.device.type]))
    held: list[tuple[int, int, Tensor]] = []
    size, use = 0, ""
    for row, total in draws.items():
        for start in range(0, total, SLAB):
            count = min(SLAB, total - start)
            if held and (size + count > most or streams[row].use != use):
                yield *_joined(context, held), use
                held, size = [], 0
            use = streams[row].use
            first = streams[row].drawn
            held.append((row, first, streams[row].take(count)))
            size += count
    if held:
        yield *_joined(context, held), use


def _joined(
    context: NoisyContext, held: list[tuple[int, int, Tensor]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Tensor]:
    rows = np.concatenate([np.full(len(noise), row) for row, _, noise in held])
    ids = [int(context.position[row]) * DRAWS_A_POSITION + first + np.arange(len(n)) for row, first, n in held]
    return rows, np.concatenate(ids).astype(np.int64), torch.cat([noise for _, _, noise in held])
