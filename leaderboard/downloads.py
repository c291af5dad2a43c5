"""Tables as files: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence

import numpy as np

from trustdm.bench.hashing import canonical_json
from trustdm.bench.printable import printable_lines
from trustdm.bench.reported import ReportedRow
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Status
from trustdm.leaderboard.boards import Part

FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROW = ("method", "version", "params", "suite_version", "seed", "origin", "currency", "completeness", "verification")
RANK = ("rank_low", "rank_high", "rank_group", "caveat", "conformance", "comparison", "separable", "n", "planned")
ENDS = ("low", "high", "n", "detail")
COST = ("wall_s", "device_s", "forwards", "gradients", "memory_bytes")


def rows_json(rows: Sequence[Row]) -> bytes:
    """A JSON list, one object for each row of a board."""
    return (json.dumps([row.as_json() for row in rows], indent=1, allow_nan=False) + "\n").encode()


def rows_csv(suite: Suite, rows: Sequence[Row]) -> bytes:
    """The board as CSV: marks, ranks, each metric with its interval, n and detail, costs; what is missing is empty."""
    metrics = [metric.name for metric in suite.metrics]
    parts = [f"{name}{'_' * bool(end)}{end}" for name in metrics for end in ("", *ENDS)]
    lines = ([_plain(value) for value in _line(row, metrics)] for row in rows)
    return _csv((*ROW, "flags", *RANK, *parts, *COST, "errors"), lines)


def _line(row: Row, metrics: Sequence[str]) -> list[object]:
    values = row.as_json()
    cost = values["cost"]
    fields: list[object] = [canonical_json(values[k]) if k == "params" else values[k] for k in ROW]
    fields += ["; ".join(row.flags), *(values[k] for k in RANK)]
    for name in metrics:
        value = row.metrics.get(name)
        fields += [getattr(value, part) for part in ("value", *ENDS)] if value else [None] * (1 + len(ENDS))
    fields += [cost[k] for k in COST] if isinstance(cost, dict) else [None] * len(COST)
    return [*fields, "; ".join(row.errors)]


def records_csv(parts: Sequence[Part], value: str = "value") -> bytes:
    """Every record of a row; ``value`` is what the protocol calls the number of a record."""
    return _csv(
        ("evaluation", "example", "draw", "probe", "status", "label", value, "norm"),
        (line for part in parts for line in plain_records(part)),
    )


def table_csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    """Any table; texts that a spreadsheet would run are made harmless."""
    return _csv(head, ([_plain(value) for value in line] for line in lines))


def reported_json(rows: Sequence[ReportedRow]) -> bytes:
    """A JSON list of published numbers, one object each."""
    return (json.dumps([row.as_json() for row in rows], indent=1, allow_nan=False) + "\n").encode()


def plain_records(part: Part) -> Iterable[Sequence[object]]:
    """Every record of a cell as the values of ``records_csv``; what a record does not have is None."""
    r = part.result.records.sorted()
    words = np.array([status.name.lower().replace("_", " ") for status in Status])
    label = [None if v < 0 else v for v in r.label.tolist()]
    value, norm = ([None if v != v else v for v in column.tolist()] for column in (r.value, r.norm))
    status = words[r.status].tolist()
    evaluation = [_plain(part.evaluation)] * len(r)
    names = {name: _plain(name) for name in set(r.probe.tolist())}
    probe = [names[name] for name in r.probe.tolist()]
    return zip(evaluation, r.example.tolist(), r.draw.tolist(), probe, status, label, value, norm, strict=True)


def _csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return out.getvalue().encode("utf-8", "replace")


def _plain(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; a bare CR would end the line."""
    if not isinstance(value, str):
        return value
    words = printable_lines(value)
    return f"'{words}" if value.startswith(FORMULA) else words
