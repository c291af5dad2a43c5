"""Verdicts of one cell and what they say about each example, by hand and by naive loops."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records, failed
from trustdm.bench.tasks.robustness.verdicts import accuracy, complete, survival, tabulate
from trustdm.bench.types import Status

LETTERS = {"C": Status.CORRECT, "W": Status.WRONG, "-": Status.NOT_RUN, "F": Status.FAILED, "A": Status.ABSTAINED}
ATTACKS = ("apgd-ce", "square")


def records(draw=0, **probes):
    """Examples 10, 11, ...; one letter for each example, "." for no record; _ in a name stands for -."""
    parts = []
    for name, letters in probes.items():
        rows = [(10 + i, LETTERS[x]) for i, x in enumerate(letters) if x != "."]
        parts.append(Records.of(name.replace("_", "-"), [e for e, _ in rows], [s for _, s in rows], draw=draw))
    return Records.concat(parts)


def means(scores):
    return [None if np.isnan(m) else float(m) for m in scores.mean]


#                         robust, broken by the first, by the second, wrong on clean, failed, abstained
EXAMPLES = records(clean="CCCWCA", apgd_ce="CWC-F-", square="C-W-C-")


def test_a_table_has_one_line_for_each_example_and_draw():
    table = tabulate(Records.concat([records(1, clean="CW"), records(0, square="C.", clean="CW")]), ATTACKS)
    assert table.probes == ("clean", "apgd-ce", "square")
    assert table.example.tolist() == [10, 10, 11, 11]
    assert table.draw.tolist() == [0, 1, 0, 1]
    assert table.status.tolist() == [[0, 2, 0], [0, 2, 2], [1, 2, 2], [1, 2, 2]]
    assert len(table) == 4


def test_probes_that_were_not_announced_come_in_the_order_they_appear_in():
    assert tabulate(records(clean="C", zeta="C", apgd_ce="C", alpha="C")).probes == (
        "clean",
        "zeta",
        "apgd-ce",
        "alpha",
    )
    assert tabulate(records(zeta="C", alpha="C"), ["alpha"]).probes == ("alpha", "zeta")
    assert tabulate(records(apgd_ce="CC"), ["apgd-ce"]).status.tolist() == [[0], [0]]


def test_survival_by_hand():
    table = tabulate(EXAMPLES, ATTACKS)
    assert means(survival(table, "clean", "wrong")) == [1, 1, 1, 0, 1, 0]
    assert means(survival(table, "apgd-ce", "wrong")) == [1, 0, 1, 0, 0, 0]
    assert means(survival(table, "square", "wrong")) == [1, 0, 0, 0, 0, 0]
    assert means(survival(table, "", "wrong")) == [1, 0, 0, 0, 0, 0]
    left_out = survival(table, "", "excluded")
    assert means(left_out) == [1, 0, 0, 0, None, 0]
    assert left_out.draws.tolist() == [1, 1, 1, 1, 0, 1]


def test_accuracy_by_hand():
    table = tabulate(EXAMPLES, ATTACKS)
    assert means(accuracy(table, "", "wrong")) == means(accuracy(table, "clean", "wrong")) == [1, 1, 1, 0, 1, 0]
    assert means(accuracy(table, "apgd-ce", "wrong")) == [1, 0, 1, 0, 0, 0]
    assert means(accuracy(table, "apgd-ce", "excluded")) == [1, 0, 1, 0, None, 0]
    # The failed example is correct again at the last probe, and the one broken by the first was not run.
    assert means(accuracy(table, "square", "wrong")) == [1, 0, 0, 0, 1, 0]


def test_what_an_earlier_probe_settled_is_not_asked_again():
    """A failure that ends an example: not run afterwards, and failed, not wrong; wrong outweighs failed."""
    table = tabulate(records(clean="CFFW", apgd_ce="C-WF"), ["apgd-ce"])
    assert means(accuracy(table, "apgd-ce", "excluded")) == [1, None, 0, None]
    assert means(survival(table, "", "excluded")) == [1, None, 0, 0]
    assert means(survival(table, "", "wrong")) == [1, 0, 0, 0]


@pytest.mark.parametrize("statistic", [survival, accuracy])
def test_nothing_is_said_where_a_verdict_is_missing(statistic):
    table = tabulate(records(clean="CC", apgd_ce="CC", square="C-"), ATTACKS)
    assert statistic(table, "square", "wrong") is None
    assert means(statistic(table, "apgd-ce", "wrong")) == [1, 1]
    assert statistic(table, "fab-t", "wrong") is None


def test_survival_asks_for_every_probe_and_accuracy_for_its_own():
    table = tabulate(records(clean="C.", apgd_ce="CC"))
    assert survival(table, "apgd-ce", "wrong") is None
    assert means(accuracy(table, "apgd-ce", "wrong")) == [1, 1]


def test_draws_are_averaged_within_an_example():
    table = tabulate(Records.concat([records(d, clean=x) for d, x in enumerate(["CCW", "CWF", "CCF", "CWC"])]))
    assert means(survival(table, "", "wrong")) == [1, 0.5, 0.25]
    scores = survival(table, "", "excluded")
    assert means(scores) == [1, 0.5, 0.5]
    assert scores.draws.tolist() == [4, 4, 2]
    assert scores.example.tolist() == [10, 11, 12]


def test_a_failed_block_is_failed_at_every_probe():
    table = tabulate(Records.concat([records(clean="CW", square="C-", apgd_ce="C-"), failed([20, 21])]), ATTACKS)
    assert table.probes == ("clean", "apgd-ce", "square")
    assert table.status[2:].tolist() == [[Status.FAILED] * 3] * 2
    for probe in ("clean", "square"):
        assert means(survival(table, probe, "wrong")) == [1, 0, 0, 0]
        assert means(accuracy(table, probe, "excluded")) == [1, 0, None, None]
    assert tabulate(failed([3])).probes == ("clean",)


def test_a_record_that_is_there_twice_is_refused():
    with pytest.raises(
        StoreError, match=r"^cell 7: example 11, draw 0, probe 'clean': expected one record, got 2 \(1 such\)"
    ):
        tabulate(Records.concat([records(clean="CW"), records(clean=".W")]), where="cell 7")


def test_no_records_no_scores():
    table = tabulate(Records.empty(), ATTACKS)
    assert len(table) == 0
    assert len(survival(table, "", "wrong").mean) == 0
    assert not complete(table, np.array([1]))
    assert not complete(table, np.array([], dtype=np.int64))


def test_complete_means_every_example_for_every_draw():
    both = [records(0, clean="CWC"), records(1, clean="CCC")]
    assert complete(tabulate(Records.concat(both)), np.array([12, 10, 11]))
    assert not complete(tabulate(Records.concat(both)), np.array([10, 11, 13]))
    short = Records.concat([records(0, clean="CWC"), records(1, clean="CC")])
    assert not complete(tabulate(short), np.array([10, 11, 12]))
    # A failed block has one draw only; its examples were all tried.
    assert complete(tabulate(Records.concat([short.where(short.example < 12), failed([12])])), np.array([10, 11, 12]))
    assert not complete(tabulate(records(clean="CC", apgd_ce="C-")), np.array([10, 11]))


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
    table = tabulate(cascade(lines), ATTACKS)
    path = [survival(table, p, "wrong").mean for p in table.probes]
    assert all(np.all(after <= before) for before, after in pairwise(path))
    np.testing.assert_array_equal(path[-1], survival(table, "", "wrong").mean)
    naive = [float(set(line) == {"C"}) for line in lines]
    np.testing.assert_array_equal(path[-1], naive)


@given(statuses, st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(lines, random):
    rows = cascade(lines)
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled, table = tabulate(rows.where(np.array(order)), ATTACKS), tabulate(rows, ATTACKS)
    assert shuffled.probes == table.probes
    for name in ("example", "draw", "status"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(table, name))


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
        table = tabulate(records, ("a", "b"))
        found = survival(table, "", "wrong")
        each = [accuracy(table, probe, "wrong") for probe in ("clean", "a", "b")]
        assert found is not None and all(e is not None for e in each)
        np.testing.assert_allclose(found.mean, np.min([e.mean for e in each if e is not None], axis=0))
    clean = accuracy(table, "clean", "wrong")
    assert clean is not None
    np.testing.assert_allclose(found.mean, clean.mean)
