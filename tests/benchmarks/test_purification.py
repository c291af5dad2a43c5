"""The gradient through a purifier: exact, in the memory of states, against torchsde's adjoint and stored activations.

All three solve the same reverse VP SDE (Nie et al. 2022) of the same denoiser with as many Euler steps, and give the
gradient of the same functional to the same images. Forward equivalents are counted by hooks: a forward pass is one, a
backward pass to the input another one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trustdm.bench import plugins
from trustdm.bench.diffusion import purification
from trustdm.bench.diffusion.purification import VpSde, in_network_units
from trustdm.bench.diffusion.sde import Vp, score_at
from trustdm.bench.rng import Noise
from trustdm.bench.training.weights import modules_in

torchsde = pytest.importorskip("torchsde", reason="torchsde is not installed")

IMAGES, T, STEPS, PAIRS = 32, 0.1, 20, 3
Gradient = Callable[[Tensor], Tensor]


class Counter:
    """Forward equivalents of every network of a denoiser, in images."""

    def __init__(self, denoiser: Any):
        self.images = 0
        (self.network,) = modules_in(denoiser)
        self.network.requires_grad_(False)
        self.network.register_forward_hook(self._forward)

    def _forward(self, module: nn.Module, args: tuple[Any, ...], answer: Tensor) -> None:
        self.images += len(answer)
        if answer.requires_grad:
            answer.register_hook(self._backward)

    def _backward(self, grad: Tensor) -> None:
        self.images += len(grad)


class Adjoint(nn.Module):
    """The reverse SDE as DiffPure's code gives it to torchsde: time runs from 1 - t* up, images are flat."""

    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, denoise: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...]):
        super().__init__()
        self.denoise, self.shape, self.sde = denoise, shape, Vp()

    def f(self, s: Tensor, y: Tensor) -> Tensor:
        t, x = 1 - float(s), y.view(-1, *self.shape)
        drift = self.sde.drift(t) * x - self.sde.diffusion(t) ** 2 * score_at(self.sde, self.denoise, x, t)
        return -drift.flatten(1)

    def g(self, s: Tensor, y: Tensor) -> Tensor:
        return torch.full_like(y, self.sde.diffusion(1 - float(s)))


def parts() -> tuple[Counter, Callable[[Tensor, Tensor], Tensor], Tensor, Noise]:
    registry = plugins.load(installed=False).registry
    denoiser = registry.get("method", "mnist16-edm-uncond").load()()
    noise = Noise("benchmark", range(IMAGES))
    x = torch.from_numpy(noise.uniform("images", (1, 16, 16))) * 2 - 1
    return Counter(denoiser), in_network_units(denoiser.denoise), x, noise


def weighted(images: Tensor) -> Tensor:
    return (images.flatten(1) * torch.linspace(-1, 1, images[0].numel())).sum()


def ours(denoise: Callable[[Tensor, Tensor], Tensor], noise: Noise) -> Gradient:
    def gradient(x: Tensor) -> Tensor:
        leaf = x.clone().requires_grad_()
        drawn = VpSde(T, STEPS)(denoise, leaf, lambda use: torch.from_numpy(noise.normal(use, (1, 16, 16))))
        return torch.autograd.grad(weighted(drawn), leaf)[0]

    return gradient


def adjoint(denoise: Callable[[Tensor, Tensor], Tensor], noise: Noise) -> Gradient:
    def gradient(x: Tensor) -> Tensor:
        leaf = x.clone().requires_grad_()
        bar = 1 / (1 + Vp().sigma(T) ** 2)
        noisy = bar**0.5 * leaf + (1 - bar) ** 0.5 * torch.from_numpy(noise.normal("diffuse", (1, 16, 16)))
        times = torch.tensor([1 - T, 1 - 1e-5])
        path = torchsde.BrownianInterval(0.0, 1.0, size=(len(x), 256), entropy=0)
        sde = Adjoint(denoise, (1, 16, 16))
        _, last = torchsde.sdeint_adjoint(sde, noisy.flatten(1), times, bm=path, method="euler", dt=T / STEPS)
        return torch.autograd.grad(weighted(last.view_as(x)), leaf)[0]

    return gradient


def measured(counter: Counter, gradient: Gradient, x: Tensor) -> tuple[float, float]:
    """Forward equivalents a step and image, and seconds."""
    counter.images, began = 0, time.process_time()
    gradient(x)
    return counter.images / (STEPS * len(x)), time.process_time() - began


def peak(gradient: Gradient, x: Tensor) -> int:
    """Bytes of the tensors that autograd holds at once for the backward pass."""
    held = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal held
        held += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        gradient(x)
    return held


def test_the_gradient_through_a_purifier(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counter, denoise, x, noise = parts()
    exact, stochastic = ours(denoise, noise), adjoint(denoise, noise)
    pairs = [(measured(counter, exact, x), measured(counter, stochastic, x)) for _ in range(PAIRS)]
    benchmark.pedantic(lambda: exact(x), rounds=1)
    gradient = exact(x)
    with monkeypatch.context() as patched:
        patched.setattr(purification, "trajectory", _stored)
        stored, activations = exact(x), peak(exact, x)
        seconds_stored = measured(counter, exact, x)[1]
    cosine = torch.nn.functional.cosine_similarity(gradient.flatten(1), stored.flatten(1))
    assert float(cosine.min()) >= 0.9999
    (passes, _), (passes_adjoint, _) = pairs[0]
    assert passes <= 3.0
    benchmark.extra_info |= {
        "forward equivalents a step": passes,
        "forward equivalents a step, torchsde adjoint": passes_adjoint,
        "seconds over torchsde's": statistics.median(a[1] / b[1] for a, b in pairs),
        "seconds over stored activations'": pairs[-1][0][1] / seconds_stored,
        "least cosine to full autograd": float(cosine.min()),
        "bytes of stored activations": activations,
        "bytes of states": STEPS * x.numel() * x.element_size(),
    }


def _stored(steps: Any, x: Tensor) -> Tensor:
    for step in steps:
        x = step(x)
    return x
