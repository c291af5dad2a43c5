from __future__ import annotations

import numpy as np
import pytest

from trustdm.bench.records import Records, failed
from trustdm.bench.types import Status


def test_columns_left_out_are_none() -> None:
    r = Records.of("clean", [3, 4], [0, 1], draw=2)
    assert list(r.draw) == [2, 2] and list(r.label) == [-1, -1] and np.isnan(r.value).all() and np.isnan(r.norm).all()


def test_rows_are_compared_whatever_their_order() -> None:
    a = Records.of("clean", [3, 4], [0, 1], value=[0.1, np.nan])
    b = Records.of("pgd", [3, 4], [1, 2], norm=[0.1, np.nan])
    assert Records.concat([a, b]).equals(Records.concat([b, a]))
    assert not a.equals(Records.of("clean", [3, 4], [0, 1], value=[0.1, 0.2]))
    assert not a.equals(Records.concat([a, a]))
    assert len(Records.concat([])) == 0


def test_rows_can_be_chosen() -> None:
    a = Records.of("clean", [3, 4, 5], [0, 1, 0])
    assert list(a.where(a.status == Status.CORRECT).example) == [3, 5]


def test_columns_must_have_one_length() -> None:
    with pytest.raises(ValueError, match="columns of one length"):
        Records.of("clean", [1, 2], [0])


def test_a_failed_block_has_a_row_for_each_example() -> None:
    r = failed([5, 6])
    assert set(r.status) == {Status.FAILED} and list(r.example) == [5, 6]
