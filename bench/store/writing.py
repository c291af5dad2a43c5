"""What a write transaction does, step by step; every function takes the connection that is inside one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from trustdm.bench.errors import CodeChanged, StoreError
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.store import schema, seals
from trustdm.bench.store.rows import BlockRow, NewCell, identity_text
from trustdm.bench.store.shards import Piece
from trustdm.bench.types import Block, CellIdentity, Origin, RunInfo, Verification


@dataclass(frozen=True)
class CellMarks:
    """What a cell has beside what it was created with; the defaults are those of a cell measured here and now.

    ``lab`` is the id of the store that measures or measured the cell.
    """

    uid: str
    lab: str
    created: str
    supersedes: int | None = None
    state_digest: str | None = None
    origin: Origin = Origin.MEASURED
    verification: Verification = Verification.UNVERIFIED

    @staticmethod
    def new(lab: str, supersedes: int | None) -> CellMarks:
        return CellMarks(uid=uuid.uuid4().hex, lab=lab, created=now(), supersedes=supersedes)


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat()


def add_run(connection: Connection, info: RunInfo) -> None:
    """Stores a run that starts, with its facts."""
    values = {"id": info.id, "started": info.started, "command": info.command}
    connection.execute(insert(schema.run), values | {"commit_hash": info.commit, "dirty": info.dirty})
    facts = [{"run_id": info.id, "name": name, "value": value} for name, value in sorted(info.facts.items())]
    if facts:
        connection.execute(insert(schema.run_fact), facts)
    seals.run(connection, info.id)


def end_run(connection: Connection, run_id: str, finished: str, exit_code: int) -> None:
    """Freezes a run; one that has ended already stays as it is.

    Raises:
        StoreError: there is no such run.
    """
    here = schema.run.c.id == run_id
    if connection.execute(select(schema.run.c.id).where(here)).first() is None:
        raise StoreError(f"run {run_id}: expected one that was begun, got none of that id")
    values = {"finished": finished, "exit_code": exit_code}
    ended = connection.execute(update(schema.run).where(here, schema.run.c.finished.is_(None)).values(values))
    if ended.rowcount:
        seals.run(connection, run_id)


def add_cell(connection: Connection, new: NewCell, marks: CellMarks) -> int:
    """Creates the next attempt at a cell and returns its id."""
    key = new.identity.key
    attempts = select(func.coalesce(func.max(schema.cell.c.attempt), 0)).where(schema.cell.c.key == key)
    values = asdict(marks) | {
        "key": key,
        "attempt": connection.execute(attempts).scalar_one() + 1,
        "suite_id": _suite(connection, new),
        "method_id": _method(connection, new),
        "identity": identity_text(new.identity),
        "planned": new.planned,
        "code_digest": new.code_digest,
        "origin": marks.origin.value,
        "verification": marks.verification.value,
    }
    cell_id = _insert(connection, schema.cell, values)
    seals.new_cell(connection, cell_id)
    return cell_id


def newest(connection: Connection, identity: CellIdentity) -> int | None:
    """The id of the newest attempt at a cell that this store measures itself and that is not hidden; imported ones are
    not extended."""
    cell = schema.cell.c
    query = select(cell.id).where(cell.key == identity.key, cell.lab == lab(connection)).order_by(cell.attempt.desc())
    query = query.where(cell.uid.not_in(select(schema.hidden.c.uid)))
    found: int | None = connection.execute(query.limit(1)).scalar()
    return found


def lab(connection: Connection) -> str:
    """The id of this store."""
    return str(connection.execute(select(schema.lab.c.id)).scalar_one())


def _suite(connection: Connection, new: NewCell) -> int:
    identity = new.identity
    once = {"name": identity.suite, "version": identity.suite_version, "digest": identity.suite_digest}
    suite_id = same_or_new(connection, schema.suite, once, {"content": new.suite_content})
    used = select(schema.cell.c.id).where(schema.cell.c.suite_id == suite_id).limit(1)
    if connection.execute(used).first() is None:
        seals.suite(connection, suite_id)
    return suite_id


def _method(connection: Connection, new: NewCell) -> int:
    identity = new.identity
    values = {
        "name": identity.method,
        "version": identity.method_version,
        "params": canonical_json(identity.method_params),
        "card": canonical_json(dict(new.card)),
    }
    return same_or_new(connection, schema.method, {"digest": sha256_of(values)}, values)


def same_or_new(connection: Connection, table: Table, once: Mapping[str, object], rest: Mapping[str, object]) -> int:
    """The id of the row with the values ``once``; it is created, with ``rest`` beside them, where there is none."""
    query = select(table.c.id).where(*(table.c[name] == value for name, value in once.items()))
    found = connection.execute(query).scalar()
    return int(found) if found is not None else _insert(connection, table, {**once, **rest})


def _insert(connection: Connection, table: Table, values: Mapping[str, object]) -> int:
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    if key is None:
        raise StoreError(f"{table.name}: expected the id of the row, got none")
    return int(key[0])


def set_state(connection: Connection, cell_id: int, digest: str) -> None:
    """Stores the fingerprint of the loaded weights, once.

    Raises:
        CodeChanged: the cell has another one.
    """
    cell = schema.cell
    found = connection.execute(select(cell.c.state_digest, cell.c.identity).where(cell.c.id == cell_id)).one()
    if found.state_digest is None:
        connection.execute(update(cell).where(cell.c.id == cell_id).values(state_digest=digest))
        seals.cell(connection, cell_id)
    elif found.state_digest != digest:
        raise CodeChanged(
            f"cell {cell_id}: expected loaded weights {found.state_digest[:12]} (as when it was started), got "
            f"{digest[:12]}; load those again, or start a fresh cell"
        )


def make_room(connection: Connection, cell_id: int, block: Block) -> bool:
    """Whether a block can be stored: not if it is there, done; one that is there, failed, is removed.

    Raises:
        StoreError: no such cell, a block beyond its end, or one that overlaps with another.
    """
    planned = connection.execute(select(schema.cell.c.planned).where(schema.cell.c.id == cell_id)).scalar()
    if planned is None or block.stop > planned or not 0 <= block.start < block.stop:
        raise StoreError(f"cell {cell_id}: expected a block within 0..{planned}, got {block.start}..{block.stop}")
    table = schema.block.c
    query = select(table.start, table.stop, table.status).where(table.cell_id == cell_id, table.start < block.stop)
    for start, stop, status in connection.execute(query.where(table.stop > block.start)).all():
        if (start, stop) != (block.start, block.stop):
            where = f"cell {cell_id}: block {block.start}..{block.stop}"
            raise StoreError(f"{where}: expected to stand apart from the others, got an overlap with {start}..{stop}")
        if status == "done":
            return False
        forget(connection, cell_id, [start])
    return True


def add_block(connection: Connection, cell_id: int, row: BlockRow, count: int) -> int:
    """Stores the row of a block with ``count`` records and returns its id."""
    return _insert(connection, schema.block, {"cell_id": cell_id, **block_values(row, count)})


def block_values(row: BlockRow, count: int) -> dict[str, object]:
    """What is stored of a block by column, its cell aside."""
    return {
        "start": row.block.start,
        "stop": row.block.stop,
        "status": row.status,
        "run_id": row.run_id,
        "finished": row.finished,
        "batch_size": int(row.batch_size),
        "device": row.device,
        "attempts": int(row.attempts),
        "wall": float(row.cost.wall),
        "device_time": float(row.cost.device),
        "forwards": int(row.cost.forwards),
        "gradients": int(row.cost.gradients),
        "memory": int(row.cost.memory),
        "error": row.error,
        "records": count,
    }


def add_diagnostics(connection: Connection, block_id: int, diagnostics: Mapping[str, float]) -> None:
    """Stores the counts of a block.

    Raises:
        StoreError: a value that is not finite.
    """
    for name, value in diagnostics.items():
        if not isfinite(value):
            raise StoreError(f"diagnostic {name!r}: expected a finite number, got {value}")
    rows = [{"block_id": block_id, "name": k, "value": float(v)} for k, v in sorted(diagnostics.items())]
    if rows:
        connection.execute(insert(schema.diagnostic), rows)


def add_artefacts(connection: Connection, block_id: int, pieces: Sequence[Piece]) -> None:
    """Stores where the arrays of a block lie."""
    if not pieces:
        return
    size = max(p.offset + p.nbytes for p in pieces)
    digest = pieces[0].digest
    if connection.execute(select(schema.shard.c.digest).where(schema.shard.c.digest == digest)).first() is None:
        connection.execute(insert(schema.shard).values(digest=digest, bytes=size))
    rows = [dict(zip(PIECE, piece_values(p), strict=True)) | {"block_id": block_id} for p in pieces]
    connection.execute(insert(schema.artefact), rows)


PIECE = ("name", "digest", "byte_offset", "nbytes", "dtype", "shape")


def piece_values(piece: Piece) -> tuple[object, ...]:
    """What is stored of an artefact, in the order of ``PIECE``."""
    return piece.name, piece.digest, piece.offset, piece.nbytes, piece.dtype, piece.shape_text


def forget(connection: Connection, cell_id: int, starts: list[int]) -> int:
    """Removes failed blocks and all that belongs to them; says how many. Finished blocks are never removed."""
    block, removed = schema.block.c, 0
    query = select(block.id).where(block.cell_id == cell_id, block.status == "failed", block.start.in_(starts))
    for block_id in connection.execute(query).scalars().all():
        record = schema.record.c
        connection.execute(delete(schema.record).where(record.cell_id == cell_id, record.block_id == block_id))
        seals.drop_block(connection, cell_id, block_id)
        for table in (schema.diagnostic, schema.artefact):
            connection.execute(delete(table).where(table.c.block_id == block_id))
        connection.execute(delete(schema.block).where(block.id == block_id))
        removed += 1
    return removed
