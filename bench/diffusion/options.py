"""What each sampler may be told, with defaults: plain values without torch, so that a listing can show them.

Levels are sigmas in network units (images in [-1, 1]): twice those of a paper whose images are in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from trustdm.bench.parameters import Further

Spacing = Literal["leading", "linspace", "trailing"]
Last = Literal["none", "mean", "denoise"]
Frame = Literal["ve", "vp"]
Betas = Literal["linear", "scaled-linear", "cosine"]
Levels = Literal["karras", "ve", "vp", "iddpm"]
BETA_MIN, BETA_D = 0.1, 19.9

SamplerName = Literal[
    "euler",
    "heun",
    "stochastic-heun",
    "ddpm",
    "ddim",
    "vp-sde",
    "ve-sde",
    "predictor-corrector",
    "langevin",
    "probability-flow",
]


@dataclass(frozen=True, slots=True)
class SigmaOptions:
    """``steps`` levels from sigma_max to sigma_min, then 0.

    "vp" and "iddpm" have ranges of their own and take neither sigma_min, sigma_max nor rho.

    Args:
        sigma_min: the least noise level but 0, in network units.
        sigma_max: the largest noise level, in network units.
        rho: how much the levels of "karras" gather at the low end.
        levels: the discretisation of Karras et al. 2022, Table 1.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0
    levels: Levels = "karras"


@dataclass(frozen=True, slots=True)
class ChurnOptions(SigmaOptions):
    """Noise that is added before each step (Karras et al. 2022, Alg. 2).

    Args:
        churn: how much in all; 0: none.
        churn_min: none at levels below this.
        churn_max: none at levels above this.
        churn_noise: its standard deviation.
    """

    churn: float = 30.0
    churn_min: float = 0.01
    churn_max: float = 1.0
    churn_noise: float = 1.007


@dataclass(frozen=True, slots=True)
class DdpmOptions:
    """``steps`` of ``total`` timesteps; "trailing" starts at the noisiest one at any number of steps.

    Args:
        betas: the schedule of the variance.
        total: how many timesteps the schedule has.
        spacing: which of them are visited; "leading" is what older code does.
        variance: of the noise of a step: the "small" or the "large" bound.
        clip: predicted images are cut to this magnitude.
    """

    betas: Betas = "linear"
    total: int = 1000
    spacing: Spacing = "trailing"
    variance: Literal["small", "large"] = "small"
    clip: float | None = None


@dataclass(frozen=True, slots=True)
class DdimOptions:
    """``steps`` of ``total`` timesteps.

    Args:
        betas: the schedule of the variance.
        total: how many timesteps the schedule has.
        spacing: which of them are visited; "leading" is what older code does.
        eta: share of the noise of DDPM that is injected, 0 to 1; 0: deterministic.
        clip: predicted images are cut to this magnitude.
    """

    betas: Betas = "linear"
    total: int = 1000
    spacing: Spacing = "trailing"
    eta: float = 0.0
    clip: float | None = None


@dataclass(frozen=True, slots=True)
class VpSdeOptions:
    """The VP SDE from time 1 to ``until``.

    Args:
        beta_d: the growth of beta over time.
        beta_min: beta at time 0.
        until: the time at which the last step ends.
        last: what is done there: nothing, a step without noise ("mean"), or one more denoising.
    """

    beta_d: float = BETA_D
    beta_min: float = BETA_MIN
    until: float = 1e-3
    last: Last = "mean"


@dataclass(frozen=True, slots=True)
class VeSdeOptions:
    """The VE SDE from time 1 to ``until``.

    Args:
        sigma_min: the noise level at time 0, in network units.
        sigma_max: that at time 1.
        until: the time at which the last step ends.
        last: what is done there: nothing, a step without noise ("mean"), or one more denoising.
    """

    sigma_min: float = 0.02
    sigma_max: float = 100.0
    until: float = 1e-5
    last: Last = "mean"


@dataclass(frozen=True, slots=True)
class CorrectorOptions:
    """``steps`` predictions, each with corrections of its own.

    Args:
        frame: "ve": geometric levels from sigma_max to sigma_min; "vp": those of even times of the VP SDE.
        sigma_min: the least noise level of "ve", in network units.
        sigma_max: the largest one.
        snr: ratio of signal to noise that sets the length of a correction.
        corrections: how many follow (or precede) each prediction.
        order: whether a prediction or its corrections come first.
    """

    frame: Frame = "ve"
    sigma_min: float = 0.02
    sigma_max: float = 100.0
    snr: float = 0.16
    corrections: int = 1
    order: Literal["predict-first", "correct-first"] = "correct-first"


@dataclass(frozen=True, slots=True)
class LangevinOptions:
    """``steps`` geometric levels, ``each`` steps a level.

    Args:
        sigma_min: the least noise level, in network units.
        sigma_max: the largest one.
        each: steps at each level.
        relative_step: step_lr / sigma_min^2, in units of the last level; without one, the best for the levels.
        last: what is done at the end: nothing, or one more denoising.
    """

    sigma_min: float = 0.02
    sigma_max: float = 100.0
    each: int = 5
    relative_step: float | None = None
    last: Literal["none", "denoise"] = "denoise"


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """Euler steps of the probability flow in time.

    Args:
        frame: "vp": of the VP SDE from time 1; "ve": of the VE SDE from sigma_max.
        sigma_min: the noise level of "ve" at time 0, in network units.
        sigma_max: that at time 1.
        until: the time at which the last step ends.
        last: what is done there: nothing, or one more denoising.
    """

    frame: Frame = "vp"
    sigma_min: float = 0.02
    sigma_max: float = 100.0
    until: float = 1e-3
    last: Literal["none", "denoise"] = "denoise"


OPTIONS: Final[dict[SamplerName, type]] = {
    "euler": SigmaOptions,
    "heun": SigmaOptions,
    "stochastic-heun": ChurnOptions,
    "ddpm": DdpmOptions,
    "ddim": DdimOptions,
    "vp-sde": VpSdeOptions,
    "ve-sde": VeSdeOptions,
    "predictor-corrector": CorrectorOptions,
    "langevin": LangevinOptions,
    "probability-flow": FlowOptions,
}


def by_sampler(defaults: Mapping[str, object]) -> Further:
    """In the annotation of ``**options``: those of the sampler, with the method's own ``defaults``."""
    return Further("sampler", {str(name): kind for name, kind in OPTIONS.items()}, defaults)
