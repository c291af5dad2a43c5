"""The shipped generators: their files are small and those of their cards, and every variant makes images."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import safetensors.torch
import torch

from trustdm.bench.errors import TrustdmError, UnknownName, UsageError, WeightsError
from trustdm.bench.methods import (
    digits_edm,
    mnist16_ddpm,
    mnist16_edm,
    mnist16_edm_guided,
    mnist16_edm_uncond,
    mnist16_ldm,
    mnist16_ncsn,
)
from trustdm.bench.plan import MethodSpec
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite.data import open_data
from trustdm.bench.training.recipes import GIVEN
from trustdm.bench.training.weights import state_digest

PLUGINS = [
    digits_edm,
    mnist16_ddpm,
    mnist16_edm,
    mnist16_edm_guided,
    mnist16_edm_uncond,
    mnist16_ldm,
    mnist16_ncsn,
]
VARIANTS = [(plugin, variant) for plugin in PLUGINS for variant in plugin.CARD.variants]
LARGEST = 750_000
each_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.CARD.name)


def labels_for(plugin: ModuleType, count: int) -> torch.Tensor | None:
    return torch.arange(count) % 10 if plugin.CARD.classes else None


@pytest.mark.parametrize(("plugin", "variant"), VARIANTS, ids=[f"{p.CARD.name}:{v}" for p, v in VARIANTS])
def test_every_variant_makes_images(plugin: ModuleType, variant: str) -> None:
    generator = plugin.load(**dict(MethodSpec.parse(f"x:{variant}").params))
    images = generator.sample([3, 1, 4, 5], labels_for(plugin, 4), 3)
    assert images.shape == (4, *plugin.CARD.input_shape) and images.dtype == torch.float32
    assert bool(torch.isfinite(images).all())
    assert float(images.min()) >= 0 and float(images.max()) <= 1
    assert float(images.std(0).mean()) > 0.01


@each_plugin
def test_an_image_depends_on_its_seed_and_label_only(plugin: ModuleType) -> None:
    generator, labels = plugin.load(), labels_for(plugin, 5)
    whole = generator.sample([3, 1, 4, 2, 5], labels, 3)
    part = generator.sample([4, 5], None if labels is None else labels[[2, 4]], 3)
    torch.testing.assert_close(part, whole[[2, 4]], rtol=0, atol=2e-4)
    assert not torch.equal(whole[0], whole[1])


@each_plugin
def test_the_files_are_small_and_in_half_precision(plugin: ModuleType) -> None:
    for file in plugin.CARD.weights:
        path = Path(plugin.__file__ or "").parent / file.file
        assert path.stat().st_size <= LARGEST
        assert {value.dtype for value in safetensors.torch.load_file(path).values()} == {torch.float16}


def test_the_generators_are_trained_separately() -> None:
    digests = [state_digest(plugin.load()) for plugin in PLUGINS]
    assert len(set(digests)) == len(PLUGINS)
    models = {plugin.CARD.weights[0].sha256 for plugin in PLUGINS if plugin.CARD.name.startswith("mnist16")}
    assert len(models) >= 5


@each_plugin
def test_the_recipe_is_that_of_the_card_and_can_be_resumed(plugin: ModuleType) -> None:
    known = inspect.signature(plugin.train).parameters
    assert set(known) >= GIVEN
    assert "CPU" in plugin.DURATION


@pytest.mark.parametrize(
    ("plugin", "suite"),
    [(mnist16_edm, "mnist16-linf"), (mnist16_edm_uncond, "mnist16-linf"), (digits_edm, "digits-linf")],
)
def test_sigma_data_is_the_deviation_of_the_training_images(plugin: ModuleType, suite: str) -> None:
    import importlib

    loaded, registry = load_suite(suite), Registry()
    registry.add_module(importlib.import_module(f"trustdm.bench.datasets.{loaded.data.dataset}"))
    images, _ = open_data(loaded, registry).read(loaded.train)
    assert float((2 * images - 1).std()) == pytest.approx(plugin.SIGMA_DATA, abs=1e-3)
    assert mnist16_edm_guided.SIGMA_DATA == mnist16_edm_uncond.SIGMA_DATA


def test_the_boundary_denoiser_takes_noise_away() -> None:
    registry = Registry()
    from trustdm.bench.datasets import mnist16

    registry.add_module(mnist16)
    suite = load_suite("mnist16-linf")
    images, _ = open_data(suite, registry).read(suite.validation[:40])
    x = torch.from_numpy(images)
    noisy = x + 0.25 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for plugin in (mnist16_edm, mnist16_edm_uncond, mnist16_ddpm, mnist16_ncsn):
        with torch.no_grad():
            clean = plugin.load().denoise(noisy, torch.full((40,), 0.25))
        error = float((clean - x).square().mean())
        # The best constant guess, the mean image, has an error of about 0.06; the noise itself 0.0625.
        assert error < 0.012, plugin.CARD.name


def test_labels_are_obeyed() -> None:
    from trustdm.bench.methods import mnist16_standard

    classify = mnist16_standard.load()
    for plugin in (mnist16_edm, mnist16_ddpm, mnist16_ldm, mnist16_edm_guided):
        labels = torch.arange(60) % 10
        images = plugin.load().sample(range(60), labels, 10)
        agreement = float((classify(images).argmax(1) == labels).float().mean())
        assert agreement >= 0.7, plugin.CARD.name


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"sampler": "hoin"}, UnknownName, "unknown sampler 'hoin'"),
        ({"churm": 3.0, "sampler": "stochastic-heun"}, UnknownName, "churm.*did you mean 'churn'"),
        ({"rung": "D"}, UsageError, "rung D does not ship: run `trustdm train mnist16-edm:rung=D"),
        ({"rung": "D", "weights": "0" * 64}, WeightsError, "mnist16-edm-rung-D.safetensors': not found"),
    ],
)
def test_what_is_wrong_is_one_line(options: dict[str, Any], error: type[TrustdmError], words: str) -> None:
    with pytest.raises(error, match=words):
        mnist16_edm.load(**options)


def test_a_rung_that_was_trained_is_loaded_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trustdm.bench.hashing import sha256_file
    from trustdm.bench.training.weights import save_state

    images, labels = torch.rand(20, 1, 16, 16).numpy(), torch.arange(20).numpy() % 10
    path = tmp_path / "mnist16-edm-rung-F-steps-1.safetensors"
    save_state(mnist16_edm.train(images, labels, rung="F", steps=1), path)
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(tmp_path))
    generator = mnist16_edm.load(rung="F", steps=1, weights=sha256_file(path))
    assert generator.sample([0], torch.tensor([3]), 2).shape == (1, 1, 16, 16)
