"""Latent diffusion on mnist16 (Rombach et al. 2022), class-conditional: EDM in the 4x4x4 latents of an autoencoder."""

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
    from trustdm.bench.training.latent import LatentSpec
    from trustdm.bench.training.loops import OnStep

CARD = MethodCard(
    name="mnist16-ldm",
    title="Latent diffusion, class-conditional (mnist16)",
    summary="EDM in the latents (4x4, 4 channels) of a variational autoencoder of 132,969 weights.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Rombach et al. 2022, High-Resolution Image Synthesis with Latent Diffusion Models",
    tags=("diffusion", "latent"),
    capabilities=("sample",),
    input_shape=(1, 16, 16),
    classes=10,
    variants=("sampler=heun",),
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-ldm.safetensors",
            sha256="ca2f41286afa86991aa2bc723ef79e3d7560d55abcaa190da1f95b4a09343a3b",
        ),
        WeightFile(
            file="weights/mnist16-autoencoder.safetensors",
            sha256="3ed755cee08916dbb41d74ae2908f923e5e7dbf05dd51c42ae703b8ffd15e108",
        ),
    ),
)
SUITE = "mnist16-generation"
DURATION = "370 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.02, "sigma_max": 40.0}


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
    from trustdm.bench.diffusion.latent import LatentSpace
    from trustdm.bench.training.denoisers import sampling_options
    from trustdm.bench.training.weights import load_state

    denoiser, autoencoder = (load_state(file, Path(__file__).parent) for file in CARD.weights)
    coder = spec().restore_autoencoder(autoencoder)
    return Generator(
        spec().denoiser.restore(denoiser),
        (4, 4, 4),
        sampler,
        sampling_options(sampler, DEFAULTS, options),
        Guidance(guidance) if guidance != 1 else None,
        LatentSpace(coder.encode, coder.decode).decode,
    )


def spec() -> LatentSpec:
    """Autoencoder, and the denoiser of latents that have standard deviation 1."""
    from trustdm.bench.diffusion.preconditioning import Edm
    from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss
    from trustdm.bench.training.diffusion_loop import DiffusionRecipe
    from trustdm.bench.training.diffusion_losses import EdmLevels
    from trustdm.bench.training.ladder import EDM_NOISE
    from trustdm.bench.training.latent import AutoencoderLoss, LatentSpec
    from trustdm.bench.training.unet import UNetShape

    shape = UNetShape(side=4, channels=4, patch=1, widths=(48, 56), noise=EDM_NOISE)
    loss = DenoisingLoss(Edm(1.0), EdmLevels(1.0, p_mean=-0.4), no_label=0.15)
    denoiser = DenoiserSpec(shape, loss, DiffusionRecipe(CARD.name, steps=8000))
    return LatentSpec(AutoencoderLoss(), DiffusionRecipe("mnist16-autoencoder", steps=3000), denoiser)


def train(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    on_step: OnStep | None = None,
    checkpoints: Checkpoints | None = None,
) -> dict[str, dict[str, Tensor]]:
    """The states of the shipped checkpoints: 3000 steps of the autoencoder, then 8000 of the denoiser."""
    from trustdm.bench.training.denoisers import network_data
    from trustdm.bench.training.loops import shifted

    data, plan = network_data(images, labels), spec()
    first, total = plan.recipe.steps, plan.recipe.steps + plan.denoiser.recipe.steps
    keep = checkpoints.of if checkpoints else lambda name: None
    autoencoder = plan.train_autoencoder(*data, keep("autoencoder"), shifted(on_step, 0, total))
    denoiser = plan.train_denoiser(autoencoder, data, keep("denoiser"), shifted(on_step, first, total))
    return {"mnist16-ldm": denoiser, "mnist16-autoencoder": autoencoder}
