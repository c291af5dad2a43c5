"""Imported rows on the command line: marked, named, and never in the place of what was measured here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers import TINY

from trustdm.bench.cli import boards
from trustdm.bench.cli.show import stored_rows
from trustdm.bench.plugins import load_suite


def test_an_imported_row_says_so_and_is_not_ranked_beside_the_own_one(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    """The stranger's file is the same measurement; it could as well claim 100%."""
    assert tiny("--db", "stranger.db").code == 0
    assert trustdm("export", tmp_path / "runs", "--db", "stranger.db").code == 0
    (stranger,) = [lab for lab in json.loads(trustdm("db", "labs", "--db", "stranger.db", "--json").out) if lab["own"]]
    assert tiny().code == 0 and trustdm("import", tmp_path / "runs").code == 0

    own, other = sorted(json.loads(trustdm("show", TINY, "--json").out), key=lambda row: row["imported"])
    assert (own["imported"], own["rank_low"], own["caveat"]) == (False, 1, "")
    assert (other["imported"], other["rank_low"], other["lab"]) == (True, None, stranger["id"])
    assert other["caveat"] == "imported; the row measured here is ranked instead"
    marks = [boards.marks(row) for row in stored_rows(load_suite(TINY), None)]
    assert set(marks) == {"preview n=8", f"preview imported: lab {stranger['id'][:8]} not ranked"}
    assert "not ranked: imported; the row measured here is ranked instead" in trustdm("show", TINY).out

    named = trustdm("db", "name-lab", stranger["id"][:9], "TU Delft")
    assert (named.code, named.out) == (0, f"{stranger['id']}  TU Delft\n")
    assert {row["lab_name"] for row in json.loads(trustdm("show", TINY, "--json").out)} == {"", "TU Delft"}
    assert f"{stranger['id']}  TU Delft  imported, 3 cells" in trustdm("db", "labs").out
    wrong = trustdm("db", "name-lab", "nobody", "x")
    assert (wrong.code, wrong.out) == (1, "") and wrong.err.startswith("trustdm: lab 'nobody': expected the beginning")


def test_an_imported_row_is_ranked_where_nothing_was_measured_here(trustdm: Any, tiny: Any, tmp_path: Path) -> None:
    assert tiny("--db", "stranger.db").code == 0
    assert trustdm("export", tmp_path / "runs", "--db", "stranger.db").code == 0
    assert trustdm("import", tmp_path / "runs").code == 0
    (row,) = json.loads(trustdm("show", TINY, "--json").out)
    assert (row["imported"], row["rank_low"], row["caveat"]) == (True, 1, "")
    (mark,) = [boards.marks(row) for row in stored_rows(load_suite(TINY), None)]
    assert mark.startswith("preview n=8 imported: lab ")
