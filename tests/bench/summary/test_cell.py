"""A cell as metrics look at it: its table, its extent, what belongs to another version of the suite."""

from __future__ import annotations

import numpy as np
import pytest
from toyboard import ATTACKS, SUITE, both, cell, records

from trustdm.bench.errors import StoreError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.plugins import load_suite
from trustdm.bench.records import Records
from trustdm.bench.summary.cell import CellView, on_suite
from trustdm.bench.types import Origin, Status


def view(*args, **changes):
    return CellView(SUITE, cell(1, *args, **changes))


def test_the_verdicts_of_a_cell():
    table = CellView(SUITE, both(1, "CCCW", "CCW-", "CW--")[1]).table
    assert table.probes == ("clean", *ATTACKS)
    assert table.example.tolist() == [1, 3, 5, 7]
    assert table.status.tolist() == [[1, 2, 2], [0, 0, 1], [0, 1, 2], [0, 0, 0]]
    twice = records([1, 1], clean="CC")
    with pytest.raises(StoreError, match="cell 4: example 1"):
        _ = CellView(SUITE, cell(4, "clean", twice)).table


def test_a_cell_of_another_version_or_content_is_not_current():
    found = records(SUITE.test, clean="CCCC")
    assert view("clean", found).current and on_suite(SUITE, cell(1, "clean", found))
    for change in ({"suite_version": 1}, {"suite_digest": "then"}):
        assert not view("clean", found, **change).current


def test_a_stale_cell_has_the_parameters_it_was_run_with():
    then = canonical_json({"attacks": [{"name": "square"}]})
    found = records(SUITE.test, clean="CCCC", square="CCWW")
    assert view("attacked", found).params["attacks"] == [{"name": a} for a in ATTACKS]
    old = view("attacked", found, suite_version=1, params=then)
    assert old.params == {"attacks": [{"name": "square"}]} and old.table.probes == ("clean", "square")
    gone = view("retired", found, suite_version=1, params="[]")
    assert gone.spec is None and gone.params == {}


def test_whole_is_the_test_list_and_for_a_stale_cell_as_many_as_were_planned():
    assert view("clean", records(SUITE.test, clean="CCCC")).whole
    assert not view("clean", records(SUITE.test, clean="CCC")).whole
    assert not view("clean", records([7, 3, 5, 9], clean="CCCC")).whole
    assert view("clean", records([7, 3, 5, 9], clean="CCCC"), suite_version=1).whole
    assert not view("clean", records([7, 3, 9], clean="CCC"), suite_version=1).whole
    assert not view("attacked", records(SUITE.test, clean="CCCC", square="CCC-")).whole
    assert not view("retired", records(SUITE.test, clean="CCCC")).whole


def test_several_positions_are_one_example_but_in_what_was_published():
    suite = load_suite("mnist16-certified")
    evaluation = "sigma-1-2"
    per_example = suite.positions(evaluation).per_example
    found = Records.of("draws", range(2 * per_example), np.full(2 * per_example, Status.MADE))
    assert CellView(suite, cell(1, evaluation, found, suite)).examples == 2
    published = CellView(suite, cell(1, evaluation, found, suite, origin=Origin.REPORTED))
    assert published.reported and published.per_example == 1 and published.examples == 2 * per_example


def test_counts_and_arrays_are_those_of_the_result():
    one = view(
        "clean",
        records(SUITE.test, clean="CCCC"),
        diagnostics={"projected_rows": 3.0},
        arrays=lambda name: np.arange(4) if name == "features" else None,
    )
    assert (one.count("projected_rows"), one.count("others")) == (3.0, 0.0)
    assert one.arrays("features").tolist() == [0, 1, 2, 3] and one.arrays("counts") is None
