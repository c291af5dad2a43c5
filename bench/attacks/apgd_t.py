"""The attack "apgd-t", second of AutoAttack's four."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.budget import require_norm, require_positive
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.contracts import AttackTarget
    from trustdm.bench.rng import Noise

CARD = AttackCard(
    name="apgd-t",
    version="2",
    norms=("linf", "l2"),
    access="gradient",
    paper="Croce and Hein 2020, Reliable evaluation of adversarial robustness with an ensemble of attacks",
    summary="Auto-PGD on the targeted DLR loss, starts keyed by example and target, to the first decisive success.",
)
FEWEST_CLASSES = 4


@attack(CARD)
class ApgdT:
    """Auto-PGD on the targeted DLR loss, against the ``targets`` likeliest other classes (all, where there are fewer).

    The defaults are those of AutoAttack's standard version.

    Args:
        iterations: steps of each search.
        targets: how many of the likeliest other classes are searched for (all, where there are fewer).
        eot: gradients averaged at each step, where the target draws random numbers.
    """

    def __init__(self, *, iterations: int = 100, targets: int = 9, eot: int = 1) -> None:
        require_positive(CARD.name, iterations=iterations, targets=targets, eot=eot)
        self.iterations, self.targets, self.eot = iterations, targets, eot

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is neither linf nor l2, or below 4 classes."""
        require_norm(CARD.name, budget, CARD.norms)
        if classes < FEWEST_CLASSES:
            raise UsageError(
                f"attack {CARD.name}: classes: expected at least {FEWEST_CLASSES}, got {classes}; the targeted DLR loss"
                " is not defined below that: leave this attack out"
            )

    def passes(self, classes: int) -> Counts:
        """A forward at the start and after each step of each target, a gradient for each step; a clean forward.

        All but the clean one ``eot`` times.
        """
        targets = min(self.targets, classes - 1)
        steps = targets * self.iterations
        return Counts((steps + targets) * self.eot + 1, steps * self.eot)

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns a misclassified point of each row, else its point of largest loss."""
        from trustdm.bench.perturb.apgd import ApgdSettings, apgd_t

        settings = ApgdSettings(iterations=self.iterations, targets=self.targets, eot=self.eot)
        return apgd_t(target, x, y, budget, noise, settings)
