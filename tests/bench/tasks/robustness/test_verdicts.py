"""Verdicts of one cell and what they say about each example, by hand and by naive loops."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench.records import Records, failed
from trustdm.bench.summary.coverage import tabulate
from trustdm.bench.tasks.robustness.verdicts import accuracy_scores, survival_scores
from trustdm.bench.types import Status

LETTERS = {"C": Status.CORRECT, "W": Status.WRONG, "-": Status.NOT_RUN, "F": Status.FAILED, "A": Status.ABSTAINED}


ATTACKS = ("apgd-ce", "square")
ORDER = ("clean", *ATTACKS)


def records(draw=0, **probes):
    """Examples 10, 11, ...; one letter for each example, "." for no record; _ in a name stands for -."""
    parts = []
    for name, letters in probes.items():
        rows = [(10 + i, LETTERS[x]) for i, x in enumerate(letters) if x != "."]
        parts.append(Records.of(name.replace("_", "-"), [e for e, _ in rows], [s for _, s in rows], draw=draw))
    return Records.concat(parts)


def means(scores):
    return [None if np.isnan(m) else float(m) for m in scores.values]


#                         robust, broken by the first, by the second, wrong on clean, failed, abstained


EXAMPLES = records(clean="CCCWCA", apgd_ce="CWC-F-", square="C-W-C-")


def test_survival_by_hand():
    table = tabulate(EXAMPLES, ORDER)
    assert means(survival_scores(table, "clean", "wrong")) == [1, 1, 1, 0, 1, 0]
    assert means(survival_scores(table, "apgd-ce", "wrong")) == [1, 0, 1, 0, 0, 0]
    assert means(survival_scores(table, "square", "wrong")) == [1, 0, 0, 0, 0, 0]
    assert means(survival_scores(table, "", "wrong")) == [1, 0, 0, 0, 0, 0]
    left_out = survival_scores(table, "", "excluded")
    assert means(left_out) == [1, 0, 0, 0, None, 0]
    assert left_out.draws.tolist() == [1, 1, 1, 1, 0, 1]


def test_accuracy_by_hand():
    table = tabulate(EXAMPLES, ORDER)
    assert (
        means(accuracy_scores(table, "", "wrong"))
        == means(accuracy_scores(table, "clean", "wrong"))
        == [1, 1, 1, 0, 1, 0]
    )
    assert means(accuracy_scores(table, "apgd-ce", "wrong")) == [1, 0, 1, 0, 0, 0]
    assert means(accuracy_scores(table, "apgd-ce", "excluded")) == [1, 0, 1, 0, None, 0]
    # The failed example is correct again at the last probe, and the one broken by the first was not run.
    assert means(accuracy_scores(table, "square", "wrong")) == [1, 0, 0, 0, 1, 0]


def test_what_an_earlier_probe_settled_is_not_asked_again():
    """A failure that ends an example: not run afterwards, and failed, not wrong; wrong outweighs failed."""
    table = tabulate(records(clean="CFFW", apgd_ce="C-WF"), ["clean", "apgd-ce"])
    assert means(accuracy_scores(table, "apgd-ce", "excluded")) == [1, None, 0, None]
    assert means(survival_scores(table, "", "excluded")) == [1, None, 0, 0]
    assert means(survival_scores(table, "", "wrong")) == [1, 0, 0, 0]


@pytest.mark.parametrize("statistic", [survival_scores, accuracy_scores])
def test_nothing_is_said_where_a_verdict_is_missing(statistic):
    table = tabulate(records(clean="CC", apgd_ce="CC", square="C-"), ORDER)
    assert statistic(table, "square", "wrong") is None
    assert means(statistic(table, "apgd-ce", "wrong")) == [1, 1]
    assert statistic(table, "fab-t", "wrong") is None


def test_survival_asks_for_every_probe_and_accuracy_for_its_own():
    table = tabulate(records(clean="C.", apgd_ce="CC"))
    assert survival_scores(table, "apgd-ce", "wrong") is None
    assert means(accuracy_scores(table, "apgd-ce", "wrong")) == [1, 1]


def test_draws_are_averaged_within_an_example():
    table = tabulate(Records.concat([records(d, clean=x) for d, x in enumerate(["CCW", "CWF", "CCF", "CWC"])]))
    assert means(survival_scores(table, "", "wrong")) == [1, 0.5, 0.25]
    scores = survival_scores(table, "", "excluded")
    assert means(scores) == [1, 0.5, 0.5]
    assert scores.draws.tolist() == [4, 4, 2]
    assert scores.example.tolist() == [10, 11, 12]


def test_a_failed_block_is_failed_at_every_probe():
    table = tabulate(Records.concat([records(clean="CW", square="C-", apgd_ce="C-"), failed([20, 21])]), ORDER)
    for probe in ("clean", "square"):
        assert means(survival_scores(table, probe, "wrong")) == [1, 0, 0, 0]
        assert means(accuracy_scores(table, probe, "excluded")) == [1, 0, None, None]


def test_no_records_no_scores():
    assert len(survival_scores(tabulate(Records.empty(), ORDER), "", "wrong").values) == 0


statuses = st.lists(st.tuples(*[st.sampled_from("CWFA")] * 3), min_size=1, max_size=12)


def cascade(lines):
    """Records as an evaluation leaves them: nothing runs after a verdict other than correct, or (failed) it may."""
    columns = {name: "" for name in ("clean", *ATTACKS)}
    for line in lines:
        over = False
        for name, letter in zip(columns, line, strict=True):
            columns[name] += "-" if over else letter
            over = over or letter in "WA"
    return records(**{name.replace("-", "_"): letters for name, letters in columns.items()})


@given(statuses)
def test_survival_only_falls_along_the_probes_and_ends_at_the_lowest(lines):
    table = tabulate(cascade(lines), ORDER)
    path = [survival_scores(table, p, "wrong").values for p in table.probes]
    assert all(np.all(after <= before) for before, after in pairwise(path))
    np.testing.assert_array_equal(path[-1], survival_scores(table, "", "wrong").values)
    naive = [float(set(line) == {"C"}) for line in lines]
    np.testing.assert_array_equal(path[-1], naive)


def test_harmless_noise_does_not_add_up_over_probes() -> None:
    """A method that ignores its input and errs in a fifth of the draws is as robust as it is accurate."""
    wrong = np.random.default_rng(0).random((3, 50, 10)) < 0.2
    parts = [
        Records.of(probe, range(50), np.where(wrong[p, :, d], Status.WRONG, Status.CORRECT), draw=d)
        for p, probe in enumerate(("clean", "a", "b"))
        for d in range(10)
    ]
    same = [
        Records.of(probe, range(50), np.where(wrong[0, :, d], Status.WRONG, Status.CORRECT), draw=d)
        for probe in ("clean", "a", "b")
        for d in range(10)
    ]
    for records in (Records.concat(parts), Records.concat(same)):
        table = tabulate(records, ("clean", "a", "b"))
        found = survival_scores(table, "", "wrong")
        each = [accuracy_scores(table, probe, "wrong") for probe in ("clean", "a", "b")]
        assert found is not None and all(e is not None for e in each)
        np.testing.assert_allclose(found.values, np.min([e.values for e in each if e is not None], axis=0))
    clean = accuracy_scores(table, "clean", "wrong")
    assert clean is not None
    np.testing.assert_allclose(found.values, clean.values)


cubes = st.lists(st.lists(st.tuples(*[st.sampled_from("CW")] * 3), min_size=4, max_size=4), min_size=1, max_size=5)


@given(cubes, st.sampled_from(["mean", "worst", "majority"]))
def test_draws_put_together_by_a_naive_loop(examples, over):
    """``examples`` by draw by probe: each probe of its own, then the least over the probes."""
    parts = [
        Records.of(name, [i], [LETTERS[line[p]]], draw=d)
        for i, draws in enumerate(examples)
        for d, line in enumerate(draws)
        for p, name in enumerate(ORDER)
    ]
    found = survival_scores(tabulate(Records.concat(parts), ORDER), "", "wrong", over)

    def put_together(share):
        return {"mean": share, "worst": float(share == 1), "majority": float(share > 0.5)}[over]

    naive = [
        min(put_together(sum(line[p] == "C" for line in draws) / len(draws)) for p in range(3)) for draws in examples
    ]
    assert found.values.tolist() == naive and found.draws.tolist() == [4] * len(examples)
