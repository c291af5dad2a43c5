"""The attack "bpda-eot": the purifier's gradient is taken for the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.perturb.searching import ExpectedLossAttack, Loss
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.perturb.expected import Ends
    from trustdm.bench.rng import Noise

CARD = AttackCard(
    name="bpda-eot",
    version="1",
    norms=("linf", "l2"),
    access="stages",
    paper="Athalye et al. 2018, Obfuscated gradients give a false sense of security",
    summary="PGD averaged over draws, with an identity in place of the purifier's gradient (BPDA).",
)


@attack(CARD)
class BpdaEot(ExpectedLossAttack):
    """PGD through the classifier alone, at images that went through the purifier.

    Args:
        steps: of the search.
        eot: draws that are averaged at each step, where the target is randomized.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", "ce" or "dlr".
        random_start: whether it starts uniformly in the ball, or at the image.
    """

    CARD = CARD

    def __init__(
        self,
        *,
        steps: int = 20,
        eot: int = 10,
        step_size: str = "",
        loss: Loss = "margin",
        random_start: bool = True,
    ) -> None:
        super().__init__(steps=steps, eot=eot, step_size=step_size, loss=loss, random_start=random_start)

    def search(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Ends:
        """Plain projected ascent through ``target.straight_through()``."""
        return super().search(target.straight_through(), x, y, budget, noise)
