"""The conformance checks of a run: which methods are still to be checked, and which cells an outcome belongs to."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence

from trustdm.bench.conforms import Conformance
from trustdm.bench.plan import PlannedCell
from trustdm.bench.provenance import now
from trustdm.bench.registry import Registry, loaded
from trustdm.bench.runner.units import UnitResult
from trustdm.bench.store.store import Store

GIVEN_UP = "its rows say that they were not run"


class Checks:
    """Each method (version, parameters, weights, code) is checked once, by the checks as they are now.

    What this store found earlier is taken, unless ``fresh``; what another one found is not.
    """

    def __init__(self, store: Store, *, fresh: bool):
        self._store = store
        self._fresh = fresh
        self._lab = ""
        self._known: dict[str, Conformance] = {}
        self._asked: set[str] = set()
        self._waiting: dict[str, set[int]] = defaultdict(set)
        self._linked: dict[int, str] = {}

    def due(self, cell: PlannedCell) -> bool:
        """Whether the method of a cell is to be checked now; True once only."""
        if cell.checked is None or cell.checked.key in self._asked:
            return False
        key = cell.checked.key
        self._asked.add(key)
        found = None if self._fresh else self._store.conformance(key)
        if found is not None:
            self._known[key] = found
        return found is None

    def belongs(self, cell: PlannedCell, cell_id: int) -> None:
        """Notes that a stored cell is one of a method's: it refers to the outcome, which may come later."""
        if cell.checked is None:
            return
        key = cell.checked.key
        if key not in self._known:
            self._waiting[key].add(cell_id)
        elif self._linked.get(cell_id) != self._known[key].uid:
            self._store.link_conformance(self._known[key], [cell_id])
            self._linked[cell_id] = self._known[key].uid

    def take(self, result: UnitResult) -> Conformance | None:
        """Stores an outcome, and that the cells which wait for it refer to it."""
        checked = result.unit.cell.checked
        if checked is None:
            return None
        self._lab = self._lab or self._store.lab
        found = Conformance(
            uid=uuid.uuid4().hex,
            lab=self._lab,
            key=checked.key,
            about=checked.text,
            created=now(),
            device=result.device,
            seconds=result.cost.wall,
            checks=result.outcomes,
        )
        cells = sorted(self._waiting.pop(checked.key, set()))
        self._store.link_conformance(found, cells)
        self._known[checked.key] = found
        self._linked |= dict.fromkeys(cells, found.uid)
        return found


def failure(cell: PlannedCell, found: Conformance) -> str:
    """The line about a method that failed."""
    return f"{cell.spec}: failed conformance checks, so its rows are shown and not ranked: {'; '.join(found.messages)}"


def unfinished(result: UnitResult) -> str:
    """The line about checks that came to no end."""
    return f"{result.unit.cell.spec}: conformance checks were given up: {result.error}; {GIVEN_UP}"


def to_run(cells: Sequence[PlannedCell], store: Store | None, registry: Registry, *, fresh: bool) -> dict[str, int]:
    """The methods among these cells whose checks are not known yet, each with how many checks there are."""
    found: dict[str, int] = {}
    for cell in cells:
        if cell.checked is None or (store is not None and not fresh and store.conformance(cell.checked.key)):
            continue
        capability = registry.get("capability", cell.checked.capability).load()
        found.setdefault(f"{cell.spec} ({capability.name})", len(loaded(capability.checks)))
    return found
