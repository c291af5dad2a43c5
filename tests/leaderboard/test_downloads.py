from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest

from trustdm.bench.suite.load import Suite
from trustdm.leaderboard import downloads
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.loading import load


@pytest.fixture
def board(world: Any, suites: list[Suite], fakes: list[Any]) -> Board:
    for fake in (fakes[0], fakes[5]):
        world.add(suites[0], fake)
    return load(world.store, suites[:1]).boards[0]


def lines(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_json_is_the_rows(board: Board) -> None:
    rows = [entry.row for entry in board.entries]
    assert json.loads(downloads.rows_json(rows)) == [json.loads(json.dumps(row.as_json())) for row in rows]


def test_csv_has_the_numbers_of_the_rows(board: Board) -> None:
    rows = [entry.row for entry in board.entries]
    for row, line in zip(rows, lines(downloads.rows_csv(board.suite, rows)), strict=True):
        estimate = row.metrics["autoattack_accuracy"]
        assert float(line["autoattack_accuracy"]) == estimate.value
        assert float(line["autoattack_accuracy_low"]) == estimate.low
        assert (line["method"], int(line["n"]), line["completeness"]) == (row.method, row.n, row.completeness)
        assert int(line["forwards"]) == row.cost.forwards


def test_the_records_of_a_row_come_back_from_its_csv(board: Board) -> None:
    entry = board.entries[1]
    found = lines(downloads.records_csv(entry.parts, value="margin"))
    assert len(found) == sum(len(part.result.records) for part in entry.parts)
    part = entry.parts[-1]
    records = part.result.records.sorted()
    mine = [line for line in found if line["evaluation"] == part.evaluation]
    assert [int(line["example"]) for line in mine] == records.example.tolist()
    assert [line["probe"] for line in mine] == records.probe.tolist()
    values = [float(line["margin"] or "nan") for line in mine]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(values, records.value, strict=True))
    assert {line["status"] for line in mine} == {"correct", "wrong", "not run"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_texts_that_a_spreadsheet_would_run_are_made_harmless(text: str) -> None:
    (line,) = csv.DictReader(io.StringIO(downloads._csv(("a",), [[downloads._plain(text)]]).decode(), newline=""))
    assert line["a"] == "'" + text.replace("\r", " ").replace("\t", " ")


def test_negative_numbers_stay_numbers() -> None:
    assert downloads._csv(("a",), [[downloads._plain(-0.5)]]) == b"a\n-0.5\n"
