"""Samplers with their parameters: each is a frozen value, and makes an image from noise in a number of steps.

Levels are sigmas in network units (images in [-1, 1]): twice those of a paper whose images are in [0, 1]. The initial
noise is drawn under the name "initial"; a variance-preserving chain starts at it, the others at sigma_max times it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from trustdm.bench.diffusion import ddpm, langevin, ode, predictor_corrector, sde
from trustdm.bench.diffusion.denoiser import Denoise, Draw, Last
from trustdm.bench.diffusion.schedules import (
    BETA_D,
    BETA_MIN,
    Spacing,
    cosine_betas,
    geometric,
    iddpm_levels,
    karras,
    linear_betas,
    scaled_linear_betas,
    ve_levels,
    vp_levels,
)

Betas = Literal["linear", "scaled-linear", "cosine"]
Levels = Literal["karras", "ve", "vp", "iddpm"]
BETAS: dict[str, Callable[[int], Tensor]] = {
    "linear": linear_betas,
    "scaled-linear": scaled_linear_betas,
    "cosine": cosine_betas,
}


class Sampler(Protocol):
    """A named sampler with its parameters."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        """Returns images (B, C, H, W) in network units; evaluates ``denoise`` ``evaluations(steps)`` times."""
        ...

    def evaluations(self, steps: int) -> int:
        """How often ``run`` evaluates the denoiser for each image."""
        ...


@dataclass(frozen=True, slots=True)
class _Sigmas:
    """``steps`` levels from sigma_max to sigma_min, then 0.

    ``levels`` names the discretisation of Karras et al. 2022, Table 1: "karras" (rho), "ve" (geometric); "vp" and
    "iddpm" have ranges of their own and take neither sigma_min, sigma_max nor rho.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0
    levels: Levels = "karras"

    def sigmas(self, steps: int) -> Tensor:
        if self.levels == "vp":
            return vp_levels(steps)
        if self.levels == "iddpm":
            return iddpm_levels(steps)
        if self.levels == "ve":
            return ve_levels(steps, self.sigma_min, self.sigma_max)
        return karras(steps, self.sigma_min, self.sigma_max, self.rho)


@dataclass(frozen=True, slots=True)
class Euler(_Sigmas):
    """``ode.euler``; N steps are N evaluations."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = self.sigmas(steps)
        return ode.euler(denoise, float(sigmas[0]) * draw("initial"), sigmas)

    def evaluations(self, steps: int) -> int:
        return steps


@dataclass(frozen=True, slots=True)
class Heun(_Sigmas):
    """``ode.heun``; N steps are 2 N - 1 evaluations."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = self.sigmas(steps)
        return ode.heun(denoise, float(sigmas[0]) * draw("initial"), sigmas)

    def evaluations(self, steps: int) -> int:
        return 2 * steps - 1


@dataclass(frozen=True, slots=True)
class StochasticHeun(_Sigmas):
    """``ode.stochastic_heun``; N steps are 2 N - 1 evaluations."""

    churn: float = 30.0
    churn_min: float = 0.01
    churn_max: float = 1.0
    churn_noise: float = 1.007

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = self.sigmas(steps)
        churn = ode.Churn(self.churn, self.churn_min, self.churn_max, self.churn_noise)
        return ode.stochastic_heun(denoise, float(sigmas[0]) * draw("initial"), sigmas, draw, churn)

    def evaluations(self, steps: int) -> int:
        return 2 * steps - 1


@dataclass(frozen=True, slots=True)
class Ddpm:
    """``ddpm.ddpm`` over ``steps`` of ``total`` timesteps; N steps are N evaluations.

    "trailing" starts at the noisiest timestep at any number of steps; "leading" is what older code does.
    """

    betas: Betas = "linear"
    total: int = 1000
    spacing: Spacing = "trailing"
    variance: Literal["small", "large"] = "small"
    clip: float | None = None

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        bars = ddpm.visited(BETAS[self.betas](self.total), steps, self.spacing)
        return ddpm.ddpm(denoise, draw("initial"), bars, draw, ddpm.Ancestral(self.variance, self.clip))

    def evaluations(self, steps: int) -> int:
        return steps


@dataclass(frozen=True, slots=True)
class Ddim:
    """``ddpm.ddim`` over ``steps`` of ``total`` timesteps; N steps are N evaluations."""

    betas: Betas = "linear"
    total: int = 1000
    spacing: Spacing = "trailing"
    eta: float = 0.0
    clip: float | None = None

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        bars = ddpm.visited(BETAS[self.betas](self.total), steps, self.spacing)
        return ddpm.ddim(denoise, draw("initial"), bars, draw, ddpm.Implicit(self.eta, self.clip))

    def evaluations(self, steps: int) -> int:
        return steps


@dataclass(frozen=True, slots=True)
class VpSde:
    """``sde.reverse_sde`` of the VP SDE from time 1 to ``until``; N steps are N evaluations, and 1 for "denoise"."""

    beta_d: float = BETA_D
    beta_min: float = BETA_MIN
    until: float = 1e-3
    last: Last = "mean"

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        times = sde.even_times(steps, self.until)
        return sde.reverse_sde(sde.Vp(self.beta_d, self.beta_min), denoise, draw("initial"), times, draw, self.last)

    def evaluations(self, steps: int) -> int:
        return steps + (self.last == "denoise")


@dataclass(frozen=True, slots=True)
class VeSde:
    """``sde.reverse_sde`` of the VE SDE from time 1 to ``until``; N steps are N evaluations, and 1 for "denoise"."""

    sigma_min: float = 0.02
    sigma_max: float = 100.0
    until: float = 1e-5
    last: Last = "mean"

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        start, times = self.sigma_max * draw("initial"), sde.even_times(steps, self.until)
        return sde.reverse_sde(sde.Ve(self.sigma_min, self.sigma_max), denoise, start, times, draw, self.last)

    def evaluations(self, steps: int) -> int:
        return steps + (self.last == "denoise")


@dataclass(frozen=True, slots=True)
class PredictorCorrector:
    """``predictor_corrector``; ``steps`` are predictions, each with ``corrections`` corrections of its own.

    ``frame`` "ve": geometric levels from sigma_max to sigma_min; "vp": the levels of even times of the VP SDE; then 0.
    N steps are N (1 + corrections) evaluations; in the order "predict-first" the last prediction is not corrected.
    """

    frame: predictor_corrector.Frame = "ve"
    sigma_min: float = 0.02
    sigma_max: float = 100.0
    snr: float = 0.16
    corrections: int = 1
    order: Literal["predict-first", "correct-first"] = "correct-first"

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        if self.frame == "ve":
            levels, start = ve_levels(steps, self.sigma_min, self.sigma_max), self.sigma_max * draw("initial")
        else:
            levels, start = vp_levels(steps), draw("initial")
        how = predictor_corrector.Corrector(self.corrections, self.snr, "image", self.order)
        return predictor_corrector.predictor_corrector(self.frame, denoise, start, levels, draw, how)

    def evaluations(self, steps: int) -> int:
        return steps * (1 + self.corrections) - (self.corrections if self.order == "predict-first" else 0)


@dataclass(frozen=True, slots=True)
class Langevin:
    """``langevin.langevin`` at ``steps`` geometric levels, ``each`` steps a level.

    ``relative_step`` is step_lr / sigma_min^2 (the code's convention, in units of the last level); without one,
    ``langevin.best_step`` chooses it for the ratio of the levels. N levels are N each evaluations, and 1 for "denoise".
    """

    sigma_min: float = 0.02
    sigma_max: float = 100.0
    each: int = 5
    relative_step: float | None = None
    last: Literal["none", "denoise"] = "denoise"

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = geometric(steps, self.sigma_min, self.sigma_max)
        relative = self.relative_step
        if relative is None:
            relative = langevin.best_step(float(sigmas[0] / sigmas[min(1, steps - 1)]), self.each)
        step = langevin.Step(relative * float(sigmas[-1]) ** 2, "step_lr")
        start = self.sigma_max * draw("initial")
        return langevin.langevin(denoise, start, sigmas, draw, step, self.each, self.last)

    def evaluations(self, steps: int) -> int:
        return steps * self.each + (self.last == "denoise")


@dataclass(frozen=True, slots=True)
class ProbabilityFlow:
    """``sde.probability_flow``, Euler steps in time; N steps are N evaluations, and 1 for "denoise".

    ``frame`` "vp" from time 1 to ``until`` of the VP SDE; "ve" likewise, from sigma_max.
    """

    frame: predictor_corrector.Frame = "vp"
    sigma_min: float = 0.02
    sigma_max: float = 100.0
    until: float = 1e-3
    last: Literal["none", "denoise"] = "denoise"

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        times = sde.even_times(steps, self.until)
        if self.frame == "vp":
            return sde.probability_flow(sde.Vp(), denoise, draw("initial"), times, self.last)
        flow = sde.Ve(self.sigma_min, self.sigma_max)
        return sde.probability_flow(flow, denoise, self.sigma_max * draw("initial"), times, self.last)

    def evaluations(self, steps: int) -> int:
        return steps + (self.last == "denoise")
