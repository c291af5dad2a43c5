"""What this machine can run, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trustdm.bench.cli import doctor
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
        monkeypatch.setattr(doctor, name, lambda catalogue: iter(()))
    assert doctor.report("none.db", ()) == 0
    assert "missing  odd: not here" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "_packages", lambda: iter([(False, "torch", "not installed")]))
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
