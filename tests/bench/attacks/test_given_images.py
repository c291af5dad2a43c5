"""The attack "given-images": what a file has of an example, and nothing else."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from trustdm.bench.attacks.given_images import VARIABLE, GivenImages
from trustdm.bench.errors import SetupError, UsageError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

BUDGET = Budget("linf", Fraction(1, 10))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "images.npz"
    images = np.arange(2, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 2, 2), np.float32)
    np.savez(path, x_adv=images, examples=np.array([7, 3]))
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def perturbed(sha256: str, examples: list[int]) -> list[float]:
    x = torch.full((len(examples), 1, 2, 2), 0.5)
    out = GivenImages(sha256=sha256).perturb(None, x, torch.zeros(len(x)), BUDGET, Noise("k", examples))  # type: ignore[arg-type]
    assert torch.equal(x, torch.full_like(x, 0.5))
    return out[:, 0, 0, 0].tolist()


def test_each_example_has_its_own_image(file: Path) -> None:
    assert perturbed(sha256_file(file), [3, 5, 7]) == [1.0, 0.5, 0.0]


def test_another_file_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match="expected the file of images with the SHA-256 0000"):
        perturbed("0" * 64, [3])
    monkeypatch.setenv(VARIABLE, str(file.with_name("none.npz")))
    with pytest.raises(SetupError, match="TRUSTDM_IMAGES"):
        perturbed("1" * 64, [3])
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(SetupError, match="got nothing; run trustdm judge"):
        perturbed("2" * 64, [3])


def test_it_says_that_it_needs_a_file() -> None:
    with pytest.raises(UsageError, match="trustdm judge FILE"):
        GivenImages().check(BUDGET, 10)
    assert GivenImages(sha256="0").passes(10).forwards == 0
