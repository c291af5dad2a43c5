"""Digests ("seals") of what a store holds, written in the transaction that writes what they are of.

A block is sealed with its records, diagnostics and list of artefacts; a cell with its own columns, those of its method
and suite, the assets that it was computed from, the outcome of conformance checks that it refers to, and the number and
the sum of the digests of its blocks; runs, texts of suites, assets, such outcomes and the names of labs one by one.
``sealing`` computes them again and compares. They find damage and careless edits, not somebody who computes them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Table, delete, insert, select, text, update

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import migrations, schema

FIRST_SCHEMA = 5
"""The schema that has them; an older database that is only read has none."""
FIRST_CHECKED = migrations.STEPS.index(migrations.CONFORMANCE) + 1
"""The schema whose cells may refer to an outcome of conformance checks."""
WIDTH = 256
"""Bits of a digest; sums are modulo 2 to this power."""
OF_BLOCK = tuple(c.name for c in schema.block.c if c.name not in ("id", "cell_id"))
"""The columns of a block that its seal covers, in this order."""
LABS, PENDING, SINCE = ("store", "labs"), ("store", "pending"), ("store", "since")
PUT = text(
    "INSERT INTO seal (kind, name, digest) VALUES (:kind, :name, :digest) "
    "ON CONFLICT (kind, name) DO UPDATE SET digest = excluded.digest"
)


def kept(connection: Connection) -> bool:
    """Whether the schema of the database has seals."""
    return migrations.version(connection) >= FIRST_SCHEMA


# What is hashed


def digest(values: Iterable[object]) -> str:
    """Hex SHA-256 of plain values, each with its type and length, so that no two lists look alike."""
    total = hashlib.sha256()
    for value in values:
        raw = _bytes(value)
        total.update(b"%d:%b;" % (len(raw), raw))
    return total.hexdigest()


def _bytes(value: object) -> bytes:
    """A value as a database gives it; -0.0 is 0.0, for a SQLite column of REAL type keeps no other."""
    if isinstance(value, float):
        return b"f" + (value + 0.0).hex().encode()
    if isinstance(value, bytes):
        return b"y" + value
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    return f"{type(value).__name__[0]}{value}".encode()


def of_block(
    values: Mapping[str, object],
    records: Records,
    diagnostics: Mapping[str, float],
    artefacts: Sequence[Sequence[object]],
) -> str:
    """The digest of a block: its row by column, and of each artefact where it lies and what it is.

    Of floats every bit counts, but for those of a NaN, which is stored as none.
    """
    parts: list[object] = [values[name] for name in OF_BLOCK]
    parts += [len(diagnostics), *(x for name in sorted(diagnostics) for x in (name, diagnostics[name]))]
    parts += [len(artefacts), *(x for row in sorted(artefacts, key=lambda r: str(r[0])) for x in row)]
    return digest([*parts, *_columns(records)])


def _columns(records: Records) -> list[object]:
    """The records as bytes, in the order of example, draw and probe."""
    names, codes = np.unique(records.probe, return_inverse=True)
    order = np.lexsort((codes, records.draw, records.example))
    whole = (records.example, records.draw, codes, records.status, np.maximum(records.label, -1))
    parts: list[object] = [len(names), *(str(name) for name in names)]
    parts += [column[order].astype("<i8").tobytes() for column in whole]
    return parts + [_float_bytes(column[order]) for column in (records.value, records.norm)]


def _float_bytes(values: NDArray[np.float64]) -> bytes:
    return np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()


def of_cell(connection: Connection, cell_id: int) -> str:
    """The digest of a cell's own columns, those of its suite (but its text) and its method, and its links to assets.

    Raises:
        StoreError: there is no such cell with a suite and a method.
    """
    suite, method = schema.suite.c, schema.method.c
    columns = [*schema.cell.c, suite.name, suite.version, suite.digest, *method]
    query = select(*columns).join_from(schema.cell, schema.suite).join(schema.method)
    row = connection.execute(query.where(schema.cell.c.id == cell_id)).first()
    if row is None:
        raise StoreError(f"cell {cell_id}: expected its row with a suite and a method, got none")
    used = schema.cell_asset.c
    links = select(used.name, used.key, used.content).where(used.cell_id == cell_id).order_by(used.name)
    parts = [*row, *(value for link in connection.execute(links) for value in link)]
    return digest([*parts, *_checked(connection, cell_id)])


def _checked(connection: Connection, cell_id: int) -> list[object]:
    """The outcome of conformance checks that a cell refers to; nothing where it refers to none, as all did once."""
    if migrations.version(connection) < FIRST_CHECKED:
        return []
    table = schema.cell_conformance.c
    uid = connection.execute(select(table.uid).where(table.cell_id == cell_id)).scalar()
    return [] if uid is None else ["conformance", uid]


def of_run(connection: Connection, run_id: str) -> str:
    """The digest of a run with its facts."""
    fact = schema.run_fact.c
    facts = select(fact.name, fact.value).where(fact.run_id == run_id).order_by(fact.name)
    return digest(
        [*_row(connection, schema.run, run_id), *(value for row in connection.execute(facts) for value in row)]
    )


def of_suite(connection: Connection, suite_id: int) -> str:
    """The digest of a suite with its text."""
    return digest(_row(connection, schema.suite, suite_id))


def of_asset(connection: Connection, key: str, content: str) -> str:
    """The digest of an asset's row."""
    table = schema.asset
    query = select(table).where(table.c.key == key, table.c.content == content)
    return digest(connection.execute(query).one())


def of_conformance(connection: Connection, uid: str) -> str:
    """The digest of an outcome of conformance checks."""
    table = schema.conformance
    return digest(connection.execute(select(table).where(table.c.uid == uid)).one())


def of_labs(connection: Connection) -> str:
    """The digest of the store's own id and the names of labs."""
    named = select(schema.lab_name).order_by(schema.lab_name.c.lab)
    rows = [*connection.execute(select(schema.lab)), *connection.execute(named)]
    return digest([value for row in rows for value in row])


def _row(connection: Connection, table: Table, key: object) -> Row[tuple[object, ...]]:
    return connection.execute(select(table).where(table.c.id == key)).one()


# How seals are written


def run(connection: Connection, run_id: str) -> None:
    """Seals a run as it is now."""
    put(connection, "run", run_id, of_run(connection, run_id))


def suite(connection: Connection, suite_id: int) -> None:
    """Seals the text of a suite."""
    put(connection, "suite", str(suite_id), of_suite(connection, suite_id))


def asset(connection: Connection, key: str, content: str) -> None:
    """Seals an asset."""
    put(connection, "asset", f"{key}/{content}", of_asset(connection, key, content))


def conformance(connection: Connection, uid: str) -> None:
    """Seals an outcome of conformance checks."""
    put(connection, "conformance", uid, of_conformance(connection, uid))


def labs(connection: Connection) -> None:
    """Seals the names of labs."""
    put(connection, *LABS, of_labs(connection))


def put(connection: Connection, kind: str, name: str, value: str) -> None:
    """Notes a digest, in the place of an earlier one of that kind and name."""
    connection.execute(PUT, {"kind": kind, "name": name, "digest": value})


def new_cell(connection: Connection, cell_id: int) -> None:
    """Seals a cell that has no block yet."""
    values = {"cell_id": cell_id, "blocks": 0, "total": added("0", ()), "digest": of_cell(connection, cell_id)}
    connection.execute(insert(schema.cell_seal).values(values))


def cell(connection: Connection, cell_id: int) -> None:
    """Seals the columns of a cell as they are now; its blocks stay as they were sealed."""
    table = schema.cell_seal
    connection.execute(update(table).where(table.c.cell_id == cell_id).values(digest=of_cell(connection, cell_id)))


def add_block(connection: Connection, cell_id: int, block_id: int, value: str) -> None:
    """Notes the digest of a block that is new."""
    connection.execute(insert(schema.block_seal).values(block_id=block_id, digest=value))
    _count(connection, cell_id, 1, value)


def drop_block(connection: Connection, cell_id: int, block_id: int) -> None:
    """Forgets the digest of a block that gives way."""
    table = schema.block_seal
    value = connection.execute(select(table.c.digest).where(table.c.block_id == block_id)).scalar()
    connection.execute(delete(table).where(table.c.block_id == block_id))
    if value is not None:
        _count(connection, cell_id, -1, value)


def _count(connection: Connection, cell_id: int, sign: int, value: str) -> None:
    """Moves the number and the sum of a cell's blocks; a cell without a seal, which a check finds, keeps none."""
    table = schema.cell_seal
    row = connection.execute(select(table.c.blocks, table.c.total).where(table.c.cell_id == cell_id)).first()
    if row is not None:
        try:
            values = {"blocks": row.blocks + sign, "total": added(row.total, (value,), sign)}
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"cell {cell_id}: expected the sum of its digests, got none; see `trustdm db check`"
            ) from error
        connection.execute(update(table).where(table.c.cell_id == cell_id).values(values))


def added(total: str, digests: Iterable[str], sign: int = 1) -> str:
    """A sum of digests with others added (or taken away), as hex; the order does not matter."""
    value = int(total, 16) + sign * sum(int(d, 16) for d in digests)
    return f"{value % (1 << WIDTH):0{WIDTH // 4}x}"
