"""The shipped extractors of the small data sets: independent of the methods, and they see what people see."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.extractors import digits_features, mnist16_features
from trustdm.bench.features.extract import extract
from trustdm.bench.features.frechet import frechet_estimate
from trustdm.bench.features.reference import Reference, build_reference
from trustdm.bench.hashing import sha256_file
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry, entries_of
from trustdm.bench.suite.data import open_data
from trustdm.bench.training.features import FeatureCnn
from trustdm.bench.training.networks import restored
from trustdm.bench.training.weights import save_state

CASES = [
    pytest.param(digits_features, "digits-linf", id="digits"),
    pytest.param(mnist16_features, "mnist16-linf", id="mnist16"),
]


def data(suite_name: str, split: str) -> tuple[Any, Any]:
    suite = load_suite(suite_name)
    registry = Registry()
    registry.add_module(importlib.import_module(f"trustdm.bench.datasets.{suite.data.dataset}"))
    images, labels = open_data(suite, registry).read(getattr(suite, split))
    return images, labels


@pytest.mark.parametrize(("plugin", "suite"), CASES)
def test_the_card_and_the_features_agree(plugin: ModuleType, suite: str) -> None:
    (entry,) = entries_of(plugin)
    assert entry.kind == "extractor"
    assert isinstance(entry.card, ExtractorCard)
    network = plugin.load()
    assert not network.training
    images = torch.from_numpy((data(suite, "test")[0][:9] * 255).astype(np.uint8))
    assert tuple(images.shape[1:]) == plugin.CARD.shape
    with torch.no_grad():
        found = network.features(images)
        each = torch.cat([network.features(image[None]) for image in images])
    assert found.shape == (9, plugin.CARD.dimension)
    torch.testing.assert_close(found, each, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(network.head(found.relu()), network(images.float() / 255))


@pytest.mark.parametrize(("plugin", "suite"), CASES)
def test_the_weights_are_small_and_their_own(plugin: ModuleType, suite: str) -> None:
    path = Path(plugin.__file__ or "").parent / plugin.CARD.weights[0].file
    assert path.stat().st_size <= 200_000
    methods = importlib.import_module(f"trustdm.bench.methods.{suite.removesuffix('-linf')}_standard")
    assert plugin.CARD.name != methods.CARD.name  # the seed of a recipe is the name


def accuracy(network: FeatureCnn, suite: str) -> float:
    images, labels = data(suite, "test")
    with torch.no_grad():
        return float((network(torch.from_numpy(images)).argmax(1).numpy() == labels).mean())


def seen(plugin: ModuleType, network: FeatureCnn, suite: str) -> tuple[Reference, Any]:
    reference = build_reference(network, plugin.CARD, data(suite, "train")[0], held_out=data(suite, "test"))
    return reference, lambda images: extract(network, plugin.CARD, np.clip(images, 0, 1).astype(np.float32))


def check_that_it_discriminates(plugin: ModuleType, network: FeatureCnn, suite: str) -> None:
    """Distances of worse images, in units of the distance of held-out real ones."""
    reference, features = seen(plugin, network, suite)
    images, labels = data(suite, "test")
    rng = np.random.default_rng(0)
    worse = {
        "a little noise": (images + 0.1 * rng.normal(size=images.shape), 2.5),
        "much noise": (images + 0.2 * rng.normal(size=images.shape), 8),
        "blur": (gaussian_filter(images, (0, 0, 0.5, 0.5)), 10),
        "smear": ((images + np.roll(images, 1, axis=-1)) / 2, 10),
        "pale": (0.85 * images, 10),
        "two levels": ((images > 0.5).astype(np.float32), 8),
        "a missing class": (images[labels != 4], 15),
        "ten images again and again": (np.resize(images[:10], images.shape), 20),
        "noise alone": (rng.random(images.shape), 150),
    }
    base = frechet_estimate(reference.held_out, reference.moments).value
    ratios = {name: frechet_estimate(features(x), reference.moments).value / base for name, (x, _) in worse.items()}
    assert {name for name, ratio in ratios.items() if ratio < worse[name][1]} == set(), ratios


@pytest.mark.parametrize(("plugin", "suite"), CASES)
def test_it_classifies_and_discriminates(plugin: ModuleType, suite: str) -> None:
    network = plugin.load()
    assert accuracy(network, suite) >= 0.95
    check_that_it_discriminates(plugin, network, suite)


@pytest.mark.slow
@pytest.mark.parametrize(("plugin", "suite"), CASES)
def test_the_recipe_gives_one_that_does_too(plugin: ModuleType, suite: str, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    state = plugin.train(*data(suite, "train"))
    assert torch.equal(torch.get_rng_state(), before)
    network = restored(FeatureCnn, state, plugin.CARD.shape[1])
    assert isinstance(network, FeatureCnn)
    assert accuracy(network, suite) >= 0.94
    check_that_it_discriminates(plugin, network, suite)
    torch.rand(1)
    save_state(state, tmp_path / "a.safetensors")
    save_state(plugin.train(*data(suite, "train")), tmp_path / "b.safetensors")
    assert sha256_file(tmp_path / "a.safetensors") == sha256_file(tmp_path / "b.safetensors")
