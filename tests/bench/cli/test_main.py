"""The command line: exit codes, one-line messages, JSON, lightness."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TINY, plugin

from trustdm.bench.cli.main import main


class Ran:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def trustdm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUSTDM_DB", raising=False)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(w) for w in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


def tiny(trustdm: Any, *more: object) -> Ran:
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 8, *more)
    assert isinstance(ran, Ran)
    return ran


def test_run_show_publish_export_import(trustdm: Any, tmp_path: Path) -> None:
    assert (ran := tiny(trustdm)).code == 0 and "3 blocks measured, 0 already there, 0 failed" in ran.out
    assert (ran := tiny(trustdm)).code == 0 and "0 blocks measured, 3 already there" in ran.out
    shown = trustdm("show", TINY, "--json")
    (row,) = json.loads(shown.out)
    assert row["method"] == "templates" and row["completeness"] == "preview" and row["origin"] == "measured"
    assert (row["currency"], row["verification"], row["rank_low"], row["rank_high"]) == ("current", "unverified", 1, 1)
    assert set(row["metrics"]["clean_accuracy"]) == {"value", "low", "high", "n"}
    assert row["metrics"]["clean_accuracy"]["n"] == 8 and row["cost"]["forwards"] > 0
    assert trustdm("publish", "--out", tmp_path / "site", "--suite", TINY).code == 0
    assert (tmp_path / "site" / "suites" / "tiny.html").is_file()
    assert trustdm("export", tmp_path / "runs").code == 0
    assert trustdm("import", tmp_path / "runs", "--db", "copy.db").code == 0
    (copy,) = json.loads(trustdm("show", TINY, "--json", "--db", "copy.db").out)
    assert copy["metrics"] == row["metrics"]
    assert trustdm("db", "check", "--db", "copy.db").code == 0
    assert trustdm("db", "collect", "--db", "copy.db").code == 0


def test_a_dry_run_measures_nothing(trustdm: Any, tmp_path: Path) -> None:
    ran = tiny(trustdm, "--dry-run")
    assert ran.code == 0 and "about" in ran.out and "tiny / templates / ensemble" in ran.out
    assert not (tmp_path / "results").exists()


def test_listing_as_json(trustdm: Any) -> None:
    listed = json.loads(trustdm("list", "--json").out)
    assert {s["name"] for s in listed["suite"]} >= {"digits-linf", "mnist16-linf", "cifar10-linf"}
    assert {m["name"] for m in listed["method"]} >= {"digits-standard", "mnist16-pgd-at"}
    shown = json.loads(trustdm("show", "mnist16-standard", "--json").out)
    assert shown["kind"] == "method" and shown["card"]["classes"] == 10


ERRORS = [
    (["run", "mnist-linf"], "unknown suite 'mnist-linf'; did you mean 'mnist16-linf'"),
    (["run", "digits-linf", "--method", "digit-standard"], "did you mean 'digits-standard'"),
    (["run", "absent.toml"], "absent.toml: the file: expected a suite file that can be read"),
    (["run", "digits-linf", "--device", "tpu"], "--device: expected auto, cpu or cuda, got 'tpu'"),
    (["run", "digits-linf", "--limit", "0"], "--limit: expected at least 1, got 0"),
    (["run", "digits-linf", "--method", "digits-standard:deep"], "expected NAME:key=value"),
    (["run"], "Missing argument 'SUITE...'"),
    (["run", "digits-linf", "--no-such-option"], "No such option: --no-such-option"),
    (["run", "digits-linf", "--plugin", "absent.py"], "--plugin: expected Python files, got absent.py"),
    (["run", "digits-linf", "--demo", "--limit", "8"], "--demo: expected no --limit beside it, got 8"),
    (["run", "cifar10-linf", "--demo"], "--demo: expected a suite that declares size.demo"),
    (["run", "digits-linf", "--max-hours", "nan"], "--max-hours"),
    (["run", "digits-linf", "--seed", "-1"], "--seed"),
    (["walk"], "No such command 'walk'"),
    (["show", "qqqqqqqqqq"], "unknown name 'qqqqqqqqqq'; known:"),
    (["show", "digits-linf", "--db", "absent.db"], "absent.db"),
    (["publish", "--db", "absent.db"], "absent.db"),
    (["export", "runs", "--db", "absent.db"], "absent.db"),
    (["import", "absent.json"], "absent.json"),
    (["weights", "convert", "absent.pt", "out.safetensors"], "absent.pt"),
    (["weights", "hash", "absent.pt"], "absent.pt"),
    (["train", "cifar10-resnet18"], "cifar10-resnet18"),
    (["db", "check", "--db", "absent.db"], "absent.db"),
]


@pytest.mark.parametrize(("words", "message"), ERRORS, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_is_one_line_and_exit_code_1(trustdm: Any, words: list[str], message: str) -> None:
    ran = trustdm(*words)
    assert ran.code == 1
    assert message in ran.err and ran.err.startswith("trustdm: ") and ran.err.count("\n") == 1, ran.err


def test_a_failing_method_is_exit_code_2(trustdm: Any, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return torch.zeros(len(x), 3)")
    ran = trustdm("run", TINY, "--plugin", path, "--method", "broken", "--limit", 8)
    assert ran.code == 2 and "expected logits of shape (8, 10), got (8, 3)" in ran.err
    assert ran.err.count("\n") == 1


def test_a_broken_plugin_is_exit_code_2_and_the_others_run(trustdm: Any, tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text("def (", encoding="utf-8")
    ran = tiny(trustdm, "--plugin", tmp_path / "torn.py")
    assert ran.code == 2 and "3 blocks measured" in ran.out
    assert "plugin left out" in ran.err and "torn.py" in ran.err and ran.err.count("\n") == 1


def test_stopping_early_is_exit_code_3(trustdm: Any) -> None:
    ran = tiny(trustdm, "--max-hours", 0)
    assert ran.code == 3 and "the same command goes on" in ran.err


def test_a_limit_between_blocks_is_explained(trustdm: Any) -> None:
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 5)
    assert ran.code == 0 and "--limit 5 means 8 examples" in ran.err


def test_parameters_of_a_method_are_part_of_it(trustdm: Any) -> None:
    assert tiny(trustdm).code == 0
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates:scale=2.0", "--limit", 8)
    assert ran.code == 0 and "3 blocks measured" in ran.out
    rows = json.loads(trustdm("show", TINY, "--json").out)
    assert sorted(str(r["params"]) for r in rows) != [str(rows[0]["params"])] * 2
    ran = trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates:scales=2.0", "--limit", 8)
    assert ran.code == 1 and "templates.scales: expected one of scale" in ran.err


def test_another_seed_is_another_row(trustdm: Any) -> None:
    assert tiny(trustdm).code == 0 and tiny(trustdm, "--seed", 7).code == 0
    assert [r["seed"] for r in json.loads(trustdm("show", TINY, "--json").out)] == [0, 7]


def test_doctor_says_what_is_missing(trustdm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTDM_DATA", raising=False)
    ran = trustdm("doctor")
    assert ran.code == 0 and "ok       torch" in ran.out
    assert "missing  suite cifar10-linf" in ran.out and "ok       suite mnist16-linf" in ran.out


def test_help_is_quick_and_needs_no_torch() -> None:
    """Half a second is the promise; the best of a few tries, since a busy machine is not the program's fault."""
    command = [sys.executable, "-m", "trustdm.bench.cli.main", "--help"]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert "Exit codes: 0 done, 1 error, 2 some units failed, 3 stopped" in done.stdout
    assert min(seconds) < 0.5


def test_a_card_is_never_read_as_markup(trustdm: Any, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x.flatten(1)[:, :10] * 1.0", card=", summary='[/red] [bold]loud[/bold]'")
    ran = trustdm("list", "--plugin", path)
    assert ran.code == 0 and "[/red] [bold]loud[/bold]" in ran.out


def test_without_a_command_there_is_help(trustdm: Any) -> None:
    ran = trustdm()
    assert ran.code == 0 and "run         Run suites" in ran.out


def test_what_only_the_database_knows_can_be_shown(trustdm: Any) -> None:
    assert tiny(trustdm).code == 0
    assert json.loads(trustdm("show", "tiny", "--json").out)[0]["method"] == "templates"
    shown = json.loads(trustdm("show", "templates", "--json").out)
    assert shown["kind"] == "method" and len(shown["rows"]) == 1
