"""EDM on the 8x8 digits (Karras et al. 2022), class-conditional: the generator of the smoke tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from trustdm.bench.contracts import MethodCard, WeightFile, method
from trustdm.bench.diffusion.options import SamplerName, by_sampler

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from trustdm.bench.diffusion.generator import Generator
    from trustdm.bench.training.checkpoints import Checkpoints
    from trustdm.bench.training.denoisers import DenoiserSpec
    from trustdm.bench.training.loops import OnStep

SIGMA_DATA = 0.7515
"""Standard deviation of the training images in [-1, 1]."""

CARD = MethodCard(
    name="digits-edm",
    title="EDM, class-conditional (digits)",
    summary="EDM's preconditioning, loss and samplers at 8x8 pixels; a U-Net of 185,489 weights with dropped labels.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Karras et al. 2022, Elucidating the Design Space of Diffusion-Based Generative Models",
    tags=("diffusion", "edm"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 8, 8),
    classes=10,
    variants=("sampler=heun",),
    data=("digits",),
    weights=(
        WeightFile(
            file="weights/digits-edm.safetensors",
            sha256="1d0cb6a90245bae830499f933bc1889df6140935b9143954b833f1c6948801b5",
        ),
    ),
)
SUITE = "digits-generation"
DURATION = "76 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.02, "sigma_max": 20.0}


@method(CARD)
def load(
    *,
    sampler: SamplerName = "heun",
    guidance: float = 1.0,
    **options: Annotated[float | int | str, by_sampler(DEFAULTS)],
) -> Generator:
    """The generator.

    Args:
        sampler: how an image is made of noise.
        guidance: the scale of classifier-free guidance; 1: none.
        options: those of the sampler.
    """
    from trustdm.bench.diffusion.generator import Generator
    from trustdm.bench.diffusion.guidance import Guidance
    from trustdm.bench.training.denoisers import sampling_options
    from trustdm.bench.training.weights import load_state

    denoise = spec().restore(load_state(CARD.weights[0], Path(__file__).parent))
    scale = Guidance(guidance) if guidance != 1 else None
    return Generator(denoise, CARD.input_shape, sampler, sampling_options(sampler, DEFAULTS, options), scale)


def spec() -> DenoiserSpec:
    """EDM's preconditioning and loss at 8x8, labels dropped with chance 0.15."""
    from trustdm.bench.diffusion.preconditioning import Edm
    from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss
    from trustdm.bench.training.diffusion_loop import DiffusionRecipe
    from trustdm.bench.training.diffusion_losses import EdmLevels
    from trustdm.bench.training.ladder import EDM_NOISE
    from trustdm.bench.training.unet import UNetShape

    loss = DenoisingLoss(Edm(SIGMA_DATA), EdmLevels(SIGMA_DATA, p_mean=-0.8), no_label=0.15)
    shape = UNetShape(side=8, patch=1, widths=(24, 48), noise=EDM_NOISE)
    return DenoiserSpec(shape, loss, DiffusionRecipe(CARD.name, steps=1500))


def train(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    on_step: OnStep | None = None,
    checkpoints: Checkpoints | None = None,
) -> dict[str, Tensor]:
    """The state of the shipped checkpoint, from the training split: 1500 steps."""
    from trustdm.bench.training.denoisers import network_data

    kept_in = checkpoints.of("denoiser") if checkpoints else None
    return spec().train(*network_data(images, labels), kept_in, on_step)
