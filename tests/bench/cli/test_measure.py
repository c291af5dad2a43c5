"""run and demo: exit codes, what is said, what is left as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TINY, complaints, plugin

from trustdm.bench.cli import measure
from trustdm.bench.cli.interrupts import Interrupts
from trustdm.bench.errors import TrustdmError
from trustdm.bench.runner.run import Exit


def test_a_dry_run_measures_nothing(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    ran = tiny("--dry-run")
    assert ran.code == 0 and "about" in ran.out and "tiny / templates / ensemble" in ran.out
    assert not (tmp_path / "results").exists()


def test_a_method_that_is_named_alone_says_that_it_has_variants(trustdm: Any, tiny: Any) -> None:
    words = ("run", "mnist16-generation", "--limit", 8, "--dry-run")
    ran = trustdm(*words, "--method", "mnist16-edm")
    assert ran.code == 0 and "mnist16-edm is run as it is; it has 4 variants: --method mnist16-edm:all" in ran.err
    assert "variants" not in tiny("--dry-run").err


def test_a_failing_method_is_exit_code_2(trustdm: Any, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return torch.zeros(len(x), 3)")
    ran = trustdm("run", TINY, "--plugin", path, "--method", "broken", "--limit", 8)
    assert ran.code == 2 and "expected logits of shape (8, 10), got (8, 3)" in ran.err
    assert len(complaints(ran.err)) == 1


def test_a_broken_plugin_is_exit_code_2_and_the_others_run(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text("def (", encoding="utf-8")
    ran = tiny("--plugin", tmp_path / "torn.py")
    assert ran.code == 2 and "3 blocks measured" in ran.out
    assert "plugin left out" in ran.err and "torn.py" in ran.err and len(complaints(ran.err)) == 1


def test_stopping_early_is_exit_code_3(trustdm: Any, tiny: Any) -> None:
    ran = tiny("--max-hours", 0)
    assert ran.code == 3 and "the same command goes on" in ran.err


def test_a_limit_between_blocks_is_explained(trustdm: Any) -> None:
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 5)
    assert ran.code == 0 and "--limit 5 means 8 examples" in ran.err


def test_parameters_of_a_method_are_part_of_it(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates:scale=2.0", "--limit", 8)
    assert ran.code == 0 and "3 blocks measured" in ran.out
    rows = json.loads(trustdm("show", TINY, "--json").out)
    assert sorted(str(r["params"]) for r in rows) != [str(rows[0]["params"])] * 2
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates:scales=2.0", "--limit", 8)
    assert ran.code == 1 and "templates.scales: expected one of scale" in ran.err


def test_another_seed_is_another_row(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0 and tiny("--seed", 7).code == 0
    assert [r["seed"] for r in json.loads(trustdm("show", TINY, "--json").out)] == [0, 7]


def test_a_run_finds_what_is_there(tiny: Any) -> None:
    assert (ran := tiny()).code == 0 and "3 blocks measured, 0 already there, 0 failed" in ran.out
    assert (ran := tiny()).code == 0 and "0 blocks measured, 3 already there" in ran.out
    assert (ran := tiny("--fresh")).code == 0 and "3 blocks measured, 0 already there" in ran.out


def test_a_dry_run_counts_what_is_left(tiny: Any) -> None:
    assert tiny().code == 0
    line = next(x for x in tiny("--dry-run").out.splitlines() if "tiny / templates / clean" in x)
    assert line.split("clean")[1].split()[:3] == ["│", "0", "│"]
    fresh = next(x for x in tiny("--dry-run", "--fresh").out.splitlines() if "tiny / templates / clean" in x)
    assert fresh.split("clean")[1].split()[:3] == ["│", "1", "│"]


def test_a_dry_run_of_what_cannot_be_loaded_is_an_error(trustdm: Any, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x", card=", weights=({'file': 'none.safetensors', 'sha256': 'ab' * 32},)")
    ran = trustdm("run", TINY, "--plugin", path, "--method", "broken", "--dry-run")
    assert ran.code == 1 and ran.err.count("\n") == 1 and "none.safetensors" in ran.err


@pytest.mark.parametrize("hours", [float("nan"), float("inf"), -1.0])
def test_hours_are_a_number(hours: float) -> None:
    with pytest.raises(TrustdmError, match="--max-hours: expected a number of hours of at least 0"):
        measure.seconds(hours)


def test_hours_become_seconds() -> None:
    assert measure.seconds(0.5) == 1800 and measure.seconds(None) is None


def test_a_demo_that_was_stopped_publishes_nothing(
    trustdm: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measure, "carried_out", lambda request, prepared, db: Exit.STOPPED)
    assert trustdm("demo", "--out", tmp_path / "site").code == 3
    assert not (tmp_path / "site").exists()


def test_a_demo_into_a_folder_of_others_ends_before_it_measures(trustdm: Any, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    ran = trustdm("demo")
    assert ran.code == 1 and ran.err.startswith("trustdm: site: expected a new folder") and ran.err.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_no_table_is_made_after_a_second_signal(trustdm: Any, tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interrupts, "at_once", property(lambda _: True))
    monkeypatch.setattr(Interrupts, "__exit__", _put_back)
    ran = tiny()
    assert "3 blocks measured" in ran.out and "templates" not in ran.out


_exit = Interrupts.__exit__


def _put_back(self: Interrupts, *error: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Interrupts, "at_once", property(lambda _: False))
        _exit(self, *error)
