from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.exact import Gaussian
from trustdm.bench.diffusion.predictor_corrector import Corrector, alpha, correct, predictor_corrector, vp_scale
from trustdm.bench.diffusion.schedules import alpha_bar_of, geometric, vp_levels

MEAN, SD = 0.3, 0.5
FRAMES = pytest.mark.parametrize("frame", ["ve", "vp"])


def keyed(normal: Any, *shape: int) -> Any:
    """Noise that depends on the use alone."""
    return lambda use: normal(*shape, seed=sum(map(ord, use)) * 7 + len(use))


@FRAMES
def test_predictions_alone_converge_with_order_one(law: Any, orders: Any, pixel: Any, frame: Any) -> None:
    sds, high, low = [], 10.0, 0.1
    for steps in (200, 400, 800):
        levels = geometric(steps + 1, low, high)

        def run(draw: Any, levels: Any = levels) -> torch.Tensor:
            scale = vp_scale(high) if frame == "vp" else 1.0
            x = scale * (MEAN + math.hypot(SD, high) * draw("initial"))
            return predictor_corrector(frame, pixel(MEAN, SD**2), x, levels, draw, Corrector(steps=0))

        found = law(run)
        assert len(found.gains) == steps
        sds.append(found.sd)
    sd = math.hypot(SD, low) * (vp_scale(low) if frame == "vp" else 1.0)
    assert orders([abs(s - sd) for s in sds]) == pytest.approx([1, 1], abs=0.1), sds
    assert 2 * sds[-1] - sds[-2] == pytest.approx(sd, rel=1e-3)


@pytest.mark.parametrize("snr", [0.16, 0.4])
def test_a_corrector_rests_where_theory_says(normal: Any, snr: float) -> None:
    """In many dimensions the step is 2 snr^2 v, and the chain's variance goes to v / (1 - snr^2)."""
    denoise, sigma = Gaussian(torch.zeros(1, 12, 12, dtype=torch.float64), SD**2), 0.7
    v, state, count = SD**2 + sigma**2, torch.Generator().manual_seed(1), [0]

    def draw(use: str) -> torch.Tensor:
        count[0] += 1
        return torch.randn(400, 1, 12, 12, generator=state, dtype=torch.float64)

    x = math.sqrt(v) * normal(400, 1, 12, 12)
    found = correct("ve", denoise, x, (sigma, 0.0), draw, Corrector(steps=120, snr=snr))
    assert count == [120]
    # Four standard errors of a variance from 57,600 values, and as much again for 144 not being infinite.
    assert float(found.var()) == pytest.approx(v / (1 - snr**2), rel=8 * math.sqrt(2 / found.numel()))
    assert float(found.mean()) == pytest.approx(0, abs=4 * math.sqrt(v / found.numel()) * 1.2)


@FRAMES
@pytest.mark.parametrize("order", ["predict-first", "correct-first"])
@pytest.mark.parametrize("norm", ["image", "batch"])
def test_by_the_papers_own_lines(normal: Any, mixture: Any, frame: Any, order: Any, norm: Any) -> None:
    """Song et al. 2021, Alg. 2 to 5 in their letters: levels rise with i, and x_i has index i."""
    levels, draw, shape = vp_levels(6), keyed(normal, 3, 2, 2, 3), (3, 1, 1, 1)
    how = Corrector(steps=2, snr=0.2, norm=norm, order=order)
    x = normal(3, 2, 2, 3) * (1 if frame == "vp" else float(levels[0]))
    found = predictor_corrector(frame, mixture, x, levels, draw, how)

    sigmas = [float(s) for s in levels.flip(0)]  # sigma_0 = 0 < ... < sigma_6
    bars = [1 / (1 + s**2) for s in sigmas]

    def score(x: torch.Tensor, i: int) -> torch.Tensor:
        scale = math.sqrt(bars[i]) if frame == "vp" else 1.0
        level = torch.full((3,), sigmas[i], dtype=torch.float64)
        return (scale * mixture(x / scale, level) - x) / (scale * sigmas[i]) ** 2

    def corrected(x: torch.Tensor, i: int, step: int) -> torch.Tensor:
        for j in range(2):
            z, g = draw(f"step {step} correction {j}"), score(x, i)
            sizes = [t.flatten(1).norm(dim=1).view(shape) for t in (z, g)]
            ratio = sizes[0] / sizes[1] if norm == "image" else sizes[0].mean() / sizes[1].mean()
            eps = 2 * (bars[i] / bars[i - 1] if frame == "vp" else 1.0) * (0.2 * ratio) ** 2
            x = x + eps * g + torch.sqrt(2 * eps) * z
        return x

    for step, i in enumerate(range(5, -1, -1)):
        if order == "correct-first":
            x = corrected(x, i + 1, step)
        if frame == "ve":
            spread = sigmas[i + 1] ** 2 - sigmas[i] ** 2
            x = x + spread * score(x, i + 1)
        else:
            spread = 1 - bars[i + 1] / bars[i]
            x = (2 - math.sqrt(1 - spread)) * x + spread * score(x, i + 1)
        if i > 0:
            x = x + math.sqrt(spread) * draw(f"step {step}")
            if order == "predict-first":
                x = corrected(x, i, step)
    torch.testing.assert_close(found, x, rtol=1e-9, atol=1e-9)


@FRAMES
@pytest.mark.parametrize("order", ["predict-first", "correct-first"])
def test_moments_with_corrections(normal: Any, frame: Any, order: Any) -> None:
    denoise = Gaussian(torch.full((1, 10, 10), MEAN, dtype=torch.float64), SD**2)
    levels = torch.cat([geometric(150, 0.01, 10.0), torch.zeros(1, dtype=torch.float64)])
    state = torch.Generator().manual_seed(2)

    def draw(use: str) -> torch.Tensor:
        return torch.randn(300, 1, 10, 10, generator=state, dtype=torch.float64)

    x = draw("initial") * (10.0 if frame == "ve" else 1.0)
    found = predictor_corrector(frame, denoise, x, levels, draw, Corrector(order=order))
    # Up to 1 / (1 - 0.16^2) too wide by theory (the test above), and 3% too narrow by the steps; 30,000 values.
    assert float(found.mean()) == pytest.approx(MEAN, abs=5 * SD / math.sqrt(found.numel()) + 0.01)
    assert 0.95 * SD < float(found.std()) < 1.04 * SD


def test_an_image_does_not_depend_on_its_neighbours_unless_it_is_asked_to(normal: Any, mixture: Any) -> None:
    levels, x = vp_levels(5), normal(4, 2, 2, 3)
    draw = keyed(normal, 4, 2, 2, 3)
    for norm, same in (("image", True), ("batch", False)):
        how = Corrector(norm=norm)  # type: ignore[arg-type]
        whole = predictor_corrector("vp", mixture, x, levels, draw, how)
        part = predictor_corrector("vp", mixture, x[1:3], levels, lambda use: draw(use)[1:3], how)
        assert torch.allclose(whole[1:3], part, rtol=1e-9, atol=1e-9) == same


def test_alpha_is_the_ratio_of_alpha_bars() -> None:
    s, t = torch.tensor(3.0, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64)
    assert alpha(3.0, 2.0) == pytest.approx(float(alpha_bar_of(s) / alpha_bar_of(t)))
