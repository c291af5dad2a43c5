"""Samplers of discrete variance-preserving chains; the state is sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) n.

``bars`` are the alpha_bars of the levels to visit, rising, the first of them that of ``x``, the last of them 1 (no
noise). A chain that skips timesteps is the same chain with larger betas (Nichol and Dhariwal 2021, section 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import Denoise, Draw, denoised
from trustdm.bench.diffusion.options import Spacing
from trustdm.bench.diffusion.schedules import alpha_bars, timesteps


def visited(betas: Tensor, steps: int, spacing: Spacing = "trailing") -> Tensor:
    """The alpha_bars of ``steps`` timesteps of the chain with ``betas``, and a last 1: (steps + 1,)."""
    bars = alpha_bars(betas)
    return torch.cat([bars[timesteps(steps, spacing, len(betas))], torch.ones(1, dtype=bars.dtype)])


def clean(denoise: Denoise, x: Tensor, bar: float, clip: float | None) -> Tensor:
    """The prediction of x0 from x_t, clipped to [-clip, clip] if ``clip`` is given. Ho et al. 2020, Eq. 15."""
    x0 = denoised(denoise, x / math.sqrt(bar), math.sqrt((1 - bar) / bar))
    return x0 if clip is None else x0.clamp(-clip, clip)


@dataclass(frozen=True)
class Ancestral:
    """How an ancestral step is taken.

    ``variance``: "small" is the posterior's beta (1 - abar_{t-1}) / (1 - abar_t), right for a single image; "large" is
    beta, right for white noise (Ho et al. 2020, section 3.2). ``clip`` bounds the predicted x0, as their code does and
    their paper does not say. ``pull(x, sigma)`` is a gradient with respect to x_t, of a classifier's log probability
    times a scale: the mean moves by it times the variance (Dhariwal and Nichol 2021, Alg. 1).
    """

    variance: Literal["small", "large"] = "small"
    clip: float | None = None
    pull: Denoise | None = None


def ddpm(denoise: Denoise, x: Tensor, bars: Tensor, draw: Draw, how: Ancestral) -> Tensor:
    """Ancestral sampling; no noise in the last step. Ho et al. 2020, Alg. 2 with Eq. 7."""
    for i, (bar, before) in enumerate(pairwise(bars.tolist())):
        beta = 1 - bar / before
        x0 = clean(denoise, x, bar, how.clip)
        small = beta * (1 - before) / (1 - bar)
        variance = beta if how.variance == "large" else small
        mean = math.sqrt(before) * beta / (1 - bar) * x0 + math.sqrt(1 - beta) * (1 - before) / (1 - bar) * x
        if how.pull is not None:
            mean = mean + variance * denoised(how.pull, x, math.sqrt((1 - bar) / bar))
        x = mean if before == 1 else mean + math.sqrt(variance) * draw(f"step {i}")
    return x


@dataclass(frozen=True, slots=True)
class Implicit:
    """``eta``: 0 adds no noise, 1 as much as ``ddpm`` with the small variance (Song, Meng and Ermon 2021, Eq. 16).

    Where ``clip`` changed x0, the noise is predicted anew from it, unless ``rederive`` is off (conventions differ).
    """

    eta: float = 0.0
    clip: float | None = None
    rederive: bool = True


def ddim(denoise: Denoise, x: Tensor, bars: Tensor, draw: Draw, how: Implicit) -> Tensor:
    """Steps of a non-Markovian chain with the same marginals. Song, Meng and Ermon 2021, Eq. 12."""
    for i, (bar, before) in enumerate(pairwise(bars.tolist())):
        raw = clean(denoise, x, bar, None)
        x0 = raw if how.clip is None else raw.clamp(-how.clip, how.clip)
        noise = (x - math.sqrt(bar) * (x0 if how.rederive else raw)) / math.sqrt(1 - bar)
        std = how.eta * math.sqrt((1 - before) / (1 - bar) * (1 - bar / before))
        x = math.sqrt(before) * x0 + math.sqrt(max(1 - before - std**2, 0)) * noise
        if std > 0:
            x = x + std * draw(f"step {i}")
    return x
