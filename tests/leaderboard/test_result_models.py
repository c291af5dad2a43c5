"""The page of a method names each board once, in the order of its results."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

from trustdm.leaderboard.result_models import MethodPage


def test_boards_are_named_once_and_in_order() -> None:
    values: dict[str, Any] = {field.name: () for field in fields(MethodPage)}
    values["results"] = tuple(SimpleNamespace(board=name) for name in ("b", "a", "b"))
    assert MethodPage(**values).boards == ("b", "a")
