"""What an array must be for its task to read it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trustdm.bench.tasks.claim import ROWS, ArrayForm

IMAGES = ArrayForm("f", ("shown", 1, 8, 8), 0, 1)
LABELS = ArrayForm("iu", ("shown",), -1, 9)


def fault(form: ArrayForm, array: Any, **sizes: int) -> str:
    return form.fault(np.asarray(array), {ROWS: 4, **sizes})


@pytest.mark.parametrize("rows", [1, 4])
def test_a_size_that_arrays_share_is_that_of_the_first(rows: int) -> None:
    sizes = {ROWS: 4}
    assert IMAGES.fault(np.zeros((rows, 1, 8, 8), np.float32), sizes) == ""
    assert LABELS.fault(np.zeros(rows, np.uint8), sizes) == ""
    assert LABELS.fault(np.zeros(rows + 1, int), sizes) == f"expected whole numbers ({rows},), got int64 ({rows + 1},)"


@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 2)])
def test_there_are_from_one_to_as_many_as_the_block_has(shape: tuple[int, ...]) -> None:
    assert fault(LABELS, np.zeros(shape, int)) == f"expected whole numbers (shown,), got int64 {shape}"


def test_rows_and_sizes_that_are_free() -> None:
    form = ArrayForm("f", (ROWS, None))
    assert fault(form, np.zeros((4, 7))) == ""
    assert fault(form, np.zeros((4, 0))) == "expected floats (4, any), got float64 (4, 0)"
    assert fault(form, np.zeros((3, 7))) == "expected floats (4, any), got float64 (3, 7)"


@pytest.mark.parametrize("dtype", [bool, complex, float, "U1"])
def test_of_another_kind(dtype: Any) -> None:
    assert fault(LABELS, np.zeros(4, dtype)).startswith("expected whole numbers (shown,), got ")


def test_blocks_of_whole_numbers_stay_whole_end_to_end() -> None:
    """numpy makes floats of uint64 beside int64: a site would then refuse what an import had taken."""
    told = "expected whole numbers that 64 bits with a sign hold, got uint64 (4,)"
    assert fault(LABELS, np.zeros(4, np.uint64)) == told
    assert all(fault(LABELS, np.zeros(4, kind)) == "" for kind in (np.uint32, np.int64, np.int8))
    assert fault(ArrayForm("u", (ROWS,), 0, 255), np.zeros(4, np.uint64)) == ""


@pytest.mark.parametrize("value", [-2, 10, 2**62])
def test_out_of_range(value: int) -> None:
    assert fault(LABELS, [0, value]) == "expected values from -1 to 9, got others"
    assert fault(ArrayForm("i", (None,), 0), [0, -1]) == "expected values from 0, got others"


def test_nan_is_in_no_range_and_half_precision_is_compared_whole() -> None:
    assert fault(ArrayForm("f", (None,), 0, 1), [np.nan]) == "expected values from 0 to 1, got others"
    assert fault(ArrayForm("f", (None,)), [np.nan]) == ""
    assert fault(ArrayForm("f", (None,), -1e30, 1e30), np.array([6e4], np.float16)) == ""
