"""Every named sampler does what its function does with the same levels, and evaluates as often as it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion import configured as c
from trustdm.bench.diffusion import ddpm, langevin, ode, sde
from trustdm.bench.diffusion.exact import Gaussian
from trustdm.bench.diffusion.schedules import geometric, iddpm_levels, karras, linear_betas, ve_levels, vp_levels

SAMPLERS = [
    c.Euler(),
    c.Euler(levels="ve"),
    c.Heun(sigma_max=10.0),
    c.StochasticHeun(churn=10.0),
    c.Ddpm(),
    c.Ddim(eta=0.5),
    c.VpSde(),
    c.VpSde(last="denoise"),
    c.VeSde(sigma_max=20.0),
    c.PredictorCorrector(sigma_max=20.0),
    c.PredictorCorrector(frame="vp", order="predict-first", corrections=2),
    c.Langevin(sigma_max=10.0),
    c.Langevin(sigma_max=10.0, each=2, last="none"),
    c.ProbabilityFlow(),
    c.ProbabilityFlow(frame="ve", sigma_max=20.0, last="none"),
]


class Counting:
    """The exact denoiser of a Gaussian; counts its calls."""

    def __init__(self) -> None:
        self.exact, self.calls = Gaussian(torch.full((1, 2, 2), 0.3), 0.25), 0

    def __call__(self, x: Tensor, sigma: Any) -> Tensor:
        self.calls += 1
        return self.exact(x, sigma)


def draws() -> Callable[[str], Tensor]:
    def draw(use: str) -> Tensor:
        seed = sum(ord(letter) * (i + 1) for i, letter in enumerate(use))
        return torch.randn(64, 1, 2, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    return draw


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: repr(s)[:60])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_it_evaluates_as_often_as_it_says(sampler: c.Sampler, steps: int) -> None:
    denoise = Counting()
    images = sampler.run(denoise, draws(), steps)
    assert denoise.calls == sampler.evaluations(steps)
    assert images.shape == (64, 1, 2, 2) and bool(torch.isfinite(images).all())


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: repr(s)[:60])
def test_the_same_draws_make_the_same_images(sampler: c.Sampler) -> None:
    assert torch.equal(sampler.run(Counting(), draws(), 5), sampler.run(Counting(), draws(), 5))


def test_levels_are_those_they_are_named_after() -> None:
    assert torch.equal(c.levels_of(c.Heun(), 6), karras(6, 0.002, 80.0, 7.0))
    assert torch.equal(c.levels_of(c.Heun(levels="ve", sigma_min=0.02, sigma_max=50.0), 6), ve_levels(6, 0.02, 50.0))
    assert torch.equal(c.levels_of(c.Heun(levels="vp"), 6), vp_levels(6))
    assert torch.equal(c.levels_of(c.Heun(levels="iddpm"), 6), iddpm_levels(6))


def test_each_is_its_function_from_the_noise_named_initial() -> None:
    denoise, draw, sigmas = Counting(), draws(), karras(8, 0.002, 80.0, 7.0)
    start = 80.0 * draw("initial")
    torch.testing.assert_close(c.Euler().run(denoise, draw, 8), ode.euler(denoise, start, sigmas))
    torch.testing.assert_close(c.Heun().run(denoise, draw, 8), ode.heun(denoise, start, sigmas))
    bars = ddpm.visited(linear_betas(1000), 8, "trailing")
    own = ddpm.ddim(denoise, draw("initial"), bars, draw, ddpm.Implicit(0.0, None))
    torch.testing.assert_close(c.Ddim().run(denoise, draw, 8), own)
    flow = sde.probability_flow(sde.Vp(), denoise, draw("initial"), sde.even_times(8, 1e-3), "denoise")
    torch.testing.assert_close(c.ProbabilityFlow().run(denoise, draw, 8), flow)


def test_langevin_takes_the_step_it_is_given_or_the_best_one() -> None:
    denoise, draw, sigmas = Counting(), draws(), geometric(4, 0.02, 100.0)
    start = 100.0 * draw("initial")
    for given in (None, 0.3):
        relative = langevin.best_step(float(sigmas[0] / sigmas[1]), 5) if given is None else given
        step = langevin.Step(relative * float(sigmas[-1]) ** 2, "step_lr")
        own = langevin.langevin(denoise, start, sigmas, draw, step, 5, "denoise")
        torch.testing.assert_close(c.Langevin(relative_step=given).run(denoise, draw, 4), own)


@pytest.mark.parametrize("sampler", [c.Heun(), c.Ddim(), c.ProbabilityFlow()], ids=lambda s: type(s).__name__)
def test_many_steps_sample_the_distribution(sampler: c.Sampler) -> None:
    """The exact denoiser of pixels that are normal with mean 0.3 and standard deviation 0.5; 256 pixels."""
    images = sampler.run(Counting(), draws(), 200)
    assert float(images.mean()) == pytest.approx(0.3, abs=0.15)
    assert float(images.std()) == pytest.approx(0.5, rel=0.2)
