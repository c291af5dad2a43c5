"""Rows before they are ranked: which cells count, and how."""

from __future__ import annotations

import pytest
from toyboard import SUITE, both, cell, records, toy

from trustdm.bench import stats
from trustdm.bench.records import Records, failed
from trustdm.bench.summary.drafts import drafts
from trustdm.bench.summary.facts import facts
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Cost


def only_rows(suite, cells) -> list[Row]:
    return [draft.row for draft in drafts(suite, cells)]


def test_a_metric_without_a_cell_is_absent_and_the_row_is_a_preview():
    (row,) = only_rows(SUITE, both(1, "CCCC", "CCCC", "CCCC")[:1])
    assert list(row.metrics) == ["clean_accuracy"]
    assert (row.completeness, row.n, row.rank_low, row.rank_high) == ("preview", 4, None, None)
    assert (row.rank_group, row.rank_test) == ("", "")


def test_cells_that_hold_nothing_or_belong_elsewhere_make_no_row():
    empty = cell(9, "clean", Records.empty(), method_version="2")
    other = cell(8, "clean", records(SUITE.test, clean="CCCC"), toy(SUITE.test, name="elsewhere"))
    (row,) = only_rows(SUITE, [*both(1, "CCCC", "CCCC", "CCCC"), empty, other])
    assert (row.method_version, row.currency) == ("1", "current")
    assert only_rows(SUITE, []) == []


@pytest.mark.parametrize(("failures", "robust", "n"), [("wrong", 0.25, 4), ("excluded", 1 / 3, 3)])
def test_failures_count_as_the_suite_says(failures, robust, n):
    suite = toy(SUITE.test, failures=failures)
    found = Records.concat([records(suite.test, clean="CCW", apgd_ce="CW-", square="C--"), failed([1])])
    (row,) = only_rows(suite, [cell(1, "attacked", found, suite)])
    assert row.metrics["robust_accuracy"].value == pytest.approx(robust)
    assert row.metrics["robust_accuracy"].n == n
    assert row.n == 4
    assert row.flags == ("failures",)


def test_a_method_that_only_failed_has_no_metrics_where_failures_are_excluded():
    suite = toy(SUITE.test, failures="excluded")
    cells = [cell(i, e, failed(suite.test), suite) for i, e in enumerate(suite.evaluations)]
    (row,) = only_rows(suite, cells)
    assert (row.metrics, row.rank_low, row.completeness) == ({}, None, "full")
    (row,) = only_rows(SUITE, [cell(i, e, failed(SUITE.test)) for i, e in enumerate(SUITE.evaluations)])
    assert {e.value for e in row.metrics.values()} == {0.0}


def test_several_draws_are_clustered_by_example():
    draws = [records(SUITE.test, d, clean=x) for d, x in enumerate(["CCWW", "CCWC", "CWWC"])]
    (row,) = only_rows(SUITE, [cell(1, "clean", Records.concat(draws), card={"randomness": "keyed"})])
    assert row.metrics["clean_accuracy"] == stats.clustered([1, 2 / 3, 0, 2 / 3], [3, 3, 3, 3])
    assert row.flags == ("keyed-noise", "randomized")


def test_the_score_that_ranks_is_kept_and_facts_may_come_from_elsewhere():
    cells, asked = both(1, "CCCW", "CCW-", "CW--"), []

    def from_elsewhere(suite, result):
        asked.append(result.id)
        return facts(suite, result)

    (draft,) = drafts(SUITE, cells, from_elsewhere)
    assert asked == [1, 2] and draft.score.estimate == draft.row.metrics["robust_accuracy"]
    assert draft.score.values.tolist() == [0.0, 0.0, 0.0, 1.0] and draft.score.examples.tolist() == [1, 3, 5, 7]
    (draft,) = drafts(SUITE, cells[:1])
    assert draft.score is None


def test_costs_are_summed_and_the_peak_of_memory_is_the_largest():
    cells = [
        cell(1, "clean", records(SUITE.test, clean="CCCC"), cost=Cost(1.0, 2.0, 3, 4, 9)),
        cell(2, "attacked", records(SUITE.test, clean="CCCC"), cost=Cost(10.0, 20.0, 30, 40, 5)),
    ]
    assert only_rows(SUITE, cells)[0].cost == Cost(11.0, 22.0, 33, 44, 9)
