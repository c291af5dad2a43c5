from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.features.reference import read_reference
from trustdm.bench.plugins import load_suite
from trustdm.bench.tasks.generation import build_reference as reference_command
from trustdm.bench.tasks.generation.task import reference_file


def test_the_shipped_reference_is_built_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte on the machine that made it; elsewhere the last bits of a feature may differ."""
    assert reference_command.run("digits-generation", None, tmp_path / "made.npz", ()) == 0
    suite = load_suite("digits-generation")
    made, shipped = read_reference(tmp_path / "made.npz"), read_reference(reference_file(suite))
    assert made.features is not None and shipped.features is not None
    np.testing.assert_allclose(made.features.astype(float), shipped.features.astype(float), atol=0.02)
    assert (made.split, made.extractor, made.extractor_hash) == (
        shipped.split,
        shipped.extractor,
        shipped.extractor_hash,
    )
    assert "held-out real images, 500 of them" in capsys.readouterr().out


def test_it_needs_a_suite_of_generators_and_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="mnist16-linf: expected a suite with a table"):
        reference_command.run("mnist16-linf", None, tmp_path / "made.npz", ())
    monkeypatch.delenv("TRUSTDM_DATA", raising=False)
    with pytest.raises(UsageError, match=r"expected \$TRUSTDM_DATA, the folder for data, or --out FILE"):
        reference_command.run("digits-generation", None, None, ())
    with pytest.raises(UsageError, match="expected --images FOLDER"):
        reference_command.run("ffhq64-generation", None, tmp_path / "made.npz", ())
