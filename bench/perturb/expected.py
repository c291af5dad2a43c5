"""Searches that follow the gradient of an expected loss: EOT (Athalye et al. 2018), its draws batched.

The loss of an image is averaged over draws of the method, and so is its gradient. All noise belongs to (example, call,
draw), so that a row's search does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional

from trustdm.bench.perturb.budget import project
from trustdm.bench.perturb.pgd import ascent, margins, start_in_ball
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.targets.randomized import DrawnTarget

LossName = Literal["margin", "ce", "dlr"]
Shape = Callable[[Tensor], Tensor]
"""What is done to a gradient, or to a perturbation, before it is used: the identity, a low-pass filter."""


@dataclass(frozen=True)
class EotSettings:
    """``step`` in [0, 1] pixel units; ``draws`` are averaged at each step of a randomized target."""

    steps: int
    step: float
    draws: int
    loss: LossName = "margin"
    random_start: bool = True


@dataclass(frozen=True)
class Ends:
    """Where a search ended: at its last iterate, and at the iterate of largest expected margin on the way."""

    last: Tensor
    best: Tensor


def losses(logits: Tensor, y: Tensor, name: LossName) -> Tensor:
    """(B,) to be raised: the margin (Carlini and Wagner 2017), cross-entropy, or DLR (Croce and Hein 2020, Eq. 6)."""
    if name == "ce":
        return functional.cross_entropy(logits, y, reduction="none")
    gap = margins(logits, y)
    if name == "margin":
        return gap
    ranked = logits.sort(1, descending=True)[0]
    return gap / (ranked[:, 0] - ranked[:, 2] + 1e-12)


def expected(target: DrawnTarget, x: Tensor, y: Tensor, draws: int, loss: LossName) -> tuple[Tensor, Tensor, Tensor]:
    """The mean margin (B,), the mean loss (B,) and the gradient of the loss at ``x``, over ``draws`` new draws."""
    count = draws if target.randomized else 1
    margin, total, gradient = x.new_zeros(len(x)), x.new_zeros(len(x)), torch.zeros_like(x)
    leaf = x.detach().requires_grad_()
    with torch.enable_grad():
        for logits in target.many(leaf, count):
            flat, labels = logits.flatten(0, 1), y.repeat(len(logits))
            value = losses(flat, labels, loss).view(len(logits), -1)
            gradient += torch.autograd.grad(value.sum(), leaf)[0]
            total += value.detach().sum(0)
            margin += margins(flat.detach(), labels).view(len(logits), -1).sum(0)
    return margin / count, total / count, gradient / count


def expected_margin(target: DrawnTarget, x: Tensor, y: Tensor, draws: int) -> Tensor:
    """(B,): the mean over new draws of the largest other logit minus the true one."""
    count = draws if target.randomized else 1
    with torch.no_grad():
        parts = [
            margins(logits.flatten(0, 1), y.repeat(len(logits))).view(len(logits), -1).sum(0)
            for logits in target.many(x, count)
        ]
    return torch.stack(parts).sum(0) / count


def pgd_eot(
    target: DrawnTarget,
    x: Tensor,
    y: Tensor,
    budget: Budget,
    noise: Noise,
    settings: EotSettings,
    shape: Shape = lambda delta: delta,
) -> Ends:
    """Projected ascent of the expected loss; every row takes every step.

    Which iterate is best is told by the attack's own draws: the harness judges it, and the last one, on others.

    Args:
        target: the method.
        x: float32 (B, C, H, W) in [0, 1].
        y: int64 (B,).
        budget: sign steps in "linf", steps along the normalised gradient in "l2".
        noise: row i belongs to ``x[i]``; the start is uniform in the ball.
        settings: the parameters.
        shape: applied to each gradient and to the start; a perturbation stays in its range up to the projection.
    """
    if not len(x):
        return Ends(x.clone(), x.clone())
    point = x.clone()
    if settings.random_start:
        point = project(x, x + shape(start_in_ball(x, budget, noise) - x), budget)
    best, most = point, x.new_full((len(x),), -torch.inf)
    for _ in range(settings.steps):
        margin, _, gradient = expected(target, point, y, settings.draws, settings.loss)
        best, most = _larger(best, most, point, margin)
        point = project(x, point + settings.step * _direction(gradient, budget, shape), budget)
    best, _ = _larger(best, most, point, expected_margin(target, point, y, settings.draws))
    return Ends(point, best)


def _direction(gradient: Tensor, budget: Budget, shape: Shape) -> Tensor:
    """The step: of largest gain in the norm, of the range of ``shape``."""
    direction = shape(ascent(shape(gradient), budget.norm))
    if budget.norm == "l2":
        return ascent(direction, "l2")
    return direction / direction.flatten(1).abs().amax(1).clamp_min(1e-12).view(-1, *[1] * (direction.dim() - 1))


def _larger(best: Tensor, most: Tensor, point: Tensor, margin: Tensor) -> tuple[Tensor, Tensor]:
    better = margin > most
    return torch.where(better.view(-1, *[1] * (point.dim() - 1)), point, best), margin.where(better, most)
