"""A set of images that somebody handed in: what cannot be is seen in its features, classes, passes and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from accounts import accounts, changed, first, found, with_array, with_column
from toygenerator import generation_suite, measure

from trustdm.bench.store.account import BlockAccount, CellAccount
from trustdm.bench.types import Cost

Change = Callable[[BlockAccount], BlockAccount]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> CellAccount:
    """The first block of images at two steps."""
    suite = generation_suite(tmp_path_factory.mktemp("generation"))
    assert measure(suite, "bench.db", limit=8).failed == 0
    return next(iter(accounts(suite.parent / "bench.db").values()))


def test_what_was_measured_is_right(cell: CellAccount) -> None:
    assert found(cell) == []


WRONG: list[tuple[Change, str]] = [
    (with_array("features", first(np.nan)), "features: expected finite numbers, got NaN or infinity"),
    (with_array("features", lambda a: a[:, :31]), "32), as digits-features gives, got float16"),
    (with_array("features", lambda a: a.astype("f4")), "features: expected float16"),
    (with_array("features", lambda a: None), "as digits-features gives, got none"),
    (with_array("samples", lambda a: a / 255), "samples: expected uint8"),
    (with_array("samples", lambda a: a[1:]), "samples: expected uint8"),
    (with_column("label", first(7)), "label of example 0: expected class 0, got class 7"),
    (with_column("label", first(-1)), "label of example 0: expected class 0, got no class"),
    (with_column("value", first(1.0)), "expected values that add up to the "),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_cannot_be_is_seen(cell: CellAccount, change: Change, message: str) -> None:
    (line,) = found(changed(cell, change))
    assert line.startswith("fault: ") and message in line and "\n" not in line


def test_fewer_passes_than_evaluations_are_a_doubt(cell: CellAccount) -> None:
    cheap = replace(
        cell,
        blocks=tuple(replace(block, row=replace(block.row, cost=Cost(wall=1.0))) for block in cell.blocks),
    )
    (line,) = found(cheap)
    assert line.startswith("doubt: ") and "passes-missing: Says that fewer images" in line
