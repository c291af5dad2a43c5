"""A row that cannot be summed up: it stands on its board, unranked, with the reason, and costs no other row.

Whatever is stored may be a stranger's, of an older version or damaged: one bad cell must not take a board from its
reader. So that no bug of ours hides behind that, the reason names the type of the exception, and whoever prints or
publishes such rows says how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from trustdm.bench.records import CellResult
from trustdm.bench.scrub import reason
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Cost

SHOWN = 3
"""So many reasons stand in one warning."""


def refuse_unsound(row: Row) -> None:
    """Refuses a row that cannot be compared or written.

    Raises:
        ValueError: a number in it is infinite or none.
        TypeError: a value in it is no plain one.
    """
    json.dumps(row.as_json(), allow_nan=False)
    hash((row.params, row.shown, row.weights))


def broken_row(suite: str, results: Sequence[CellResult], error: Exception) -> Row:
    """What is still known of a row whose cells are ``results``, and why there is no more."""
    newest, words = results[-1], reason(error)
    identity = newest.identity
    return Row(
        method=str(identity.method),
        method_version=str(identity.method_version),
        params=(),
        suite=suite,
        suite_version=identity.suite_version,
        seed=identity.seed,
        origin=newest.origin,
        currency="current",
        completeness="preview",
        verification=newest.verification,
        flags=(),
        metrics={},
        rank_low=None,
        rank_high=None,
        rank_group="",
        rank_test="",
        cost=Cost(),
        n=0,
        planned=newest.planned,
        card=newest.card if isinstance(newest.card, dict) else {},
        cells=tuple(result.id for result in results),
        errors=(),
        lab=newest.lab,
        own=newest.own,
        lab_name=newest.lab_name,
        caveat=f"cannot be summed up: {words}",
        broken=words,
    )


def warning(broken: Iterable[str]) -> str:
    """The line that says how many rows are broken, and why; empty if none is."""
    lines = list(dict.fromkeys(broken))
    if not lines:
        return ""
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    count = "1 row" if len(lines) == 1 else f"{len(lines)} rows"
    remedy = "`trustdm db check` says more, `trustdm db hide` takes a cell off the boards"
    return f"{count} could not be shown in full: {'; '.join(lines[:SHOWN])}{more}; {remedy}"


def named(rows: Iterable[Row]) -> list[str]:
    """The broken ones among rows, each with its board, its method and the reason."""
    return [f"{row.suite}: {row.method} (cell {row.cells[-1]}): {row.broken}" for row in rows if row.broken]
