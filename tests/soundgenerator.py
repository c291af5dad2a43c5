"""Generators that keep their contract, for mutants of them to break it in one place each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.rng import Noise
from trustdm.bench.training.networks import seeded

PLAIN = MethodCard(name="plain", capabilities=("sample",), input_shape=(1, 8, 8), classes=10)
BOTH = PLAIN.model_copy(update={"capabilities": ("sample", "denoise")})
UNLABELLED = PLAIN.model_copy(update={"classes": 0})
BLOCK = PLAIN.model_copy(update={"randomness": "block-seeded"})
SPREAD = 0.5  # standard deviation of what is generated, in network units


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Conv2d(1, 4, 3, padding=1)
        self.label = nn.Embedding(11, 4)
        self.out = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        answer: Tensor = 0.1 * self.out(torch.tanh(self.into(x) + self.label(labels)[:, :, None, None]))
        return answer


class Sound:
    """White noise of a spread, and a little that a network adds; a mutant overrides one thing."""

    def __init__(self) -> None:
        self.network = seeded(Network, 3)

    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        self.refuse(steps)
        noise = self.noise(seeds)
        x = 3 * noise("initial")
        levels = [*np.geomspace(3, 0.05, steps), 0.0]
        for i, (sigma, lower) in enumerate(itertools.pairwise(levels)):
            x = x + (lower - sigma) * (x - self.mean(x, torch.full((len(x),), sigma), labels)) / sigma
            x = x + 0.1 * lower * noise(f"step {i}")
        return ((x.clamp(-1, 1) + 1) / 2).float()

    def denoise(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        return (self.mean(2 * x - 1, 2 * sigma, labels) + 1) / 2

    def mean(self, x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        column = sigma.reshape(-1, 1, 1, 1)
        total = SPREAD**2 + column**2
        given = torch.full((len(x),), 10) if labels is None else labels
        added = self.call((x / total.sqrt()).float(), given)
        return SPREAD**2 / total * x + SPREAD * column / total.sqrt() * added

    def call(self, x: Tensor, labels: Tensor) -> Tensor:
        answer: Tensor = self.network(x, labels)
        return answer

    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        made = Noise("sound", seeds)
        return lambda use: torch.from_numpy(made.normal(use, (1, 8, 8)))

    def refuse(self, steps: int) -> None:
        if steps < 1:
            raise UsageError(f"steps: expected at least 1, got {steps}")


class SoundBlockSeeded(Sound):
    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        shift = 0.01 * (random.random() + np.random.rand())  # noqa: NPY002
        return lambda use: torch.randn(len(seeds), 1, 8, 8) + shift


class SoundNeedsLabels(Sound):
    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        if labels is None:
            raise ValueError("labels: expected one for each seed, got none")
        return super().sample(seeds, labels, steps)


class SoundWithoutNetwork(Sound):
    def __init__(self) -> None:
        pass

    def call(self, x: Tensor, labels: Tensor) -> Tensor:
        return 0.02 * labels.reshape(-1, 1, 1, 1) + torch.zeros_like(x)


def failing(load: Callable[[], Any], card: MethodCard) -> dict[str, str]:
    """The checks that fail, with what they say."""
    return {r.name: r.message for r in run_checks("method", load, card) if not r.ok}
