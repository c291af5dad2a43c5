"""The attack "square-eot": Square on an average over draws, without gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.perturb.budget import require_norm, require_positive
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.rng import Noise
    from trustdm.bench.targets.randomized import RandomizedTarget

CARD = AttackCard(
    name="square-eot",
    version="1",
    norms=("linf", "l2"),
    access="scores",
    paper="Andriushchenko et al. 2020, Square Attack: a query-efficient black-box adversarial attack",
    summary="Random search with squares on logits averaged over draws that are held fixed; no gradients.",
)


@attack(CARD)
class SquareEot:
    """Square Attack on the sample average: the same draws at every query, so that progress is not luck.

    Args:
        queries: after that of the start.
        eot: draws that are averaged at each query.
    """

    def __init__(self, *, queries: int = 200, eot: int = 10) -> None:
        require_positive(CARD.name, queries=queries, eot=eot)
        self.queries, self.eot = queries, eot

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the norm is neither linf nor l2."""
        require_norm(CARD.name, budget, CARD.norms)

    def passes(self, classes: int) -> Counts:
        """A forward for the start and for each query, ``eot`` times."""
        return Counts((self.queries + 1) * self.eot, 0)

    def perturb(self, target: RandomizedTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns the first point of each row that the average misclassifies, else its point of smallest margin."""
        from trustdm.bench.perturb.square import square

        return square(target.fixed(self.eot) if target.randomized else target, x, y, budget, noise, self.queries)
