"""Flags of any task: from the card, from failures; and how a task words them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toyboard import SUITE, both, cell, records

from trustdm.bench.plugins import installed_tasks
from trustdm.bench.records import failed
from trustdm.bench.summary import flags
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.rows import rows
from trustdm.bench.tasks.contract import never
from trustdm.bench.types import Cost, Origin


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({}, ()),
        ({"randomness": "none", "gradient": "exact", "external_data": False}, ()),
        ({"randomness": "keyed"}, ("keyed-noise", "randomized")),
        ({"randomness": "block-seeded"}, ("block-seeded", "randomized")),
        ({"gradient": "surrogate"}, ("gradient-surrogate",)),
        ({"gradient": "bpda"}, ("gradient-bpda",)),
        ({"gradient": "none"}, ("gradient-none",)),
        ({"external_data": True, "generated_data": True}, ("external-data", "generated-data")),
        ({"selection_data": True}, ("selection-data",)),
    ],
)
def test_flags_of_the_card(card, expected):
    assert tuple(sorted(flags.of_card(card))) == expected


def of_cell(found, **diagnostics):
    return tuple(sorted(flags.of_cell(CellView(SUITE, cell(1, "clean", found, diagnostics=diagnostics)))))


def test_a_failure_is_a_flag_and_so_is_what_the_task_finds():
    fine = records(SUITE.test, clean="CCCC")
    assert of_cell(fine) == ()
    assert of_cell(failed([1, 2])) == ("failures",)
    assert of_cell(failed([1, 2]), projected_rows=2.0) == ("failures", "projected")


def test_a_flag_of_any_cell_is_a_flag_of_the_row():
    one, two = both(1, "CCCC", "CCCC", "CCCC", card={"generated_data": True})
    cells = [replace(one, diagnostics={"projected_rows": 1.0}), replace(two, diagnostics={"projected_rows": 0.0})]
    (row,) = rows(SUITE, cells)
    assert row.flags == ("generated-data", "projected")


def test_a_task_words_flags_anew_and_unknown_ones_are_named():
    tasks = installed_tasks()
    own = flags.words(tasks["generation"], "randomized")
    assert own.words != flags.words(None, "randomized").words and own in tasks["generation"].flags
    assert flags.words(tasks["generation"], "external-data") == flags.words(None, "external-data")
    unknown = flags.words(None, "odd")
    assert (unknown.name, unknown.tone, unknown.words) == ("odd", "warn", "Flagged by the harness: odd.")


def test_every_flag_is_worded_once_and_the_core_raises_what_has_no_condition():
    core = [flag.name for flag in flags.CORE]
    assert len(set(core)) == len(core)
    for task in installed_tasks().values():
        names = [flag.name for flag in task.flags]
        assert len(set(names)) == len(names)
        assert {flag.name for flag in task.flags if flag.when is never} <= set(core)


def test_a_doubt_is_a_flag_of_what_was_measured_elsewhere():
    found = records(SUITE.test, clean="CCCC")
    mine = replace(cell(1, "clean", found), untimed=1)
    theirs, published = replace(mine, own=False), replace(mine, own=False, origin=Origin.REPORTED)
    assert of_view(mine) == () and of_view(theirs) == ("cost-missing", "passes-missing") and of_view(published) == ()
    assert {flag.name for flag in flags.doubts(CellView(SUITE, mine))} == {"cost-missing", "passes-missing"}
    paid = replace(theirs, untimed=0, cost=Cost(wall=1.0, forwards=len(found)))
    assert of_view(paid) == () and not list(flags.doubts(CellView(SUITE, paid)))


def of_view(result):
    return tuple(sorted(flags.of_cell(CellView(SUITE, result))))
