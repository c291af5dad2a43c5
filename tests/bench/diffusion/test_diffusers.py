"""Every schedule and sampler that diffusers has too, against it, on the same noise.

Schedulers are given our float64 levels in place of their float32 ones where that is possible, so that the arithmetic of
a step can be compared to the last digits; the levels themselves are compared in float32.
"""

from __future__ import annotations

import math
import warnings
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion import schedules
from trustdm.bench.diffusion.ddpm import Ancestral, Implicit, ddim, ddpm, visited
from trustdm.bench.diffusion.exact import Mixture
from trustdm.bench.diffusion.ode import Churn, euler, heun, stochastic_heun
from trustdm.bench.diffusion.preconditioning import Edm
from trustdm.bench.diffusion.predictor_corrector import Corrector, correct, predict_ve
from trustdm.bench.diffusion.sde import Vp, reverse_mean

SHAPE = (4, 2, 2, 3)
BETAS = {
    "linear": schedules.linear_betas,
    "scaled_linear": lambda: schedules.scaled_linear_betas(1000, 1e-4, 0.02),
    "squaredcos_cap_v2": schedules.cosine_betas,
}


# numpy 2 warns of how their schedulers turn torch tensors into arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def diffusers(name: str, module: str = "diffusers", **config: Any) -> Any:
    """A scheduler, or a skipped test; what importing the library warns of is not ours to answer for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip(module, reason="diffusers is not installed (trustdm[generation])")
        return getattr(library, name)(**config)


class Stream:
    """The noise that a torch generator with seed 4 gives, in the order in which it is asked for."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        self.generator, self.dtype = torch.Generator().manual_seed(4), dtype

    def __call__(self, use: str) -> Tensor:
        return torch.randn(SHAPE, generator=self.generator, dtype=self.dtype)


def epsilon(denoise: Mixture, x: Tensor, bar: float) -> Tensor:
    """What a DDPM network would predict."""
    sigma = math.sqrt((1 - bar) / bar)
    return (x / math.sqrt(bar) - denoise(x / math.sqrt(bar), torch.full((len(x),), sigma, dtype=x.dtype))) / sigma


def in_double(scheduler: Any) -> Any:
    """The scheduler with alpha_bars that do not suffer from float32 products."""
    scheduler.alphas_cumprod = schedules.alpha_bars(BETAS[scheduler.config.beta_schedule]())
    scheduler.final_alpha_cumprod = scheduler.one = torch.ones((), dtype=torch.float64)
    return scheduler


@pytest.mark.parametrize("name", BETAS)
def test_betas(name: str) -> None:
    theirs = diffusers("DDPMScheduler", beta_schedule=name)
    torch.testing.assert_close(theirs.betas.double(), BETAS[name](), rtol=2e-4, atol=1e-7)
    torch.testing.assert_close(
        theirs.alphas_cumprod.double(), schedules.alpha_bars(BETAS[name]()), rtol=5e-3, atol=1e-6
    )


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
def test_timesteps(spacing: Any) -> None:
    theirs = diffusers("DDPMScheduler", timestep_spacing=spacing)
    for steps in (1, 2, 3, 7, 10, 18, 25, 50, 64, 100, 250, 333, 500, 999, 1000):
        theirs.set_timesteps(steps)
        found = theirs.timesteps[:steps]  # "trailing" of some numbers has one too many there, by rounding
        assert found.tolist() == schedules.timesteps(steps, spacing).tolist(), steps


@pytest.mark.parametrize("scheduler", ["EulerDiscreteScheduler", "HeunDiscreteScheduler"])
def test_sigmas_of_timesteps(scheduler: str) -> None:
    theirs = diffusers(scheduler, beta_start=1e-4, beta_end=0.02, timestep_spacing="trailing")
    theirs.set_timesteps(20)
    bars = visited(schedules.linear_betas(), 20)
    ours = schedules.sigma_of(bars).float()
    torch.testing.assert_close(theirs.sigmas.unique().flip(0), ours, rtol=2e-4, atol=1e-6)


def test_karras_sigmas() -> None:
    theirs = diffusers("EDMEulerScheduler", sigma_min=0.002, sigma_max=80.0, rho=7.0)
    for steps in (1, 2, 18, 40):
        theirs.set_timesteps(steps)
        torch.testing.assert_close(theirs.sigmas, schedules.karras(steps).float(), rtol=1e-6, atol=0)
    theirs = diffusers("EulerDiscreteScheduler", use_karras_sigmas=True, sigma_min=0.05, sigma_max=30.0)
    theirs.set_timesteps(18)
    torch.testing.assert_close(theirs.sigmas, schedules.karras(18, 0.05, 30.0).float(), rtol=1e-6, atol=0)


def test_geometric_sigmas() -> None:
    theirs = diffusers("ScoreSdeVeScheduler", sigma_min=0.01, sigma_max=50.0)
    theirs.set_sigmas(200)
    torch.testing.assert_close(theirs.discrete_sigmas.flip(0), schedules.geometric(200).float(), rtol=1e-5, atol=0)


def test_edm_preconditioning() -> None:
    theirs = diffusers("EDMEulerScheduler", sigma_data=0.5)
    sigma, x, raw = torch.tensor(1.7, dtype=torch.float64), Stream()("x"), Stream()("raw").flip(0)
    ours = Edm(0.5).coefficients(sigma)
    torch.testing.assert_close(theirs.precondition_inputs(x, sigma), ours.into * x)
    torch.testing.assert_close(theirs.precondition_noise(sigma), ours.noise)
    torch.testing.assert_close(theirs.precondition_outputs(x, raw, sigma), ours.skip * x + ours.out * raw)


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize("clip", [None, 0.8])
def test_ddpm(normal: Any, mixture: Mixture, spacing: Any, steps: int, variance: Any, clip: float | None) -> None:
    theirs = in_double(
        diffusers(
            "DDPMScheduler",
            variance_type=f"fixed_{variance}",
            timestep_spacing=spacing,
            clip_sample=clip is not None,
            clip_sample_range=clip or 1.0,
        )
    )
    theirs.set_timesteps(steps)
    stream, x = Stream(), normal(*SHAPE)
    for t in theirs.timesteps:
        x = theirs.step(epsilon(mixture, x, float(theirs.alphas_cumprod[t])), t, x, stream.generator).prev_sample
    if spacing == "trailing":
        # The last timestep is not 0 there, and they add its noise to what is the final image.
        last = [noise("") for noise in [Stream()] for _ in range(steps)][-1]
        x = x - theirs._get_variance(theirs.timesteps[-1]).sqrt() * last
    bars = visited(schedules.linear_betas(), steps, spacing)
    ours = ddpm(mixture, normal(*SHAPE), bars, Stream(), Ancestral(variance, clip))
    torch.testing.assert_close(ours, x, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("clip", "rederive"), [(None, True), (0.8, True), (0.8, False)])
def test_ddim(normal: Any, mixture: Mixture, spacing: Any, eta: float, clip: float | None, rederive: bool) -> None:
    theirs = in_double(
        diffusers(
            "DDIMScheduler", timestep_spacing=spacing, clip_sample=clip is not None, clip_sample_range=clip or 1.0
        )
    )
    theirs.set_timesteps(20)
    stream, x = Stream(), normal(*SHAPE)
    for t in theirs.timesteps:
        noise = epsilon(mixture, x, float(theirs.alphas_cumprod[t]))
        x = theirs.step(noise, t, x, eta, rederive, stream.generator).prev_sample
    bars = visited(schedules.linear_betas(), 20, spacing)
    ours = ddim(mixture, normal(*SHAPE), bars, Stream(), Implicit(eta, clip, rederive))
    torch.testing.assert_close(ours, x, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("churn", [0.0, 8.0])
def test_edm_euler(normal: Any, mixture: Mixture, churn: float) -> None:
    """Their state is float32. With churn it is the stochastic sampler without its second evaluation."""
    theirs = diffusers("EDMEulerScheduler")
    theirs.set_timesteps(18)
    how, theirs_stream, stream = Churn(churn, 0.05, 50.0, 1.003), Stream(torch.float32), Stream(torch.float32)
    x = 80 * normal(*SHAPE).float()
    ours = x.double()
    for t, (s, after) in zip(theirs.timesteps, pairwise(schedules.karras(18).tolist()), strict=True):
        raised = s * (1 + how.gamma(s, 18))
        if raised > s:
            ours = ours + math.sqrt(raised**2 - s**2) * 1.003 * stream("").double()
        clean = mixture(ours, torch.full((4,), raised, dtype=torch.float64)).float()
        ours = euler(mixture, ours, torch.tensor([raised, after], dtype=torch.float64))
        theirs.scale_model_input(x, t)
        options = (churn, 0.05, 50.0, 1.003, theirs_stream.generator)
        x = theirs.step(clean, t, x, *options, pred_original_sample=clean).prev_sample
        torch.testing.assert_close(ours, x.double(), rtol=1e-5, atol=1e-5)


def test_euler_discrete_with_karras_sigmas(normal: Any, mixture: Mixture) -> None:
    theirs = diffusers("EulerDiscreteScheduler", use_karras_sigmas=True, sigma_min=0.05, sigma_max=30.0)
    theirs.set_timesteps(30)
    x = 30 * normal(*SHAPE).float()
    for t, sigma in zip(theirs.timesteps, theirs.sigmas, strict=False):
        theirs.scale_model_input(x, t)
        noise = (x - mixture(x, sigma.expand(4))) / sigma
        x = theirs.step(noise, t, x).prev_sample
    ours = euler(mixture, 30 * normal(*SHAPE), schedules.karras(30, 0.05, 30.0))
    torch.testing.assert_close(ours, x.double(), rtol=1e-4, atol=1e-4)


def test_heun_discrete(normal: Any, mixture: Mixture) -> None:
    theirs = diffusers("HeunDiscreteScheduler", beta_start=1e-4, beta_end=0.02, timestep_spacing="trailing")
    theirs.set_timesteps(20)
    levels = schedules.sigma_of(visited(schedules.linear_betas(), 20))
    theirs.sigmas = torch.cat([levels[:1], levels[1:-1].repeat_interleave(2), levels[-1:]])
    x = ours = float(levels[0]) * normal(*SHAPE)
    for i, t in enumerate(theirs.timesteps):
        sigma = theirs.sigmas[i]
        theirs.scale_model_input(x, t)
        x = theirs.step((x - mixture(x, sigma.expand(4))) / sigma, t, x).prev_sample
    torch.testing.assert_close(heun(mixture, ours, levels), x, rtol=1e-8, atol=1e-8)


def test_karras_ve_is_stochastic_heun(normal: Any, mixture: Mixture) -> None:
    theirs = diffusers("KarrasVeScheduler", s_churn=8.0, s_min=0.05, s_max=50.0, s_noise=1.007)
    theirs.set_timesteps(18)
    sigmas, stream, x = schedules.karras(18), Stream(torch.float32), 80 * normal(*SHAPE)
    for s, t in pairwise(sigmas.tolist()):
        raised, sigma = theirs.add_noise_to_input(x, s, stream.generator)
        step = theirs.step((mixture(raised, torch.full((4,), sigma).double()) - raised) / sigma, sigma, t, raised)
        x = step.prev_sample
        if t > 0:
            noise = (mixture(x, torch.full((4,), t).double()) - x) / t
            x = theirs.step_correct(noise, sigma, t, raised, x, step.derivative).prev_sample
    ours_stream, uses = Stream(torch.float32), iter(range(18))

    def draw(use: str) -> Tensor:
        # They draw at every step and use it where they raise the level.
        while f"step {next(uses)}" != use:
            ours_stream("")
        return ours_stream("").double()

    ours = stochastic_heun(mixture, 80 * normal(*SHAPE), sigmas, draw, Churn(8.0, 0.05, 50.0, 1.007))
    torch.testing.assert_close(ours, x, rtol=1e-5, atol=1e-5)


def test_vp_sde_step(normal: Any, mixture: Mixture) -> None:
    theirs = diffusers("ScoreSdeVpScheduler", "diffusers.schedulers.deprecated.scheduling_sde_vp")
    theirs.set_timesteps(50)
    sde, x = Vp(), normal(*SHAPE)
    for t in (1.0, 0.6, 0.05):
        kept = sde.scale(t) ** 2
        noise = epsilon(mixture, x, kept)
        found, mean = theirs.step_pred(noise, x, torch.tensor(t, dtype=torch.float64), Stream().generator)
        ours = reverse_mean(sde, mixture, x, t, 1 / 50)
        torch.testing.assert_close(ours, mean, rtol=1e-9, atol=1e-9)
        spread = sde.diffusion(t) * math.sqrt(1 / 50) * Stream()("")
        torch.testing.assert_close(ours + spread, found, rtol=1e-9, atol=1e-9)


def test_ve_predictor_step(normal: Any, mixture: Mixture) -> None:
    theirs = diffusers("ScoreSdeVeScheduler", sigma_min=0.01, sigma_max=50.0)
    theirs.set_timesteps(40)
    theirs.set_sigmas(40)
    theirs.discrete_sigmas = schedules.geometric(40).flip(0)
    for index in (39, 20, 0):
        s = float(theirs.discrete_sigmas[index])
        t = float(theirs.discrete_sigmas[index - 1]) if index else 0.0
        x = s * normal(*SHAPE)
        score = (mixture(x, torch.full((4,), s, dtype=torch.float64)) - x) / s**2
        found = theirs.step_pred(score, index / 39 + 1e-6, x, Stream().generator)
        mean, std = predict_ve(mixture, x, s, t)
        torch.testing.assert_close(mean, found.prev_sample_mean, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(mean + std * Stream()(""), found.prev_sample, rtol=1e-6, atol=1e-6)


def test_ve_corrector_step(normal: Any, mixture: Mixture) -> None:
    """Their step size is of means over the batch."""
    theirs = diffusers("ScoreSdeVeScheduler", snr=0.17)
    theirs.set_timesteps(40)
    x, sigma, stream = normal(*SHAPE), 0.6, Stream(torch.float32)
    score = (mixture(x, torch.full((4,), sigma, dtype=torch.float64)) - x) / sigma**2
    found = theirs.step_correct(score, x, stream.generator).prev_sample
    noise = Stream(torch.float32)("").double()
    how = Corrector(1, 0.17, "batch")
    torch.testing.assert_close(
        correct("ve", mixture, x, (sigma, 0.1), lambda use: noise, how), found, rtol=1e-6, atol=1e-6
    )
