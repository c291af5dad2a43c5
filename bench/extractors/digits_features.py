"""Features of digits: 32 numbers from a small classifier that shares neither weights nor seed with a method."""

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
    name="digits-features",
    summary="Last hidden layer of a small classifier for the 8x8 digits of scikit-learn, trained with dropout.",
    dimension=32,
    shape=(1, 8, 8),
    resizing="none",
    precision="float16",
    weights=(
        WeightFile(
            file="weights/digits-features.safetensors",
            sha256="8c9b45bf9d10f3100f177c88ed0d3189786d4542864ee4c92d3fae14f5f29ac4",
        ),
    ),
    source="The trustdm authors; trained by the recipe beside it on the training split of digits-linf",
)


@extractor(CARD)
def load() -> nn.Module:
    """The trained network, in evaluation mode; ``features`` maps uint8 images (B, 1, 8, 8) to float32 (B, 32)."""
    from trustdm.bench.training.features import FeatureCnn
    from trustdm.bench.training.networks import restored
    from trustdm.bench.training.weights import load_state

    return restored(FeatureCnn, load_state(CARD.weights[0], Path(__file__).parent), 8)


def train(
    images: NDArray[np.float32], labels: NDArray[np.int64], *, on_step: OnStep | None = None
) -> dict[str, Tensor]:
    """The state of the shipped weights, from the training split: 400 steps of cross-entropy."""
    from trustdm.bench.training.features import small_features
    from trustdm.bench.training.loops import Recipe

    return small_features(8, (images, labels), Recipe(CARD.name, steps=400), on_step)
