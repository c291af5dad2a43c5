"""Which cells make a row, and every mark with the evidence that sets it and the evidence that does not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from toyboard import SUITE, records
from toyboard import cell as made

from trustdm.bench.records import Records
from trustdm.bench.summary import marks
from trustdm.bench.summary.facts import facts
from trustdm.bench.types import Origin, Verification


def cell(number, evaluation="clean", examples=SUITE.test, **changes):
    return made(number, evaluation, records(examples, clean="C" * len(examples)), **changes)


def currencies(*cells):
    """The currency of each cell's row, by the cell's number."""
    groups = marks.grouped(cells)
    told = marks.currencies(SUITE, groups, partial(facts, SUITE))
    return {c.id: mark for (_, row), mark in zip(groups, told, strict=True) for c in row}


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
    old, new = cell(1, method_version="9"), cell(2, method_version="10")
    assert currencies(old, new) == {1: "superseded", 2: "current"}
    assert currencies(old, replace(new, id=0)) == {1: "current", 0: "superseded"}
    assert currencies(old, cell(2, method_version="10", suite_version=1)) == {1: "current", 2: "stale"}
    assert currencies(old, cell(2, method_version="10", origin=Origin.REPORTED)) == {1: "current", 2: "current"}
    assert currencies(old, cell(2, method_version="10", method="other")) == {1: "current", 2: "current"}
    assert currencies(old, cell(2, method_version="10", superseded=True)) == {1: "current", 2: "superseded"}


def test_a_version_or_weights_replace_only_what_they_cover():
    """A preview of a new version says nothing about the larger row of the old one."""
    for change in ({"method_version": "2"}, {"weights": ("v",)}):
        whole, preview = cell(1), cell(2, examples=SUITE.test[:2], **change)
        assert currencies(whole, preview) == {1: "current", 2: "current"}
        assert currencies(replace(whole, id=3), preview) == {2: "superseded", 3: "current"}
        assert currencies(whole, preview, cell(3, **change)) == {1: "superseded", 2: "superseded", 3: "current"}
        other = {1: "current", 2: "current"}
        assert currencies(whole, cell(2, method_params=(("sigma", 1),), **change)) == other
        assert currencies(whole, cell(2, seed=1, **change)) == other
        assert currencies(whole, cell(2, lab="elsewhere", **change)) == other
        attacked = cell(4, evaluation="attacked")
        assert currencies(whole, attacked, cell(5, **change)) == {1: "current", 4: "current", 5: "current"}


def test_parameters_and_seeds_stand_side_by_side_and_weights_replace_each_other():
    assert currencies(cell(1), cell(2, method_params=(("sigma", 1),), weights=("v",)), cell(3, seed=1)) == {
        1: "current",
        2: "current",
        3: "current",
    }
    assert currencies(cell(1), cell(2, weights=("v",))) == {1: "superseded", 2: "current"}


def completeness(*cells):
    return marks.completeness(SUITE, {c.identity.evaluation: (c, facts(SUITE, c)) for c in cells})


def test_full_means_the_whole_test_list_for_every_evaluation():
    clean = cell(1)
    every = records(SUITE.test, clean="CCCC", apgd_ce="CCCC", square="CCCC")
    attacked = made(2, "attacked", every)
    assert completeness(clean, attacked) == "full"
    assert completeness(clean) == "preview" == completeness(attacked)
    for examples in (SUITE.test[:3], [7, 3, 5, 9]):
        some = records(examples, **dict.fromkeys(("clean", "apgd_ce", "square"), "C" * len(examples)))
        assert completeness(clean, made(2, "attacked", some)) == "preview"
    missing = Records.concat([every.where(every.probe != "square"), records(SUITE.test, square="CCC-")])
    assert completeness(clean, made(2, "attacked", missing)) == "preview"


def test_a_stale_row_is_full_when_it_has_as_many_examples_as_were_planned():
    for examples, word in (([7, 8, 9, 10], "full"), ([7, 8, 9], "preview")):
        assert completeness(cell(1, examples=examples, suite_version=1)) == word


def test_a_published_row_is_full_when_it_has_as_many_examples_as_were_planned():
    assert completeness(cell(1, origin=Origin.REPORTED)) == "full"
    assert completeness(cell(1, examples=SUITE.test[:3], origin=Origin.REPORTED)) == "preview"


def test_the_weakest_verification_counts():
    def of(*words):
        return marks.verification([cell(1, verification=w) for w in words])

    yes, no, unknown = Verification.VERIFIED, Verification.NOT_REPRODUCED, Verification.UNVERIFIED
    assert of(yes, yes) is yes
    assert of(yes, unknown) is unknown
    assert of(yes, no, unknown) is no


def test_assets_of_its_evaluations_do_not_tear_a_row_apart():
    cells = (
        cell(1, protocol_version="clean=1 asset:samples=aa"),
        cell(2, evaluation="attacked", protocol_version="clean=1 asset:samples=bb"),
    )
    assert members(*cells) == [[1, 2]] and currencies(*cells) == {1: "current", 2: "current"}
