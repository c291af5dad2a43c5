from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion import schedules
from trustdm.bench.diffusion.exact import Gaussian
from trustdm.bench.diffusion.preconditioning import (
    PRECONDITIONINGS,
    Discrete,
    Edm,
    Iddpm,
    from_boundary,
    precondition,
    preconditioning,
    to_boundary,
)
from trustdm.bench.errors import UnknownName
from trustdm.bench.training.weights import modules_in

SIGMA = torch.tensor([0.002, 0.1, 1.0, 79.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "skip", "out", "into", "noise"),
    [
        (
            "edm",
            lambda s: 0.25 / (s**2 + 0.25),
            lambda s: s * 0.5 / math.sqrt(0.25 + s**2),
            lambda s: 1 / math.sqrt(s**2 + 0.25),
            lambda s: math.log(s) / 4,
        ),
        (
            "vp",
            lambda s: 1,
            lambda s: -s,
            lambda s: 1 / math.sqrt(s**2 + 1),
            lambda s: 999 * (math.sqrt(0.01 + 2 * 19.9 * math.log1p(s**2)) - 0.1) / 19.9,
        ),
        ("ve", lambda s: 1, lambda s: s, lambda s: 1, lambda s: math.log(s / 2)),
        ("iddpm", lambda s: 1, lambda s: -s, lambda s: 1 / math.sqrt(s**2 + 1), None),
    ],
)
def test_table_1_of_the_edm_paper(name: str, skip: Any, out: Any, into: Any, noise: Any) -> None:
    c = preconditioning(name).coefficients(SIGMA)
    for found, formula in ((c.skip, skip), (c.out, out), (c.into, into), (c.noise, noise)):
        if formula is not None:
            assert found.tolist() == pytest.approx([formula(float(s)) for s in SIGMA], rel=1e-9)


def test_iddpm_counts_timesteps_up_from_the_last_level() -> None:
    grid = schedules.iddpm_grid()
    noise = Iddpm().coefficients(grid[:-1]).noise
    assert noise.tolist() == list(range(999, -1, -1))


def test_edm_inputs_and_targets_have_unit_variance(normal: Any) -> None:
    """What the EDM coefficients were derived for (Karras et al. 2022, appendix B.6)."""
    x0 = 0.5 * normal(200_000)
    for sigma in (0.05, 0.5, 5.0):
        noisy = x0 + sigma * normal(200_000, seed=1)
        c = Edm().coefficients(torch.tensor([sigma], dtype=torch.float64))
        # The standard error of a variance of normal values is sqrt(2 / n): 0.0032.
        assert float((c.into * noisy).var()) == pytest.approx(1, abs=0.016)
        assert float(((x0 - c.skip * noisy) / c.out).var()) == pytest.approx(1, abs=0.016)


@pytest.mark.parametrize("kind", [*PRECONDITIONINGS, "epsilon", "v", "sample"])
def test_a_network_with_the_right_answer_gives_the_exact_denoiser(normal: Any, kind: str) -> None:
    """F solved for a normal distribution; the state is float64, the network float32."""
    bars = schedules.alpha_bars(schedules.linear_betas())
    how = preconditioning(kind) if kind in PRECONDITIONINGS else Discrete(bars, kind)  # type: ignore[arg-type]
    exact, seen = Gaussian(torch.full((1, 2, 2), 0.2), 0.3), []
    x, sigma = normal(4, 1, 2, 2) * SIGMA.view(4, 1, 1, 1), SIGMA

    def network(into: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
        assert into.dtype == noise.dtype == torch.float32 and noise.shape == (4,)
        seen.append(labels)
        c = how.coefficients(sigma)
        return ((exact(x, sigma) - c.skip.view(4, 1, 1, 1) * x) / c.out.view(4, 1, 1, 1)).float()

    labels = torch.arange(4)
    found = precondition(network, how)(x, sigma, labels)
    assert found.dtype == torch.float64 and seen == [labels]
    torch.testing.assert_close(found, exact(x, sigma), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("predicts", ["epsilon", "v", "sample"])
def test_what_discrete_networks_predict(normal: Any, predicts: Any) -> None:
    """x_t = sqrt(abar) x0 + sqrt(1 - abar) e, v = sqrt(abar) e - sqrt(1 - abar) x0 (Salimans and Ho 2022)."""
    bars = schedules.alpha_bars(schedules.linear_betas())
    x0, e, t = normal(3, 1, 2, 2), normal(3, 1, 2, 2, seed=1), torch.tensor([10, 400, 800])
    a, b = bars[t].sqrt().view(3, 1, 1, 1), (1 - bars[t]).sqrt().view(3, 1, 1, 1)

    def network(into: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
        assert noise.tolist() == t.tolist()
        torch.testing.assert_close(into, (a * x0 + b * e).float())
        return {"epsilon": e, "v": a * e - b * x0, "sample": x0}[predicts].float()

    sigma = schedules.sigma_of(bars[t])
    found = precondition(network, Discrete(bars, predicts))(x0 + sigma.view(3, 1, 1, 1) * e, sigma)
    torch.testing.assert_close(found, x0, rtol=0, atol=2e-5)


def test_a_name_is_enough_and_an_unknown_one_is_told_its_neighbours() -> None:
    assert precondition(lambda x, n, y: x, "edm").kind == Edm()
    with pytest.raises(UnknownName, match="unknown preconditioning 'edn'; did you mean 'edm'"):
        precondition(lambda x, n, y: x, "edn")


def test_gradients_flow_and_the_harness_finds_the_network() -> None:
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    denoise = precondition(lambda x, n, y: network(x), "edm")
    x = torch.zeros(2, 1, 4, 4, requires_grad=True)
    denoise(x, torch.ones(2)).sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert modules_in(denoise) == [network]


def test_the_boundary_halves_levels() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0])
    assert to_boundary(x).tolist() == [0.0, 0.5, 1.0]
    assert torch.equal(from_boundary(to_boundary(x)), x)
    clean, noise = torch.rand(5), torch.randn(5)
    torch.testing.assert_close(from_boundary(clean + 0.3 * noise), from_boundary(clean) + 0.6 * noise)
