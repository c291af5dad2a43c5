"""Rows that contradict their status are seen; whatever a protocol may store is not."""

from __future__ import annotations

from types import ModuleType

import pytest

from trustdm.bench.records import Records, failed
from trustdm.bench.store import consistency
from trustdm.bench.types import Block, Status

C, W, N, F, A = Status.CORRECT, Status.WRONG, Status.NOT_RUN, Status.FAILED, Status.ABSTAINED
M = Status.MADE
NAN, INF = float("nan"), float("inf")


def one(probe: str, status: int, label: int = -1, value: float = NAN, norm: float = NAN, *, draw: int = 0) -> Records:
    return Records.of(probe, [7], [status], draw=draw, label=[label], value=[value], norm=[norm])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([one("pgd", N, 3)], "status not_run: expected no label, got 3"),
        ([one("pgd", F, 3)], "status failed: expected no label, got 3"),
        ([one("pgd", N, value=0.0)], "status not_run: expected no value, got 0.0"),
        ([one("pgd", F, value=INF)], "status failed: expected no value, got inf"),
        ([one("pgd", N, norm=0.0)], "status not_run: expected no norm, got 0.0"),
        ([one("pgd", F, norm=1.0)], "status failed: expected no norm, got 1.0"),
    ],
)
def test_contradictions_are_seen(rows: list[Records], message: str) -> None:
    good = Records.of("clean", [1, 2], [C, W], label=[0, 1], value=[0.5, -0.5])
    found = consistency.problem(Records.concat([good, *rows]))
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "rows",
    [
        [one("clean", C, 3, 0.0)],
        [one("likelihood", M, value=-3.0), one("likelihood", M, 2, value=INF, draw=1)],
        [one("bits", C, value=-1.0, norm=2.0)],
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
    assert consistency.problem(Records.concat(rows)) == ""


def test_the_sample_is_consistent(sample: ModuleType) -> None:
    for start in range(0, 512, 8):
        assert consistency.problem(sample.records(Block(start, start + 8))) == ""
