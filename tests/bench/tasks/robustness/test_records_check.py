"""Verdicts that contradict their margins, or each other, are seen, each kind of them; what attacks may store is not."""

from __future__ import annotations

import pytest

from trustdm.bench.records import Records, failed
from trustdm.bench.tasks.robustness.records_check import margin_fault
from trustdm.bench.types import Status

C, W, N, F, A = Status.CORRECT, Status.WRONG, Status.NOT_RUN, Status.FAILED, Status.ABSTAINED
NAN, INF = float("nan"), float("inf")


def one(probe: str, status: int, label: int = -1, value: float = NAN, norm: float = NAN, *, draw: int = 0) -> Records:
    return Records.of(probe, [7], [status], draw=draw, label=[label], value=[value], norm=[norm])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([one("clean", C, -1, 1.0)], "probe 'clean', draw 0, example 7: status correct: expected a label, got -1"),
        ([one("pgd", W, -1, -1.0)], "status wrong: expected a label, got -1"),
        ([one("clean", C, 3, NAN)], "status correct: expected a finite value, got nan"),
        ([one("clean", C, 3, INF)], "status correct: expected a finite value, got inf"),
        ([one("clean", W, 3, -INF)], "status wrong: expected a finite value, got -inf"),
        ([one("clean", C, 3, -5e-324)], "status correct: expected a value of at least 0, got -5e-324"),
        ([one("clean", W, 3, 5e-324)], "status wrong: expected a value of at most 0, got 5e-324"),
        ([one("clean", C, 3, 1.0, 0.0)], "status correct: expected no norm at the clean image, got 0.0"),
        (
            [one("clean", C, 3, 1.0), one("pgd", N)],
            "probe 'pgd', draw 0, example 7: status not_run: expected another probe that settled the example, got none",
        ),
        (
            [one("clean", C, 3, 1.0), one("clean", W, 4, -1.0, draw=1), one("pgd", N), one("pgd", N, draw=1)],
            "probe 'pgd', draw 0, example 7: status not_run: expected another probe",
        ),
    ],
)
def test_contradictions_are_seen(rows: list[Records], message: str) -> None:
    good = Records.of("clean", [1, 2], [C, W], label=[0, 1], value=[0.5, -0.5])
    found = margin_fault(Records.concat([good, *rows]))
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "rows",
    [
        [one("clean", C, 3, 0.0)],
        [one("clean", C, 3, -0.0)],
        [one("clean", W, 3, 0.0)],
        [one("clean", A)],
        [one("pgd", A, 3, INF, 1.0)],
        [one("clean", A, 3, -1.0), one("pgd", N)],
        [one("clean", W, 3, -1.0), one("pgd", N), one("apgd", N)],
        [one("clean", C, 3, 1.0), one("pgd", W, 4, -1.0, 0.1), one("apgd", N)],
        [one("clean", C, 3, 1.0), one("pgd", F), one("apgd", N)],
        [one("pgd", N), one("apgd", N)],
        [failed([7, 8])],
        [],
    ],
)
def test_what_may_be_stored_is_taken(rows: list[Records]) -> None:
    assert margin_fault(Records.concat(rows)) == ""
