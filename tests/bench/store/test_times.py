"""Times and commits that cannot be; what clocks may differ by is let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType

import pytest

from trustdm.bench.store import times
from trustdm.bench.store.account import BlockAccount, CellAccount
from trustdm.bench.store.rows import RunRow
from trustdm.bench.types import Block, Origin

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = RunRow("run-1", "2026-03-01T10:00:00+00:00", "2026-03-01T12:00:00+00:00", 0, "trustdm run", "f" * 40, False, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"commit": ""}, ""),
        ({"commit": "0" * 64}, ""),
        ({"commit": "F" * 40}, "commit: expected a commit as 40 hex digits in lower case, or nothing, got"),
        ({"commit": "f" * 39}, "commit: expected"),
        ({"commit": "v1.0"}, "commit: expected"),
        ({"finished": None}, ""),
        ({"started": "2026-03-03T11:00:00+00:00", "finished": None}, ""),
        ({"started": "2026-03-03T13:00:00+00:00", "finished": None}, "started: expected a time that has been"),
        ({"finished": "2026-03-01T09:55:00+00:00"}, ""),
        ({"finished": "2026-03-01T09:45:00+00:00"}, "finished: expected a time after the run started, 2026-03-01T10"),
        ({"finished": "2026-03-01T13:00:00+03:00"}, ""),
        ({"finished": "2026-03-01T12:00:00+03:00"}, "finished: expected a time after the run started"),
        ({"finished": "2026-03-01T12:00:00"}, ""),
        ({"started": "9999-12-31T23:59:59-12:00", "finished": None}, "started: expected a time"),
        ({"started": "yesterday"}, "started: expected a time in ISO 8601, got 'yesterday'"),
    ],
)
def test_a_run(changes: dict[str, object], message: str) -> None:
    lines = [found.at("", "") for found in times.of_run(replace(RUN, **changes), NOW)]  # type: ignore[arg-type]
    assert (lines == []) if not message else (len(lines) == 1 and lines[0].startswith(message)), lines


@pytest.mark.parametrize(
    ("created", "finished", "message"),
    [
        ("2026-03-01T10:30:00+00:00", "2026-03-01T11:00:00+00:00", ""),
        ("2026-02-01T10:30:00+00:00", "2026-03-01T11:00:00+00:00", ""),
        ("2026-03-01T11:05:00+00:00", "2026-03-01T11:00:00+00:00", ""),
        (
            "2026-03-01T11:30:00+00:00",
            "2026-03-01T11:00:00+00:00",
            "a time after the cell was created, 2026-03-01T11:30",
        ),
        ("2026-02-01T10:30:00+00:00", "2026-03-01T09:00:00+00:00", "a time after its run started, 2026-03-01T10:00"),
        ("2026-02-01T10:30:00+00:00", "2026-03-01T13:00:00+00:00", "a time before its run ended, 2026-03-01T12:00"),
        ("2027-02-01T10:30:00+00:00", "2027-03-01T13:00:00+00:00", "a time that has been"),
    ],
)
def test_a_cell(sample: ModuleType, created: str, finished: str, message: str) -> None:
    block = BlockAccount(sample.row(Block(0, 8), finished=finished), sample.records(Block(0, 8)), {}, lambda name: None)
    cell = CellAccount(sample.identity(), 8, Origin.MEASURED, created, {}, "", (block,), {RUN.id: RUN})
    found = list(times.of_cell(cell, NOW))
    assert bool(found) == bool(message) and all(message in found[0].words for _ in found)
    assert all(each.block == Block(0, 8) for each in found if each.part == "finished")
