"""The CIFAR-10 ResNet-18 that the package pyautoattack ships as its example, without any defence.

The checkpoint is read where that package is installed (or from ``$TRUSTDM_WEIGHTS``), after its SHA-256 was checked.
The network is built from our own definition rather than from the script beside the checkpoint: a method page then
describes code that is under test here, nothing from another package is executed by file name, and strict loading
proves that names and shapes agree. It takes images in [0, 1] without normalisation.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from trustdm.bench.contracts import MethodCard, WeightFile, method

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "pyautoattack"

CARD = MethodCard(
    name="cifar10-resnet18",
    title="Standard ResNet-18 (CIFAR-10)",
    summary="ResNet-18 trained by cross-entropy, the example model of the pyautoattack package.",
    authors=("The pyautoattack authors",),
    paper="He et al. 2016, Deep Residual Learning for Image Recognition",
    licence="MIT",
    tags=("baseline", "undefended"),
    claim="No robustness is claimed; the reference that an attack must break.",
    input_shape=(3, 32, 32),
    classes=10,
    data=("cifar10",),
    weights=(
        WeightFile(
            file="model_test.pt",
            sha256="399f52da9f914c323fa5a6096d60f460a3449a59b64a6405200c1e629f8425a7",
        ),
    ),
)


@method(CARD)
def load() -> nn.Module:
    """The network in evaluation mode; maps images (B, 3, 32, 32) in [0, 1] to logits (B, 10)."""
    from trustdm.bench.training.networks import CifarResNet18, restored
    from trustdm.bench.training.weights import load_state

    return restored(CifarResNet18, load_state(CARD.weights[0], _examples()))


def _examples() -> Path:
    """The folder of the example model; found without importing the package."""
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) / "examples" if places else Path(__file__).parent / "weights"
