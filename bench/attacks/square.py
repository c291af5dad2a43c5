"""The attack "square", last of AutoAttack's four."""

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
    name="square",
    version="2",
    norms=("linf", "l2"),
    access="scores",
    paper="Andriushchenko et al. 2020, Square Attack: a query-efficient black-box adversarial attack",
    summary="Random search with squares that all rows share, no gradients; nothing is asked whose answer is known.",
)


@attack(CARD)
class Square:
    """Square Attack with the margin loss; the defaults are those of AutoAttack's standard version.

    Args:
        queries: forwards after that of the start.
    """

    def __init__(self, *, queries: int = 5000) -> None:
        require_positive(CARD.name, queries=queries)
        self.queries = queries

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is neither linf nor l2."""
        require_norm(CARD.name, budget, CARD.norms)

    def passes(self, classes: int) -> Counts:
        """A forward for the start and for each query, where no answer is known before."""
        return Counts(self.queries + 1, 0)

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns the first misclassified point of each row, else its point of smallest margin."""
        from trustdm.bench.perturb.square import square

        return square(target, x, y, budget, noise, self.queries)
