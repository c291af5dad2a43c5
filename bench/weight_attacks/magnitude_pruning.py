"""The weight attack "magnitude-pruning"."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, get_args

from trustdm.bench.contracts import WeightAttackCard, weight_attack
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trustdm.bench.contracts import WeightNoise

CARD = WeightAttackCard(
    name="magnitude-pruning",
    version="1",
    strength="share",
    paper="Han et al. 2015, Learning both weights and connections for efficient neural networks",
    summary="Sets the share of the weights that are smallest in magnitude to zero, in each tensor or in all together.",
)
Scope = Literal["tensor", "global"]
SCOPES = get_args(Scope)


@weight_attack(CARD)
class MagnitudePruning:
    """Sets floor(share * n) of n weights to zero: those of least magnitude, without training afterwards.

    ``share`` is taken as the decimal number that it is written as. n are the weights of a tensor (``scope`` "tensor")
    or of all of them ("global"). Of weights of equal magnitude the first are pruned, in the order of names and then of
    places. Weights that are zero already count.

    Args:
        share: of the weights that are set to zero, 0 to 1.
        scope: whether the smallest are looked for in each tensor, or in all together.
        buffers: whether floating point buffers are attacked too.
    """

    def __init__(self, *, share: float = 0.2, scope: Scope = "tensor", buffers: bool = False) -> None:
        if not 0 <= share <= 1:
            raise UsageError(f"weight attack {CARD.name}: share: expected a number from 0 to 1, got {share}")
        if scope not in SCOPES:
            raise UsageError(f"weight attack {CARD.name}: scope: expected {' or '.join(SCOPES)}, got {scope!r}")
        self.share, self.scope, self.buffers = Fraction(str(share)), scope, buffers

    def perturb(self, tensors: Mapping[str, Tensor], noise: WeightNoise) -> dict[str, Tensor]:
        """The pruned tensors; no noise is used."""
        from trustdm.bench.perturb.weights import selected

        chosen = selected(tensors, buffers=self.buffers)
        if self.scope == "tensor":
            return {name: self._pruned([tensor])[0] for name, tensor in chosen.items()}
        return dict(zip(chosen, self._pruned(list(chosen.values())), strict=True))

    def _pruned(self, tensors: list[Tensor]) -> list[Tensor]:
        import torch

        sizes = torch.cat([tensor.detach().double().abs().flatten() for tensor in tensors])
        pruned = _smallest(sizes, math.floor(self.share * len(sizes)))
        parts = torch.split(pruned, [tensor.numel() for tensor in tensors])
        return [
            tensor.detach().masked_fill(part.reshape(tensor.shape), 0)
            for tensor, part in zip(tensors, parts, strict=True)
        ]


def _smallest(sizes: Tensor, count: int) -> Tensor:
    """bool (n,): the ``count`` smallest of ``sizes`` (n,), the first of equal ones."""
    import torch

    if count == 0:
        return torch.zeros(len(sizes), dtype=torch.bool)
    bound = sizes.kthvalue(count).values
    below = sizes < bound
    ties = (sizes == bound).nonzero().flatten()
    below[ties[: count - int(below.sum())]] = True
    return below
