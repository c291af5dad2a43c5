"""Signs of obfuscated gradients that need attacks of their own (Athalye et al. 2018, section 3.1; Carlini et al. 2019).

On a few images: an attack without a bound must break everything, and a larger budget must leave a smaller margin.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from trustdm.bench.perturb.expected import EotSettings, expected_margin, pgd_eot
from trustdm.bench.rng import Noise
from trustdm.bench.targets.randomized import RandomizedTarget
from trustdm.bench.types import Budget

ROWS = 8
STEPS, DRAWS = 10, 4
WHOLE_BOX = {"linf": Fraction(1), "l2": Fraction(10**6)}
"""A budget that any image of the box fits in."""
MORE = 2
"""By which factor the second budget is larger."""
Targets = Callable[[str], RandomizedTarget]


def unbounded_left(target: Targets, x: Tensor, y: Tensor, norm: str, noise: Noise) -> int:
    """How many of ``x`` are still correct, in expectation, where any image of the box is allowed."""
    step = 0.25 if norm == "linf" else 0.25 * x[0].numel() ** 0.5
    settings = EotSettings(2 * STEPS, step, DRAWS)
    found = pgd_eot(target("unbounded"), x, y, Budget(norm, WHOLE_BOX[norm]), noise, settings).best
    return int((expected_margin(target("unbounded/judge"), found, y, DRAWS) < 0).sum())


def margin_rises(target: Targets, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> bool:
    """Whether twice the budget leaves a larger margin of the true class, on average over ``x``."""
    left = []
    for factor in (1, MORE):
        larger = Budget(budget.norm, factor * budget.eps)
        settings = EotSettings(STEPS, 2.5 * larger.radius / STEPS, DRAWS)
        found = pgd_eot(target(f"budget {factor}"), x, y, larger, noise, settings).best
        left.append(-expected_margin(target(f"budget {factor}/judge"), found, y, DRAWS))
    return bool(torch.stack(left).mean(1).diff() > 0)
