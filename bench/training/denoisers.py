"""A denoising network as one value: what it is built from, how it is wrapped, what it is trained on, how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trustdm.bench.diffusion.preconditioning import Preconditioned, Preconditioning, from_boundary
from trustdm.bench.diffusion.samplers import SAMPLERS
from trustdm.bench.errors import WeightsError
from trustdm.bench.rng import derive
from trustdm.bench.training.augmentation import Augmentation
from trustdm.bench.training.checkpoints import StateFile
from trustdm.bench.training.diffusion_loop import DiffusionRecipe, train_network
from trustdm.bench.training.diffusion_losses import Levels, denoising_loss
from trustdm.bench.training.loops import OnStep
from trustdm.bench.training.unet import UNet, UNetShape

State = dict[str, Tensor]


@dataclass(frozen=True)
class DenoisingLoss:
    """The loss of a preconditioned network on labelled images, with dropped labels and augmentation.

    Each label is replaced by "none" with chance ``no_label`` (Ho and Salimans 2022, Alg. 1): one network then serves
    with and without labels.
    """

    kind: Preconditioning
    levels: Levels
    no_label: float = 0.0
    augmentation: Augmentation | None = None

    def __call__(self, network: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        given = dropped(labels, self.no_label, _classes(network), generator)
        x, numbers = self.augmentation(x, generator) if self.augmentation else (x, None)
        denoise = Preconditioned(lambda y, noise, given: network(y, noise, given, numbers), self.kind)
        return denoising_loss(lambda y, sigma: denoise(y, sigma, given), x, self.levels, generator)


@dataclass(frozen=True)
class DenoiserSpec:
    """Network, preconditioning, loss and schedule of one denoiser."""

    shape: UNetShape
    loss: DenoisingLoss
    recipe: DiffusionRecipe

    def train(
        self, x: Tensor, labels: Tensor, kept_in: StateFile | None = None, on_step: OnStep | None = None
    ) -> State:
        """The averaged weights in float16, from data (n, C, H, W) with labels (n,)."""
        network = fresh(lambda: UNet(self.shape), self.recipe.seed)
        return halved(train_network(network, (x, labels), self.recipe, self.loss, kept_in, on_step))

    def restore(self, state: Mapping[str, Tensor]) -> Preconditioned:
        """The denoiser D(x, sigma, labels) with trained weights.

        Raises:
            WeightsError: names or shapes differ from those of the network.
        """
        return Preconditioned(rebuilt(lambda: UNet(self.shape), state), self.loss.kind)


def dropped(labels: Tensor, chance: float, classes: int, generator: torch.Generator) -> Tensor | None:
    """``labels`` (B,), each replaced by ``classes`` ("none") with that chance; None for a network without labels."""
    if not classes:
        return None
    off = torch.rand(len(labels), generator=generator) < chance
    return torch.where(off, classes, labels)


def network_data(images: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Images of the boundary as network units [-1, 1], and the labels, as tensors."""
    return from_boundary(torch.from_numpy(images)), torch.from_numpy(labels)


def fresh(build: Callable[[], nn.Module], seed: str) -> nn.Module:
    """A network with initial weights that depend on ``seed`` alone; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "weights") % 2**63)
        return build()


def rebuilt(build: Callable[[], nn.Module], state: Mapping[str, Tensor]) -> nn.Module:
    """A network in evaluation mode with the tensors of ``state``, in float32.

    Raises:
        WeightsError: names or shapes differ from those of the network.
    """
    with torch.device("meta"):
        network = build()
    try:
        network.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"expected the state of {type(network).__name__}, got another: {error}") from error
    return network.eval().requires_grad_(False)


def halved(network: nn.Module) -> State:
    """The state of a network in float16, on the CPU: half the file, and what is loaded from it is exactly that."""
    return {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}


def sampling_options(sampler: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """``given``, and of ``defaults`` (the range of noise levels, say) what the sampler of that name takes."""
    taken = {field.name for field in fields(SAMPLERS[sampler])} if sampler in SAMPLERS else set()  # type: ignore[arg-type]
    return {name: value for name, value in defaults.items() if name in taken} | dict(given)


def _classes(network: nn.Module) -> int:
    return int(network.shape.classes)  # type: ignore[union-attr, arg-type]
