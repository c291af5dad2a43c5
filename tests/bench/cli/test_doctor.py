"""What this machine can run, and what is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import plugin

from trustdm.bench.cli import doctor
from trustdm.bench.hashing import sha256_file
from trustdm.bench.plugins import load


def test_doctor_says_what_is_missing(trustdm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTDM_DATA", raising=False)
    ran = trustdm("doctor")
    assert ran.code == 0 and "ok       torch" in ran.out
    assert "missing  suite cifar10-linf" in ran.out and "ok       suite mnist16-linf" in ran.out


def test_only_what_every_run_needs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("_device", "_browser"):
        monkeypatch.setattr(doctor, name, lambda: iter([(False, "odd", "not here")]))
    for name in ("_suites", "_checkpoints"):
        monkeypatch.setattr(doctor, name, lambda catalogue, **_: iter(()))
    assert doctor.report("none.db", ()) == 0
    assert "missing  odd: not here" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "_packages", lambda **_: iter([(False, "torch", "not installed")]))
    assert doctor.report("none.db", ()) == 1


def test_a_database_that_cannot_be_opened_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert next(iter(doctor._database(str(tmp_path / "none.db"))))[0]
    (tmp_path / "torn.db").write_bytes(b"no database at all" * 100)
    ((ok, what, detail),) = doctor._database(str(tmp_path / "torn.db"))
    assert (ok, what) == (False, "database") and "torn.db" in detail


def test_each_suite_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTDM_DATA", raising=False)
    found = {what: (ok, detail) for ok, what, detail in doctor._suites(load())}
    assert found["suite digits-linf"] == (True, "data set digits is here")
    assert found["suite mnist16-generation"][0] and "its reference" in found["suite mnist16-generation"][1]
    assert not found["suite ffhq64-generation"][0] and "trustdm reference" in found["suite ffhq64-generation"][1]


def test_a_broken_plugin_is_named(trustdm: Any, tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text("def (", encoding="utf-8")
    ran = trustdm("doctor", "--plugin", tmp_path / "torn.py")
    assert ran.code == 0 and "missing  plugin: " in ran.out and "torn.py" in ran.out


WEIGHTS = ", weights=({'file': 'w.safetensors', 'sha256': '%s'},)"


def found(path: Path, *, thorough: bool = False) -> tuple[bool, str]:
    """What is said of the method "broken" of a plugin file."""
    registry = load([path]).registry
    (said,) = [(ok, text) for ok, what, text in doctor._checkpoints(registry, thorough=thorough) if "broken" in what]
    return said


def test_a_checkpoint_is_hashed_and_its_method_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"tensors")
    path = plugin(tmp_path, "return x", card=WEIGHTS % sha256_file(tmp_path / "w.safetensors"))
    path.write_text(path.read_text() + "    def __init__(self):\n        raise RuntimeError('no\\nway')\n")
    assert found(path) == (True, "its checkpoint is here and has the hash of the card")
    assert found(path, thorough=True) == (False, "it cannot be loaded: RuntimeError: no way")


def test_another_hash_is_named(tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x", card=WEIGHTS % ("ab" * 32))
    assert not found(path)[0] and "not found" in found(path)[1]
    (tmp_path / "w.safetensors").write_bytes(b"tensors")
    ok, text = found(path)
    assert not ok and f"expected SHA-256 {'ab' * 32}, got {sha256_file(tmp_path / 'w.safetensors')}" in text


def test_a_hash_that_was_kept_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"tensors")
    digest = sha256_file(tmp_path / "w.safetensors")
    path = plugin(tmp_path, "return x", card=WEIGHTS % digest)
    monkeypatch.setattr(doctor.filehash, "hash_of", lambda _: (digest, True))
    assert found(path)[1].endswith("of the card (not touched since it was hashed)")


def test_thorough_imports_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(name: str) -> None:
        if name == "torch":
            raise OSError("libtorch.so:\nno such file")

    monkeypatch.setattr(doctor, "import_module", torn)
    assert ("torch", True) in [(what, ok) for ok, what, _ in doctor._packages()]
    said = {what: (ok, text) for ok, what, text in doctor._packages(thorough=True)}
    assert said["torch"] == (False, "cannot be imported: libtorch.so: no such file; install it again")
    assert said["scipy"][0]


def test_torch_is_asked_only_where_there_is_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2, get_device_name=lambda i: f"card {i}")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "none")
    assert next(doctor._device())[2] == "cpu (no NVIDIA driver)"
    monkeypatch.setattr(doctor, "DRIVER", tmp_path)
    assert next(doctor._device())[2] == "card 0, card 1"
    cuda.is_available = lambda: False
    assert "torch finds no CUDA device" in next(doctor._device())[2]
