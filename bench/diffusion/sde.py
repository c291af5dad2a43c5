"""Samplers of Song et al. 2021 (score SDE) in continuous time: reverse-time SDEs and the probability-flow ODE."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import Denoise, Draw, denoised, scaled_score
from trustdm.bench.diffusion.options import BETA_D, BETA_MIN, Last
from trustdm.bench.diffusion.schedules import vp_sigma


class Sde(Protocol):
    """dx = f(t) x dt + g(t) dw on [0, 1], whose state at ``t`` is scale(t) (x0 + sigma(t) n)."""

    def drift(self, t: float) -> float:
        """f(t)."""
        ...

    def diffusion(self, t: float) -> float:
        """g(t)."""
        ...

    def scale(self, t: float) -> float:
        """What the clean image is multiplied by."""
        ...

    def sigma(self, t: float) -> float:
        """The level of the noise relative to the clean image."""
        ...


@dataclass(frozen=True, slots=True)
class Vp:
    """dx = -beta(t)/2 x dt + sqrt(beta(t)) dw, beta(t) = beta_min + beta_d t. Song et al. 2021, Eq. 11 and 32."""

    beta_d: float = BETA_D
    beta_min: float = BETA_MIN

    def beta(self, t: float) -> float:
        return self.beta_min + self.beta_d * t

    def drift(self, t: float) -> float:
        return -self.beta(t) / 2

    def diffusion(self, t: float) -> float:
        return math.sqrt(self.beta(t))

    def scale(self, t: float) -> float:
        return 1 / math.sqrt(1 + self.sigma(t) ** 2)

    def sigma(self, t: float) -> float:
        return float(vp_sigma(torch.tensor(t, dtype=torch.float64), self.beta_d, self.beta_min))


@dataclass(frozen=True, slots=True)
class Ve:
    """dx = sigma(t) sqrt(2 log(high / low)) dw, sigma(t) = low (high / low)^t. Song et al. 2021, Eq. 30 and 31."""

    low: float = 0.02
    high: float = 100.0

    def drift(self, t: float) -> float:
        return 0.0

    def diffusion(self, t: float) -> float:
        return self.sigma(t) * math.sqrt(2 * math.log(self.high / self.low))

    def scale(self, t: float) -> float:
        return 1.0

    def sigma(self, t: float) -> float:
        return self.low * math.exp(t * math.log(self.high / self.low))


def even_times(steps: int, last: float) -> Tensor:
    """``steps`` + 1 times from 1 to ``last``, evenly spaced: (steps + 1,). Song et al. 2021, appendix C and G."""
    return torch.linspace(1, last, steps + 1, dtype=torch.float64)


def score_at(sde: Sde, denoise: Denoise, x: Tensor, t: float) -> Tensor:
    """The gradient of log p_t(x)."""
    return scaled_score(denoise, x, sde.sigma(t), sde.scale(t))


def reverse_mean(sde: Sde, denoise: Denoise, x: Tensor, t: float, dt: float) -> Tensor:
    """The mean of the state ``dt`` before ``t``; its noise has variance g(t)^2 dt. Song et al. 2021, Eq. 6 (Euler)."""
    return x - (sde.drift(t) * x - sde.diffusion(t) ** 2 * score_at(sde, denoise, x, t)) * dt


def reverse_sde(sde: Sde, denoise: Denoise, x: Tensor, times: Tensor, draw: Draw, last: Last = "mean") -> Tensor:
    """Euler-Maruyama steps of the reverse-time SDE along ``times``, which fall. Song et al. 2021, Eq. 6.

    ``x`` is a draw of the state at the first time; what returns is the state at the last one, the mean of the last step
    (``last`` "mean": no noise is added in it), or D of the noisy state ("denoise", one evaluation more).
    """
    pairs = list(pairwise(times.tolist()))
    for i, (t, until) in enumerate(pairs):
        x = reverse_mean(sde, denoise, x, t, t - until)
        if last != "mean" or i < len(pairs) - 1:
            x = x + sde.diffusion(t) * math.sqrt(t - until) * draw(f"step {i}")
    return finish(sde, denoise, x, pairs[-1][1], last)


def probability_flow(sde: Sde, denoise: Denoise, x: Tensor, times: Tensor, last: Last = "denoise") -> Tensor:
    """Euler steps in time of dx = [f x - g^2 score / 2] dt. Song et al. 2021, Eq. 13; the VP and the VE form."""
    for t, until in pairwise(times.tolist()):
        change = sde.drift(t) * x - sde.diffusion(t) ** 2 * score_at(sde, denoise, x, t) / 2
        x = x + (until - t) * change
    return finish(sde, denoise, x, float(times[-1]), last)


def finish(sde: Sde, denoise: Denoise, x: Tensor, t: float, last: Last) -> Tensor:
    """The state at ``t`` itself, or its denoised mean where ``last`` is "denoise"."""
    return denoised(denoise, x / sde.scale(t), sde.sigma(t)) if last == "denoise" else x
