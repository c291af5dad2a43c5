"""Import: adds what run files have and a store has not, changes nothing that is finished, as a whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from trustdm.bench.conforms import Conformance
from trustdm.bench.errors import RunFileError, StoreError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.store import (
    assets,
    conformances,
    examining,
    ingest,
    npyfile,
    reading,
    runformat,
    runparse,
    schema,
    seals,
    writing,
)
from trustdm.bench.store.fields import Field
from trustdm.bench.store.rows import BlockRow, CellRow, RunRow
from trustdm.bench.store.runfiles import chain
from trustdm.bench.store.runparse import FileBlock, FileCell
from trustdm.bench.store.shards import Shards
from trustdm.bench.store.store import Store
from trustdm.bench.store.times import moment
from trustdm.bench.types import RunInfo

if TYPE_CHECKING:
    from trustdm.bench.store.examiner import Examiner


@dataclass(frozen=True)
class Imported:
    """What an import found and did: the cells of its files, the blocks that were new, the doubts as lines."""

    cells: int = 0
    blocks: int = 0
    doubts: tuple[str, ...] = ()

    def __add__(self, other: Imported) -> Imported:
        return Imported(self.cells + other.cells, self.blocks + other.blocks, self.doubts + other.doubts)


def import_folder(store: Store, folder: Path, examiner: Examiner | None = None) -> int:
    """Imports every ``<suite>/<method>.json`` under a folder and returns how many blocks that added.

    Raises:
        RunFileError: there is none, or one of them is wrong; the files before that one are imported then.
    """
    return read_folder(store, folder, examiner).blocks


def read_folder(store: Store, folder: Path, examiner: Examiner | None = None) -> Imported:
    """Does what ``import_folder`` does, and returns all that there is to say about it."""
    paths = sorted(folder.glob("*/*.json"))
    if not paths:
        raise RunFileError(f"{folder}: expected run files <suite>/<method>.json, got none")
    total = Imported()
    for path in paths:
        total += read_file(store, path, examiner)
    return total


def import_file(store: Store, path: Path, examiner: Examiner | None = None) -> int:
    """Adds what a run file has and the store has not, and returns how many blocks that was.

    Cells are matched by uid: the same cell measured elsewhere is another attempt. A block that is stored already is
    skipped if it is the same; a finished one takes the place of one that had failed. Cells arrive unverified, and
    none may say that this store measured it unless it did: what it measured takes no block from a file. Without an
    ``examiner``, which only files that are known (shipped ones) may do without, nothing is compared with suites,
    protocols and data.

    Raises:
        RunFileError: the file is malformed or was edited, contradicts itself, what is known here or what is stored;
            nothing is changed then.
        StoreError: the store cannot be written.
    """
    return read_file(store, path, examiner).blocks


def read_file(store: Store, path: Path, examiner: Examiner | None = None) -> Imported:
    """Does what ``import_file`` does, and returns all that there is to say about it."""
    content = runparse.parse(path)
    doubts = () if examiner is None else tuple(examining.require(content, examiner))
    with store.database.writing() as connection:
        known = {run.id: run for run in reading.runs(connection, ids=[run.id for run in content.runs])}
        for run in content.runs:
            _run(connection, f"{path}: run {run.id}", known.get(run.id), run)
        added = sum(_cell(connection, store.shards, cell) for cell in content.cells)
    return Imported(len(content.cells), added, doubts)


def _run(connection: Connection, where: str, old: RunRow | None, new: RunRow) -> None:
    if old is None:
        writing.add_run(connection, RunInfo(new.id, new.started, new.command, new.commit, new.dirty, new.facts))
    else:
        shown, got = runformat.public(old), runformat.public(new)
        for name in ("started", "command", "commit", "dirty", "facts"):
            _equal(f"{where}.{name}", getattr(shown, name), getattr(got, name))
    ended = old is not None and old.finished is not None
    if old is not None and not ended and _measured_here(connection, old.id):
        _equal(f"{where}.finished", None, new.finished)
        return
    if old is not None and ended and new.finished is not None:
        _equal(f"{where}.finished", (old.finished, old.exit_code), (new.finished, new.exit_code))
    elif not ended:
        values = {"finished": new.finished, "exit_code": new.exit_code}
        connection.execute(update(schema.run).where(schema.run.c.id == new.id).values(values))
        seals.run(connection, new.id)


def _measured_here(connection: Connection, run_id: str) -> bool:
    """Whether this store measured something in a run: then nobody else knows how it ended."""
    block, cell = schema.block.c, schema.cell.c
    query = select(block.id).join_from(schema.block, schema.cell).where(block.run_id == run_id)
    return connection.execute(query.where(cell.lab == writing.lab(connection)).limit(1)).first() is not None


def _equal(where: str, stored: object, got: object) -> None:
    if stored != got:
        raise Field(got, where).error(f"{str(stored)[:60]!r} as stored")


def _cell(connection: Connection, shards: Shards | None, cell: FileCell) -> int:
    table = schema.cell
    found = connection.execute(select(table.c.id).where(table.c.uid == cell.marks.uid)).scalar()
    corrected = _superseded(connection, cell)
    if found is None:
        if cell.marks.lab == writing.lab(connection):
            got = f"{cell.marks.lab}, this one's, which has no such cell"
            raise RunFileError(f"{cell.where}.lab: expected another store's id, got {got}; import into a new database")
        found = writing.add_cell(connection, cell.new, replace(cell.marks, supersedes=corrected))
    else:
        _same_cell(connection, cell, reading.cell(connection, found), corrected)
    own = cell.marks.lab == writing.lab(connection)
    if own:
        _refuse_further_assets(connection, found, cell)
    _assets(connection, found, cell)
    _conformance(connection, found, cell, own=own)
    there = _Cell(connection, shards, found, own=own)
    return sum(there.take(block) for block in cell.blocks)


def _refuse_further_assets(connection: Connection, cell_id: int, cell: FileCell) -> None:
    """What this store measured was computed from what it noted, and nothing else."""
    stored = assets.of_cell(connection, cell_id)
    for name in sorted(cell.assets.keys() - stored.keys()):
        _equal(f"{cell.where}: asset {name}", "none", cell.assets[name].content)


def _assets(connection: Connection, cell_id: int, cell: FileCell) -> None:
    """Notes what a cell was computed from; refuses what the stored one was not computed from."""
    stored = assets.of_cell(connection, cell_id)
    for name in sorted(stored.keys() & cell.assets.keys()):
        old, new = stored[name], cell.assets[name]
        _equal(f"{cell.where}: asset {name}", (old.key, old.content), (new.key, new.content))
    assets.link(connection, cell_id, cell.assets)


def _conformance(connection: Connection, cell_id: int, cell: FileCell, *, own: bool) -> None:
    """Notes how the method of a cell did in conformance checks.

    One that failed stays so whatever a later file says, and what this store found itself no file changes.
    """
    got = cell.conformance
    if got is None:
        return
    where = f"{cell.where}: conformance {got.uid}"
    known = conformances.of_uid(connection, got.uid)
    if known is not None and runformat.outcome_content(known) != runformat.outcome_content(got):
        raise RunFileError(f"{where}: expected the outcome as it is stored here, got another one of that uid")
    if known is None and got.lab == writing.lab(connection):
        raise RunFileError(f"{where}: expected an outcome that this database found itself, got one that it has not")
    stored = reading.cell(connection, cell_id).conformance
    if not own and (stored is None or _replaces(got, stored)):
        conformances.link(connection, got, [cell_id])


def _replaces(got: Conformance, stored: Conformance) -> bool:
    """Whether an outcome in a file takes the place of a stored one: never of a failed one, else where it is later."""
    later = moment(got.created) > moment(stored.created)
    return got.uid != stored.uid and not stored.failed and (bool(got.failed) or later)


def _superseded(connection: Connection, cell: FileCell) -> int | None:
    if cell.supersedes is None:
        return None
    table = schema.cell.c
    query = select(table.id).where(table.uid == cell.supersedes, table.key == cell.new.identity.key)
    found: int | None = connection.execute(query.where(table.lab == cell.marks.lab)).scalar()
    if found is None or cell.supersedes == cell.marks.uid:
        expected = "another attempt at that cell by the same lab, before this one"
        raise Field(cell.supersedes, f"{cell.where}.supersedes").error(expected)
    return found


def _correction(connection: Connection, cell: FileCell, stored: CellRow, got: int | None) -> int | None:
    """What a stored cell supersedes now that a file says ``got``: the nearer attempt of the two.

    An export leaves out attempts without blocks, so the two may be apart but must lie on one line.
    """
    table = schema.cell.c
    query = select(table.id, table.supersedes).where(table.key == stored.key)
    links = {key: old for key, old in connection.execute(query)}
    if got is None or got in chain(links, stored.supersedes):
        return stored.supersedes
    line = chain(links, got)
    nearer = stored.id not in line and (stored.supersedes is None or stored.supersedes in line)
    if not nearer or stored.lab == writing.lab(connection):
        _equal(f"{cell.where}.supersedes", stored.supersedes, got)
    return got


def _same_cell(connection: Connection, cell: FileCell, stored: CellRow, corrected: int | None) -> None:
    """Refuses a cell that differs from the stored one of that uid; what was open of another lab's is filled in."""
    new, marks = cell.new, cell.marks
    pairs = {
        "key": (stored.key, new.identity.key),
        "planned": (stored.planned, new.planned),
        "code_digest": (stored.code_digest, new.code_digest),
        "card": (canonical_json(stored.card), canonical_json(dict(new.card))),
        "created": (stored.created, marks.created),
        "lab": (stored.lab, marks.lab),
        "origin": (stored.origin, marks.origin),
    }
    for name, (old, got) in pairs.items():
        _equal(f"{cell.where}.{name}", old, got)
    own = stored.lab == writing.lab(connection)
    state = stored.state_digest if own else stored.state_digest or marks.state_digest
    _equal(f"{cell.where}.state_digest", state, marks.state_digest or state)
    values = {"state_digest": state, "supersedes": _correction(connection, cell, stored, corrected)}
    if values != {"state_digest": stored.state_digest, "supersedes": stored.supersedes}:
        connection.execute(update(schema.cell).where(schema.cell.c.id == stored.id).values(values))
        seals.cell(connection, stored.id)


class _Cell:
    """A stored cell that takes the blocks of a file."""

    def __init__(self, connection: Connection, shards: Shards | None, cell_id: int, *, own: bool):
        self.own = own
        self.connection = connection
        self.shards = shards
        self.id = cell_id
        self.blocks = reading.blocks(connection, cell_id)
        self.records = reading.by_block(connection, cell_id)

    def take(self, block: FileBlock) -> int:
        """Adds a block unless it is there; says how many were added."""
        old = self.blocks.get(block.row.block.start)
        if old is not None:
            if self._content(old) == (block.content, block.digests):
                return 0
            if block.row.status == "failed" and (old.status == "done" or old.finished >= block.row.finished):
                return 0
            if old.status == "done" or self.own:
                raise RunFileError(f"{block.where}: expected the block as it is stored for this cell, got another one")
            writing.forget(self.connection, self.id, [old.block.start])
        if self.own:
            raise RunFileError(
                f"{block.where}: expected a block that is stored, as this database measured the cell itself, got one "
                "that it has not; import into a new database, or run it here"
            )
        try:
            self._add(block)
        except StoreError as error:
            raise RunFileError(f"{block.where}: {error}") from error
        except IntegrityError as error:
            raise RunFileError(f"{block.where}.examples: expected none that another block has, got one") from error
        return 1

    def _add(self, block: FileBlock) -> None:
        writing.make_room(self.connection, self.id, block.row.block)
        if block.arrays and self.shards is None:
            raise StoreError("artefacts: expected a store with a folder for them, got one without")
        pieces = self.shards.write(block.load()) if block.arrays and self.shards else []
        ingest.add_block(self.connection, self.id, block.row, block.records, block.diagnostics, pieces)

    def _content(self, old: BlockRow) -> tuple[dict[str, object], dict[str, str]]:
        """A stored block in the form that ``FileBlock`` has, to compare."""
        start = old.block.start
        counts = reading.diagnostics(self.connection, self.id, start)
        pieces = [piece for _, piece in reading.pieces(self.connection, self.id, start)]
        digests = {p.name: npyfile.digest(npyfile.data(self.shards.read(p))) for p in pieces if self.shards}
        return runformat.block_content(old, self.records[start], counts, {}), digests
