"""``trustdm attack``: an attack from outside against a method of a board, by the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import TINY

from trustdm.bench.store.store import Store

STEPPED, UNMASKED = (Path(__file__).parents[4] / "plugins" / name for name in ("stepped.py", "unmasked.py"))
PURIFIERS = STEPPED.parent / "purifiers.py"
METRIC = "ensemble_accuracy"


def edited(folder: Path, authors: str) -> Path:
    """The attack's file with other authors."""
    path = folder / "edited.py"
    text = UNMASKED.read_text(encoding="utf-8").replace('("Ann Author", "Bo Breaker")', authors)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_best_known_falls_with_credit(attack: Any, row: Any, trustdm: Any, db: Path) -> None:
    before = row()
    assert attack().code == 0
    after = row()
    own, left = before["metrics"][METRIC]["value"], after["metrics"][METRIC]["value"]
    assert left < own and after["metrics"]["clean_accuracy"] == before["metrics"]["clean_accuracy"]
    said = f"by unmasked (Ann Author, Bo Breaker); {100 * own:.1f}% without it"
    assert after["metrics"][METRIC]["detail"] == said
    (further,) = after["further"]
    assert further["label"] == "unmasked" and further["by"] == ["Ann Author", "Bo Breaker"]
    assert further["counts"] and further["lowers"] == [METRIC] and further["metrics"][METRIC]["value"] == left
    for same in ("cost", "flags", "n", "completeness", "errors"):
        assert after[same] == before[same]
    assert f"stepped: {METRIC}: fell {said}" in trustdm("show", TINY, "--db", db).out
    assert trustdm("db", "check", "--db", db).out.endswith("no problems\n")


def test_what_is_weaker_changes_nothing(attack: Any, row: Any) -> None:
    before = row()
    assert attack("--param", "share=0.0", "--name", "weak").code == 0
    after = row()
    assert after["metrics"] == before["metrics"]
    (further,) = after["further"]
    assert further["label"] == "weak" and further["counts"] and further["lowers"] == []


def test_a_second_run_measures_nothing_and_fewer_examples_do_not_count(attack: Any, row: Any) -> None:
    before = row()
    assert "1 blocks measured" in attack(limit=8).out
    assert row()["metrics"] == before["metrics"]
    assert row()["further"][0]["why"] == "it lacks 8 of the row's 16 examples: run it on as many"
    assert "1 blocks measured, 1 already there" in attack().out
    assert "0 blocks measured, 2 already there" in attack().out
    assert row()["metrics"][METRIC]["value"] < before["metrics"][METRIC]["value"]


def test_more_examples_than_the_row_has_are_held_against_its_own(attack: Any, row: Any) -> None:
    assert attack().code == 0
    exact = row()["metrics"][METRIC]
    assert attack(limit=48).code == 0
    assert row()["metrics"][METRIC] == exact


def test_an_attack_that_breaks_does_not_lower_anything(attack: Any, row: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    text = UNMASKED.read_text(encoding="utf-8")
    broken.write_text(text.replace("        best, least", "        raise OSError('gone')\n        best, least"))
    before = row()
    assert attack(file=broken).code == 2
    after = row()
    assert after["metrics"] == before["metrics"]
    assert after["further"][0]["why"] == "the attack or the method failed on 16 of 16 examples"


def test_what_another_lab_measured_is_a_claim_beside_an_own_row(
    attack: Any, row: Any, trustdm: Any, db: Path, tmp_path: Path
) -> None:
    """The row that comes with the attack falls; an own row of the database that it is imported into does not."""
    assert attack().code == 0
    assert trustdm("export", tmp_path / "runs", "--db", db).code == 0
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    words = ("--plugin", STEPPED, "--method", "stepped", "--limit", 16)
    assert trustdm("run", TINY, *words, "--db", ours).code == 0
    for database in (ours, theirs):
        assert trustdm("import", tmp_path / "runs", "--db", database).code == 0
    assert row(theirs)["metrics"][METRIC]["value"] < 0.875 and row(theirs)["imported"]
    found = json.loads(trustdm("show", TINY, "--json", "--db", ours).out)
    own = next(r for r in found if not r["imported"])
    assert own["metrics"][METRIC]["value"] == 0.875
    assert "imported claim" in own["further"][0]["why"] and own["further"][0]["measured_by"].startswith("lab ")
    assert "does not count: measured by another lab" in trustdm("show", TINY, "--db", ours).out


def test_authors_are_strangers(attack: Any, trustdm: Any, db: Path, tmp_path: Path) -> None:
    hostile = edited(tmp_path, authors='("<script>alert(1)</script>", "=1+1[bold]")')
    assert attack(file=hostile).code == 0
    assert "<script>alert(1)</script>, =1+1[bold]" in trustdm("show", TINY, "--db", db).out
    assert trustdm("publish", "--db", db, "--out", tmp_path / "site").code == 0
    for page in ("suites/tiny.html", "methods/stepped.html"):
        text = (tmp_path / "site" / page).read_text(encoding="utf-8")
        assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
        assert "fell by unmasked" in text


@pytest.mark.parametrize(
    "names", ['("a\\x1b[2Jb",)', '("x" * 101,)', '("a",) * 21', '("",)', '("a\\u202eb",)'], ids=range(5)
)
def test_names_that_cannot_be_shown_are_refused(attack: Any, tmp_path: Path, names: str) -> None:
    said = attack(file=edited(tmp_path, authors=names))
    assert said.code == 1 and said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--against", "nobody"), "unknown method 'nobody'"),
        (("--param", "share"), "--param of unmasked: expected KEY=VALUE"),
        (("--param", "shore=1"), "shore: expected one of share"),
        (("--param", "name=x"), "expected parameters of the attack, got name"),
        (("--name", "a b"), "--name: expected a name of letters"),
    ],
)
def test_what_is_wrong_is_one_line(attack: Any, words: tuple[str, ...], expected: str) -> None:
    said = attack(*words)
    assert said.code == 1 and said.err.count("\n") == 1 and expected in said.err, said.err


def test_a_file_without_one_attack_and_a_board_without_rows(trustdm: Any, tmp_path: Path) -> None:
    said = trustdm("attack", STEPPED, "--suite", TINY)
    assert said.code == 1 and "expected one class marked with @attack, got none" in said.err
    empty = tmp_path / "empty.db"
    Store.open(str(empty)).close()
    said = trustdm("attack", UNMASKED, "--suite", TINY, "--db", empty)
    assert said.code == 1 and "--against: expected methods with a row of tiny" in said.err
    assert said.err.count("\n") == 1


def test_a_method_without_a_row_is_told(trustdm: Any, tmp_path: Path) -> None:
    db = tmp_path / "new.db"
    said = trustdm(
        "attack", UNMASKED, "--suite", TINY, "--plugin", STEPPED, "--against", "stepped", "--limit", 8, "--db", db
    )
    assert said.code == 0 and "has no row of this version, weights and seed on the board" in said.err


def test_a_dry_run_measures_nothing(attack: Any, row: Any) -> None:
    said = attack("--dry-run")
    assert said.code == 0 and "+unmasked" in said.out and row()["further"] == []


def test_every_way_of_putting_draws_together_falls(defences: tuple[Path, Path], trustdm: Any, tmp_path: Path) -> None:
    """Of a randomized defence whose gradient is masked; that its gradient is not verified stays said."""
    suite, db = defences[0], tmp_path / "bench.db"
    shutil.copy(defences[1], db)
    words = ("--suite", suite, "--plugin", PURIFIERS, "--against", "masked", "--limit", 16, "--db", db)

    def masked() -> dict[str, Any]:
        found = json.loads(trustdm("show", suite, "--json", "--db", db).out)
        return next(row for row in found if row["method"] == "masked")

    before = masked()
    assert trustdm("attack", UNMASKED, *words).code == 0
    after = masked()
    assert set(after["further"][0]["lowers"]) == {"robust_accuracy", "robust_majority", "robust_worst"}
    for name in after["further"][0]["lowers"]:
        assert after["metrics"][name]["value"] < before["metrics"][name]["value"]
        assert after["metrics"][name]["detail"].startswith("by unmasked (Ann Author, Bo Breaker); ")
    assert after["metrics"]["pgd_eot_accuracy"] == before["metrics"]["pgd_eot_accuracy"]
    assert after["caveat"] == before["caveat"] and "gradient unverified" in after["caveat"]
