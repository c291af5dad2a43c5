"""A small U-Net for images of 8x8 and 16x16 pixels and for latents: the denoising network of the demo.

Cheaper on a processor than the same number of weights in a general U-Net, as most of the arithmetic happens at 8x8
and 4x4: images of 16x16 enter through a pixel unshuffle (docs/decisions/009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trustdm.bench.errors import UsageError

GROUPS = 8
FREQUENCIES = 16


@dataclass(frozen=True, slots=True)
class UNetShape:
    """What a ``UNet`` is built from; part of every training recipe.

    ``patch``: images enter by a pixel unshuffle of that factor; ``side / patch`` must be divisible by 2.
    ``widths``: channels at the working resolution and at half of it; ``embedding``: of noise level and label.
    ``classes``: 0 for a network without labels; ``augment``: numbers that describe an augmentation, 0 for none.
    ``noise``: where c_noise lies (others are allowed); it is scaled to [0, 1] before it is embedded.
    ``rescale``: divide an input x by sqrt(1 + its mean square), for preconditionings that leave this to the network
    (VE: without it, noise of deviation 20 reaches convolutions that are to predict noise of deviation 1).
    """

    side: int = 16
    channels: int = 1
    patch: int = 2
    widths: tuple[int, int] = (32, 64)
    embedding: int = 96
    classes: int = 10
    augment: int = 0
    noise: tuple[float, float] = (-1.0, 1.0)
    rescale: bool = False


class UNet(nn.Module):
    """F(x, c_noise, labels): images (B, C, H, W) -> (B, C, H, W), without any preconditioning.

    ``c_noise`` is (B,); ``labels`` int64 (B,), where the value ``classes`` means "no label", or None: no label for any.
    One block at full width before and after a half-resolution part of two blocks around self-attention.
    """

    def __init__(self, shape: UNetShape):
        super().__init__()
        if shape.side % (2 * shape.patch) or any(width % GROUPS for width in shape.widths):
            raise UsageError(
                f"UNet: expected a side divisible by {2 * shape.patch} and widths by {GROUPS}, got {shape}"
            )
        self.shape = shape
        wide, deep = shape.widths
        inner = shape.channels * shape.patch**2
        self.embed = Embedding(shape)
        self.enter = nn.Conv2d(inner, wide, 3, padding=1)
        self.first = Block(wide, wide, shape.embedding)
        self.down = nn.Conv2d(wide, deep, 3, stride=2, padding=1)
        self.before = Block(deep, deep, shape.embedding)
        self.attention = Attention(deep)
        self.after = Block(deep, deep, shape.embedding)
        self.up = nn.Conv2d(deep, wide, 3, padding=1)
        self.last = Block(2 * wide, wide, shape.embedding)
        self.leave = Leave(wide, shape)

    def forward(
        self, x: Tensor, c_noise: Tensor, labels: Tensor | None = None, augment: Tensor | None = None
    ) -> Tensor:
        e = self.embed(c_noise, labels, augment)
        if self.shape.rescale:
            x = x / (1 + x.square().mean(dim=(1, 2, 3), keepdim=True)).sqrt()
        skip = self.first(self.enter(F.pixel_unshuffle(x, self.shape.patch)), e)
        y = self.after(self.attention(self.before(self.down(skip), e)), e)
        y = self.up(F.interpolate(y, scale_factor=2.0))
        out: Tensor = self.leave(self.last(torch.cat([y, skip], 1), e), x)
        return out


class Embedding(nn.Module):
    """(B, ``embedding``) of a noise level, a label and the description of an augmentation."""

    def __init__(self, shape: UNetShape):
        super().__init__()
        self.low, self.high = shape.noise
        self.classes = shape.classes
        width = shape.embedding
        self.noise = nn.Linear(2 * FREQUENCIES, width)
        self.label = nn.Embedding(shape.classes + 1, width) if shape.classes else None
        self.augment = nn.Linear(shape.augment, width, bias=False) if shape.augment else None
        self.mix = nn.Linear(width, width)

    def forward(self, c_noise: Tensor, labels: Tensor | None, augment: Tensor | None) -> Tensor:
        e = self.noise(self._waves(c_noise))
        if self.label is not None:
            none = torch.full_like(c_noise, self.classes, dtype=torch.int64)
            e = e + self.label(none if labels is None else labels)
        if self.augment is not None and augment is not None:
            e = e + self.augment(augment)
        return F.silu(self.mix(F.silu(e)))

    def _waves(self, c_noise: Tensor) -> Tensor:
        """Sines and cosines of half a turn to sixteen over the range of noise levels."""
        place = (c_noise - self.low) / (self.high - self.low)
        octaves = torch.linspace(-1, 4, FREQUENCIES, dtype=c_noise.dtype, device=c_noise.device)
        angle = 2 * math.pi * place[:, None] * 2**octaves
        return torch.cat([angle.cos(), angle.sin()], 1)


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut; the embedding scales and shifts between them (Perez et al. 2018)."""

    def __init__(self, before: int, after: int, embedding: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, before)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * after)
        self.norm2 = nn.GroupNorm(GROUPS, after)
        self.conv2 = zeroed(nn.Conv2d(after, after, 3, padding=1))
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.film(e)[:, :, None, None].chunk(2, 1)
        y = self.conv2(F.silu(self.norm2(y) * (1 + scale) + shift))
        out: Tensor = self.shortcut(x) + y
        return out


class Attention(nn.Module):
    """Self-attention over the places of a map, one head, added to its input (Vaswani et al. 2017, Eq. 1)."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, 2)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        out: Tensor = x + self.out(y)
        return out


class Leave(nn.Module):
    """Features back to an image; after a pixel shuffle, convolutions at full resolution that also see the input.

    A pixel shuffle alone lets neighbouring pixels come from different weights: a faint chequered pattern.
    """

    FINE = 8

    def __init__(self, width: int, shape: UNetShape):
        super().__init__()
        self.patch = shape.patch
        self.norm = nn.GroupNorm(GROUPS, width)
        self.coarse = nn.Conv2d(width, self.FINE * shape.patch**2, 3, padding=1)
        self.fine = nn.Conv2d(self.FINE + shape.channels, self.FINE, 3, padding=1)
        self.out = zeroed(nn.Conv2d(self.FINE, shape.channels, 3, padding=1))

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        y = F.pixel_shuffle(self.coarse(F.silu(self.norm(y))), self.patch)
        out: Tensor = self.out(F.silu(self.fine(torch.cat([y, x], 1))))
        return out


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """``layer`` with all weights zero: what it is added to starts out as it is."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
