"""Which cells make a row, and every mark and flag with the evidence that sets it and the evidence that does not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from trustdm.bench.records import CellResult, Records, failed
from trustdm.bench.summary import marks
from trustdm.bench.tasks.robustness.verdicts import tabulate
from trustdm.bench.types import CellIdentity, Cost, Origin, Status, Verification

SUITE = SimpleNamespace(
    version=2,
    digest="now",
    positions=lambda name: np.array([3, 1, 2, 0]),
    evaluations={"clean": object(), "attacked": object()},
)
CLASSIFIER = CellIdentity(
    method="net",
    method_version="1",
    method_params=(),
    weights=("w",),
    suite="toy",
    suite_version=2,
    suite_digest="now",
    data_digest="d",
    evaluation="clean",
    protocol="clean",
    protocol_version="1",
    params="{}",
    block_rule="ramp-8-64",
    precision="float32",
    seed=0,
)


def cell(number, examples=range(4), **changes):
    own = {k: changes.pop(k) for k in list(changes) if k in CellResult.__dataclass_fields__}
    records = own.pop("records", Records.of("clean", list(examples), [Status.CORRECT] * len(list(examples))))
    return CellResult(number, replace(CLASSIFIER, **changes), 4, {}, records, Cost(), **own)


def currencies(*cells):
    """The currency of each cell's row, by the cell's number."""
    groups = marks.grouped(cells)
    return {c.id: mark for (_, row), mark in zip(groups, marks.currencies(SUITE, groups), strict=True) for c in row}


def members(*cells):
    return sorted([c.id for c in row] for _, row in marks.grouped(cells))


def test_a_row_is_made_of_the_evaluations_of_one_identity():
    assert members(cell(2, evaluation="attacked"), cell(1)) == [[1, 2]]
    assert members(cell(1, precision="x"), cell(2, evaluation="attacked", block_rule="y")) == [[1, 2]]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "other"},
        {"method_version": "2"},
        {"method_params": (("sigma", 0.5),)},
        {"weights": ("v",)},
        {"suite_version": 1},
        {"suite_digest": "then"},
        {"seed": 1},
        {"origin": Origin.CLAIMED},
    ],
)
def test_another_identity_is_another_row(change):
    assert members(cell(1), cell(2, evaluation="attacked", **change)) == [[1], [2]]


def test_a_newer_cell_of_the_same_evaluation_lies_above_the_older_ones():
    cells = [cell(1), cell(2, evaluation="attacked"), cell(3, protocol_version="2"), cell(4, protocol_version="3")]
    assert members(*cells) == [[1], [2, 4], [3]]
    assert currencies(*cells) == {1: "superseded", 2: "current", 3: "superseded", 4: "current"}


def test_a_cell_that_was_corrected_never_stands_on_top():
    assert currencies(cell(1, superseded=True), cell(2, evaluation="attacked")) == {1: "superseded", 2: "current"}
    assert currencies(cell(1), cell(2, superseded=True)) == {1: "current", 2: "superseded"}
    assert currencies(cell(1, superseded=True, suite_version=1)) == {1: "superseded"}


def test_a_row_of_another_suite_version_or_content_is_stale():
    assert currencies(cell(1, suite_version=1), cell(2, suite_digest="then"), cell(3)) == {
        1: "stale",
        2: "stale",
        3: "current",
    }


def test_the_version_measured_last_is_current():
    old, new = cell(1, method_version="9"), cell(2, method_version="10", method_params=(("sigma", 1),))
    assert currencies(old, new) == {1: "superseded", 2: "current"}
    assert currencies(old, replace(new, id=0)) == {1: "current", 0: "superseded"}
    assert currencies(old, cell(2, method_version="10", suite_version=1)) == {1: "current", 2: "stale"}
    assert currencies(old, cell(2, method_version="10", origin=Origin.REPORTED)) == {1: "current", 2: "current"}
    assert currencies(old, cell(2, method_version="10", method="other")) == {1: "current", 2: "current"}
    assert currencies(old, cell(2, method_version="10", superseded=True)) == {1: "current", 2: "superseded"}


def test_parameters_and_seeds_stand_side_by_side_and_weights_replace_each_other():
    assert currencies(cell(1), cell(2, method_params=(("sigma", 1),), weights=("v",)), cell(3, seed=1)) == {
        1: "current",
        2: "current",
        3: "current",
    }
    assert currencies(cell(1), cell(2, weights=("v",))) == {1: "superseded", 2: "current"}


def completeness(**cells):
    return marks.completeness(SUITE, {name: (c, tabulate(c.records, ["pgd"])) for name, c in cells.items()})


def test_full_means_the_whole_test_list_for_every_evaluation():
    clean, bare = cell(1), Records.of("pgd", range(4), [0] * 4)
    attacked = cell(2, records=Records.concat([clean.records, bare]))
    assert completeness(clean=clean, attacked=attacked) == "preview"  # "clean" has no pgd here: verdicts are missing
    tables = {"clean": (clean, tabulate(clean.records)), "attacked": (attacked, tabulate(attacked.records))}
    assert marks.completeness(SUITE, tables) == "full"
    assert marks.completeness(SUITE, {"clean": tables["clean"]}) == "preview"
    short = cell(3, examples=[3, 1, 2])
    assert marks.completeness(SUITE, {**tables, "attacked": (short, tabulate(short.records))}) == "preview"
    other = cell(3, examples=[3, 1, 2, 9])
    assert marks.completeness(SUITE, {**tables, "attacked": (other, tabulate(other.records))}) == "preview"


def test_a_stale_row_is_full_when_it_has_as_many_examples_as_were_planned():
    for examples, word in (([7, 8, 9, 10], "full"), ([7, 8, 9], "preview")):
        old = cell(1, examples=examples, suite_version=1)
        assert marks.completeness(SUITE, {"clean": (old, tabulate(old.records))}) == word


def test_the_weakest_verification_counts():
    def of(*words):
        return marks.verification([cell(1, verification=w) for w in words])

    yes, no, unknown = Verification.VERIFIED, Verification.NOT_REPRODUCED, Verification.UNVERIFIED
    assert of(yes, yes) is yes
    assert of(yes, unknown) is unknown
    assert of(yes, no, unknown) is no


def flags(card=None, records=None, attacks=(), **diagnostics):
    result = cell(1, diagnostics=diagnostics, **({} if records is None else {"records": records}))
    return marks.flags(card or {}, [(result, tabulate(result.records, attacks))])


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
    assert flags(card) == expected


@pytest.mark.parametrize(
    ("diagnostics", "expected"),
    [
        ({"checked_rows": 8.0, "randomized_rows": 0.0, "zero_gradient_rows": 0.0, "test_time_optimisation": 0.0}, ()),
        ({"randomized_rows": 1.0}, ("randomized",)),
        ({"checked_rows": 8.0, "probability_rows": 8.0}, ("probabilities",)),
        ({"checked_rows": 8.0, "probability_rows": 7.0}, ()),
        ({"checked_rows": 0.0, "probability_rows": 0.0}, ()),
        ({"checked_rows": 8.0}, ()),
        ({"probability_rows": 8.0}, ()),
        ({"zero_gradient_rows": 1.0}, ("zero-gradients",)),
        ({"test_time_optimisation": 3.0}, ("optimises-at-test-time",)),
        ({"projected_rows": 2.0, "unverified_rows": 1.0}, ("data-unverified", "projected")),
        ({"projected_rows": 0.0, "unverified_rows": 0.0}, ()),
    ],
)
def test_flags_of_the_checks(diagnostics, expected):
    assert flags(**diagnostics) == expected


def test_a_flag_of_any_cell_is_a_flag_of_the_row():
    one, two = cell(1, diagnostics={"projected_rows": 1.0}), cell(2, diagnostics={"projected_rows": 0.0})
    pairs = [(c, tabulate(c.records)) for c in (one, two)]
    assert marks.flags({"generated_data": True}, pairs) == ("generated-data", "projected")


def test_flags_of_the_records():
    assert flags(records=failed([1, 2])) == ("failures",)
    missing = Records.concat([Records.of("clean", [1], [0]), Records.of("pgd", [1], [2])])
    assert flags(records=missing, attacks=["pgd"]) == ("missing-verdicts",)


def ensemble(*probes, n=1000, broken=0):
    """All probes correct, but for ``broken`` examples at the last one."""
    parts = [Records.of(p, range(n), np.zeros(n)) for p in probes[:-1]]
    return Records.concat([*parts, Records.of(probes[-1], range(n), np.arange(n) < broken)])


@pytest.mark.parametrize(("broken", "expected"), [(0, ()), (2, ()), (3, ("square-helps",))])
def test_square_helps_when_it_breaks_more_than_two_in_a_thousand_of_the_set(broken, expected):
    probes = ("clean", "apgd-ce", "square")
    assert flags(records=ensemble(*probes, broken=broken), attacks=probes[1:]) == expected


def test_square_is_only_compared_with_attacks_before_it():
    assert flags(records=ensemble("clean", "square", broken=900), attacks=["square"]) == ()
    assert flags(records=ensemble("clean", "square", "fab-t", broken=900), attacks=["square", "fab-t"]) == ()
