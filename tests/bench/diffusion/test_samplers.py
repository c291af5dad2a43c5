from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.exact import Gaussian, empirical
from trustdm.bench.diffusion.samplers import SAMPLERS, evaluations, make_sampler
from trustdm.bench.errors import UsageError

MEAN, SD = 0.3, 0.5
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in SAMPLERS),
    ("heun", {"levels": "ve"}),
    ("heun", {"levels": "vp"}),
    ("euler", {"levels": "iddpm"}),
    ("stochastic-heun", {"churn": 10.0, "churn_min": 0.05, "churn_max": 50.0, "churn_noise": 1.0}),
    ("ddpm", {"betas": "cosine", "variance": "large", "spacing": "leading"}),
    ("ddpm", {"betas": "scaled-linear"}),
    ("ddim", {"eta": 1.0, "spacing": "linspace"}),
    ("vp-sde", {"last": "denoise"}),
    ("ve-sde", {"last": "none"}),
    ("predictor-corrector", {"frame": "vp", "corrections": 2}),
    ("predictor-corrector", {"order": "predict-first", "corrections": 3}),
    ("langevin", {"each": 8, "last": "none"}),
    ("probability-flow", {"frame": "ve", "last": "none"}),
]
EVERY = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(VARIANTS)])


def draw_for(rows: int, *shape: int) -> Any:
    state = torch.Generator().manual_seed(3)
    return lambda use: torch.randn(rows, *shape, generator=state, dtype=torch.float64)


@EVERY
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_evaluations_are_those_made(counted: Any, name: str, options: dict[str, Any], steps: int) -> None:
    denoise = counted(Gaussian(torch.zeros(1, 2, 2), 0.3))
    found = make_sampler(name, options).run(denoise, draw_for(2, 1, 2, 2), steps)
    assert found.shape == (2, 1, 2, 2) and found.dtype == torch.float64 and found.isfinite().all()
    assert denoise.calls == evaluations(name, steps, options)


def test_evaluations_of_the_papers() -> None:
    """Karras et al. 2022: 18, 40 and 256 Heun steps are 35, 79 and 511; Song and Ermon 2020: 232 times 5, and 1."""
    assert [evaluations("heun", steps) for steps in (18, 40, 256)] == [35, 79, 511]
    assert evaluations("langevin", 232) == 1161
    assert evaluations("predictor-corrector", 1000) == 2000
    assert evaluations("ddpm", 1000) == evaluations("vp-sde", 1000) == 1000


@EVERY
def test_every_sampler_reaches_the_moments_of_the_data(name: str, options: dict[str, Any]) -> None:
    """6,400 values; five standard errors, and the bias that the number of steps explains."""
    denoise, steps = Gaussian(torch.full((1, 8, 8), MEAN, dtype=torch.float64), SD**2), 300
    found = make_sampler(name, options).run(denoise, draw_for(100, 1, 8, 8), steps)
    assert float(found.mean()) == pytest.approx(MEAN, abs=5 * SD / math.sqrt(found.numel()) + 0.01)
    assert float(found.std()) == pytest.approx(SD, rel=5 / math.sqrt(2 * found.numel()) + 0.04)


@EVERY
def test_every_sampler_finds_the_images_of_an_empirical_denoiser(normal: Any, name: str, options: Any) -> None:
    images = normal(6, 1, 4, 4, seed=8)
    found = make_sampler(name, options).run(empirical(images), draw_for(60, 1, 4, 4), 200)
    distance, index = (found[:, None] - images).flatten(2).norm(dim=2).min(1)
    # What adds noise at its last level, 0.02, and does not remove it ends about 0.02 sqrt(16) away.
    assert distance.max() < (0.2 if options.get("last") == "none" or name.endswith("sde") else 1e-3)
    assert len(index.unique()) == 6


def test_the_shipped_order_on_normal_data(law: Any, orders: Any, pixel: Any) -> None:
    """Through the names: Euler of order 1 and Heun of order 2."""
    for name, order in (("euler", 1), ("heun", 2)):
        errors, options = [], {"sigma_min": 1e-5}
        for steps in (100, 200, 400):
            sampler = make_sampler(name, options)
            found = law(lambda draw, s=sampler, n=steps: s.run(pixel(MEAN, SD**2), draw, n))
            errors.append(abs(found.sd - SD * 80 / math.hypot(SD, 80)))
        assert orders(errors) == pytest.approx([order] * 2, abs=0.15), errors


@EVERY
def test_no_two_places_draw_under_one_name(pixel: Any, name: str, options: dict[str, Any]) -> None:
    uses = []

    def draw(use: str) -> torch.Tensor:
        uses.append(use)
        return torch.ones(2, 1, 1, 1, dtype=torch.float64)

    make_sampler(name, options).run(pixel(MEAN, SD**2), draw, 3)
    assert uses[0] == "initial" and len(set(uses)) == len(uses)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hein", {}, "unknown sampler 'hein'; did you mean 'heun'"),
        ("zzz", {}, "unknown sampler 'zzz'; known: ddim, ddpm, euler, heun, langevin"),
        ("heun", {"sigma_mux": 1.0}, "unknown option of sampler heun 'sigma_mux'; did you mean 'sigma_max'"),
        ("ddpm", {"variance": "medium"}, "sampler ddpm: variance: expected small or large, got 'medium'"),
        ("ddim", {"eta": "1"}, "sampler ddim: eta: expected float, got '1'"),
        ("ddim", {"clip": "yes"}, "sampler ddim: clip: expected float | None, got 'yes'"),
        ("langevin", {"each": 2.5}, "sampler langevin: each: expected int, got 2.5"),
        ("langevin", {"each": True}, "sampler langevin: each: expected int, got True"),
    ],
)
def test_mistakes_are_one_clear_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        make_sampler(name, options)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_options_take_the_place_of_defaults() -> None:
    sampler = make_sampler("ddim", {"eta": 1, "clip": 1.0})
    assert (sampler.eta, sampler.clip, sampler.total) == (1, 1.0, 1000)  # type: ignore[attr-defined]
    assert make_sampler("ddim", {"clip": None}) == make_sampler("ddim")


@pytest.mark.parametrize("steps", [0, -1, 2.0, True])
def test_steps_are_counted_from_one(steps: Any) -> None:
    with pytest.raises(UsageError, match=r"steps: expected an integer of at least 1, got "):
        evaluations("heun", steps)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("heun", {"sigma_min": 50.0, "sigma_max": 40.0}, "sigma_max: expected more than sigma_min, 50"),
        ("heun", {"sigma_max": float("nan")}, "sigma_max: expected more than 0, got nan"),
        ("heun", {"rho": 0.0}, "rho: expected more than 0"),
        ("ddim", {"eta": 5.0}, "eta: expected at least 0 and at most 1, got 5"),
        ("stochastic-heun", {"churn": -5.0}, "churn: expected at least 0"),
        ("langevin", {"each": 0}, "each: expected at least 1"),
        ("langevin", {"relative_step": -1.0}, "relative_step: expected more than 0"),
        ("predictor-corrector", {"corrections": -1}, "corrections: expected at least 0"),
    ],
)
def test_numbers_out_of_range_are_one_line(name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_sampler(name, options)
