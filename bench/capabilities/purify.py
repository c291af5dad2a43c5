"""Images in, images out: what was added to them is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trustdm.bench.capabilities.contract import Capability

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.contracts import KeyedNoise, MethodCard


@runtime_checkable
class Purifier(Protocol):
    """A purifier whose noise is passed in (card: ``randomness="keyed"``)."""

    def purify(self, x: Tensor, noise: KeyedNoise) -> Tensor:
        """Returns purified images; the same ``noise`` gives the same images.

        Args:
            x: float32 (B, C, H, W) in [0, 1]. Must not be modified.
            noise: the only source of randomness allowed. Without it where the card says "none" or "block-seeded".

        Returns:
            Floating point (B, C, H, W), finite, differentiable with respect to ``x`` unless the card says otherwise.
            Row i depends on ``x[i]`` and on row i of ``noise`` only.

        Example::

            def purify(self, x, noise):
                noisy = x + 0.2 * noise.normal("diffuse", x.shape[1:])
                return self.denoiser(noisy, 0.2)
        """
        ...


class Purify(Capability):
    """A purifier of images."""

    name = "purify"
    summary = "images to images, with whatever an adversary added taken away"
    call = "purify(x, noise)"
    questions = "trustdm.bench.targets.purify:questions"
    checks = "trustdm.bench.checks.purify:CHECKS"

    def misfit(self, card: MethodCard, shape: tuple[int, ...], classes: int) -> str:
        """A purifier fits any number of classes."""
        return super().misfit(card, shape, card.classes)


PURIFY = Purify()
