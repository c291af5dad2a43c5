"""A small convolutional network trained on digits without any defence: the row that attacks should break."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trustdm.bench.contracts import MethodCard, WeightFile, method

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trustdm.bench.training.loops import OnStep

CARD = MethodCard(
    name="digits-standard",
    title="Standard training (digits)",
    summary="Small convolutional network for the 8x8 digits of scikit-learn, trained by cross-entropy.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    tags=("baseline", "undefended"),
    claim="No robustness is claimed; the reference that an attack must break.",
    input_shape=(1, 8, 8),
    classes=10,
    data=("digits",),
    weights=(
        WeightFile(
            file="weights/digits-standard.safetensors",
            sha256="c88473d3532c1a0608317cc02d82b9bba1af6df37ede02bbfd7ffa860adb9c63",
        ),
    ),
)
SUITE = "digits-linf"


@method(CARD)
def load() -> nn.Module:
    """The trained network, in evaluation mode; maps images (B, 1, 8, 8) in [0, 1] to logits (B, 10)."""
    from trustdm.bench.training.networks import SmallCnn, restored
    from trustdm.bench.training.weights import load_state

    return restored(SmallCnn, load_state(CARD.weights[0], Path(__file__).parent), 8)


def train(
    images: NDArray[np.float32], labels: NDArray[np.int64], *, on_step: OnStep | None = None
) -> dict[str, Tensor]:
    """The state of the shipped checkpoint, from the training split: 600 steps of cross-entropy."""
    from trustdm.bench.training.loops import Recipe
    from trustdm.bench.training.recipes import small_standard

    return small_standard(8, (images, labels), Recipe(CARD.name, steps=600), on_step)
