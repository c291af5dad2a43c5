from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.denoiser import denoised
from trustdm.bench.diffusion.exact import empirical
from trustdm.bench.diffusion.sde import Sde, Ve, Vp, even_times, probability_flow, reverse_sde, score_at

MEAN, SD = 0.3, 0.5
SDES = pytest.mark.parametrize("sde", [Vp(), Ve(0.02, 10.0)], ids=["vp", "ve"])
UNTIL = 0.5


def start(sde: Sde, draw: Any) -> torch.Tensor:
    """A draw of the state at time 1 for data N(MEAN, SD^2)."""
    return sde.scale(1.0) * (MEAN + math.hypot(SD, sde.sigma(1.0)) * draw("initial"))


@SDES
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_drift_and_diffusion_belong_to_scale_and_sigma(sde: Sde, t: float) -> None:
    """Karras et al. 2022, appendix B.2: f = d(log s)/dt and g = s sqrt(d(sigma^2)/dt)."""
    h = 1e-5
    assert sde.drift(t) == pytest.approx(math.log(sde.scale(t + h) / sde.scale(t - h)) / (2 * h), rel=1e-6, abs=1e-9)
    rate = (sde.sigma(t + h) ** 2 - sde.sigma(t - h) ** 2) / (2 * h)
    assert sde.diffusion(t) == pytest.approx(sde.scale(t) * math.sqrt(rate), rel=1e-6)


@SDES
def test_the_score_of_normal_data(pixel: Any, sde: Sde) -> None:
    x, t = torch.linspace(-2, 2, 5, dtype=torch.float64).view(5, 1, 1, 1), 0.4
    scale, sigma = sde.scale(t), sde.sigma(t)
    expected = (scale * MEAN - x) / (scale**2 * (SD**2 + sigma**2))
    torch.testing.assert_close(score_at(sde, pixel(MEAN, SD**2), x, t), expected)


@SDES
@pytest.mark.parametrize("kind", ["sde", "flow"])
def test_moments_converge_with_order_one(law: Any, orders: Any, pixel: Any, sde: Sde, kind: str) -> None:
    means, sds = [], []
    for steps in (200, 400, 800):
        times = even_times(steps, UNTIL)

        def run(draw: Any, times: Any = times) -> torch.Tensor:
            x = start(sde, draw)
            if kind == "flow":
                return probability_flow(sde, pixel(MEAN, SD**2), x, times, "none")
            return reverse_sde(sde, pixel(MEAN, SD**2), x, times, draw, "none")

        found = law(run)
        assert len(found.gains) == (1 if kind == "flow" else steps + 1)
        means.append(found.mean)
        sds.append(found.sd)
    mean, sd = sde.scale(UNTIL) * MEAN, sde.scale(UNTIL) * math.hypot(SD, sde.sigma(UNTIL))
    assert orders([abs(s - sd) for s in sds]) == pytest.approx([1, 1], abs=0.1), sds
    assert 2 * sds[-1] - sds[-2] == pytest.approx(sd, rel=2e-3)
    assert 2 * means[-1] - means[-2] == pytest.approx(mean, rel=2e-3)


@SDES
def test_rules_for_the_noise_that_is_left(normal: Any, mixture: Any, sde: Sde) -> None:
    x, times = sde.scale(1.0) * sde.sigma(1.0) * normal(3, 2, 2, 3), even_times(30, 1e-3)

    def draw(use: str) -> torch.Tensor:
        return normal(3, 2, 2, 3, seed=1 + int(use.removeprefix("step ")))

    none, mean, denoise = (reverse_sde(sde, mixture, x, times, draw, last) for last in ("none", "mean", "denoise"))
    t, until = float(times[-2]), float(times[-1])
    torch.testing.assert_close(none, mean + sde.diffusion(t) * math.sqrt(t - until) * draw("step 29"))
    torch.testing.assert_close(denoise, denoised(mixture, none / sde.scale(until), sde.sigma(until)))
    flows = [probability_flow(sde, mixture, x, times, last) for last in ("none", "denoise")]
    torch.testing.assert_close(flows[1], denoised(mixture, flows[0] / sde.scale(until), sde.sigma(until)))


@SDES
def test_an_empirical_denoiser_gives_back_its_images(normal: Any, sde: Sde) -> None:
    images, times = normal(7, 1, 3, 3, seed=3), even_times(150, 1e-4)
    x = sde.scale(1.0) * sde.sigma(1.0) * normal(100, 1, 3, 3)

    def draw(use: str) -> torch.Tensor:
        return normal(100, 1, 3, 3, seed=1 + int(use.removeprefix("step ")))

    for found in (
        reverse_sde(sde, empirical(images), x, times, draw, "denoise"),
        probability_flow(sde, empirical(images), x, times, "denoise"),
    ):
        distance, index = (found[:, None] - images).flatten(2).norm(dim=2).min(1)
        assert distance.max() < 1e-6 and len(index.unique()) == 7


def test_times_fall_from_one() -> None:
    times = even_times(4, 0.2)
    assert times.tolist() == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
