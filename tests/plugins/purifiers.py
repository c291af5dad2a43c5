"""A defence by noise, and the ways in which one can look stronger than it is: each does one thing wrong."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from trustdm import MethodCard, method

SHAPE, CLASSES = (1, 8, 8), 10


def card(name: str, randomness: str = "keyed") -> MethodCard:
    return MethodCard(name=name, input_shape=SHAPE, classes=CLASSES, data=("digits",), randomness=randomness)


@cache
def templates() -> Tensor:
    """The mean image of each class, less the mean of all, (64, 10)."""
    digits = load_digits()
    images = digits.data / 16
    means = np.stack([images[digits.target == k].mean(0) for k in range(CLASSES)])
    return torch.tensor((means - means.mean(0)).T, dtype=torch.float32)


def bent(x: Tensor, noise: Tensor) -> Tensor:
    """What an image and noise become: bent, so that the gradient depends on the noise."""
    return (torch.tanh(6 * (x + 0.25 * noise - 0.5)) + 1) / 2


class Defence:
    """Noise, a bend, and templates."""

    def purify(self, x: Tensor, noise: Any) -> Tensor:
        return bent(x, noise.normal("diffuse", SHAPE))

    def classify_purified(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ templates()

    def classify(self, x: Tensor, noise: Any) -> Tensor:
        return self.classify_purified(self.purify(x, noise))


@method(card("honest"))
class Honest(Defence): ...


@method(card("whole"))
class Whole:
    """The same defence in one piece: it cannot be taken apart."""

    def classify(self, x: Tensor, noise: Any) -> Tensor:
        return Defence().classify(x, noise)


class _Redrawn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, noise: Tensor) -> Tensor:
        ctx.save_for_backward(x, noise)
        return bent(x, noise)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, noise = ctx.saved_tensors
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            other = torch.randn(noise.shape, generator=torch.Generator().manual_seed(1))
            (gradient,) = torch.autograd.grad(bent(leaf, other), leaf, grad)
        return gradient, None


@method(card("redrawn"))
class Redrawn(Defence):
    """Noise is drawn anew in the backward pass."""

    def purify(self, x: Tensor, noise: Any) -> Tensor:
        return _Redrawn.apply(x, noise.normal("diffuse", SHAPE))


@method(card("detached"))
class Detached(Defence):
    """The purifier is taken for the identity in the backward pass, and nobody is told."""

    def purify(self, x: Tensor, noise: Any) -> Tensor:
        return x + (super().purify(x, noise) - x).detach()


@method(card("masked"))
class Masked(Defence):
    """Logits in steps: their gradient is zero."""

    def classify_purified(self, x: Tensor) -> Tensor:
        return (4 * super().classify_purified(x)).round() / 4


@method(card("cached"))
class Cached(Defence):
    """The same noise at every call, whatever it is given."""

    def purify(self, x: Tensor, noise: Any) -> Tensor:
        return bent(x, torch.randn(SHAPE, generator=torch.Generator().manual_seed(2)))


@method(card("blind"))
class Blind(Defence):
    """The image is not looked at."""

    def classify(self, x: Tensor, noise: Any) -> Tensor:
        return noise.normal("guess", (CLASSES,))


@method(card("rejecting"))
class Rejecting(Defence):
    """What is not on the grid of the data's sixteen levels is answered without a gradient."""

    def classify(self, x: Tensor, noise: Any) -> Tensor:
        logits = super().classify(x, noise)
        natural = ((16 * x - (16 * x).round()).abs().amax((1, 2, 3), keepdim=False) < 1e-4)[:, None]
        return torch.where(natural, logits, logits.detach())


@method(card("counting"))
class Counting(Defence):
    """Noise of a counter of calls, whatever it is given."""

    calls = 0

    def purify(self, x: Tensor, noise: Any) -> Tensor:
        Counting.calls += 1
        return bent(x, torch.randn(x.shape, generator=torch.Generator().manual_seed(Counting.calls)))


@method(card("global", randomness="block-seeded"))
class Global(Defence):
    """An honest defence that draws from the global generator."""

    def purify(self, x: Tensor, *noise: Any) -> Tensor:
        return bent(x, torch.randn(x.shape))

    def classify(self, x: Tensor, *noise: Any) -> Tensor:
        return self.classify_purified(self.purify(x))


@method(card("plain", randomness="none"))
class Plain:
    """No defence."""

    def classify(self, x: Tensor) -> Tensor:
        return bent(x, torch.zeros(SHAPE)).flatten(1) @ templates()
