"""Whether the verdicts of a block agree with the margins beside them; checked where records were not made here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.records import Records
from trustdm.bench.store.consistency import first_fault
from trustdm.bench.types import Status

CLEAN = "clean"
WRITTEN = (Status.CORRECT, Status.WRONG, Status.NOT_RUN, Status.FAILED, Status.ABSTAINED)
"""What a verdict on an image may be; "made" has no margin, and would pass for a survivor."""
Mask = NDArray[np.bool_]


def margin_fault(records: Records) -> str:
    """The first row whose verdict contradicts its margin or norm, as one line; empty if none does.

    A margin of exactly 0 is a tie and may be judged either way.
    """
    return first_fault(records, _rules(records))


def _rules(records: Records) -> list[tuple[str, str, Mask]]:
    right, wrong = records.status == Status.CORRECT, records.status == Status.WRONG
    other = ~np.isin(records.status, WRITTEN)
    return [
        ("a verdict on an image", "", other),
        ("a label", "label", (right | wrong) & (records.label < 0)),
        ("a finite value", "value", (right | wrong) & ~np.isfinite(records.value)),
        ("a value of at least 0", "value", right & (records.value < 0)),
        ("a value of at most 0", "value", wrong & (records.value > 0)),
        ("no norm at the clean image", "norm", (records.probe == CLEAN) & ~np.isnan(records.norm)),
        ("another probe that settled the example", "", _skipped_without_cause(records)),
    ]


def _skipped_without_cause(records: Records) -> Mask:
    """Rows not run although everything else that was said of the example and draw, and something was, is correct."""
    _, unit = np.unique(np.stack([records.example, records.draw]), axis=1, return_inverse=True)
    unit = unit.reshape(-1)
    skipped, right = records.status == Status.NOT_RUN, records.status == Status.CORRECT
    only_right = np.bincount(unit, weights=~(skipped | right)) == 0
    some_right = np.bincount(unit, weights=right) > 0
    unfounded: Mask = skipped & (only_right & some_right)[unit]
    return unfounded
