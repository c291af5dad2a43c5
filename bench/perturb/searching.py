"""What the attacks on an expected loss have in common: their parameters, checked, and their cost; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from trustdm.bench.contracts import AttackCard
from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.budget import fraction, require_norm, require_positive
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.perturb.expected import Ends, EotSettings
    from trustdm.bench.rng import Noise

Loss = Literal["margin", "ce", "dlr"]
FEWEST_FOR_DLR = 3


class ExpectedLossAttack:
    """Base of attacks that climb an expected loss; a subclass says how in ``search``.

    Args:
        steps: of the search.
        eot: draws that the loss and its gradient are averaged over at each step, where the target is randomized.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", the largest other logit minus the true one; "ce", cross-entropy; "dlr" (Croce and Hein 2020).
        random_start: whether it starts uniformly in the ball, or at the image.
    """

    CARD: AttackCard

    def __init__(
        self, *, steps: int, eot: int, step_size: str = "", loss: Loss = "margin", random_start: bool = True
    ) -> None:
        name = self.CARD.name
        require_positive(name, steps=steps, eot=eot)
        if loss not in ("margin", "ce", "dlr"):
            raise UsageError(f"attack {name}: loss: expected 'margin', 'ce' or 'dlr', got {loss!r}")
        self.steps, self.eot, self.loss, self.random_start = steps, eot, loss, random_start
        self.step_size = fraction(name, step_size)

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is not one of the card's, or the loss needs more classes."""
        require_norm(self.CARD.name, budget, self.CARD.norms)
        if self.loss == "dlr" and classes < FEWEST_FOR_DLR:
            raise UsageError(f"attack {self.CARD.name}: loss: expected margin or ce below 3 classes, got 'dlr'")

    def passes(self, classes: int) -> Counts:
        """A forward and a gradient for each step, and a forward for the last point; each ``eot`` times."""
        return Counts((self.steps + 1) * self.eot, self.steps * self.eot)

    def perturb(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns the iterate of largest expected margin of each row, as the attack's own draws tell it."""
        return self.search(target, x, y, budget, noise).best

    def ends(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Mapping[str, Tensor]:
        """What ``perturb`` returns, and the last iterate."""
        ends = self.search(target, x, y, budget, noise)
        return {"": ends.best, "last": ends.last}

    def search(self, target: Any, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Ends:
        """The search itself; by default plain projected ascent."""
        from trustdm.bench.perturb.expected import pgd_eot

        return pgd_eot(target, x, y, budget, noise, self.settings(budget))

    def settings(self, budget: Budget) -> EotSettings:
        """The parameters as numbers."""
        from trustdm.bench.perturb.expected import EotSettings

        step = self.step_size or Fraction(5, 2) * budget.eps / self.steps
        return EotSettings(self.steps, float(step), self.eot, self.loss, self.random_start)
