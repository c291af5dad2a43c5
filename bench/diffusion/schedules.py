"""Noise levels. A schedule is a float64 tensor of shape (n,); levels fall, as a sampler walks them.

``sigma`` is the noise level of the variance-exploding form x = x0 + sigma n; ``alpha_bar`` belongs to the
variance-preserving form sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) n. They name the same level:
sigma^2 = (1 - alpha_bar) / alpha_bar.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trustdm.bench.diffusion.options import BETA_D, BETA_MIN, Spacing
from trustdm.bench.errors import UsageError


def karras(steps: int, low: float = 0.002, high: float = 80.0, rho: float = 7.0) -> Tensor:
    """``steps`` levels from ``high`` to ``low``, evenly spaced in sigma^(1/rho), and a last 0: (steps + 1,).

    Karras et al. 2022, Eq. 5.
    """
    ramp = _ramp(steps)
    return _ending_in_zero((high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho)


def geometric(levels: int, low: float = 0.01, high: float = 50.0) -> Tensor:
    """``levels`` levels from ``high`` to ``low`` with a constant ratio, no 0 at the end: (levels,).

    Song and Ermon 2019, section 4.1. The talk's and NCSN's sigma_1 > ... > sigma_L. The defaults are those of NCSNv2,
    for images in [0, 1].
    """
    return high * (low / high) ** _ramp(levels)


def linear_betas(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """beta_1, ..., beta_T, evenly spaced. Ho et al. 2020, section 4."""
    return torch.linspace(first, last, steps, dtype=torch.float64)


def scaled_linear_betas(steps: int = 1000, first: float = 0.00085, last: float = 0.012) -> Tensor:
    """beta_1, ..., beta_T with evenly spaced roots. Rombach et al. 2022, as in their code."""
    return torch.linspace(math.sqrt(first), math.sqrt(last), steps, dtype=torch.float64).square()


def cosine_betas(steps: int = 1000, offset: float = 0.008, most: float = 0.999) -> Tensor:
    """beta_1, ..., beta_T of a squared-cosine alpha_bar, none above ``most``. Nichol and Dhariwal 2021, Eq. 17."""
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    f = torch.cos((t + offset) / (1 + offset) * math.pi / 2).square()
    return (1 - f[1:] / f[:-1]).clamp(max=most)


def alpha_bars(betas: Tensor) -> Tensor:
    """alpha_bar_t, the product of 1 - beta_s for s <= t, at index t - 1. Ho et al. 2020, Eq. 4."""
    return (1 - betas).cumprod(0)


def sigma_of(alpha_bar: Tensor) -> Tensor:
    """sqrt((1 - alpha_bar) / alpha_bar)."""
    return ((1 - alpha_bar) / alpha_bar).sqrt()


def alpha_bar_of(sigma: Tensor) -> Tensor:
    """1 / (1 + sigma^2)."""
    return 1 / (1 + sigma.square())


def timesteps(steps: int, spacing: Spacing = "trailing", total: int = 1000) -> Tensor:
    """``steps`` of the ``total`` training timesteps 0 ... total - 1, int64, falling. Lin et al. 2024, Table 2.

    "leading" always ends at 0 and never starts at the last one, "trailing" always starts there, "linspace" does both
    (and starts at 0 where there is one step).

    Raises:
        UsageError: ``steps`` outside 1 ... total, or another spacing.
    """
    if not 1 <= steps <= total:
        raise UsageError(f"steps: expected 1 to {total} (the timesteps of this noise schedule), got {steps}")
    index = torch.arange(steps, dtype=torch.float64)
    if spacing == "leading":
        return (index * (total // steps)).long().flip(0)
    if spacing == "trailing":
        return (total - index * (total / steps)).round().long() - 1
    if spacing == "linspace":
        return torch.linspace(0, total - 1, steps, dtype=torch.float64).round().long().flip(0)
    raise UsageError(f"spacing: expected leading, linspace or trailing, got {spacing!r}")


def closest_timestep(sigma: Tensor, bars: Tensor) -> Tensor:
    """int64, as ``sigma``: the index into alpha_bars ``bars`` whose sigma is nearest on a logarithmic scale."""
    known = sigma_of(bars.to(sigma)).log()
    right = torch.searchsorted(known, sigma.log().contiguous()).clamp(1, len(known) - 1)
    left_is_nearer = sigma.log() - known[right - 1] < known[right] - sigma.log()
    return torch.where(left_is_nearer, right - 1, right)


def vp_sigma(t: Tensor, beta_d: float = BETA_D, beta_min: float = BETA_MIN) -> Tensor:
    """sigma at time ``t`` in [0, 1] of the VP SDE: sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1).

    Karras et al. 2022, Table 1; beta_d = beta_max - beta_min in the letters of Song et al. 2021.
    """
    return (beta_d * t.square() / 2 + beta_min * t).expm1().sqrt()


def vp_time(sigma: Tensor, beta_d: float = BETA_D, beta_min: float = BETA_MIN) -> Tensor:
    """The inverse of ``vp_sigma``. Karras et al. 2022, Table 1 (the VP row of c_noise)."""
    return ((beta_min**2 + 2 * beta_d * sigma.square().log1p()).sqrt() - beta_min) / beta_d


def vp_levels(steps: int, last: float = 1e-3, beta_d: float = BETA_D, beta_min: float = BETA_MIN) -> Tensor:
    """The sigmas of ``steps`` times from 1 to ``last``, evenly spaced, and a last 0: (steps + 1,).

    Karras et al. 2022, Table 1 (VP: time steps).
    """
    return _ending_in_zero(vp_sigma(1 + _ramp(steps) * (last - 1), beta_d, beta_min))


def ve_levels(steps: int, low: float = 0.02, high: float = 100.0) -> Tensor:
    """Geometric levels from ``high`` to ``low`` and a last 0: (steps + 1,). Karras et al. 2022, Table 1 (VE)."""
    return _ending_in_zero(geometric(steps, low, high))


def iddpm_grid(total: int = 1000, c1: float = 0.001, c2: float = 0.008) -> Tensor:
    """u_0 > ... > u_M = 0, the levels an iDDPM network was trained at: (total + 1,).

    Karras et al. 2022, Table 1 (iDDPM): alpha_bar_j = sin^2(pi/2 j / (M (C2 + 1))), and
    u_{j-1} = sqrt((u_j^2 + 1) / max(alpha_bar_{j-1} / alpha_bar_j, C1) - 1).
    """
    bars = (math.pi / 2 * torch.arange(total + 1, dtype=torch.float64) / (total * (c2 + 1))).sin().square()
    # u^2 + 1 is a running product from the end.
    factors = 1 / (bars[:-1] / bars[1:]).clamp(min=c1)
    return torch.cat([(factors.flip(0).cumprod(0) - 1).sqrt().flip(0), torch.zeros(1, dtype=torch.float64)])


def iddpm_levels(steps: int, first: int = 8, total: int = 1000) -> Tensor:
    """u at ``steps`` evenly spaced indices from ``first`` (j0) to M - 1, and a last 0: (steps + 1,).

    Karras et al. 2022, Table 1 (iDDPM: time steps). j0 = 8 starts near sigma 80.
    """
    index = (first + _ramp(steps) * (total - 1 - first) + 0.5).floor().long()
    return _ending_in_zero(iddpm_grid(total)[index])


def _ramp(steps: int) -> Tensor:
    """0, ..., 1 in ``steps`` points; a single point is 0, the noisiest."""
    if steps < 1:
        raise UsageError(f"steps: expected an integer of at least 1, got {steps}")
    return torch.linspace(0, 1, steps, dtype=torch.float64)


def _ending_in_zero(levels: Tensor) -> Tensor:
    return torch.cat([levels, torch.zeros(1, dtype=levels.dtype)])
