"""The weight attack "gaussian-noise"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.contracts import WeightAttackCard, weight_attack
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trustdm.bench.contracts import WeightNoise

CARD = WeightAttackCard(
    name="gaussian-noise",
    version="1",
    strength="sigma",
    randomized=True,
    summary="Gaussian noise on each weight tensor, in units of the standard deviation of its elements.",
)


@weight_attack(CARD)
class GaussianNoise:
    """Adds sigma * std(w) * n to each tensor w, with n standard normal.

    std is that of the elements of w as a whole population, so a tensor of equal elements stays as it is.

    Args:
        sigma: the standard deviation of the noise, in units of that of the tensor; at least 0.
        buffers: whether floating point buffers are attacked too.
    """

    def __init__(self, *, sigma: float = 0.1, buffers: bool = False) -> None:
        if not 0 <= sigma < float("inf"):
            raise UsageError(f"weight attack {CARD.name}: sigma: expected a number of at least 0, got {sigma}")
        self.sigma, self.buffers = sigma, buffers

    def perturb(self, tensors: Mapping[str, Tensor], noise: WeightNoise) -> dict[str, Tensor]:
        """The noisy tensors; computed in float64, rounded once."""
        from trustdm.bench.perturb.weights import selected

        values = {}
        for name, tensor in selected(tensors, buffers=self.buffers).items():
            wide = tensor.detach().double()
            scale = self.sigma * wide.std(correction=0)
            values[name] = (wide + scale * noise.normal(name, tuple(wide.shape))).to(tensor.dtype)
        return values
