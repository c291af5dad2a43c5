"""Adversarial training with PGD on mnist16 (Madry et al. 2018): the row that attacks should not break."""

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
    name="mnist16-pgd-at",
    title="PGD adversarial training (mnist16)",
    summary="The same network as mnist16-standard, trained on the worst images that PGD-5 finds within eps 3/20.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks",
    tags=("adversarial training",),
    claim="Empirical robustness to l-infinity perturbations of 3/20 of the pixel range.",
    input_shape=(1, 16, 16),
    classes=10,
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-pgd-at.safetensors",
            sha256="f9e0073044188b64e26054be128afebc019d7ef78e5f08a1502e70693ef6e438",
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
    """The state of the shipped checkpoint: 1200 standard steps, then 2000 on images found by PGD-5."""
    from trustdm.bench.training.loops import Adversary, Recipe
    from trustdm.bench.training.recipes import small_adversarial

    warm, hard = Recipe(f"{CARD.name}/start", steps=1200), Recipe(CARD.name, steps=2000, lr=6e-3)
    return small_adversarial(16, (images, labels), (warm, hard), Adversary(eps=0.15, iterations=5), on_step)
