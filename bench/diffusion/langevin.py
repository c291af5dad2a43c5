"""Annealed Langevin dynamics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import Denoise, Draw, denoised, score
from trustdm.bench.diffusion.options import Last


@dataclass(frozen=True, slots=True)
class Step:
    """The size of a Langevin step at the last level, in squared units of the image, under a named convention.

    "epsilon" is the paper's: a_i = epsilon s_i^2 / s_L^2, and x moves by a_i / 2 score + sqrt(a_i) z. "step_lr" is the
    code's: a_i = step_lr s_i^2 / s_L^2, and x moves by a_i score + sqrt(2 a_i) z. Hence step_lr = epsilon / 2. NCSN's
    default is step_lr 2e-5, NCSNv2's 6.2e-6, both for images in [0, 1] and s_L = 0.01; in [-1, 1] it is 4 times that.
    """

    size: float
    convention: Literal["epsilon", "step_lr"]

    @property
    def epsilon(self) -> float:
        return 2 * self.size if self.convention == "step_lr" else self.size


def langevin(
    denoise: Denoise, x: Tensor, sigmas: Tensor, draw: Draw, step: Step, each: int = 100, last: Last = "none"
) -> Tensor:
    """``each`` Langevin steps at each of ``sigmas``, which fall and are positive. Song and Ermon 2019, Alg. 1.

    ``last`` "denoise" is the final step of NCSNv2 (Song and Ermon 2020, Alg. 1): one evaluation more.
    """
    levels = sigmas.tolist()
    for i, sigma in enumerate(levels):
        a = step.epsilon * sigma**2 / levels[-1] ** 2
        for t in range(each):
            x = x + a / 2 * score(denoise, x, sigma) + math.sqrt(a) * draw(f"level {i} step {t}")
    return denoised(denoise, x, levels[-1]) if last == "denoise" else x


def best_step(ratio: float, each: int) -> float:
    """step_lr / s_L^2 such that the variance stays nearest to s_i^2 through ``each`` steps at every level.

    ``ratio`` is s_{i-1} / s_i. With r = 1 - step_lr / s_L^2, the variance after them is, in units of s_i^2,
    r^(2 each) (ratio^2 - v) + v with v = 2 / (1 + r); the best r brings this nearest to 1. Song and Ermon 2020,
    Technique 4, where r = 0.938 for 232 levels and 5 steps.
    """
    r = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    resting = 2 / (1 + r)
    left = r ** (2 * each) * (ratio**2 - resting) + resting
    return float(1 - r[(left - 1).abs().argmin()])
