"""Classifiers trained on noisy images (Cohen et al. 2019): what denoising competes with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trustdm.bench.contracts import MethodCard, WeightFile, method
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trustdm.bench.training.loops import OnStep

SIGMAS = {"mnist16-noise-1-4": 0.25, "mnist16-noise-1-2": 0.5}
"""The noise that each network was trained with, in [0, 1] pixel units."""
STEPS = 2000

CARD = MethodCard(
    name="mnist16-noise-trained",
    title="Noise-trained classifier (mnist16)",
    summary="The network of mnist16-standard, trained on images with Gaussian noise: one for each noise level.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Cohen et al. 2019, Certified Adversarial Robustness via Randomized Smoothing",
    tags=("certified", "smoothing", "baseline"),
    claim="What is certified within a radius in l2 cannot be changed, but with the stated probability.",
    capabilities=("classify_noisy",),
    input_shape=(1, 16, 16),
    classes=10,
    data=("mnist16",),
    weights=(
        WeightFile(
            file="weights/mnist16-noise-1-4.safetensors",
            sha256="52b98806834ff806d338fc651d9cd27d7f1957e4cf74730710eb0167d70fa31a",
        ),
        WeightFile(
            file="weights/mnist16-noise-1-2.safetensors",
            sha256="95df41722a286492dcd3599c7bfd6e6b80fa63faa30406d9cd98aefcb4b196d2",
        ),
    ),
)
SUITE = "mnist16-certified"


@method(CARD)
def load() -> NoiseTrained:
    """The networks; the one is used that was trained with the noise there is."""
    from trustdm.bench.training.networks import SmallCnn, restored
    from trustdm.bench.training.weights import load_state

    states = [load_state(file, Path(__file__).parent) for file in CARD.weights]
    return NoiseTrained([restored(SmallCnn, state, 16) for state in states])


class NoiseTrained:
    """One network for each noise level."""

    def __init__(self, networks: list[nn.Module]):
        self.networks = networks

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        """Logits (B, 10) of x0 + sigma n.

        Raises:
            UsageError: no network was trained with this noise.
        """
        for network, known in zip(self.networks, SIGMAS.values(), strict=True):
            if abs(known - sigma) < 1e-9:
                logits: Tensor = network(x)
                return logits
        raise UsageError(f"{CARD.name}: expected sigma one of {', '.join(map(str, SIGMAS.values()))}, got {sigma:g}")


def train(
    images: NDArray[np.float32], labels: NDArray[np.int64], *, on_step: OnStep | None = None
) -> dict[str, dict[str, Tensor]]:
    """The states of the shipped checkpoints, from the training split: 2000 steps for each noise level."""
    from trustdm.bench.rng import derive
    from trustdm.bench.training.loops import Recipe, shifted, train_noisy
    from trustdm.bench.training.networks import SmallCnn, seeded
    from trustdm.bench.training.recipes import state_of

    states = {}
    for number, (name, sigma) in enumerate(SIGMAS.items()):
        recipe = Recipe(name, steps=STEPS)
        network = seeded(SmallCnn, derive(name, "weights"), 16)
        follow = shifted(on_step, number * STEPS, len(SIGMAS) * STEPS)
        states[name] = state_of(train_noisy(network, (images, labels), recipe, sigma, follow))
    return states
