"""A stand-in for the harness's target, and linear classifiers, whose best attack is known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


class Stub:
    """``classify`` as a target that keeps every batch it was asked about."""

    def __init__(self, classify: Callable[[Tensor], Tensor], classes: int, randomized: bool = False):
        self.classify, self.classes, self.randomized = classify, classes, randomized
        self.asked: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.asked.append(x.detach().clone())
        return self.classify(x)


class Linear:
    """Two classes, logits (w.x - b, 0): class 0 has margin w.x - b, and its distance is that over a dual norm of w."""

    def __init__(self, shape: tuple[int, int, int] = (1, 4, 4), seed: int = 0):
        generator = torch.Generator().manual_seed(seed)
        self.shape = shape
        self.w = torch.randn(shape, generator=generator)
        self.x = 0.4 + 0.2 * torch.rand(6, *shape, generator=generator)
        self.y = torch.zeros(6, dtype=torch.long)

    def dual(self, norm: str) -> float:
        return float(self.w.abs().sum() if norm == "linf" else self.w.square().sum().sqrt())

    def margin(self, x: Tensor, distance: float, norm: str) -> Tensor:
        """The margin of ``x`` when every row of ``self.x`` lies at ``distance`` from the boundary.

        Several searches for each row stand together: then there are a multiple of the rows.
        """
        rows = self.x.repeat_interleave(max(len(x) // len(self.x), 1), dim=0)[: len(x)]
        return ((x - rows) * self.w).flatten(1).sum(1) + distance * self.dual(norm)

    def target(self, distance: float, norm: str) -> Stub:
        """Every row of ``self.x`` lies at ``distance`` from the boundary; rows must come in order and complete."""

        def classify(x: Tensor) -> Tensor:
            margin = self.margin(x, distance, norm)
            return torch.stack([margin, torch.zeros_like(margin)], 1)

        return Stub(classify, 2)


@pytest.fixture
def stub() -> type[Stub]:
    return Stub


@pytest.fixture
def linear() -> Linear:
    return Linear()
