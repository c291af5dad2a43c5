"""A suite of one's own over an npz file, and a registry with the data sets that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.data.arrays import content_digest, file_hash
from trustdm.bench.datasets import cifar10, digits, image_folder, mnist16, npz
from trustdm.bench.registry import Registry

OWN = (Path(__file__).parent / "own.toml").read_text(encoding="utf-8")


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for module in (digits, mnist16, cifar10, npz, image_folder):
        registry.add_module(module)
    return registry


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A suite over twelve images in an npz file beside it."""
    images = np.arange(12 * 4 * 5 * 3, dtype=np.uint32).reshape(12, 4, 5, 3).astype(np.uint8)
    labels = np.arange(12) % 2
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    digest = content_digest(images.transpose(0, 3, 1, 2), labels, 255)
    text = OWN.replace("DIGEST", digest).replace("SHA256", file_hash(tmp_path / "images.npz"))
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    return tmp_path / "own.toml"
