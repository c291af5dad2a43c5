"""A row that cannot be summed up costs no other row, and says why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from toyboard import SUITE, both, cell, records

from trustdm.bench.errors import DataError
from trustdm.bench.records import CellResult
from trustdm.bench.scrub import reason
from trustdm.bench.summary import broken
from trustdm.bench.summary.facts import CellFacts, facts
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import Cost


def failing(suite, result: CellResult) -> CellFacts:
    if result.id == 1:
        raise KeyError("name")
    return facts(suite, result)


def test_what_a_cell_raises_costs_its_row_alone():
    good = both(3, "CCCC", "CCCW", "CCCC", method="good")
    found = {row.method: row for row in rows(SUITE, [*both(1, "CCCC", "CCCC", "CCCC", method="bad"), *good], failing)}
    assert found["good"].rank_low == 1 and not found["good"].broken
    bad = found["bad"]
    assert bad.broken == "KeyError: 'name'" and bad.caveat == "cannot be summed up: KeyError: 'name'"
    assert (bad.rank_low, bad.metrics, bad.n, bad.cells) == (None, {}, 0, (1, 2))
    assert json.dumps(bad.as_json(), allow_nan=False)
    assert broken.named(found.values()) == [f"{SUITE.name}: bad (cell 2): KeyError: 'name'"]


def test_a_broken_version_replaces_no_other():
    older = both(3, "CCCC", "CCCW", "CCCC", method="m")
    newer = both(5, "CCCC", "CCCW", "CCCC", method="m", method_version="2")

    def raising(suite, result: CellResult) -> CellFacts:
        if result.id >= 5:
            raise ValueError("no")
        return facts(suite, result)

    assert [row.currency for row in rows(SUITE, [*older, *newer], raising) if not row.broken] == ["current"]


@pytest.mark.parametrize("wall", [float("inf"), float("nan")])
def test_a_row_with_a_number_that_is_none_is_broken(wall: float):
    result = replace(cell(1, "clean", records(SUITE.test, clean="CCCC")), cost=Cost(wall=wall))
    (row,) = rows(SUITE, [result])
    assert row.broken.startswith("ValueError: ") and row.cost == Cost()


def test_a_reason_is_one_line_without_folders_and_control_characters():
    words = reason(DataError("/home/somebody/data/x.npz:\n\x1b[31mexpected " + "y" * 500))
    assert words.startswith("DataError: ") and "somebody" not in words and words.isprintable() and len(words) < 230


def test_a_warning_counts_and_names_a_few():
    assert broken.warning([]) == ""
    assert broken.warning(["a", "a"]).startswith("1 row could not be shown in full: a; ")
    assert broken.warning(map(str, range(9))).startswith("9 rows could not be shown in full: 0; 1; 2; and 6 more; ")
