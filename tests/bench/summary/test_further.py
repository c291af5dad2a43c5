"""A row and its further evaluations, without a store; the verbs have their own tests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import TINY

from trustdm.bench.plugins import load_suite
from trustdm.bench.records import CellResult, Records
from trustdm.bench.summary.facts import facts
from trustdm.bench.summary.further import FurtherResult
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import CellIdentity, Status

SUITE = load_suite(TINY)
METRIC = "ensemble_accuracy"
ATTACKS = [a["name"] for a in SUITE.evaluations["ensemble"].params["attacks"]]


def cell(number: int, evaluation: str, probes: list[str], right: list[int], n: int = 8, **changes: Any) -> CellResult:
    """A cell with a verdict for each of ``n`` examples at each probe: the first ``right`` of them are correct."""
    further = {"attacks": [{"name": "mine"}], "by": changes.pop("by", ["A"])}
    identity = CellIdentity(
        method="m",
        method_version="1",
        method_params=(),
        weights=(),
        suite=SUITE.name,
        suite_version=SUITE.version,
        suite_digest=SUITE.digest,
        data_digest="",
        evaluation=evaluation,
        protocol="adversarial",
        protocol_version=changes.pop("protocol_version", "adversarial=1 x=1"),
        params=json.dumps(further) if evaluation.startswith("+") else "",
        block_rule=SUITE.block_rule,
        precision="float32",
        seed=changes.pop("seed", 0),
    )
    examples = SUITE.test[:n]
    parts = []
    for probe, count in zip(probes, right, strict=True):
        status = np.where(np.arange(n) < count, int(Status.CORRECT), int(Status.WRONG))
        parts.append(Records.of(probe, examples, status, label=np.zeros(n, np.int64)))
    return CellResult(number, identity, 48, {"name": "m"}, Records.concat(parts), lab="a", **changes)


OWN = cell(1, "ensemble", ["clean", *ATTACKS], [7, 6, 6, 6, 6])


def mine(number: int = 2, right: int = 4, evaluation: str = "+mine", n: int = 8, **changes: Any) -> CellResult:
    return cell(number, evaluation, ["clean", "mine"], [7, right], n, **changes)


def row(*cells: CellResult) -> Row:
    (found,) = [r for r in rows(SUITE, list(cells)) if r.method == "m"]
    return found


def test_the_least_counts_and_is_ranked_by() -> None:
    found = row(OWN, mine(), mine(3, 2, "+better"), mine(4, 8, "+worse"))
    assert found.metrics[METRIC].value == 2 / 8
    assert found.metrics[METRIC].detail == "by better (A); 75.0% without it"
    assert [(f.label, f.counts, f.lowers) for f in found.further] == [
        ("better", True, (METRIC,)),
        ("mine", True, ()),
        ("worse", True, ()),
    ]
    assert [f.label for f in found.fell_by] == ["better"] and found.cells == (1,) and found.rank_low == 1


def test_an_equal_number_is_no_fall() -> None:
    found = row(OWN, mine(right=6))
    assert found.metrics[METRIC].detail == "" and not found.fell_by


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (mine(n=4, right=0), "it lacks 4 of the row's 8 examples"),
        (mine(protocol_version="adversarial=2 x=1"), "another version of the protocol"),
        (replace(mine(), lab="b", own=False), "imported claim"),
    ],
)
def test_what_does_not_count_says_why(other: CellResult, why: str) -> None:
    found = row(OWN, other)
    assert found.metrics[METRIC].value == 6 / 8 and why in found.further[0].why


def test_what_was_measured_here_lowers_an_imported_row() -> None:
    theirs = replace(OWN, lab="b", own=False)
    assert row(theirs, mine()).metrics[METRIC].value == 4 / 8


def test_other_seeds_and_corrected_cells_are_not_of_the_row() -> None:
    assert row(OWN, mine(seed=1)).further == () and row(OWN, replace(mine(), superseded=True)).further == ()


def test_more_examples_than_the_row_has_are_cut_to_its_own() -> None:
    found = row(OWN, mine(n=16, right=12))
    assert found.metrics[METRIC].value == 6 / 8 and found.further[0].metrics[METRIC].n == 8


def test_alone_they_make_no_row() -> None:
    assert rows(SUITE, [mine()]) == []


def test_failures_do_not_count() -> None:
    broken = mine()
    at = broken.records.example == SUITE.test[0]
    status = np.where(at, np.int8(Status.FAILED), broken.records.status)
    found = row(OWN, replace(broken, records=replace(broken.records, status=status)))
    assert found.further[0].why == "the attack or the method failed on 1 of 8 examples"


def test_facts_that_cannot_be_had_cost_their_cell_alone() -> None:
    def lost(suite: Any, result: CellResult) -> Any:
        if result.id == 2:
            raise ValueError("torn")
        return facts(suite, result)

    (found,) = rows(SUITE, [OWN, mine()], lost)
    assert found.metrics[METRIC].value == 6 / 8 and "torn" in found.further[0].why and not found.broken


def test_many_names_are_cut_in_one_line() -> None:
    many = FurtherResult("x", ("a", "b", "c", "d", "e"), {}, 0, "", 1)
    assert many.credited == "x (a, b, c and 2 more)" and many.as_json()["by"] == ["a", "b", "c", "d", "e"]
    assert FurtherResult("x", (), {}, 0, "", 1).credited == "x"
