"""Targeted FAB (Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack").

The search is that of pyautoattack 0.2.0, whose class is what the tests compare with. What differs: gradients are taken
with respect to images only, the searches for all classes go side by side, and an image that is decisively misclassified
inside the budget leaves the batch (on a deterministic target): how near it is plays no part in the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trustdm.bench.perturb.budget import norms
from trustdm.bench.perturb.hyperplane import step_to
from trustdm.bench.perturb.searches import decisive, gaps, likeliest_others, open_rows, parts
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget

ALPHA_MAX, ETA, BETA = 0.1, 1.05, 0.9
"""The most that the step from the image weighs, how far steps overshoot, how far the way back goes."""
SHORTEST = 1e-8
"""Steps count as no shorter than this when they are weighed against each other."""


def fab_t(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, *, iterations: int, targets: int) -> Tensor:
    """Returns, for each row, a misclassified point within the budget, or ``x`` itself where none was found.

    One search for each of the ``targets`` likeliest other classes, side by side, until one is decisively inside.
    A randomized target is asked by one search after the other, always about all rows, in their order; the first that
    ends inside the budget is kept, and is the point of smallest norm that it met.
    """
    adv, broken = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    if not len(x):
        return adv
    goals = likeliest_others(target, x, y)[:, :targets]
    for together in torch.split(goals, 1 if target.randomized else goals.shape[1], dim=1):
        left = open_rows(broken, target.randomized)
        for rows in parts(left, together.shape[1], len(x)):
            found, size = _Walk(target, x[rows], y[rows], together[rows], budget).run(iterations)
            nearest = size.argmin(1)
            every = torch.arange(len(rows), device=rows.device)
            size, found = size[every, nearest], found[every, nearest]
            hit = ~broken[rows] & (size > 0) & (size <= budget.radius)
            adv[rows[hit]], broken[rows[hit]] = found[hit], True
    return adv


@dataclass
class _Searches:
    """One row for each search that goes on; ``number`` is its place among all."""

    number: Tensor
    x: Tensor
    y: Tensor
    goal: Tensor
    point: Tensor

    def keep(self, which: Tensor) -> None:
        """Goes on with these searches only."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[which])


class _Walk:
    """Searches of R rows (R, C, H, W) for ``goals`` (R, G) each."""

    def __init__(self, target: AttackTarget, x: Tensor, y: Tensor, goals: Tensor, budget: Budget):
        rows, self._each = goals.shape
        spread = torch.arange(rows, device=x.device).repeat_interleave(self._each)
        self._target, self._budget = target, budget
        number = torch.arange(len(spread), device=x.device)
        self._s = _Searches(number, x[spread], y[spread], goals.flatten(), x[spread])
        self._size = torch.full((len(spread),), torch.inf, dtype=torch.float64, device=x.device)
        self._nearest = x[spread]

    def run(self, iterations: int) -> tuple[Tensor, Tensor]:
        """The misclassified points (R, G, C, H, W) of smallest norm, and these norms (R, G): infinite where none is."""
        for _ in range(iterations):
            if not len(self._s.number):
                break
            self._step()
            self._look()
        shape = (-1, self._each)
        return torch.unflatten(self._nearest, 0, shape), torch.unflatten(self._size, 0, shape)

    def _step(self) -> None:
        """To the linearised boundary, seen from the point and from the image, a little beyond, and weighed."""
        s = self._s
        gap, gradient = self._slope()
        point, x, weights = s.point.flatten(1), s.x.flatten(1), gradient.flatten(1)
        offset = (weights * (x - point)).sum(1) + gap
        steps = step_to(
            torch.cat([point, x]), torch.cat([weights, weights]), torch.cat([gap, offset]), self._budget.norm
        )
        own, image = torch.split(steps, len(point))
        size = norms(steps, self._budget.norm).to(x.dtype).clamp_min_(SHORTEST)[:, None]
        share = (size[: len(x)] / (size[: len(x)] + size[len(x) :])).clamp_max_(ALPHA_MAX)
        ahead = (point + ETA * own) * (1 - share) + (x + ETA * image) * share
        s.point = ahead.clamp_(0, 1).view_as(s.x)

    def _slope(self) -> tuple[Tensor, Tensor]:
        """Logit of the class aimed at minus that of the true one (B,), and its gradient (B, C, H, W)."""
        s = self._s
        leaf = s.point.detach().requires_grad_()
        with torch.enable_grad():
            logits = self._target(leaf)
            gap = (logits.gather(1, s.goal[:, None]) - logits.gather(1, s.y[:, None]))[:, 0]
            gradient = torch.autograd.grad(gap.sum(), leaf)[0]
        return gap.detach(), gradient

    def _look(self) -> None:
        """Notes what is misclassified, and goes back towards its image; searches that are over leave."""
        s = self._s
        with torch.no_grad():
            logits = self._target(s.point).detach()
        wrong = logits.argmax(1) != s.y
        if not bool(wrong.any()):
            return
        size = norms(s.point.double() - s.x.double(), self._budget.norm)
        nearer = wrong & (size < self._size[s.number])
        which = s.number[nearer]
        self._size[which], self._nearest[which] = size[nearer], s.point[nearer]
        s.point = torch.where(wrong.view(-1, 1, 1, 1), s.x + (s.point - s.x) * BETA, s.point)
        if self._target.randomized:
            return
        inside = (size > 0) & (size <= self._budget.radius) & wrong
        if bool(inside.any()):
            self._leave(inside & decisive(gaps(logits, s.y), logits))

    def _leave(self, over: Tensor) -> None:
        """Takes out the searches of every row that one of them settled; that one counts, however near others came."""
        s = self._s
        settled = torch.zeros(len(self._size) // self._each, dtype=torch.bool, device=over.device)
        row = s.number // self._each
        settled[row[over]] = True
        s.keep(~settled[row])
