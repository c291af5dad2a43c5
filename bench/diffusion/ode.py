"""Samplers of Karras et al. 2022: steps along dx/dsigma = (x - D(x, sigma)) / sigma, in network units.

The state is x0 + sigma n; ``x`` is a draw at the first level, ``sigmas`` fall, and are positive but for a last 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from trustdm.bench.diffusion.denoiser import Denoise, Draw, slope


def euler(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """First-order steps. Karras et al. 2022, Alg. 1 without lines 6 to 8; DDIM with eta 0 in other letters."""
    for s, t in pairwise(sigmas.tolist()):
        x = x + (t - s) * slope(denoise, x, s)
    return x


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """Second-order steps; the one to 0 is an Euler step. Karras et al. 2022, Alg. 1."""
    for s, t in pairwise(sigmas.tolist()):
        x = heun_step(denoise, x, s, t)
    return x


def heun_step(denoise: Denoise, x: Tensor, s: float, t: float) -> Tensor:
    """The state at level ``t``, from level ``s``. Karras et al. 2022, Alg. 1, lines 4 to 8."""
    d = slope(denoise, x, s)
    guess = x + (t - s) * d
    return guess if t == 0 else x + (t - s) * (d + slope(denoise, guess, t)) / 2


@dataclass(frozen=True, slots=True)
class Churn:
    """S_churn, S_min, S_max and S_noise of Karras et al. 2022, Alg. 2; the defaults are CIFAR-10's (their Table 5)."""

    churn: float = 30.0
    low: float = 0.01
    high: float = 1.0
    noise: float = 1.007

    def gamma(self, sigma: float, steps: int) -> float:
        """By how much the noise is raised before a step from ``sigma``, as a part of it."""
        return min(self.churn / steps, math.sqrt(2) - 1) if self.low <= sigma <= self.high else 0.0


def stochastic_heun(denoise: Denoise, x: Tensor, sigmas: Tensor, draw: Draw, churn: Churn) -> Tensor:
    """Heun steps, each after some noise was added. Karras et al. 2022, Alg. 2."""
    for i, (s, t) in enumerate(pairwise(sigmas.tolist())):
        raised = s * (1 + churn.gamma(s, len(sigmas) - 1))
        if raised > s:
            x = x + math.sqrt(raised**2 - s**2) * churn.noise * draw(f"step {i}")
        x = heun_step(denoise, x, raised, t)
    return x
