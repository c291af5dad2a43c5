"""Whether a run and the times of a cell can be: commits that are none, ends before beginnings, days to come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trustdm.bench.store.account import CellAccount, Finding, fault
from trustdm.bench.store.rows import RunRow

AHEAD = timedelta(days=1)
"""By how much the clock of another machine may be ahead of this one's (a day also covers a time zone set wrongly)."""
APART = timedelta(minutes=10)
"""By how much the clocks may differ that two times of one cell were read from."""
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def moment(text: str) -> datetime:
    """The time that a text in ISO 8601 says; UTC where it names no zone.

    Raises:
        ValueError: it is no such text.
    """
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def of_run(run: RunRow, now: datetime) -> Iterator[Finding]:
    """What cannot be in a run by itself."""
    if run.commit and not COMMIT.fullmatch(run.commit):
        yield fault("commit", "a commit as 40 hex digits in lower case, or nothing", repr(run.commit))
    yield from _past("started", run.started, now)
    if run.finished is not None:
        yield from _past("finished", run.finished, now)
        yield from _after("finished", run.finished, "the run started", run.started)


def of_cell(cell: CellAccount, now: datetime) -> Iterator[Finding]:
    """What cannot be in the times of a cell, its blocks, and the runs that computed these."""
    yield from _past("created", cell.created, now)
    for block in cell.blocks:
        finished, run = block.row.finished, cell.runs.get(block.row.run_id)
        found = [*_past("finished", finished, now), *_after("finished", finished, "the cell was created", cell.created)]
        if run is not None:
            found += _after("finished", finished, "its run started", run.started)
        if run is not None and run.finished is not None and _later(finished, run.finished):
            found.append(fault("finished", f"a time before its run ended, {run.finished}", finished))
        yield from (replace(each, block=block.row.block) for each in found)


def _past(part: str, text: str, now: datetime) -> Iterator[Finding]:
    try:
        ahead = moment(text) - now > AHEAD
    except (ValueError, OverflowError):
        yield fault(part, "a time in ISO 8601", repr(text))
        return
    if ahead:
        today = now.isoformat(timespec="minutes")
        yield fault(
            part, f"a time that has been (it is {today} by this machine's clock: put that right if it is wrong)", text
        )


def _after(part: str, text: str, what: str, earlier: str) -> Iterator[Finding]:
    if _later(earlier, text):
        yield fault(part, f"a time after {what}, {earlier}", text)


def _later(text: str, other: str) -> bool:
    """Whether a time is later than another by more than clocks may differ; False where one is no time."""
    try:
        return moment(text) - moment(other) > APART
    except (ValueError, OverflowError):
        return False
