"""A method as evaluations and attacks see it: on a device, frozen, counted, its output checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter, TorchNoise, contract_errors, seeded
from trustdm.bench.rng import Noise

IMAGES = 2


class _CountGradients(torch.autograd.Function):
    """A copy; its backward pass counts the images in it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, meter: Meter) -> Tensor:
        ctx.meter = meter
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        ctx.meter.gradients += len(grad)
        return grad, None


class _Reached(torch.autograd.Function):
    """Logits as they are, as if images had been needed for them: where no gradient flows to these, it is zero."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


class Target:
    """Images (B, C, H, W) in [0, 1] -> logits (B, K); counts every pass.

    A keyed method gets new noise on every call, derived from ``key``, the number of calls made and, where these are
    known, the examples in the batch; ``on`` fixes it. ``classes`` is K; ``randomized`` says whether two calls may
    differ.
    """

    def __init__(
        self,
        classify: Callable[..., Any],
        card: MethodCard,
        meter: Meter,
        key: str = "",
        examples: NDArray[np.int64] | None = None,
    ):
        self._classify = classify
        self._card = card
        self._key = key
        self._examples = examples
        self._calls = 0
        self.meter = meter
        self.name = card.name
        self.classes = card.classes
        self.randomized = card.randomness != "none"

    def keyed(self, key: str, examples: NDArray[np.int64] | None = None) -> Target:
        """The same method with its own stream of noise, for batches whose rows are ``examples``."""
        return Target(self._classify, self._card, self.meter, key, examples)

    def on(self, noise: Noise) -> Callable[[Tensor], Tensor]:
        """The method with its noise fixed to the rows of ``noise``."""
        return lambda x: self._logits(x, noise)

    def __call__(self, x: Tensor) -> Tensor:
        self._calls += 1
        if self._card.randomness != "keyed":
            return self._logits(x, None)
        rows = range(len(x)) if self._examples is None or len(self._examples) != len(x) else self._examples
        return self._logits(x, Noise(f"{self._key}/call {self._calls}", rows))

    def _logits(self, x: Tensor, noise: Noise | None) -> Tensor:
        self.meter.forwards += len(x)
        given: Tensor = _CountGradients.apply(x, self.meter) if x.requires_grad else x.clone()  # type: ignore[no-untyped-call]
        with contract_errors(f"{self._card.name}: classify"):
            extra = [TorchNoise(noise, x.device)] if noise is not None and self._card.randomness == "keyed" else []
            answer = self._classify(given, *extra)
        if not torch.equal(given.detach(), x.detach()):
            raise ContractError(f"{self._card.name}: classify: expected its input unchanged, got it written to")
        logits = self._check(answer, x)
        if x.requires_grad and torch.is_grad_enabled():
            # A method through which no gradient flows gives zeros, and its row is flagged for it.
            logits = _Reached.apply(logits, given)  # type: ignore[no-untyped-call]
        return logits

    def _check(self, logits: Any, x: Tensor) -> Tensor:
        name, want = self._card.name, (len(x), self.classes)
        if not isinstance(logits, Tensor):
            raise ContractError(f"{name}: classify: expected a tensor of logits {want}, got {type(logits).__name__}")
        if tuple(logits.shape) != want:
            raise ContractError(f"{name}: classify: expected logits of shape {want}, got {tuple(logits.shape)}")
        if not logits.is_floating_point():
            raise ContractError(f"{name}: classify: expected floating point logits, got {logits.dtype}")
        numbers = logits.float()  # what is finite in float64 may not be in float32
        # A sum is finite only where all that it sums is; where it is not, it may have overflowed.
        if not math.isfinite(float(numbers.detach().sum())) and not bool(torch.isfinite(numbers).all()):
            bad = int((~torch.isfinite(numbers)).any(1).sum())
            raise ContractError(
                f"{name}: classify: expected finite logits, got NaN or infinity for {bad} of {len(x)}, as float32"
            )
        return numbers


def questions(thing: Any, classify: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """Logits of fixed images, and sums and norms of the gradient of a fixed functional of these."""
    images = Noise("describe", range(IMAGES)).uniform("images", card.input_shape)
    x = torch.from_numpy(images).to(device).requires_grad_()
    weights = torch.linspace(-1, 1, card.classes, device=device)
    with seeded("describe"), torch.enable_grad(), contract_errors("its gradient"):
        logits = Target(classify, card, Meter(), "describe")(x)
        gradient = torch.autograd.grad((logits * weights).sum(), x)[0]
    return torch.cat([logits.detach().flatten(), gradient.flatten(1).sum(1), gradient.flatten(1).norm(dim=1)])
