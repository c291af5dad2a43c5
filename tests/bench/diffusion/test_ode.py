from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.exact import empirical
from trustdm.bench.diffusion.ode import Churn, euler, heun, stochastic_heun
from trustdm.bench.diffusion.schedules import karras

MEAN, SD, HIGH = 0.3, 0.5, 80.0
# The probability-flow ODE of normal data keeps (x - mean) / sqrt(SD^2 + sigma^2): Karras et al. 2022, Eq. 1 and 3.


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (heun, 2)])
def test_order_of_convergence_on_normal_data(law: Any, orders: Any, pixel: Any, sampler: Any, order: int) -> None:
    denoise, gains, means = pixel(MEAN, SD**2), [], []
    for steps in (64, 128, 256, 512):
        sigmas = karras(steps, 0.002, HIGH)[:-1]
        found = law(lambda draw, s=sigmas: sampler(denoise, HIGH * draw("initial"), s))
        gains.append(found.sd / HIGH)
        means.append(found.mean)
    gain = math.hypot(SD, 0.002) / math.hypot(SD, HIGH)
    for errors in ([abs(g - gain) for g in gains], [abs(m - MEAN * (1 - gain)) for m in means]):
        assert orders(errors) == pytest.approx([order] * 3, abs=0.12), errors


def test_the_step_to_zero_is_the_denoiser(normal: Any, mixture: Any) -> None:
    x = normal(3, 2, 2, 3)
    for sampler in (euler, heun):
        found = sampler(mixture, x, torch.tensor([0.7, 0.0], dtype=torch.float64))
        torch.testing.assert_close(found, mixture(x, torch.full((3,), 0.7, dtype=torch.float64)))


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (heun, 2)])
def test_order_of_convergence_on_a_mixture(orders: Any, normal: Any, mixture: Any, sampler: Any, order: int) -> None:
    x = 10 * normal(50, 2, 2, 3)
    # Down to 0.5 only: below, which component a state near a border falls to depends on the steps.
    exact = heun(mixture, x, karras(2000, 0.5, 10.0)[:-1])
    errors = [float((sampler(mixture, x, karras(n, 0.5, 10.0)[:-1]) - exact).abs().mean()) for n in (50, 100, 200)]
    assert orders(errors) == pytest.approx([order] * 2, abs=0.25), errors


@pytest.mark.parametrize("sampler", [euler, heun])
def test_an_empirical_denoiser_gives_back_its_images(normal: Any, sampler: Any) -> None:
    images = normal(7, 1, 3, 3, seed=3)
    found = sampler(empirical(images), HIGH * normal(200, 1, 3, 3), karras(40))
    nearest = (found[:, None] - images).flatten(2).norm(dim=2).min(1)
    assert nearest.values.max() < 1e-9
    assert len(nearest.indices.unique()) == 7


def test_churn_samples_the_data_and_not_something_else(law: Any, pixel: Any) -> None:
    denoise, churn, errors = pixel(MEAN, SD**2), Churn(40.0, 0.0, math.inf, 1.0), []
    for steps in (64, 256, 1024):
        sigmas = karras(steps, 0.002, HIGH)
        found = law(lambda draw, s=sigmas: stochastic_heun(denoise, HIGH * draw("initial"), s, draw, churn))
        assert len(found.gains) == 1 + steps
        errors.append(max(abs(found.sd - SD), abs(found.mean - MEAN)))
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 2e-4


def test_churn_is_the_papers() -> None:
    churn = Churn(churn=2.0, low=0.5, high=5.0, noise=1.0)
    assert churn.gamma(1.0, 10) == 0.2
    assert churn.gamma(0.5, 10) == churn.gamma(5.0, 10) == 0.2
    assert churn.gamma(0.4, 10) == churn.gamma(5.1, 10) == 0.0
    assert churn.gamma(1.0, 2) == math.sqrt(2) - 1


def test_no_churn_is_heun_and_draws_nothing(normal: Any, mixture: Any) -> None:
    def draw(use: str) -> torch.Tensor:
        raise AssertionError(use)

    x, sigmas = 80 * normal(4, 2, 2, 3), karras(9)
    none = stochastic_heun(mixture, x, sigmas, draw, Churn(churn=0.0))
    assert torch.equal(none, heun(mixture, x, sigmas))


def test_stochastic_heun_by_a_naive_loop(normal: Any, mixture: Any) -> None:
    churn, sigmas, x = Churn(3.0, 0.1, 20.0, 1.1), karras(6), 80 * normal(4, 2, 2, 3)

    def draw(use: str) -> torch.Tensor:
        return normal(4, 2, 2, 3, seed=int(use.removeprefix("step ")) + 1)

    found = stochastic_heun(mixture, x, sigmas, draw, churn)
    for i in range(6):
        t, after = sigmas[i], sigmas[i + 1]
        hat = t + (min(3.0 / 6, math.sqrt(2) - 1) if 0.1 <= t <= 20 else 0) * t
        x = x + torch.sqrt(hat**2 - t**2) * 1.1 * draw(f"step {i}")
        d = (x - mixture(x, hat.expand(4))) / hat
        end = x + (after - hat) * d
        if i < 5:
            end = x + (after - hat) * (d / 2 + (end - mixture(end, after.expand(4))) / after / 2)
        x = end
    torch.testing.assert_close(found, x, rtol=1e-12, atol=1e-12)
