"""EDM on mnist16 (Karras et al. 2022), class-conditional, with and without labels in one network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from trustdm.bench.contracts import MethodCard, WeightFile, method
from trustdm.bench.diffusion.options import SamplerName, by_sampler
from trustdm.bench.errors import UsageError

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
    name="mnist16-edm",
    title="EDM, class-conditional (mnist16)",
    summary="EDM's preconditioning, loss and samplers; a U-Net of 312,569 weights with dropped labels.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Karras et al. 2022, Elucidating the Design Space of Diffusion-Based Generative Models",
    tags=("diffusion", "edm"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 16, 16),
    classes=10,
    variants=("sampler=heun", "sampler=euler", "sampler=stochastic-heun", "sampler=heun,guidance=1.2"),
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-edm.safetensors",
            sha256="ca4b3afbbd4689b5d3154090037f33624ae1f150d8377ff24dded2047db598ad",
        ),
    ),
)
SUITE = "mnist16-generation"


DURATION = "1285 CPU seconds in one thread (AMD EPYC, torch 2.12.1)"
DEFAULTS = {"sigma_min": 0.02, "sigma_max": 40.0, "churn": 10.0, "churn_min": 0.05, "churn_max": 10.0}
"""Parameters of samplers that do better on the validation split than those of the papers."""
STEPS = 24000


@method(CARD)
def load(
    *,
    sampler: SamplerName = "heun",
    guidance: float = 1.0,
    rung: Literal["A", "B", "C", "D", "E", "F"] = "E",
    steps: int = 0,
    weights: str = "",
    **options: Annotated[float | int | str, by_sampler(DEFAULTS)],
) -> Generator:
    """The generator.

    What ships is rung E of the ladder. Another one is trained by ``trustdm train mnist16-edm:rung=D`` (or by
    ``mnist16-edm:rung=D,steps=8000``) and loaded from ``$TRUSTDM_WEIGHTS`` with the same ``rung`` (and ``steps``) and
    with the SHA-256 that this printed as ``weights``.

    Args:
        sampler: how an image is made of noise.
        guidance: the scale of classifier-free guidance; 1: none.
        rung: of the ladder from a baseline to EDM.
        steps: of the training, where they are not those of what ships; 0: they are.
        weights: SHA-256 of weights that were trained with these options; empty: those that ship.
        options: those of the sampler.

    Raises:
        UsageError: a rung that does not ship, without ``weights``.
    """
    from trustdm.bench.diffusion.generator import Generator
    from trustdm.bench.diffusion.guidance import Guidance
    from trustdm.bench.training.denoisers import sampling_options
    from trustdm.bench.training.weights import load_state

    state = load_state(_file(rung, steps, weights), Path(__file__).parent)
    scale = Guidance(guidance) if guidance != 1 else None
    levels = sampling_options(sampler, DEFAULTS, options)
    return Generator(spec(rung).restore(state), CARD.input_shape, sampler, levels, scale)


def _file(rung: str, steps: int, weights: str) -> WeightFile:
    if weights:
        trained = f"{CARD.name}-rung-{rung}" + (f"-steps-{steps}" if steps else "")
        return WeightFile(file=f"{trained}.safetensors", sha256=weights)
    if rung == "E" and not steps:
        return CARD.weights[0]
    raise UsageError(
        f"{CARD.name}: rung {rung} does not ship: run `trustdm train {CARD.name}:rung={rung} --out FOLDER`, set "
        "$TRUSTDM_WEIGHTS to FOLDER, and add weights=<the SHA-256 it printed> to the parameters"
    )


def spec(rung: str = "E", steps: int = STEPS) -> DenoiserSpec:
    """The denoiser on one rung of the ladder."""
    from trustdm.bench.training.ladder import rung as on_rung

    return on_rung(rung, CARD.name, SIGMA_DATA, steps).spec


def train(
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    on_step: OnStep | None = None,
    checkpoints: Checkpoints | None = None,
    rung: str = "E",
    steps: int = STEPS,
) -> dict[str, Tensor]:
    """The state of the shipped checkpoint, from the training split; or that of another rung or of fewer steps."""
    from trustdm.bench.training.denoisers import network_data

    kept_in = checkpoints.of("denoiser") if checkpoints else None
    return spec(rung, steps).train(*network_data(images, labels), kept_in, on_step)
