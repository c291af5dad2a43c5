"""The attack "transfer": images made against the bare classifier, without its purifier."""

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
    name="transfer",
    version="1",
    norms=("linf", "l2"),
    access="stages",
    paper="Nie et al. 2022, section 5 (attacks that do not know the purifier)",
    summary="PGD on the classifier behind the purifier: the static number that adaptive ones must be compared with.",
)


@attack(CARD)
class Transfer(ExpectedLossAttack):
    """PGD on the bare classifier; the purifier is not looked at.

    Args:
        steps: of the search.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", "ce" or "dlr".
        random_start: whether it starts uniformly in the ball, or at the image.
    """

    CARD = CARD

    def __init__(
        self, *, steps: int = 40, step_size: str = "", loss: Loss = "margin", random_start: bool = True
    ) -> None:
        super().__init__(steps=steps, eot=1, step_size=step_size, loss=loss, random_start=random_start)

    def search(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Ends:
        """Plain projected ascent on ``target.bare()``."""
        return super().search(target.bare(), x, y, budget, noise)
