"""Checkpoint files are found and compared with the card before anything in them is interpreted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trustdm.bench.contracts import WeightFile
from trustdm.bench.errors import WeightsError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.training.weightfiles import VERIFIED, find, verify


def test_a_file_with_the_hash_of_the_card_is_found(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    digest = sha256_file(tmp_path / "w.pt")
    assert verify(WeightFile(file="w.pt", sha256=digest), tmp_path) == tmp_path / "w.pt" and digest in VERIFIED


@pytest.mark.parametrize(("content", "guise"), [(b"<html>", "a web page"), (b"", "an empty file")])
def test_another_file_is_named_for_what_it_is(tmp_path: Path, content: bytes, guise: str) -> None:
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"expected SHA-256 0{{64}}, got \w+ \({guise}, not a checkpoint\)"):
        verify(WeightFile(file="w.pt", sha256="0" * 64), tmp_path)


def test_a_pipe_is_not_found(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="not found"):
        find(WeightFile(file="w.pt", sha256="0" * 64), tmp_path)
