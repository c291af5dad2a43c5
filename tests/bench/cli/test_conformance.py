"""Conformance on rows, through the command line: measured, shown, published, exported, imported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import TINY, plugin, rewrite

from trustdm.bench import api
from trustdm.bench.store.store import Store

FLAT = "w = torch.arange(640.0).reshape(64, 10).sin()\n"
MEAN = FLAT + "return (x - x.mean(0, keepdim=True)).flatten(1) @ w"
"""What it says of an image depends on the others in the batch."""
PROVENANCE = "<details"


def rows(trustdm: Any, *words: object) -> dict[str, dict[str, Any]]:
    """The rows of the tiny suite by method, as ``show --json`` has them."""
    return {row["method"]: row for row in json.loads(trustdm("show", TINY, "--json", *words).out)}


@pytest.fixture
def both(trustdm: Any, tiny: Any, tmp_path: Path) -> Any:
    """A good method and one that breaks a rule, measured; and what was said about the second."""
    assert tiny().code == 0
    return trustdm("run", TINY, "--plugin", plugin(tmp_path, MEAN), "--method", "broken", "--limit", 8)


def test_a_method_that_fails_is_shown_and_not_ranked(trustdm: Any, both: Any) -> None:
    assert both.code == 0 and "3 blocks measured" in both.out
    assert "broken: failed conformance checks: check_batch_of_one" in both.err
    assert "trustdm: broken: failed conformance checks, so its rows are shown and not ranked: check_batch" in both.err
    assert "conformance failed" in both.out and "not ranked" in both.out
    found = rows(trustdm)
    good, bad = found["templates"], found["broken"]
    assert (good["conformance"], good["failed_checks"], good["rank_low"], good["caveat"]) == ("passed", [], 1, "")
    assert bad["conformance"] == "failed" and bad["failed_checks"][0] == "check_batch_of_one"
    assert bad["rank_low"] is None and bad["caveat"] == f"conformance failed: {', '.join(bad['failed_checks'])}"
    assert bad["errors"][0].startswith("conformance: check_batch_of_one: expected image 0 alone")
    assert bad["metrics"].keys() == good["metrics"].keys()
    shown = trustdm("show", TINY).out
    assert "broken: not ranked: conformance failed: check_batch_of_one" in shown.replace("\n", " ")


def test_pages_name_the_checks_that_failed(trustdm: Any, both: Any, tmp_path: Path) -> None:
    assert trustdm("publish", "--out", tmp_path / "site", "--suite", TINY).code == 0
    board = (tmp_path / "site" / "suites" / "tiny.html").read_text(encoding="utf-8")
    assert "conformance failed" in board and "check_batch_of_one" in board and "conformance passed" not in board
    assert 'value="passed"' in board or ">passed" in board  # the filter
    bad = (tmp_path / "site" / "methods" / "broken.html").read_text(encoding="utf-8")
    assert "check_batch_of_one" in bad[bad.index(PROVENANCE) :] and "Conformance" in bad
    good = (tmp_path / "site" / "methods" / "templates.html").read_text(encoding="utf-8")
    assert "14 checks on cpu" in good[good.index(PROVENANCE) :] and "conformance failed" not in good


def test_a_dry_run_says_what_is_checked_first(trustdm: Any, tiny: Any) -> None:
    first = tiny("--dry-run")
    assert "conformance checks first: 14 of templates (classify)" in first.out
    tiny()
    assert "conformance checks first" not in tiny("--dry-run").out
    assert "conformance checks first" in tiny("--dry-run", "--fresh").out


def test_an_older_database_says_not_run_and_ranks(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    tiny()
    with Store.open(tmp_path / "results" / "bench.db") as store, store.database.writing() as connection:
        for table in ("cell_conformance", "conformance"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("DELETE FROM seal WHERE kind = 'conformance'")
        connection.exec_driver_sql("UPDATE schema_version SET version = 6")
    row = rows(trustdm)["templates"]
    assert (row["conformance"], row["failed_checks"], row["caveat"], row["rank_low"]) == ("not run", [], "", 1)
    assert trustdm("publish", "--out", tmp_path / "site", "--suite", TINY).code == 0
    page = (tmp_path / "site" / "methods" / "templates.html").read_text(encoding="utf-8")
    assert "not run" in page[page.index(PROVENANCE) :]


@pytest.fixture
def file(trustdm: Any, both: Any, tmp_path: Path) -> Path:
    """The run file of the method that fails."""
    assert trustdm("export", tmp_path / "runs").code == 0
    return tmp_path / "runs" / "tiny" / "broken.json"


def test_outcomes_go_out_and_come_back(trustdm: Any, file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    assert trustdm("import", tmp_path / "runs", "--db", new).code == 0
    there, here = rows(trustdm, "--db", new), rows(trustdm)
    for name in here:
        for key in ("conformance", "failed_checks", "errors"):
            assert there[name][key] == here[name][key], name
    assert there["broken"]["rank_low"] is None and there["templates"]["rank_low"] == 1
    assert trustdm("export", tmp_path / "again", "--db", new).code == 0
    assert (tmp_path / "again" / "tiny" / "broken.json").read_bytes() == file.read_bytes()
    assert trustdm("import", tmp_path / "runs", "--db", new).code == 0
    assert trustdm("db", "check", "--db", new).code == 0


def test_a_file_without_outcomes_is_read(trustdm: Any, file: Path, tmp_path: Path) -> None:
    edited(file, lambda content: [content.pop("conformance"), content.pop("checked")])
    new = tmp_path / "new.db"
    assert trustdm("import", file, "--db", new).code == 0
    row = rows(trustdm, "--db", new)["broken"]
    assert row["conformance"] == "not run" and row["caveat"] == "" and row["rank_low"] == 1


def edited(file: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    content = json.loads(file.read_text(encoding="utf-8"))
    edit(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _check(field: int, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["conformance"][0]["checks"][0].__setitem__(field, value)


def _set(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["conformance"][0].__setitem__(name, value)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_check(1, "fine"), "conformance[0].checks[0][1]: expected one of 'passed', 'failed', 'skipped', got 'fine'"),
        (_check(0, "check <b>"), "conformance[0].checks[0][0]: expected the name of a check"),
        (_check(0, "stored_outcome"), "conformance[0].checks[0][0]: expected the name of a check"),
        (_check(2, "x" * 5000), "conformance[0].checks[0][2]: expected at most 4000 letters, got 5000"),
        (_set("checks", []), "conformance[0].checks: expected 1 to 1000 checks, got 0"),
        (_set("checks", [["a", "passed", ""]] * 2), "conformance[0].checks: expected each check once, got one twice"),
        (_set("key", "0" * 64), "(the SHA-256 of what it is about), got 000000000000"),
        (_set("about", "[]"), "(the SHA-256 of what it is about)"),
        (_set("device", "a\nb"), "conformance[0].device: expected the name of a device"),
        (_set("created", "yesterday"), "conformance[0].created: expected a time in ISO 8601"),
        (_set("seconds", -1), "conformance[0].seconds: expected a number of at least 0"),
        (_set("lab", "0" * 32), "expected an outcome that lab"),
        (_set("uid", "0" * 32), "expected the uid of one of the file's outcomes of checks"),
        (lambda c: c["checked"].update({"0" * 32: "1" * 32}), "expected the uid of one of the file's cells"),
        (lambda c: c["conformance"].append(c["conformance"][0]), "expected each of them once"),
    ],
)
def test_an_outcome_that_cannot_be_is_refused(
    trustdm: Any, file: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    ran = trustdm("import", edited(file, edit), "--db", tmp_path / "new.db")
    assert ran.code == 1 and words in ran.err and len(ran.err.splitlines()) == 1


def test_an_outcome_of_another_method_is_refused(trustdm: Any, file: Path, tmp_path: Path) -> None:
    """The good method's outcome does not speak for the bad one."""
    (other,) = file.parent.glob("templates*.json")
    good = json.loads(other.read_text(encoding="utf-8"))

    def borrowed(content: dict[str, Any]) -> None:
        content["conformance"] = good["conformance"]
        content["checked"] = dict.fromkeys(content["checked"], good["conformance"][0]["uid"])

    ran = trustdm("import", edited(file, borrowed), "--db", tmp_path / "new.db")
    assert ran.code == 1 and "as the cell has it, got" in ran.err


def test_a_failure_stays_one_whatever_a_later_file_says(trustdm: Any, file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    assert trustdm("import", file, "--db", new).code == 0

    def praised(content: dict[str, Any]) -> None:
        outcome = content["conformance"][0]
        outcome |= {"uid": "a" * 32, "created": "2999-01-01T00:00:00+00:00"}
        outcome["checks"] = [[name, "passed", ""] for name, _, _ in outcome["checks"]]
        content["checked"] = dict.fromkeys(content["checked"], "a" * 32)

    assert trustdm("import", edited(file, praised), "--db", new).code == 0
    assert rows(trustdm, "--db", new)["broken"]["conformance"] == "failed"
    edited(file, lambda content: content["conformance"][0].update(uid="b" * 32))
    edited(file, lambda content: content.update(checked=dict.fromkeys(content["checked"], "b" * 32)))
    ran = trustdm("import", file)  # into the database that measured it
    assert ran.code == 1 and "expected an outcome that this database found itself" in ran.err


def test_an_outcome_is_not_edited_under_its_uid(trustdm: Any, file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    assert trustdm("import", file, "--db", new).code == 0
    names = json.loads(file.read_text(encoding="utf-8"))["conformance"][0]["checks"]
    edited(file, _set("checks", [[name, "passed", ""] for name, _, _ in names]))
    ran = trustdm("import", file, "--db", new)
    assert ran.code == 1 and "expected the outcome as it is stored here, got another one of that uid" in ran.err


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE conformance SET checks = replace(checks, 'failed', 'passed')", "conformance"),
        ("UPDATE conformance SET checks = 'x'", "expected a list of [name, outcome, message]"),
        ("DELETE FROM cell_conformance", "expected the digest"),
        ("UPDATE conformance SET lab = 'x'", "conformance: expected that of lab"),
    ],
)
def test_db_check_finds_edits(trustdm: Any, both: Any, tmp_path: Path, sql: str, words: str) -> None:
    with Store.open(tmp_path / "results" / "bench.db") as store, store.database.writing() as connection:
        connection.exec_driver_sql(sql)
    checked = trustdm("db", "check")
    assert checked.code == 1 and words in checked.out + checked.err
    assert "Traceback" not in checked.out + checked.err


def test_an_outcome_that_cannot_be_read_is_no_pass(trustdm: Any, both: Any, tmp_path: Path) -> None:
    with Store.open(tmp_path / "results" / "bench.db") as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE conformance SET checks = '[[1, 2]]', seconds = 'x', created = ''")
    found = rows(trustdm)
    assert {row["conformance"] for row in found.values()} == {"failed"} and len(found) == 2
    assert trustdm("publish", "--out", tmp_path / "site", "--suite", TINY).code == 0


def test_evaluate_checks_too(tmp_path: Path) -> None:
    import torch

    w = torch.arange(640.0).reshape(64, 10).sin()

    def sound(x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ w

    def leaky(x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(0, keepdim=True)).flatten(1) @ w

    good = api.evaluate(sound, TINY, limit=8, name="sound", db=str(tmp_path / "e.db"))
    assert good.row.conformance == "passed" and "not ranked" not in repr(good)
    bad = api.evaluate(leaky, TINY, limit=8, name="leaky", db=str(tmp_path / "e.db"))
    assert "check_batch_of_one" in bad.row.failed_checks and bad.row.rank_low is None
    assert "not ranked: conformance failed: check_batch_of_one" in repr(bad)


def test_changed_code_is_checked_again_through_the_command_line(trustdm: Any, tmp_path: Path) -> None:
    """Another version, whose code keeps the rules: a row of its own, which is ranked."""
    path = plugin(tmp_path, MEAN, "one")
    assert trustdm("run", TINY, "--plugin", path, "--method", "one", "--limit", 8).code == 0
    shutil.copy(path, tmp_path / "two.py")
    rewrite(tmp_path / "two.py", "version='1'", "version='2'")
    rewrite(tmp_path / "two.py", "(x - x.mean(0, keepdim=True))", "x")
    ran = trustdm("run", TINY, "--plugin", tmp_path / "two.py", "--method", "one", "--limit", 8)
    assert ran.code == 0 and "failed conformance" not in ran.err
    found = json.loads(trustdm("show", TINY, "--json").out)
    assert {row["version"]: row["conformance"] for row in found} == {"1": "failed", "2": "passed"}
