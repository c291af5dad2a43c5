"""Auto-PGD (Croce and Hein 2020, algorithm 1) on an expected loss, whose draws are batched.

pyautoattack's search asks a randomized method draw by draw. This one is the same algorithm on the mean over draws;
with one draw of a deterministic method its iterates are pyautoattack's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trustdm.bench.perturb.budget import project
from trustdm.bench.perturb.expected import Ends, EotSettings, expected
from trustdm.bench.perturb.pgd import ascent, start_in_ball
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.targets.randomized import DrawnTarget

MOMENTUM = 0.75
RHO = 0.75
"""Share of the steps between checkpoints that must raise the loss, or the step size is halved."""
FIRST, SHORTER, SHORTEST = 0.22, 0.03, 0.06
"""The checkpoints, as shares of the iterations: the first span, by how much each is shorter, and the shortest."""


def apgd_eot(target: DrawnTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, settings: EotSettings) -> Ends:
    """The last iterate, and the one of largest expected margin; ``settings.step`` is not used.

    Args:
        target: the method.
        x: float32 (B, C, H, W) in [0, 1].
        y: int64 (B,).
        budget: sign steps in "linf", steps along the normalised gradient in "l2".
        noise: row i belongs to ``x[i]``; the start is uniform in the ball.
        settings: ``steps`` iterations of ``draws`` draws.
    """
    if not len(x):
        return Ends(x.clone(), x.clone())
    point = start_in_ball(x, budget, noise) if settings.random_start else x.clone()
    search = _Search(x, budget, settings.steps)
    margin, loss, gradient = expected(target, point, y, settings.draws, settings.loss)
    best, most = point, margin
    search.begin(point, loss, gradient)
    for _ in range(settings.steps):
        point = search.step()
        margin, loss, gradient = expected(target, point, y, settings.draws, settings.loss)
        better = margin > most
        best, most = torch.where(_as(better, point), point, best), margin.where(better, most)
        search.saw(loss, gradient)
    return Ends(point, best)


@dataclass
class _Search:
    """The state of algorithm 1; every row has a step size of its own."""

    x: Tensor
    budget: Budget
    iterations: int
    at: int = 0
    since: int = 0
    raised: list[Tensor] = field(default_factory=list)

    def begin(self, point: Tensor, loss: Tensor, gradient: Tensor) -> None:
        """The start, with what was seen there."""
        self.point, self.before = point, point
        self.gradient, self.loss = gradient, loss
        self.best, self.best_gradient, self.best_loss = point, gradient, loss
        self.size = torch.full_like(loss, 2 * self.budget.radius)
        self.span = max(int(FIRST * self.iterations), 1)
        self.checked_loss, self.was_halved = loss, torch.ones_like(loss, dtype=torch.bool)

    def step(self) -> Tensor:
        """The next iterate: a step along the gradient, with momentum. Eq. 4 and 5."""
        a = MOMENTUM if self.at else 1.0
        along = project(
            self.x, self.point + _as(self.size, self.x) * ascent(self.gradient, self.budget.norm), self.budget
        )
        moved = self.point + a * (along - self.point) + (1 - a) * (self.point - self.before)
        self.before, self.point = self.point, project(self.x, moved, self.budget)
        return self.point

    def saw(self, loss: Tensor, gradient: Tensor) -> None:
        """What was seen at the iterate; at a checkpoint, rows that do not get on start again from their best point."""
        self.raised.append(loss > self.loss)
        self.loss, self.gradient = loss, gradient
        better = loss > self.best_loss
        self.best = torch.where(_as(better, self.x), self.point, self.best)
        self.best_gradient = torch.where(_as(better, self.x), gradient, self.best_gradient)
        self.best_loss = loss.where(better, self.best_loss)
        self.at, self.since = self.at + 1, self.since + 1
        if self.since == self.span:
            self._check()

    def _check(self) -> None:
        """Conditions 1 and 2 of section 3.2."""
        few = torch.stack(self.raised[-self.span :]).sum(0) <= RHO * self.span
        stuck = ~self.was_halved & (self.checked_loss >= self.best_loss)
        halve = few | stuck
        self.size = torch.where(halve, self.size / 2, self.size)
        self.point = torch.where(_as(halve, self.x), self.best, self.point)
        self.gradient = torch.where(_as(halve, self.x), self.best_gradient, self.gradient)
        self.was_halved, self.checked_loss = halve, self.best_loss
        self.span = max(self.span - max(int(SHORTER * self.iterations), 1), max(int(SHORTEST * self.iterations), 1))
        self.since = 0


def _as(rows: Tensor, like: Tensor) -> Tensor:
    return rows.view(-1, *[1] * (like.dim() - 1))
