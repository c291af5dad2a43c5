from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.ddpm import Ancestral, Implicit, ddim, ddpm, visited
from trustdm.bench.diffusion.exact import empirical
from trustdm.bench.diffusion.ode import euler
from trustdm.bench.diffusion.schedules import alpha_bars, linear_betas, sigma_of, timesteps

MEAN, SD = 0.3, 0.5
BETAS = linear_betas()


def test_visited_levels_end_without_noise() -> None:
    bars = visited(BETAS, 4, "leading")
    assert torch.equal(bars[:-1], alpha_bars(BETAS)[[750, 500, 250, 0]]) and bars[-1] == 1


@pytest.mark.parametrize("steps", [1, 3, 10, 1000])
def test_the_large_variance_is_exact_for_white_noise_at_any_number_of_steps(law: Any, pixel: Any, steps: int) -> None:
    """x_t ~ N(0, 1) at every t, and x_{t-1} given x_t has variance beta (Ho et al. 2020, section 3.2)."""
    bars = visited(BETAS, steps)
    found = law(lambda draw: ddpm(pixel(0.0, 1.0), draw("initial"), bars[:-1], draw, Ancestral("large")))
    assert found.variance == pytest.approx(1, rel=1e-12)
    found = law(lambda draw: ddpm(pixel(0.0, 1.0), draw("initial"), bars, draw, Ancestral("large")))
    # The last step adds no noise: what is left is the mean, sqrt(abar_1) x_1.
    assert found.variance == pytest.approx(float(bars[-2]), rel=1e-12)


@pytest.mark.parametrize("steps", [3, 10, 1000])
def test_the_small_variance_is_exact_for_a_single_image_at_any_number_of_steps(
    law: Any, pixel: Any, steps: int
) -> None:
    bars = visited(BETAS, steps)
    first, last = float(bars[0]), float(bars[-2])

    def run(draw: Any) -> torch.Tensor:
        x = math.sqrt(first) * MEAN + math.sqrt(1 - first) * draw("initial")
        return ddpm(pixel(MEAN, 0.0), x, bars[:-1], draw, Ancestral("small"))

    found = law(run)
    assert found.mean == pytest.approx(math.sqrt(last) * MEAN, rel=1e-9)
    assert found.variance == pytest.approx(1 - last, rel=1e-9)


@pytest.mark.parametrize("variance", ["small", "large"])
def test_both_reach_the_moments_of_the_data(law: Any, orders: Any, pixel: Any, variance: Any) -> None:
    sds = []
    for steps in (100, 200, 400, 800):
        bars = visited(linear_betas(steps, 0.1 / steps, 20 / steps), steps)
        found = law(lambda draw, b=bars: ddpm(pixel(MEAN, SD**2), draw("initial"), b, draw, Ancestral(variance)))
        assert len(found.gains) == steps  # the initial one, and none in the last step
        assert found.mean == pytest.approx(MEAN, abs=1e-4)
        sds.append(found.sd)
    assert orders([abs(sd - SD) for sd in sds]) == pytest.approx([1] * 3, abs=0.25), sds
    # What is left is of first order: extrapolated to no step size, it is gone.
    assert 2 * sds[-1] - sds[-2] == pytest.approx(SD, abs=5e-4)


@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddpm_by_the_papers_own_lines(normal: Any, mixture: Any, variance: Any) -> None:
    """Ho et al. 2020, Alg. 2 is written with the noise that a network predicts, not with x0."""
    betas = linear_betas(20, 0.005, 0.3)
    bars, x = alpha_bars(betas), normal(3, 2, 2, 3)

    def draw(use: str) -> torch.Tensor:
        return normal(3, 2, 2, 3, seed=1 + int(use.removeprefix("step ")))

    found = ddpm(mixture, x, visited(betas, 20), draw, Ancestral(variance))
    for i, t in enumerate(range(19, -1, -1)):
        sigma = sigma_of(bars[t])
        noise = (x / bars[t].sqrt() - mixture(x / bars[t].sqrt(), sigma.expand(3))) / sigma
        x = (x - betas[t] / (1 - bars[t]).sqrt() * noise) / (1 - betas[t]).sqrt()
        if t > 0:
            spread = betas[t] if variance == "large" else betas[t] * (1 - bars[t - 1]) / (1 - bars[t])
            x = x + spread.sqrt() * draw(f"step {i}")
    torch.testing.assert_close(found, x, rtol=1e-9, atol=1e-9)


def test_without_noise_ddim_is_euler_in_another_frame(normal: Any, mixture: Any) -> None:
    bars = visited(BETAS, 15)
    x = normal(3, 2, 2, 3)
    found = ddim(mixture, x, bars, lambda use: torch.full((), torch.nan), Implicit())
    same = euler(mixture, x / bars[0].sqrt(), sigma_of(bars))
    torch.testing.assert_close(found, same, rtol=1e-9, atol=1e-9)


def test_with_all_its_noise_ddim_is_ddpm(normal: Any, mixture: Any) -> None:
    def draw(use: str) -> torch.Tensor:
        return normal(3, 2, 2, 3, seed=1 + int(use.removeprefix("step ")))

    bars, x = visited(BETAS, 15), normal(3, 2, 2, 3)
    found = ddim(mixture, x, bars, draw, Implicit(eta=1.0))
    torch.testing.assert_close(found, ddpm(mixture, x, bars, draw, Ancestral("small")), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_reaches_the_moments_of_the_data(law: Any, orders: Any, pixel: Any, eta: float) -> None:
    errors = []
    for steps in (100, 200, 400):
        bars = visited(linear_betas(steps, 0.1 / steps, 20 / steps), steps)
        found = law(lambda draw, b=bars: ddim(pixel(MEAN, SD**2), draw("initial"), b, draw, Implicit(eta)))
        errors.append(abs(found.sd - SD))
        assert abs(found.mean - MEAN) < 4e-3
    assert orders(errors) == pytest.approx([1, 1], abs=0.3), errors


def test_clipping_bounds_the_predicted_image(normal: Any) -> None:
    denoise, x, bars = empirical(5 * normal(4, 1, 2, 2)), normal(3, 1, 2, 2), visited(BETAS, 6)
    zero = torch.zeros(3, 1, 2, 2, dtype=torch.float64)
    for found in (
        ddpm(denoise, x, bars, lambda use: zero, Ancestral(clip=1.0)),
        ddim(denoise, x, bars, lambda use: zero, Implicit(clip=1.0)),
    ):
        assert float(found.abs().max()) == 1.0
    assert float(ddpm(denoise, x, bars, lambda use: zero, Ancestral()).abs().max()) > 2


def test_an_empirical_denoiser_gives_back_its_images(normal: Any) -> None:
    images, bars = normal(7, 1, 3, 3, seed=3), visited(BETAS, 60)

    def draw(use: str) -> torch.Tensor:
        return normal(100, 1, 3, 3, seed=1 + int(use.removeprefix("step ")))

    found = ddpm(empirical(images), normal(100, 1, 3, 3), bars, draw, Ancestral())
    distance, index = (found[:, None] - images).flatten(2).norm(dim=2).min(1)
    assert distance.max() < 1e-9 and len(index.unique()) == 7


def test_skipping_timesteps_is_a_chain_with_larger_betas(normal: Any, mixture: Any) -> None:
    kept = alpha_bars(BETAS)[timesteps(8)].flip(0)
    larger = 1 - kept / torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    torch.testing.assert_close(visited(larger, 8), visited(BETAS, 8), rtol=1e-12, atol=0)
