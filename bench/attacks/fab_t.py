"""The attack "fab-t", third of AutoAttack's four."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.perturb.budget import require_norm, require_positive
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.contracts import AttackTarget
    from trustdm.bench.rng import Noise

CARD = AttackCard(
    name="fab-t",
    version="2",
    norms=("linf", "l2"),
    access="gradient",
    paper="Croce and Hein 2020, Minimally distorted adversarial examples with a fast adaptive boundary attack",
    summary="Walks along the boundary to near points of a target class, until one is decisively inside the budget.",
)


@attack(CARD)
class FabT:
    """Targeted FAB against the ``targets`` likeliest other classes (all, where there are fewer); draws nothing.

    The defaults are those of AutoAttack's standard version.

    Args:
        iterations: steps of each search.
        targets: how many of the likeliest other classes are searched for (all, where there are fewer).
    """

    def __init__(self, *, iterations: int = 100, targets: int = 9) -> None:
        require_positive(CARD.name, iterations=iterations, targets=targets)
        self.iterations, self.targets = iterations, targets

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is neither linf nor l2."""
        require_norm(CARD.name, budget, CARD.norms)

    def passes(self, classes: int) -> Counts:
        """Two forwards and a gradient for each step of each target, and a clean forward."""
        steps = min(self.targets, classes - 1) * self.iterations
        return Counts(2 * steps + 1, steps)

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns a misclassified point within the budget for each row, else the row itself."""
        from trustdm.bench.perturb.fab import fab_t

        return fab_t(target, x, y, budget, iterations=self.iterations, targets=self.targets)
