"""What a table of verdicts says about each example: still correct after attacks, correct at one probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.summary.coverage import Verdicts, settled
from trustdm.bench.types import Status

CLEAN = "clean"
Failures = Literal["wrong", "excluded"]
Over = Literal["mean", "worst", "majority"]


@dataclass(frozen=True, eq=False)
class Shares:
    """A share for each example, ``values`` (n,): over its ``draws`` (n,) that count; NaN where none does."""

    example: NDArray[np.int64]
    values: NDArray[np.float64]
    draws: NDArray[np.int64]


def survival_scores(table: Verdicts, probe: str, failures: Failures, over: Over = "mean") -> Shares | None:
    """Whether each example is still correct after every probe up to ``probe`` ("": after all of them).

    With several draws: the least, over the probes, of the share of draws that are correct (``over`` "mean"), of
    whether all are ("worst"), or of whether more than half are ("majority"). (Asking one draw to be correct under every
    probe would let harmless noise add up over the probes.)

    Wrong or abstained anywhere is 0; else failed anywhere is 0, or is left out if ``failures`` is "excluded"; else 1.
    None where it cannot be known: the probe is not in the table, or a verdict is missing.
    """
    if probe and probe not in table.probes:
        return None
    upto = table.probes.index(probe) + 1 if probe else len(table.probes)
    if not np.any(table.draw):
        return _shares(table, settled(table.status[:, :upto]), failures, over)
    each = [_shares(table, _at(table, at), failures, over) for at in range(upto)]
    known = [shares for shares in each if shares is not None]
    if len(known) < upto:
        return None
    return Shares(known[-1].example, np.min([shares.values for shares in known], axis=0), known[-1].draws)


def accuracy_scores(table: Verdicts, probe: str, failures: Failures, over: Over = "mean") -> Shares | None:
    """Whether each example is correct at ``probe`` ("": "clean"), whatever the other probes said.

    A probe that was not run, because an earlier one had settled the example, has what the earlier one said. None as
    in ``survival``.
    """
    name = probe or CLEAN
    if name not in table.probes:
        return None
    return _shares(table, _at(table, table.probes.index(name)), failures, over)


def _at(table: Verdicts, at: int) -> NDArray[np.int8]:
    """The status at one probe; where it was not run, what the earlier probes had settled."""
    here, before = table.status[:, at], settled(table.status[:, :at])
    earlier = np.where(before == Status.CORRECT, np.int8(Status.NOT_RUN), before)
    return np.where(here == Status.NOT_RUN, earlier, here)


def _shares(table: Verdicts, outcome: NDArray[np.int8], failures: Failures, over: Over) -> Shares | None:
    if np.any(outcome == Status.NOT_RUN):
        return None
    counts = outcome != Status.FAILED if failures == "excluded" else np.ones(len(table), dtype=bool)
    example, which = np.unique(table.example, return_inverse=True)
    draws = np.bincount(which, weights=counts, minlength=len(example)).astype(np.int64)
    right = np.bincount(which, weights=outcome == Status.CORRECT, minlength=len(example))
    return Shares(example, np.where(draws > 0, _over(right, draws, over), np.nan), draws)


def _over(right: NDArray[Any], draws: NDArray[np.int64], over: Over) -> NDArray[np.float64]:
    """The draws of each example put together: ``right`` of ``draws`` (n,) are correct."""
    if over == "mean":
        return np.asarray(right / np.maximum(draws, 1), dtype=np.float64)
    return np.asarray(right == draws if over == "worst" else 2 * right > draws, dtype=np.float64)
