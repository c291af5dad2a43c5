"""Noisy images in, logits or labels out: the base classifier of a smoothed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trustdm.bench.capabilities.contract import Capability, class_fault
from trustdm.bench.contracts import MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class NoisyClassifier(Protocol):
    """The base classifier of a smoothed one: it sees images to which the harness has added Gaussian noise."""

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        """Returns logits, or labels.

        Args:
            x: float32 (B, C, H, W), an image in [0, 1] plus sigma times standard normal noise, not clipped.
            sigma: the standard deviation of that noise, in the same units.

        Returns:
            Floating point logits (B, K), or int64 labels (B,) from 0 to K - 1. Row i depends on ``x[i]`` only, and the
            same ``x`` gives the same answer, unless the card says ``randomness="keyed"``: then it is given a third
            argument, ``KeyedNoise``, new for every draw, and all its random numbers come from there.

        Example::

            def classify_noisy(self, x, sigma):
                return self.classifier(self.denoise(x, sigma).clamp(0, 1))
        """
        ...


class ClassifyNoisy(Capability):
    """The base classifier of a smoothed one."""

    name = "classify_noisy"
    summary = "images with Gaussian noise to logits or labels"
    call = "classify_noisy(x, sigma)"
    questions = "trustdm.bench.targets.noisy:questions"
    checks = "trustdm.bench.checks.classify_noisy:CHECKS"

    def card_fault(self, card: MethodCard) -> str:
        """At least two classes."""
        return class_fault(card)


CLASSIFY_NOISY = ClassifyNoisy()
