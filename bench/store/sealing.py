"""Computes the digests of ``seals`` again from what is stored: once where a database has none yet, and to compare.

What was changed in the file may no longer be of the kind that it was: whatever goes wrong while it is read is a line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, delete, inspect, select
from sqlalchemy.exc import DatabaseError, NoResultFound

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import conformances, migrations, reading, schema, seals, writing

DAMAGE = (StoreError, DatabaseError, NoResultFound, ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What reading raises where a file was changed: by SQLite, by Python, or by us."""
SHOWN = 12
"""So many digits of a digest are shown."""


def guarded(where: str, lines: Callable[[], Iterable[str]]) -> Iterator[str]:
    """The lines, and one more where what they are about cannot be read."""
    try:
        yield from lines()
    except DAMAGE as error:
        yield unreadable(where, error)


def unreadable(where: str, error: BaseException) -> str:
    """The line about what cannot be read."""
    if isinstance(error, StoreError):
        return f"{where}: {error}"
    told = " ".join(str(getattr(error, "orig", None) or error).split())[:160]
    return f"{where}: expected data as they were stored, got some that cannot be read: {type(error).__name__}: {told}"


# Once


def complete(connection: Connection) -> None:
    """Seals all that a database holds which was brought up from a schema without seals; nothing where that was done."""
    pending = _is(*seals.PENDING)
    if connection.execute(select(schema.seal.c.name).where(pending)).first() is None:
        return
    connection.execute(delete(schema.seal).where(pending))
    for (kind, name), now in _single(connection).items():
        with suppress(*DAMAGE):  # what cannot be read gets no seal, and a check names it
            seals.put(connection, kind, name, now())
    count = 0
    for cell_id in connection.execute(select(schema.cell.c.id)).scalars().all():
        count += 1
        with suppress(*DAMAGE):
            _seal_cell(connection, cell_id)
    if count:
        seals.put(connection, *seals.SINCE, writing.now())


def _is(kind: str, name: str) -> Any:
    return (schema.seal.c.kind == kind) & (schema.seal.c.name == name)


def _single(connection: Connection) -> dict[tuple[str, str], Callable[[], str]]:
    """What is sealed one by one, by kind and name, each with how its digest is computed."""
    found: dict[tuple[str, str], Callable[[], str]] = {seals.LABS: partial(seals.of_labs, connection)}
    for key in connection.execute(select(schema.run.c.id)).scalars().all():
        found["run", key] = partial(seals.of_run, connection, key)
    for number in connection.execute(select(schema.suite.c.id)).scalars().all():
        found["suite", str(number)] = partial(seals.of_suite, connection, number)
    for key, content in connection.execute(select(schema.asset.c.key, schema.asset.c.content)).all():
        found["asset", f"{key}/{content}"] = partial(seals.of_asset, connection, key, content)
    for outcome in conformances.rows(connection):
        found["conformance", outcome.uid] = partial(seals.of_conformance, connection, outcome.uid)
    return found


def _seal_cell(connection: Connection, cell_id: int) -> None:
    seals.new_cell(connection, cell_id)
    records = reading.by_block(connection, cell_id)
    for stored in stored_blocks(connection, cell_id):
        with suppress(*DAMAGE):
            seals.add_block(connection, cell_id, stored.id, stored.digest(records))


# Compared


@dataclass(frozen=True)
class StoredBlock:
    """A block as its rows say it, with the digest that was noted when it was committed (None: there is none)."""

    id: int
    row: Row[Any]
    sealed: str | None
    diagnostics: Mapping[str, float]
    artefacts: list[tuple[object, ...]]

    def digest(self, records: Mapping[int, Records]) -> str:
        """Its digest as it is now; ``records`` are those of the blocks of its cell, by their start."""
        values = {name: getattr(self.row, name) for name in seals.OF_BLOCK}
        return seals.of_block(values, records[self.row.start], self.diagnostics, self.artefacts)


def stored_blocks(connection: Connection, cell_id: int) -> list[StoredBlock]:
    """The blocks of a cell, in order."""
    block, sealed, of_cell = schema.block, schema.block_seal.c, schema.block.c.cell_id == cell_id
    counts: dict[int, dict[str, float]] = defaultdict(dict)
    diagnostic, artefact = schema.diagnostic, schema.artefact
    told = select(diagnostic.c.block_id, diagnostic.c.name, diagnostic.c.value).join_from(diagnostic, block)
    for key, name, value in connection.execute(told.where(of_cell)):
        counts[key][name] = value
    pieces: dict[int, list[tuple[object, ...]]] = defaultdict(list)
    columns = [artefact.c[name] for name in writing.PIECE]
    kept = select(artefact.c.block_id, *columns).join_from(artefact, block)
    for key, *rest in connection.execute(kept.where(of_cell)):
        pieces[key].append(tuple(rest))
    query = select(block, sealed.digest.label("sealed")).join_from(block, schema.block_seal, isouter=True)
    rows = connection.execute(query.where(of_cell).order_by(block.c.start)).all()
    return [StoredBlock(row.id, row, row.sealed, counts.get(row.id, {}), pieces.get(row.id, [])) for row in rows]


def problems(connection: Connection) -> Iterator[str]:
    """Whatever is not what was sealed, cells and their blocks aside."""
    if not seals.kept(connection):
        if inspect(connection).has_table("seal"):
            yield f"schema_version: expected {seals.FIRST_SCHEMA} or more, for there are digests, got less"
        return
    noted = {(kind, name): value for kind, name, value in connection.execute(select(schema.seal))}
    if seals.PENDING in noted:
        yield "digests: expected those of what was stored before, got none; open the database for writing once"
        return
    found = _single(connection)
    for (kind, name), now in found.items():
        where = _place(kind, name)
        yield from guarded(where, partial(_compared, where, noted.get((kind, name)), now))
    for kind, name in sorted(noted.keys() - found.keys() - {seals.SINCE}, key=str):
        yield f"{_place(kind, name)}: expected it as it was stored, got none"
    known = set(connection.execute(select(schema.cell.c.id)).scalars())
    for cell_id in connection.execute(select(schema.cell_seal.c.cell_id)).scalars().all():
        if cell_id not in known:
            yield f"cell {cell_id}: expected it as it was stored, got none"


def _place(kind: object, name: object) -> str:
    """A name in one line; it may have been damaged."""
    words = repr(name)[1:-1] if isinstance(name, str) else repr(name)
    return "labs" if (kind, name) == seals.LABS else f"{kind!s} {words[:40]}"


def of_cell(connection: Connection, cell_id: int, records: Mapping[int, Records]) -> Iterator[str]:
    """Whatever of a cell is not what was sealed; ``records`` are those of its blocks, by their start."""
    if not seals.kept(connection):
        return
    where, table = f"cell {cell_id}", schema.cell_seal
    row = connection.execute(select(table).where(table.c.cell_id == cell_id)).first()
    sealed = None if row is None else row.digest
    yield from guarded(where, partial(_compared, where, sealed, partial(seals.of_cell, connection, cell_id)))
    blocks = stored_blocks(connection, cell_id)
    for block in blocks:
        at = f"{where}, block {block.row.start}..{block.row.stop}"
        yield from guarded(at, partial(_compared, at, block.sealed, partial(block.digest, records)))
    if row is not None:
        yield from guarded(where, partial(_counted, where, row, blocks))


def _counted(where: str, row: Row[Any], blocks: list[StoredBlock]) -> Iterator[str]:
    if row.blocks != len(blocks):
        yield f"{where}: expected the {row.blocks} blocks that were committed, got {len(blocks)}"
    elif row.total != seals.added("0", (block.sealed for block in blocks if block.sealed is not None)):
        yield f"{where}: expected the blocks that were committed, got others in their place"


def _compared(where: str, sealed: object, compute: Callable[[], str]) -> Iterator[str]:
    now = compute()
    if sealed is None:
        yield f"{where}: expected the digest that was noted when it was stored, got none"
    elif sealed != now:
        got = f"{now[:SHOWN]} now; it was changed since"
        yield f"{where}: expected the digest {str(sealed)[:SHOWN]} of what was stored, got {got}"


def notes(connection: Connection) -> list[str]:
    """What the digests cannot tell: what was there before there were any."""
    if not seals.kept(connection):
        found = f"a database of schema {migrations.version(connection)} has none; opening it for writing adds them"
        return [f"changes of what is stored: not compared with digests: {found}"]
    since = connection.execute(select(schema.seal.c.digest).where(_is(*seals.SINCE))).scalar()
    return [f"changes before {since}: not compared: the digests of older results were computed then"] if since else []
