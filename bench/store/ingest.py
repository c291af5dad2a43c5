"""Records on their way in: what is checked before, and the fastest insert that SQLAlchemy Core lets through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import schema, seals, writing
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.shards import Piece
from trustdm.bench.types import Block, Status

COLUMNS = ("cell_id", "block_id", "example", "draw", "probe_id", "status", "label", "value", "norm")
ROWS_A_STATEMENT = 100
"""Several rows to a statement are two to three times as fast; 900 values are within every database's limit."""


def check_records(where: str, block: Block, records: Records) -> None:
    """Refuses records that are not one row for each example of the block, for every (probe, draw) they speak of.

    Raises:
        StoreError: which column, what was expected, what was got.
    """
    size = len(np.unique(records.example))
    if size != len(block):
        raise StoreError(f"{where}: expected records of {len(block)} examples, got {size}")
    names, codes = np.unique(records.probe, return_inverse=True)
    order = np.lexsort((records.example, records.draw, codes))
    rows = np.stack([codes[order], records.draw[order], records.example[order]])
    moved = rows[:, 1:] != rows[:, :-1]
    first = np.flatnonzero(np.append(True, moved[:2].any(axis=0)))
    counts = np.diff(np.append(first, rows.shape[1]))
    if not moved.any(axis=0).all() or (counts != len(block)).any():
        odd = int(np.argmax(counts != len(block)))
        name, draw = names[rows[0, first[odd]]], rows[1, first[odd]]
        raise StoreError(
            f"{where}: probe {str(name)!r}, draw {draw}: expected each example once, got {counts[odd]} rows"
        )
    for name, wrong in _out_of_range(records).items():
        if wrong.any():
            raise StoreError(f"{where}: {name}, got {getattr(records, name.split()[0])[wrong][0]}")


def _out_of_range(records: Records) -> dict[str, NDArray[np.bool_]]:
    return {
        "example expected at least 0": records.example < 0,
        "draw expected at least 0": records.draw < 0,
        f"status expected 0 to {max(Status)}": (records.status < 0) | (records.status > max(Status)),
        "label expected at least -1": (records.label < -1) | (records.label > np.iinfo(np.int32).max),
        "norm expected at least 0": records.norm < 0,
    }


def add_records(connection: Connection, cell_id: int, block_id: int, records: Records) -> None:
    """Stores the records of a block: plain tuples in the order of the primary key, many rows to a statement."""
    names, codes = np.unique(records.probe, return_inverse=True)
    probes = np.array([_probe(connection, str(name)) for name in names], dtype=np.int64)[codes]
    order = np.lexsort((probes, records.draw, records.example))
    columns: list[Iterable[object]] = [
        c[order].tolist() for c in (records.example, records.draw, probes, records.status)
    ]
    columns += [
        _nullable(records.label[order], records.label[order] < 0),
        _nullable(records.value[order], np.isnan(records.value[order])),
        _nullable(records.norm[order], np.isnan(records.norm[order])),
    ]
    rows = list(zip(repeat(cell_id), repeat(block_id), *columns, strict=False))
    whole = len(rows) - len(rows) % ROWS_A_STATEMENT
    parts = [tuple(chain.from_iterable(rows[i : i + ROWS_A_STATEMENT])) for i in range(0, whole, ROWS_A_STATEMENT)]
    if parts:
        connection.exec_driver_sql(_insert_sql(connection, ROWS_A_STATEMENT), parts)
    if rows[whole:]:
        connection.exec_driver_sql(_insert_sql(connection, 1), rows[whole:])


def add_block(
    connection: Connection,
    cell_id: int,
    row: BlockRow,
    records: Records,
    diagnostics: Mapping[str, float],
    pieces: Sequence[Piece],
) -> None:
    """Stores a block with all that belongs to it, and seals it; ``pieces`` say where its arrays lie."""
    values = writing.block_values(row, len(records))
    block_id = writing.add_block(connection, cell_id, row, len(records))
    add_records(connection, cell_id, block_id, records)
    writing.add_diagnostics(connection, block_id, diagnostics)
    writing.add_artefacts(connection, block_id, pieces)
    counts = {name: float(value) for name, value in diagnostics.items()}
    sealed = seals.of_block(values, records, counts, [writing.piece_values(piece) for piece in pieces])
    seals.add_block(connection, cell_id, block_id, sealed)


def _insert_sql(connection: Connection, rows: int) -> str:
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(COLUMNS))})"
    return f"INSERT INTO record ({', '.join(COLUMNS)}) VALUES {', '.join([row] * rows)}"


def _nullable(values: NDArray[np.generic], none: NDArray[np.bool_]) -> list[object]:
    plain = values.astype(object)
    plain[none] = None
    return list(plain.tolist())


def _probe(connection: Connection, name: str) -> int:
    return writing.same_or_new(connection, schema.probe, {"name": name}, {})
