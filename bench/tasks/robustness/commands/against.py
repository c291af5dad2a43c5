"""Runs a further evaluation against methods: those that are named, or all that have rows on a board."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustdm.bench.errors import TrustdmError, UsageError

if TYPE_CHECKING:
    from trustdm.bench.plan import MethodSpec, PlannedCell
    from trustdm.bench.plugins import Catalogue
    from trustdm.bench.request import Request
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.summary.row import Row

ALL = "all"


@dataclass(frozen=True)
class Target:
    """The methods of a board that are meant by ``names``: as they are typed, or "all" that have a row in ``db``."""

    suite: Suite
    names: tuple[str, ...]
    catalogue: Catalogue
    db: str | None


def run(request: Request, target: Target, *, dry_run: bool) -> int:
    """Measures the request's further evaluation of every method that is meant; the exit code.

    Raises:
        TrustdmError: an unknown name, a method that does not fit, no row on the board.
    """
    from trustdm.bench import api
    from trustdm.bench.cli import console, measure

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows = board(target)
    prepared = api.prepare(request, specs(target, rows), target.catalogue)
    measure.explain(request, prepared)
    for cell in prepared.cells:
        if not any(_is_of(row, cell) for row in rows):
            console.warn(
                f"trustdm: {cell.spec} has no row of this version, weights and seed on the board, whose number could "
                f"fall; measure one: trustdm run {target.suite.name_or_file} --method {cell.spec}"
            )
    if dry_run:
        return measure.told_first(request, prepared, target.db)
    return measure.carried_out(request, prepared, target.db)


def board(target: Target) -> list[Row]:
    """The current rows of the board that were measured."""
    from trustdm.bench.cli.show import stored_rows
    from trustdm.bench.types import Origin

    missing = target.db is not None and not _exists(target.db)
    rows = [] if missing and ALL not in target.names else stored_rows(target.suite, target.db)
    return [r for r in rows if r.currency == "current" and r.origin is Origin.MEASURED and not r.broken]


def _exists(db: str) -> bool:
    from pathlib import Path

    from trustdm.bench.plainfiles import there

    return "://" in db or there(Path(db))


def specs(target: Target, rows: Sequence[Row]) -> list[MethodSpec]:
    """The methods that are meant; of all that have rows those that are registered here and can be loaded.

    Raises:
        UsageError: there is none.
        UnknownName: nobody registered a method that is named.
    """
    from trustdm.bench.cli import console
    from trustdm.bench.plan import MethodSpec, choose, described, fits

    named = [name for name in target.names if name != ALL]
    registry = target.catalogue.registry
    with target.catalogue.explained():
        found = choose(target.suite, registry, named) if named else []
    for row in rows if ALL in target.names else ():
        spec = MethodSpec(row.method, tuple(sorted(row.params)))
        try:
            problem = fits(described(registry, spec)[0], target.suite, registry)
        except TrustdmError as error:
            problem = str(error)
        if problem:
            console.warn(f"trustdm: left out: {spec}: {problem}")
        elif spec not in found:
            found.append(spec)
    if not found:
        raise UsageError(
            f"--against: expected methods with a row of {target.suite.name} in the database, got none; name one, or "
            f"measure some: trustdm run {target.suite.name_or_file}"
        )
    return found


def _is_of(row: Row, cell: PlannedCell) -> bool:
    it = cell.identity
    said = (row.method, row.method_version, tuple(sorted(row.params)), row.weights, row.seed)
    return said == (it.method, it.method_version, it.method_params, it.weights, it.seed)
