"""What a loaded method is, beyond its name: a digest of its weights, and its answers to a few fixed images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.perturb.target import Meter, Target, blamed, seeded
from trustdm.bench.rng import Noise
from trustdm.bench.training.weights import state_digest
from trustdm.bench.types import canonical_json

IMAGES = 2


def describe(thing: Any, classify: Callable[..., Any], card: MethodCard, device: str) -> str:
    """JSON text: ``weights``, a digest of every tensor the object holds, and ``answers``.

    The answers tell apart what tensors cannot: another preprocessing, another side file, another gradient. They are
    the logits of fixed images and the gradient of a fixed functional of these; none where the method breaks its
    contract on them, which its blocks will report.
    """
    return canonical_json({"weights": state_digest(thing), "answers": _answers(classify, card, device)})


def _answers(classify: Callable[..., Any], card: MethodCard, device: str) -> list[float]:
    images = Noise("describe", range(IMAGES)).uniform("images", card.input_shape)
    x = torch.from_numpy(images).to(device).requires_grad_()
    weights = torch.linspace(-1, 1, card.classes, device=device)
    try:
        with seeded("describe"), torch.enable_grad(), blamed("its gradient"):
            logits = Target(classify, card, Meter(), "describe")(x)
            gradient = torch.autograd.grad((logits * weights).sum(), x)[0]
    except ContractError:
        return []
    parts = torch.cat([logits.detach().flatten(), gradient.flatten(1).sum(1), gradient.flatten(1).norm(dim=1)])
    return [float(f"{value:.6g}") if math.isfinite(value) else 0.0 for value in parts.double().cpu().tolist()]
