"""How a loaded purifier is called, and what it answers to fixed questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import TorchNoise, contract_errors, seeded
from trustdm.bench.rng import Noise

IMAGES = 2


def call(purify: Callable[..., Any], card: MethodCard, x: Tensor, noise: Any) -> Any:
    """What it makes of ``x``; a keyed one is given ``noise``."""
    return purify(x, noise) if card.randomness == "keyed" else purify(x)


def questions(thing: Any, purify: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """What it makes of two fixed images, flattened."""
    noise = Noise("describe", range(IMAGES))
    x = torch.from_numpy(noise.uniform("images", card.input_shape)).to(device)
    with seeded("describe"), torch.no_grad(), contract_errors(f"{card.name}: purify"):
        answer = call(purify, card, x, TorchNoise(noise, x.device))
    if not isinstance(answer, Tensor):
        raise ContractError(f"{card.name}: purify: expected a tensor, got {type(answer).__name__}")
    return answer.flatten()
