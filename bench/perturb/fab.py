"""Targeted FAB (Croce and Hein 2020, "Minimally distorted adversarial examples") from pyautoattack, driven by us.

With one restart FAB draws nothing; its ``perturb`` still seeds the global generator, so that is not called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from pyautoattack.fab_pt import FABAttack_PT
from torch import Tensor

from trustdm.bench.perturb.apgd import open_rows
from trustdm.bench.perturb.budget import AUTOATTACK_NORM, norms
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget

ALPHA_MAX, ETA, BETA = 0.1, 1.05, 0.9


def fab_t(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, *, iterations: int, targets: int) -> Tensor:
    """Returns, for each row, a misclassified point within the budget, or ``x`` itself where none was found.

    One run for each of the ``targets`` likeliest other classes; the first that ends inside the budget is kept, and is
    the point of smallest norm that this run met. A randomized target is always asked about all rows, in their order.
    """
    adv, broken = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    if not len(x):
        return adv
    search = _Fab(target, norm=AUTOATTACK_NORM[budget.norm], n_iter=iterations, eps=budget.radius, **_PARAMETERS)
    search.device = x.device
    known = _true_class_first(target, x, y)
    for rank in range(2, min(targets, known.shape[1] - 1) + 2):
        rows = open_rows(broken, target.randomized)
        if not len(rows):
            break
        found = search.run(x[rows], y[rows], known[rows], rank)
        size = norms(found.double() - x[rows].double(), budget.norm)
        hit = ~broken[rows] & (size > 0) & (size <= budget.radius)
        adv[rows[hit]], broken[rows[hit]] = found[hit], True
    return adv


_PARAMETERS: dict[str, Any] = {"alpha_max": ALPHA_MAX, "eta": ETA, "beta": BETA, "targeted": True}


def _true_class_first(target: AttackTarget, x: Tensor, y: Tensor) -> Tensor:
    """Clean logits with the true one raised to infinity: it sorts first, and row i is never taken for misclassified."""
    with torch.no_grad():
        logits = target(x).detach().clone()
    logits[torch.arange(len(y), device=y.device), y] = torch.inf
    return logits


class _Fab(FABAttack_PT):  # type: ignore[misc]
    """FAB that is told the clean logits and takes gradients with respect to the images only."""

    def run(self, x: Tensor, y: Tensor, clean: Tensor, rank: int) -> Tensor:
        """The best point for each row against its class of that ``rank`` (2: likeliest other); ``x`` where none."""
        # A run first asks for the predicted labels of x, then for its logits: both are known.
        self._known = [clean, clean]
        self.target_class = rank
        found: Tensor = self.attack_single_run(x, y, is_targeted=True)
        return found

    def _predict_fn(self, x: Tensor) -> Tensor:
        logits: Tensor = self._known.pop() if self._known else self.predict(x)
        return logits

    def get_diff_logits_grads_batch_targeted(
        self, imgs: Tensor, la: Tensor, la_target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logit of the target class minus that of the true one (B, 1), and its gradient (B, 1, C, H, W)."""
        leaf = imgs.detach().clone().requires_grad_()
        with torch.enable_grad():
            logits = self.predict(leaf)
            gap = (logits.gather(1, la_target[:, None]) - logits.gather(1, la[:, None]))[:, 0]
            gradient = torch.autograd.grad(gap.sum(), leaf)[0]
        return gap.detach()[:, None], gradient[:, None]
