"""Samplers with their parameters: each is a frozen value, and makes an image from noise in a number of steps.

Levels are sigmas in network units (images in [-1, 1]): twice those of a paper whose images are in [0, 1]. The initial
noise is drawn under the name "initial"; a variance-preserving chain starts at it, the others at sigma_max times it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from trustdm.bench.diffusion import ddpm, langevin, ode, options, predictor_corrector, sde
from trustdm.bench.diffusion.denoiser import Denoise, Draw
from trustdm.bench.diffusion.schedules import (
    cosine_betas,
    geometric,
    iddpm_levels,
    karras,
    linear_betas,
    scaled_linear_betas,
    ve_levels,
    vp_levels,
)

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


def levels_of(how: options.SigmaOptions, steps: int) -> Tensor:
    """``steps`` levels and 0."""
    if how.levels == "vp":
        return vp_levels(steps)
    if how.levels == "iddpm":
        return iddpm_levels(steps)
    if how.levels == "ve":
        return ve_levels(steps, how.sigma_min, how.sigma_max)
    return karras(steps, how.sigma_min, how.sigma_max, how.rho)


@dataclass(frozen=True, slots=True)
class Euler(options.SigmaOptions):
    """``ode.euler``; N steps are N evaluations."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = levels_of(self, steps)
        return ode.euler(denoise, float(sigmas[0]) * draw("initial"), sigmas)

    def evaluations(self, steps: int) -> int:
        return steps


@dataclass(frozen=True, slots=True)
class Heun(options.SigmaOptions):
    """``ode.heun``; N steps are 2 N - 1 evaluations."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = levels_of(self, steps)
        return ode.heun(denoise, float(sigmas[0]) * draw("initial"), sigmas)

    def evaluations(self, steps: int) -> int:
        return 2 * steps - 1


@dataclass(frozen=True, slots=True)
class StochasticHeun(options.ChurnOptions):
    """``ode.stochastic_heun``; N steps are 2 N - 1 evaluations."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        sigmas = levels_of(self, steps)
        churn = ode.Churn(self.churn, self.churn_min, self.churn_max, self.churn_noise)
        return ode.stochastic_heun(denoise, float(sigmas[0]) * draw("initial"), sigmas, draw, churn)

    def evaluations(self, steps: int) -> int:
        return 2 * steps - 1


@dataclass(frozen=True, slots=True)
class Ddpm(options.DdpmOptions):
    """``ddpm.ddpm`` over ``steps`` of ``total`` timesteps; N steps are N evaluations.

    "trailing" starts at the noisiest timestep at any number of steps; "leading" is what older code does.
    """

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        bars = ddpm.visited(BETAS[self.betas](self.total), steps, self.spacing)
        return ddpm.ddpm(denoise, draw("initial"), bars, draw, ddpm.Ancestral(self.variance, self.clip))

    def evaluations(self, steps: int) -> int:
        return steps


@dataclass(frozen=True, slots=True)
class Ddim(options.DdimOptions):
    """``ddpm.ddim`` over ``steps`` of ``total`` timesteps; N steps are N evaluations."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        bars = ddpm.visited(BETAS[self.betas](self.total), steps, self.spacing)
        return ddpm.ddim(denoise, draw("initial"), bars, draw, ddpm.Implicit(self.eta, self.clip))

    def evaluations(self, steps: int) -> int:
        return steps


@dataclass(frozen=True, slots=True)
class VpSde(options.VpSdeOptions):
    """``sde.reverse_sde`` of the VP SDE from time 1 to ``until``; N steps are N evaluations, and 1 for "denoise"."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        times = sde.even_times(steps, self.until)
        return sde.reverse_sde(sde.Vp(self.beta_d, self.beta_min), denoise, draw("initial"), times, draw, self.last)

    def evaluations(self, steps: int) -> int:
        return steps + (self.last == "denoise")


@dataclass(frozen=True, slots=True)
class VeSde(options.VeSdeOptions):
    """``sde.reverse_sde`` of the VE SDE from time 1 to ``until``; N steps are N evaluations, and 1 for "denoise"."""

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        start, times = self.sigma_max * draw("initial"), sde.even_times(steps, self.until)
        return sde.reverse_sde(sde.Ve(self.sigma_min, self.sigma_max), denoise, start, times, draw, self.last)

    def evaluations(self, steps: int) -> int:
        return steps + (self.last == "denoise")


@dataclass(frozen=True, slots=True)
class PredictorCorrector(options.CorrectorOptions):
    """``predictor_corrector``; ``steps`` are predictions, each with ``corrections`` corrections of its own.

    ``frame`` "ve": geometric levels from sigma_max to sigma_min; "vp": the levels of even times of the VP SDE; then 0.
    N steps are N (1 + corrections) evaluations; in the order "predict-first" the last prediction is not corrected.
    """

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
class Langevin(options.LangevinOptions):
    """``langevin.langevin`` at ``steps`` geometric levels, ``each`` steps a level.

    ``relative_step`` is step_lr / sigma_min^2 (the code's convention, in units of the last level); without one,
    ``langevin.best_step`` chooses it for the ratio of the levels. N levels are N each evaluations, and 1 for "denoise".
    """

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
class ProbabilityFlow(options.FlowOptions):
    """``sde.probability_flow``, Euler steps in time; N steps are N evaluations, and 1 for "denoise".

    ``frame`` "vp" from time 1 to ``until`` of the VP SDE; "ve" likewise, from sigma_max.
    """

    def run(self, denoise: Denoise, draw: Draw, steps: int) -> Tensor:
        times = sde.even_times(steps, self.until)
        if self.frame == "vp":
            return sde.probability_flow(sde.Vp(), denoise, draw("initial"), times, self.last)
        flow = sde.Ve(self.sigma_min, self.sigma_max)
        return sde.probability_flow(flow, denoise, self.sigma_max * draw("initial"), times, self.last)

    def evaluations(self, steps: int) -> int:
        return steps + (self.last == "denoise")
