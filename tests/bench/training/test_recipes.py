from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from trustdm.bench.contracts import MethodCard, WeightFile, method
from trustdm.bench.errors import ContractError, DataError, TrustdmError, UnknownName, UsageError, WeightsError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.registry import Entry, entries_of
from trustdm.bench.training.checkpoints import Checkpoints
from trustdm.bench.training.loops import Adversary, Data, Recipe
from trustdm.bench.training.networks import SmallCnn, seeded
from trustdm.bench.training.recipes import (
    TrainOptions,
    duration_of,
    reproduce,
    small_adversarial,
    small_standard,
    state_of,
)

SHAPE = (1, 8, 8)
Train = Callable[..., Any]


def data(n: int = 20) -> Data:
    g = np.random.default_rng(0)
    return g.random((n, *SHAPE), dtype=np.float32), np.arange(n, dtype=np.int64) % 10


def card(weights: int = 1, sha256: str = "0" * 64) -> MethodCard:
    files = tuple(WeightFile(file=f"weights/net{i}.safetensors", sha256=sha256) for i in range(weights))
    return MethodCard(name="toy", input_shape=SHAPE, classes=10, weights=files)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Entry]]:
    """Makes a plugin module with the recipe given, and its entry."""

    def make(train: Train | None, card: MethodCard) -> Entry:
        module = types.ModuleType("toy_plugin")
        monkeypatch.setitem(sys.modules, "toy_plugin", module)
        exec("def load():\n    return None\n", module.__dict__)
        module.load = method(card)(module.load)  # type: ignore[attr-defined]
        if train is not None:
            module.train = train  # type: ignore[attr-defined]
        (entry,) = entries_of(module)
        return entry

    yield make


def constant(images: Any, labels: Any, *, on_step: Any = None) -> dict[str, torch.Tensor]:
    if on_step is not None:
        on_step(1, 1, 0.5)
    return {"a": torch.tensor([float(len(labels))]), "b": torch.eye(3).T}


def test_a_recipe_writes_the_file_of_the_card_and_its_hash(plugin: Callable[..., Entry], tmp_path: Path) -> None:
    steps: list[tuple[int, int, float]] = []
    report = reproduce(plugin(constant, card()), *data(), tmp_path / "new", lambda *a: steps.append(a))
    (file,) = report.files
    assert file.path == tmp_path / "new" / "net0.safetensors"
    assert safetensors.torch.load_file(file.path)["a"].item() == 20
    assert file.sha256 == sha256_file(file.path)
    assert (report.method, report.examples, file.expected, report.same) == ("toy", 20, "0" * 64, False)
    assert steps == [(1, 1, 0.5)]
    again = reproduce(plugin(constant, card(sha256=file.sha256)), *data(), tmp_path)
    assert again.same


def test_a_recipe_of_several_checkpoints_writes_each_under_its_name(
    plugin: Callable[..., Entry], tmp_path: Path
) -> None:
    def two(images: Any, labels: Any, *, on_step: Any = None) -> dict[str, dict[str, torch.Tensor]]:
        return {"net1": {"b": torch.ones(1)}, "net0": {"a": torch.zeros(1)}}

    report = reproduce(plugin(two, card(weights=2)), *data(), tmp_path)
    assert [file.path.name for file in report.files] == ["net0.safetensors", "net1.safetensors"]
    assert [list(safetensors.torch.load_file(file.path)) for file in report.files] == [["a"], ["b"]]
    assert not report.same


def test_a_recipe_that_can_be_resumed_is_given_a_place_for_its_state_and_leaves_none_behind(
    plugin: Callable[..., Entry], tmp_path: Path
) -> None:
    seen: list[Checkpoints] = []

    def kept(images: Any, labels: Any, *, on_step: Any = None, checkpoints: Checkpoints) -> dict[str, torch.Tensor]:
        seen.append(checkpoints)
        checkpoints.of("net").save("me", {})
        return {"a": torch.zeros(1)}

    reproduce(plugin(kept, card()), *data(), tmp_path, options=TrainOptions(every=7))
    assert seen == [Checkpoints(tmp_path, "toy", 7)]
    assert [path.name for path in tmp_path.iterdir()] == ["net0.safetensors"]


def test_options_reach_the_recipe_and_the_names_of_its_files(plugin: Callable[..., Entry], tmp_path: Path) -> None:
    def ladder(images: Any, labels: Any, *, on_step: Any = None, rung: str = "E") -> dict[str, torch.Tensor]:
        return {"a": torch.tensor([float(ord(rung))])}

    entry = plugin(ladder, card())
    report = reproduce(entry, *data(), tmp_path, options=TrainOptions({"rung": "D"}))
    (file,) = report.files
    assert file.path.name == "net0-rung-D.safetensors"
    assert safetensors.torch.load_file(file.path)["a"].item() == ord("D")
    assert file.expected == "" and not report.same
    with pytest.raises(UnknownName, match="unknown option of the recipe of toy 'rank'; did you mean 'rung'"):
        reproduce(entry, *data(), tmp_path, options=TrainOptions({"rank": "D"}))


def test_images_without_classes_are_taken_with_any_labels(plugin: Callable[..., Entry], tmp_path: Path) -> None:
    free = card().model_copy(update={"classes": 0})
    assert reproduce(plugin(constant, free), *data(), tmp_path).examples == 20


def test_what_a_recipe_took_is_what_its_plugin_says(plugin: Callable[..., Entry], monkeypatch: Any) -> None:
    entry = plugin(constant, card())
    assert duration_of(entry) == ""
    monkeypatch.setattr(sys.modules["toy_plugin"], "DURATION", "an hour", raising=False)
    assert duration_of(entry) == "an hour"


@pytest.mark.parametrize(
    ("train", "given", "images", "error", "words"),
    [
        (None, card(), data()[0], UsageError, "method toy: no recipe to train it: toy_plugin has no function train"),
        (constant, card(weights=0), data()[0], UsageError, "expected a method with a checkpoint in its card, got none"),
        (constant, card(weights=2), data()[0], ContractError, "expected the states net0, net1, got one dictionary"),
        (
            lambda *a, **k: {"net1": {"a": torch.ones(1)}},
            card(weights=2),
            data()[0],
            ContractError,
            "expected the states net0, net1, got net1",
        ),
        (constant, card(), data()[0][:, :, :4], DataError, r"toy: expected images .*, got \(20, 1, 4, 8\)"),
        (constant, card(), data()[0][:5], DataError, "as many labels as images"),
        (lambda *a, **k: {}, card(), data()[0], ContractError, "expected a dictionary of named tensors, got dict"),
        (lambda *a, **k: [1], card(), data()[0], ContractError, "expected a dictionary of named tensors, got list"),
        (lambda *a, **k: {"a": torch.tensor(float("nan"))}, card(), data()[0], ContractError, "infinity in 'a'"),
    ],
)
def test_what_is_wrong_is_one_line(
    plugin: Callable[..., Entry],
    tmp_path: Path,
    train: Train | None,
    given: MethodCard,
    images: Any,
    error: type[TrustdmError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        reproduce(plugin(train, given), images, data()[1], tmp_path)
    assert not list(tmp_path.glob("*"))


def test_labels_beyond_the_card_are_refused(plugin: Callable[..., Entry], tmp_path: Path) -> None:
    images, labels = data()
    with pytest.raises(DataError, match="expected labels 0 to 9, got 1 to 10"):
        reproduce(plugin(constant, card()), images, labels + 1, tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(plugin: Callable[..., Entry], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot be written"):
        reproduce(plugin(constant, card()), *data(), tmp_path / "file")


def test_the_small_recipes_repeat_and_differ_in_what_they_train_on() -> None:
    warm, hard = Recipe("w", steps=2, batch=8), Recipe("h", steps=2, batch=8)
    progress: list[tuple[int, int]] = []

    def adversarial() -> dict[str, torch.Tensor]:
        progress.clear()
        return small_adversarial(
            8, data(), (warm, hard), Adversary(0.1, 2), lambda step, total, loss: progress.append((step, total))
        )

    first, second, plain = adversarial(), adversarial(), small_standard(8, data(), warm)
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert set(first) == set(SmallCnn(8).state_dict())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["out.weight"], plain["out.weight"])


def test_a_state_is_a_copy() -> None:
    network = seeded(SmallCnn, 0, 8)
    state = state_of(network)
    with torch.no_grad():
        network.get_parameter("out.bias").add_(1)
    assert not torch.equal(state["out.bias"], network.get_parameter("out.bias"))
