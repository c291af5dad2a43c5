"""The attack "low-frequency": perturbations that a purifier takes for part of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.searching import ExpectedLossAttack, Loss
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.perturb.expected import Ends
    from trustdm.bench.rng import Noise

CARD = AttackCard(
    name="low-frequency",
    version="1",
    norms=("linf", "l2"),
    access="gradient",
    paper="Guo et al. 2019, Low frequency adversarial perturbation",
    summary="PGD averaged over draws, in the low frequencies of the cosine transform, where denoisers change least.",
)


@attack(CARD)
class LowFrequency(ExpectedLossAttack):
    """PGD whose gradients keep the lowest frequencies of each axis only; the rest of the search is that of pgd-eot.

    Args:
        steps: of the search.
        eot: draws that are averaged at each step, where the target is randomized.
        kept: share of the frequencies of each axis that is kept, above 0 and at most 1; at least two frequencies are.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", "ce" or "dlr".
        random_start: whether it starts in the ball, or at the image.
    """

    CARD = CARD

    def __init__(
        self,
        *,
        steps: int = 20,
        eot: int = 10,
        kept: float = 0.5,
        step_size: str = "",
        loss: Loss = "margin",
        random_start: bool = True,
    ) -> None:
        super().__init__(steps=steps, eot=eot, step_size=step_size, loss=loss, random_start=random_start)
        if not 0 < kept <= 1:
            raise UsageError(f"attack {CARD.name}: kept: expected above 0 and at most 1, got {kept!r}")
        self.kept = kept

    def search(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Ends:
        """Projected ascent within low frequencies."""
        from trustdm.bench.perturb.expected import pgd_eot
        from trustdm.bench.perturb.frequencies import low_pass

        return pgd_eot(target, x, y, budget, noise, self.settings(budget), low_pass(x, self.kept))
