from __future__ import annotations

import dataclasses

import pytest

from trustdm.leaderboard import models
from trustdm.leaderboard.models import Cell, Column


@pytest.mark.parametrize(
    "kind", [v for v in vars(models).values() if isinstance(v, type) and v.__module__ == models.__name__]
)
def test_page_models_are_frozen_values_without_a_dictionary(kind: type) -> None:
    assert dataclasses.is_dataclass(kind) and "__slots__" in vars(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_the_classes_of_a_column_are_its_group_and_its_switch() -> None:
    assert Column("a", "A", "", "main").classes == "main"
    assert Column("a", "A", "", "more", switch="switch-2").classes == "more switch-2"


def test_a_cell_without_a_value_sorts_last() -> None:
    assert Cell("–").sort is None and Cell("–").state == ""
