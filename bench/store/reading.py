"""What a read transaction finds; every function takes the connection that is inside one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import DOUBLE_PRECISION, Connection, Row, Select, case, cast, func, select

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.scrub import reason
from trustdm.bench.store import assets, conformances, hiding, schema
from trustdm.bench.store.rows import BlockRow, CellRow, Held, RunRow, identity_from
from trustdm.bench.store.shards import Piece
from trustdm.bench.types import Block, Cost, Origin, Verification


def cells(
    connection: Connection,
    *,
    suite: str | None = None,
    method: str | None = None,
    ids: Sequence[int] | None = None,
    hidden: bool = False,
) -> list[CellRow]:
    """Cells in the order they were created, of one suite, of one method, or of these ids; with those that were
    ``hidden`` only where that is asked for, or their ids are.

    A cell whose texts cannot be read is left out, for the others' sake; ``unreadable`` names it.
    """
    query = _cells(connection)
    if not hidden and ids is None:
        query = query.where(schema.cell.c.id.not_in(hiding.ids(connection)))
    if suite is not None:
        query = query.where(schema.suite.c.name == suite)
    if method is not None:
        query = query.where(schema.method.c.name == method)
    if ids is not None:
        query = query.where(schema.cell.c.id.in_(ids))
    found = [_readable(row) for row in connection.execute(query.order_by(schema.cell.c.id))]
    readable = [cell for cell in found if isinstance(cell, CellRow)]
    checked = conformances.of_cells(connection, ids)
    return [replace(cell, conformance=checked[cell.id]) if cell.id in checked else cell for cell in readable]


def unreadable(connection: Connection, suite: str | None = None) -> list[str]:
    """The cells (of one suite) that ``cells`` leaves out because they cannot be read, one line each with the type of
    the exception."""
    query = _cells(connection)
    if suite is not None:
        query = query.where(schema.suite.c.name == suite)
    rows = connection.execute(query.order_by(schema.cell.c.id))
    found = [(row.id, _readable(row)) for row in rows]
    return [f"cell {cell_id}: {reason(error)}" for cell_id, error in found if isinstance(error, Exception)]


def cell(connection: Connection, cell_id: int) -> CellRow:
    """The cell of that id.

    Raises:
        StoreError: there is none.
    """
    found = cells(connection, ids=[cell_id])
    if not found:
        raise StoreError(f"cell {cell_id}: expected one that is stored, got none of that id")
    return found[0]


def _cells(connection: Connection) -> Select[Any]:
    corrected = schema.cell.c.id.in_(_corrected(connection))
    columns = (*schema.cell.c, schema.method.c.card, schema.suite.c.content, corrected.label("superseded"))
    return select(*columns).join_from(schema.cell, schema.method).join(schema.suite)


def _corrected(connection: Connection) -> Select[Any]:
    """The ids of cells that an attempt with at least one block supersedes, itself or through attempts without any. One
    that is hidden corrects nothing."""
    cell, later = schema.cell.c, schema.cell.alias("later").c
    measured = select(schema.block.c.id).where(schema.block.c.cell_id == cell.id).exists()
    shown = cell.uid.not_in(hiding.uids(connection))
    found = select(cell.supersedes.label("id")).where(cell.supersedes.is_not(None), measured, shown).cte(recursive=True)
    further = select(later.supersedes).join(found, later.id == found.c.id).where(later.supersedes.is_not(None))
    return select(found.union(further).c.id)


def _readable(row: Row[Any]) -> CellRow | Exception:
    """A cell, or what was raised by its texts: the file may have been edited, or be of an older version."""
    try:
        return _cell(row)
    except (StoreError, ValueError, TypeError, KeyError, RecursionError) as error:
        return error


def _cell(row: Row[Any]) -> CellRow:
    return CellRow(
        id=row.id,
        uid=row.uid,
        lab=row.lab,
        key=row.key,
        attempt=row.attempt,
        identity=identity_from(row.identity),
        planned=row.planned,
        code_digest=row.code_digest,
        state_digest=row.state_digest,
        origin=Origin(row.origin),
        verification=Verification(row.verification),
        supersedes=row.supersedes,
        superseded=bool(row.superseded),
        created=row.created,
        card=json.loads(row.card),
        suite_content=row.content,
    )


def blocks(connection: Connection, cell_id: int) -> dict[int, BlockRow]:
    """The blocks of a cell by their start."""
    table = schema.block
    rows = connection.execute(select(table).where(table.c.cell_id == cell_id).order_by(table.c.start))
    return {row.start: _block(row) for row in rows}


def all_blocks(
    connection: Connection, suite: str | None = None, method: str | None = None
) -> dict[int, tuple[BlockRow, ...]]:
    """The blocks of every cell (of one suite, of one method) that has some, by its id, in order."""
    query = select(schema.block).order_by(schema.block.c.cell_id, schema.block.c.start)
    rows: dict[int, list[BlockRow]] = {}
    for row in connection.execute(_of(query, suite, method)):
        rows.setdefault(row.cell_id, []).append(_block(row))
    return {cell_id: tuple(blocks) for cell_id, blocks in rows.items()}


def held(connection: Connection) -> list[Held]:
    """Which cells hold something, in the order they were created."""
    cell = schema.cell.c
    columns = (cell.id, schema.suite.c.name, schema.method.c.name, schema.method.c.params)
    query = select(*columns).join_from(schema.cell, schema.suite).join(schema.method)
    known = fingerprints(connection)
    hidden = set(hiding.ids(connection))
    rows = connection.execute(query.order_by(cell.id))
    return [Held(*row, known[row[0]]) for row in rows if row[0] in known and row[0] not in hidden]


def _block(row: Row[Any]) -> BlockRow:
    return BlockRow(
        block=Block(row.start, row.stop),
        status=row.status,
        run_id=row.run_id,
        finished=row.finished,
        batch_size=row.batch_size,
        device=row.device,
        attempts=row.attempts,
        cost=Cost(row.wall, row.device_time, row.forwards, row.gradients, row.memory),
        error=row.error,
    )


def records(connection: Connection, cell_id: int) -> Records:
    """The records of a cell in the canonical order (example, draw, probe name)."""
    return _rows(connection, cell_id)[1].sorted()


def by_block(connection: Connection, cell_id: int) -> dict[int, Records]:
    """The records of each block of a cell, by its start, in the canonical order."""
    block = schema.block.c
    starts = connection.execute(select(block.id, block.start).where(block.cell_id == cell_id).order_by(block.start))
    owner, rows = _rows(connection, cell_id)
    return {start: rows.where(owner == block_id).sorted() for block_id, start in starts}


def _rows(connection: Connection, cell_id: int) -> tuple[NDArray[np.int64], Records]:
    """The records of a cell, and the id of the block that each belongs to."""
    record, probe = schema.record.c, schema.probe.c
    columns = [record.block_id, record.example, record.draw, record.probe_id]
    columns += [record.status, record.label, record.value, record.norm]
    rows = connection.execute(select(*columns).where(record.cell_id == cell_id)).fetchall()
    if not rows:
        return np.zeros(0, dtype=np.int64), Records.empty()
    owner, *values = zip(*rows, strict=True)
    names = {key: name for key, name in connection.execute(select(probe.id, probe.name))}
    return np.array(owner, dtype=np.int64), _records(values, names)


def _records(values: Sequence[Sequence[Any]], names: Mapping[int, str]) -> Records:
    example, draw, probe_id, status, label, value, norm = values
    ids, codes = np.unique(np.array(probe_id, dtype=np.int64), return_inverse=True)
    lost = [int(i) for i in ids if int(i) not in names]
    if lost:
        raise StoreError(f"probe {lost[0]}: expected the name that its records refer to, got none; the file is damaged")
    return Records(
        example=np.array(example, dtype=np.int64),
        draw=np.array(draw, dtype=np.int64),
        probe=np.array([names[int(i)] for i in ids])[codes],
        status=np.array(status, dtype=np.int8),
        label=np.array([-1 if v is None else v for v in label], dtype=np.int64),
        value=np.array(value, dtype=np.float64),
        norm=np.array(norm, dtype=np.float64),
    )


def diagnostics(connection: Connection, cell_id: int, start: int | None = None) -> dict[str, float]:
    """Counts summed over the blocks of a cell (or those of its block at ``start``)."""
    table = schema.diagnostic.c
    query = select(table.name, func.sum(table.value)).join(schema.block).where(schema.block.c.cell_id == cell_id)
    if start is not None:
        query = query.where(schema.block.c.start == start)
    return {name: float(total) for name, total in connection.execute(query.group_by(table.name).order_by(table.name))}


def block_diagnostics(connection: Connection, cell_id: int) -> dict[int, dict[str, float]]:
    """The counts of each block of a cell that has some, by its start."""
    table, block, found = schema.diagnostic.c, schema.block.c, dict[int, dict[str, float]]()
    query = select(block.start, table.name, table.value).join_from(schema.diagnostic, schema.block)
    for start, name, value in connection.execute(query.where(block.cell_id == cell_id).order_by(block.start)):
        found.setdefault(start, {})[name] = float(value)
    return found


def pieces(connection: Connection, cell_id: int, start: int | None = None) -> list[tuple[int, Piece]]:
    """(start of the block, where the array lies) of every artefact of a cell (or of its block at ``start``)."""
    table, block = schema.artefact.c, schema.block.c
    columns = [block.start, table.name, table.digest, table.byte_offset, table.nbytes, table.dtype, table.shape]
    query = select(*columns).join(schema.block).where(block.cell_id == cell_id)
    if start is not None:
        query = query.where(block.start == start)
    return [_piece(row) for row in connection.execute(query.order_by(block.start, table.name))]


def _piece(row: Row[Any]) -> tuple[int, Piece]:
    shape = tuple(json.loads(row.shape))
    return row.start, Piece(row.name, row.digest, row.byte_offset, row.nbytes, row.dtype, shape)


@dataclass(frozen=True)
class Extent:
    """What the blocks of a cell took together (``memory``: the most that one took), and how many records they have.

    ``untimed`` counts the blocks that are done and say that they took no time.
    """

    cost: Cost
    count: int
    errors: tuple[str, ...]
    untimed: int = 0


def extents(connection: Connection, suite: str | None = None, method: str | None = None) -> dict[int, Extent]:
    """The extent of every cell (of one suite, of one method) that has a block, by its id."""
    table = schema.block.c
    # As float64, which is exact for counts below 2^53: a sum of integers that overflows would be an error of the query.
    costs = (table.wall, table.device_time, table.forwards, table.gradients)
    sums = [func.sum(cast(c, DOUBLE_PRECISION)) for c in costs]
    free = func.sum(case(((table.status == "done") & (table.wall <= 0), 1), else_=0))
    columns = (table.cell_id, *sums, func.max(table.memory), func.sum(table.records), free)
    query = select(*columns).group_by(table.cell_id)
    errors: dict[int, dict[str, None]] = {}
    failed = select(table.cell_id, table.error).where(table.error != "").order_by(table.cell_id, table.start)
    for cell_id, error in connection.execute(_of(failed, suite, method)):
        errors.setdefault(cell_id, {})[error] = None
    return {
        cell_id: Extent(
            Cost(float(wall), float(device), int(forwards), int(gradients), int(memory)),
            int(count),
            tuple(errors.get(cell_id, ())),
            int(untimed),
        )
        for cell_id, wall, device, forwards, gradients, memory, count, untimed in connection.execute(
            _of(query, suite, method)
        )
    }


def _of(query: Select[Any], suite: str | None, method: str | None) -> Select[Any]:
    """The query over blocks, for those of one suite or of one method."""
    cell, ids = schema.cell.c, select(schema.cell.c.id)
    if suite is not None:
        ids = ids.where(cell.suite_id.in_(select(schema.suite.c.id).where(schema.suite.c.name == suite)))
    if method is not None:
        ids = ids.where(cell.method_id.in_(select(schema.method.c.id).where(schema.method.c.name == method)))
    return query if suite is None and method is None else query.where(schema.block.c.cell_id.in_(ids))


def all_diagnostics(
    connection: Connection, suite: str | None = None, method: str | None = None
) -> dict[int, dict[str, float]]:
    """The counts of every cell (of one suite, of one method), summed over its blocks, by its id."""
    table, block = schema.diagnostic.c, schema.block.c
    query = select(block.cell_id, table.name, func.sum(table.value)).join_from(schema.diagnostic, schema.block)
    sums: dict[int, dict[str, float]] = {}
    by = query.group_by(block.cell_id, table.name).order_by(block.cell_id, table.name)
    for cell_id, name, total in connection.execute(_of(by, suite, method)):
        sums.setdefault(cell_id, {})[name] = float(total)
    return sums


def revisions(connection: Connection, suite: str | None = None, method: str | None = None) -> dict[int, str]:
    """For every cell (of one suite, of one method) a hash of all that may move a number or a mark of it.

    That is which cell it is, what it says of itself, whether another one corrects it, how its method did in conformance
    checks, and its blocks: of each the
    extent, the status, when it was finished by which run, and how many records it has. (Blocks are immutable.)
    """
    block, cell = schema.block.c, schema.cell.c
    columns = (block.cell_id, block.start, block.stop, block.status, block.finished, block.run_id, block.records)
    parts: dict[int, list[str]] = {}
    for cell_id, *rest in connection.execute(_of(select(*columns).order_by(block.cell_id, block.start), suite, method)):
        parts.setdefault(cell_id, []).append("/".join(map(str, rest)))
    corrected = set(connection.execute(_corrected(connection)).scalars())
    for cell_id, uid in conformances.uids(connection).items():
        parts.setdefault(cell_id, []).append(f"conformance {uid}")
    own = (cell.id, cell.uid, cell.lab, cell.key, cell.planned, cell.state_digest, cell.origin, cell.verification)
    query = select(*own, schema.method.c.digest).join_from(schema.cell, schema.method).join(schema.suite)
    if suite is not None:
        query = query.where(schema.suite.c.name == suite)
    if method is not None:
        query = query.where(schema.method.c.name == method)
    return {
        cell_id: hashlib.sha256(
            "|".join([*map(str, rest), str(cell_id in corrected), *parts.get(cell_id, ())]).encode()
        ).hexdigest()
        for cell_id, *rest in connection.execute(query)
    }


def fingerprints(connection: Connection) -> dict[int, str]:
    """For every cell that has a block, a hash of all that is exported of it.

    That is its revision, how the runs ended that computed its blocks, and the assets that it was computed from. A cell
    whose suite or method a damaged database has lost has none: it cannot be exported, and ``db check`` names it.
    """
    block, run = schema.block.c, schema.run.c
    query = select(block.cell_id, run.id, run.finished, run.exit_code).distinct()
    query = query.join_from(schema.block, schema.run).order_by(block.cell_id, run.id)
    parts: dict[int, list[str]] = {}
    for cell_id, *rest in connection.execute(query):
        parts.setdefault(cell_id, []).append("/".join(map(str, rest)))
    used = assets.names(connection)
    known = revisions(connection)
    return {
        cell_id: hashlib.sha256("|".join([known[cell_id], *ends, *used.get(cell_id, ())]).encode()).hexdigest()
        for cell_id, ends in parts.items()
        if cell_id in known
    }


def runs(connection: Connection, cell_id: int | None = None, ids: Sequence[str] | None = None) -> list[RunRow]:
    """Runs in the order they started: all, those that computed a block of a cell, or those of these ids."""
    run, block, table = schema.run, schema.block.c, schema.run_fact.c
    query, stored = select(run), select(table.run_id, table.name, table.value)
    if cell_id is not None:
        of_cell = select(block.run_id).where(block.cell_id == cell_id)
        query, stored = query.where(run.c.id.in_(of_cell)), stored.where(table.run_id.in_(of_cell))
    if ids is not None:
        query, stored = query.where(run.c.id.in_(ids)), stored.where(table.run_id.in_(ids))
    rows = connection.execute(query.order_by(run.c.started, run.c.id)).all()
    facts: dict[str, dict[str, str]] = {row.id: {} for row in rows}
    for run_id, name, value in connection.execute(stored.order_by(table.run_id, table.name)):
        if run_id in facts:  # a damaged database may have facts of a run that it has not
            facts[run_id][name] = value
    return [
        RunRow(r.id, r.started, r.finished, r.exit_code, r.command, r.commit_hash, r.dirty, facts[r.id]) for r in rows
    ]
