"""The board of attacks: passes an image have a column where a method takes more than one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from toyboard import SUITE, cell, records

from trustdm.bench.summary.cell import CellView
from trustdm.leaderboard import columns
from trustdm.leaderboard.tasks.robustness.view import PASSES, VIEW


def board(*images: float) -> Any:
    """A board with a row for each number of images that went through networks for four classified ones."""
    entries = []
    for number, count in enumerate(images):
        counted = {"network_images": count, "classified_images": 4.0}
        clean = cell(number, "clean", records(SUITE.test, clean="CCCC"), diagnostics=counted)
        entries.append(SimpleNamespace(parts=(SimpleNamespace(view=CellView(SUITE, clean)),)))
    return SimpleNamespace(suite=SUITE, entries=entries)


@pytest.mark.parametrize(("images", "there"), [((4.0, 4.0), False), ((4.0, 84.0), True), ((0.0,), False), ((), False)])
def test_passes_have_a_column_where_a_method_takes_more_than_one(images: tuple[float, ...], there: bool) -> None:
    found = [column.key for column in columns.columns(SUITE, board(*images))]
    assert (PASSES in found) is there and "forwards" in found


def test_passes_are_those_of_an_image() -> None:
    passes = next(column for column in VIEW.costs(SUITE) if column.name == PASSES)
    assert [VIEW.cost(entry, passes) for entry in board(4.0, 84.0, 0.0).entries] == [1.0, 21.0, None]


def test_attacks_of_an_ensemble_are_parts_of_it() -> None:
    places = {metric.name: VIEW.place(SUITE, metric).kind for metric in SUITE.metrics}
    assert places == {"clean_accuracy": "main", "robust_accuracy": "main", "apgd_accuracy": "part"}
