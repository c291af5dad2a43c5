"""The table of single examples of a row: what every probe recorded of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trustdm.bench.records import Records
from trustdm.bench.types import Status
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.sections import Head, Line, TableSection

FIRST = 200
WORDS = {
    Status.CORRECT: "correct",
    Status.WRONG: "wrong",
    Status.NOT_RUN: "not run",
    Status.FAILED: "failed",
    Status.ABSTAINED: "abstained",
    Status.MADE: "made",
}
NONE = Cell("", state="not-run")
NOTE = "What was recorded of each: the status, the label and the value, where there is one."
Unit = tuple[int, int]


def table(
    board: Board, entry: Entry, href: str, note: str = NOTE, shared: frozenset[str] = frozenset()
) -> TableSection | None:
    """The first examples of a row, folded; None where it has no records.

    ``href`` is the address of the file with all of them. Probes in ``shared`` say the same in every evaluation, so
    that only the first has a column; where another name occurs twice, the evaluation stands below it.
    """
    parts = [part for part in entry.parts if part.view.per_example == 1 and len(part.result.records)]
    if not parts:
        return None  # positions of which several are one example have no place in a list of examples
    entry = replace(entry, parts=tuple(parts))
    units = _units(board, [part.result.records for part in parts])
    first = {unit: at for at, unit in enumerate(units[:FIRST])}
    heads, columns = [], []
    for evaluation, probe, records in _probes(entry, shared):
        heads.append((probe, evaluation))
        columns.append(_column(records, first))
    probes = [probe for probe, _ in heads]
    draws = len({draw for _, draw in units}) > 1
    lines = tuple(
        Line(f"{example}, draw {draw}" if draws else str(example), tuple(column[at] for column in columns))
        for (example, draw), at in first.items()
    )
    unit = board.suite.task.unit.capitalize()
    return TableSection(
        title=f"{unit} by {unit.lower()}",
        heads=tuple(Head(p, detail=e if probes.count(p) > 1 else "") for p, e in heads),
        lines=lines,
        note=note,
        corner=unit,
        folded=True,
        total=len(units),
        href=href,
    )


def _probes(entry: Entry, shared: frozenset[str]) -> Sequence[tuple[str, str, Records]]:
    """Every column: its evaluation, its probe, and the records of it."""
    columns, seen = [], set()
    for part in entry.parts:
        records = part.result.records
        for probe in dict.fromkeys(records.probe.tolist()):
            if probe not in shared or probe not in seen:
                columns.append((part.evaluation, probe, records.where(records.probe == probe)))
            seen.add(probe)
    return columns


def _units(board: Board, parts: Sequence[Records]) -> list[Unit]:
    """Every (example, draw) there is a record of, in the order of the suite's test list."""
    units = {unit for r in parts for unit in zip(r.example.tolist(), r.draw.tolist(), strict=True)}
    place = {example: at for at, example in enumerate(board.suite.test.tolist())}
    return sorted(units, key=lambda unit: (place.get(unit[0], len(place)), unit))


def _column(records: Records, first: dict[Unit, int]) -> list[Cell]:
    """The cells of one probe, one for each of the first units."""
    cells = [NONE] * len(first)
    near = records.where(np.isin(records.example, [example for example, _ in first]))
    columns = (near.example, near.draw, near.status, near.label, near.value)
    for example, draw, status, label, value in zip(*(c.tolist() for c in columns), strict=True):
        if (at := first.get((example, draw))) is not None:
            cells[at] = _cell(Status(status), label, value)
    return cells


def _cell(status: Status, label: int, value: float) -> Cell:
    words = [WORDS[status]]
    if label >= 0:
        words.append(str(label))
    if value == value:
        words.append(text.signed(value))
    return Cell(" ".join(words), state=WORDS[status].replace(" ", "-"))
