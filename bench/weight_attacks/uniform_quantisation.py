"""The weight attack "uniform-quantisation"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.contracts import WeightAttackCard, weight_attack
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trustdm.bench.contracts import WeightNoise

CARD = WeightAttackCard(
    name="uniform-quantisation",
    version="1",
    strength="bits",
    summary="Rounds each weight tensor to 2^bits levels, evenly spaced from its smallest to its largest element.",
)
MOST_BITS = 16


@weight_attack(CARD)
class UniformQuantisation:
    """Rounds each weight w to the nearest of the levels low + i (high - low) / (2^bits - 1), i = 0 ... 2^bits - 1.

    ``low`` and ``high`` are the smallest and the largest element of the tensor; zero need not be a level. Midway
    between two levels the one of even i is taken. Weights stay floating point.

    Args:
        bits: of a weight, 1 to 16; fewer are stronger.
        buffers: whether floating point buffers are attacked too.
    """

    def __init__(self, *, bits: int = 8, buffers: bool = False) -> None:
        if not 1 <= bits <= MOST_BITS:
            raise UsageError(f"weight attack {CARD.name}: bits: expected an integer from 1 to {MOST_BITS}, got {bits}")
        self.bits, self.buffers = bits, buffers

    def perturb(self, tensors: Mapping[str, Tensor], noise: WeightNoise) -> dict[str, Tensor]:
        """The rounded tensors; computed in float64, no noise is used."""
        from trustdm.bench.perturb.weights import selected

        return {name: self._rounded(tensor) for name, tensor in selected(tensors, buffers=self.buffers).items()}

    def _rounded(self, tensor: Tensor) -> Tensor:
        wide = tensor.detach().double()
        low, high = wide.amin(), wide.amax()
        if low == high:
            return tensor.detach().clone()
        last = 2**self.bits - 1
        level = ((wide - low) / (high - low) * last).round()
        rounded: Tensor = ((low * (last - level) + high * level) / last).to(tensor.dtype)
        return rounded
