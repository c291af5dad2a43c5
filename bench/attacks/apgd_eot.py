"""The attack "apgd-eot": Auto-PGD on the expected loss of a randomized method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.perturb.searching import ExpectedLossAttack, Loss
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.perturb.expected import Ends
    from trustdm.bench.rng import Noise

CARD = AttackCard(
    name="apgd-eot",
    version="1",
    norms=("linf", "l2"),
    access="gradient",
    paper="Croce and Hein 2020, Reliable evaluation of adversarial robustness with an ensemble of attacks",
    summary="Auto-PGD, whose loss and gradient are averaged over draws (EOT).",
)


@attack(CARD)
class ApgdEot(ExpectedLossAttack):
    """Auto-PGD on the loss averaged over draws; AutoAttack's "rand" version uses 100 steps of 20 draws.

    Args:
        steps: of the search.
        eot: draws that are averaged at each step, where the target is randomized.
        loss: "ce", "dlr" or "margin".
        random_start: whether it starts uniformly in the ball, or at the image.
    """

    CARD = CARD

    def __init__(self, *, steps: int = 20, eot: int = 10, loss: Loss = "ce", random_start: bool = True) -> None:
        super().__init__(steps=steps, eot=eot, loss=loss, random_start=random_start)

    def passes(self, classes: int) -> Counts:
        """A forward and a gradient at the start and after each step, ``eot`` times."""
        return Counts((self.steps + 1) * self.eot, (self.steps + 1) * self.eot)

    def search(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Ends:
        """Algorithm 1 of Croce and Hein 2020."""
        from trustdm.bench.perturb.apgd_eot import apgd_eot

        return apgd_eot(target, x, y, budget, noise, self.settings(budget))
