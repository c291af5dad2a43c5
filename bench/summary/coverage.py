"""Records of one cell as a table of statuses, and whether all of them are there; numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.types import Status

FAILURE = "failure"
"""The probe of a block in which the method itself failed (``records.failed``): it speaks for every probe."""
FINE = (Status.CORRECT, Status.MADE)


@dataclass(frozen=True)
class Verdicts:
    """One line for each (example, draw), sorted: ``status`` (n, len(probes)), NOT_RUN where there is no record."""

    example: NDArray[np.int64]
    draw: NDArray[np.int64]
    probes: tuple[str, ...]
    status: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.example)


def tabulate(records: Records, order: Sequence[str] = (), where: str = "records") -> Verdicts:
    """The verdicts in ``records``; probes are those of ``order``, then others as they appear.

    The first of ``order`` is left out where nothing was recorded at it.

    ``where`` begins the message of an error.

    Raises:
        StoreError: an (example, draw, probe) is there twice, which would make every share wrong.
    """
    probes, column = _columns(records.probe, order)
    draws = int(records.draw.max(initial=0)) + 1
    unit, line = np.unique(records.example * draws + records.draw, return_inverse=True)
    cell = line * (len(probes) + 1) + column
    _refuse_repeats(records, cell, where)
    status = np.full((len(unit), len(probes) + 1), Status.NOT_RUN, dtype=np.int8)
    status.ravel()[cell] = records.status
    probed, failed = status[:, :-1], status[:, -1] == Status.FAILED
    probed[failed[:, None] & (probed == Status.NOT_RUN)] = Status.FAILED
    return Verdicts(unit // draws, unit % draws, probes, probed)


def complete(table: Verdicts, examples: NDArray[np.int64]) -> bool:
    """Whether every draw has every one of ``examples`` (a failed block speaks for all draws), no verdict missing."""
    failed = table.example[np.all(table.status == Status.FAILED, axis=1)]
    draws = [np.concatenate([table.example[table.draw == d], failed]) for d in np.unique(table.draw)]
    told = not np.any(settled(table.status) == Status.NOT_RUN)
    return told and bool(draws) and all(bool(np.isin(examples, have).all()) for have in draws)


def _columns(probe: NDArray[np.str_], order: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The probes in order, and for each record its column; a failure's column comes after the last probe's."""
    column = np.full(len(probe), -1, dtype=np.int64)
    named = list(dict.fromkeys(order))
    for i, name in enumerate(named):
        column[probe == name] = i
    failure = probe == FAILURE
    rest = np.flatnonzero((column < 0) & ~failure)
    names, first, which = np.unique(probe[rest], return_index=True, return_inverse=True)
    position = np.argsort(np.argsort(first))
    column[rest] = len(named) + position[which]
    named += [str(n) for n in names[np.argsort(first)]]
    if len(named) > 1 and np.any(~failure) and not np.any(column == 0) and order:
        named, column = named[1:], column - 1
    named = named or [FAILURE]
    column[failure] = len(named)
    return tuple(named), column


def _refuse_repeats(records: Records, cell: NDArray[np.int64], where: str) -> None:
    count = np.bincount(cell)
    if np.any(count > 1):
        at = int(np.flatnonzero(cell == count.argmax())[0])
        raise StoreError(
            f"{where}: example {records.example[at]}, draw {records.draw[at]}, probe '{records.probe[at]}': expected "
            f"one record, got {count.max()} ({int((count > 1).sum())} such); check the database"
        )


def settled(status: NDArray[np.int8]) -> NDArray[np.int8]:
    """What the probes (columns) say together: WRONG, else FAILED, else CORRECT if all are fine, else NOT_RUN."""
    wrong = np.any((status == Status.WRONG) | (status == Status.ABSTAINED), axis=1)
    failed, correct = np.any(status == Status.FAILED, axis=1), np.all(np.isin(status, FINE), axis=1)
    said = np.where(correct, np.int8(Status.CORRECT), np.int8(Status.NOT_RUN))
    return np.where(wrong, np.int8(Status.WRONG), np.where(failed, np.int8(Status.FAILED), said))
