from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.denoiser import denoised, score
from trustdm.bench.diffusion.langevin import Step, best_step, langevin
from trustdm.bench.diffusion.schedules import geometric

MEAN, SD = 0.3, 0.5
ONE_LEVEL = torch.tensor([0.4], dtype=torch.float64)


@pytest.mark.parametrize("convention", ["epsilon", "step_lr"])
def test_one_level_is_a_first_order_autoregression(law: Any, pixel: Any, convention: Any) -> None:
    size, each, v = 0.02, 60, SD**2 + 0.4**2
    step = Step(size, convention)
    found = law(lambda draw: langevin(pixel(MEAN, SD**2), 3 * draw("initial"), ONE_LEVEL, draw, step, each))
    drift, noise = (size / 2, size) if convention == "epsilon" else (size, 2 * size)
    r = 1 - drift / v
    assert found.mean == pytest.approx(MEAN * (1 - r**each), rel=1e-9)
    assert found.variance == pytest.approx(r ** (2 * each) * 9 + noise * (1 - r ** (2 * each)) / (1 - r**2), rel=1e-9)


def test_small_steps_reach_the_moments_of_the_smoothed_data(law: Any, orders: Any, pixel: Any) -> None:
    variances = []
    for size, each in ((0.08, 125), (0.04, 250), (0.02, 500)):
        step = Step(size, "epsilon")
        found = law(lambda d, s=step, n=each: langevin(pixel(MEAN, SD**2), d("initial"), ONE_LEVEL, d, s, n))
        assert found.mean == pytest.approx(MEAN, rel=1e-4)
        variances.append(found.variance)
    v = SD**2 + 0.4**2
    assert orders([abs(w - v) for w in variances]) == pytest.approx([1, 1], abs=0.05)
    assert 2 * variances[-1] - variances[-2] == pytest.approx(v, rel=1e-3)


def test_annealing_reaches_the_moments_of_the_smoothed_data(law: Any, orders: Any, pixel: Any) -> None:
    levels, sds = geometric(2, 0.3, 3.0), []
    for relative, each in ((0.08, 300), (0.04, 600), (0.02, 1200)):
        step = Step(relative * 0.3**2, "step_lr")
        found = law(lambda d, s=step, n=each: langevin(pixel(MEAN, SD**2), 3 * d("initial"), levels, d, s, n))
        assert found.mean == pytest.approx(MEAN, rel=1e-6)
        sds.append(found.sd)
    sd = math.hypot(SD, 0.3)
    assert orders([abs(s - sd) for s in sds]) == pytest.approx([1, 1], abs=0.1), sds
    assert 2 * sds[-1] - sds[-2] == pytest.approx(sd, rel=2e-4)


def test_the_two_conventions_by_their_own_lines(normal: Any, mixture: Any) -> None:
    """Song and Ermon 2019, Alg. 1: a / 2 and sqrt(a). Their code, and Song and Ermon 2020, Alg. 1: a and sqrt(2 a)."""
    levels, x0 = geometric(4, 0.1, 2.0), normal(3, 2, 2, 3)

    def draw(use: str) -> torch.Tensor:
        _, i, _, t = use.split()
        return normal(3, 2, 2, 3, seed=1 + 3 * int(i) + int(t))

    for convention, first, second in (("epsilon", 0.5, 1.0), ("step_lr", 1.0, 2.0)):
        x = x0
        for i in range(4):
            a = 0.002 * float(levels[i]) ** 2 / float(levels[3]) ** 2
            for t in range(3):
                x = (
                    x
                    + first * a * score(mixture, x, float(levels[i]))
                    + math.sqrt(second * a) * draw(f"level {i} step {t}")
                )
        step = Step(0.002, convention)  # type: ignore[arg-type]
        torch.testing.assert_close(langevin(mixture, x0, levels, draw, step, each=3), x, rtol=1e-9, atol=1e-9)
        final = langevin(mixture, x0, levels, draw, step, each=3, last="denoise")
        torch.testing.assert_close(final, denoised(mixture, x, 0.1), rtol=1e-9, atol=1e-9)


def test_step_lr_is_half_of_epsilon() -> None:
    assert Step(2e-5, "step_lr").epsilon == 4e-5 == Step(4e-5, "epsilon").epsilon


@pytest.mark.parametrize(("levels", "high", "each", "published"), [(232, 50, 5, 6.2e-6), (500, 90, 5, 3.3e-6)])
def test_the_best_step_is_the_one_ncsnv2_published(levels: int, high: float, each: int, published: float) -> None:
    """Song and Ermon 2020, appendix B: CIFAR-10 and CelebA 64, last level 0.01."""
    ratio = (high / 0.01) ** (1 / (levels - 1))
    assert best_step(ratio, each) * 0.01**2 == pytest.approx(published, rel=0.03)


def test_the_best_step_is_best(law: Any, pixel: Any) -> None:
    ratio, each = 1.3, 8

    def left(relative: float) -> float:
        step = Step(relative, "step_lr")
        one = torch.ones(1, dtype=torch.float64)
        return abs(law(lambda d: langevin(pixel(0.0, 0.0), ratio * d("initial"), one, d, step, each)).variance - 1)

    best = best_step(ratio, each)
    assert all(left(best) <= left(best * f) for f in (0.5, 0.9, 0.98, 1.02, 1.1, 2.0))
