"""Features of mnist16: 32 numbers from a small classifier that shares neither weights nor seed with a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trustdm.bench.contracts import ExtractorCard, WeightFile, extractor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trustdm.bench.training.loops import OnStep

CARD = ExtractorCard(
    name="mnist16-features",
    summary="Last hidden layer of a small classifier for the MNIST at 16x16, trained with dropout.",
    dimension=32,
    shape=(1, 16, 16),
    resizing="none",
    precision="float16",
    weights=(
        WeightFile(
            file="weights/mnist16-features.safetensors",
            sha256="dbb79f2967b39dd5d37dab91c892ef62d7ae9a1b2f89ed7c1e58805ed0c05593",
        ),
    ),
    source="The trustdm authors; trained by the recipe beside it on the training split of mnist16-linf",
)


@extractor(CARD)
def load() -> nn.Module:
    """The trained network, in evaluation mode; ``features`` maps uint8 images (B, 1, 16, 16) to float32 (B, 32)."""
    from trustdm.bench.training.features import FeatureCnn
    from trustdm.bench.training.networks import restored
    from trustdm.bench.training.weights import load_state

    return restored(FeatureCnn, load_state(CARD.weights[0], Path(__file__).parent), 16)


def train(
    images: NDArray[np.float32], labels: NDArray[np.int64], *, on_step: OnStep | None = None
) -> dict[str, Tensor]:
    """The state of the shipped weights, from the training split: 800 steps of cross-entropy."""
    from trustdm.bench.training.features import small_features
    from trustdm.bench.training.loops import Recipe

    return small_features(16, (images, labels), Recipe(CARD.name, steps=800), on_step)
