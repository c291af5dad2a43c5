"""Rows of a board from records: each rule by hand, on cells as the runner stores them."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench import stats
from trustdm.bench.errors import StoreError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.records import CellResult, Records, failed
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.rows import ALONE, Row, curve, rows, verdicts
from trustdm.bench.types import CellIdentity, Cost, Estimate, Origin, Status, Verification

LETTERS = {"C": Status.CORRECT, "W": Status.WRONG, "-": Status.NOT_RUN, "F": Status.FAILED, "A": Status.ABSTAINED}
ATTACKS = ("apgd-ce", "square")
METRICS = (
    ("clean_accuracy", "clean", "accuracy", "clean"),
    ("robust_accuracy", "attacked", "survival", ""),
    ("apgd_accuracy", "attacked", "survival", "apgd-ce"),
)


def toy(test, *, direction="higher", metrics=METRICS, **changes):
    """A real suite of these test examples."""
    return Suite.model_validate(
        {
            "name": "toy",
            "version": 2,
            "title": "Toy",
            "seeds": [0, 5],
            "adversary": {"norm": "linf", "eps": "1/10", "knows": "all", "wins": "if the label changes"},
            "data": {
                "dataset": "digits",
                "digest": "0" * 64,
                "shape": [1, 8, 8],
                "classes": 10,
                "splits": {"train": "90000", "validation": "90001", "test": [int(i) for i in test]},
            },
            "size": {"demo": 1, "full": len(test)},
            "evaluations": {
                "clean": {"protocol": "clean"},
                "attacked": {"protocol": "adversarial", "attacks": [{"name": a} for a in ATTACKS]},
            },
            "metrics": [
                {"name": n, "evaluation": e, "statistic": s, "probe": p, "direction": direction}
                for n, e, s, p in metrics
            ],
            "ranking": {"metric": "robust_accuracy"},
            **changes,
        }
    )


SUITE = toy([7, 3, 5, 1])


def records(examples, draw=0, **probes):
    """One letter for each example of the list, in its order; _ in a name stands for -."""
    return Records.concat(
        Records.of(p.replace("_", "-"), list(examples)[: len(x)], [LETTERS[c] for c in x], draw=draw)
        for p, x in probes.items()
    )


def cell(number, evaluation, found, suite=SUITE, **changes):
    own = {k: changes.pop(k) for k in list(changes) if k in CellResult.__dataclass_fields__}
    spec = suite.evaluations.get(evaluation)
    identity = {
        "method": "net",
        "method_version": "1",
        "method_params": (),
        "weights": ("w",),
        "suite": suite.name,
        "suite_version": suite.version,
        "suite_digest": suite.digest,
        "data_digest": suite.data.digest,
        "evaluation": evaluation,
        "protocol": evaluation,
        "protocol_version": "1",
        "params": canonical_json(spec.params) if spec else "{}",
        "block_rule": suite.block_rule,
        "precision": suite.precision,
        "seed": 0,
        **changes,
    }
    return CellResult(
        **{
            "id": number,
            "identity": CellIdentity(**identity),
            "planned": len(suite.test),
            "card": {"title": "A net"},
            "records": found,
            "cost": Cost(),
            **own,
        }
    )


def both(number, clean, apgd, square, suite=SUITE, **changes):
    """The clean and the attacked cell of one method."""
    attacked = records(suite.test, clean=clean, apgd_ce=apgd, square=square)
    return [
        cell(number, "clean", records(suite.test, clean=clean), suite, **changes),
        cell(number + 1, "attacked", attacked, suite, **changes),
    ]


def lucky(number, right, suite, **changes):
    """A method that is right or robust exactly where ``right`` says so."""
    letters = "".join("C" if r else "W" for r in right)
    return both(number, "C" * len(letters), letters, letters.replace("W", "-"), suite, **changes)


def by_name(found):
    return {r.method: r for r in found}


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


def test_a_row_as_json():
    (row,) = rows(SUITE, both(1, "CCCC", "CCCW", "CCC-", method_params=(("sigma", 0.5),)))
    plain = row.as_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert " ".join(plain) == (
        "method version params weights lab suite suite_version seed origin currency completeness verification flags "
        "rank_low rank_high rank_group rank_test cost n planned errors metrics"
    )
    assert plain["params"] == {"sigma": 0.5}
    assert (plain["origin"], plain["verification"]) == ("measured", "unverified")
    assert list(plain["cost"]) == ["wall_s", "device_s", "forwards", "gradients", "memory_bytes"]
    assert list(plain["metrics"]["clean_accuracy"]) == ["value", "low", "high", "n"]


def test_a_metric_without_a_cell_is_absent_and_the_row_is_a_preview():
    (row,) = rows(SUITE, both(1, "CCCC", "CCCC", "CCCC")[:1])
    assert list(row.metrics) == ["clean_accuracy"]
    assert (row.completeness, row.n, row.rank_low, row.rank_high) == ("preview", 4, None, None)
    assert (row.rank_group, row.rank_test) == ("", "")


def test_cells_that_hold_nothing_or_belong_elsewhere_make_no_row():
    empty = cell(9, "clean", Records.empty(), method_version="2")
    other = cell(8, "clean", records(SUITE.test, clean="CCCC"), toy(SUITE.test, name="elsewhere"))
    (row,) = rows(SUITE, [*both(1, "CCCC", "CCCC", "CCCC"), empty, other])
    assert (row.method_version, row.currency) == ("1", "current")
    assert rows(SUITE, []) == []


@pytest.mark.parametrize(("failures", "robust", "n"), [("wrong", 0.25, 4), ("excluded", 1 / 3, 3)])
def test_failures_count_as_the_suite_says(failures, robust, n):
    suite = toy(SUITE.test, failures=failures)
    found = Records.concat([records(suite.test, clean="CCW", apgd_ce="CW-", square="C--"), failed([1])])
    (row,) = rows(suite, [cell(1, "attacked", found, suite)])
    assert row.metrics["robust_accuracy"].value == pytest.approx(robust)
    assert row.metrics["robust_accuracy"].n == n
    assert row.n == 4
    assert row.flags == ("failures",)


def test_a_method_that_only_failed_has_no_metrics_where_failures_are_excluded():
    suite = toy(SUITE.test, failures="excluded")
    cells = [cell(i, e, failed(suite.test), suite) for i, e in enumerate(suite.evaluations)]
    (row,) = rows(suite, cells)
    assert (row.metrics, row.rank_low, row.completeness) == ({}, None, "full")
    (row,) = rows(SUITE, [cell(i, e, failed(SUITE.test)) for i, e in enumerate(SUITE.evaluations)])
    assert {e.value for e in row.metrics.values()} == {0.0}


def test_several_draws_are_clustered_by_example():
    draws = [records(SUITE.test, d, clean=x) for d, x in enumerate(["CCWW", "CCWC", "CWWC"])]
    (row,) = rows(SUITE, [cell(1, "clean", Records.concat(draws), card={"randomness": "keyed"})])
    assert row.metrics["clean_accuracy"] == stats.clustered([1, 2 / 3, 0, 2 / 3], [3, 3, 3, 3])
    assert row.flags == ("keyed-noise", "randomized")


def test_the_curve_of_a_cell():
    _, attacked = both(1, "CCCW", "CCW-", "CW--")
    points = curve(SUITE, attacked)
    assert [p for p, _ in points] == ["clean", "apgd-ce", "square"]
    assert [e.value for _, e in points] == [0.75, 0.5, 0.25]
    assert {e.n for _, e in points} == {4}


def test_the_verdicts_of_a_cell():
    table = verdicts(SUITE, both(1, "CCCW", "CCW-", "CW--")[1])
    assert table.example.tolist() == [1, 3, 5, 7]
    assert table.status.tolist() == [[1, 2, 2], [0, 0, 1], [0, 1, 2], [0, 0, 0]]
    twice = records([1, 1], clean="CC")
    with pytest.raises(StoreError, match="cell 4: example 1"):
        verdicts(SUITE, cell(4, "clean", twice))


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


BIG = toy(np.random.default_rng(0).permutation(60))


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


def test_excluded_failures_are_compared_on_the_examples_that_both_have():
    suite = toy(BIG.test, failures="excluded")
    part = records(suite.test, clean="C" * 50, apgd_ce="C" * 40 + "W" * 10, square="C" * 40 + "-" * 10)
    cells = [cell(1, "attacked", Records.concat([part, failed(suite.test[50:])]), suite, method="fails")]
    cells += [lucky(3, np.arange(60) < 20, suite, method="plain")[1]]
    first, second = rows(suite, cells)
    assert (first.method, first.rank_high, first.metrics["robust_accuracy"].n) == ("fails", 1, 50)
    assert (second.rank_low, second.metrics["robust_accuracy"].n) == (2, 60)


outcomes = st.lists(st.lists(st.sampled_from("CW"), min_size=10, max_size=10), min_size=1, max_size=4)


@given(outcomes, st.randoms(use_true_random=False))
def test_the_order_of_results_and_records_does_not_matter(methods, shuffler):
    suite = toy(range(10))
    cells = [c for i, x in enumerate(methods) for c in lucky(2 * i, np.array(x) == "C", suite, method=f"m{i}")]
    mixed = []
    for c in cells:
        order = list(range(len(c.records)))
        shuffler.shuffle(order)
        mixed.append(CellResult(**{**c.__dict__, "records": c.records.where(np.array(order))}))
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
