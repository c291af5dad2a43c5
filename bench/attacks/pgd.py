"""The attack "pgd"."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.budget import fraction, require_norm, require_positive
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.contracts import AttackTarget
    from trustdm.bench.rng import Noise

CARD = AttackCard(
    name="pgd",
    version="1",
    norms=("linf", "l2"),
    access="gradient",
    paper="Madry et al. 2018, Towards deep learning models resistant to adversarial attacks",
    summary="Projected gradient ascent from a random start; the iterate of largest margin counts.",
)


@attack(CARD)
class Pgd:
    """Plain PGD; the iterate of largest margin counts.

    Args:
        steps: of the search.
        step_size: an exact fraction of the [0, 1] range as text, "3/200"; empty: 2.5 eps / steps.
        loss: "margin", the largest other logit minus the true one, or "ce", cross-entropy.
        random_start: whether it starts uniformly in the ball, or at the image.
        eot: gradients averaged at each step, where the target draws random numbers.
    """

    def __init__(
        self,
        *,
        steps: int = 40,
        step_size: str = "",
        loss: Literal["margin", "ce"] = "margin",
        random_start: bool = True,
        eot: int = 1,
    ) -> None:
        require_positive(CARD.name, steps=steps, eot=eot)
        if loss not in ("margin", "ce"):
            raise UsageError(f"attack {CARD.name}: loss: expected 'margin' or 'ce', got {loss!r}")
        self.steps, self.eot = steps, eot
        self.loss = loss
        self.random_start = random_start
        self.step_size = fraction(CARD.name, step_size)

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is neither linf nor l2."""
        require_norm(CARD.name, budget, CARD.norms)

    def passes(self, classes: int) -> Counts:
        """A forward and a gradient for each step, and a forward for the last point; each ``eot`` times."""
        return Counts((self.steps + 1) * self.eot, self.steps * self.eot)

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns the iterate of largest margin of each row."""
        from trustdm.bench.perturb.pgd import PgdSettings, pgd

        step = self.step_size or Fraction(5, 2) * budget.eps / self.steps
        settings = PgdSettings(self.steps, float(step), self.loss, self.random_start, self.eot)
        return pgd(target, x, y, budget, noise, settings)
