"""Auto-PGD on the cross-entropy and on the targeted DLR loss: which searches there are, and what is kept of them.

The peer, pyautoattack, draws one start for all rows that are still unbroken, so that an example's result depends on its
neighbours. Here each row starts from its own keyed noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trustdm.bench.perturb.ascent import Ascent, Found, cross_entropy, normalised, targeted_dlr
from trustdm.bench.perturb.searches import likeliest_others, open_rows, parts
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget


@dataclass(frozen=True)
class ApgdSettings:
    """``restarts`` counts for the untargeted attack, ``targets`` for the targeted; ``eot`` for randomized targets."""

    iterations: int = 100
    restarts: int = 1
    targets: int = 9
    eot: int = 1


def apgd_ce(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, settings: ApgdSettings) -> Tensor:
    """Returns candidates (B, C, H, W): Auto-PGD on the cross-entropy, ``settings.restarts`` times.

    A row's result is a misclassified point, else the point of largest loss over all runs. The first run goes alone;
    what it leaves unbroken is searched by all others together, until one of them succeeds. A randomized target is
    asked by one run after the other, and always about all rows, in their order, so that it can keep noise by row.
    """
    if not len(x):
        return x.clone()
    ascent = Ascent(target, budget, cross_entropy, settings.iterations, _draws(target, settings))
    return _search(ascent, target, x, y, budget, noise, y[:, None].expand(-1, settings.restarts))


def apgd_t(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, settings: ApgdSettings) -> Tensor:
    """Returns candidates (B, C, H, W): Auto-PGD on the targeted DLR loss, one run for each of the likeliest classes.

    The targets of a row are the ``settings.targets`` largest logits of its clean image, the true class left out (all
    other classes where there are fewer). Needs 4 classes. What is returned: as for ``apgd_ce``.
    """
    if not len(x):
        return x.clone()
    ascent = Ascent(target, budget, targeted_dlr, settings.iterations, _draws(target, settings))
    goals = likeliest_others(target, x, y)[:, : settings.targets]
    return _search(ascent, target, x, y, budget, noise, goals)


def _draws(target: AttackTarget, settings: ApgdSettings) -> int:
    return settings.eot if target.randomized else 1


def _search(
    ascent: Ascent, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, goals: Tensor
) -> Tensor:
    """``goals`` (B, G) are the classes that run after run aims at."""
    adv, broken = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    reached = torch.full((len(x),), -torch.inf, device=x.device)
    runs = torch.arange(goals.shape[1])
    for together in torch.split(runs, 1) if target.randomized else (part for part in (runs[:1], runs[1:]) if len(part)):
        left = open_rows(broken, target.randomized)
        for rows in parts(left, len(together), len(x)):
            starts = _starts(x[rows], budget, noise.rows(rows.cpu().numpy()), together.tolist())
            found = ascent.run(x[rows], y[rows], goals[rows][:, together], starts)
            _take(found, rows, adv, broken, reached)
    return adv


def _take(found: Found, rows: Tensor, adv: Tensor, broken: Tensor, reached: Tensor) -> None:
    """Writes what was found for ``rows`` to ``adv``: the first success stays, until then the largest loss."""
    every = torch.arange(len(rows), device=rows.device)
    widest, largest = found.gap.argmax(1), found.loss.argmax(1)
    wrong = found.gap[every, widest] > -torch.inf
    unbroken, loss = ~broken[rows], found.loss[every, largest]
    hit, closer = unbroken & wrong, unbroken & ~wrong & (loss > reached[rows])
    adv[rows[hit]], broken[rows[hit]] = found.broken[every, widest][hit], True
    adv[rows[closer]], reached[rows[closer]] = found.strongest[every, largest][closer], loss[closer]


def _starts(x: Tensor, budget: Budget, noise: Noise, runs: list[int]) -> Tensor:
    """(B, runs, C, H, W): on the surface of the ball around each image, or in the box's part of it."""
    starts = []
    for run in runs:
        use, shape = f"apgd-start-{run}", x.shape[1:]
        delta = 2 * noise.uniform(use, shape) - 1 if budget.norm == "linf" else noise.normal(use, shape)
        starts.append(x + budget.radius * normalised(torch.from_numpy(delta).to(x.device), budget.norm))
    return torch.stack(starts, 1)
