"""A classifier of noisy images, log p(y | x, sigma): what classifier guidance takes the gradient of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trustdm.bench.training.checkpoints import StateFile
from trustdm.bench.training.denoisers import State, fresh, halved, rebuilt
from trustdm.bench.training.diffusion_loop import DiffusionRecipe, train_network
from trustdm.bench.training.diffusion_losses import EdmLevels
from trustdm.bench.training.ladder import EDM_NOISE
from trustdm.bench.training.loops import OnStep
from trustdm.bench.training.unet import Attention, Block, Embedding, UNetShape


class NoisyClassifier(nn.Module):
    """Logits (B, classes) of x = x0 + sigma n, images (B, C, H, W) with x0 in [-1, 1], at noise levels (B,).

    The lower half of a U-Net with the same input scaling as the denoiser, 1 / sqrt(sigma^2 + sigma_data^2), and the
    same embedding of ln(sigma) / 4 (Dhariwal and Nichol 2021, section 4.1: the encoder of the U-Net, one output).
    """

    def __init__(self, shape: UNetShape, sigma_data: float, classes: int = 10):
        super().__init__()
        wide, deep = shape.widths
        self.sigma_data = sigma_data
        self.patch = shape.patch
        self.embed = Embedding(shape)
        self.enter = nn.Conv2d(shape.channels * shape.patch**2, wide, 3, padding=1)
        self.first = Block(wide, wide, shape.embedding)
        self.down = nn.Conv2d(wide, deep, 3, stride=2, padding=1)
        self.second = Block(deep, deep, shape.embedding)
        self.attention = Attention(deep)
        self.norm = nn.GroupNorm(8, deep)
        self.out = nn.Linear(deep * (shape.side // shape.patch // 2) ** 2, classes)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        x, sigma = x.float(), sigma.float()
        e = self.embed(sigma.log() / 4, None, None)
        scaled = x / (sigma**2 + self.sigma_data**2).sqrt()[:, None, None, None]
        y = self.first(self.enter(F.pixel_unshuffle(scaled, self.patch)), e)
        y = self.attention(self.second(self.down(y), e))
        logits: Tensor = self.out(F.silu(self.norm(y)).flatten(1))
        return logits


@dataclass(frozen=True, slots=True)
class NoisyCrossEntropy:
    """E -log p(y | x0 + sigma n, sigma) over the noise levels of ``levels``, each with the same weight."""

    levels: EdmLevels

    def __call__(self, network: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        sigma = self.levels.sigmas(len(x), generator)
        noisy = x + sigma[:, None, None, None] * torch.randn(x.shape, generator=generator)
        return F.cross_entropy(network(noisy, sigma), labels)


@dataclass(frozen=True)
class GuideSpec:
    """A noisy classifier as one value: what it is built from, what it is trained on and for how long."""

    shape: UNetShape
    sigma_data: float
    loss: NoisyCrossEntropy
    recipe: DiffusionRecipe

    def train(
        self, x: Tensor, labels: Tensor, kept_in: StateFile | None = None, on_step: OnStep | None = None
    ) -> State:
        """The averaged weights in float16, from images (n, C, H, W) in [-1, 1] with labels (n,)."""
        network = fresh(self._build, self.recipe.seed)
        return halved(train_network(network, (x, labels), self.recipe, self.loss, kept_in, on_step))

    def restore(self, state: Mapping[str, Tensor]) -> nn.Module:
        """The trained classifier.

        Raises:
            WeightsError: names or shapes differ from those of the network.
        """
        return rebuilt(self._build, state)

    def _build(self) -> NoisyClassifier:
        return NoisyClassifier(self.shape, self.sigma_data)


def guide_spec(seed: str, sigma_data: float, steps: int) -> GuideSpec:
    """The guide of grey images of 16x16 in ten classes, for noise levels from about 0.02 to 20."""
    loss = NoisyCrossEntropy(EdmLevels(sigma_data, p_mean=-0.4, p_std=1.4))
    return GuideSpec(UNetShape(noise=EDM_NOISE), sigma_data, loss, DiffusionRecipe(seed, steps, lr=1e-3))
