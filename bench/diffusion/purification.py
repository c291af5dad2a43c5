"""Purification by diffusion: noise is added up to a time t*, and taken away again (Nie et al. 2022, DiffPure).

Images are in [-1, 1] here, times in (0, 1], of which t* = 0.1 is "t* = 100 of 1000" in the paper. Every solver is a
list of steps, each a function of its state alone: all noise is drawn first, by the step that it belongs to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from trustdm.bench.contracts import KeyedNoise
from trustdm.bench.diffusion.checkpointed import trajectory
from trustdm.bench.diffusion.ddpm import Ancestral, Implicit, ddim, ddpm
from trustdm.bench.diffusion.denoiser import Denoise, Draw
from trustdm.bench.diffusion.preconditioning import from_boundary, to_boundary
from trustdm.bench.diffusion.purifiers import LAST_TIME, TIMESTEPS
from trustdm.bench.diffusion.schedules import alpha_bars, linear_betas
from trustdm.bench.diffusion.sde import Vp, probability_flow, reverse_mean

# purifier(denoise, x, draw) -> images; ``denoise`` for images in [-1, 1], ``draw(use)`` in the shape of x.
Purifier = Callable[[Denoise, Tensor, Draw], Tensor]


def in_network_units(denoise01: Callable[[Tensor, Tensor], Tensor]) -> Denoise:
    """The denoiser of images in [-1, 1] that one of images in [0, 1] is; levels double."""
    return lambda x, sigma: from_boundary(denoise01(to_boundary(x), sigma / 2))


@dataclass(frozen=True, slots=True)
class VpSde:
    """The reverse-time VP SDE from ``t`` by Euler and Maruyama, noise in every step. Nie et al. 2022, Eq. 4 and 5.

    The noise that is added first is that of Eq. 4; the authors' code adds that of the discrete schedule, less than 1 %
    below it (0.169 for 0.170 in [0, 1] at t = 0.1).
    """

    t: float
    steps: int

    def __call__(self, denoise: Denoise, x: Tensor, draw: Draw) -> Tensor:
        """Purified images; ``steps`` passes of the denoiser."""
        sde, times = Vp(), _times(self.t, self.steps)
        steps = [
            partial(_euler_maruyama, denoise, at=t, until=until, noise=draw(f"step {i}"))
            for i, (t, until) in enumerate(pairwise(times))
        ]
        return trajectory(steps, _diffused(x, 1 / (1 + sde.sigma(self.t) ** 2), draw("diffuse")))


@dataclass(frozen=True, slots=True)
class VpOde:
    """The probability flow from ``t`` by Euler: random only in the noise that is added first. Nie et al. 2022, 5.5."""

    t: float
    steps: int

    def __call__(self, denoise: Denoise, x: Tensor, draw: Draw) -> Tensor:
        """Purified images; ``steps`` passes of the denoiser."""
        sde, times = Vp(), _times(self.t, self.steps)
        steps = [partial(_flow, denoise, at=t, until=until) for t, until in pairwise(times)]
        return trajectory(steps, _diffused(x, 1 / (1 + sde.sigma(self.t) ** 2), draw("diffuse")))


@dataclass(frozen=True, slots=True)
class DdpmChain:
    """Ancestral steps (Ho et al. 2020, Alg. 2) over the last 1000 t timesteps of the linear schedule."""

    t: float
    steps: int

    def __call__(self, denoise: Denoise, x: Tensor, draw: Draw) -> Tensor:
        """Purified images; ``steps`` passes of the denoiser."""
        bars = bars_from(self.t, self.steps)
        steps = [
            partial(_ancestral, denoise, bars=pair, noise=draw(f"step {i}")) for i, pair in enumerate(_pairs(bars))
        ]
        return trajectory(steps, _diffused(x, float(bars[0]), draw("diffuse")))


@dataclass(frozen=True, slots=True)
class DdimChain:
    """Steps of DDIM (Song, Meng and Ermon 2021, Eq. 12) over the last 1000 t timesteps; eta 0 injects no noise."""

    t: float
    steps: int
    eta: float = 0.0

    def __call__(self, denoise: Denoise, x: Tensor, draw: Draw) -> Tensor:
        """Purified images; ``steps`` passes of the denoiser."""
        bars = bars_from(self.t, self.steps)
        noises = [draw(f"step {i}") if self.eta else None for i in range(self.steps)]
        steps = [
            partial(_implicit, denoise, bars=pair, eta=self.eta, noise=noise)
            for pair, noise in zip(_pairs(bars), noises, strict=True)
        ]
        return trajectory(steps, _diffused(x, float(bars[0]), draw("diffuse")))


@dataclass(frozen=True, slots=True)
class Guided:
    """Ancestral steps pulled towards the noisy input (Wang et al. 2022, GDMP, Alg. 1 with the MSE guidance).

    After each step from level t the state moves by -s_t Sigma_t times the gradient of |x_t - x_in,t|^2, where x_in,t is
    the input with fresh noise of that level; s_t = ``guidance`` sqrt(1 - abar_t) / sqrt(abar_t). The whole is repeated
    ``repeats`` times, each on what the last one left.
    """

    t: float
    steps: int
    guidance: float
    repeats: int = 1

    def __call__(self, denoise: Denoise, x: Tensor, draw: Draw) -> Tensor:
        """Purified images; ``steps`` times ``repeats`` passes of the denoiser."""
        bars, channels = bars_from(self.t, self.steps), x.shape[1]
        for k in range(self.repeats):
            # The input guides every step, so it is part of the state: a gradient that left it out would not be exact.
            start = torch.cat([_diffused(x, float(bars[0]), draw(f"diffuse {k}")), x], 1)
            steps = [
                partial(
                    _pulled,
                    denoise,
                    bars=pair,
                    guidance=self.guidance,
                    noises=(draw(f"step {k} {i}"), draw(f"input {k} {i}")),
                )
                for i, pair in enumerate(_pairs(bars))
            ]
            x = trajectory(steps, start)[:, :channels]
        return x


def bars_from(t: float, steps: int) -> Tensor:
    """alpha_bars of ``steps`` timesteps from 1000 t down, evenly spaced, and a last 1: float64 (steps + 1,)."""
    first = round(TIMESTEPS * t)
    index = torch.linspace(first, 0, steps + 1, dtype=torch.float64).round().long()[:-1] - 1
    bars = alpha_bars(linear_betas(TIMESTEPS))
    return torch.cat([bars[index], torch.ones(1, dtype=bars.dtype)])


def _times(t: float, steps: int) -> list[float]:
    values: list[float] = torch.linspace(t, LAST_TIME, steps + 1, dtype=torch.float64).tolist()
    return values


def _pairs(bars: Tensor) -> list[Tensor]:
    return [bars[i : i + 2] for i in range(len(bars) - 1)]


def _diffused(x: Tensor, bar: float, noise: Tensor) -> Tensor:
    """sqrt(bar) x + sqrt(1 - bar) noise. Ho et al. 2020, Eq. 4."""
    return math.sqrt(bar) * x + math.sqrt(1 - bar) * noise


def _euler_maruyama(denoise: Denoise, x: Tensor, *, at: float, until: float, noise: Tensor) -> Tensor:
    sde = Vp()
    return reverse_mean(sde, denoise, x, at, at - until) + sde.diffusion(at) * math.sqrt(at - until) * noise


def _flow(denoise: Denoise, x: Tensor, *, at: float, until: float) -> Tensor:
    return probability_flow(Vp(), denoise, x, torch.tensor([at, until], dtype=torch.float64), last="none")


def _ancestral(denoise: Denoise, x: Tensor, *, bars: Tensor, noise: Tensor) -> Tensor:
    return ddpm(denoise, x, bars, lambda use: noise, Ancestral())


def _implicit(denoise: Denoise, x: Tensor, *, bars: Tensor, eta: float, noise: Tensor | None) -> Tensor:
    return ddim(denoise, x, bars, lambda use: x.new_zeros(x.shape) if noise is None else noise, Implicit(eta))


def _pulled(denoise: Denoise, state: Tensor, *, bars: Tensor, guidance: float, noises: tuple[Tensor, Tensor]) -> Tensor:
    x, given = state.chunk(2, 1)
    bar, before = bars.tolist()
    beta = 1 - bar / before
    variance = beta * (1 - before) / (1 - bar)
    scale = guidance * math.sqrt((1 - bar) / bar)
    towards = 2 * (x - _diffused(given, bar, noises[1]))
    moved = _ancestral(denoise, x, bars=bars, noise=noises[0]) - scale * variance * towards
    return torch.cat([moved, given], 1)


def purified(purifier: Purifier, denoise01: Callable[[Tensor, Tensor], Tensor], x01: Tensor, draw: Draw) -> Tensor:
    """Images (B, C, H, W) in [0, 1] through ``purifier``; not clipped, as in Nie et al. 2022."""
    return to_boundary(purifier(in_network_units(denoise01), from_boundary(x01), draw)).to(x01.dtype)


class DenoisingPurifier:
    """A purifier made of a denoiser of images in [0, 1] and a solver."""

    def __init__(self, denoiser: Any, solver: Purifier):
        self.denoiser = denoiser
        self._solver = solver

    def to(self, device: str) -> None:
        """Moves what can be moved."""
        if callable(move := getattr(self.denoiser, "to", None)):
            move(device)

    def purify(self, x: Tensor, noise: KeyedNoise) -> Tensor:
        """Purified images (B, C, H, W), near [0, 1] and not clipped; the gradient is that of the discrete steps."""
        shape = tuple(x.shape[1:])
        return purified(self._solver, self.denoiser.denoise, x, lambda use: noise.normal(use, shape))
