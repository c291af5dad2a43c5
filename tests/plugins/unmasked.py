"""An attack from outside that knows what lies behind the steps of ``stepped``: the templates."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from trustdm import AttackCard, attack
from trustdm.bench.types import Counts


@cache
def templates() -> Tensor:
    digits = load_digits()
    images = digits.data / 16
    means = np.stack([images[digits.target == k].mean(0) for k in range(10)])
    return torch.tensor((means - means.mean(0)).T, dtype=torch.float32)


@attack(AttackCard(name="unmasked", norms=("linf",), authors=("Ann Author", "Bo Breaker"), access="scores"))
class Unmasked:
    """Towards each other class, as far as the budget goes; the one of least margin counts."""

    def __init__(self, *, share: float = 1.0) -> None:
        self.share = share

    def check(self, budget, classes) -> None:
        """Any budget."""

    def passes(self, classes) -> Counts:
        return Counts(classes, 0)

    def perturb(self, target, x: Tensor, y: Tensor, budget, noise) -> Tensor:
        best, least = x.clone(), torch.full((len(x),), torch.inf)
        for other in range(10):
            away = (templates()[:, other] - templates()[:, y].T).sign().view_as(x)
            moved = (x + self.share * budget.radius * away).clamp(0, 1)
            scores = target(moved).detach()
            true = scores.gather(1, y[:, None])[:, 0]
            margin = torch.where(y == other, torch.inf, true - scores[:, other])
            better = margin < least
            best[better], least[better] = moved[better], margin[better]
        return best
