"""Purifiers against what is known of them: data they leave alone, closed forms, diffusers, plain autograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.diffusion import purification
from trustdm.bench.diffusion.exact import Gaussian
from trustdm.bench.diffusion.preconditioning import from_boundary, to_boundary
from trustdm.bench.diffusion.purification import (
    DdimChain,
    DdpmChain,
    Guided,
    Purifier,
    VpOde,
    VpSde,
    bars_from,
    in_network_units,
    purified,
)
from trustdm.bench.diffusion.purifiers import LAST_TIME
from trustdm.bench.diffusion.schedules import alpha_bars, linear_betas
from trustdm.bench.diffusion.sde import Vp
from trustdm.bench.training.networks import seeded

MEAN, SD, T = 0.2, 0.3, 0.1
# PROTOCOLS 3.1: t* of 1000, and the noise in [0, 1] pixel units that it stands for.
EQUIVALENTS = [(0.075, 0.127), (0.1, 0.169), (0.125, 0.213), (0.15, 0.259)]


class Affine:
    """x -> a x + b + sum of gains times noise: what a purifier of one pixel is where its denoiser is affine."""

    def __init__(self, purifier: Purifier, denoise: Any):
        uses: list[str] = []

        def record(use: str) -> Tensor:
            uses.append(use)
            return torch.zeros(1, 1, 1, 1, dtype=torch.float64)

        purifier(denoise, torch.zeros(1, 1, 1, 1, dtype=torch.float64), record)
        assert len(set(uses)) == len(uses), "two places draw under one name"
        unit = torch.eye(len(uses) + 2, dtype=torch.float64)
        place = {use: i + 2 for i, use in enumerate(uses)}
        out = purifier(denoise, unit[1].view(-1, 1, 1, 1), lambda use: unit[place[use]].view(-1, 1, 1, 1)).flatten()
        self.uses, self.b, self.a = uses, float(out[0]), float(out[1] - out[0])
        self.noise = float((out[2:] - out[0]).square().sum())

    def mean(self, of: float) -> float:
        """Of what comes out, where this is the mean of what goes in."""
        return self.a * of + self.b

    def variance(self, of: float) -> float:
        return self.a**2 * of + self.noise


def richardson(at: Callable[[int], float], steps: int) -> float:
    """The limit of what converges with order one."""
    return 2 * at(steps) - at(steps // 2)


STOCHASTIC: list[tuple[str, Callable[[int], Purifier]]] = [
    ("sde", lambda n: VpSde(T, n)),
    ("ddpm", lambda n: DdpmChain(T, n)),
    ("ddim eta 1", lambda n: DdimChain(T, n, 1.0)),
]
DETERMINISTIC: list[tuple[str, Callable[[int], Purifier]]] = [
    ("ode", lambda n: VpOde(T, n)),
    ("ddim eta 0", lambda n: DdimChain(T, n)),
]
BOTH = STOCHASTIC + DETERMINISTIC
SOLVERS = pytest.mark.parametrize(("name", "of"), BOTH, ids=[name for name, _ in BOTH])


def bar_of(name: str) -> float:
    """alpha_bar at T: of the equation in continuous time, or of the discrete schedule."""
    return 1 / (1 + Vp().sigma(T) ** 2) if name in ("sde", "ode") else float(alpha_bars(linear_betas())[99])


@SOLVERS
def test_data_that_the_denoiser_knows_stay_as_they_are_distributed(
    pixel: Any, name: str, of: Callable[[int], Purifier]
) -> None:
    """N(m, s^2) in, N(m, s^2) out, in the limit of many steps."""
    denoise = pixel(MEAN, SD**2)
    maps = {n: Affine(of(n), denoise) for n in (50, 100)}
    assert richardson(lambda n: maps[n].mean(MEAN), 100) == pytest.approx(MEAN, abs=1e-4)
    assert richardson(lambda n: maps[n].variance(SD**2), 100) == pytest.approx(SD**2, rel=5e-3)
    error = {n: abs(made.variance(SD**2) - SD**2) for n, made in maps.items()}
    assert 1e-5 < error[100] < error[50], "so near with few steps that the limit says nothing"


@pytest.mark.parametrize(("name", "of"), STOCHASTIC, ids=[name for name, _ in STOCHASTIC])
def test_a_stochastic_purifier_draws_from_the_posterior(pixel: Any, name: str, of: Callable[[int], Purifier]) -> None:
    """x0 given the noisy image: mean b + k sqrt(abar) x, variance s^2 (1 - abar) / (abar s^2 + 1 - abar)."""
    bar = bar_of(name)
    maps = {n: Affine(of(n), pixel(MEAN, SD**2)) for n in (50, 100)}
    total = bar * SD**2 + 1 - bar
    assert richardson(lambda n: maps[n].a, 100) == pytest.approx(bar * SD**2 / total, rel=5e-3)
    # The noise that was put in comes out with the gain of the image, and the rest is the posterior's.
    known = (bar * SD**2 / total) ** 2 * (1 - bar) / bar
    assert richardson(lambda n: maps[n].noise, 100) == pytest.approx(SD**2 * (1 - bar) / total + known, rel=5e-3)


@pytest.mark.parametrize(("name", "of"), DETERMINISTIC, ids=[name for name, _ in DETERMINISTIC])
def test_a_deterministic_purifier_follows_the_flow(pixel: Any, name: str, of: Callable[[int], Purifier]) -> None:
    """Of normal data the flow keeps (x - mean) / sd, so that its gain is a ratio of standard deviations."""
    bar = bar_of(name)
    maps = {n: Affine(of(n), pixel(MEAN, SD**2)) for n in (50, 100)}
    gain = SD / math.sqrt(bar * SD**2 + 1 - bar)
    assert richardson(lambda n: maps[n].a, 100) == pytest.approx(gain * math.sqrt(bar), rel=5e-3)
    assert richardson(lambda n: maps[n].noise, 100) == pytest.approx(gain**2 * (1 - bar), rel=5e-3)
    assert maps[100].uses == ["diffuse"], "random in the noise that is added first, and nowhere else"


def test_what_each_solver_draws(pixel: Any) -> None:
    denoise = pixel(MEAN, SD**2)
    steps = [f"step {i}" for i in range(3)]
    for purifier in (VpSde(T, 3), DdpmChain(T, 3), DdimChain(T, 3, 0.5)):
        assert sorted(Affine(purifier, denoise).uses) == ["diffuse", *steps]
    used = Affine(Guided(T, 2, 1.0, repeats=2), denoise).uses
    kinds = ("diffuse {}", "step {} 0", "step {} 1", "input {} 0", "input {} 1")
    assert sorted(used) == sorted(kind.format(k) for kind in kinds for k in (0, 1))


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_chains_give_back_the_only_image_there_is(steps: int, normal: Any) -> None:
    """Data of one image: ancestral steps are exact, however few; so are those of DDIM."""
    image = normal(1, 2, 3, 3)
    denoise = Gaussian(image[0], 0.0)
    for purifier in (DdpmChain(T, steps), DdimChain(T, steps), DdimChain(T, steps, 1.0), Guided(T, steps, 0.0)):
        out = purifier(denoise, normal(4, 2, 3, 3, seed=1), lambda use: normal(4, 2, 3, 3, seed=len(use)))
        torch.testing.assert_close(out, image.expand(4, 2, 3, 3))


def test_ddim_with_all_the_noise_is_ddpm(mixture: Any, normal: Any) -> None:
    """Song, Meng and Ermon 2021, Eq. 16 with eta 1: the same chain, step by step."""
    x = normal(3, 2, 2, 3)

    def draw(use: str) -> Tensor:
        return normal(3, 2, 2, 3, seed=sum(map(ord, use)))

    for steps in (1, 10):
        one, other = DdpmChain(0.3, steps)(mixture, x, draw), DdimChain(0.3, steps, 1.0)(mixture, x, draw)
        torch.testing.assert_close(one, other)
    assert not torch.allclose(DdimChain(0.3, 10, 0.5)(mixture, x, draw), other, atol=1e-3)


@pytest.mark.parametrize("t", [0.02, 0.1, 0.5])
def test_ddim_is_that_of_diffusers(mixture: Any, normal: Any, t: float) -> None:
    diffusers = pytest.importorskip("diffusers")
    first = round(1000 * t)
    scheduler = diffusers.DDIMScheduler(
        1000, 1e-4, 0.02, "linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing"
    )
    scheduler.set_timesteps(1000)
    bars = scheduler.alphas_cumprod.double()
    x, noise = normal(3, 2, 2, 3), normal(3, 2, 2, 3, seed=1)
    state = bars[first - 1].sqrt() * x + (1 - bars[first - 1]).sqrt() * noise
    for timestep in range(first - 1, -1, -1):
        sigma = ((1 - bars[timestep]) / bars[timestep]).sqrt()
        x0 = mixture(state / bars[timestep].sqrt(), sigma.expand(3))
        eps = (state - bars[timestep].sqrt() * x0) / (1 - bars[timestep]).sqrt()
        state = scheduler.step(eps, timestep, state, eta=0.0).prev_sample
    ours = DdimChain(t, first)(mixture, x, lambda use: noise)
    torch.testing.assert_close(ours, state, rtol=1e-4, atol=1e-5)  # their schedule is float32


def test_levels_are_those_of_the_timesteps() -> None:
    """alpha_bar of t* has index t* 1000 - 1: the product of the first t* 1000 factors. Against numpy."""
    products = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    for t in (0.001, 0.075, 0.1, 1.0):
        for steps in {1, min(7, round(1000 * t)), round(1000 * t)}:
            bars = bars_from(t, steps)
            assert len(bars) == steps + 1 and bars[-1] == 1
            assert float(bars[0]) == pytest.approx(products[round(1000 * t) - 1], rel=1e-12)
    np.testing.assert_allclose(bars_from(0.1, 100)[:-1].numpy(), products[99::-1])
    np.testing.assert_allclose(bars_from(0.1, 4)[:-1].numpy(), products[[99, 74, 49, 24]])


def test_every_step_has_a_level_of_its_own() -> None:
    """Two equal ones would be a step that does nothing, at the price of one that does."""
    for first in (1, 2, 3, 10, 33, 100, 999, 1000):
        for steps in range(1, first + 1, max(1, first // 40)):
            assert bool((bars_from(first / 1000, steps).diff() > 0).all()), (first, steps)


class Spy:
    """A denoiser of images in [0, 1] that keeps what it was asked."""

    def __init__(self, denoise: Any = None):
        self.denoise, self.asked = denoise or (lambda x, sigma: x), []

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.asked.append((x.detach().clone(), sigma.clone()))
        return self.denoise(x, sigma)  # type: ignore[no-any-return]


CHAINS = [DdpmChain, DdimChain, lambda t, n: Guided(t, n, 1.0)]


@pytest.mark.parametrize(("t", "level"), EQUIVALENTS)
@pytest.mark.parametrize(
    ("of", "near"),
    [*((chain, 0.003) for chain in CHAINS), (VpSde, 0.01), (VpOde, 0.01)],
    ids=["ddpm", "ddim", "guided", "sde", "ode"],
)
def test_the_noise_is_that_of_the_table_in_pixel_units(
    t: float, level: float, of: Any, near: float, normal: Any
) -> None:
    """What the denoiser is shown first is the image with this much noise, and it is told so.

    The table is that of the discrete schedule; in continuous time it is less than 1 % more (0.170 for 0.169).
    """
    spy, x, noise = Spy(), torch.rand(2, 1, 4, 4, dtype=torch.float64), normal(2, 1, 4, 4)
    purified(of(t, 5), spy, x, lambda use: noise)
    shown, told = spy.asked[0]
    assert told.shape == (2,) and told.tolist() == pytest.approx([level] * 2, rel=near)
    torch.testing.assert_close(shown, x + told.view(-1, 1, 1, 1) * noise)


def test_noise_in_continuous_time_is_that_of_the_integral() -> None:
    """Nie et al. 2022, Eq. 4: alpha(t) = exp(-(0.1 t + 19.9 t^2 / 2)), in numbers."""
    spy = Spy()
    purified(VpSde(0.1, 2), spy, torch.zeros(1, 1, 1, 1, dtype=torch.float64), lambda use: torch.zeros(1, 1, 1, 1))
    alpha = math.exp(-(0.1 * 0.1 + 19.9 * 0.1**2 / 2))
    assert float(spy.asked[0][1]) == pytest.approx(math.sqrt((1 - alpha) / alpha) / 2, rel=1e-12)


@SOLVERS
def test_each_step_is_one_pass_and_levels_fall(name: str, of: Callable[[int], Purifier], normal: Any) -> None:
    spy = Spy()
    purified(of(9), spy, torch.rand(2, 1, 4, 4, dtype=torch.float64), lambda use: normal(2, 1, 4, 4))
    levels = [float(sigma[0]) for _, sigma in spy.asked]
    assert len(levels) == 9 and levels == sorted(levels, reverse=True) and min(levels) > 0


def test_times_go_from_t_to_the_last_time_of_the_paper(mixture: Any) -> None:
    spy = Spy()
    purified(VpOde(T, 4), spy, torch.rand(1, 2, 2, 3, dtype=torch.float64), lambda use: torch.zeros(1, 2, 2, 3))
    times = torch.linspace(T, LAST_TIME, 5, dtype=torch.float64)[:-1].tolist()
    assert [float(s) for _, s in spy.asked] == pytest.approx([Vp().sigma(t) / 2 for t in times], rel=1e-12)
    assert LAST_TIME == 1e-5


@pytest.mark.parametrize("of", [VpSde, VpOde])
def test_a_short_time_changes_little(mixture: Any, normal: Any, of: Any) -> None:
    """Towards t = 0 a purifier becomes the identity: what is added is of the size of the noise."""
    x = normal(3, 2, 2, 3)
    moved = []
    for t in (1e-2, 1e-3, 1e-4, 2e-5):
        noises = {f"step {i}": normal(3, 2, 2, 3, seed=i) for i in range(4)} | {"diffuse": normal(3, 2, 2, 3, seed=9)}
        moved.append(float((of(t, 4)(mixture, x, noises.__getitem__) - x).abs().max()))
        assert moved[-1] < 20 * Vp().sigma(t)
    assert moved == sorted(moved, reverse=True) and moved[-1] < 0.03


# --- guidance


def test_without_guidance_it_is_ddpm(mixture: Any, normal: Any) -> None:
    x = normal(3, 2, 2, 3)

    def draw(use: str) -> Tensor:
        words = use.split()
        return normal(3, 2, 2, 3, seed=0 if words[0] == "diffuse" else 1 + int(words[-1]) + 100 * (words[0] == "input"))

    unguided = Guided(T, 10, 0.0)(mixture, x, draw)
    torch.testing.assert_close(unguided, DdpmChain(T, 10)(mixture, x, draw), rtol=0, atol=1e-12)
    assert not torch.allclose(Guided(T, 10, 5.0)(mixture, x, draw), unguided, atol=1e-3)


def test_guidance_pulls_towards_the_image_that_came_in(pixel: Any) -> None:
    """Of what goes in more comes out, the stronger it is; data at a mean of 0 are not moved."""
    gains = [Affine(Guided(T, 20, guidance), pixel(0.0, SD**2)).a for guidance in (0.0, 1.0, 5.0, 20.0)]
    assert gains == sorted(gains) and 0 < gains[0] < gains[-1] - 0.1 < 1
    assert Affine(Guided(T, 20, 5.0), pixel(0.0, SD**2)).b == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("repeats", [1, 2])
def test_guided_steps_are_those_of_the_paper(mixture: Any, normal: Any, repeats: int) -> None:
    """Wang et al. 2022, Alg. 1, written out; the gradient of the distance is asked of autograd."""
    x, t, steps, guidance = normal(3, 2, 2, 3), 0.05, 10, 3.0

    def draw(use: str) -> Tensor:
        return normal(3, 2, 2, 3, seed=sum((i + 1) * ord(c) for i, c in enumerate(use)))

    given, bars = x, bars_from(t, steps).tolist()
    for k in range(repeats):
        state = math.sqrt(bars[0]) * given + math.sqrt(1 - bars[0]) * draw(f"diffuse {k}")
        for i in range(steps):
            bar, before = bars[i], bars[i + 1]
            alpha = bar / before
            noisy = math.sqrt(bar) * given + math.sqrt(1 - bar) * draw(f"input {k} {i}")
            leaf = state.clone().requires_grad_()
            (gradient,) = torch.autograd.grad((leaf - noisy).square().sum(), leaf)
            x0 = mixture(state / math.sqrt(bar), torch.full((3,), math.sqrt((1 - bar) / bar), dtype=torch.float64))
            eps = (state - math.sqrt(bar) * x0) / math.sqrt(1 - bar)
            mean = (state - (1 - alpha) / math.sqrt(1 - bar) * eps) / math.sqrt(alpha)
            variance = (1 - alpha) * (1 - before) / (1 - bar)
            scale = guidance * math.sqrt(1 - bar) / math.sqrt(bar)
            state = mean - scale * variance * gradient + math.sqrt(variance) * draw(f"step {k} {i}")
        given = state
    torch.testing.assert_close(Guided(t, steps, guidance, repeats)(mixture, x, draw), given)


# --- gradients


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 2, 3, padding=1)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        made: Tensor = self.out(torch.tanh(3 * self.into(x) + sigma.view(-1, 1, 1, 1)))
        return made


DIFFERENTIATED: list[Purifier] = [
    VpSde(T, 6),
    VpOde(T, 6),
    DdpmChain(T, 6),
    DdimChain(T, 6),
    DdimChain(T, 6, 0.7),
    Guided(T, 6, 4.0),
    Guided(T, 3, 4.0, repeats=2),
]


@pytest.mark.parametrize("purifier", DIFFERENTIATED, ids=str)
def test_the_gradient_is_that_of_autograd_through_the_same_steps(
    purifier: Purifier, normal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = seeded(Network, 1).double().requires_grad_(False)
    shape = (3, 2, 5, 5)

    def run() -> tuple[Tensor, Tensor]:
        x = (0.5 + 0.2 * normal(*shape)).requires_grad_()
        out = purified(purifier, network, x, lambda use: normal(*shape, seed=sum(map(ord, use))))
        (found,) = torch.autograd.grad((out * normal(*shape, seed=2)).sum() + out.pow(3).sum(), x)
        return out.detach(), found

    ours = run()
    asked = []

    def plain(steps: Any, x: Tensor) -> Tensor:
        asked.append(len(steps))
        for step in steps:
            x = step(x)
        return x

    monkeypatch.setattr(purification, "trajectory", plain)
    theirs = run()
    assert asked
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-11, atol=1e-12)
    assert float(theirs[1].abs().mean()) > 0.01


def test_the_way_of_guidance_carries_a_gradient_of_its_own(pixel: Any) -> None:
    """The input guides every step: cut off there, the gradient would be that of DDPM's way alone."""
    x = torch.full((1, 1, 1, 1), 0.1, dtype=torch.float64).requires_grad_()
    denoise, zeros = pixel(0.0, SD**2), torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    (found,) = torch.autograd.grad(Guided(T, 20, 10.0)(denoise, x, lambda use: zeros).sum(), x)
    assert float(found) == pytest.approx(Affine(Guided(T, 20, 10.0), denoise).a, rel=1e-10)


def test_rows_do_not_depend_on_each_other(mixture: Any, normal: Any) -> None:
    x = normal(4, 2, 2, 3)
    for purifier in DIFFERENTIATED:
        together = purifier(mixture, x, lambda use: normal(4, 2, 2, 3, seed=sum(map(ord, use))))
        alone = purifier(mixture, x[2:3], lambda use: normal(4, 2, 2, 3, seed=sum(map(ord, use)))[2:3])
        torch.testing.assert_close(alone, together[2:3], rtol=1e-12, atol=1e-12)


# --- units


def test_network_units(normal: Any) -> None:
    spy = Spy(lambda x, sigma: x * 0.5)
    x, sigma = normal(2, 1, 2, 2), torch.tensor([0.5, 1.0], dtype=torch.float64)
    answer = in_network_units(spy)(x, sigma)
    torch.testing.assert_close(spy.asked[0][0], to_boundary(x))
    assert spy.asked[0][1].tolist() == [0.25, 0.5]
    torch.testing.assert_close(answer, from_boundary(0.5 * to_boundary(x)))


def test_images_keep_their_type_and_are_not_clipped(normal: Any) -> None:
    x = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    wide = purified(VpOde(T, 5), lambda x, sigma: x.double(), x, lambda use: torch.ones(2, 1, 1, 1))
    assert wide.dtype == torch.float32
    assert float(wide.max()) > 1
