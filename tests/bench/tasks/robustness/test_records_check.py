"""Records that were not made here: a verdict must follow from its margin."""

from __future__ import annotations

import numpy as np
import pytest

from trustdm.bench.records import Records
from trustdm.bench.tasks.robustness.records_check import margin_fault
from trustdm.bench.types import Status

C, W, N, F = Status.CORRECT, Status.WRONG, Status.NOT_RUN, Status.FAILED


def one(status: Status, value: float = 1.0, label: int = 3, norm: float = float("nan"), probe: str = "pgd") -> Records:
    return Records.of(probe, [7], [status], label=[label], value=[value], norm=[norm])


@pytest.mark.parametrize(
    "sound",
    [
        one(C),
        one(C, 0.0),
        one(W, 0.0),
        one(W, -2.0),
        one(N, float("nan"), -1),
        one(F, float("nan"), -1),
        one(C, norm=0.1),
    ],
)
def test_records_that_agree(sound: Records) -> None:
    assert margin_fault(sound) == ""


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (one(C, label=-1), "status correct: expected a label, got -1"),
        (one(W, -1.0, label=-1), "status wrong: expected a label, got -1"),
        (one(C, float("nan")), "status correct: expected a finite value, got nan"),
        (one(W, float("-inf")), "status wrong: expected a finite value, got -inf"),
        (one(C, -0.5), "status correct: expected a value of at least 0, got -0.5"),
        (one(W, 0.5), "status wrong: expected a value of at most 0, got 0.5"),
        (one(C, norm=0.0, probe="clean"), "status correct: expected no norm at the clean image, got 0.0"),
    ],
)
def test_each_contradiction_is_one_line(bad: Records, message: str) -> None:
    told = margin_fault(bad)
    assert told == f"probe {str(bad.probe[0])!r}, draw 0, example 7: {message}"


def test_the_first_row_that_is_wrong_is_named() -> None:
    rows = Records.concat([one(C), Records.of("pgd", [8], [C], draw=2, label=[1], value=[-1.0]), one(C, -3.0)])
    assert margin_fault(rows).startswith("probe 'pgd', draw 2, example 8")


def test_a_probe_is_skipped_only_where_another_settled_the_example() -> None:
    def table(clean: Status, first: Status, second: Status) -> Records:
        value = {C: 1.0, W: -1.0}
        return Records.concat(
            Records.of(p, [7], [s], label=[0 if s in value else -1], value=[value.get(s, np.nan)])
            for p, s in (("clean", clean), ("a", first), ("b", second))
        )

    assert margin_fault(table(C, W, N)) == "" == margin_fault(table(W, N, N)) == margin_fault(table(C, F, N))
    expected = "status not_run: expected another probe that settled the example, got none"
    assert margin_fault(table(C, C, N)) == f"probe 'b', draw 0, example 7: {expected}"
