"""Noisy images and their noise level in, clean images out: what purification, smoothing and sampling are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.contracts import MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Denoiser(Protocol):
    """An estimate of the image behind a noisy one."""

    def denoise(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns images.

        Args:
            x: float32 (B, C, H, W), an image in [0, 1] plus sigma times standard normal noise, not clipped.
            sigma: float32 (B,), the standard deviation of that noise, in the same units.
            labels: int64 (B,) class labels, or None: without a condition.

        Returns:
            Floating point (B, C, H, W), the expected image given ``x``. Row i depends on row i only.

        Example::

            def denoise(self, x, sigma, labels=None):
                return self.network(x, sigma, labels)
        """
        ...


class Denoise(Capability):
    """A denoiser of images."""

    name = "denoise"
    summary = "noisy images and noise levels to clean images"
    call = "denoise(x, sigma, labels)"
    questions = "trustdm.bench.targets.denoise:questions"
    checks = "trustdm.bench.checks.denoise:CHECKS"

    def misfit(self, card: MethodCard, shape: tuple[int, ...], classes: int) -> str:
        """A denoiser without labels fits any number of classes."""
        return super().misfit(card, shape, classes if card.classes else 0)


DENOISE = Denoise()
