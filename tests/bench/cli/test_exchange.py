"""publish, export, import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers import TINY


def test_what_is_exported_can_be_imported(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    assert tiny().code == 0
    (row,) = json.loads(trustdm("show", TINY, "--json").out)
    assert trustdm("export", tmp_path / "runs").code == 0
    first = trustdm("import", tmp_path / "runs", "--db", "copy.db")
    assert first.code == 0 and first.out.endswith(": 3 cells, 3 blocks added, no doubts\n")
    assert trustdm("import", tmp_path / "runs", "--db", "copy.db").out.endswith(
        ": 3 cells, 0 blocks added, no doubts\n"
    )
    (copy,) = json.loads(trustdm("show", TINY, "--json", "--db", "copy.db").out)
    assert copy["metrics"] == row["metrics"]


def test_an_export_may_be_of_one_suite_by_name_or_by_file(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    assert tiny().code == 0
    for suite in ("tiny", TINY):
        assert trustdm("export", tmp_path / "runs", "--suite", suite).code == 0
    ran = trustdm("export", tmp_path / "other", "--suite", "digits-linf")
    assert ran.code == 1 and "nothing to export; expected results of suite 'digits-linf'" in ran.err


def test_a_board_is_published(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    assert tiny().code == 0
    ran = trustdm("publish", "--out", tmp_path / "site", "--suite", TINY)
    assert ran.code == 0 and "pages written" in ran.out, ran.err
    assert (tmp_path / "site" / "suites" / "tiny.html").is_file()


def test_an_export_of_nothing_names_what_was_asked_for_and_what_there_is(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    for words, said in {
        ("--method", "template"): "expected results of method 'template', got 'templates'",
        ("--method", "nope"): "expected results of method 'nope', got 'templates'",
        ("--method", "nope", "--suite", "tiny"): "expected results of method 'nope' on suite 'tiny', got 'templates'",
        ("--suite", "digits-linf"): "expected results of suite 'digits-linf', got 'tiny'",
    }.items():
        ran = trustdm("export", "runs", *words)
        assert ran.code == 1 and said in ran.err and ran.err.count("\n") == 1


def test_a_folder_of_others_is_published_into_only_by_force(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    assert tiny().code == 0
    site = tmp_path / "homepage"
    site.mkdir()
    (site / "index.html").write_text("mine")
    (site / "notes.txt").write_text("mine")
    ran = trustdm("publish", "--out", site)
    assert ran.code == 1 and ran.err.count("\n") == 1 and "got index.html" in ran.err and "--force" in ran.err
    assert sorted(p.name for p in site.iterdir()) == ["index.html", "notes.txt"]
    assert (site / "index.html").read_text() == "mine"
    assert trustdm("publish", "--out", site, "--force").code == 0
    assert (site / "index.html").read_text() != "mine" and (site / "notes.txt").read_text() == "mine"
    assert trustdm("publish", "--out", site).code == 0
