"""Projected gradient ascent: the plain attack that every stronger one is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional

from trustdm.bench.perturb.budget import norms, project
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget


@dataclass(frozen=True)
class PgdSettings:
    """``step`` in [0, 1] pixel units; ``eot`` forwards are averaged at each step where the target is randomized."""

    steps: int
    step: float
    loss: Literal["margin", "ce"] = "margin"
    random_start: bool = True
    eot: int = 1


def pgd(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, settings: PgdSettings) -> Tensor:
    """Returns, for each row, the iterate with the largest margin (largest other logit minus the true one).

    Iterates are the start and every point after a step, the last one included; a row is misclassified somewhere on the
    path exactly if the point that is returned is. The largest margin is taken rather than the first success, because
    the first success often lies so close to the boundary that another batch size undoes it. Every row takes every
    step, so no row can influence another. Madry et al. 2018, section 2.1; the margin loss is Carlini and Wagner 2017
    (f6 without its floor).

    Args:
        target: randomized ones are asked ``settings.eot`` times at each point, others once.
        x: float32 (B, C, H, W) in [0, 1].
        y: int64 (B,).
        budget: sign steps in "linf", steps along the normalised gradient in "l2".
        noise: row i belongs to ``x[i]``; the start is uniform in the ball.
        settings: the parameters.
    """
    if not len(x):
        return x.clone()
    point = start_in_ball(x, budget, noise) if settings.random_start else x.clone()
    best, best_margin = point, torch.full((len(x),), -torch.inf, device=x.device)
    for _ in range(settings.steps):
        margin, gradient = _climb(target, point, y, settings)
        best, best_margin = _larger(best, best_margin, point, margin)
        point = project(x, point + settings.step * ascent(gradient, budget.norm), budget)
    with torch.no_grad():
        last = torch.stack([margins(target(point), y) for _ in range(_draws(target, settings))]).mean(0)
    return _larger(best, best_margin, point, last)[0]


def margins(logits: Tensor, y: Tensor) -> Tensor:
    """(B,): the largest logit of another class minus the true one; positive where misclassified."""
    true = functional.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(true, -torch.inf).amax(1) - logits.gather(1, y[:, None])[:, 0]


def ascent(gradient: Tensor, norm: str) -> Tensor:
    """The direction of steepest ascent, of length 1 in ``norm``; zero where the gradient is."""
    if norm == "linf":
        return gradient.sign()
    size = norms(gradient, norm).view(-1, *[1] * (gradient.dim() - 1))
    return (gradient.double() / size.where(size > 0, torch.ones_like(size))).to(gradient.dtype)


def start_in_ball(x: Tensor, budget: Budget, noise: Noise) -> Tensor:
    """Points uniform in the ball around ``x``, then clipped to [0, 1]."""
    shape = x.shape[1:]
    if budget.norm == "linf":
        delta = 2 * torch.from_numpy(noise.uniform("pgd-start", shape)) - 1
    else:
        # Uniform in a ball of d dimensions: a direction, and a radius whose d-th power is uniform.
        direction = ascent(torch.from_numpy(noise.normal("pgd-start", shape)), budget.norm)
        radius = torch.from_numpy(noise.uniform("pgd-radius", (1,) * len(shape))) ** (1 / shape.numel())
        delta = radius * direction
    return project(x, x + budget.radius * delta.to(x.device), budget)


def _climb(target: AttackTarget, point: Tensor, y: Tensor, settings: PgdSettings) -> tuple[Tensor, Tensor]:
    draws = _draws(target, settings)
    margin, gradient = torch.zeros(len(point), device=point.device), torch.zeros_like(point)
    leaf = point.detach().requires_grad_()
    for _ in range(draws):
        with torch.enable_grad():
            logits = target(leaf)
            gap = margins(logits, y)
            loss = gap if settings.loss == "margin" else functional.cross_entropy(logits, y, reduction="none")
            gradient += torch.autograd.grad(loss.sum(), leaf)[0]
        margin += gap.detach()
    return margin / draws, gradient / draws


def _draws(target: AttackTarget, settings: PgdSettings) -> int:
    return settings.eot if target.randomized else 1


def _larger(best: Tensor, best_margin: Tensor, point: Tensor, margin: Tensor) -> tuple[Tensor, Tensor]:
    better = margin > best_margin
    return torch.where(better.view(-1, *[1] * (point.dim() - 1)), point, best), margin.where(better, best_margin)
