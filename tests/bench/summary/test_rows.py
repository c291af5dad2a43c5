"""Rows of a board from records: each rule by hand, on cells as the runner stores them."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toyboard import BIG, SUITE, both, cell, lucky, records, toy

from trustdm.bench import stats
from trustdm.bench.hashing import canonical_json
from trustdm.bench.summary.ranking import ALONE
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows
from trustdm.bench.types import Cost, Estimate, Origin, Verification


def test_a_row_by_hand():
    cells = both(
        1,
        "CCCW",
        "CCW-",
        "CW--",
        method_params=(("sigma", 0.5),),
        cost=Cost(wall=2.0, device=1.5, forwards=100, gradients=40, memory=7),
        errors=("one", "two"),
        verification=Verification.VERIFIED,
    )
    (row,) = rows(SUITE, cells)
    k = {"clean_accuracy": 3, "robust_accuracy": 1, "apgd_accuracy": 2}
    for name, right in k.items():
        low, high = stats.wilson(right, 4)
        expected = Estimate(right / 4, pytest.approx(float(low)), pytest.approx(float(high)), 4)
        assert row.metrics[name] == expected
    assert list(row.metrics) == list(k)
    assert row == Row(
        method="net",
        method_version="1",
        params=(("sigma", 0.5),),
        shown=(("sigma", 0.5),),
        suite="toy",
        suite_version=2,
        seed=0,
        origin=Origin.MEASURED,
        currency="current",
        completeness="full",
        verification=Verification.VERIFIED,
        flags=("square-helps",),
        metrics=row.metrics,
        rank_low=1,
        rank_high=1,
        rank_group="full",
        rank_test=ALONE,
        cost=Cost(wall=4.0, device=3.0, forwards=200, gradients=80, memory=7),
        n=4,
        planned=4,
        card={"title": "A net"},
        cells=(1, 2),
        errors=("one", "two"),
        lab=cells[0].lab,
        weights=cells[0].identity.weights,
    )


def test_a_stale_cell_is_read_by_the_attacks_it_was_run_with():
    """The suite once ran one attack, in other words; the second one of today is not missing there."""
    found = records(SUITE.test, clean="CCCC", square="CCWW")
    old = cell(1, "attacked", found, suite_version=1, params=canonical_json({"attacks": [{"name": "square"}]}))
    (row,) = rows(SUITE, [old])
    assert (row.currency, row.completeness, row.suite_version, row.flags) == ("stale", "full", 1, ())
    assert row.metrics["robust_accuracy"].value == 0.5
    assert list(row.metrics) == ["robust_accuracy"]
    assert (row.rank_low, row.rank_group) == (None, "")
    gone = cell(2, "retired", records(SUITE.test, clean="CCCC"), suite_version=1)
    assert rows(SUITE, [gone])[0].metrics == {}


def test_rows_are_sorted_full_first_then_current_then_best_then_by_name():
    right = np.arange(60)
    cells = [
        *lucky(1, right < 59, BIG, method="preview-best")[1:],
        *lucky(3, right < 10, BIG, method="low"),
        *lucky(5, right < 20, BIG, method="tie-b"),
        *lucky(7, right < 20, BIG, method="tie-a"),
        *lucky(9, right < 58, BIG, method="stale-best", suite_version=1),
        *lucky(11, right < 20, BIG, method="no-metric")[:1],
    ]
    names = ["tie-a", "tie-b", "low", "stale-best", "preview-best", "no-metric"]
    assert [r.method for r in rows(BIG, cells)] == names
    for seed in range(5):
        mixed = [*cells]
        random.Random(seed).shuffle(mixed)
        assert rows(BIG, mixed) == rows(BIG, cells)


outcomes = st.lists(st.lists(st.sampled_from("CW"), min_size=10, max_size=10), min_size=1, max_size=4)


@given(outcomes, st.randoms(use_true_random=False))
def test_the_order_of_results_and_records_does_not_matter(methods, shuffler):
    suite = toy(range(10))
    cells = [c for i, x in enumerate(methods) for c in lucky(2 * i, np.array(x) == "C", suite, method=f"m{i}")]
    mixed = []
    for c in cells:
        order = list(range(len(c.records)))
        shuffler.shuffle(order)
        mixed.append(replace(c, records=c.records.where(np.array(order))))
    shuffler.shuffle(mixed)
    assert rows(suite, mixed) == rows(suite, cells)


@given(outcomes)
def test_a_rank_interval_holds_the_rank_on_the_examples_and_is_everything_when_nothing_is_significant(methods):
    """Of ten examples at most ten are discordant: p is 2 / 1024 at least, so some pairs are told apart, most not."""
    suite = toy(range(10))
    cells = [c for i, x in enumerate(methods) for c in lucky(2 * i, np.array(x) == "C", suite, method=f"m{i}")]
    found = rows(suite, cells)
    values = [r.metrics["robust_accuracy"].value for r in found]
    assert values == sorted(values, reverse=True)
    for row, value in zip(found, values, strict=True):
        assert 1 <= row.rank_low <= 1 + sum(v > value for v in values)
        assert len(found) - sum(v < value for v in values) <= row.rank_high <= len(found)
    tables = {r.method: np.array(methods[int(r.method[1:])]) == "C" for r in found}
    p = [float(stats.mcnemar_exact(np.sum(a & ~b), np.sum(b & ~a))) for a in tables.values() for b in tables.values()]
    if min(p, default=1) > 0.05:
        assert all((r.rank_low, r.rank_high) == (1, len(found)) for r in found)


def large_board(methods=20, n=10_000):
    suite = toy(range(n))
    generator, cells = np.random.default_rng(0), []
    for m in range(methods):
        depth = generator.integers(0, 4, n)
        letters = ["".join(np.where(depth > p, "C", np.where(depth == p, "W", "-"))) for p in range(3)]
        cells += both(2 * m, *letters, suite, method=f"m{m}")
    return suite, cells


def test_a_large_board_is_summarised_in_about_a_second(benchmark):
    """20 methods, 10,000 examples; skipped unless benchmarks are asked for."""
    suite, cells = large_board()
    assert len(benchmark(rows, suite, cells)) == 20
    assert benchmark.stats.stats.median < 2
