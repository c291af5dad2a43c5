"""Classifier guidance on mnist16 (Dhariwal and Nichol 2021): an unconditional EDM, steered by a noisy classifier."""

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
    from trustdm.bench.training.guide import GuideSpec
    from trustdm.bench.training.loops import OnStep

SIGMA_DATA = 0.5508
"""Standard deviation of the training images in [-1, 1]."""
DENOISER = "mnist16-edm-uncond"
GUIDE = "mnist16-guide"

CARD = MethodCard(
    name="mnist16-edm-guided",
    title="EDM with classifier guidance (mnist16)",
    summary="The unconditional EDM, guided by the gradient of a classifier that was trained on noisy images.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Dhariwal and Nichol 2021, Diffusion Models Beat GANs on Image Synthesis",
    tags=("diffusion", "edm", "classifier guidance"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 16, 16),
    classes=10,
    variants=("sampler=heun",),
    data=("mnist16",),
    weights=(
        WeightFile(
            file=f"weights/{DENOISER}.safetensors",
            sha256="0151fba938bafb9a98debcd836ec7e70d0b8623f3f005d04c6b50bccfadad2cb",
        ),
        WeightFile(
            file=f"weights/{GUIDE}.safetensors",
            sha256="3c893967161cb148b435165f32eb0515766408e403e52e58b285cedd04b23473",
        ),
    ),
)
SUITE = "mnist16-generation"
DURATION = "535 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.02, "sigma_max": 40.0}


@method(CARD)
def load(
    *,
    sampler: SamplerName = "heun",
    guidance: float = 2.0,
    **options: Annotated[float | int | str, by_sampler(DEFAULTS)],
) -> Generator:
    """The generator.

    Args:
        sampler: how an image is made of noise.
        guidance: the scale of the classifier's gradient.
        options: those of the sampler.
    """
    from trustdm.bench.diffusion.generator import Generator
    from trustdm.bench.diffusion.guidance import Guidance
    from trustdm.bench.training.denoisers import sampling_options
    from trustdm.bench.training.weights import load_state

    denoiser, guide = (load_state(file, Path(__file__).parent) for file in CARD.weights)
    scale = Guidance(guidance, guide_spec().restore(guide))
    levels = sampling_options(sampler, DEFAULTS, options)
    return Generator(spec().restore(denoiser), CARD.input_shape, sampler, levels, scale)


def spec() -> DenoiserSpec:
    """Rung E of the ladder without labels: the recipe of mnist16-edm-uncond."""
    from trustdm.bench.training.ladder import rung, unlabelled

    return unlabelled(rung("E", DENOISER, SIGMA_DATA, steps=8000).spec)


def guide_spec() -> GuideSpec:
    """The classifier of noisy images."""
    from trustdm.bench.training.guide import guide_spec

    return guide_spec(GUIDE, SIGMA_DATA, steps=3000)


def train(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    on_step: OnStep | None = None,
    checkpoints: Checkpoints | None = None,
) -> dict[str, dict[str, Tensor]]:
    """The states of the shipped checkpoints: 3000 steps of the classifier, then 8000 of the denoiser."""
    from trustdm.bench.training.denoisers import network_data
    from trustdm.bench.training.loops import shifted

    data = network_data(images, labels)
    first = guide_spec().recipe.steps
    total = first + spec().recipe.steps
    keep = checkpoints.of if checkpoints else lambda name: None
    guide = guide_spec().train(*data, keep("guide"), shifted(on_step, 0, total))
    denoiser = spec().train(*data, keep("denoiser"), shifted(on_step, first, total))
    return {DENOISER: denoiser, GUIDE: guide}
