"""Denoising losses: which noise levels are trained on, and how much the error at each of them counts.

All have one form. Data x0 in [-1, 1] gets noise n ~ N(0, sigma^2 I), and a denoiser D is trained on

    L(D) = E_sigma E_x0,n [ w(sigma) * mean over pixels of (D(x0 + n; sigma) - x0)^2 ]      (Karras et al. 2022, Eq. 8)

The optimum is D(x; sigma) = E[x0 | x] whatever p(sigma) and w are; with a finite network and finite time they decide
everything. Scores, predicted noise and D are the same network read differently, so their losses are choices of w:
for noise eps = (x - D) / sigma the error |eps - n / sigma|^2 is |D - x0|^2 / sigma^2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]


class Levels(Protocol):
    """A distribution of noise levels and the weight of each."""

    def sigmas(self, count: int, generator: torch.Generator) -> Tensor:
        """float32 (count,), drawn independently."""
        ...

    def weight(self, sigma: Tensor) -> Tensor:
        """w(sigma), of the shape of ``sigma``."""
        ...


def denoising_loss(denoise: Denoise, x0: Tensor, levels: Levels, generator: torch.Generator) -> Tensor:
    """The loss above on a batch ``x0`` (B, C, H, W), one noise level and one noise for each image; a scalar."""
    sigma = levels.sigmas(len(x0), generator)
    noise = torch.randn(x0.shape, generator=generator)
    error = (denoise(x0 + sigma[:, None, None, None] * noise, sigma) - x0).square().mean(dim=(1, 2, 3))
    return (levels.weight(sigma) * error).mean()


@dataclass(frozen=True, slots=True)
class EdmLevels:
    """ln sigma ~ N(p_mean, p_std^2), w = (sigma^2 + sd^2) / (sigma sd)^2 (Karras et al. 2022, Table 1).

    The weight makes the loss of an untrained network 1 at every level, and p(sigma) aims where learning is possible.
    """

    sigma_data: float
    p_mean: float = -1.2
    p_std: float = 1.2

    def sigmas(self, count: int, generator: torch.Generator) -> Tensor:
        return (self.p_mean + self.p_std * torch.randn(count, generator=generator)).exp()

    def weight(self, sigma: Tensor) -> Tensor:
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2


@dataclass(frozen=True, slots=True)
class VpLevels:
    """t ~ U[t_min, 1], sigma(t) = sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1), w = 1 / sigma^2 (Song et al. 2021, VP).

    The continuous form of the loss of DDPM; t_min 1e-5 in training.
    """

    beta_d: float = 19.9
    beta_min: float = 0.1
    t_min: float = 1e-5

    def sigmas(self, count: int, generator: torch.Generator) -> Tensor:
        t = self.t_min + (1 - self.t_min) * torch.rand(count, generator=generator, dtype=torch.float64)
        return (self.beta_d * t**2 / 2 + self.beta_min * t).expm1().sqrt().float()

    def weight(self, sigma: Tensor) -> Tensor:
        return sigma**-2


@dataclass(frozen=True, slots=True)
class VeLevels:
    """ln sigma ~ U[ln low, ln high], w = 1 / sigma^2 (Song et al. 2021, VE); levels in [-1, 1] units."""

    low: float = 0.02
    high: float = 100.0

    def sigmas(self, count: int, generator: torch.Generator) -> Tensor:
        u = torch.rand(count, generator=generator)
        return self.low * (self.high / self.low) ** u

    def weight(self, sigma: Tensor) -> Tensor:
        return sigma**-2


@dataclass(frozen=True, slots=True)
class TableLevels:
    """One of ``table`` with equal chance, w = 1 / sigma^2.

    With sigma_k = sqrt(1 / abar_k - 1) this is the simple loss of DDPM (Ho et al. 2020, Eq. 14); with geometric levels
    it is denoising score matching weighted by sigma^2 (Song and Ermon 2019, Eq. 6), up to a constant factor.
    """

    table: tuple[float, ...]

    def sigmas(self, count: int, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.table), (count,), generator=generator)
        return torch.tensor(self.table)[chosen]

    def weight(self, sigma: Tensor) -> Tensor:
        return sigma**-2
