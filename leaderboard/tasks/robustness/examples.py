"""The table of single examples: what each probe of a row said about each image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustdm.bench.records import Records
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.robustness.verdicts import CLEAN
from trustdm.bench.types import Status
from trustdm.leaderboard import downloads, text
from trustdm.leaderboard.boards import Entry
from trustdm.leaderboard.result_models import ExampleRow, Examples

FIRST = 200
WORDS = {
    Status.CORRECT: "correct",
    Status.WRONG: "wrong",
    Status.NOT_RUN: "not run",
    Status.FAILED: "failed",
    Status.ABSTAINED: "abstained",
    Status.MADE: "made",
}
NONE = ("not-run", "")
Unit = tuple[int, int]


def table(suite: Suite, entry: Entry, name: str) -> tuple[Examples | None, dict[str, bytes]]:
    """The first examples of a row and the file with all of its records (by path); (None, {}) where it has none."""
    if not any(len(part.result.records) for part in entry.parts):
        return None, {}
    units = _units(suite, [part.result.records for part in entry.parts])
    first = {unit: at for at, unit in enumerate(units[:FIRST])}
    probes, columns = [], []
    for part in entry.parts:
        records = _of_first(part.result.records, first)
        for probe in dict.fromkeys(part.result.records.probe.tolist()):
            if probe == CLEAN and CLEAN in probes:
                continue
            probes.append(probe)
            columns.append(_column(records.where(records.probe == probe), first))
    draws = len({draw for _, draw in units}) > 1
    rows = tuple(
        ExampleRow(f"{example}, draw {draw}" if draws else str(example), tuple(column[at] for column in columns))
        for (example, draw), at in first.items()
    )
    path = _path(name)
    return Examples(tuple(probes), rows, len(units), f"../{path}"), {path: downloads.records_csv(entry.parts)}


def records_only(suite: Suite, entry: Entry, name: str) -> tuple[None, dict[str, bytes]]:
    """The file with all records of a row (by path) where single ones say nothing that is worth a table."""
    if not any(len(part.result.records) for part in entry.parts):
        return None, {}
    made = downloads.samples_csv if suite.generation else downloads.records_csv
    return None, {_path(name): made(entry.parts)}


def _path(name: str) -> str:
    return f"data/examples/{name}.csv"


def _units(suite: Suite, parts: Sequence[Records]) -> list[Unit]:
    """Every (example, draw) there is a record of, in the order of the suite's test list."""
    found = {unit for r in parts for unit in zip(r.example.tolist(), r.draw.tolist(), strict=True)}
    place = {example: at for at, example in enumerate(suite.test.tolist())}
    return sorted(found, key=lambda unit: (place.get(unit[0], len(place)), unit))


def _of_first(records: Records, first: dict[Unit, int]) -> Records:
    return records.where(np.isin(records.example, [example for example, _ in first]))


def _column(records: Records, first: dict[Unit, int]) -> list[tuple[str, str]]:
    """The cells of one probe, one for each of the first units: (CSS class, text)."""
    cells = [NONE] * len(first)
    columns = (records.example, records.draw, records.status, records.label, records.value)
    for example, draw, status, label, value in zip(*(c.tolist() for c in columns), strict=True):
        if (at := first.get((example, draw))) is not None:
            cells[at] = _cell(Status(status), label, value)
    return cells


def _cell(status: Status, label: int, value: float) -> tuple[str, str]:
    said = [WORDS[status]]
    if label >= 0:
        said.append(str(label))
    if value == value:
        said.append(text.signed(value))
    return WORDS[status].replace(" ", "-"), " ".join(said)
