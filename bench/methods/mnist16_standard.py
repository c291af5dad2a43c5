"""A small convolutional network trained on mnist16 without any defence: the row that attacks should break."""

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
    name="mnist16-standard",
    title="Standard training (mnist16)",
    summary="Small convolutional network for the MNIST at 16x16, trained by cross-entropy.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    tags=("baseline", "undefended"),
    claim="No robustness is claimed; the reference that an attack must break.",
    input_shape=(1, 16, 16),
    classes=10,
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-standard.safetensors",
            sha256="5e788a3b641d4b666e6ab10b3ac0f11f4001ec628da0af86c73f072ade502a67",
        ),
    ),
)
SUITE = "mnist16-linf"


@method(CARD)
def load() -> nn.Module:
    """The trained network, in evaluation mode; maps images (B, 1, 16, 16) in [0, 1] to logits (B, 10)."""
    from trustdm.bench.training.networks import SmallCnn, restored
    from trustdm.bench.training.weights import load_state

    return restored(SmallCnn, load_state(CARD.weights[0], Path(__file__).parent), 16)


def train(
    images: NDArray[np.float32], labels: NDArray[np.int64], *, on_step: OnStep | None = None
) -> dict[str, Tensor]:
    """The state of the shipped checkpoint, from the training split: 1200 steps of cross-entropy."""
    from trustdm.bench.training.loops import Recipe
    from trustdm.bench.training.recipes import small_standard

    return small_standard(16, (images, labels), Recipe(CARD.name, steps=1200), on_step)
