"""Reads the store once and sums it up: everything that the pages are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trustdm.bench import plugins, reported
from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.records import CellResult
from trustdm.bench.reported import ReportedRow
from trustdm.bench.store.rows import BlockRow, CellRow, RunRow
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.plugins import stored_suite
from trustdm.bench.summary import rows as summary
from trustdm.bench.summary.rows import Row
from trustdm.bench.tasks.generation import metrics as setscores
from trustdm.bench.types import Estimate, Origin
from trustdm.leaderboard import columns, names
from trustdm.leaderboard.scales import Scale

GALLERY = ("x", "x_adv", "gallery_examples", "gallery_labels", "gallery_predictions")
SAMPLES = "samples"


class Source(Protocol):
    """What the pages need of a store; ``bench.store.store.Store`` has it."""

    @property
    def lab(self) -> str: ...

    def results(self, suite: str | None = None) -> list[CellResult]: ...

    def cells(self, *, suite: str | None = None) -> list[CellRow]: ...

    def blocks(self, cell_id: int) -> dict[int, BlockRow]: ...

    def runs(self) -> list[RunRow]: ...

    def artefact_names(self, cell_id: int) -> list[tuple[int, str]]: ...

    def artefact(self, cell_id: int, start: int, name: str) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Gallery:
    """Attacked images of one cell: ``x`` and ``x_adv`` (m, C, H, W) in [0, 1]; ids, labels, predictions (m,)."""

    x: NDArray[np.float32]
    x_adv: NDArray[np.float32]
    examples: NDArray[np.int64]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """Generated images of one cell: ``images`` uint8 (m, C, H, W) and the classes asked for (m,), -1 for none."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One cell of a row, how it was run, and its attacked or generated images."""

    result: CellResult
    cell: CellRow
    blocks: tuple[BlockRow, ...]
    gallery: Gallery | None
    samples: Samples | None = None

    @property
    def evaluation(self) -> str:
        return self.result.identity.evaluation


@dataclass(frozen=True)
class Entry:
    """A row of a board with its cells, in the order of the suite's evaluations.

    ``suffix`` follows the title wherever the row is named; ``imported`` says that another store measured it.
    """

    row: Row
    parts: tuple[Part, ...]
    suffix: str = ""
    imported: bool = False

    @property
    def name(self) -> str:
        """What the row is called: unlike every other row of its board."""
        return names.name(self.row, self.suffix)


@dataclass(frozen=True)
class Board:
    """A suite and its rows, best first.

    Of a suite of generators: ``floors`` by the number of images, what held-out real images get; the ``extractor``'s
    card; and ``reported``, what others published.
    """

    suite: Suite
    entries: tuple[Entry, ...]
    floors: Mapping[int, Estimate] = field(default_factory=dict)
    extractor: ExtractorCard | None = None
    reported: tuple[ReportedRow, ...] = ()

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """The axes of the small bars, by metric."""
        return columns.axes(self.suite, [entry.row for entry in self.entries], list(self.floors.values()))

    def floor(self, row: Row | None = None) -> Estimate | None:
        """The floor for the sets of a row, or for those of a full one."""
        return self.floors.get(set_size(self.suite, row))

    @property
    def tested(self) -> bool:
        """Whether anything has been measured at full size on the suite as it is."""
        rows = (entry.row for entry in self.entries)
        return any(r.completeness == "full" and r.currency == "current" and r.origin is Origin.MEASURED for r in rows)


@dataclass(frozen=True)
class Site:
    """All boards, the runs by id, and all published numbers by suite (or other topic)."""

    boards: tuple[Board, ...]
    runs: Mapping[str, RunRow] = field(default_factory=dict)
    reported: Mapping[str, tuple[ReportedRow, ...]] = field(default_factory=dict)

    def methods(self) -> dict[str, list[tuple[Board, Entry]]]:
        """Every method's entries, by name, in the order of the boards."""
        found: dict[str, list[tuple[Board, Entry]]] = {}
        for board in self.boards:
            for entry in board.entries:
                found.setdefault(entry.row.method, []).append((board, entry))
        return dict(sorted(found.items()))


def load(store: Source, suites: Sequence[Suite]) -> Site:
    """Everything the pages of ``suites`` show.

    Raises:
        StoreError: the store cannot be read.
        SuiteError: a file of published numbers is wrong.
    """
    published = {name: reported.reported(name) for name in reported.suites()}
    boards = tuple(_board(store, suite, published.get(suite.name, ())) for suite in suites)
    return Site(boards, {run.id: run for run in store.runs()}, published)


def set_size(suite: Suite, row: Row | None = None) -> int:
    """How many images the sets have that a distance of ``row`` was taken of (None: of a full row); 0 without sets."""
    size = suite.generation.set if suite.generation else 0
    return min(size, row.n) if row else size


def stored(store: Source, suites: Sequence[Suite]) -> tuple[list[Suite], tuple[str, ...]]:
    """The suites that the store has results of and that are neither among ``suites`` nor shipped, each as its newest
    cell has it; and the names of those with results that get no page: unreadable, or shipped but not asked for.

    Raises:
        StoreError: the store cannot be read.
    """
    given = {suite.name for suite in suites}
    cells = [cell for cell in store.cells() if cell.identity.suite not in given and store.blocks(cell.id)]
    newest = {cell.identity.suite: cell.suite_content for cell in cells}
    found = {name: None if name in shipped() else _readable(name, newest[name]) for name in sorted(newest)}
    return [suite for suite in found.values() if suite], tuple(name for name, suite in found.items() if not suite)


def _readable(name: str, content: str) -> Suite | None:
    """The suite of that name; None where its content is of another version of this package, or was damaged."""
    try:
        suite = stored_suite(content, f"suite {name} in the database")
    except SuiteError:
        return None
    return suite if suite.name == name else None


def _board(store: Source, suite: Suite, published: tuple[ReportedRow, ...]) -> Board:
    results = store.results(suite.name)
    cells = {cell.id: cell for cell in store.cells(suite=suite.name)}
    parts = {r.id: _part(store, r, cells[r.id]) for r in results if r.id in cells}
    order = {name: at for at, name in enumerate(suite.evaluations)}
    rows = summary.rows(suite, [part.result for part in parts.values()])
    owned = [sorted((parts[i] for i in row.cells), key=lambda p: order.get(p.evaluation, len(order))) for row in rows]
    lab = store.lab
    named = [_named(row, parts[row.cells[0]].cell, lab) for row in rows]
    made = zip(rows, owned, names.suffixes(named), named, strict=True)
    entries = tuple(Entry(row, tuple(own), suffix, it.imported) for row, own, suffix, it in made)
    return Board(suite, entries, _floors(suite, rows), _extractor(suite), published)


def _floors(suite: Suite, rows: Sequence[Row]) -> dict[int, Estimate]:
    sizes = {set_size(suite), *(set_size(suite, row) for row in rows)} if suite.generation else set()
    found = {size: setscores.floor_of(suite, size) for size in sorted(sizes)}
    return {size: floor for size, floor in found.items() if floor}


def _extractor(suite: Suite) -> ExtractorCard | None:
    """The card of the suite's extractor; None where no plugin of that name is installed."""
    if suite.generation is None:
        return None
    try:
        card = plugins.load().registry.get("extractor", suite.generation.extractor).card
    except UnknownName:
        return None
    return card if isinstance(card, ExtractorCard) else None


def _named(row: Row, cell: CellRow, lab: str) -> names.Named:
    return names.Named(row, names.weights(cell.identity.weights) or cell.state_digest or "", cell.lab != lab)


def _part(store: Source, result: CellResult, cell: CellRow) -> Part:
    kept = store.artefact_names(result.id)
    shown = (0, GALLERY[0]) in kept and {name for start, name in kept if start == 0} >= set(GALLERY)
    arrays = [store.artefact(result.id, 0, name) for name in GALLERY] if shown else []
    gallery = Gallery(*arrays) if arrays else None
    return Part(result, cell, tuple(store.blocks(result.id).values()), gallery, _samples(store, result, kept))


def _samples(store: Source, result: CellResult, kept: Sequence[tuple[int, str]]) -> Samples | None:
    """The images that were kept with the first blocks; the j-th of the block at s is that of seed position s + j."""
    starts = sorted(start for start, name in kept if name == SAMPLES)
    parts = [store.artefact(result.id, start, SAMPLES) for start in starts]
    if not parts or any(p.dtype != np.uint8 or p.ndim != 4 or p.shape[1:] != parts[0].shape[1:] for p in parts):
        return None  # a file that was read in may hold anything
    where = np.concatenate([start + np.arange(len(part)) for start, part in zip(starts, parts, strict=True)])
    asked = dict(zip(result.records.example.tolist(), result.records.label.tolist(), strict=True))
    return Samples(np.concatenate(parts), np.array([asked.get(at, -1) for at in where.tolist()], dtype=np.int64))
