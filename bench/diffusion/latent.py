"""Diffusion in the latent space of an autoencoder. Rombach et al. 2022."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LatentSpace:
    """Maps images in [-1, 1] to latents (B, C, h, w) that a denoiser is trained on, and back.

    latent = (encoder(image) - shift) * scale; the scale makes their variance about 1 (Rombach et al. 2022, appendix G;
    0.18215 for Stable Diffusion). The networks run in float32, latents keep their type.
    """

    encoder: Callable[[Tensor], Tensor]
    decoder: Callable[[Tensor], Tensor]
    scale: float = 1.0
    shift: float = 0.0

    def encode(self, image: Tensor) -> Tensor:
        """The latents of images in [-1, 1]."""
        return ((self.encoder(image.float()) - self.shift) * self.scale).to(image.dtype)

    def decode(self, latent: Tensor) -> Tensor:
        """The images in [-1, 1], not clipped, of latents."""
        return self.decoder((latent / self.scale + self.shift).float()).to(latent.dtype)
