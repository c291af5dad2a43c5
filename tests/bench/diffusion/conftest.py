from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion.exact import Gaussian, Mixture

Draw = Callable[[str], Tensor]


@dataclass
class Law:
    """The normal distribution of what a sampler returns, and what it returns per unit of each noise it draws."""

    mean: float
    variance: float
    gains: dict[str, float]

    @property
    def sd(self) -> float:
        return self.variance**0.5


@pytest.fixture(scope="session")
def law() -> Callable[[Callable[[Draw], Tensor]], Law]:
    """The law of a sampler ``run(draw)`` over single pixels, exact where its output is affine in the noise it draws.

    Row 0 gets no noise; row k gets 1 from the k-th use and 0 from the others.
    """

    def of(run: Callable[[Draw], Tensor]) -> Law:
        uses: list[str] = []

        def record(use: str) -> Tensor:
            uses.append(use)
            return torch.zeros(1, 1, 1, 1, dtype=torch.float64)

        run(record)
        assert len(set(uses)) == len(uses), "two places draw under one name"
        row = {use: i + 1 for i, use in enumerate(uses)}
        unit = torch.eye(len(uses) + 1, dtype=torch.float64)
        out = run(lambda use: unit[row[use]].view(-1, 1, 1, 1)).flatten()
        gains = dict(zip(uses, (out[1:] - out[0]).tolist(), strict=True))
        return Law(float(out[0]), sum(g**2 for g in gains.values()), gains)

    return of


@pytest.fixture(scope="session")
def orders() -> Callable[[list[float]], list[float]]:
    """The orders of convergence that errors at doubled numbers of steps show."""
    return lambda errors: [float(torch.tensor(a / b).log2()) for a, b in pairwise(errors)]


@pytest.fixture(scope="session")
def pixel() -> Callable[[float, float], Gaussian]:
    """The denoiser of a single pixel with this mean and variance."""
    return lambda mean, variance: Gaussian(torch.full((1, 1, 1), mean, dtype=torch.float64), variance)


@pytest.fixture(scope="session")
def mixture() -> Mixture:
    """Five components in (2, 2, 3) of three classes, with different weights and spreads."""
    g = torch.Generator().manual_seed(5)
    means = torch.randn(5, 2, 2, 3, generator=g, dtype=torch.float64)
    weights = torch.tensor([0.1, 0.3, 0.2, 0.25, 0.15])
    return Mixture(weights, means, torch.tensor([0.05, 0.2, 0.0, 0.5, 0.1]), torch.tensor([0, 1, 2, 0, 1]))


@pytest.fixture
def normal() -> Callable[..., Tensor]:
    """float64 noise of a seed."""

    def of(*shape: int, seed: int = 0) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    return of


@pytest.fixture
def counted() -> Any:
    """Wraps a denoiser so that ``calls`` is the number of its evaluations."""

    class Counted:
        def __init__(self, denoise: Any):
            self.denoise, self.calls, self.rows = denoise, 0, 0

        def __call__(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
            self.calls += 1
            self.rows += len(x)
            assert sigma.shape == (len(x),) and sigma.dtype == x.dtype == torch.float64
            return self.denoise(x, sigma, labels)

    return Counted
