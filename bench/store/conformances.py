"""Outcomes of conformance checks in the database: which there are, and which cells refer to which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from trustdm.bench.conforms import Conformance, checks_from, checks_text
from trustdm.bench.store import migrations, schema, seals


def there(connection: Connection) -> bool:
    """Whether the schema of the database has them; in an older one that is only read no method was checked."""
    return migrations.version(connection) >= seals.FIRST_CHECKED


def add(connection: Connection, found: Conformance) -> None:
    """Stores an outcome; one of that uid that is there already stays as it is."""
    table = schema.conformance
    if connection.execute(select(table.c.uid).where(table.c.uid == found.uid)).first() is not None:
        return
    values = {
        "uid": found.uid,
        "lab": found.lab,
        "key": found.key,
        "about": found.about,
        "created": found.created,
        "device": found.device,
        "seconds": float(found.seconds),
        "checks": checks_text(found.checks),
    }
    connection.execute(insert(table).values(**values))
    seals.conformance(connection, found.uid)


def link(connection: Connection, found: Conformance, cells: Iterable[int]) -> None:
    """Stores an outcome, and that these cells refer to it, in the place of another one."""
    add(connection, found)
    table = schema.cell_conformance
    for cell_id in cells:
        connection.execute(delete(table).where(table.c.cell_id == cell_id))
        connection.execute(insert(table).values(cell_id=cell_id, uid=found.uid))
        seals.cell(connection, cell_id)


def newest(connection: Connection, key: str, lab: str) -> Conformance | None:
    """What a lab found last about a key."""
    table = schema.conformance
    query = select(table).where(table.c.key == key, table.c.lab == lab)
    row = connection.execute(query.order_by(table.c.created.desc(), table.c.uid).limit(1)).first()
    return None if row is None else _read(row)


def of_uid(connection: Connection, uid: str) -> Conformance | None:
    """The outcome of that uid."""
    row = connection.execute(select(schema.conformance).where(schema.conformance.c.uid == uid)).first()
    return None if row is None else _read(row)


def of_cells(connection: Connection, ids: Sequence[int] | None = None) -> dict[int, Conformance]:
    """The outcome that each cell (of these) refers to, by its id; none of cells whose method was not checked."""
    if not there(connection):
        return {}
    used = schema.cell_conformance.c
    query = select(used.cell_id, *schema.conformance.c).join_from(schema.cell_conformance, schema.conformance)
    if ids is not None:
        query = query.where(used.cell_id.in_(ids))
    return {row.cell_id: _read(row) for row in connection.execute(query)}


def uids(connection: Connection) -> dict[int, str]:
    """The uid of the outcome that each cell refers to, by the cell's id."""
    if not there(connection):
        return {}
    used = schema.cell_conformance.c
    return {cell_id: uid for cell_id, uid in connection.execute(select(used.cell_id, used.uid))}


def rows(connection: Connection) -> list[Conformance]:
    """Every outcome, in the order of their uids."""
    if not there(connection):
        return []
    table = schema.conformance
    return [_read(row) for row in connection.execute(select(table).order_by(table.c.uid))]


def _read(row: Row[Any]) -> Conformance:
    return Conformance(
        uid=str(row.uid),
        lab=str(row.lab),
        key=str(row.key),
        about=str(row.about),
        created=str(row.created),
        device=str(row.device),
        seconds=float(row.seconds) if isinstance(row.seconds, int | float) else math.nan,
        checks=checks_from(row.checks),
    )
