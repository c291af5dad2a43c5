"""A method as evaluations and attacks see it: on a device, frozen, counted, its output checked."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trustdm.bench.contracts import Capability, MethodCard
from trustdm.bench.errors import ContractError, TrustdmError
from trustdm.bench.rng import Noise, seed32
from trustdm.bench.training.weights import modules_in
from trustdm.bench.types import Counts

CALLS = {
    "classify": "classify(x)",
    "sample": "sample(seeds, labels, steps)",
    "denoise": "denoise(x, sigma, labels)",
    "classify_noisy": "classify_noisy(x, sigma)",
}


class TorchNoise:
    """``Noise`` as tensors on the device of the batch; what a keyed method is given."""

    def __init__(self, noise: Noise, device: torch.device):
        self._noise = noise
        self._device = device

    def normal(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """float32 (B, *shape), standard normal."""
        return torch.from_numpy(self._noise.normal(use, shape)).to(self._device)

    def uniform(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """float32 (B, *shape), uniform on [0, 1)."""
        return torch.from_numpy(self._noise.uniform(use, shape)).to(self._device)


@dataclass
class Meter:
    """Images that went forward through the method, and images a gradient was taken for."""

    forwards: int = 0
    gradients: int = 0

    def counts(self) -> Counts:
        return Counts(self.forwards, self.gradients)


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
        rows = range(len(x)) if self._examples is None or len(self._examples) != len(x) else self._examples
        return self._logits(x, Noise(f"{self._key}/call {self._calls}", rows))

    def _logits(self, x: Tensor, noise: Noise) -> Tensor:
        self.meter.forwards += len(x)
        given: Tensor = _CountGradients.apply(x, self.meter) if x.requires_grad else x.clone()  # type: ignore[no-untyped-call]
        with blamed(f"{self._card.name}: classify"):
            extra = [TorchNoise(noise, x.device)] if self._card.randomness == "keyed" else []
            answer = self._classify(given, *extra)
        if not torch.equal(given.detach(), x.detach()):
            raise ContractError(f"{self._card.name}: classify: expected its input unchanged, got it written to")
        logits = self._check(answer, x).float()
        if x.requires_grad and torch.is_grad_enabled():
            # A method through which no gradient flows gives zeros, and its row is flagged for it.
            logits = logits + 0.0 * given.flatten(1).sum(1, keepdim=True)
        return logits

    def _check(self, logits: Any, x: Tensor) -> Tensor:
        name, want = self._card.name, (len(x), self.classes)
        if not isinstance(logits, Tensor):
            raise ContractError(f"{name}: classify: expected a tensor of logits {want}, got {type(logits).__name__}")
        if tuple(logits.shape) != want:
            raise ContractError(f"{name}: classify: expected logits of shape {want}, got {tuple(logits.shape)}")
        if not logits.is_floating_point():
            raise ContractError(f"{name}: classify: expected floating point logits, got {logits.dtype}")
        if not bool(torch.isfinite(logits).all()):
            bad = int((~torch.isfinite(logits)).any(1).sum())
            raise ContractError(f"{name}: classify: expected finite logits, got NaN or infinity for {bad} of {len(x)}")
        return logits


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that the machine's memory did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "CUDA out of memory" in text)


def place(thing: Any, card: MethodCard, device: str, capability: Capability = "classify") -> Callable[..., Any]:
    """Puts a loaded method on ``device`` in evaluation mode with frozen weights; returns its ``classify``.

    (Or what another ``capability`` is called.)

    Raises:
        ContractError: it has no such method and cannot be called.
    """
    for module in modules_in(thing):
        module.to(device).eval().requires_grad_(False)
    if not isinstance(thing, nn.Module) and callable(getattr(thing, "to", None)):
        thing.to(device)
    able = getattr(thing, capability, None if isinstance(thing, nn.Module) and capability != "classify" else thing)
    if not callable(able):
        raise ContractError(
            f"{card.name}: expected an object with {CALLS[capability]}, or a callable, got {type(thing).__name__}"
        )
    return able  # type: ignore[no-any-return]


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Turns whatever a stranger's code raises into one ContractError that says what raised it; memory is no fault.

    Raises:
        ContractError: with the type and text of the exception.
    """
    try:
        yield
    except TrustdmError:
        raise
    except (Exception, SystemExit) as error:
        if out_of_memory(error):
            raise
        raise ContractError(f"{what} raised {type(error).__name__}: {error}") from error


@contextmanager
def borrowed(thing: object) -> Iterator[None]:
    """Puts the networks of an object back as they were: training mode, device, which weights take gradients."""
    modules = [m for top in modules_in(thing) for m in top.modules()]
    modes = [(m, m.training) for m in modules]
    weights = [(p, p.requires_grad) for m in modules for p in m.parameters(recurse=False)]
    devices = [(top, p.device) for top in modules_in(thing) if (p := next(top.parameters(), None)) is not None]
    try:
        yield
    finally:
        for top, device in devices:
            top.to(device)
        for module, training in modes:
            module.training = training
        for weight, wanted in weights:
            weight.requires_grad_(wanted)


@contextmanager
def seeded(*identity: object) -> Iterator[None]:
    """Seeds every global generator from ``identity``, and puts their states back afterwards.

    Existing code that draws from them then repeats itself for each block, and nothing outside notices.
    """
    cuda = list(range(torch.cuda.device_count())) if cuda_in_use() else []
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    seed = seed32(*identity)
    try:
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def cuda_in_use() -> bool:
    """Whether this process has used a CUDA device; asking does not start one."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
