"""Images in, logits out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trustdm.bench.capabilities.contract import Capability, class_fault
from trustdm.bench.contracts import KeyedNoise, MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Classifier(Protocol):
    """A deterministic (or block-seeded) classifier."""

    def classify(self, x: Tensor) -> Tensor:
        """Returns logits, before any softmax.

        Args:
            x: float32 (B, C, H, W) in [0, 1], on the device the method was loaded on. Must not be modified.

        Returns:
            Floating point (B, K), finite, differentiable with respect to ``x`` unless the card says otherwise. Row i
            depends on ``x[i]`` only.

        Example::

            def classify(self, x):
                return self.network((x - 0.5) / 0.25)
        """
        ...


@runtime_checkable
class KeyedClassifier(Protocol):
    """A randomized classifier whose noise is passed in (card: ``randomness="keyed"``)."""

    def classify(self, x: Tensor, noise: KeyedNoise) -> Tensor:
        """Returns logits as ``Classifier.classify`` does; the same ``noise`` gives the same logits.

        Args:
            x: float32 (B, C, H, W) in [0, 1]. Must not be modified.
            noise: the only source of randomness allowed.

        Returns:
            (B, K) finite logits.

        Example::

            def classify(self, x, noise):
                return self.network(x + 0.1 * noise.normal("smoothing", x.shape[1:]))
        """
        ...


class Classify(Capability):
    """A classifier of images, deterministic or randomized."""

    name = "classify"
    summary = "images in [0, 1] to logits"
    call = "classify(x)"
    bare_module = True
    questions = "trustdm.bench.targets.classify:questions"
    checks = "trustdm.bench.checks.classify:CHECKS"

    def card_fault(self, card: MethodCard) -> str:
        """At least two classes."""
        return class_fault(card)


CLASSIFY = Classify()
