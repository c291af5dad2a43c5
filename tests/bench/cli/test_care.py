"""Checkpoints and the database: weights, db."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import torch


def test_a_database_is_checked_and_collected(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    assert trustdm("db", "check").out == "results/bench.db: no problems\n"
    assert trustdm("db", "collect").out == "0 bytes removed\n"


def test_a_broken_database_is_exit_code_1(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    assert tiny().code == 0
    with closing(sqlite3.connect(tmp_path / "results" / "bench.db")) as connection, connection:
        connection.execute("UPDATE cell SET key = key || 'x'")
    ran = trustdm("db", "check")
    assert ran.code == 1 and "problems" in ran.out and ran.err.startswith("trustdm: ")


def test_checkpoints_have_the_hash_that_a_card_names(trustdm: Any, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"bytes")
    digest = hashlib.sha256(b"bytes").hexdigest()
    assert trustdm("weights", "hash", "a.safetensors").out == f"{digest}  a.safetensors\n"


def test_a_training_checkpoint_becomes_a_file_to_trust(trustdm: Any, tmp_path: Path) -> None:
    torch.save({"state_dict": {"module.w": torch.ones(2)}}, tmp_path / "a.pt")
    ran = trustdm("weights", "convert", "a.pt", "a.safetensors")
    assert ran.code == 0 and hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest() in ran.out
