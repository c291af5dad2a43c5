"""How a loaded denoiser is asked what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import contract_errors, seeded
from trustdm.bench.rng import Noise

IMAGES = 2
SIGMA = 0.25


def questions(thing: Any, denoise: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """What it makes of two images under moderate noise, without a condition."""
    noise = Noise("describe", range(IMAGES))
    x = torch.from_numpy(noise.uniform("images", card.input_shape) + SIGMA * noise.normal("noise", card.input_shape))
    level = torch.full((IMAGES,), SIGMA, device=device)
    with seeded("describe"), torch.no_grad(), contract_errors(f"{card.name}: denoise"):
        answer = denoise(x.to(device), level)
    if not isinstance(answer, Tensor):
        raise ContractError(f"{card.name}: denoise: expected a tensor, got {type(answer).__name__}")
    return answer.flatten()
