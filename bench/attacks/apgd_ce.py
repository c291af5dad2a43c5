"""The attack "apgd-ce", first of AutoAttack's four."""

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
    name="apgd-ce",
    version="2",
    norms=("linf", "l2"),
    access="gradient",
    paper="Croce and Hein 2020, Reliable evaluation of adversarial robustness with an ensemble of attacks",
    summary="Auto-PGD on the cross-entropy, from starts keyed by example, to the first decisive success.",
)


@attack(CARD)
class ApgdCe:
    """Auto-PGD on the cross-entropy; the defaults are those of AutoAttack's standard version.

    Args:
        iterations: steps of each search.
        restarts: how many searches, each from a start of its own.
        eot: gradients averaged at each step, where the target draws random numbers.
    """

    def __init__(self, *, iterations: int = 100, restarts: int = 1, eot: int = 1) -> None:
        require_positive(CARD.name, iterations=iterations, restarts=restarts, eot=eot)
        self.iterations, self.restarts, self.eot = iterations, restarts, eot

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is neither linf nor l2."""
        require_norm(CARD.name, budget, CARD.norms)

    def passes(self, classes: int) -> Counts:
        """A forward at the start and after each step of each restart, a gradient for each step; ``eot`` times."""
        steps = self.restarts * self.iterations
        return Counts((steps + self.restarts) * self.eot, steps * self.eot)

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns a misclassified point of each row, else its point of largest loss."""
        from trustdm.bench.perturb.apgd import ApgdSettings, apgd_ce

        settings = ApgdSettings(iterations=self.iterations, restarts=self.restarts, eot=self.eot)
        return apgd_ce(target, x, y, budget, noise, settings)
