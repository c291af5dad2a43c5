"""Every flag of a row under attack, with the evidence that raises it and the evidence that does not."""

from __future__ import annotations

import numpy as np
import pytest
from toyboard import SUITE, cell, records, toy

from trustdm.bench.records import Records
from trustdm.bench.summary.cell import CellView
from trustdm.bench.tasks.robustness.flags import FLAGS

CLEAN = records(SUITE.test, clean="CCCC", apgd_ce="CCCC")


def flags(found=CLEAN, attacks=("apgd-ce",), **diagnostics):
    """The flags of a cell whose evaluation runs these attacks."""
    evaluations = {"clean": {"protocol": "clean"}, "attacked": {"protocol": "adversarial", "attacks": []}}
    evaluations["attacked"]["attacks"] = [{"name": a} for a in attacks]
    suite = toy(SUITE.test, evaluations=evaluations)
    view = CellView(suite, cell(1, "attacked", found, suite, diagnostics=diagnostics))
    return tuple(sorted(flag.name for flag in FLAGS if not flag.doubt and flag.when(view)))


@pytest.mark.parametrize(
    ("diagnostics", "expected"),
    [
        ({"checked_rows": 8.0, "randomized_rows": 0.0, "zero_gradient_rows": 0.0, "test_time_optimisation": 0.0}, ()),
        ({"randomized_rows": 1.0}, ("no-eot", "randomized")),
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


def ensemble(*probes, n=1000, broken=0):
    """All probes correct, but for ``broken`` examples at the last one."""
    parts = [Records.of(p, range(n), np.zeros(n)) for p in probes[:-1]]
    return Records.concat([*parts, Records.of(probes[-1], range(n), np.arange(n) < broken)])


@pytest.mark.parametrize(("broken", "expected"), [(0, ()), (2, ()), (3, ("square-helps",))])
def test_square_helps_when_it_breaks_more_than_two_in_a_thousand_of_the_set(broken, expected):
    probes = ("clean", "apgd-ce", "square")
    assert flags(ensemble(*probes, broken=broken), attacks=probes[1:]) == expected


def test_square_is_only_compared_with_attacks_before_it():
    assert flags(ensemble("clean", "square", broken=900), attacks=["square"]) == ()
    assert flags(ensemble("clean", "square", "fab-t", broken=900), attacks=["square", "fab-t"]) == ()


def test_a_verdict_that_is_missing():
    missing = Records.concat([Records.of("clean", [1], [0]), Records.of("pgd", [1], [2])])
    assert flags(missing, attacks=["pgd"]) == ("missing-verdicts",)
    broken = Records.concat([Records.of("clean", [1], [1]), Records.of("pgd", [1], [2])])
    assert flags(broken, attacks=["pgd"]) == ()
