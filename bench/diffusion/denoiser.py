"""The primitive: a denoiser D(x, sigma) = E[x0 | x0 + sigma n = x], and what follows from it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# denoise(x (B, ...), sigma (B,)) -> (B, ...), the mean of the clean image given the noisy one.
Denoise = Callable[[Tensor, Tensor], Tensor]
# The same given labels, int64 (B,), or given nothing (None).
ConditionalDenoise = Callable[[Tensor, Tensor, Tensor | None], Tensor]
# draw(use) -> standard normal noise in the shape and type of the state; ``use`` names the place that draws.
Draw = Callable[[str], Tensor]
# What is done about the noise that is left at the last level: nothing; the last step adds none ("mean"); or one more
# evaluation replaces the state by its denoised mean ("denoise").


def bind(denoise: ConditionalDenoise, labels: Tensor | None) -> Denoise:
    """The denoiser given ``labels``."""
    return lambda x, sigma: denoise(x, sigma, labels)


def column(values: Tensor, x: Tensor) -> Tensor:
    """``values`` (B,) shaped to multiply the rows of ``x`` (B, ...)."""
    return values.view(-1, *[1] * (x.dim() - 1))


def denoised(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
    """D(x, sigma) where all rows have the same level."""
    return denoise(x, torch.full((len(x),), sigma, dtype=x.dtype, device=x.device))


def score(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
    """The gradient of log p(x; sigma): (D(x, sigma) - x) / sigma^2. Karras et al. 2022, Eq. 3."""
    return (denoised(denoise, x, sigma) - x) / sigma**2


def scaled_score(denoise: Denoise, x: Tensor, sigma: float, scale: float) -> Tensor:
    """The gradient of the log density of ``scale`` times a noisy image at ``x``. Karras et al. 2022, appendix B.1."""
    return score(denoise, x / scale, sigma) / scale


def slope(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
    """dx/dsigma of the probability-flow ODE: (x - D(x, sigma)) / sigma. Karras et al. 2022, Alg. 1, line 4."""
    return (x - denoised(denoise, x, sigma)) / sigma
