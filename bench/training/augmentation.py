"""Augmentation that does not leak: the network is told what was done to an image, and nothing is done at sampling."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NUMBERS = 7
"""Numbers that describe what was done to one image; all 0 where nothing was."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Geometric changes, each applied with chance ``probability`` and independently (Karras et al. 2022, Table 6).

    Whole-pixel shifts up to ``shift`` pixels, fractional shifts of deviation ``drift`` pixels, rotations of deviation
    ``turn`` radians, scalings of deviation ``zoom`` octaves. No flips: a flipped digit is another sign. What comes in
    from outside is background: the nearest pixel of the border.
    """

    probability: float = 0.12
    shift: int = 2
    drift: float = 0.5
    turn: float = 0.15
    zoom: float = 0.12

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Changed images (B, C, H, W) and what was done to each (B, 7)."""
        whole, part, angle, octaves = self._drawn(len(x), generator)
        moved = (whole + part) * 2 / torch.tensor([x.shape[3], x.shape[2]])
        changed = F.grid_sample(
            x,
            F.affine_grid(_inverse(moved, angle, octaves), list(x.shape), align_corners=False),
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        numbers = torch.cat([whole, part, angle.cos() - 1, angle.sin(), octaves], 1)
        return torch.where((numbers == 0).all(1)[:, None, None, None], x, changed), numbers

    def _drawn(self, count: int, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Shift in whole pixels (B, 2), in parts (B, 2), angle (B, 1), octaves (B, 1); 0 where not applied."""
        on = (torch.rand(count, 4, generator=g) < self.probability).float()
        whole = torch.randint(-self.shift, self.shift + 1, (count, 2), generator=g).float()
        normal = torch.randn(count, 4, generator=g)
        part, angle, octaves = self.drift * normal[:, :2], self.turn * normal[:, 2:3], self.zoom * normal[:, 3:]
        return whole * on[:, :1], part * on[:, 1:2], angle * on[:, 2:3], octaves * on[:, 3:]


def _inverse(moved: Tensor, angle: Tensor, octaves: Tensor) -> Tensor:
    """(B, 2, 3): where an output place (x, y in [-1, 1]) comes from: x -> R(-angle) 2^-octaves (x - moved)."""
    cos, sin, small = angle.cos(), angle.sin(), 2**-octaves
    linear = torch.stack([torch.cat([cos, sin], 1), torch.cat([-sin, cos], 1)], 1) * small[:, :, None]
    return torch.cat([linear, -linear @ moved[:, :, None]], 2)
