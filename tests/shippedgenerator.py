"""What every generator that comes with the package must keep; a test class of one states which and adds its own."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
import safetensors.torch
import torch

from trustdm.bench.plan import MethodSpec
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite.data import open_data
from trustdm.bench.training.recipes import GIVEN

LARGEST = 750_000


def images_of(suite_name: str, split: str) -> np.ndarray:
    """Images (n, C, H, W) of one split of a suite."""
    suite, registry = load_suite(suite_name), Registry()
    registry.add_module(importlib.import_module(f"trustdm.bench.datasets.{suite.data.dataset}"))
    return open_data(suite, registry).read(getattr(suite, split))[0]


class ShippedGenerator:
    """Subclass it as ``Test...`` with the module of the generator."""

    plugin: ClassVar[ModuleType]

    def labels(self, count: int) -> torch.Tensor | None:
        """Classes by turns, for a generator that takes any."""
        return torch.arange(count) % 10 if self.plugin.CARD.classes else None

    def test_every_variant_makes_images(self) -> None:
        """Finite, in [0, 1], and no two alike."""
        assert self.plugin.CARD.variants
        for variant in self.plugin.CARD.variants:
            generator = self.plugin.load(**dict(MethodSpec.parse(f"x:{variant}").params))
            images = generator.sample([3, 1, 4, 5], self.labels(4), 3)
            assert images.shape == (4, *self.plugin.CARD.input_shape) and images.dtype == torch.float32
            assert bool(torch.isfinite(images).all())
            assert float(images.min()) >= 0 and float(images.max()) <= 1
            assert float(images.std(0).mean()) > 0.01

    def test_an_image_depends_on_its_seed_and_label_only(self) -> None:
        """The same seed among others makes the same image."""
        generator, labels = self.plugin.load(), self.labels(5)
        whole = generator.sample([3, 1, 4, 2, 5], labels, 3)
        part = generator.sample([4, 5], None if labels is None else labels[[2, 4]], 3)
        torch.testing.assert_close(part, whole[[2, 4]], rtol=0, atol=2e-4)
        assert not torch.equal(whole[0], whole[1])

    def test_the_files_are_small_and_in_half_precision(self) -> None:
        """Checkpoints are part of the package."""
        assert self.plugin.CARD.weights
        for file in self.plugin.CARD.weights:
            path = Path(self.plugin.__file__ or "").parent / file.file
            assert path.stat().st_size <= LARGEST
            assert {value.dtype for value in safetensors.torch.load_file(path).values()} == {torch.float16}

    def test_the_recipe_is_that_of_the_card_and_can_be_resumed(self) -> None:
        """It takes what every recipe is given, and says how long it took and whose training split it takes."""
        assert set(inspect.signature(self.plugin.train).parameters) >= GIVEN
        assert "CPU" in self.plugin.DURATION
        suite = load_suite(self.plugin.SUITE)
        assert suite.data.dataset in self.plugin.CARD.data and len(suite.train)


class ObeysLabels:
    """Of a generator of mnist16 with classes: a classifier agrees with most labels."""

    plugin: ClassVar[ModuleType]

    def test_labels_are_obeyed(self) -> None:
        """Seven of ten."""
        from trustdm.bench.methods import mnist16_standard

        labels = torch.arange(60) % 10
        images = self.plugin.load().sample(range(60), labels, 10)
        agreement = float((mnist16_standard.load()(images).argmax(1) == labels).float().mean())
        assert agreement >= 0.7


class DenoisesMnist16:
    """Of a denoiser of mnist16 at the boundary: it takes most of the noise away."""

    plugin: ClassVar[ModuleType]

    def test_the_boundary_denoiser_takes_noise_away(self) -> None:
        """The best constant guess, the mean image, has an error of about 0.06; the noise itself 0.0625."""
        x = torch.from_numpy(images_of("mnist16-linf", "validation")[:40])
        noisy = x + 0.25 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            clean = self.plugin.load().denoise(noisy, torch.full((40,), 0.25))
        assert float((clean - x).square().mean()) < 0.012


class KnowsItsData:
    """Of an EDM: ``SIGMA_DATA`` is the standard deviation of the training images in [-1, 1]."""

    plugin: ClassVar[ModuleType]

    def test_sigma_data_is_the_deviation_of_the_training_images(self) -> None:
        """To a thousandth."""
        images = images_of(self.plugin.SUITE, "train")
        assert float((2 * images - 1).std()) == pytest.approx(self.plugin.SIGMA_DATA, abs=1e-3)
