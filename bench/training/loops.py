"""Training loops for classifiers: standard, and adversarial (Madry et al. 2018).

Both are a function of (initial weights, data, recipe): batches and random starts come from ``bench.rng``, one torch
thread does the arithmetic, and no global generator is read. On one machine two runs give the same bytes; sums are
ordered differently on other processors, so nothing is promised across machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from trustdm.bench.errors import DataError
from trustdm.bench.rng import derive

OnStep = Callable[[int, int, float], None]
Data = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast: ``steps`` batches of ``batch`` images, AdamW, one cycle up to the rate ``lr``.

    ``seed`` is a text; the order of the images and every random start derive from it.
    """

    seed: str
    steps: int
    batch: int = 64
    lr: float = 2e-3


@dataclass(frozen=True, slots=True)
class Adversary:
    """The inner maximisation: l-infinity ``eps`` in [0, 1] pixel units, ``iterations`` of gradient ascent.

    ``eps`` grows linearly from 0 over the first ``ramp`` of the steps: from the start at full strength a small
    network falls into a constant prediction.
    """

    eps: float
    iterations: int
    ramp: float = 0.4

    def at(self, progress: float) -> float:
        """The radius when the share ``progress`` of all steps is done."""
        return self.eps * min(1.0, progress / self.ramp) if self.ramp > 0 else self.eps


def train_standard(network: nn.Module, data: Data, recipe: Recipe, on_step: OnStep | None = None) -> nn.Module:
    """``network``, trained in place by cross-entropy and left in evaluation mode.

    ``data`` is (images float32 (n, C, H, W) in [0, 1], labels int64 (n,)); ``on_step(step, total, loss)`` follows.
    """
    return _train(network, data, recipe, lambda x, y, step: x, on_step)


def train_adversarial(
    network: nn.Module, data: Data, recipe: Recipe, adversary: Adversary, on_step: OnStep | None = None
) -> nn.Module:
    """``network``, trained in place on the worst images that PGD finds (Madry et al. 2018, Eq. 2.1).

    Give a network that is trained already (warm start). Takes ``1 + adversary.iterations`` gradients an image.
    """
    noise = torch.Generator().manual_seed(_seed63(recipe.seed, "starts"))

    def worst(x: Tensor, y: Tensor, step: int) -> Tensor:
        return pgd(network, x, y, adversary.at(step / recipe.steps), adversary.iterations, noise)

    return _train(network, data, recipe, worst, on_step)


def train_noisy(
    network: nn.Module, data: Data, recipe: Recipe, sigma: float, on_step: OnStep | None = None
) -> nn.Module:
    """``network``, trained in place on images plus Gaussian noise of standard deviation ``sigma`` (Cohen et al. 2019).

    New noise in every step; the noisy images are not clipped, as they are not when the network is certified.
    """
    noise = torch.Generator().manual_seed(_seed63(recipe.seed, "noise"))
    return _train(network, data, recipe, lambda x, y, step: x + sigma * torch.randn(x.shape, generator=noise), on_step)


def pgd(network: nn.Module, x: Tensor, y: Tensor, eps: float, iterations: int, noise: torch.Generator) -> Tensor:
    """Images (B, C, H, W) in [0, 1], at most ``eps`` from ``x`` in every pixel, with a high loss for labels ``y``.

    Random start, then sign steps of 2.5 * eps / iterations (Madry et al. 2018).
    """
    start = torch.rand(x.shape, generator=noise) * 2 - 1
    low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    adv = (x + eps * start).clamp(low, high)
    for _ in range(iterations):
        adv.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(adv), y), adv)
        adv = (adv.detach() + 2.5 * eps / iterations * gradient.sign()).clamp(low, high)
    return adv.detach()


def shifted(on_step: OnStep | None, done: int, total: int) -> OnStep | None:
    """An ``on_step`` for one phase of a longer recipe: ``done`` steps came before, of ``total`` in all."""
    if on_step is None:
        return None
    return lambda step, _, loss: on_step(done + step, total, loss)


def _train(
    network: nn.Module,
    data: Data,
    recipe: Recipe,
    inputs: Callable[[Tensor, Tensor, int], Tensor],
    on_step: OnStep | None,
) -> nn.Module:
    images, labels = _tensors(data)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=recipe.steps)
    network.train()
    with _one_thread():
        for step, index in enumerate(_batches(len(labels), recipe)):
            x, y = images[index], labels[index]
            loss = F.cross_entropy(network(inputs(x, y, step)), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if on_step is not None:
                on_step(step + 1, recipe.steps, loss.item())
    return network.eval()


def _tensors(data: Data) -> tuple[Tensor, Tensor]:
    images, labels = data
    if images.ndim != 4 or len(images) != len(labels) or not len(labels):
        raise DataError(
            f"training data: expected images (n, C, H, W) and n labels, got {images.shape} and {labels.shape}"
        )
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise DataError(f"training images: expected values in [0, 1], got {images.min()} to {images.max()}")
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def _batches(count: int, recipe: Recipe) -> Iterator[Tensor]:
    """Indices of each step: whole shuffled passes laid end to end, so that every image is used equally often."""
    order = np.random.Generator(np.random.Philox(key=derive(recipe.seed, "order")))
    passes = -(-recipe.steps * recipe.batch // count)
    stream = np.concatenate([order.permutation(count) for _ in range(passes)])
    for step in range(recipe.steps):
        yield torch.from_numpy(stream[step * recipe.batch : (step + 1) * recipe.batch])


def _seed63(*identity: object) -> int:
    return derive(*identity) % 2**63


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order; with more threads the split of a sum, and so its last bit, depends on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
