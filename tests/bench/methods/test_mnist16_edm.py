"""EDM on mnist16, and the rungs of its ladder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from shippedgenerator import DenoisesMnist16, KnowsItsData, ObeysLabels, ShippedGenerator

from trustdm.bench.errors import TrustdmError, UnknownName, UsageError, WeightsError
from trustdm.bench.methods import mnist16_edm


class TestMnist16Edm(KnowsItsData, ObeysLabels, DenoisesMnist16, ShippedGenerator):
    plugin = mnist16_edm


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
