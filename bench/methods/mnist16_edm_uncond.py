"""EDM on mnist16 (Karras et al. 2022) without labels, trained separately."""

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

SIGMA_DATA = 0.5508
"""Standard deviation of the training images in [-1, 1]."""

CARD = MethodCard(
    name="mnist16-edm-uncond",
    title="EDM, unconditional (mnist16)",
    summary="EDM's preconditioning, loss and samplers without labels; a U-Net of 311,513 weights.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Karras et al. 2022, Elucidating the Design Space of Diffusion-Based Generative Models",
    tags=("diffusion", "edm", "unconditional"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 16, 16),
    classes=0,
    variants=("sampler=heun",),
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-edm-uncond.safetensors",
            sha256="0151fba938bafb9a98debcd836ec7e70d0b8623f3f005d04c6b50bccfadad2cb",
        ),
    ),
)
SUITE = "mnist16-generation"
DURATION = "450 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.02, "sigma_max": 40.0}


@method(CARD)
def load(*, sampler: SamplerName = "heun", **options: Annotated[float | int | str, by_sampler(DEFAULTS)]) -> Generator:
    """The generator.

    Args:
        sampler: how an image is made of noise.
        options: those of the sampler.
    """
    from trustdm.bench.diffusion.generator import Generator
    from trustdm.bench.training.denoisers import sampling_options
    from trustdm.bench.training.weights import load_state

    denoise = spec().restore(load_state(CARD.weights[0], Path(__file__).parent))
    return Generator(denoise, CARD.input_shape, sampler, sampling_options(sampler, DEFAULTS, options))


def spec() -> DenoiserSpec:
    """Rung E of the ladder without labels."""
    from trustdm.bench.training.ladder import rung, unlabelled

    return unlabelled(rung("E", CARD.name, SIGMA_DATA, steps=8000).spec)


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
