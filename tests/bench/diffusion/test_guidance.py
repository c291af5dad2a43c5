from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion.ddpm import Ancestral, ddpm, visited
from trustdm.bench.diffusion.denoiser import bind, score
from trustdm.bench.diffusion.exact import Mixture
from trustdm.bench.diffusion.guidance import (
    Guidance,
    classifier_free,
    log_gradient,
    mean_pull,
    scale_of,
    with_classifier,
)
from trustdm.bench.diffusion.langevin import Step, langevin
from trustdm.bench.diffusion.ode import heun
from trustdm.bench.diffusion.schedules import karras, linear_betas

LABELS = torch.tensor([0, 1, 2, 1])
LEVELS = torch.tensor([0.2, 0.5, 2.0, 9.0], dtype=torch.float64)


def guided_by(mixture: Mixture, kind: str, scale: float) -> Any:
    if kind == "classifier":
        return with_classifier(mixture, mixture.log_posterior, scale)
    return classifier_free(mixture, scale)


@pytest.mark.parametrize("kind", ["classifier", "classifier-free"])
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 3.0])
def test_the_guided_score_is_that_of_the_tilted_density(normal: Any, mixture: Mixture, kind: str, scale: float) -> None:
    """p(x) p(y | x)^s at every level; s = 0 and s = 1 are the two denoisers themselves."""
    x = normal(4, 2, 2, 3).requires_grad_()
    log_y = mixture.log_posterior(x, LEVELS).gather(1, LABELS[:, None])[:, 0]
    tilted = mixture.log_density(x, LEVELS) + scale * log_y
    gradient = torch.autograd.grad(tilted.sum(), x)[0]
    guided = guided_by(mixture, kind, scale)(x.detach(), LEVELS, LABELS)
    torch.testing.assert_close((guided - x.detach()) / LEVELS.square().view(4, 1, 1, 1), gradient, rtol=1e-7, atol=1e-7)
    if scale in (0.0, 1.0):
        plain = mixture(x.detach(), LEVELS, LABELS if scale else None)
        torch.testing.assert_close(guided, plain, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", ["classifier", "classifier-free"])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_samples_at_a_level_have_the_moments_of_the_tilted_posterior(kind: str, scale: float) -> None:
    """Langevin steps at one level; the moments of p(x) p(y | x)^s by quadrature."""
    one = torch.tensor([1.0, 1.0, 1.5], dtype=torch.float64)
    means = torch.tensor([-1.0, 0.6, 0.1], dtype=torch.float64).view(3, 1, 1, 1)
    mixture = Mixture(one, means, torch.tensor([0.1, 0.2, 0.05]), torch.tensor([0, 1, 1]))
    sigma, rows, state = 0.5, 10_000, torch.Generator().manual_seed(0)

    grid = torch.linspace(-6, 6, 6001, dtype=torch.float64)
    level = torch.full_like(grid, sigma)
    at = grid.view(-1, 1, 1, 1)
    weight = (mixture.log_density(at, level) + scale * mixture.log_posterior(at, level)[:, 1]).softmax(0)
    mean = float((weight * grid).sum())
    variance = float((weight * (grid - mean).square()).sum())

    def draw(use: str) -> Tensor:
        return torch.randn(rows, 1, 1, 1, generator=state, dtype=torch.float64)

    denoise = bind(guided_by(mixture, kind, scale), torch.ones(rows, dtype=torch.int64))
    levels = torch.tensor([sigma], dtype=torch.float64)
    found = langevin(denoise, draw("initial"), levels, draw, Step(0.02, "epsilon"), each=250)
    # Five standard errors; the step makes the variance about a / (4 v) = 1.5% too wide.
    assert float(found.mean()) == pytest.approx(mean, abs=5 * math.sqrt(variance / rows))
    assert float(found.var()) == pytest.approx(variance, rel=5 * math.sqrt(2 / rows) + 0.02)


@pytest.mark.parametrize("kind", ["classifier", "classifier-free"])
def test_scale_one_samples_the_class(normal: Any, kind: str) -> None:
    """Two components of class 1: their weights, means and spreads come back."""
    means = torch.tensor([-2.0, 0.5, 3.0], dtype=torch.float64).view(3, 1, 1, 1)
    mixture = Mixture(torch.tensor([0.5, 0.2, 0.3]), means, torch.tensor([0.1, 0.04, 0.09]), torch.tensor([0, 1, 1]))
    rows = 8000
    denoise = bind(guided_by(mixture, kind, 1.0), torch.ones(rows, dtype=torch.int64))
    found = heun(denoise, 80 * normal(rows, 1, 1, 1), karras(40)).flatten()
    upper = found[found > 1.75]
    assert len(upper) / rows == pytest.approx(0.6, abs=5 * math.sqrt(0.24 / rows))
    assert float(upper.mean()) == pytest.approx(3.0, abs=5 * 0.3 / math.sqrt(len(upper)))
    assert float(upper.std()) == pytest.approx(0.3, rel=0.05)
    assert float(found[found < 1.75].mean()) == pytest.approx(0.5, abs=5 * 0.2 / math.sqrt(rows - len(upper)))


def test_without_labels_nothing_guides(normal: Any, mixture: Mixture, counted: Any) -> None:
    x = normal(4, 2, 2, 3)
    for guidance in (Guidance(3.0), Guidance(3.0, mixture.log_posterior), Guidance(3.0, mixture.log_posterior, True)):
        denoise = counted(mixture)
        assert torch.equal(guidance.applied(denoise)(x, LEVELS, None), mixture(x, LEVELS))
        assert denoise.calls == 1


def test_evaluations_are_those_made(normal: Any, mixture: Mixture, counted: Any) -> None:
    x = normal(4, 2, 2, 3)
    for guidance in (Guidance(3.0), Guidance(3.0, mixture.log_posterior), Guidance(3.0, mixture.log_posterior, True)):
        denoise = counted(mixture)
        guidance.applied(denoise)(x, LEVELS, LABELS)
        assert denoise.calls == guidance.evaluations


def test_a_classifier_may_guide_a_conditional_denoiser(normal: Any, mixture: Mixture) -> None:
    x = normal(4, 2, 2, 3)
    gradient = log_gradient(mixture.log_posterior, x, LEVELS, LABELS)
    found = Guidance(2.0, mixture.log_posterior, conditional=True).applied(mixture)(x, LEVELS, LABELS)
    torch.testing.assert_close(found, mixture(x, LEVELS, LABELS) + 2 * LEVELS.square().view(4, 1, 1, 1) * gradient)


def test_the_classifier_works_where_gradients_are_off(normal: Any, mixture: Mixture) -> None:
    x = normal(4, 2, 2, 3)
    with torch.no_grad():
        off = log_gradient(mixture.log_posterior, x, LEVELS, LABELS)
    assert torch.equal(off, log_gradient(mixture.log_posterior, x, LEVELS, LABELS)) and not off.requires_grad


def test_w_counts_from_one() -> None:
    """Ho and Salimans 2021, Eq. 6: (1 + w) eps_c - w eps_u."""
    conditional, free, w = 0.7, 0.2, 1.5
    assert free + scale_of(w) * (conditional - free) == pytest.approx((1 + w) * conditional - w * free)


def test_the_ddpm_form_moves_the_mean_by_the_variance_times_the_gradient(normal: Any, mixture: Mixture) -> None:
    """One step of Dhariwal and Nichol 2021, Alg. 1, with the gradient taken with respect to x_t."""
    bars, x = torch.tensor([0.4, 0.6], dtype=torch.float64), normal(4, 2, 2, 3)
    zero = torch.zeros_like(x)
    plain = ddpm(mixture, x, bars, lambda use: zero, Ancestral("large"))
    how = Ancestral("large", pull=mean_pull(mixture.log_posterior, LABELS, 2.0))
    sigma = torch.full((4,), math.sqrt(1.5), dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    log_y = mixture.log_posterior(leaf / math.sqrt(0.4), sigma).log_softmax(1).gather(1, LABELS[:, None]).sum()
    shift = (1 - 0.4 / 0.6) * 2.0 * torch.autograd.grad(log_y, leaf)[0]
    torch.testing.assert_close(ddpm(mixture, x, bars, lambda use: zero, how), plain + shift)


def test_both_forms_agree_as_steps_become_small(normal: Any, orders: Any, mixture: Mixture) -> None:
    x, gaps = normal(4, 2, 2, 3), []
    for steps in (200, 400, 800):
        bars = visited(linear_betas(steps, 0.1 / steps, 20 / steps), steps)[: steps // 2]
        zero = torch.zeros_like(x)
        pulled = Ancestral("large", pull=mean_pull(mixture.log_posterior, LABELS, 1.0))
        one = ddpm(mixture, x, bars, lambda use, z=zero: z, pulled)
        denoise = bind(with_classifier(mixture, mixture.log_posterior, 1.0), LABELS)
        gaps.append(float((one - ddpm(denoise, x, bars, lambda use, z=zero: z, Ancestral("large"))).abs().max()))
    assert orders(gaps) == pytest.approx([1, 1], abs=0.2), gaps


def test_the_gradient_of_a_row_is_its_own(normal: Any, mixture: Mixture) -> None:
    x = normal(4, 2, 2, 3)
    whole = log_gradient(mixture.log_posterior, x, LEVELS, LABELS)
    torch.testing.assert_close(whole[2:3], log_gradient(mixture.log_posterior, x[2:3], LEVELS[2:3], LABELS[2:3]))
    torch.testing.assert_close(
        score(bind(mixture, LABELS), x, 0.7),
        score(mixture, x, 0.7) + log_gradient(mixture.log_posterior, x, torch.full((4,), 0.7).double(), LABELS),
    )
