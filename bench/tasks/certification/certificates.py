"""Certificates of a cell from the counts that are stored; another alpha or radius needs no new draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.records import CellResult
from trustdm.bench.registry import Registry
from trustdm.bench.smoothing import fixed
from trustdm.bench.tasks.certification.sequential import SequentiallyCertified
from trustdm.bench.tasks.certification.task import certification, chunks_of
from trustdm.bench.types import Origin, Status

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import Evaluation
    from trustdm.bench.summary.cell import CellView

SEQUENTIAL = "certified-sequential"


@dataclass(frozen=True, eq=False)
class Certificates:
    """What is known of m images: ``example`` in the data set, whether the ``label`` is right, ``draws`` used.

    ``radius`` (m,) where every radius can be read off; ``declared`` radii and how many of them are ``certified`` where
    a sequential procedure decided those alone.
    """

    example: NDArray[np.int64]
    right: NDArray[np.bool_]
    abstained: NDArray[np.bool_]
    draws: NDArray[np.int64]
    radius: NDArray[np.float64] | None
    declared: tuple[float, ...] = ()
    certified: NDArray[np.int64] | None = None

    def reaches(self, radius: float) -> NDArray[np.bool_]:
        """Whether the right label is certified at ``radius`` (m,).

        Raises:
            UsageError: a sequential procedure did not declare this radius.
        """
        if self.radius is not None:
            return self.right & (self.radius >= radius) & ~self.abstained
        at = [i for i, r in enumerate(self.declared) if abs(r - radius) < 1e-12]
        if not at or self.certified is None:
            raise UsageError(undeclared(radius, self.declared))
        return self.right & (self.certified > at[0])


def undeclared(radius: float, declared: Sequence[float]) -> str:
    """Why a sequential certificate says nothing at ``radius``."""
    return (
        f"radius {radius:g}: expected one of the declared radii {', '.join(f'{r:g}' for r in declared)}: a sequential "
        "certificate stops when these are decided, and holds for these and their alpha only"
    )


def certificates(cell: CellView) -> Certificates | None:
    """The certificates of the images that have all their draws, in the order of the data set.

    None for a cell of the suite as it once was: its noise and its chunks were others.

    Raises:
        DataError: what is stored does not fit the suite.
    """
    suite, result = cell.suite, cell.result
    if not cell.current:
        return None
    if result.origin is Origin.REPORTED:
        return _reported(result)
    if not len(result.records) or not (result.records.status == Status.MADE).all():
        return None
    spec = suite.evaluations.get(result.identity.evaluation)
    if spec is None:
        return None
    found = _sequential(suite, spec, result) if spec.protocol == SEQUENTIAL else _fixed(suite, spec, result)
    if found is None or not len(found.example):
        return None
    order = np.argsort(found.example)
    return Certificates(
        example=found.example[order],
        right=found.right[order],
        abstained=found.abstained[order],
        draws=found.draws[order],
        radius=None if found.radius is None else found.radius[order],
        declared=found.declared,
        certified=None if found.certified is None else found.certified[order],
    )


def _reported(result: CellResult) -> Certificates:
    """A published log: the radius is the size of a record's value (``bench.tasks.certification.import_log``)."""
    records = result.records.sorted()
    return Certificates(
        example=records.example,
        right=records.status == Status.CORRECT,
        abstained=records.status == Status.ABSTAINED,
        draws=np.full(len(records), int(result.diagnostics.get("draws", 0)), dtype=np.int64),
        radius=np.abs(records.value),
    )


def _fixed(suite: Suite, spec: Evaluation, result: CellResult) -> Certificates | None:
    counts, truth = result.arrays("counts"), result.arrays("truth")
    table, chunks = certification(suite), chunks_of(suite, result.identity.evaluation)
    if counts is None or truth is None:
        return None
    records = result.records.sorted()
    _check_shape(suite, result, counts=counts, truth=truth)
    place, chunk = np.divmod(records.example, chunks)
    _check_places(suite, result, place)
    wanted = np.array([table.selection, *[table.chunk] * (chunks - 1)])
    wanted[-1] = table.estimation - (chunks - 2) * table.chunk
    made = counts.sum(axis=1)
    if (counts < 0).any() or (made != wanted[chunk]).any() or (made != records.value).any():
        raise DataError(f"cell {result.id}: expected the counts of as many draws as the suite asks for, got others")
    whole = np.flatnonzero(np.bincount(place) == chunks)
    rows = np.isin(place, whole)
    each = counts[rows].reshape(len(whole), chunks, -1).astype(np.int64)
    sigma, alpha = float(Fraction(str(spec.params["sigma"]))), float(Fraction(table.alpha))
    found = fixed.certify(each[:, 0], each[:, 1:].sum(axis=1), sigma, alpha)
    return Certificates(
        example=suite.test[whole],
        right=found.selected == truth[rows][::chunks],
        abstained=found.label == fixed.ABSTAIN,
        draws=each.sum(axis=(1, 2)),
        radius=found.radius,
    )


def _check_shape(suite: Suite, result: CellResult, **arrays: NDArray[Any]) -> None:
    """Refuses arrays that are not whole numbers with a row for each record: a file that was read in may hold anything.

    Raises:
        DataError: another type, or another number of rows.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "iu" or len(array) != len(result.records) or array.ndim != 1 + (name != "truth"):
            raise DataError(
                f"cell {result.id}: {name}: expected whole numbers, a row for each of {len(result.records)} records, "
                f"got {array.dtype} {array.shape}"
            )
    if "counts" in arrays and arrays["counts"].shape[1] != suite.data.classes:
        raise DataError(f"cell {result.id}: expected counts of {suite.data.classes} classes, got another number")


def _check_places(suite: Suite, result: CellResult, place: NDArray[np.int64]) -> None:
    """Refuses images beyond the test list, before anything is counted by their number.

    Raises:
        DataError: there is one.
    """
    if len(place) and not 0 <= place.min() <= place.max() < len(suite.test):
        raise DataError(
            f"cell {result.id}: expected images from 0 to {len(suite.test) - 1} of the test list, got {place.max()}"
        )


def _sequential(suite: Suite, spec: Evaluation, result: CellResult) -> Certificates | None:
    successes, trials, truth = (result.arrays(name) for name in ("successes", "trials", "truth"))
    if successes is None or trials is None or truth is None:
        return None
    _check_shape(suite, result, successes=successes, trials=trials, truth=truth)
    records = result.records.sorted()
    _check_places(suite, result, records.example)
    selection = certification(suite).selection
    plan = SequentiallyCertified(Registry(), **spec.params).plan(selection)
    found = plan.decide(successes, trials)
    silent = found.certified == 0 if plan.radii[0] == 0 else np.zeros(len(truth), dtype=bool)
    return Certificates(
        example=suite.test[records.example],
        right=records.label == truth,
        abstained=silent,
        draws=selection + found.used,
        radius=None,
        declared=plan.radii,
        certified=found.certified,
    )
