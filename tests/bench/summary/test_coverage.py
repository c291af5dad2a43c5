"""Records of a cell as a table of verdicts, and whether all of them are there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records, failed
from trustdm.bench.summary.coverage import complete, settled, tabulate
from trustdm.bench.types import Status

LETTERS = {"C": Status.CORRECT, "W": Status.WRONG, "-": Status.NOT_RUN, "F": Status.FAILED, "A": Status.ABSTAINED}


ATTACKS = ("apgd-ce", "square")
ORDER = ("clean", *ATTACKS)
lines_of_letters = st.lists(st.tuples(*[st.sampled_from("CWFA-")] * 3), min_size=1, max_size=12)


def records(draw=0, **probes):
    """Examples 10, 11, ...; one letter for each example, "." for no record; _ in a name stands for -."""
    parts = []
    for name, letters in probes.items():
        rows = [(10 + i, LETTERS[x]) for i, x in enumerate(letters) if x != "."]
        parts.append(Records.of(name.replace("_", "-"), [e for e, _ in rows], [s for _, s in rows], draw=draw))
    return Records.concat(parts)


def test_a_table_has_one_line_for_each_example_and_draw():
    table = tabulate(Records.concat([records(1, clean="CW"), records(0, square="C.", clean="CW")]), ORDER)
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
    assert tabulate(records(apgd_ce="CC"), ["clean", "apgd-ce"]).status.tolist() == [[0], [0]]


def test_a_record_that_is_there_twice_is_refused():
    with pytest.raises(
        StoreError, match=r"^cell 7: example 11, draw 0, probe 'clean': expected one record, got 2 \(1 such\)"
    ):
        tabulate(Records.concat([records(clean="CW"), records(clean=".W")]), where="cell 7")


def test_complete_means_every_example_for_every_draw():
    both = [records(0, clean="CWC"), records(1, clean="CCC")]
    assert complete(tabulate(Records.concat(both)), np.array([12, 10, 11]))
    assert not complete(tabulate(Records.concat(both)), np.array([10, 11, 13]))
    short = Records.concat([records(0, clean="CWC"), records(1, clean="CC")])
    assert not complete(tabulate(short), np.array([10, 11, 12]))
    # A failed block has one draw only; its examples were all tried.
    assert complete(tabulate(Records.concat([short.where(short.example < 12), failed([12])])), np.array([10, 11, 12]))
    assert not complete(tabulate(records(clean="CC", apgd_ce="C-")), np.array([10, 11]))


def test_the_first_announced_probe_is_left_out_where_nothing_was_recorded_at_it():
    assert tabulate(records(apgd_ce="CC"), ORDER).probes == ("apgd-ce", "square")
    assert tabulate(records(clean="CC"), ORDER).probes == ORDER


def test_a_failed_block_is_failed_at_every_probe():
    table = tabulate(Records.concat([records(clean="CW", square="C-", apgd_ce="C-"), failed([20, 21])]), ORDER)
    assert table.probes == ORDER
    assert table.status[2:].tolist() == [[Status.FAILED] * 3] * 2
    assert tabulate(failed([3]), ["clean"]).probes == ("clean",) and tabulate(failed([3])).probes == ("failure",)
    assert tabulate(failed([3])).status.tolist() == [[Status.FAILED]]


def test_no_records_no_lines():
    table = tabulate(Records.empty(), ORDER)
    assert len(table) == 0
    assert not complete(table, np.array([1]))
    assert not complete(table, np.array([], dtype=np.int64))


@given(lines_of_letters)
def test_what_the_probes_say_together(lines):
    """Wrong or abstained anywhere, else failed anywhere, else correct if all are, else not known."""

    def naive(line):
        if set(line) & {"W", "A"}:
            return Status.WRONG
        if "F" in line:
            return Status.FAILED
        return Status.CORRECT if set(line) == {"C"} else Status.NOT_RUN

    status = np.array([[LETTERS[x] for x in line] for line in lines], dtype=np.int8)
    assert settled(status).tolist() == [naive(line) for line in lines]
    made = np.array([[Status.MADE, Status.CORRECT]], dtype=np.int8)
    assert settled(made).tolist() == [Status.CORRECT]


@given(lines_of_letters, st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(lines, random):
    rows = records(
        **{name.replace("-", "_"): "".join(x) for name, x in zip(ORDER, zip(*lines, strict=True), strict=True)}
    )
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled, table = tabulate(rows.where(np.array(order)), ORDER), tabulate(rows, ORDER)
    assert shuffled.probes == table.probes
    for name in ("example", "draw", "status"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(table, name))
