"""Ranks: paired tests of what can be compared, Holm, intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from toyboard import BIG, SUITE, both, cell, lucky, records, toy

from trustdm.bench.records import Records, failed
from trustdm.bench.summary import comparison
from trustdm.bench.summary.drafts import Draft, drafts
from trustdm.bench.summary.ranking import ALONE, ranked
from trustdm.bench.summary.rows import rows
from trustdm.bench.summary.score import Score
from trustdm.bench.types import Estimate, Origin


def test_rows_are_ranked_by_paired_tests():
    """0.9, 0.5 and 0.5 of 60 nested examples: 24 to nothing tells the first from each other one."""
    right = {"b-good": range(54), "c-poor": range(30), "a-poor": range(30)}
    cells = [
        c for i, (name, r) in enumerate(right.items()) for c in lucky(10 * i, np.isin(range(60), r), BIG, method=name)
    ]
    found = rows(BIG, cells)
    assert [(r.method, r.rank_low, r.rank_high) for r in found] == [
        ("b-good", 1, 1),
        ("a-poor", 2, 3),
        ("c-poor", 2, 3),
    ]
    assert {r.rank_test for r in found} == {"exact McNemar, Holm over 3 pairs, level 0.05"}
    assert {r.rank_group for r in found} == {"full"}


def test_where_lower_is_better_the_ranks_turn_round():
    suite = toy(BIG.test, direction="lower")
    cells = lucky(1, np.arange(60) < 54, suite, method="high") + lucky(3, np.arange(60) < 30, suite, method="low")
    assert [(r.method, r.rank_low, r.rank_high) for r in rows(suite, cells)] == [("low", 1, 1), ("high", 2, 2)]


def test_the_level_is_the_suites():
    """Six to nothing: p = 2 / 64 = 0.031."""
    cells = lucky(1, np.arange(60) < 36, BIG, method="a") + lucky(3, np.arange(60) < 30, BIG, method="b")
    assert [r.rank_high for r in rows(BIG, cells)] == [1, 2]
    strict = toy(BIG.test, ranking={"metric": "robust_accuracy", "level": 0.01})
    cells = lucky(1, np.arange(60) < 36, strict, method="a") + lucky(3, np.arange(60) < 30, strict, method="b")
    assert [(r.rank_low, r.rank_high, r.rank_test) for r in rows(strict, cells)] == [
        (1, 2, "exact McNemar, Holm over 1 pair, level 0.01")
    ] * 2


def test_identical_methods_tie():
    cells = lucky(1, np.arange(60) < 30, BIG, method="a") + lucky(3, np.arange(60) < 30, BIG, method="b")
    assert [(r.method, r.rank_low, r.rank_high) for r in rows(BIG, cells)] == [("a", 1, 2), ("b", 1, 2)]


def test_randomized_and_deterministic_methods_share_a_ranking():
    draws = [
        records(
            BIG.test, d, clean="C" * 60, apgd_ce="C" * (54 + d) + "W" * (6 - d), square="C" * (54 + d) + "-" * (6 - d)
        )
        for d in range(3)
    ]
    cells = [cell(1, "attacked", Records.concat(draws), BIG, method="noisy")]
    cells += lucky(3, np.arange(60) < 20, BIG, method="plain")[1:]
    first, second = rows(BIG, cells)
    assert (first.method, first.rank_low, first.rank_high) == ("noisy", 1, 1)
    assert (second.method, second.rank_low, second.rank_high) == ("plain", 2, 2)
    assert first.rank_test == "exact sign-flip, Holm over 1 pair, level 0.05"


def test_only_what_can_be_compared_is_ranked_together():
    right = np.arange(60) < 30
    cells = [
        *lucky(1, right, BIG, method="full-a"),
        *lucky(3, right, BIG, method="full-b"),
        *lucky(5, right, BIG, method="full-b", seed=5),
        *lucky(7, right[:8], BIG, method="few-a"),
        *lucky(9, right[:8], BIG, method="few-b"),
        *lucky(11, right[:16], BIG, method="more"),
        *lucky(13, right, BIG, method="claimed", origin=Origin.CLAIMED),
        *lucky(15, right, BIG, method="stale", suite_version=1),
        *lucky(17, right, BIG, method="full-a", method_version="0", superseded=True),
        lucky(19, right, BIG, method="half")[1],
    ]
    shuffled = records(BIG.test[::-1], clean="C" * 8, apgd_ce="C" * 8, square="C" * 8)
    cells.append(cell(21, "attacked", shuffled, BIG, method="odd"))
    groups = {}
    for r in rows(BIG, cells):
        groups.setdefault(r.rank_group, set()).add((r.method, r.rank_low, r.rank_high))
    (odd,) = [g for g in groups if g.startswith("preview n=8 examples=")]
    assert groups == {
        "full": {("full-a", 1, 2), ("full-b", 1, 2)},
        "full seed=5": {("full-b", 1, 1)},
        "preview n=8": {("few-a", 1, 2), ("few-b", 1, 2)},
        "preview n=16": {("more", 1, 1)},
        "preview n=60": {("half", 1, 1)},
        odd: {("odd", 1, 1)},
        "": {("claimed", None, None), ("stale", None, None), ("full-a", None, None)},
    }


def test_excluded_failures_are_compared_on_the_examples_that_both_have():
    suite = toy(BIG.test, failures="excluded")
    part = records(suite.test, clean="C" * 50, apgd_ce="C" * 40 + "W" * 10, square="C" * 40 + "-" * 10)
    cells = [cell(1, "attacked", Records.concat([part, failed(suite.test[50:])]), suite, method="fails")]
    cells += [lucky(3, np.arange(60) < 20, suite, method="plain")[1]]
    first, second = rows(suite, cells)
    assert (first.method, first.rank_high, first.metrics["robust_accuracy"].n) == ("fails", 1, 50)
    assert (second.rank_low, second.metrics["robust_accuracy"].n) == (2, 60)


def scored(number, method, value, se, **more):
    """A draft whose score has an error of its own and no examples."""
    (draft,) = drafts(SUITE, both(number, "CCCC", "CCCC", "CCCC", method=method))
    return Draft(draft.row, Score(Estimate(value, value, value, 4), se=se, **more))


def test_scores_with_errors_of_their_own_are_told_apart_by_z_tests():
    found = ranked(SUITE, [scored(1, "a", 3.0, 0.1), scored(3, "b", 1.0, 0.1), scored(5, "c", 1.1, 0.1)])
    assert {r.method: (r.rank_low, r.rank_high) for r in found} == {"a": (1, 1), "b": (2, 3), "c": (2, 3)}
    assert {r.rank_test for r in found} == {"z-test of distances, Holm over 3 pairs, level 0.05"}


def test_scores_of_other_groups_are_not_compared_and_carry_their_label():
    pairs = [scored(1, "a", 3.0, 0.1, group=(1,)), scored(3, "b", 1.0, 0.1, group=(2,), label="set=2")]
    assert {(r.method, r.rank_group, r.rank_low, r.rank_test) for r in ranked(SUITE, pairs)} == {
        ("a", "full", 1, ALONE),
        ("b", "full set=2", 1, ALONE),
    }


def test_a_caveat_is_shown_and_not_ranked():
    pair = [scored(1, "a", 3.0, 0.1, caveat="a gate failed"), scored(3, "b", 1.0, 0.1)]
    found = {r.method: r for r in ranked(SUITE, pair)}
    assert (found["a"].rank_low, found["a"].rank_group) == (None, "") and found["b"].rank_test == ALONE


def by_lab(*cells):
    return {r.lab: r for r in rows(BIG, [c for part in cells for c in part])}


def test_an_imported_row_never_takes_the_rank_of_what_was_measured_here():
    here = lucky(1, np.arange(60) < 30, BIG, lab="one")
    for number, change in ((3, {}), (0, {}), (3, {"method_version": "9"}), (3, {"weights": ("w",)})):
        found = by_lab(here, lucky(number, np.ones(60, bool), BIG, lab="two", own=False, **change))
        assert (found["one"].rank_low, found["one"].caveat, found["one"].rank_test) == (1, "", ALONE)
        assert found["two"].rank_low is None and found["two"].caveat.startswith("imported; the row measured here")
    apart = by_lab(here, lucky(3, np.ones(60, bool), BIG, lab="two", own=False, method_params=(("k", 1),)))
    assert {lab: row.rank_low for lab, row in apart.items()} == {"one": 2, "two": 1}


def test_imported_rows_of_several_labs_are_ranked_once_by_name_and_then_by_age():
    one, two = (lucky(i, np.arange(60) < 20 * i, BIG, lab=n, own=False) for i, n in ((1, "one"), (3, "two")))
    found = by_lab(one, two)
    assert (found["one"].rank_low, found["two"].rank_low) == (1, None)
    assert found["two"].caveat == "imported; the row of lab one is ranked instead"
    named = [replace(cell, lab_name="Delft") for cell in two]
    found = by_lab(one, named)
    assert (found["one"].rank_low, found["two"].rank_low) == (None, 1)
    assert found["one"].caveat == "imported; the row of lab Delft is ranked instead"


def test_each_row_has_a_verdict_against_the_best_and_the_group_what_it_could_separate():
    right = {"best": range(54), "near": range(53), "poor": range(20)}
    cells = [c for i, (n, r) in enumerate(right.items()) for c in lucky(9 * i, np.isin(range(60), r), BIG, method=n)]
    found = {r.method: r for r in rows(BIG, cells)}
    assert {name: row.comparison for name, row in found.items()} == {
        "best": "",
        "near": comparison.OPEN,
        "poor": comparison.SEPARATED,
    }
    assert {row.separable for row in found.values()} == {7 / 60}  # 2^(1 - 7) = 1/64 < 0.05 / 3 < 1/32


def test_a_failed_trial_is_not_ranked_and_replaces_nothing():
    """Undeclared randomness, a wrong parameter: every block failed, and the row that was measured before stands."""
    good = lucky(1, np.arange(60) < 30, BIG)
    broken = [
        cell(3, "clean", failed(BIG.test), BIG, weights=("w2",)),
        cell(4, "attacked", failed(BIG.test), BIG, weights=("w2",)),
    ]
    found = {row.weights: row for row in rows(BIG, good + broken)}
    assert (found["w",].currency, found["w",].rank_low) == ("current", 1)
    assert (found["w2",].rank_low, found["w2",].caveat) == (None, "the method failed on every example")
    some = Records.concat(
        [failed(BIG.test[:30]), records(BIG.test[30:], clean="C" * 30, apgd_ce="C" * 30, square="C" * 30)]
    )
    partly = [
        cell(5, "clean", some.where(some.probe != "x"), BIG, method="m"),
        cell(6, "attacked", some, BIG, method="m"),
    ]
    (row,) = [r for r in rows(BIG, good + partly) if r.method == "m"]
    assert row.rank_low is not None and not row.caveat
