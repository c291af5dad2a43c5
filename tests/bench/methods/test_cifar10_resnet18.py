from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from trustdm.bench.errors import WeightsError
from trustdm.bench.methods import cifar10_resnet18 as plugin
from trustdm.bench.training.networks import parameters_in

OFFICIAL = 50_000  # the first test image


@pytest.fixture
def first_images(monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, torch.Tensor]:
    """The first 256 test images, where CIFAR-10 (or its head) is on this machine."""
    from trustdm.bench.datasets.cifar10 import load
    from trustdm.bench.errors import DataError

    monkeypatch.setenv("TRUSTDM_DOWNLOAD", "0")
    if not os.environ.get("TRUSTDM_DATA"):
        pytest.skip("TRUSTDM_DATA is not set: CIFAR-10 is not on this machine")
    try:
        images, labels = load().read(np.arange(OFFICIAL, OFFICIAL + 256, dtype=np.int64))
    except DataError as error:
        pytest.skip(f"CIFAR-10 is not on this machine: {error}")
    return torch.from_numpy(images), torch.from_numpy(labels)


def test_it_is_the_published_network_in_evaluation_mode() -> None:
    network = plugin.load()
    assert parameters_in(network) == 11_173_962
    assert not network.training
    with torch.no_grad():
        assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_it_classifies_real_images(first_images: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = first_images
    with torch.no_grad():
        accuracy = float((plugin.load()(x).argmax(1) == y).float().mean())
    assert accuracy >= 0.90  # .941 on the first 846


def test_without_the_package_the_line_says_where_it_looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plugin, "PACKAGE", "no_such_package_anywhere")
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"'model_test\.pt': not found; looked at .*weights") as caught:
        plugin.load()
    assert str(tmp_path) in str(caught.value)
