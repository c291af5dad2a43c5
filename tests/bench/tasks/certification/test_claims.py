"""Counts of noisy draws that somebody handed in: what cannot be is seen, in whichever array it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from accounts import accounts, changed, first, found, with_array, with_column
from smoothed import certified_suite, measure

from trustdm.bench.store.account import BlockAccount, CellAccount
from trustdm.bench.types import Cost

Change = Callable[[BlockAccount], BlockAccount]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CellAccount]:
    """Two images with three chunks of draws each, and six images with declared radii."""
    suite = certified_suite(tmp_path_factory.mktemp("certified"))
    assert measure(suite, "bench.db", limit=2).failed == 0
    return accounts(suite.parent / "bench.db")


def test_what_was_measured_is_right(cells: dict[str, CellAccount]) -> None:
    assert set(cells) == {"fixed", "declared"} and all(found(cell) == [] for cell in cells.values())


def other_way(counts: np.ndarray) -> np.ndarray:
    """As many draws, of other classes."""
    return counts[:, ::-1].copy()


WRONG: list[tuple[str, Change, str]] = [
    ("fixed", with_array("counts", first(10**6)), "counts[0]: expected 20 draws, got 1000"),
    ("fixed", with_array("counts", other_way), "expected 20 draws and the class 8, as its counts have, got 20 and 1"),
    ("fixed", with_array("counts", lambda a: a - 1), "counts: expected counts of 10 classes, got others"),
    ("fixed", with_array("counts", lambda a: a[:, :5]), "counts: expected counts of 10 classes, got others"),
    ("fixed", with_array("counts", lambda a: a[1:]), "counts: expected whole numbers in 2 dimensions, a row for each"),
    ("fixed", with_array("counts", lambda a: a / 2), "counts: expected whole numbers in 2 dimensions"),
    ("fixed", with_array("counts", lambda a: None), "expected 'counts', got none of that name"),
    ("fixed", with_array("truth", lambda a: (a + 1) % 10), "truth[0]: expected "),
    ("fixed", with_array("truth", first(-1)), "truth[0]: expected "),
    ("fixed", with_column("value", first(21.0)), "example 0: expected 20 draws and the class"),
    ("fixed", with_column("label", first(10)), "expected labels from 0 to 9, got 10"),
    ("declared", with_array("trials", first(11)), "cannot be judged: image 0, chunk 0: expected chunks as planned"),
    ("declared", with_array("successes", first(11)), "at most as many successes as draws"),
    ("declared", with_array("trials", lambda a: a[:, :3]), "trials: expected "),
    ("declared", with_array("trials", lambda a: a * 0), "cannot be judged: "),
    ("declared", with_column("value", first(1.0)), "example 0: expected "),
    ("declared", with_array("truth", lambda a: (a + 1) % 10), "as the data set has it, got"),
]


@pytest.mark.parametrize(("evaluation", "change", "message"), WRONG)
def test_what_cannot_be_is_seen(cells: dict[str, CellAccount], evaluation: str, change: Change, message: str) -> None:
    (line,) = found(changed(cells[evaluation], change))
    assert line.startswith("fault: ") and message in line and "\n" not in line


def test_draws_that_stop_before_anything_is_decided(cells: dict[str, CellAccount]) -> None:
    """An image that is taken as it stands, because it looks well, is not one that the plan certified."""

    def early(block: BlockAccount) -> BlockAccount:
        none = {name: np.zeros_like(block.array(name)) for name in ("successes", "trials")}
        for array in none.values():
            array[:, 0] = 10
        none["successes"][:, 0] = 5
        records = replace(block.records, value=np.full(len(block.records), 30.0))
        return replace(block, records=records, array=lambda name: none[name] if name in none else block.array(name))

    (line,) = found(changed(cells["declared"], early))
    assert "trials[0]: expected more draws, as nothing is decided yet, got 10" in line


def test_fewer_passes_than_draws_are_a_doubt(cells: dict[str, CellAccount]) -> None:
    cheap = changed(cells["fixed"], lambda block: replace(block, row=replace(block.row, cost=Cost(wall=1.0))))
    (line,) = found(cheap)
    assert line.startswith("doubt: ") and "passes-missing: Says that fewer noisy images" in line
