"""Adversarial training with PGD on digits (Madry et al. 2018): the row that attacks should not break."""

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
    name="digits-pgd-at",
    title="PGD adversarial training (digits)",
    summary="The same network as digits-standard, trained on the worst images that PGD-7 finds within eps 1/10.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks",
    tags=("adversarial training",),
    claim="Empirical robustness to l-infinity perturbations of 1/10 of the pixel range.",
    input_shape=(1, 8, 8),
    classes=10,
    data=("digits",),
    weights=(
        WeightFile(
            file="weights/digits-pgd-at.safetensors",
            sha256="4fb2401d93df907039636235211c045bbc1757419403e86d7441296add321fee",
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
    """The state of the shipped checkpoint: 600 standard steps, then 2000 on images found by PGD-7."""
    from trustdm.bench.training.loops import Adversary, Recipe
    from trustdm.bench.training.recipes import small_adversarial

    warm, hard = Recipe(f"{CARD.name}/start", steps=600), Recipe(CARD.name, steps=2000, lr=6e-3)
    return small_adversarial(8, (images, labels), (warm, hard), Adversary(eps=0.1, iterations=7), on_step)
