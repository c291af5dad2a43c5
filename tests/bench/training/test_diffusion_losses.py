from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion.schedules import alpha_bars, linear_betas, sigma_of, vp_sigma
from trustdm.bench.training.diffusion_losses import (
    EdmLevels,
    Levels,
    TableLevels,
    VeLevels,
    VpLevels,
    denoising_loss,
)

MEAN, SD = 0.3, 0.5
ALL: list[Levels] = [EdmLevels(SD), VpLevels(), VeLevels(), TableLevels((3.0, 1.0, 0.1))]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(n: int) -> Tensor:
    return MEAN + SD * torch.randn(n, 1, 2, 2, generator=generator(9))


def optimal(x: Tensor, sigma: Tensor) -> Tensor:
    """E[x0 | x] of N(MEAN, SD^2) data: the precision-weighted mean."""
    s = sigma[:, None, None, None]
    return (SD**2 * x + s**2 * MEAN) / (SD**2 + s**2)


def test_edm_levels_are_log_normal() -> None:
    logs = EdmLevels(SD, p_mean=-0.8, p_std=1.3).sigmas(40_000, generator()).log()
    assert float(logs.mean()) == pytest.approx(-0.8, abs=0.02)
    assert float(logs.std()) == pytest.approx(1.3, abs=0.02)
    z = (logs + 0.8) / 1.3
    assert float((z.abs() < 1.959964).float().mean()) == pytest.approx(0.95, abs=0.005)


def test_ve_levels_are_log_uniform() -> None:
    place = VeLevels(0.02, 100).sigmas(40_000, generator()).div(0.02).log() / math.log(5000)
    assert 0 <= float(place.min()) < 1e-3 and 1 - 1e-3 < float(place.max()) <= 1 + 1e-6
    counts = torch.histc(place, 10, 0, 1) / 40_000
    torch.testing.assert_close(counts, torch.full((10,), 0.1), rtol=0, atol=0.01)


def test_vp_levels_are_those_of_uniform_times() -> None:
    sigma = VpLevels().sigmas(40_000, generator()).double().sort().values
    quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9], dtype=torch.float64)
    at = sigma[(quantiles * 40_000).long()]
    torch.testing.assert_close(at, vp_sigma(quantiles), rtol=0.05, atol=0)
    assert float(sigma[0]) >= 0.999 * float(vp_sigma(torch.tensor(1e-5, dtype=torch.float64)))


def test_table_levels_are_the_levels_of_the_table() -> None:
    sigma = TableLevels((3.0, 1.0, 0.1)).sigmas(9_000, generator())
    for level in (3.0, 1.0, 0.1):
        assert int((sigma == torch.tensor(level)).sum()) == pytest.approx(3000, abs=200)


@pytest.mark.parametrize("levels", ALL, ids=lambda levels: type(levels).__name__)
def test_the_loss_is_the_loop_over_images(levels: Levels) -> None:
    x0 = gaussian(5)
    loss = denoising_loss(lambda x, sigma: 0.5 * x, x0, levels, generator(3))
    g = generator(3)
    sigma = levels.sigmas(5, g)
    noise = torch.randn(x0.shape, generator=g)
    total = 0.0
    for i in range(5):
        s = float(sigma[i])
        w = (s**2 + SD**2) / (s * SD) ** 2 if isinstance(levels, EdmLevels) else 1 / s**2
        total += w * sum((0.5 * (a + s * n) - a) ** 2 for a, n in zip(x0[i].flatten(), noise[i].flatten())) / 4  # noqa: B905
    assert float(loss) == pytest.approx(float(total) / 5, rel=1e-4)


@pytest.mark.parametrize("levels", ALL, ids=lambda levels: type(levels).__name__)
def test_the_optimum_on_gaussian_data_is_the_closed_form_denoiser(levels: Levels) -> None:
    # The posterior variance is sd^2 s^2 / (sd^2 + s^2): times EDM's weight that is 1 at every level.
    n = 60_000
    best = float(denoising_loss(optimal, gaussian(n), levels, generator(4)))
    sigma = levels.sigmas(n, generator(4))
    expected = float((levels.weight(sigma) * SD**2 * sigma**2 / (SD**2 + sigma**2)).mean())
    assert best == pytest.approx(expected, rel=0.02)
    if isinstance(levels, EdmLevels):
        assert expected == pytest.approx(1.0, abs=1e-5)
    for scale, shift in ((0.9, 0.0), (1.1, 0.0), (1.0, 0.1), (1.0, -0.1)):

        def other(x: Tensor, sigma: Tensor, scale: float = scale, shift: float = shift) -> Tensor:
            return scale * optimal(x, sigma) + shift

        assert float(denoising_loss(other, gaussian(n), levels, generator(4))) > best


def test_on_the_levels_of_ddpm_it_is_the_simple_loss() -> None:
    # Ho et al. 2020, Eq. 14: |eps - eps_theta(sqrt(abar) x0 + sqrt(1 - abar) eps, k)|^2, for a network of x_t.
    bars = alpha_bars(linear_betas())
    levels = TableLevels(tuple(sigma_of(bars).tolist()))

    def predicted(x_t: Tensor) -> Tensor:
        return 0.7 * x_t + 0.1

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        s = sigma[:, None, None, None]
        return x - s * predicted(x / (1 + s**2).sqrt())

    x0 = gaussian(6)
    loss = denoising_loss(denoise, x0, levels, generator(5))
    g = generator(5)
    step = torch.randint(1000, (6,), generator=g)
    eps = torch.randn(x0.shape, generator=g)
    total = 0.0
    for k, image, noise in zip(step, x0, eps, strict=True):
        abar = float(bars[k])
        total += float((noise - predicted(math.sqrt(abar) * image + math.sqrt(1 - abar) * noise)).square().mean())
    assert float(loss) == pytest.approx(total / 6, rel=1e-3)


def test_geometric_levels_give_the_score_matching_loss() -> None:
    # Song and Ermon 2019, Eq. 5 and 6: sigma^2 |s(x) + (x - x0) / sigma^2|^2, here per pixel and without the 1/2.
    x0 = gaussian(4)
    loss = denoising_loss(optimal, x0, TableLevels((0.4,)), generator(6))
    g = generator(6)
    torch.randint(1, (4,), generator=g)
    x = x0 + 0.4 * torch.randn(x0.shape, generator=g)
    score = (optimal(x, torch.full((4,), 0.4)) - x) / 0.4**2
    torch.testing.assert_close(loss, 0.4**2 * (score + (x - x0) / 0.4**2).square().mean())
