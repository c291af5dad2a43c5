"""Whether a store holds what it says it holds; every problem is one line."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from trustdm.bench.errors import StoreError
from trustdm.bench.store import assets, consistency, reading, schema
from trustdm.bench.store.consistency import RecordFault, no_fault
from trustdm.bench.store.rows import CellRow
from trustdm.bench.store.shards import Shards


def problems(connection: Connection, shards: Shards | None, record_fault: RecordFault = no_fault) -> Iterator[str]:
    """Every problem: damaged file, broken reference, cell, block, record or artefact that is not what it should be."""
    yield from _file(connection)
    cells = reading.cells(connection)
    stored = connection.execute(select(func.count()).select_from(schema.cell)).scalar_one()
    if stored != len(cells):
        yield f"cells: expected each with its suite and method, got {stored - len(cells)} without"
    for row in cells:
        yield from _cell(row, {c.id: c for c in cells})
        yield from _blocks(connection, row, record_fault)
    yield from _records(connection)
    yield from _assets(connection)
    yield from _artefacts(connection, shards)


def _file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars():
        if line != "ok":
            yield f"integrity: {line}"
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        yield f"{table}: row {row or 'without number'}: expected a row of {parent} that it refers to, got none"


def _cell(row: CellRow, cells: dict[int, CellRow]) -> Iterator[str]:
    where, identity = f"cell {row.id}", row.identity
    if identity.key != row.key:
        yield f"{where}: key: expected {identity.key} (the SHA-256 of its identity), got {row.key}"
    if (row.card.get("name"), row.card.get("version")) != (identity.method, identity.method_version):
        yield f"{where}: card: expected that of {identity.method} {identity.method_version}, got {row.card.get('name')}"
    corrected = cells.get(row.supersedes) if row.supersedes is not None else None
    same = corrected is not None and (corrected.key, corrected.lab) == (row.key, row.lab) and corrected.id != row.id
    if row.supersedes is not None and not same:
        yield f"{where}: supersedes: expected another attempt at the same cell by its lab, got cell {row.supersedes}"


def _blocks(connection: Connection, row: CellRow, record_fault: RecordFault) -> Iterator[str]:
    reached = 0
    for start, block in reading.blocks(connection, row.id).items():
        where = f"cell {row.id}, block {start}..{block.block.stop}"
        if start < reached:
            yield f"{where}: expected to start at {reached} or later, got an overlap"
        if block.block.stop > row.planned:
            yield f"{where}: expected to end at {row.planned} at most"
        reached = block.block.stop
    try:
        records = reading.by_block(connection, row.id)
    except StoreError as error:
        yield f"cell {row.id}: {error}"
        return
    for start, part in records.items():
        problem = consistency.problem(part) or record_fault(row.identity.protocol, part)
        if problem:
            yield f"cell {row.id}, block at {start}: {problem}"


def _records(connection: Connection) -> Iterator[str]:
    record, block = schema.record.c, schema.block.c
    groups = select(record.cell_id, record.block_id, record.probe_id, record.draw, func.count())
    counts: dict[tuple[int, int], list[int]] = defaultdict(list)
    by = (record.cell_id, record.block_id, record.probe_id, record.draw)
    for cell_id, block_id, _, _, count in connection.execute(groups.group_by(*by)):
        counts[cell_id, block_id].append(count)
    columns = [block.cell_id, block.id, block.start, block.stop, block.records]
    for cell_id, block_id, start, stop, total in connection.execute(select(*columns).order_by(block.id)):
        found = counts.pop((cell_id, block_id), [])
        where = f"cell {cell_id}, block {start}..{stop}"
        if sum(found) != total:
            yield f"{where}: expected {total} records, got {sum(found)}"
        elif any(count != stop - start for count in found):
            yield f"{where}: expected {stop - start} records of each probe and draw, got {sorted(set(found))}"
    for cell_id, block_id in counts:
        yield f"cell {cell_id}: {sum(counts[cell_id, block_id])} records of block {block_id}: expected such a block"


def _assets(connection: Connection) -> Iterator[str]:
    for row in assets.rows(connection):
        key = hashlib.sha256(row.identity.encode()).hexdigest()
        if key != row.key:
            yield f"asset {row.key[:12]}: expected {key} (the SHA-256 of its identity), got {row.key}"


def _artefacts(connection: Connection, shards: Shards | None) -> Iterator[str]:
    table = schema.artefact.c
    used = connection.execute(select(table.digest).distinct()).scalars().all()
    sizes = {key: value for key, value in connection.execute(select(schema.shard.c.digest, schema.shard.c.bytes))}
    if used and shards is None:
        yield f"artefacts: expected a folder with {len(used)} shards, got none; say where they are"
        return
    for digest in sorted(used) if shards else ():
        problem = shards.problem(digest, sizes.get(digest, -1)) if shards else ""
        if problem:
            yield problem
    for row in connection.execute(select(schema.artefact).order_by(table.block_id, table.name)):
        if row.byte_offset < 0 or row.byte_offset + row.nbytes > sizes.get(row.digest, -1):
            yield f"block {row.block_id}, artefact {row.name!r}: expected to lie within its shard, got beyond its end"
