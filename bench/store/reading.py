"""What a read transaction finds; every function takes the connection that is inside one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, and_, func, select

from trustdm.bench.errors import StoreError
from trustdm.bench.records import CellResult, Records
from trustdm.bench.store import schema
from trustdm.bench.store.rows import BlockRow, CellRow, RunRow, identity_from
from trustdm.bench.store.shards import Piece
from trustdm.bench.types import Block, Cost, Origin, Verification


def cells(
    connection: Connection, *, suite: str | None = None, method: str | None = None, ids: Sequence[int] | None = None
) -> list[CellRow]:
    """Cells in the order they were created, of one suite, of one method, or of these ids."""
    query = _cells()
    if suite is not None:
        query = query.where(schema.suite.c.name == suite)
    if method is not None:
        query = query.where(schema.method.c.name == method)
    if ids is not None:
        query = query.where(schema.cell.c.id.in_(ids))
    return [_cell(row) for row in connection.execute(query.order_by(schema.cell.c.id))]


def cell(connection: Connection, cell_id: int) -> CellRow:
    """The cell of that id.

    Raises:
        StoreError: there is none.
    """
    found = cells(connection, ids=[cell_id])
    if not found:
        raise StoreError(f"cell {cell_id}: expected one that is stored, got none of that id")
    return found[0]


def _cells() -> Select[Any]:
    corrected = schema.cell.c.id.in_(_corrected())
    columns = (*schema.cell.c, schema.method.c.card, schema.suite.c.content, corrected.label("superseded"))
    return select(*columns).join_from(schema.cell, schema.method).join(schema.suite)


def _corrected() -> Select[Any]:
    """The ids of cells that an attempt with at least one block supersedes, itself or through attempts without any."""
    cell, later = schema.cell.c, schema.cell.alias("later").c
    measured = select(schema.block.c.id).where(schema.block.c.cell_id == cell.id).exists()
    found = select(cell.supersedes.label("id")).where(cell.supersedes.is_not(None), measured).cte(recursive=True)
    further = select(later.supersedes).join(found, later.id == found.c.id).where(later.supersedes.is_not(None))
    return select(found.union(further).c.id)


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


def result(connection: Connection, row: CellRow) -> CellResult:
    """A cell with its records and with what its blocks took together (``memory`` is the most that one took)."""
    stored = blocks(connection, row.id).values()
    costs = [b.cost for b in stored]
    return CellResult(
        id=row.id,
        identity=row.identity,
        planned=row.planned,
        card=row.card,
        records=records(connection, row.id),
        cost=Cost(
            wall=sum(c.wall for c in costs),
            device=sum(c.device for c in costs),
            forwards=sum(c.forwards for c in costs),
            gradients=sum(c.gradients for c in costs),
            memory=max((c.memory for c in costs), default=0),
        ),
        origin=row.origin,
        verification=row.verification,
        superseded=row.superseded,
        lab=row.lab,
        diagnostics=diagnostics(connection, row.id),
        errors=tuple(dict.fromkeys(b.error for b in stored if b.error)),
    )


def runs(connection: Connection, cell_id: int | None = None) -> list[RunRow]:
    """Runs in the order they started: all, or those that computed a block of a cell."""
    run, block = schema.run, schema.block.c
    query = select(run)
    if cell_id is not None:
        query = query.where(run.c.id.in_(select(block.run_id).where(block.cell_id == cell_id)))
    rows = connection.execute(query.order_by(run.c.started, run.c.id)).all()
    facts: dict[str, dict[str, str]] = {row.id: {} for row in rows}
    table = schema.run_fact.c
    stored = select(table.run_id, table.name, table.value).join(run, and_(run.c.id == table.run_id))
    for run_id, name, value in connection.execute(stored.order_by(table.run_id, table.name)):
        facts.get(run_id, {})[name] = value
    return [
        RunRow(r.id, r.started, r.finished, r.exit_code, r.command, r.commit_hash, r.dirty, facts[r.id]) for r in rows
    ]
