"""Auto-PGD (Croce and Hein 2020, algorithm 1): searches of one batch, step by step.

The search is that of pyautoattack 0.2.0, whose class is what the tests compare with: momentum, step sizes that halve at
checkpoints, the start counted as an iterate. What differs: an image whose label is changed decisively leaves the batch
with all its searches (on a deterministic target), and the gradient of the last iterate, which nothing reads, is not
taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from trustdm.bench.perturb.searches import decisive, gaps

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget
    from trustdm.bench.types import Budget

RHO = 0.75
MOMENTUM = 0.75
"""The weight of a new step against the one before it."""

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Logits (B, K), labels (B,), classes aimed at (B,) -> losses (B,), which the search raises."""


def cross_entropy(logits: Tensor, y: Tensor, goal: Tensor) -> Tensor:
    """The untargeted loss; ``goal`` plays no part."""
    return functional.cross_entropy(logits, y, reduction="none")


def targeted_dlr(logits: Tensor, y: Tensor, goal: Tensor) -> Tensor:
    """The targeted difference of logits ratio; needs 4 classes."""
    largest = logits.topk(4, dim=1).values
    scale = largest[:, 0] - 0.5 * (largest[:, 2] + largest[:, 3]) + 1e-12
    return (logits.gather(1, goal[:, None]) - logits.gather(1, y[:, None]))[:, 0] / scale


@dataclass
class Found:
    """What R x G searches found: a misclassified point each, and how far; else the point of largest loss.

    ``gap`` (R, G) is -inf where no iterate was misclassified; ``broken`` and ``strongest`` are (R, G, C, H, W).
    """

    gap: Tensor
    broken: Tensor
    loss: Tensor
    strongest: Tensor


@dataclass
class _Searches:
    """One row for each search that goes on; ``number`` is its place among all."""

    number: Tensor
    x: Tensor
    y: Tensor
    goal: Tensor
    point: Tensor
    before: Tensor
    gradient: Tensor
    loss: Tensor
    step: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    checked_loss: Tensor
    halved: Tensor
    rises: Tensor

    def keep(self, which: Tensor) -> None:
        """Goes on with these searches only."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[which])


class Ascent:
    """How one attack climbs; ``eot`` gradients are averaged at each iterate (1 for a deterministic target)."""

    def __init__(self, target: AttackTarget, budget: Budget, loss: Loss, iterations: int, eot: int = 1):
        self._target, self._loss = target, loss
        self._norm, self._eps = budget.norm, budget.radius
        self._iterations, self._eot = iterations, eot

    def run(self, x: Tensor, y: Tensor, goals: Tensor, starts: Tensor) -> Found:
        """Climbs for each of R images (R, C, H, W) from G starts (R, G, C, H, W) towards ``goals`` (R, G)."""
        rows, each = goals.shape
        spread = torch.arange(rows, device=x.device).repeat_interleave(each)
        point = starts.flatten(0, 1).clamp(0, 1)
        self._each = each
        self._found = Found(
            torch.full((rows * each,), -torch.inf, device=x.device),
            point.clone(),
            torch.full((rows * each,), -torch.inf, device=x.device),
            point.clone(),
        )
        s = self._begin(x[spread], y[spread], goals.flatten(), point)
        window, since = max(int(0.22 * self._iterations), 1), 0
        for iteration in range(self._iterations):
            if not len(s.number):
                break
            self._advance(s, MOMENTUM if iteration else 1.0, last=iteration == self._iterations - 1)
            since += 1
            if since == window:
                self._checkpoint(s, window)
                window = max(window - max(int(0.03 * self._iterations), 1), max(int(0.06 * self._iterations), 1))
                since = 0
        self._close(s, torch.ones(len(s.number), dtype=torch.bool, device=x.device))
        return Found(*(getattr(self._found, f.name).unflatten(0, (rows, each)) for f in fields(Found)))

    def _begin(self, x: Tensor, y: Tensor, goal: Tensor, point: Tensor) -> _Searches:
        logits, loss, gradient = self._look(point, y, goal)
        s = _Searches(
            number=torch.arange(len(x), device=x.device),
            x=x,
            y=y,
            goal=goal,
            point=point,
            before=point,
            gradient=gradient,
            # The first rise is counted from zero, not from the start's loss: so does the search that this one repeats.
            loss=torch.zeros_like(loss),
            step=torch.full((len(x), 1, 1, 1), 2 * self._eps, device=x.device),
            best=point,
            best_gradient=gradient,
            best_loss=loss,
            checked_loss=loss,
            halved=torch.ones(len(x), dtype=torch.bool, device=x.device),
            rises=torch.zeros(len(x), device=x.device),
        )
        self._note(s, logits)
        return s

    def _look(self, point: Tensor, y: Tensor, goal: Tensor, last: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Logits and losses of the last draw, and the mean gradient (zeros at the last iterate)."""
        gradient = torch.zeros_like(point)
        leaf = point.detach().requires_grad_(not last)
        for _ in range(self._eot):
            with torch.set_grad_enabled(not last):
                logits = self._target(leaf)
                loss = self._loss(logits, y, goal)
                if not last:
                    gradient += torch.autograd.grad(loss.sum(), leaf)[0]
        return logits.detach(), loss.detach(), gradient / self._eot

    def _advance(self, s: _Searches, weight: float, last: bool) -> None:
        """One step with momentum, looked at; searches that are over leave."""
        ahead = self._inside(s.x, s.point + s.step * self._direction(s.gradient))
        ahead = self._inside(s.x, s.point + (ahead - s.point) * weight + (s.point - s.before) * (1 - weight))
        s.before, s.point = s.point, ahead
        logits, loss, s.gradient = self._look(s.point, s.y, s.goal, last)
        s.rises = s.rises + (loss > s.loss)
        s.loss = loss
        better = loss > s.best_loss
        wide = better.view(-1, 1, 1, 1)
        s.best, s.best_gradient = s.point.where(wide, s.best), s.gradient.where(wide, s.best_gradient)
        s.best_loss = loss.where(better, s.best_loss)
        self._note(s, logits)

    def _checkpoint(self, s: _Searches, window: int) -> None:
        """Halves the step of searches that hardly rose, or stood still since the last check: back to their best."""
        halve = (s.rises <= window * RHO) | (~s.halved & (s.checked_loss >= s.best_loss))
        s.halved, s.checked_loss, s.rises = halve, s.best_loss, torch.zeros_like(s.rises)
        wide = halve.view(-1, 1, 1, 1)
        s.step = torch.where(wide, s.step / 2, s.step)
        s.point, s.gradient = s.best.where(wide, s.point), s.best_gradient.where(wide, s.gradient)

    def _note(self, s: _Searches, logits: Tensor) -> None:
        """Keeps misclassified iterates: of a deterministic target the one of largest gap, of others the newest."""
        gap = gaps(logits, s.y)
        # Where logits tie, the first class is the label.
        better = logits.argmax(1) != s.y
        if not self._target.randomized:
            better &= gap > self._found.gap[s.number]
        if not bool(better.any()):
            return
        which = s.number[better]
        self._found.gap[which], self._found.broken[which] = gap[better], s.point[better]
        if not self._target.randomized:
            over = torch.zeros(len(self._found.gap) // self._each, dtype=torch.bool, device=gap.device)
            over[s.number[better & decisive(gap, logits)] // self._each] = True
            done = over[s.number // self._each]
            self._close(s, done)
            s.keep(~done)

    def _close(self, s: _Searches, which: Tensor) -> None:
        number = s.number[which]
        self._found.loss[number], self._found.strongest[number] = s.best_loss[which], s.best[which]

    def _direction(self, gradient: Tensor) -> Tensor:
        return gradient.sign() if self._norm == "linf" else normalised(gradient, self._norm)

    def _inside(self, x: Tensor, point: Tensor) -> Tensor:
        if self._norm == "linf":
            return point.clamp(x - self._eps, x + self._eps).clamp_(0, 1)
        delta = point - x
        size = delta.square().flatten(1).sum(1).sqrt().clamp_max(self._eps).view(-1, 1, 1, 1)
        return (x + normalised(delta, self._norm) * size).clamp_(0, 1)


def normalised(delta: Tensor, norm: str) -> Tensor:
    """``delta`` (B, C, H, W) with each row scaled to length 1 in ``norm``; zero rows stay zero."""
    flat = delta.flatten(1)
    size = flat.abs().amax(1) if norm == "linf" else flat.square().sum(1).sqrt()
    return delta / (size.view(-1, 1, 1, 1) + 1e-12)
