"""Which methods are meant by ``--against``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TESTS, TINY

from trustdm.bench.plugins import load
from trustdm.bench.tasks.robustness.commands.against import Target, board, specs

STEPPED = TESTS / "plugins" / "stepped.py"


def target(db: Path | None, *names: str, files: tuple[Path, ...] = (STEPPED, TEMPLATES)) -> Target:
    catalogue = load(files)
    return Target(catalogue.suite(TINY), names, catalogue, None if db is None else str(db))


def called(of: Target) -> list[str]:
    return [str(spec) for spec in specs(of, board(of))]


def test_all_are_those_with_rows_and_names_come_beside_them(measured: Path) -> None:
    assert called(target(measured, "all")) == ["stepped"]
    assert called(target(measured, "templates", "all")) == ["templates", "stepped"]
    assert called(target(measured, "stepped", "all")) == ["stepped"]


def test_a_named_method_needs_no_database(tmp_path: Path) -> None:
    assert called(target(tmp_path / "none.db", "templates")) == ["templates"]


def test_a_row_whose_method_is_not_here_is_left_out(measured: Path, capsys: pytest.CaptureFixture[Any]) -> None:
    assert called(target(measured, "templates", "all", files=(TEMPLATES,))) == ["templates"]
    assert "left out: stepped: unknown method 'stepped'" in capsys.readouterr().err
