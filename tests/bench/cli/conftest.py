"""The command line in this process, in a folder of the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TEMPLATES, TINY, Said, command_line
from PIL import Image

from trustdm.bench.cli import measure


@pytest.fixture
def trustdm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUSTDM_DB", raising=False)
    monkeypatch.setattr(measure, "APART", False)  # a worker takes seconds to begin; test_strangers.py has them
    return command_line(capsys)


@pytest.fixture
def tiny(trustdm: Any) -> Any:
    """Runs the first eight examples of the tiny suite."""

    def run(*more: object) -> Said:
        ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 8, *more)
        assert isinstance(ran, Said)
        return ran

    return run


METHODS = """
import torch
from trustdm import MethodCard, method


@method(MethodCard(name="toy", input_shape=(3, 6, 5), classes=4))
def toy():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(90, 4))


@method(MethodCard(name="noisy", input_shape=(3, 6, 5), classes=4, capabilities=("classify_noisy",)))
class Noisy:
    def classify_noisy(self, x, sigma):
        return x.flatten(1)[:, :4]


@method(MethodCard(name="maker", input_shape=(1, 8, 8), classes=10, capabilities=("sample",)))
class Maker:
    def sample(self, seeds, labels, steps):
        return torch.stack([torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(s)) for s in seeds])
"""


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """cells.npz: forty random colour images of 6x5 pixels in four classes; beside it toy methods in methods.py."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
    np.savez(tmp_path / "cells.npz", images=images, labels=np.arange(40) % 4)
    (tmp_path / "methods.py").write_text(METHODS, encoding="utf-8")
    return tmp_path / "cells.npz"


@pytest.fixture
def pngs(cells: Path) -> Path:
    """The same images in a folder for each class."""
    with np.load(cells) as file:
        for i, (image, label) in enumerate(zip(file["images"], file["labels"].tolist(), strict=True)):
            folder = cells.parent / "pngs" / f"kind-{label}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{i:03}.png")
    return cells.parent / "pngs"
