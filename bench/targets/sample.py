"""How the harness looks at a generator: seeds and labels of a suite, passes counted, images checked and rounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter, contract_errors, seeded
from trustdm.bench.targets.passes import backward_calls, counted

IMAGES, STEPS = 2, 3
"""How many images a generator is asked for to tell it from others, and after how many steps."""
RANGE_TOLERANCE = 1e-4
"""By how much a pixel may leave [0, 1] before the generator is at fault: rounding of its last sum."""


class GeneratorTarget:
    """A generator as the harness calls it: no gradients kept, every pass through a network counted, output checked.

    ``passes`` has, for each network by its name, how many images went through it. A pass is counted where a network
    is entered from outside any other: for a U-Net once, not once for each of its layers.
    """

    def __init__(self, thing: object, sample: Callable[..., Any], card: MethodCard, meter: Meter, device: str = "cpu"):
        self._thing = thing
        self._sample = sample
        self._card = card
        self._device = torch.device(device)
        self.meter = meter
        self.passes: dict[str, int] = {}

    def __call__(self, seeds: Sequence[int], labels: NDArray[np.int64] | None, steps: int) -> tuple[Tensor, int]:
        """Images (n, C, H, W) in [0, 1] and how many images went through networks for them in all.

        A generator without classes is given no labels.

        Raises:
            ContractError: it raised, or returned something else than such images.
        """
        given = None
        if labels is not None and self._card.classes:
            given = torch.from_numpy(labels).to(self._device)
        what = f"{self._card.name}: sample"
        with torch.no_grad(), counted(self._thing) as rows, backward_calls() as backward, contract_errors(what):
            answer = self._sample(list(seeds), given, steps)
        images = self._check(answer, len(seeds), what)
        total = sum(rows.values())
        self.meter.forwards += total
        self.meter.gradients += len(backward) * len(seeds)
        for name, count in rows.items():
            self.passes[name] = self.passes.get(name, 0) + count
        return images, total

    def _check(self, images: Any, n: int, what: str) -> Tensor:
        want = (n, *self._card.input_shape)
        if not isinstance(images, Tensor):
            raise ContractError(f"{what}: expected a tensor of images {want}, got {type(images).__name__}")
        if tuple(images.shape) != want:
            raise ContractError(f"{what}: expected {n} images, shape {want}, got shape {tuple(images.shape)}")
        if not images.is_floating_point():
            raise ContractError(f"{what}: expected floating point images in [0, 1], got {images.dtype}")
        bad = int((~torch.isfinite(images)).flatten(1).any(1).sum())
        if bad:
            raise ContractError(f"{what}: expected finite pixels, got NaN or infinity in {bad} of {n} images")
        low, high = float(images.min()), float(images.max())
        if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
            raise ContractError(f"{what}: expected pixels in [0, 1], got {low:.4g} to {high:.4g}")
        return images.detach().float().clamp(0, 1)


def questions(thing: Any, sample: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """Means and spreads of the rows of two images of fixed seeds."""
    labels = np.arange(IMAGES) % card.classes if card.classes else None
    with seeded("describe"):
        images, _ = GeneratorTarget(thing, sample, card, Meter(), device)(range(IMAGES), labels, STEPS)
    return torch.cat([images.mean(dim=(1, 3)).flatten(), images.std(dim=(1, 3), correction=0).flatten()])
