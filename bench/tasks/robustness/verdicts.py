"""Records of one cell as a table of verdicts, and what a table says about each example; numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.types import Estimate, Status

CLEAN = "clean"
FAILURE = "failure"
"""The probe of a block in which the method itself failed (``records.failed``): it speaks for every probe."""

FINE = (Status.CORRECT, Status.MADE)
Failures = Literal["wrong", "excluded"]


@dataclass(frozen=True)
class Verdicts:
    """One line for each (example, draw), sorted: ``status`` (n, len(probes)), NOT_RUN where there is no record."""

    example: NDArray[np.int64]
    draw: NDArray[np.int64]
    probes: tuple[str, ...]
    status: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.example)


@dataclass(frozen=True)
class Scores:
    """A statistic of each example: ``mean`` over its draws, NaN where none counts; ``draws`` that count.

    ``estimate`` is that of the whole where the values are no shares in [0, 1].
    """

    example: NDArray[np.int64]
    mean: NDArray[np.float64]
    draws: NDArray[np.int64]
    estimate: Estimate | None = None


def tabulate(records: Records, attacks: Sequence[str] = (), where: str = "records") -> Verdicts:
    """The verdicts in ``records``; probes are "clean", ``attacks`` in their order, then others as they appear.

    ``where`` begins the message of an error.

    Raises:
        StoreError: an (example, draw, probe) is there twice, which would make every share wrong.
    """
    probes, column = _columns(records.probe, attacks)
    draws = int(records.draw.max(initial=0)) + 1
    unit, line = np.unique(records.example * draws + records.draw, return_inverse=True)
    cell = line * (len(probes) + 1) + column
    _refuse_repeats(records, cell, where)
    status = np.full((len(unit), len(probes) + 1), Status.NOT_RUN, dtype=np.int8)
    status.ravel()[cell] = records.status
    probed, failed = status[:, :-1], status[:, -1] == Status.FAILED
    probed[failed[:, None] & (probed == Status.NOT_RUN)] = Status.FAILED
    return Verdicts(unit // draws, unit % draws, probes, probed)


def survival(table: Verdicts, probe: str, failures: Failures) -> Scores | None:
    """Whether each example is still correct after every probe up to ``probe`` ("": after all of them).

    With several draws: the least, over the probes, of the share of draws that are correct. (Asking one draw to be
    correct under every probe would let harmless noise add up over the probes.)

    Wrong or abstained anywhere is 0; else failed anywhere is 0, or is left out if ``failures`` is "excluded"; else 1.
    None where it cannot be told: the probe is not in the table, or a verdict is missing.
    """
    if probe and probe not in table.probes:
        return None
    upto = table.probes.index(probe) + 1 if probe else len(table.probes)
    if not np.any(table.draw):
        return _scores(table, _so_far(table.status[:, :upto]), failures)
    each = [_scores(table, _at(table, at), failures) for at in range(upto)]
    told = [scores for scores in each if scores is not None]
    if len(told) < upto:
        return None
    return Scores(told[-1].example, np.min([scores.mean for scores in told], axis=0), told[-1].draws)


def accuracy(table: Verdicts, probe: str, failures: Failures) -> Scores | None:
    """Whether each example is correct at ``probe`` ("": "clean"), whatever the other probes said.

    A probe that was not run, because an earlier one had settled the example, has what the earlier one said. None as
    in ``survival``.
    """
    name = probe or CLEAN
    if name not in table.probes:
        return None
    return _scores(table, _at(table, table.probes.index(name)), failures)


def _at(table: Verdicts, at: int) -> NDArray[np.int8]:
    """The status at one probe; where it was not run, what the earlier probes had settled."""
    here, before = table.status[:, at], _so_far(table.status[:, :at])
    settled = np.where(before == Status.CORRECT, np.int8(Status.NOT_RUN), before)
    return np.where(here == Status.NOT_RUN, settled, here)


def complete(table: Verdicts, examples: NDArray[np.int64]) -> bool:
    """Whether every draw has every one of ``examples`` (a failed block speaks for all draws), no verdict missing."""
    failed = table.example[np.all(table.status == Status.FAILED, axis=1)]
    draws = [np.concatenate([table.example[table.draw == d], failed]) for d in np.unique(table.draw)]
    told = not np.any(_so_far(table.status) == Status.NOT_RUN)
    return told and bool(draws) and all(bool(np.isin(examples, have).all()) for have in draws)


def _columns(probe: NDArray[np.str_], attacks: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The probes in order, and for each record its column; a failure's column comes after the last probe's."""
    column = np.full(len(probe), -1, dtype=np.int64)
    named = list(dict.fromkeys([CLEAN, *attacks]))
    for i, name in enumerate(named):
        column[probe == name] = i
    failure = probe == FAILURE
    rest = np.flatnonzero((column < 0) & ~failure)
    names, first, which = np.unique(probe[rest], return_index=True, return_inverse=True)
    position = np.argsort(np.argsort(first))
    column[rest] = len(named) + position[which]
    named += [str(n) for n in names[np.argsort(first)]]
    if len(named) > 1 and np.any(~failure) and not np.any(column == 0):
        named, column = named[1:], column - 1
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


def _so_far(status: NDArray[np.int8]) -> NDArray[np.int8]:
    """What the probes (columns) say together: WRONG, else FAILED, else CORRECT if all are fine, else NOT_RUN."""
    wrong = np.any((status == Status.WRONG) | (status == Status.ABSTAINED), axis=1)
    failed, correct = np.any(status == Status.FAILED, axis=1), np.all(np.isin(status, FINE), axis=1)
    said = np.where(correct, np.int8(Status.CORRECT), np.int8(Status.NOT_RUN))
    return np.where(wrong, np.int8(Status.WRONG), np.where(failed, np.int8(Status.FAILED), said))


def _scores(table: Verdicts, outcome: NDArray[np.int8], failures: Failures) -> Scores | None:
    if np.any(outcome == Status.NOT_RUN):
        return None
    counts = outcome != Status.FAILED if failures == "excluded" else np.ones(len(table), dtype=bool)
    example, which = np.unique(table.example, return_inverse=True)
    draws = np.bincount(which, weights=counts, minlength=len(example)).astype(np.int64)
    right = np.bincount(which, weights=outcome == Status.CORRECT, minlength=len(example))
    return Scores(example, np.where(draws > 0, right / np.maximum(draws, 1), np.nan), draws)
