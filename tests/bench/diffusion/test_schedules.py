from __future__ import annotations

import math

import pytest
import torch

from trustdm.bench.diffusion import schedules
from trustdm.bench.diffusion.options import Spacing
from trustdm.bench.errors import UsageError


def test_karras_by_hand() -> None:
    levels = schedules.karras(18)
    assert levels.shape == (19,) and levels.dtype == torch.float64
    for i in range(18):
        root = 80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))
        assert float(levels[i]) == pytest.approx(root**7, rel=1e-12)
    assert levels[-1] == 0


def test_geometric_has_a_constant_ratio() -> None:
    levels = schedules.geometric(10, 0.01, 1.0)
    assert levels.tolist() == pytest.approx([10 ** (-2 * i / 9) for i in range(10)], rel=1e-12)
    assert schedules.ve_levels(10, 0.01, 1.0).tolist() == [*levels.tolist(), 0.0]


@pytest.mark.parametrize("levels", [schedules.karras, schedules.vp_levels, schedules.ve_levels, schedules.iddpm_levels])
@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_levels_fall_to_zero(levels: object, steps: int) -> None:
    found = levels(steps)  # type: ignore[operator]
    assert found.shape == (steps + 1,) and found[-1] == 0
    assert (found[1:] < found[:-1]).all()


@pytest.mark.parametrize("levels", [schedules.karras, schedules.geometric, schedules.vp_levels, schedules.iddpm_levels])
@pytest.mark.parametrize("steps", [0, -3])
def test_no_steps_are_refused(levels: object, steps: int) -> None:
    with pytest.raises(UsageError, match=f"steps: expected an integer of at least 1, got {steps}"):
        levels(steps)  # type: ignore[operator]


def test_ddpm_betas_are_the_papers() -> None:
    betas = schedules.linear_betas()
    assert float(betas[0]) == 1e-4 and float(betas[-1]) == pytest.approx(0.02, rel=1e-15)
    assert float(betas.diff().std()) < 1e-17
    # Ho et al. 2020, section 4: the signal that is left at T is about 4e-5 of the variance.
    assert float(schedules.alpha_bars(betas)[-1]) == pytest.approx(4.04e-5, rel=1e-2)


def test_scaled_linear_betas_have_evenly_spaced_roots() -> None:
    betas = schedules.scaled_linear_betas()
    assert float(betas[0]) == pytest.approx(0.00085) and float(betas[-1]) == pytest.approx(0.012)
    assert float(betas.sqrt().diff().std()) < 1e-16


def test_cosine_betas_multiply_to_the_squared_cosine() -> None:
    bars = schedules.alpha_bars(schedules.cosine_betas())
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(1001)]
    assert bars[:990].tolist() == pytest.approx([v / f[0] for v in f[1:991]], rel=1e-9)
    assert float(schedules.cosine_betas().max()) == 0.999


def test_sigma_and_alpha_bar_are_inverse() -> None:
    bars = schedules.alpha_bars(schedules.linear_betas())
    torch.testing.assert_close(schedules.alpha_bar_of(schedules.sigma_of(bars)), bars, rtol=1e-12, atol=0)
    assert float(schedules.sigma_of(torch.tensor(0.5))) == 1.0


def test_the_vp_sde_in_letters_of_both_papers() -> None:
    """Song et al. 2021, Eq. 33: the state keeps exp(-t^2 (bmax - bmin) / 4 - t bmin / 2) of the image."""
    for t in (1e-5, 0.1, 0.5, 1.0):
        kept = math.exp(-0.25 * t**2 * 19.9 - 0.5 * t * 0.1)
        sigma = float(schedules.vp_sigma(torch.tensor(t, dtype=torch.float64)))
        assert sigma == pytest.approx(math.sqrt(1 - kept**2) / kept, rel=1e-9)
        assert float(schedules.vp_time(torch.tensor(sigma, dtype=torch.float64))) == pytest.approx(t, rel=1e-9)
    assert float(schedules.vp_levels(5, last=1e-3)[4]) == pytest.approx(math.sqrt(math.expm1(9.95e-6 + 1e-4)))


def test_ddpm_is_a_discrete_vp_sde() -> None:
    """Song et al. 2021, appendix B: betas of N steps are beta(i / N) / N."""
    bars = schedules.alpha_bars(schedules.linear_betas())
    t = torch.arange(1, 1001, dtype=torch.float64) / 1000
    torch.testing.assert_close(schedules.sigma_of(bars).log(), schedules.vp_sigma(t).log(), atol=0.05, rtol=0)


def test_iddpm_grid_by_its_recursion() -> None:
    grid, total, c1, c2 = schedules.iddpm_grid(), 1000, 0.001, 0.008

    def bar(j: int) -> float:
        return math.sin(math.pi / 2 * j / (total * (c2 + 1))) ** 2

    u = 0.0
    for j in range(total, 0, -1):
        assert float(grid[j]) == pytest.approx(u, rel=1e-6)
        u = math.sqrt((u**2 + 1) / max(bar(j - 1) / bar(j), c1) - 1)
    assert float(grid[0]) == pytest.approx(u, rel=1e-9)
    # Karras et al. 2022, Table 1 and appendix C.3.4: j0 = 8 is where sigma is close to 80.
    assert float(schedules.iddpm_levels(18)[0]) == float(grid[8]) == pytest.approx(80, rel=0.01)
    assert float(schedules.iddpm_levels(18)[-2]) == float(grid[999]) == pytest.approx(0.0064, rel=0.01)


def test_timestep_spacings_by_table() -> None:
    """Lin et al. 2024, Table 2, for T = 1000 and 10 steps (there counted from 1)."""
    assert schedules.timesteps(10, "linspace").tolist() == [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]
    assert schedules.timesteps(10, "leading").tolist() == [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]
    assert schedules.timesteps(10, "trailing").tolist() == [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
def test_every_number_of_timesteps_gives_as_many(spacing: Spacing) -> None:
    for steps in range(1, 1001):
        found = schedules.timesteps(steps, spacing)
        assert len(found) == steps and found.min() >= 0 and found.max() <= 999
        assert (found.diff() < 0).all()


@pytest.mark.parametrize("steps", [0, 1001])
def test_more_timesteps_than_there_are_is_one_clear_line(steps: int) -> None:
    with pytest.raises(UsageError, match=f"expected 1 to 1000 .* got {steps}"):
        schedules.timesteps(steps)


def test_unknown_spacing() -> None:
    with pytest.raises(UsageError, match="expected leading, linspace or trailing, got 'even'"):
        schedules.timesteps(5, "even")  # type: ignore[arg-type]


def test_closest_timestep_by_search() -> None:
    bars = schedules.alpha_bars(schedules.linear_betas())
    known = schedules.sigma_of(bars)
    sigma = torch.logspace(-4, 4, 400, dtype=torch.float64)
    expected = (sigma.log()[:, None] - known.log()).abs().argmin(1)
    assert torch.equal(schedules.closest_timestep(sigma, bars), expected)
    assert torch.equal(schedules.closest_timestep(known, bars), torch.arange(1000))
