"""A small variational autoencoder: images (B, 1, 16, 16) in [-1, 1] to latents (B, 4, 4, 4) and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trustdm.bench.training.checkpoints import StateFile
from trustdm.bench.training.denoisers import DenoiserSpec, State, fresh, halved, rebuilt
from trustdm.bench.training.diffusion_loop import DiffusionRecipe, train_network
from trustdm.bench.training.loops import OnStep
from trustdm.bench.training.unet import GROUPS

LATENT = 4
"""Channels of a latent; its side is a quarter of the image's."""


class Autoencoder(nn.Module):
    """Encoder and decoder; latents are standardised by the buffers ``shift`` and ``scale`` (set after training).

    A denoiser of latents then sees data of mean 0 and standard deviation 1 in every channel (the scale factor of
    Rombach et al. 2022, section G, one for each channel).
    """

    def __init__(self, channels: int = 1, width: int = 24):
        super().__init__()
        deep = 2 * width
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width // 2, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1),
            Residual(width),
            nn.Conv2d(width, deep, 3, stride=2, padding=1),
            Residual(deep),
            nn.Conv2d(deep, 2 * LATENT, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(LATENT, deep, 3, padding=1),
            Residual(deep),
            nn.Upsample(scale_factor=2.0),
            nn.Conv2d(deep, width, 3, padding=1),
            Residual(width),
            nn.Upsample(scale_factor=2.0),
            nn.Conv2d(width, width // 2, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 2, channels, 3, padding=1),
        )
        self.register_buffer("shift", torch.zeros(LATENT))
        self.register_buffer("scale", torch.ones(LATENT))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z | x), not standardised; both (B, 4, H / 4, W / 4)."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return mean, log_variance.clamp(-20, 10)

    def encode(self, x: Tensor) -> Tensor:
        """The standardised mean of q(z | x)."""
        z: Tensor = (self.posterior(x)[0] - self._wide("shift")) / self._wide("scale")
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Images, about in [-1, 1], of standardised latents."""
        x: Tensor = self.decoder(z * self._wide("scale") + self._wide("shift"))
        return x

    @torch.no_grad()
    def standardise(self, x: Tensor) -> None:
        """Sets ``shift`` and ``scale`` so that the latents of ``x`` have mean 0 and deviation 1 in every channel."""
        z = self.posterior(x)[0]
        self.get_buffer("shift").copy_(z.mean(dim=(0, 2, 3)))
        self.get_buffer("scale").copy_(z.std(dim=(0, 2, 3)))

    def _wide(self, name: str) -> Tensor:
        return self.get_buffer(name)[:, None, None]


class Residual(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))))))."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, width), nn.GroupNorm(GROUPS, width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        out: Tensor = x + self.conv2(F.silu(self.norm2(y)))
        return out


@dataclass(frozen=True, slots=True)
class AutoencoderLoss:
    """E |x - decode(z)|^2 + ``kl`` KL(q(z | x) || N(0, I)), z ~ q(z | x), both summed over an image and divided by its
    number of pixels (Kingma and Welling 2014, Eq. 10, with a weight that keeps the prior weak)."""

    kl: float = 1e-3

    def __call__(self, network: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        mean, log_variance = network.posterior(x)  # type: ignore[operator]
        z = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator)
        error = (network.decoder(z) - x).square().mean()  # type: ignore[operator]
        divergence = (mean**2 + log_variance.exp() - 1 - log_variance).sum() / 2 / x.numel()
        loss: Tensor = error + self.kl * divergence
        return loss


@dataclass(frozen=True)
class LatentSpec:
    """An autoencoder and the denoiser of its latents: two trainings, one after the other."""

    loss: AutoencoderLoss
    recipe: DiffusionRecipe
    denoiser: DenoiserSpec

    def train_autoencoder(
        self, x: Tensor, labels: Tensor, kept_in: StateFile | None = None, on_step: OnStep | None = None
    ) -> State:
        """The averaged weights in float16, from images (n, 1, 16, 16) in [-1, 1]; latents of ``x`` are standardised."""
        network = train_network(
            fresh(Autoencoder, self.recipe.seed), (x, labels), self.recipe, self.loss, kept_in, on_step
        )
        network.standardise(x)  # type: ignore[operator]
        return halved(network)

    def train_denoiser(
        self,
        autoencoder: Mapping[str, Tensor],
        data: tuple[Tensor, Tensor],
        kept_in: StateFile | None = None,
        on_step: OnStep | None = None,
    ) -> State:
        """The same of the denoiser, from the latents (means) of images under a trained autoencoder."""
        x, labels = data
        with torch.no_grad():
            z = torch.cat([self.restore_autoencoder(autoencoder).encode(part) for part in torch.split(x, 500)])
        return self.denoiser.train(z, labels, kept_in, on_step)

    def restore_autoencoder(self, state: Mapping[str, Tensor]) -> Autoencoder:
        """The trained autoencoder.

        Raises:
            WeightsError: names or shapes differ from those of the network.
        """
        return cast(Autoencoder, rebuilt(Autoencoder, state))
