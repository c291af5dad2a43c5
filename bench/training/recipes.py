"""Shipped recipes, and the reproduction of a method's checkpoints from its own recipe.

A method that can be trained again has, in its plugin file, beside the marked function::

    def train(images, labels, *, on_step=None) -> dict[str, Tensor]

It is given the training split of a suite (float32 (n, C, H, W) in [0, 1], int64 (n,)), draws every random number
from ``bench.rng``, calls ``on_step(step, total, loss)`` where that is given, and returns the tensors that ``load``
reads. A method of several checkpoints returns one such dictionary for each, by the name of its file without ending.
A recipe that takes ``checkpoints`` can be interrupted and resumed (``bench.training.checkpoints``); further
keyword parameters are its options. A text ``DURATION`` beside it says how long the shipped files took, and where; a
text ``SUITE`` names the suite whose training split it takes.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError, DataError, UnknownName, UsageError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.registry import Entry
from trustdm.bench.rng import derive
from trustdm.bench.training.checkpoints import Checkpoints
from trustdm.bench.training.loops import Adversary, Data, OnStep, Recipe, shifted, train_adversarial, train_standard
from trustdm.bench.training.networks import SmallCnn, seeded
from trustdm.bench.training.weights import save_state

GIVEN = {"images", "labels", "on_step", "checkpoints"}


@dataclass(frozen=True, slots=True)
class Trained:
    """One file that a reproduction wrote; ``expected`` is the hash in the card, empty where options were given."""

    path: Path
    sha256: str
    expected: str

    @property
    def same(self) -> bool:
        return self.sha256 == self.expected


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a reproduction wrote, from how many images, in how long."""

    method: str
    files: tuple[Trained, ...]
    examples: int
    seconds: float

    @property
    def same(self) -> bool:
        """Whether all bytes are those of the card."""
        return all(file.same for file in self.files)


@dataclass(frozen=True)
class TrainOptions:
    """How a recipe is to be run: ``values`` in place of its own, its state kept every ``every`` steps."""

    values: Mapping[str, object] | None = None
    every: int = 500

    @property
    def suffix(self) -> str:
        """What is added to the names of files: "-rung-D"."""
        return "".join(f"-{name}-{value}" for name, value in sorted((self.values or {}).items()))


SHIPPED = TrainOptions()
"""The recipe as it stands."""


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
    options: TrainOptions = SHIPPED,
) -> TrainReport:
    """Runs the recipe of a method, writes its checkpoints into ``folder`` and compares them with the card.

    The files are named as in the card. Equal bytes are expected on the machine and versions that made the shipped
    file; elsewhere the last bits may differ, and the reproduced method is judged by its results. A recipe that keeps
    its state goes on from what it finds in ``folder``, and removes it at the end.

    Raises:
        UsageError: the plugin has no recipe, or not with these options, or its card names no checkpoint.
        DataError: images of another shape, or labels that the method does not know.
        ContractError: the recipe returned something other than named, finite tensors.
        WeightsError: a state in ``folder`` is that of another training, or a file cannot be written.
    """
    train, card = recipe_of(entry), entry.card
    if not isinstance(card, MethodCard) or not card.weights:
        raise UsageError(f"{entry.kind} {entry.name}: expected a method with a checkpoint in its card, got none")
    _check_data(card, images, labels)
    more = dict(_options(entry.name, train, options))
    states = Checkpoints(folder, entry.name + options.suffix, options.every)
    if "checkpoints" in inspect.signature(train).parameters:
        more["checkpoints"] = states
    begun = time.perf_counter()
    tensors = _by_file(card, train(images, labels, on_step=on_step, **more))
    files = tuple(_written(card, index, tensors, folder, options) for index in range(len(card.weights)))
    states.clear()
    return TrainReport(entry.name, files, len(labels), time.perf_counter() - begun)


def _options(name: str, train: Any, options: TrainOptions) -> Mapping[str, object]:
    parameters = inspect.signature(train).parameters
    known = set(parameters) - GIVEN
    for option, value in (options.values or {}).items():
        if option not in known:
            raise UnknownName(f"option of the recipe of {name}", option, known)
        usual = parameters[option].default
        if type(value) is not type(usual) and not (isinstance(usual, float) and type(value) is int):
            raise UsageError(f"recipe of {name}: {option}: expected {type(usual).__name__}, got {value!r}")
        if type(value) is int and value < 1:
            raise UsageError(f"recipe of {name}: {option}: expected at least 1, got {value}")
    return options.values or {}


def _by_file(card: MethodCard, answer: Any) -> dict[str, dict[str, Tensor]]:
    """The tensors of each checkpoint, by its name in the card without folder and ending."""
    names = [Path(file.file).stem for file in card.weights]
    if isinstance(answer, Mapping) and answer and all(isinstance(part, Mapping) for part in answer.values()):
        if sorted(map(str, answer)) != sorted(names):
            raise ContractError(f"{card.name}: train: expected the states {', '.join(names)}, got {', '.join(answer)}")
        return {str(name): _checked(card.name, part) for name, part in answer.items()}
    tensors = _checked(card.name, answer)
    if len(names) > 1:
        raise ContractError(
            f"{card.name}: train: expected the states {', '.join(names)}, got one dictionary of tensors"
        )
    return {names[0]: tensors}


def _written(
    card: MethodCard, index: int, tensors: Mapping[str, Mapping[str, Tensor]], folder: Path, options: TrainOptions
) -> Trained:
    file = card.weights[index]
    stem = Path(file.file).stem
    path = folder / f"{stem}{options.suffix}.safetensors"
    save_state(tensors[stem], path)
    return Trained(path, sha256_file(path), "" if options.values else file.sha256)


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


def duration_of(entry: Entry) -> str:
    """How long the shipped checkpoints of a method took, and where; empty where its plugin does not say."""
    return str(getattr(sys.modules[entry.load().__module__], "DURATION", ""))


def declared_suite(entry: Entry) -> str:
    """The name (or file) of the suite whose training split the recipe of a method takes.

    Raises:
        UsageError: its plugin declares none: a suite found by its data might train on another's test images.
    """
    module = sys.modules[entry.load().__module__]
    name = getattr(module, "SUITE", None)
    if not isinstance(name, str) or not name:
        raise UsageError(
            f"method {entry.name}: expected a text SUITE beside its recipe in {module.__name__}: the suite whose "
            "training split it takes, got none"
        )
    return name


def _check_data(card: MethodCard, images: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    if images.ndim != 4 or tuple(images.shape[1:]) != card.input_shape:
        raise DataError(f"{card.name}: expected images (n, {card.input_shape}), got {tuple(images.shape)}")
    if len(labels) != len(images) or not len(labels):
        raise DataError(f"{card.name}: expected as many labels as images and at least one, got {len(labels)}")
    if card.classes and (labels.min() < 0 or labels.max() >= card.classes):
        raise DataError(f"{card.name}: expected labels 0 to {card.classes - 1}, got {labels.min()} to {labels.max()}")


def _checked(name: str, tensors: Any) -> dict[str, Tensor]:
    if not isinstance(tensors, Mapping) or not tensors or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise ContractError(f"{name}: train: expected a dictionary of named tensors, got {type(tensors).__name__}")
    for key, value in tensors.items():
        if not bool(torch.isfinite(value).all()):
            raise ContractError(f"{name}: train: expected finite tensors, got NaN or infinity in {key!r}")
    return {str(key): value.detach().cpu().contiguous() for key, value in tensors.items()}
