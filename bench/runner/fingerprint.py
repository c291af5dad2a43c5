"""What a loaded method is, beyond its name: a digest of its weights, and its answers to a few fixed questions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trustdm.bench.contracts import Capability, MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Meter, Target, TorchNoise, blamed, seeded
from trustdm.bench.targets.sample import GeneratorTarget
from trustdm.bench.training.weights import state_digest

IMAGES = 2
SIGMA = 0.25
STEPS = 3
"""Steps of the two images that a generator is asked for."""


def describe(
    thing: Any, call: Callable[..., Any], card: MethodCard, device: str, capability: Capability = "classify"
) -> str:
    """JSON text: ``weights``, a digest of every tensor the object holds, and ``answers``.

    The answers tell apart what tensors cannot: another preprocessing, another side file, another gradient, another
    sampler. None where the method breaks its contract on them, which its blocks will report.
    """
    try:
        ask = {"sample": _images, "classify_noisy": _noisy}.get(capability, _logits)
        answers = ask(thing, call, card, device)
    except ContractError:
        answers = None
    listed = [] if answers is None else answers.double().cpu().tolist()
    rounded = [float(f"{value:.6g}") if math.isfinite(value) else 0.0 for value in listed]
    return canonical_json({"weights": state_digest(thing), "answers": rounded})


def _logits(thing: Any, classify: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """Logits of fixed images, and sums and norms of the gradient of a fixed functional of these."""
    images = Noise("describe", range(IMAGES)).uniform("images", card.input_shape)
    x = torch.from_numpy(images).to(device).requires_grad_()
    weights = torch.linspace(-1, 1, card.classes, device=device)
    with seeded("describe"), torch.enable_grad(), blamed("its gradient"):
        logits = Target(classify, card, Meter(), "describe")(x)
        gradient = torch.autograd.grad((logits * weights).sum(), x)[0]
    return torch.cat([logits.detach().flatten(), gradient.flatten(1).sum(1), gradient.flatten(1).norm(dim=1)])


def _noisy(thing: Any, classify_noisy: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """What is answered to two images under moderate noise."""
    noise = Noise("describe", range(IMAGES))
    x = torch.from_numpy(noise.uniform("images", card.input_shape) + SIGMA * noise.normal("noise", card.input_shape))
    extra = [TorchNoise(noise, torch.device(device))] if card.randomness == "keyed" else []
    with seeded("describe"), torch.no_grad(), blamed(f"{card.name}: classify_noisy"):
        answer = classify_noisy(x.to(device), SIGMA, *extra)
    if not isinstance(answer, Tensor):
        raise ContractError(f"{card.name}: classify_noisy: expected a tensor, got {type(answer).__name__}")
    return answer.flatten()


def _images(thing: Any, sample: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """Means and spreads of the rows of two images of fixed seeds."""
    labels = np.arange(IMAGES) % card.classes if card.classes else None
    with seeded("describe"):
        images, _ = GeneratorTarget(thing, sample, card, Meter(), device)(range(IMAGES), labels, STEPS)
    return torch.cat([images.mean(dim=(1, 3)).flatten(), images.std(dim=(1, 3), correction=0).flatten()])
