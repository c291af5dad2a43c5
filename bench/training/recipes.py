"""Shipped recipes, and the reproduction of a method's checkpoint from its own recipe.

A method that can be trained again has, in its plugin file, beside the marked function::

    def train(images, labels, *, on_step=None) -> dict[str, Tensor]

It is given the training split of a suite (float32 (n, C, H, W) in [0, 1], int64 (n,)), draws every random number
from ``bench.rng``, calls ``on_step(step, total, loss)`` where that is given, and returns the tensors that ``load``
reads.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError, DataError, UsageError
from trustdm.bench.registry import Entry
from trustdm.bench.rng import derive
from trustdm.bench.training.loops import Adversary, Data, OnStep, Recipe, shifted, train_adversarial, train_standard
from trustdm.bench.training.networks import SmallCnn, seeded
from trustdm.bench.training.weights import save_state, sha256_file


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a reproduction wrote. ``expected`` is the hash in the card; ``same`` whether the bytes are those."""

    method: str
    path: Path
    sha256: str
    expected: str
    examples: int
    seconds: float

    @property
    def same(self) -> bool:
        return self.sha256 == self.expected


def small_standard(side: int, data: Data, recipe: Recipe, on_step: OnStep | None = None) -> dict[str, Tensor]:
    """State of a ``SmallCnn`` for images of ``side``, trained by cross-entropy."""
    network = seeded(SmallCnn, derive(recipe.seed, "weights"), side)
    return state_of(train_standard(network, data, recipe, on_step))


def small_adversarial(
    side: int, data: Data, recipes: tuple[Recipe, Recipe], adversary: Adversary, on_step: OnStep | None = None
) -> dict[str, Tensor]:
    """State of a ``SmallCnn`` adversarially trained (second recipe) from a standard start (first recipe)."""
    warm, hard = recipes
    total = warm.steps + hard.steps
    network = seeded(SmallCnn, derive(warm.seed, "weights"), side)
    train_standard(network, data, warm, shifted(on_step, 0, total))
    return state_of(train_adversarial(network, data, hard, adversary, shifted(on_step, warm.steps, total)))


def state_of(network: torch.nn.Module) -> dict[str, Tensor]:
    """Copies of every parameter and persistent buffer, on the CPU."""
    return {name: value.detach().cpu().clone().contiguous() for name, value in network.state_dict().items()}


def reproduce(
    entry: Entry,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    folder: Path,
    on_step: OnStep | None = None,
) -> TrainReport:
    """Runs the recipe of a method, writes its checkpoint into ``folder`` and compares it with the card.

    The file is named as in the card. Equal bytes are expected on the machine and versions that made the shipped
    file; elsewhere the last bits may differ, and the reproduced method is judged by its results.

    Raises:
        UsageError: the plugin has no recipe, or its card does not name exactly one checkpoint.
        DataError: images of another shape, or labels that the method does not know.
        ContractError: the recipe returned something other than named, finite tensors.
    """
    train, card = recipe_of(entry), entry.card
    if not isinstance(card, MethodCard) or len(card.weights) != 1:
        raise UsageError(f"{entry.kind} {entry.name}: expected a method with exactly one checkpoint in its card")
    _check_data(card, images, labels)
    begun = time.perf_counter()
    tensors = _checked(entry.name, train(images, labels, on_step=on_step))
    path = folder / Path(card.weights[0].file).with_suffix(".safetensors").name
    save_state(tensors, path)
    report = TrainReport(entry.name, path, sha256_file(path), card.weights[0].sha256, len(labels), 0.0)
    return replace(report, seconds=time.perf_counter() - begun)


def recipe_of(entry: Entry) -> Any:
    """The function ``train`` beside a method.

    Raises:
        UsageError: its plugin has none.
    """
    module = sys.modules[entry.load().__module__]
    train = getattr(module, "train", None)
    if not callable(train):
        raise UsageError(
            f"method {entry.name}: no recipe to train it: {module.__name__} has no function "
            "train(images, labels, *, on_step=None)"
        )
    return train


def _check_data(card: MethodCard, images: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    if images.ndim != 4 or tuple(images.shape[1:]) != card.input_shape:
        raise DataError(f"{card.name}: expected images (n, {card.input_shape}), got {tuple(images.shape)}")
    if len(labels) != len(images) or not len(labels):
        raise DataError(f"{card.name}: expected as many labels as images and at least one, got {len(labels)}")
    if labels.min() < 0 or labels.max() >= card.classes:
        raise DataError(f"{card.name}: expected labels 0 to {card.classes - 1}, got {labels.min()} to {labels.max()}")


def _checked(name: str, tensors: Any) -> dict[str, Tensor]:
    if not isinstance(tensors, Mapping) or not tensors or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise ContractError(f"{name}: train: expected a dictionary of named tensors, got {type(tensors).__name__}")
    for key, value in tensors.items():
        if not bool(torch.isfinite(value).all()):
            raise ContractError(f"{name}: train: expected finite tensors, got NaN or infinity in {key!r}")
    return {str(key): value.detach().cpu().contiguous() for key, value in tensors.items()}
