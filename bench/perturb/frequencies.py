"""Low frequencies of images, by the orthonormal discrete cosine transform (Ahmed et al. 1974, DCT-II)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

FEWEST = 2


def cosines(size: int) -> Tensor:
    """float64 (size, size), orthonormal: row k is the cosine of frequency k."""
    position = torch.arange(size, dtype=torch.float64)
    waves = torch.cos(math.pi / size * (position[None, :] + 0.5) * position[:, None])
    waves *= math.sqrt(2 / size)
    waves[0] /= math.sqrt(2)
    return waves


def low_pass(like: Tensor, kept: float) -> Callable[[Tensor], Tensor]:
    """The projection of images of the shape of ``like`` (B, C, H, W) on the lowest ``kept`` of both axes."""
    down, across = (_projection(size, kept).to(like) for size in like.shape[2:])
    return lambda x: down @ x @ across


def _projection(size: int, kept: float) -> Tensor:
    waves = cosines(size)[: max(FEWEST, round(kept * size))]
    return waves.T @ waves
