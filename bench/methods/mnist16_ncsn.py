"""NCSN on mnist16 (Song and Ermon 2019, 2020), unconditional: scores at geometric noise levels."""

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
    name="mnist16-ncsn",
    title="NCSN, unconditional (mnist16)",
    summary="Denoising score matching at 100 geometric noise levels (VE); a U-Net of 311,513 weights.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Song and Ermon 2019, Generative Modeling by Estimating Gradients of the Data Distribution",
    tags=("diffusion", "ncsn", "ve", "unconditional"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 16, 16),
    classes=0,
    variants=("sampler=langevin", "sampler=predictor-corrector", "sampler=ve-sde"),
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-ncsn.safetensors",
            sha256="2c74253eebb655b3b63a58743c7d191e06b1b4461078b11e7903dca479a74253",
        ),
    ),
)
SUITE = "mnist16-generation"
DURATION = "450 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.1, "sigma_max": 10.0, "frame": "ve", "snr": 0.6, "last": "denoise"}
"""Chosen on the validation split for 18 steps: few levels do better on a part of the range that was trained."""


@method(CARD)
def load(
    *, sampler: SamplerName = "langevin", **options: Annotated[float | int | str, by_sampler(DEFAULTS)]
) -> Generator:
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
    """VE preconditioning, 100 levels from 20 to 0.02, weight sigma^2 on the score (Song and Ermon 2019, Eq. 6).

    That is 10 to 0.01 in [0, 1] units. The first is above the largest distance of two training images, 16.4 (Song and
    Ermon 2020, Technique 1).
    """
    from trustdm.bench.diffusion.preconditioning import Ve
    from trustdm.bench.diffusion.schedules import geometric
    from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss
    from trustdm.bench.training.diffusion_loop import DiffusionRecipe
    from trustdm.bench.training.diffusion_losses import TableLevels
    from trustdm.bench.training.unet import UNetShape

    loss = DenoisingLoss(Ve(), TableLevels(tuple(geometric(100, 0.02, 20.0).tolist())))
    shape = UNetShape(classes=0, noise=(-4.7, 2.4), rescale=True)
    return DenoiserSpec(shape, loss, DiffusionRecipe(CARD.name, steps=8000))


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
