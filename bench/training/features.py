"""The network behind the shipped feature extractors of the small data sets, and the recipe that trains it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trustdm.bench.rng import derive
from trustdm.bench.training.loops import Data, OnStep, Recipe, train_standard
from trustdm.bench.training.networks import SmallCnn, seeded
from trustdm.bench.training.recipes import state_of

DIMENSION = 32
DROPPED = 0.7
"""Dropout between features and logits. Without it few directions of the features carry the class and the others
drift: noise that can be seen then moves the distance less, and training images lie further from test images."""


class FeatureCnn(nn.Module):
    """A ``SmallCnn`` whose 32 outputs are the features, with a linear classifier on their positive part."""

    def __init__(self, side: int, channels: int = 1, classes: int = 10):
        super().__init__()
        self.body = SmallCnn(side, channels, DIMENSION)
        self.head = nn.Linear(DIMENSION, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, C, side, side) in [0, 1]."""
        logits: Tensor = self.head(F.dropout(F.relu(self.body(x)), DROPPED, self.training))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """float32 (B, 32) of uint8 images (B, C, side, side), without any resizing."""
        vectors: Tensor = self.body(images.float() / 255)
        return vectors


def small_features(side: int, data: Data, recipe: Recipe, on_step: OnStep | None = None) -> dict[str, Tensor]:
    """State of a ``FeatureCnn`` for images of ``side``, trained by cross-entropy.

    Dropout knows no other generator than torch's global one: it is seeded here, and put back afterwards.
    """
    network = seeded(FeatureCnn, derive(recipe.seed, "weights"), side)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(recipe.seed, "dropout") % 2**63)
        return state_of(train_standard(network, data, recipe, on_step))
