"""DDPM on mnist16 (Ho et al. 2020), class-conditional: 1000 timesteps, linear betas, the noise is predicted."""

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

CARD = MethodCard(
    name="mnist16-ddpm",
    title="DDPM, class-conditional (mnist16)",
    summary="1000 timesteps with linear betas, simple loss, predicted noise; a U-Net of 312,569 weights.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Ho et al. 2020, Denoising Diffusion Probabilistic Models",
    tags=("diffusion", "ddpm", "vp"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 16, 16),
    classes=10,
    variants=("sampler=ddpm", "sampler=ddim", "sampler=vp-sde", "sampler=probability-flow"),
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-ddpm.safetensors",
            sha256="c4081948e9a1bc9a6c6dbb0dd7a65c5af63ce28124a2cff54589fd84253b9ed4",
        ),
    ),
)
SUITE = "mnist16-generation"


DURATION = "430 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.02, "sigma_max": 80.0, "frame": "vp"}


@method(CARD)
def load(
    *,
    sampler: SamplerName = "ddpm",
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
    """U-Net and simple loss (Ho et al. 2020, Eq. 14), labels dropped with chance 0.15."""
    from trustdm.bench.diffusion.preconditioning import Discrete
    from trustdm.bench.diffusion.schedules import alpha_bars, linear_betas, sigma_of
    from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss
    from trustdm.bench.training.diffusion_loop import DiffusionRecipe
    from trustdm.bench.training.diffusion_losses import TableLevels
    from trustdm.bench.training.ladder import VP_NOISE
    from trustdm.bench.training.unet import UNetShape

    bars = alpha_bars(linear_betas())
    loss = DenoisingLoss(Discrete(bars), TableLevels(tuple(sigma_of(bars).tolist())), no_label=0.15)
    return DenoiserSpec(UNetShape(noise=VP_NOISE), loss, DiffusionRecipe(CARD.name, steps=8000))


def train(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    on_step: OnStep | None = None,
    checkpoints: Checkpoints | None = None,
) -> dict[str, Tensor]:
    """The state of the shipped checkpoint, from the training split: 8000 steps."""
    from trustdm.bench.training.denoisers import network_data

    kept_in = checkpoints.of("denoiser") if checkpoints else None
    return spec().train(*network_data(images, labels), kept_in, on_step)
