"""The result store: runs, cells, blocks and records in a database, arrays in shard files beside it.

A block is committed whole, in one transaction, and is immutable from then on; only a block in which the method failed
gives way to a new result. A correction is a new attempt at the cell that supersedes the old one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select

from trustdm.bench.conforms import Conformance
from trustdm.bench.errors import StoreError
from trustdm.bench.records import CellResult, Records
from trustdm.bench.store import assets, checking, conformances, hiding, ingest, labs, reading, schema, writing
from trustdm.bench.store.address import parse
from trustdm.bench.store.checking import Checked
from trustdm.bench.store.database import Database, explained, open_database
from trustdm.bench.store.hiding import Hidden
from trustdm.bench.store.labs import Lab
from trustdm.bench.store.rows import NOTHING, AssetRow, BlockRow, CellRow, Held, NewCell, RunRow
from trustdm.bench.store.shards import Shards
from trustdm.bench.store.writing import CellMarks
from trustdm.bench.types import CellIdentity, Cost, Origin, RunInfo

if TYPE_CHECKING:
    from trustdm.bench.store.examiner import Examiner

BUSY_SECONDS = 60.0
FOLDER = "artefacts"
"""What a URL calls the folder of the shards."""
AWAY = Path("results/artefacts")
"""Where shards are, from the current folder, of a database that is no file."""


class Store:
    """An open store; use it as a context manager, in the process (and not across a fork) that opened it."""

    def __init__(self, database: Database, shards: Shards | None):
        self.database = database
        self.shards = shards

    @classmethod
    def open(
        cls,
        url: str | Path,
        *,
        read_only: bool = False,
        must_exist: bool = False,
        artefacts: Path | None = None,
        timeout: float = BUSY_SECONDS,
    ) -> Store:
        """The store at a path (SQLite) or a database URL.

        Opened for writing, the folder and the tables are created where they are missing, and a first write proves
        that there will be others; ``must_exist`` refuses a SQLite path where nothing is. ``artefacts`` is the folder
        of the shards: by default that of the URL (``?artefacts=FOLDER``), ``artefacts`` beside a SQLite file,
        ``results/artefacts`` under the current folder for a server, none in memory. ``timeout`` is how many seconds to
        wait for another writer.

        Raises:
            StoreError: not a result database, newer than this code, missing, not writable, locked or full.
        """
        where, named = _divided(str(url))
        folder = artefacts or named or _beside(where)
        database = open_database(where, read_only=read_only, must_exist=must_exist, timeout=timeout)
        shards = Shards(folder) if folder else None
        if shards and not read_only:
            try:
                with explained(str(folder)):
                    shards.prepare()
            except StoreError:
                database.close()
                raise
        return cls(database, shards)

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # Runs and cells

    def begin_run(self, info: RunInfo) -> None:
        """Stores a run that starts."""
        with self.database.writing() as connection:
            writing.add_run(connection, info)

    def finish_run(self, run_id: str, exit_code: int) -> None:
        """Freezes a run with the time and its exit code; a second call changes nothing.

        Raises:
            StoreError: there is no such run.
        """
        with self.database.writing() as connection:
            writing.end_run(connection, run_id, writing.now(), exit_code)

    def cell(
        self,
        identity: CellIdentity,
        *,
        planned: int,
        code_digest: str,
        card: Mapping[str, object],
        suite_content: str,
    ) -> CellRow:
        """The newest attempt of this store at a cell, created where there is none; imported ones stay as they are.

        An existing cell keeps its ``code_digest``: whoever resumes it compares.
        """
        with self.database.writing() as connection:
            found = writing.newest(connection, identity)
            if found is None:
                new = NewCell(identity, planned, code_digest, card, suite_content)
                found = writing.add_cell(connection, new, CellMarks.new(writing.lab(connection), None))
            return reading.cell(connection, found)

    def fresh_cell(
        self,
        identity: CellIdentity,
        *,
        planned: int,
        code_digest: str,
        card: Mapping[str, object],
        suite_content: str,
    ) -> CellRow:
        """A new, empty attempt at a cell that supersedes the newest one."""
        new = NewCell(identity, planned, code_digest, card, suite_content)
        with self.database.writing() as connection:
            marks = CellMarks.new(writing.lab(connection), writing.newest(connection, identity))
            return reading.cell(connection, writing.add_cell(connection, new, marks))

    def reported_cell(
        self,
        identity: CellIdentity,
        *,
        planned: int,
        code_digest: str,
        card: Mapping[str, object],
        suite_content: str,
    ) -> CellRow:
        """A new, empty cell for records that somebody else published; it supersedes what was read in before."""
        new = NewCell(identity, planned, code_digest, card, suite_content)
        with self.database.writing() as connection:
            marks = CellMarks.new(writing.lab(connection), writing.newest(connection, identity))
            return reading.cell(connection, writing.add_cell(connection, new, replace(marks, origin=Origin.REPORTED)))

    def set_state_digest(self, cell_id: int, digest: str) -> None:
        """Stores the fingerprint of the loaded weights, the first time.

        Raises:
            CodeChanged: the cell was started with other weights.
        """
        with self.database.writing() as connection:
            writing.set_state(connection, cell_id, digest)

    def link_assets(self, cell_id: int, rows: Mapping[str, AssetRow]) -> None:
        """Notes the prepared assets that a cell is computed from, once, by name.

        Raises:
            CodeChanged: the cell was started with an asset of another content.
        """
        if rows:
            with self.database.writing() as connection:
                assets.link(connection, cell_id, rows)

    def conformance(self, key: str) -> Conformance | None:
        """What this store found last in the conformance checks of that key; None where it ran none."""
        with self.database.reading() as connection:
            if not conformances.there(connection):
                return None
            return conformances.newest(connection, key, writing.lab(connection))

    def link_conformance(self, found: Conformance, cells: Collection[int]) -> None:
        """Stores an outcome of conformance checks, and that these cells refer to it."""
        with self.database.writing() as connection:
            conformances.link(connection, found, cells)

    def assets(self, cell_id: int) -> dict[str, AssetRow]:
        """The prepared assets of a cell, by name."""
        with self.database.reading() as connection:
            return assets.of_cell(connection, cell_id)

    # Blocks

    def commit(
        self,
        cell_id: int,
        row: BlockRow,
        records: Records,
        diagnostics: Mapping[str, float] = NOTHING,
        artefacts: Mapping[str, NDArray[Any]] = NOTHING,
    ) -> bool:
        """Stores a block with all that belongs to it; False, and nothing changes, if it is stored as done already.

        A stored block in which the method failed gives way, in the same transaction, with all that belongs to it.
        ``records`` must hold each of the block's examples once for every (probe, draw) they speak of.

        Raises:
            StoreError: records that do not fit the block, an overlap, a locked, read-only or full database.
        """
        where = f"cell {cell_id}, block {row.block.start}..{row.block.stop}"
        ingest.check_records(where, row.block, records)
        with self.database.writing() as connection:
            if not writing.make_room(connection, cell_id, row.block):
                return False
            pieces = self._shards().write(artefacts) if artefacts else []
            ingest.add_block(connection, cell_id, row, records, diagnostics, pieces)
        return True

    def blocks(self, cell_id: int) -> dict[int, BlockRow]:
        """The blocks of a cell by their start, failed ones included."""
        with self.database.reading() as connection:
            return reading.blocks(connection, cell_id)

    def blocks_of(self, suite: str | None = None, method: str | None = None) -> dict[int, tuple[BlockRow, ...]]:
        """The blocks of every cell (of one suite, of one method) that has some, by its id, in order."""
        with self.database.reading() as connection:
            return reading.all_blocks(connection, suite, method)

    def record_counts(self) -> dict[int, int]:
        """How many records each cell has that has some, by its id."""
        with self.database.reading() as connection:
            return {cell_id: extent.count for cell_id, extent in reading.extents(connection).items()}

    def contents(self) -> list[Held]:
        """Which cells hold something, in the order they were created: what a listing needs, and no more."""
        with self.database.reading() as connection:
            return reading.held(connection)

    # Results

    @property
    def lab(self) -> str:
        """The id of this store: cells with another one were imported."""
        with self.database.reading() as connection:
            return writing.lab(connection)

    def labs(self) -> list[Lab]:
        """This store, then every other one whose cells it has."""
        with self.database.reading() as connection:
            return labs.every(connection)

    def name_lab(self, lab: str, name: str) -> Lab:
        """Gives a lab a name, which boards show beside its rows; see ``labs.name``.

        Raises:
            UsageError: no such lab, or a name that cannot be given.
        """
        with self.database.writing() as connection:
            return labs.name(connection, lab, name)

    def name_unnamed(self, name: str, ids: Collection[str]) -> None:
        """Names other labs that have no name yet."""
        with self.database.writing() as connection:
            labs.name_unnamed(connection, name, ids)

    def hide(self, cell: str, why: str) -> Hidden:
        """Hides a cell, given by id or uid; see ``hiding``.

        Raises:
            UsageError: no such cell, one that is hidden, or no reason.
        """
        with self.database.writing() as connection:
            return hiding.hide(connection, cell, why)

    def unhide(self, cell: str) -> Hidden:
        """Shows a hidden cell again.

        Raises:
            UsageError: no such cell, or one that is not hidden.
        """
        with self.database.writing() as connection:
            return hiding.unhide(connection, cell)

    def hidden(self) -> list[Hidden]:
        """The cells that are hidden, in the order they were created."""
        with self.database.reading() as connection:
            return hiding.hidden(connection)

    def unreadable(self, suite: str | None = None) -> list[str]:
        """The cells (of one suite) that every list leaves out because their texts cannot be read, one line each."""
        with self.database.reading() as connection:
            return reading.unreadable(connection, suite)

    def cells(self, *, suite: str | None = None, method: str | None = None) -> list[CellRow]:
        """Cells in the order they were created; every attempt, superseded or not, but for hidden ones."""
        with self.database.reading() as connection:
            return reading.cells(connection, suite=suite, method=method)

    def get_cell(self, cell_id: int) -> CellRow:
        """The cell of that id.

        Raises:
            StoreError: there is none.
        """
        with self.database.reading() as connection:
            return reading.cell(connection, cell_id)

    def result(self, cell: CellRow) -> CellResult:
        """All that is stored about one cell, for the summary."""
        found = {r.id: r for r in self.results(cell.identity.suite, cell.identity.method)}
        return found[cell.id]

    def results(self, suite: str | None = None, method: str | None = None) -> list[CellResult]:
        """The results of all cells (of one suite, of one method), read at one moment but for their records and arrays,
        which are read when they are first looked at; blocks that are stored do not change."""
        with self.database.reading() as connection:
            cells = reading.cells(connection, suite=suite, method=method)
            extents = reading.extents(connection, suite, method)
            diagnostics = reading.all_diagnostics(connection, suite, method)
            revisions = reading.revisions(connection, suite, method)
            own, named = writing.lab(connection), labs.names(connection)
        nothing = reading.Extent(Cost(), 0, ())
        return [
            CellResult(
                id=cell.id,
                identity=cell.identity,
                planned=cell.planned,
                card=cell.card,
                records=partial(self.records, cell.id),
                cost=extents.get(cell.id, nothing).cost,
                origin=cell.origin,
                verification=cell.verification,
                superseded=cell.superseded,
                lab=cell.lab,
                own=cell.lab == own,
                lab_name=named.get(cell.lab, ""),
                diagnostics=diagnostics.get(cell.id, {}),
                errors=extents.get(cell.id, nothing).errors,
                count=extents.get(cell.id, nothing).count,
                untimed=extents.get(cell.id, nothing).untimed,
                revision=revisions[cell.id],
                arrays=partial(self.arrays, cell.id),
                conformance=cell.conformance,
            )
            for cell in cells
        ]

    def revisions(self, suite: str | None = None) -> dict[int, str]:
        """For every cell (of one suite) a hash of all that may move a number or a mark of it, by its id."""
        with self.database.reading() as connection:
            return reading.revisions(connection, suite)

    def records(self, cell_id: int) -> Records:
        """The records of a cell in the canonical order; empty where nothing is stored."""
        with self.database.reading() as connection:
            return reading.records(connection, cell_id)

    def artefact_names(self, cell_id: int) -> list[tuple[int, str]]:
        """(start of the block, name) of every array kept with a cell."""
        with self.database.reading() as connection:
            return [(start, piece.name) for start, piece in reading.pieces(connection, cell_id)]

    def artefact(self, cell_id: int, start: int, name: str) -> NDArray[Any]:
        """An array that was kept with the block at ``start``.

        Raises:
            StoreError: there is none of that name, or its shard is missing or damaged.
        """
        with self.database.reading() as connection:
            found = {piece.name: piece for _, piece in reading.pieces(connection, cell_id, start)}
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise StoreError(f"cell {cell_id}, block at {start}: expected one of its artefacts ({known}), got {name!r}")
        return self._shards().read(found[name])

    def arrays(self, cell_id: int, name: str) -> NDArray[Any] | None:
        """The arrays of that name of all blocks of a cell, end to end; None where a block that is done has none.

        Raises:
            StoreError: a shard is missing or damaged.
        """
        with self.database.reading() as connection:
            done = [start for start, row in reading.blocks(connection, cell_id).items() if row.status == "done"]
            found = {start: piece for start, piece in reading.pieces(connection, cell_id) if piece.name == name}
        if not done or set(found) != set(done):
            return None
        return np.concatenate([self._shards().read(found[start]) for start in sorted(found)])

    def runs(self, cell_id: int | None = None) -> list[RunRow]:
        """Runs in the order they started: all, or those that computed a block of a cell."""
        with self.database.reading() as connection:
            return reading.runs(connection, cell_id)

    # Care

    def check(self, examiner: Examiner | None = None) -> list[str]:
        """Every problem found in the database and in the shards, one line each; empty if all is well."""
        return self.examined(examiner).problems

    def examined(self, examiner: Examiner | None = None) -> Checked:
        """The problems, the doubts, and what could not be told here (``bench.store.examiner``)."""
        with self.database.reading() as connection:
            return checking.checked(connection, self.shards, examiner)

    def collect(self) -> int:
        """Removes shards that no block refers to and files of killed writers; returns the bytes that frees."""
        freed = 0
        with self.database.writing() as connection:
            used = select(schema.artefact.c.digest)
            connection.execute(delete(schema.shard).where(schema.shard.c.digest.not_in(used)))
            kept = set(connection.execute(select(schema.shard.c.digest)).scalars())
            for path in self.shards.files() if self.shards else ():
                if path.stem not in kept:
                    freed += path.stat().st_size
                    path.unlink()
        return freed

    def _shards(self) -> Shards:
        if self.shards is None:
            raise StoreError(f"{self.database.name}: expected a folder for artefacts, got none; open it with one")
        return self.shards


def _divided(url: str) -> tuple[str, Path | None]:
    """A database URL without what it says of artefacts, and the folder that it names; a path stays as it is."""
    if "://" not in url:
        return url, None
    where = parse(url)
    named = where.query.get(FOLDER)
    if named is None:
        return url, None
    if not isinstance(named, str):
        raise StoreError(f"{where}: expected one folder in {FOLDER}=, got {len(named)}")
    return where.difference_update_query([FOLDER]).render_as_string(hide_password=False), Path(named)


def _beside(url: str) -> Path | None:
    where = parse(url)
    path = where.database or ""
    if where.get_backend_name() != "sqlite":
        return AWAY
    if path in ("", ":memory:") or path.startswith("file:"):
        return None
    return Path(path).parent / "artefacts"
