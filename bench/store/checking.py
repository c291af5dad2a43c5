"""Whether a store holds what it says it holds, and whether that can be; every problem is one line."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from trustdm.bench.conforms import UNREADABLE, fault
from trustdm.bench.errors import StoreError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.records import Records
from trustdm.bench.store import assets, conformances, consistency, examining, reading, schema, sealing
from trustdm.bench.store.account import Kind
from trustdm.bench.store.rows import CellRow
from trustdm.bench.store.shards import Shards

if TYPE_CHECKING:
    from trustdm.bench.store.examiner import Examiner

Line = tuple[Kind, str]


@dataclass(frozen=True)
class Checked:
    """What a check found, in lines: what cannot be, what is unlikely, and what could not be told on this machine."""

    problems: list[str]
    doubts: list[str]
    unchecked: list[str]


def checked(connection: Connection, shards: Shards | None, examiner: Examiner | None = None) -> Checked:
    """Everything that can be seen of a store; without an ``examiner`` whether it holds together, and no more."""
    lines = [(kind, " ".join(line.split())) for kind, line in _problems(connection, shards, examiner)]
    unread = [] if examiner is None else [*sealing.notes(connection), *examiner.unread()]
    of_kind = {kind: [line for found, line in lines if found == kind] for kind in ("fault", "doubt", "unchecked")}
    return Checked(of_kind["fault"], of_kind["doubt"], [*of_kind["unchecked"], *unread])


def _problems(connection: Connection, shards: Shards | None, examiner: Examiner | None) -> Iterator[Line]:
    parts: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("the file", partial(_file, connection)),
        ("digests", partial(sealing.problems, connection)),
        ("cells", partial(_cells, connection)),
        ("records", partial(_records, connection)),
        ("assets", partial(_assets, connection)),
        ("conformance", partial(_conformance, connection)),
        ("artefacts", partial(_artefacts, connection, shards)),
    ]
    for where, lines in parts:
        yield from (("fault", line) for line in sealing.guarded(where, lines))
    if examiner:
        yield from _of_runs(connection, examiner)
    for cell_id in connection.execute(select(schema.cell.c.id).order_by(schema.cell.c.id)).scalars().all():
        yield from _of_cell(connection, shards, cell_id, examiner)


def _of_runs(connection: Connection, examiner: Examiner) -> Iterator[Line]:
    try:
        for run in reading.runs(connection):
            yield from ((found.kind, found.at(f"run {run.id}", ", ")) for found in examiner.run(run))
    except sealing.DAMAGE as error:
        yield "fault", sealing.unreadable("runs", error)


def _of_cell(connection: Connection, shards: Shards | None, cell_id: int, examiner: Examiner | None) -> Iterator[Line]:
    """What is wrong with a cell: first with its digests, then with what it says."""
    try:
        records = reading.by_block(connection, cell_id)
        changed = list(sealing.of_cell(connection, cell_id, records))
        yield from (("fault", line) for line in changed)
        row = reading.cell(connection, cell_id)
        faults = list(_records_of_blocks(row, records))
        yield from (("fault", line) for line in faults)
        if examiner and not faults:
            yield from _examined(connection, shards, row, records, examiner)
    except sealing.DAMAGE as error:
        yield "fault", sealing.unreadable(f"cell {cell_id}", error)


def _examined(
    connection: Connection, shards: Shards | None, row: CellRow, records: Mapping[int, Records], examiner: Examiner
) -> Iterator[Line]:
    """What an examiner says of a cell; one whose arrays cannot be read was named before."""
    try:
        found = examiner.cell(examining.of_store(connection, shards, row, records))
    except StoreError:
        return
    for each in found:
        extent = each.block
        yield each.kind, each.at(f"cell {row.id}" + (f", block {extent.start}..{extent.stop}" if extent else ""), ", ")


def _cells(connection: Connection) -> Iterator[str]:
    """Broken reference, cell or block that is not what it should be."""
    yield from reading.unreadable(connection)
    cells = reading.cells(connection, hidden=True)
    stored = connection.execute(select(func.count()).select_from(schema.cell)).scalar_one()
    if stored != len(cells) + len(reading.unreadable(connection)):
        yield f"cells: expected each with its suite and method, got {stored - len(cells)} without"
    for row in cells:
        yield from _cell(row, {c.id: c for c in cells})
        yield from _blocks(connection, row)
    for method in connection.execute(select(schema.method)):
        values = {name: getattr(method, name) for name in ("name", "version", "params", "card")}
        if sha256_of(values) != method.digest:
            digest = f"{sha256_of(values)[:12]} (the SHA-256 of its texts)"
            yield f"method {method.id}: digest: expected {digest}, got {str(method.digest)[:12]}"


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


def _blocks(connection: Connection, row: CellRow) -> Iterator[str]:
    reached = 0
    for start, block in reading.blocks(connection, row.id).items():
        where = f"cell {row.id}, block {start}..{block.block.stop}"
        if start < reached:
            yield f"{where}: expected to start at {reached} or later, got an overlap"
        if block.block.stop > row.planned:
            yield f"{where}: expected to end at {row.planned} at most"
        reached = block.block.stop


def _records_of_blocks(row: CellRow, records: Mapping[int, Records]) -> Iterator[str]:
    for start, part in records.items():
        if problem := consistency.problem(part):
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


def _conformance(connection: Connection) -> Iterator[str]:
    """Outcomes of checks that cannot be read, or that a cell of another method refers to."""
    for found in conformances.rows(connection):
        if UNREADABLE in found.failed:
            yield f"conformance {found.uid}: expected a list of [name, outcome, message], got something else"
    for row in reading.cells(connection, hidden=True):
        if row.conformance is None:
            continue
        words = fault(row.conformance.about, row.conformance.key, row.identity, row.code_digest)
        if words or row.conformance.lab != row.lab:
            yield f"cell {row.id}: conformance: {words or f'expected that of lab {row.lab}, got another one'}"


def _artefacts(connection: Connection, shards: Shards | None) -> Iterator[str]:
    table = schema.artefact.c
    used = connection.execute(select(table.digest).distinct()).scalars().all()
    sizes = {key: value for key, value in connection.execute(select(schema.shard.c.digest, schema.shard.c.bytes))}
    if used and (shards is None or not shards.folder.is_dir()):
        where = f" at {shards.folder}" if shards else ""
        yield f"artefacts: expected a folder with {len(used)} shards, got none{where}; say where they are"
        return
    for digest in sorted(used) if shards else ():
        problem = shards.problem(digest, sizes.get(digest, -1)) if shards else ""
        if problem:
            yield problem
    for row in connection.execute(select(schema.artefact).order_by(table.block_id, table.name)):
        if row.byte_offset < 0 or row.byte_offset + row.nbytes > sizes.get(row.digest, -1):
            yield f"block {row.block_id}, artefact {row.name!r}: expected to lie within its shard, got beyond its end"
