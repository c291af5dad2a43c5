"""Whether the columns of a block's records agree with each other, as far as that follows from the statuses alone.

Checked where records were not made by this process: on import, and when a store is checked. What a task's values mean
only its protocols know, and what they may be beside a suite and its data only its task: ``examiner`` asks both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.records import Records
from trustdm.bench.types import Status

Mask = NDArray[np.bool_]


def problem(records: Records) -> str:
    """The first row of a block that contradicts its status, as one line; empty if none does."""
    return first_fault(records, _rules(records))


def first_fault(records: Records, rules: list[tuple[str, str, Mask]]) -> str:
    """The first row that breaks one of ``rules``: what is expected, of which column ("": none), which rows break it."""
    for expected, column, wrong in rules:
        if wrong.any():
            at = int(np.argmax(wrong))
            place = f"probe {str(records.probe[at])!r}, draw {records.draw[at]}, example {records.example[at]}"
            got = getattr(records, column)[at] if column else "none"
            return f"{place}: status {STATUSES.get(int(records.status[at]), 'unknown')}: expected {expected}, got {got}"
    return ""


def amount_fault(records: Records, written: Sequence[Status] = (Status.MADE,)) -> str:
    """The first row that is neither ``written`` nor failed, or was made without a finite amount of at least 0."""
    made = records.status == Status.MADE
    expected = " or ".join(STATUSES[int(s)] for s in (*written, Status.FAILED))
    rules = [
        (f"the status {expected}", "", ~np.isin(records.status, (*written, Status.FAILED))),
        ("a value of at least 0", "value", made & ~(records.value >= 0)),
        ("a finite value", "value", np.isin(records.status, written) & ~np.isfinite(records.value)),
    ]
    return first_fault(records, rules)


STATUSES = {
    int(Status.CORRECT): "correct",
    int(Status.WRONG): "wrong",
    int(Status.NOT_RUN): "not_run",
    int(Status.FAILED): "failed",
    int(Status.ABSTAINED): "abstained",
    int(Status.MADE): "made",
}


def _rules(records: Records) -> list[tuple[str, str, Mask]]:
    silent = (records.status == Status.NOT_RUN) | (records.status == Status.FAILED)
    return [
        ("no label", "label", silent & (records.label >= 0)),
        ("no value", "value", silent & ~np.isnan(records.value)),
        ("no norm", "norm", silent & ~np.isnan(records.norm)),
    ]
